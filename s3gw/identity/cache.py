"""What is remembered of Keystone: secrets for a minute, tokens until shortly before they expire.

The rule: an answer of Keystone, also a refusal, replaces what is remembered; only its silence
(IdentityUnavailable) lets old secrets go on, and for a limited time.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from s3gw.config import Identity
from s3gw.identity.flights import Flights
from s3gw.identity.model import (
    Credential,
    IdentityRefused,
    IdentityUnavailable,
    IdentityUnclear,
    Provider,
    SwiftLogin,
)

CAPACITY = 10_000
"""Entries of each cache; the least recently used one goes."""
RETRY = 5.0
"""Seconds between two attempts in the background while the first one's result still serves."""
REFUSED = 1.0
"""Seconds a refused login is not asked for again: enough to keep a hot loop off Keystone."""
LAST = 5.0
"""Seconds before its expiry from which a token is not handed out any more."""

K = TypeVar("K")
V = TypeVar("V")

_log = structlog.get_logger(__name__)


class TooManyLookups(Exception):
    """More unknown access keys in a short time than Keystone shall be asked for."""


class Allowance:
    """A token bucket: `rate` a second, and as many (at least one) at once."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._left = self._most
        self._at = -math.inf

    def take(self, now: float) -> bool:
        """Whether one more is allowed at this time (in seconds)."""
        # A clock that was set back gives nothing; it must not take anything either.
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True)
class _Secret:
    """A credential as Keystone gave it last."""

    credential: Credential
    read_at: float
    """When it was asked for: Keystone's answer is no older than that."""
    refetched_at: float = -math.inf
    """When it was last read because a signature did not match."""
    retry_at: float = -math.inf
    """While Keystone is silent: when it is to be asked again."""


class Credentials:
    """Secrets by access key, over a provider.

    `gone` is told of each credential that changed, vanished or was evicted.
    """

    def __init__(
        self,
        provider: Provider,
        settings: Identity,
        clock: Callable[[], float],
        gone: Callable[[Credential], None],
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._clock = clock
        self._gone = gone
        self._known: OrderedDict[str, _Secret] = OrderedDict()
        # Apart from the known ones: guessing must not push real keys out.
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._allowance = Allowance(settings.unknown_key_rate)
        self._flights = Flights(self._ask, settings.timeout)
        self._silent = False
        self.stale_uses = 0
        """Times that a secret served beyond secret_ttl because Keystone did not answer."""
        self.hits = 0
        """Times that what was remembered told all, also that a key is unknown."""
        self.misses = 0

    @property
    def is_silent(self) -> bool:
        """Keystone did not answer when it was last asked."""
        return self._silent

    async def find(self, access_key: str) -> Credential | None:
        """The credential, at most secret_ttl old unless Keystone is silent; None if unknown.

        Raises IdentityUnavailable, IdentityRefused, TooManyLookups.
        """
        now = self._clock()
        secret = self._known.get(access_key)
        if secret is not None:
            self._known.move_to_end(access_key)
            if self._younger(secret, now, self._settings.secret_ttl):
                self.hits += 1
                return secret.credential
            self.misses += 1
            return await self._renew(access_key, secret, now)
        learned_at = self._unknown.get(access_key)
        if learned_at is not None and 0 <= now - learned_at < self._settings.negative_ttl:
            self.hits += 1
            return None
        self.misses += 1
        if access_key not in self._flights and not self._allowance.take(now):
            raise TooManyLookups
        return await self._join(access_key)

    async def refetch(self, credential: Credential, since: float) -> Credential | None:
        """What is known by now of a credential whose secret did not match a signature.

        Reads it again unless that was done within refetch_interval or after the time `since`;
        the same credential means that the mismatch stands, None that the key is gone.
        Raises as `find` if it is not cached any more.
        """
        access_key = credential.access_key
        secret = self._known.get(access_key)
        if secret is None:
            return await self.find(access_key)
        if secret.credential.secret != credential.secret or secret.read_at >= since:
            return secret.credential
        if access_key not in self._flights:
            now = self._clock()
            if 0 <= now - secret.refetched_at < self._settings.refetch_interval:
                return credential
            secret.refetched_at = now
        try:
            return await self._join(access_key)
        except (IdentityUnavailable, IdentityRefused):
            return credential

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()

    async def _renew(self, access_key: str, secret: _Secret, now: float) -> Credential | None:
        """An outdated secret's successor, or itself while Keystone is silent."""
        if self._silent and self._may_serve(secret):
            # It did not answer last time, so nobody waits for it: that may take long.
            if now >= secret.retry_at:
                secret.retry_at = now + RETRY
                self._flights.start(access_key)
            return self._stale(secret)
        try:
            return await self._join(access_key)
        except IdentityUnavailable:
            if self._may_serve(secret):
                secret.retry_at = self._clock() + RETRY
                return self._stale(secret)
            raise

    def _may_serve(self, secret: _Secret) -> bool:
        life = self._settings.secret_ttl + self._settings.stale_ttl
        return self._younger(secret, self._clock(), life)

    def _stale(self, secret: _Secret) -> Credential:
        self.stale_uses += 1
        return secret.credential

    @staticmethod
    def _younger(secret: _Secret, now: float, age: float) -> bool:
        # Below zero the clock was set back, and nothing tells how old the secret is.
        return 0 <= now - secret.read_at < age

    async def _join(self, access_key: str) -> Credential | None:
        try:
            return await self._flights.join(access_key)
        except IdentityUnavailable as error:
            self._hush(str(error))
            raise

    async def _ask(self, access_key: str) -> Credential | None:
        """The flight: ask, and remember the answer."""
        asked_at = self._clock()
        try:
            credential = await self._provider.credential(access_key)
        except IdentityUnavailable as error:
            self._hush(str(error))
            raise
        except IdentityRefused:
            self._answered()
            self._forget(access_key)
            raise
        self._answered()
        if credential is None:
            self._forget(access_key)
            self._unknown[access_key] = asked_at
            self._unknown.move_to_end(access_key)
            _trim(self._unknown)
        else:
            self._keep(credential, asked_at)
        return credential

    def _keep(self, credential: Credential, asked_at: float) -> None:
        secret = self._known.get(credential.access_key)
        if secret is None:
            self._unknown.pop(credential.access_key, None)
            self._known[credential.access_key] = _Secret(credential, asked_at)
            if (evicted := _trim(self._known)) is not None:
                self._gone(evicted.credential)
            return
        secret.read_at = asked_at
        if secret.credential != credential:
            self._gone(secret.credential)
            secret.credential = credential

    def _forget(self, access_key: str) -> None:
        if (secret := self._known.pop(access_key, None)) is not None:
            self._gone(secret.credential)

    def _hush(self, reason: str) -> None:
        if not self._silent:
            _log.warning("keystone_silent", reason=reason, known_keys=len(self._known))
        self._silent = True

    def _answered(self) -> None:
        if self._silent:
            _log.info("keystone_answers_again", stale_uses=self.stale_uses)
        self._silent = False


@dataclass(slots=True)
class _Login:
    """A login, or (None) that it was refused."""

    login: SwiftLogin | None
    renew_at: float
    """From when on Keystone is to be asked again."""


class Logins:
    """Tokens by credential (access key and secret), over a provider."""

    def __init__(self, provider: Provider, settings: Identity, clock: Callable[[], float]) -> None:
        self._provider = provider
        self._margin = settings.token_margin
        self._clock = clock
        self._kept: OrderedDict[Credential, _Login] = OrderedDict()
        self._flights = Flights(self._mint, settings.timeout)
        self.minted = 0
        """Tokens that Keystone gave."""
        self.hits = 0
        self.misses = 0
        self.storage_url: str | None = None
        """Of the newest login: where Swift is."""

    async def get(self, credential: Credential) -> SwiftLogin:
        """The credential's login, renewed in the background from token_margin before expiry.

        Raises IdentityUnavailable, IdentityRefused.
        """
        kept = self._kept.get(credential)
        if kept is None:
            self.misses += 1
            return await self._flights.join(credential)
        self._kept.move_to_end(credential)
        now = self._clock()
        if now < kept.renew_at:
            self.hits += 1
            if kept.login is None:
                raise IdentityRefused("refused a moment ago")
            return kept.login
        if kept.login is not None and now < kept.login.expires_at - LAST:
            self.hits += 1
            kept.renew_at = now + RETRY
            self._flights.start(credential)
            return kept.login
        self.misses += 1
        return await self._flights.join(credential)

    def forget(self, credential: Credential, login: SwiftLogin) -> None:
        """Drop a login that Swift did not accept, unless another has taken its place."""
        kept = self._kept.get(credential)
        if kept is not None and kept.login == login:
            del self._kept[credential]

    def drop(self, credential: Credential) -> None:
        """Forget everything of a credential that is no more, also what is being minted."""
        self._kept.pop(credential, None)
        self._flights.disown(credential)

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()

    async def _mint(self, credential: Credential) -> SwiftLogin:
        """The flight: mint, and remember the answer."""
        asked_at = self._clock()
        try:
            login = await self._provider.login(credential)
        except IdentityUnclear:
            raise
        except IdentityRefused:
            self._keep(credential, _Login(None, self._clock() + REFUSED))
            raise
        self.minted += 1
        self.storage_url = login.storage_url
        # A token that lives shorter than the margin would be renewed at every request.
        margin = min(self._margin, (login.expires_at - asked_at) / 2)
        self._keep(credential, _Login(login, login.expires_at - margin))
        return login

    def _keep(self, credential: Credential, entry: _Login) -> None:
        if self._flights.owns(credential):
            self._kept[credential] = entry
            self._kept.move_to_end(credential)
            _trim(self._kept)


def _trim(entries: OrderedDict[K, V]) -> V | None:
    """Drop the least recently used entry if there are too many, and tell which."""
    return entries.popitem(last=False)[1] if len(entries) > CAPACITY else None
