"""Parts that nobody needs any more: what an overwrite or a plain delete leaves behind.

The rule: a part goes only on evidence, twice and some time apart, of Swift's newest copies: its
upload is not open, and the key is gone or holds something that is not made of that upload
(docs/mapping.md).  Whatever else an answer says, the parts stay, and the job may come for them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from s3gw.buckets import uploads
from s3gw.buckets.facts import FactsCache
from s3gw.mapping import etags, layout, versions
from s3gw.mapping.conditions import last_modified
from s3gw.mapping.references import Numbers
from s3gw.mapping.versions import is_versioned
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_log = structlog.get_logger(__name__)

# Seconds between two looks.
_PAUSE = 60.0
# Keys that may wait for their second look; what comes beside them is left to the job.
_WAITING = 1000
# What one look goes through of a listing, and how many uploads; the job has no such limits.
_PAGE = 10_000
_UPLOADS = 100
# Names in one bulk request.
_BULK = 1000
# Swift's Last-Modified is rounded up by less than this.
_ROUNDING = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Remains:
    """What Swift holds of an upload, marker and abort's flag aside."""

    bucket: str
    key: str
    upload_id: str
    names: tuple[str, ...]
    """Parts and sub-manifests."""
    size: int
    """Bytes in all."""
    newest: datetime
    """When the last of them was written."""


async def remains_of(
    account: Account, bucket: str, key: str, upload_id: str, only: Numbers | None = None
) -> Remains | None:
    """What the listing shows of an upload; None if it shows nothing.

    With `only` some of its parts, by number; their age is that of all.
    """
    names, size, newest = [], 0, datetime.min.replace(tzinfo=UTC)
    async for entry in uploads.kept_of(account, bucket, key, upload_id):
        newest = max(newest, written(entry))
        name = str(entry["name"])
        if only is not None and layout.number_of(name) not in only:
            continue
        names.append(name)
        # A sub-manifest's bytes are those of its parts.
        size += 0 if entry.get("slo_etag") else int(entry["bytes"])
    return Remains(bucket, key, upload_id, tuple(names), size, newest) if names else None


def written(entry: Entry) -> datetime:
    """When a listing's entry was written, to the microsecond."""
    return datetime.fromisoformat(str(entry["last_modified"])).replace(tzinfo=UTC)


async def is_superseded(account: Account, remains: Remains) -> bool:
    """Whether the key is gone, or holds what was written later and from other parts.

    What is older than the parts is no evidence: it may be a copy from before the upload's end,
    on the one server that answers.
    """
    try:
        headers = await account.head_object(remains.bucket, remains.key, newest=True)
    except SwiftStatus as error:
        if error.status == 404:
            return True
        raise
    if is_versioned(headers) or last_modified(headers) - _ROUNDING < remains.newest:
        return False
    if etags.is_dynamic_large_object(headers):
        return False  # made of whatever has some prefix, which may be the upload's
    return not await _is_made_of(account, remains, headers)


async def _is_made_of(account: Account, remains: Remains, headers: Mapping[str, str]) -> bool:
    if not etags.is_static_large_object(headers):
        return False
    segments = await account.get_manifest(remains.bucket, remains.key, newest=True)
    ours = [
        layout.upload_of_segment(str(segment.get("path", "")), remains.bucket)
        for segment in segments
    ]
    # A manifest that others made may go on in manifests that are not looked into here.
    return not ours or None in ours or (remains.key, remains.upload_id) in ours


async def delete_remains(
    account: Account,
    remains: Remains,
    now: float,
    is_needless: Callable[[Account, Remains], Awaitable[bool]],
) -> bool:
    """Delete parts and sub-manifests, if the last look (`is_needless`) still allows it.

    The abort's flag is there meanwhile, so that a Complete that comes too late waits, and then
    sees that parts are missing.  `now`: seconds since the epoch.  False: somebody needs them, or
    an abort is at them already.
    """
    bucket, key, upload_id = remains.bucket, remains.key, remains.upload_id
    if not await uploads.claim_abort(account, bucket, key, upload_id, now):
        return False
    try:
        needless = await is_needless(account, remains)
    except (SwiftStatus, SwiftUnreachable):
        await uploads.unflag_abort(account, bucket, key, upload_id)
        raise
    if needless:
        await _delete(account, layout.segments_container(bucket), remains.names)
    await uploads.unflag_abort(account, bucket, key, upload_id)
    return needless


async def _delete(account: Account, container: str, names: Collection[str]) -> None:
    """Delete in bulk, or one by one where Swift does not know how."""
    left = list(names)
    while left:
        some, left = left[:_BULK], left[_BULK:]
        report = await account.bulk_delete((container, name) for name in some)
        gone = int(report.get("Number Deleted", 0)) + int(report.get("Number Not Found", 0))
        if gone < len(some):
            await uploads.delete_objects(account, container, some)


class Releases:
    """Frees what was under a key before, beside and after the answer to whoever changed it."""

    def __init__(self, facts: FactsCache, min_age: float, clock: Callable[[], float]) -> None:
        """`min_age`: seconds that every part of an upload must be old."""
        self._facts = facts
        self._min_age = timedelta(seconds=min_age)
        self._clock = clock
        self._waiting: set[tuple[str, str, str]] = set()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let nothing wait any more: the gateway ends, and what is left is the job's."""
        self._stopped.set()

    async def free(self, owner: str, account: Account, bucket: str, keys: Collection[str]) -> None:
        """Free parts that the keys' former objects had; `owner`: what facts are cached under.

        Never raises: what fails is logged, and stays.
        """
        try:
            if await self._may_leak(owner, account, bucket):
                await self._free(owner, account, bucket, keys)
        except (SwiftStatus, SwiftUnreachable) as error:
            _log.warning("parts were not freed", bucket=bucket, reason=str(error))
        except Exception:  # noqa: BLE001 - nobody waits for it: the log is all that can tell
            _log.exception("internal error: parts were not freed", bucket=bucket)

    async def _may_leak(self, owner: str, account: Account, bucket: str) -> bool:
        """Whether it is worth looking: cached facts decide only that parts stay."""
        if not await self._facts.has_segments(owner, account, bucket):
            return False
        facts = await self._facts.bucket(owner, account, bucket)
        return facts is not None and not facts.versioning

    async def _free(self, owner: str, account: Account, bucket: str, keys: Collection[str]) -> None:
        places = {(owner, bucket, key) for key in keys} - self._waiting
        if not places or self._stopped.is_set():
            return
        suspects = await self._suspects(account, bucket, {key for *_, key in places})
        places = {(owner, bucket, remains.key) for remains in suspects}
        if not places or len(self._waiting) + len(places) > _WAITING:
            return
        self._waiting |= places
        try:
            await asyncio.wait_for(self._stopped.wait(), _PAUSE)
        except TimeoutError:
            await self._free_suspects(account, suspects)
        finally:
            self._waiting -= places

    async def _free_suspects(self, account: Account, suspects: list[Remains]) -> None:
        """The second look, and what it allows."""
        if await keeps_versions(account, suspects[0].bucket, if_gone=True):
            return
        for remains in suspects:
            if self._stopped.is_set():
                return
            if await delete_remains(account, remains, self._clock(), is_needless):
                _log.info(
                    "parts freed",
                    bucket=remains.bucket,
                    upload_id=remains.upload_id,
                    objects=len(remains.names),
                    bytes=remains.size,
                )

    async def _suspects(
        self, account: Account, bucket: str, keys: Collection[str]
    ) -> list[Remains]:
        """The first look: uploads of the keys whose parts nobody seems to need."""
        suspects = []
        newest = datetime.fromtimestamp(self._clock(), UTC) - self._min_age
        for key, upload_id in (await _ended_uploads(account, bucket, keys))[:_UPLOADS]:
            remains = await remains_of(account, bucket, key, upload_id)
            if (
                remains is not None
                and remains.newest <= newest
                and await is_needless(account, remains)
            ):
                suspects.append(remains)
        return suspects


async def is_needless(account: Account, remains: Remains) -> bool:
    """One look.  A Complete deletes the marker after it stored the object, so that order counts."""
    marker = await uploads.read_marker(account, remains.bucket, remains.key, remains.upload_id)
    return marker is None and await is_superseded(account, remains)


async def keeps_versions(account: Account, bucket: str, *, if_gone: bool) -> bool:
    """Whether older versions may need parts, on Swift's newest word; `if_gone`: without a bucket.

    A bucket that is going takes its parts with it, so that beside it nobody else has to.
    """
    try:
        return versions.keeps_versions(await account.head_container(bucket, newest=True))
    except SwiftStatus as error:
        if error.status == 404:
            return if_gone
        raise


async def _ended_uploads(
    account: Account, bucket: str, keys: Collection[str]
) -> list[tuple[str, str]]:
    """(key, upload id) of what one listing shows of the keys' uploads, less those it shows open."""
    ordered = sorted(keys, key=str.encode)
    query: dict[str, str | int] = {"limit": _PAGE}
    if len(ordered) == 1:
        query |= {"prefix": f"{ordered[0]}/", "delimiter": "/"}
    else:
        query |= {"marker": f"{ordered[0]}/", "end_marker": f"{ordered[-1]}0"}
    _, entries = await account.list_objects(layout.segments_container(bucket), query)
    names = [str(entry.get("subdir") or entry.get("name", "")) for entry in entries]
    found = (layout.ended_upload(name) for name in names)
    markers = set(names)
    return [
        upload
        for upload in dict.fromkeys(filter(None, found))
        if upload[0] in keys and layout.marker_name(*upload) not in markers
    ]
