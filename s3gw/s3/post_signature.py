"""Who signed a form: the signature over its policy.

The rule: what is signed is the policy as it stands in the form, byte for byte; whether the form
keeps to it is the policy's own question (s3gw.s3.post_policy).
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from s3gw.s3.errors import InvalidArgument
from s3gw.s3.form_fields import missing_field
from s3gw.s3.payload import UNSIGNED, PayloadMode
from s3gw.s3.signature import Claim, SignatureRules, only_region, require_v2
from s3gw.s3.signing import (
    ALGORITHM,
    DerivedKey,
    mismatch,
    parse_basic,
    same,
    secret_bytes,
    signing_key,
)
from s3gw.s3.sigv4 import IN_FORM, Credential, check_date, read_credential

_V4 = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature")
_V2 = ("AWSAccessKeyId", "Signature")


@dataclass(frozen=True, slots=True)
class PolicyClaim:
    """A signature over a policy, not yet verified (see s3gw.s3.signature.Claim)."""

    access_key: str
    signature: str = field(repr=False)
    policy: str
    """As it stands in the form."""
    credential: Credential | None
    """None: Signature Version 2."""
    presigned: bool = False
    payload: PayloadMode = UNSIGNED
    ordinary_in_query: frozenset[str] = frozenset()

    def covers(self, subresource: str) -> bool:
        """A form uploads, and nothing else."""
        return not subresource

    def verify(self, secret: str, derived: DerivedKey | None = None) -> None:
        """See Claim.verify.  The file has no signature of its own; forms are few."""
        del derived
        text = self.policy.encode("utf-8")
        if not same(self._calculated(secret, text), self.signature):
            raise mismatch(self.signature, text, access_key=self.access_key)

    def _calculated(self, secret: str, text: bytes) -> str:
        if self.credential is None:
            digest = hmac.digest(secret_bytes(secret), text, "sha1")
            return base64.b64encode(digest).decode("ascii")
        key = signing_key(secret, self.credential.date, self.credential.region)
        return hmac.digest(key, text, "sha256").hex()


def read_form_claim(fields: Mapping[str, str], rules: SignatureRules) -> Claim | None:
    """The claim of a form, by its fields (lower-case names); None if nobody signed it.

    Raises InvalidArgument, InvalidRequest (no Version 2 here).
    """
    named = [name for name in (*_V4, *_V2) if name.lower() in fields]
    if "policy" not in fields:
        if named:
            raise missing_field("Policy")
        return None
    if any(name in _V4 for name in named):
        return _read_v4(fields, rules)
    require_v2(rules)
    values = _required(fields, _V2)
    return PolicyClaim(values["AWSAccessKeyId"], values["Signature"], fields["policy"], None)


def _read_v4(fields: Mapping[str, str], rules: SignatureRules) -> PolicyClaim:
    values = _required(fields, _V4)
    algorithm, date = values["X-Amz-Algorithm"], values["X-Amz-Date"]
    if algorithm != ALGORITHM:
        raise InvalidArgument(
            f'X-Amz-Algorithm only supports "{ALGORITHM}"',
            ArgumentName="X-Amz-Algorithm",
            ArgumentValue=algorithm,
        )
    credential = read_credential(values["X-Amz-Credential"], IN_FORM, only_region(rules))
    if parse_basic(date) is None:
        raise InvalidArgument(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            ArgumentName="X-Amz-Date",
            ArgumentValue=date,
        )
    check_date(credential, date, IN_FORM)
    return PolicyClaim(
        credential.access_key, values["X-Amz-Signature"], fields["policy"], credential
    )


def _required(fields: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    for name in names:
        if not fields.get(name.lower()):
            raise missing_field(name)
    return {name: fields[name.lower()] for name in names}
