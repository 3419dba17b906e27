"""Entering the buckets that a cluster already has into the registry of names.

The rule: an entry that is there is never changed, and a name that two projects have is entered
for neither: which of them shall have it is for people to say.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from s3gw.buckets import registry
from s3gw.buckets.parallel import for_each
from s3gw.config import ConfigError, Settings
from s3gw.identity.keystone import KeystoneClient, message
from s3gw.identity.model import IdentityRefused
from s3gw.identity.service import ServiceUser
from s3gw.identity.threads import Threads
from s3gw.mapping.layout import REGISTRY, is_name, is_reserved
from s3gw.swift.account import Account
from s3gw.swift.authority import Visitor
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.http import AiohttpTransport
from s3gw.swift.transport import Transport

_PAGE = 10_000

Progress = Callable[[int, int], None]
"""Told how many of how many accounts have been read."""


@dataclass(slots=True)
class Report:
    """What was found and done; names by bucket."""

    accounts: int = 0
    entered: list[str] = field(default_factory=list)
    """New in the registry (with a dry run: would be)."""
    known: int = 0
    """In the registry already, for the account that has the bucket."""
    clashes: dict[str, list[str]] = field(default_factory=dict)
    """The accounts that have a bucket of one name; the one that holds the name comes first."""
    left_behind: list[str] = field(default_factory=list)
    """In the registry, but the account has no such bucket; whoever creates it gets the name."""


async def register_buckets(
    settings: Settings, clock: Callable[[], float], *, dry_run: bool, progress: Progress
) -> Report:
    """Enter what is not entered yet.

    Raises ConfigError, IdentityRefused, IdentityUnavailable, SwiftStatus, SwiftUnreachable,
    S3Error.
    """
    if not settings.access.service:
        raise ConfigError("access.service: is required for the registry of bucket names")
    projects = await _projects(settings, clock)
    async with _opened(settings, clock) as (transport, service):
        cluster = await _Cluster.of(transport, service)
        holders = await cluster.read(projects, progress)
        report = Report(accounts=len(projects))
        await _enter(cluster.registry, holders, report, dry_run=dry_run)
        await _find_left_behind(cluster, holders, report)
    return report


@asynccontextmanager
async def _opened(
    settings: Settings, clock: Callable[[], float]
) -> AsyncIterator[tuple[Transport, ServiceUser]]:
    service = ServiceUser(settings, clock)
    transport = AiohttpTransport(settings.swift, stall_timeout=settings.server.body_timeout)
    try:
        yield transport, service
    finally:
        await transport.aclose()
        await service.aclose()


async def _projects(settings: Settings, clock: Callable[[], float]) -> list[str]:
    """The ids of all projects; the role reader on the system may list them."""
    if settings.identity.provider != "keystone":
        raise ConfigError("identity.provider: the projects of a cluster are known to Keystone only")
    client = KeystoneClient(settings.identity, clock)
    try:
        return await Threads(1).run(lambda: list(_listed(client)))
    finally:
        client.close()


def _listed(client: KeystoneClient) -> Iterator[str]:
    path: str | None = "/projects"
    while path:
        response: Any = client.request("GET", path)
        if response.status_code != 200:
            raise IdentityRefused(f"Keystone does not list the projects: {message(response)}")
        document = response.json()
        yield from (str(project["id"]) for project in document["projects"])
        following = (document.get("links") or {}).get("next")
        path = str(following).removeprefix(client.url) if following else None


@dataclass(frozen=True, slots=True)
class _Cluster:
    """All accounts, with the service user's power."""

    transport: Transport
    service: ServiceUser
    root: str
    """What the URLs of all accounts begin with."""
    prefix: str
    """What their names begin with, before the project's id."""

    @classmethod
    async def of(cls, transport: Transport, service: ServiceUser) -> "_Cluster":
        login = await service.login()
        root, _, own = login.storage_url.rpartition("/")
        return cls(transport, service, root, own.removesuffix(login.project_id))

    @property
    def registry(self) -> Account:
        return Account(self.transport, self.service)

    def account(self, name: str) -> Account:
        return Account(self.transport, Visitor(self.service, f"{self.root}/{name}"))

    async def read(self, projects: Sequence[str], progress: Progress) -> dict[str, list[str]]:
        """The accounts that have a bucket, by its name."""
        holders: dict[str, list[str]] = defaultdict(list)
        done = 0

        async def look(project: str) -> None:
            nonlocal done
            name = self.prefix + project
            for bucket in await self._buckets(name):
                holders[bucket].append(name)
            done += 1
            progress(done, len(projects))

        await for_each(projects, look)
        return holders

    async def _buckets(self, name: str) -> list[str]:
        found: list[str] = []
        marker = ""
        while True:
            try:
                page = await self.account(name).list_containers(marker=marker, limit=_PAGE)
            except SwiftStatus as error:
                if error.status == 404:
                    return found  # an account comes with its first container
                raise
            names = [str(entry["name"]) for entry in page]
            found += [each for each in names if _is_bucket(each)]
            if len(page) < _PAGE:
                return found
            marker = names[-1]


def _is_bucket(container: str) -> bool:
    return container != REGISTRY and not is_reserved(container) and is_name(container)


async def _enter(
    service: Account, holders: dict[str, list[str]], report: Report, *, dry_run: bool
) -> None:
    async def enter(bucket: str) -> None:
        accounts = sorted(holders[bucket])
        entry = await registry.read(service, bucket, newest=True)
        if entry is None and len(accounts) == 1 and not dry_run:
            entry = await registry.enter(service, bucket, accounts[0])
        if entry is None and len(accounts) == 1:
            report.entered.append(bucket)
        elif entry is not None and accounts == [entry.account]:
            report.known += 1
        else:
            first = [] if entry is None else [entry.account or "an entry that makes no sense"]
            others = [account for account in accounts if account not in first]
            report.clashes[bucket] = first + others

    await for_each(sorted(holders), enter)
    report.entered.sort()


async def _find_left_behind(
    cluster: _Cluster, holders: dict[str, list[str]], report: Report
) -> None:
    """Names in the registry that no container of any account has."""
    marker = ""
    while True:
        try:
            query: dict[str, str | int] = {"marker": marker, "limit": _PAGE}
            _, page = await cluster.registry.list_objects(REGISTRY, query)
        except SwiftStatus as error:
            if error.status == 404:
                return
            raise
        names = [str(entry["name"]) for entry in page]
        report.left_behind += [name for name in names if name not in holders]
        if len(page) < _PAGE:
            return
        marker = names[-1]
