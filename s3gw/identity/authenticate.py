"""From a request to its caller, and from the caller to its Swift token, with S3's own errors.

The rule: a request is allowed only while its *secret* is fresh; no cached token opens a door by
itself.  With warm caches neither step does more than look into a dict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from s3gw.config import Identity
from s3gw.identity.cache import Credentials, Logins, TooManyLookups
from s3gw.identity.model import (
    Caller,
    Credential,
    IdentityRefused,
    IdentityUnavailable,
    IdentityUnclear,
    Provider,
    SwiftLogin,
)
from s3gw.s3.errors import (
    AccessDenied,
    InternalError,
    InvalidAccessKeyId,
    ServiceUnavailable,
    SignatureDoesNotMatch,
    SlowDown,
)
from s3gw.s3.post_signature import read_form_claim
from s3gw.s3.request import Request, Target
from s3gw.s3.signature import Claim, SignatureRules, read_claim
from s3gw.s3.signing import Signing

_LONGEST_KEY = 128
"""Characters of an access key: AWS's own limit, so that guesses in our memory stay small."""
_UNCLEAR = "The identity service cannot tell. Please try again."
_SILENT = "The identity service does not answer. Please try again."

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who sent a request; all None if it is anonymous."""

    caller: Caller | None
    claim: Claim | None
    signing: Signing | None
    """What the signatures of the body's chunks go on from (V4 only)."""


ANONYMOUS = Authenticated(None, None, None)


class Authenticator:
    """Callers and their logins, over a provider that it owns from then on."""

    def __init__(
        self,
        provider: Provider,
        settings: Identity,
        rules: SignatureRules,
        clock: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._rules = rules
        self._clock = clock
        self.logins = Logins(provider, settings, clock)
        self.credentials = Credentials(provider, settings, clock, self.logins.drop)

    @property
    def stale_uses(self) -> int:
        """Times that a secret served beyond secret_ttl because Keystone did not answer."""
        return self.credentials.stale_uses

    async def authenticate(self, request: Request, target: Target) -> Authenticated:
        """The verified caller of a request.

        Raises what read_claim raises, and as `verify`.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        claim = read_claim(request, target, self._rules, now)
        return ANONYMOUS if claim is None else await self.verify(claim)

    async def authenticate_form(self, fields: Mapping[str, str]) -> Authenticated:
        """The verified sender of a form, by its fields (lower-case names).

        Raises what read_form_claim raises, and as `verify`.
        """
        claim = read_form_claim(fields, self._rules)
        return ANONYMOUS if claim is None else await self.verify(claim)

    async def verify(self, claim: Claim) -> Authenticated:
        """The caller whom a claim names, if its signature is his.

        Raises InvalidAccessKeyId, SignatureDoesNotMatch, SlowDown (too many unknown keys),
        ServiceUnavailable (Keystone is silent), InternalError (Keystone refuses us).
        """
        since = self._clock()
        credential = await self._find(claim.access_key)
        try:
            return _verified(credential, claim)
        except SignatureDoesNotMatch:
            newer = await self._find(claim.access_key, outdated=credential, since=since)
            if newer.secret == credential.secret:
                raise
        return _verified(newer, claim)

    async def login(self, caller: Caller) -> SwiftLogin:
        """The caller's own token for Swift.

        Raises AccessDenied (Keystone gives none), ServiceUnavailable (Keystone is silent).
        """
        try:
            return await self.logins.get(caller.credential)
        except IdentityUnclear as error:
            _log.warning("login_unclear", access_key=caller.access_key, reason=str(error))
            raise ServiceUnavailable(_UNCLEAR) from error
        except IdentityRefused as error:
            _log.info("login_refused", access_key=caller.access_key, reason=str(error))
            raise AccessDenied from error
        except IdentityUnavailable as error:
            _log.warning("login_unavailable", access_key=caller.access_key, reason=str(error))
            raise ServiceUnavailable(_SILENT) from error

    def forget(self, caller: Caller, login: SwiftLogin) -> None:
        """Swift answered 401 to this token: drop it, unless it has been replaced already."""
        self.logins.forget(caller.credential, login)

    async def aclose(self) -> None:
        """End what is under way and close the provider."""
        await self.credentials.aclose()
        await self.logins.aclose()
        await self._provider.aclose()

    async def _find(
        self, access_key: str, outdated: Credential | None = None, since: float = 0.0
    ) -> Credential:
        """The key's credential, or what has come after an outdated one; raises as `verify`."""
        credential = None
        try:
            if outdated is not None:
                credential = await self.credentials.refetch(outdated, since)
            elif len(access_key) <= _LONGEST_KEY:
                credential = await self.credentials.find(access_key)
        except TooManyLookups as error:
            raise SlowDown from error
        except IdentityUnavailable as error:
            raise ServiceUnavailable(_SILENT) from error
        except IdentityUnclear as error:
            raise ServiceUnavailable(_UNCLEAR) from error
        except IdentityRefused as error:
            # Our own service user's trouble: neither the key nor the caller is to blame.
            raise InternalError from error
        if credential is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=access_key)
        return credential


def _verified(credential: Credential, claim: Claim) -> Authenticated:
    signing = claim.verify(credential.secret, credential.derived)
    return Authenticated(Caller(credential), claim, signing)
