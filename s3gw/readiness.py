"""Whether a worker can serve: Keystone and Swift answer, or did so a moment ago.

The rule: who asks costs next to nothing.  Traffic that is answered is proof enough; without any,
each backend is asked once for all who want to know at the same time, and its silence is
remembered, too.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from s3gw.config import Settings
from s3gw.identity.cache import Logins
from s3gw.identity.endpoint import find_swift
from s3gw.identity.flights import Flights
from s3gw.identity.keystone import KeystoneProvider
from s3gw.identity.model import IdentityUnavailable, Provider
from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.info import info_url
from s3gw.swift.transport import Transport

FRESH = 10.0
"""Seconds for which an answer proves that its backend is well."""
QUIET = 2.0
"""Seconds after a failure before a backend is asked again."""
PATIENCE = 3.0
"""Seconds that a backend has for its answer."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Something that the gateway needs."""

    answered_at: Callable[[], float]
    """When it last answered, by `time.monotonic`; -inf for never."""
    ask: Callable[[], Awaitable[bool | None]]
    """Whether it answers, which notes the time by itself; None if it cannot be asked yet."""
    bridged: float
    """Seconds of its silence that what is remembered of it bridges."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a worker is ready, and how its backends are, in words."""

    is_ready: bool
    backends: Mapping[str, str]


class Readiness:
    """The verdict on a worker."""

    def __init__(self, backends: Mapping[str, Backend], stopping: Callable[[], bool]) -> None:
        """`stopping`: it was told to stop, and wants no new requests."""
        self._backends = backends
        self._stopping = stopping
        self._failed_at = dict.fromkeys(backends, -math.inf)
        self._flights = Flights(self._ask, PATIENCE)

    async def verdict(self) -> Verdict:
        """How things are; nobody is asked for a worker that stops."""
        if self._stopping():
            return Verdict(False, {"gateway": "stops"})
        looks = await asyncio.gather(*map(self._look, self._backends))
        found = dict(zip(self._backends, looks, strict=True))
        words = {name: word for name, (_, word) in found.items()}
        return Verdict(all(is_well for is_well, _ in found.values()), words)

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()

    async def _look(self, name: str) -> tuple[bool, str]:
        backend = self._backends[name]
        if monotonic() - backend.answered_at() < FRESH:
            return True, "answers"
        answers = await self._answers(name)
        if answers is not False:
            return True, "answers" if answers else "cannot be asked yet"
        age = monotonic() - backend.answered_at()
        if age < backend.bridged:
            return True, f"silent, but answered {age:.0f} s ago"
        return False, "does not answer"

    async def _answers(self, name: str) -> bool | None:
        if monotonic() - self._failed_at[name] < QUIET:
            return False
        try:
            answers = await self._flights.join(name)
        except IdentityUnavailable:  # no answer in time
            answers = False
        if answers is False:
            self._failed_at[name] = monotonic()
        return answers

    async def _ask(self, name: str) -> bool | None:
        return await self._backends[name].ask()


def backends(
    settings: Settings, provider: Provider, logins: Logins, transport: Transport
) -> dict[str, Backend]:
    """Keystone, if it is there for all users, and Swift.

    While Keystone is silent remembered secrets go on working, for as long as stale_ttl says.
    """
    found = {}
    if isinstance(provider, KeystoneProvider):
        found["keystone"] = Backend(
            lambda: provider.client.answered_at,
            provider.ping,
            settings.identity.secret_ttl + settings.identity.stale_ttl,
        )

    async def ask_swift() -> bool | None:
        url = logins.storage_url
        if url is None and isinstance(provider, KeystoneProvider):
            url = await find_swift(provider, settings.swift)
        if url is None:  # the first login will tell where it is
            return None
        try:
            response = await transport.request("GET", info_url(url), {})
            await response.read()
        except SwiftUnreachable:
            return False
        return response.status < 500

    found["swift"] = Backend(lambda: transport.traffic.answered_at, ask_swift, 0.0)
    return found
