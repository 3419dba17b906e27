"""Entering the buckets that a cluster already has into the registry of names.

The rule: an entry that is there is never changed, and a name that two projects have is entered
for neither: which of them shall have it is for people to say.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from s3gw.buckets import registry
from s3gw.buckets.parallel import for_each
from s3gw.config import Settings
from s3gw.jobs.accounts import Cluster, containers, opened_cluster, project_ids
from s3gw.mapping.layout import REGISTRY, is_name, is_reserved
from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftStatus

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
    async with opened_cluster(settings, clock) as cluster:
        projects = await project_ids(settings, clock)
        holders = await _read(cluster, projects, progress)
        report = Report(accounts=len(projects))
        await _enter(cluster.registry, holders, report, dry_run=dry_run)
        await _find_left_behind(cluster, holders, report)
    return report


async def _read(
    cluster: Cluster, projects: Sequence[str], progress: Progress
) -> dict[str, list[str]]:
    """The accounts that have a bucket, by its name."""
    holders: dict[str, list[str]] = defaultdict(list)
    done = 0

    async def look(project: str) -> None:
        nonlocal done
        name = cluster.name(project)
        for bucket in await _buckets(cluster.account(name)):
            holders[bucket].append(name)
        done += 1
        progress(done, len(projects))

    await for_each(projects, look)
    return holders


async def _buckets(account: Account) -> list[str]:
    return [each async for each in containers(account) if _is_bucket(each)]


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
    cluster: Cluster, holders: dict[str, list[str]], report: Report
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
