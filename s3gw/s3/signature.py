"""Who a request claims to be: the one entry to all signatures.

The rule: whatever can be refused without the secret is refused before anybody asks for it, and a
claim is worth nothing until verify() has returned.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from s3gw.s3 import sigv2, sigv4
from s3gw.s3.checksums import PREFIX as CHECKSUM
from s3gw.s3.errors import AccessDenied, InvalidArgument, InvalidRequest
from s3gw.s3.payload import CONTENT_SHA256, PayloadMode
from s3gw.s3.request import Headers, Request, Target
from s3gw.s3.signing import ALGORITHM, DerivedKey, Signing, as_wire

_V4_MARKS = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-signature"})
_V2_MARKS = frozenset({"AWSAccessKeyId", "Signature"})

_NOT_HOISTED = sigv4.PARAMETERS | {
    CONTENT_SHA256,
    "x-amz-security-token",
    # JavaScript's SDK puts the checksum of an empty body into every URL it presigns; AWS looks
    # at neither that nor the algorithm that goes with it.
    "x-amz-sdk-checksum-algorithm",
}
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class SignatureRules:
    """Which signatures are accepted."""

    region: str
    """The region that clients are told of."""
    strict_region: bool = False
    """Refuse V4 signatures for any other region."""
    signature_v2: bool = True
    """Accept Signature Version 2."""


class Claim(Protocol):
    """What a request says of itself before the secret is known."""

    @property
    def access_key(self) -> str:
        """The access key id, which may appear in logs."""

    @property
    def presigned(self) -> bool:
        """The signature stands in the query."""

    @property
    def payload(self) -> PayloadMode:
        """How the body is sent."""

    @property
    def ordinary_in_query(self) -> frozenset[str]:
        """Names beside x-amz-* that act as headers where a presigned URL carries them."""

    def covers(self, subresource: str) -> bool:
        """Whether the signature speaks for that sub-resource (empty: none) in the query."""

    def verify(self, secret: str, derived: DerivedKey | None = None) -> Signing | None:
        """Check the signature; V4 returns what the chunk signatures of the body go on from.

        `derived`: what is kept with the secret, so that its key is not derived each time.
        Raises SignatureDoesNotMatch, with what was signed here.
        """


def read_claim(
    request: Request, target: Target, rules: SignatureRules, now: datetime
) -> Claim | None:
    """The claim of a request, None if it is anonymous; `now` is aware.

    Raises AccessDenied, AuthorizationHeaderMalformed, AuthorizationQueryParametersError,
    InvalidArgument, InvalidRequest, NotImplemented, RequestTimeTooSkewed.
    """
    authorizations = request.headers.all("authorization")
    v4_query, v2_query = _marks(request)
    if len(authorizations) + v4_query + v2_query > 1:
        raise InvalidArgument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified",
            ArgumentName="Authorization",
        )
    if authorizations:
        return _read_authorization(authorizations[0], request, target, rules, now)
    if v4_query:
        return sigv4.read_query(request, only_region(rules), now)
    if v2_query:
        require_v2(rules)
        return sigv2.read_query(request, target, now)
    return None


def hoisted(request: Request, claim: Claim | None) -> Headers:
    """The headers that count: for a presigned request its query's x-amz-* act as headers too.

    A header that was sent wins over the query's.  x-amz-checksum-* and the signature's own
    parameters are left out.  Raises InvalidArgument for what cannot be a header.
    """
    if claim is None or not claim.presigned:
        return request.headers
    extra = []
    for name, value in request.query.pairs:
        lower = name.lower()
        if _acts_as_header(lower) or lower in claim.ordinary_in_query:
            if not _NAME.fullmatch(name) or _CONTROL.search(value):
                raise InvalidArgument(
                    "A query parameter cannot be used as a header.", ArgumentName=name
                )
            extra.append((lower, as_wire(value)))
    return request.headers.with_defaults(extra)


def _acts_as_header(name: str) -> bool:
    return name.startswith("x-amz-") and not name.startswith(CHECKSUM) and name not in _NOT_HOISTED


def _marks(request: Request) -> tuple[bool, bool]:
    """Whether the query carries a V4 signature, or a V2 one."""
    names = list(request.query)
    return (
        any(name.lower() in _V4_MARKS for name in names),
        any(name in _V2_MARKS for name in names),
    )


def _read_authorization(
    text: str, request: Request, target: Target, rules: SignatureRules, now: datetime
) -> Claim:
    scheme, _, rest = text.partition(" ")
    if scheme == ALGORITHM:
        return sigv4.read_header(request, rest, only_region(rules), now)
    if scheme == "AWS":
        require_v2(rules)
        return sigv2.read_header(request, target, rest, now)
    if not text:
        raise AccessDenied
    # The value is not repeated in the answer: with Basic it would hold a password.
    raise InvalidArgument("Unsupported Authorization Type", ArgumentName="Authorization")


def only_region(rules: SignatureRules) -> str | None:
    """The one region that V4 signatures may be for, None if it may be any."""
    return rules.region if rules.strict_region else None


def require_v2(rules: SignatureRules) -> None:
    """Raise InvalidRequest where Signature Version 2 is not accepted."""
    if not rules.signature_v2:
        raise InvalidRequest(
            "The authorization mechanism you have provided is not supported. "
            f"Please use {ALGORITHM}."
        )
