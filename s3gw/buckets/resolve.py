"""Whose bucket a name is: the registry's answers, remembered for a short time.

The rule: what is remembered serves readers' speed only, and who writes is looked up anew.  A place
gives nobody a right: what is there is asked for its own ACLs, each time.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from s3gw.buckets import registry
from s3gw.buckets.elevated import is_absent
from s3gw.buckets.registry import Claimant
from s3gw.identity.model import SwiftLogin
from s3gw.identity.project_names import ProjectNames
from s3gw.identity.service import ServiceUser
from s3gw.s3.documents import Owner
from s3gw.swift.account import Account
from s3gw.swift.transport import Transport

_ENTRIES = 10_000

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Place:
    """A Swift account as buckets see it: where it is and whose."""

    storage_url: str
    """Without a trailing slash."""
    owner: Owner

    @property
    def account(self) -> str:
        """Swift's name of the account."""
        return self.storage_url.rpartition("/")[2]


NOWHERE = Place("", Owner("", ""))
"""The place of a bucket that nobody has."""


def place_of(login: SwiftLogin) -> Place:
    """The account of a login's own project."""
    return Place(login.storage_url, Owner(login.project_id, login.project_name))


class Names:
    """Global bucket names, with the service user's login."""

    def __init__(
        self,
        transport: Transport,
        service: ServiceUser,
        projects: ProjectNames,
        ttl: float,
        clock: Callable[[], float],
    ) -> None:
        """`ttl`: seconds that a name's holder is remembered, and that nobody holds it."""
        self.service = service
        self._projects = projects
        self._transport = transport
        self._ttl = ttl
        self._clock = clock
        self.hits = 0
        self.misses = 0
        self._known: OrderedDict[str, tuple[float, Place]] = OrderedDict()
        self._foreign: OrderedDict[tuple[str, str], float] = OrderedDict()

    def account(self) -> Account:
        """The account that holds the registry."""
        return Account(self._transport, self.service)

    async def find(self, bucket: str, *, fresh: bool) -> Place:
        """The place of the bucket of that name, NOWHERE if the registry knows none.

        `fresh`: as Swift's newest copy has it, not from memory.
        """
        until, place = self._known.get(bucket, (0.0, NOWHERE))
        now = self._clock()
        if now < until and not fresh:
            self.hits += 1
            return place
        self.misses += 1
        entry = await registry.read(self.account(), bucket, newest=fresh)
        place = NOWHERE if entry is None or not entry.account else await self.place(entry.account)
        _remember(self._known, bucket, (now + self._ttl, place))
        return place

    def is_foreign(self, account: str, bucket: str) -> bool:
        """Whether the account had no such bucket a short time ago, but another one has."""
        return self._clock() < self._foreign.get((account, bucket), 0.0)

    def note_foreign(self, account: str, bucket: str) -> None:
        """The account has no such bucket, another one has."""
        _remember(self._foreign, (account, bucket), self._clock() + self._ttl)

    def forget(self, bucket: str) -> None:
        """The name was claimed or given up through this worker, or led nowhere."""
        self._known.pop(bucket, None)

    async def create(
        self, place: Place, swift: Account, bucket: str, make: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Make a bucket of that account under a claim of its name; see registry.create."""
        claimant = Claimant(place.account, swift, self._is_vacant)
        try:
            return await registry.create(self.account(), bucket, claimant, make)
        finally:
            self.forget(bucket)
            self._foreign.pop((place.account, bucket), None)

    async def release(self, place: Place, swift: Account, bucket: str) -> None:
        """Give up the name of a bucket that the account has no more; see registry.release."""
        try:
            await registry.release(
                self.account(), bucket, Claimant(place.account, swift, self._is_vacant)
            )
        finally:
            self.forget(bucket)

    async def _is_vacant(self, account: str, bucket: str) -> bool:
        url = (await self.place(account)).storage_url
        return await is_absent(self._transport, self.service, url, bucket)

    async def place(self, account: str) -> Place:
        """The place of an account, by the service user's own: one cluster, one naming."""
        if not registry.is_account(account):
            raise ValueError("not the name of an account")
        login = await self.service.login()
        cluster, _, own = login.storage_url.rpartition("/")
        prefix = own.removesuffix(login.project_id) if own != login.project_id else ""
        project = account.removeprefix(prefix) if own.endswith(login.project_id) else account
        return Place(f"{cluster}/{account}", Owner(project, self._projects.shown(project)))


def _remember(known: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > _ENTRIES:
        known.popitem(last=False)
