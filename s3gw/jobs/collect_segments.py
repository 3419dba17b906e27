"""Deleting the parts in `+segments` containers that no manifest and no open upload needs.

The rule: nothing is deleted before its caller has seen what was found, and none of it on one
look (jobs/segments.py).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from s3gw.config import Settings
from s3gw.jobs.accounts import Clock, opened_accounts
from s3gw.jobs.segments import Options, Progress, Report, Search
from s3gw.s3.errors import S3Error
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

# Seconds between two looks.
_PAUSE = 60


async def collect_segments(
    settings: Settings,
    clock: Clock,
    options: Options,
    progress: Progress,
    agrees: Callable[[Report], bool],
) -> Report:
    """Find what nobody needs and, if `agrees` says so of what was found, delete it.

    An account that Swift gives trouble with is told in the report and keeps everything.
    Raises ConfigError, IdentityRefused, IdentityUnavailable, S3Error.
    """
    async with opened_accounts(settings, clock, options.access_key) as accounts:
        report = Report(accounts=len(accounts))
        searches = {
            name: Search(name, account, clock, options, report)
            for name, account in accounts.items()
        }
        for name, search in searches.items():
            await _guarded(report, name, search.look(progress))
        if options.dry_run or not report.found or not agrees(report):
            return report
        for second in range(_PAUSE):
            progress("seconds to the second look", second, _PAUSE)
            await asyncio.sleep(1)
        await _delete(searches, report, progress)
    return report


async def _delete(searches: dict[str, Search], report: Report, progress: Progress) -> None:
    every = sum(len(search.suspects) for search in searches.values())
    done = 0

    def freed() -> None:
        nonlocal done
        done += 1
        progress("uploads", done, every)

    for name, search in searches.items():
        if search.suspects:
            await _guarded(report, name, search.delete(freed))


async def _guarded(report: Report, name: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except (SwiftStatus, SwiftUnreachable, S3Error) as error:
        report.failed[name] = str(error)
