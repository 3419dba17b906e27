"""One account's parts that no manifest and no open upload needs: found, and deleted.

The rule: as in buckets/release.py, on evidence of Swift's newest copies, twice and a minute
apart; and beyond that nothing goes that any large object or link of the account names.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from s3gw.buckets import uploads
from s3gw.buckets.parallel import for_each
from s3gw.buckets.release import (
    Remains,
    delete_remains,
    is_superseded,
    keeps_versions,
    remains_of,
    written,
)
from s3gw.jobs.accounts import Clock, containers
from s3gw.jobs.needed import Needed, pages
from s3gw.mapping import layout
from s3gw.mapping.references import Numbers, Upload, place_of
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

# The second look reads manifests written since the first, and some before it: clocks differ.
_CLOCKS = timedelta(days=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how much of how much is."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to collect."""

    older_than: timedelta
    """What everything of an upload must be."""
    bucket: str | None = None
    """The only bucket to free, in every account."""
    access_key: str | None = None
    """Whose account is the only one."""
    dry_run: bool = False


@dataclass(slots=True)
class Tally:
    """How much."""

    uploads: int = 0
    objects: int = 0
    size: int = 0
    """Bytes."""

    def add(self, remains: Remains) -> None:
        """Count what is left of one upload."""
        self.uploads += 1
        self.objects += len(remains.names)
        self.size += remains.size


@dataclass(slots=True)
class Report:
    """What was found and done; names are `account/bucket`."""

    accounts: int = 0
    found: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    """What nobody needs."""
    deleted: Tally = field(default_factory=Tally)
    open: int = 0
    """Uploads that are neither completed nor aborted."""
    young: int = 0
    """Uploads of which nobody needs something, but not for long enough."""
    versioned: set[str] = field(default_factory=set)
    """Buckets that keep versions, so that nothing of theirs is freed."""
    failed: dict[str, str] = field(default_factory=dict)
    """What went wrong, by account or bucket."""


@dataclass(slots=True)
class _Kept:
    """What a listing shows of an upload."""

    numbers: Numbers = field(default_factory=Numbers)
    newest: datetime = _LONG_AGO
    foreign: bool = False
    """Something has a number that no upload has."""


class Search:
    """The work in one account."""

    def __init__(
        self, name: str, account: Account, clock: Clock, options: Options, report: Report
    ) -> None:
        """`name`: the account's, for the report; `clock`: seconds since the epoch."""
        self.suspects: dict[Upload, Numbers] = {}
        """What nobody seems to need, of which uploads."""
        self._name = name
        self._account = account
        self._clock = clock
        self._options = options
        self._report = report
        self._needed = Needed(account)
        self._started = self._now()

    async def look(self, progress: Progress) -> None:
        """The first look: fills `suspects` and the report.

        Raises SwiftStatus, SwiftUnreachable: then there are no suspects.
        """
        self._started = self._now()
        names = [name async for name in containers(self._account)]
        stores = {name: layout.bucket_of(name) for name in names}
        kept: dict[Upload, _Kept] = {}
        for store, bucket in stores.items():
            if bucket is not None and self._options.bucket in {None, bucket}:
                kept |= await self._kept(store, bucket)
        if not kept:
            return
        done = 0

        def read() -> None:
            nonlocal done
            done += 1
            progress(f"containers of {self._name}", done, len(names))

        await self._needed.read(names, read)
        await self._judge(kept)

    async def _kept(self, store: str, bucket: str) -> Mapping[Upload, _Kept]:
        """The uploads in a bucket's segments container, less those that the listing shows open."""
        kept: dict[Upload, _Kept] = defaultdict(_Kept)
        markers: set[Upload] = set()
        async for page in pages(self._account, store):
            for entry in page:
                name = str(entry["name"])
                upload, marked = layout.ended_upload(name), layout.ended_upload(f"{name}/")
                if upload is not None:
                    _count(kept[bucket, *upload], entry)
                elif marked is not None:
                    markers.add((bucket, *marked))
        self._report.open += len(markers)
        return {upload: found for upload, found in kept.items() if upload not in markers}

    async def _judge(self, kept: Mapping[Upload, _Kept]) -> None:
        """Which of the uploads are suspects."""
        latest = self._started - self._options.older_than
        versioned = await self._versioned(kept)
        old: dict[Upload, Numbers] = {}
        for upload, found in kept.items():
            left = found.numbers.without(self._needed.of(upload))
            if found.foreign or not left:
                continue
            if upload[0] in versioned:
                self._report.versioned.add(self._place(upload))
            elif found.newest > latest:
                self._report.young += 1
            else:
                old[upload] = left

        async def suspect(upload: Upload) -> None:
            remains = await remains_of(self._account, *upload, old[upload])
            if remains is not None and await self._is_needless(self._account, remains):
                self.suspects[upload] = old[upload]
                self._report.found[self._place(upload)].add(remains)

        await for_each(old, self._one_by_one(suspect))

    async def _versioned(self, some: Iterable[Upload]) -> set[str]:
        """The buckets of the uploads that keep, or kept, versions."""
        return {
            bucket
            for bucket in dict.fromkeys(bucket for bucket, _, _ in some)
            if await keeps_versions(self._account, bucket, if_gone=False)
        }

    def _one_by_one(self, work: Callable[[Upload], Awaitable[None]]) -> Callable[[Upload], Any]:
        """The work, such that one upload's trouble is told and keeps none of the others."""

        async def guarded(upload: Upload) -> None:
            try:
                await work(upload)
            except (SwiftStatus, SwiftUnreachable) as error:
                self._report.failed[self._place(upload)] = str(error)

        return guarded

    async def delete(self, freed: Callable[[], None]) -> None:
        """The second look, and what it allows; calls `freed` after each upload.

        Raises SwiftStatus, SwiftUnreachable.
        """
        names = [name async for name in containers(self._account)]
        await self._needed.read(names, lambda: None, self._started - _CLOCKS)
        versioned = await self._versioned(self.suspects)

        async def free(upload: Upload) -> None:
            if upload[0] not in versioned:
                await self._free(upload)
            freed()

        await for_each(self.suspects, self._one_by_one(free))

    async def _free(self, upload: Upload) -> None:
        left = self.suspects[upload].without(self._needed.of(upload))
        remains = await remains_of(self._account, *upload, left)
        if remains is None or remains.newest > self._started - self._options.older_than:
            return
        if await delete_remains(self._account, remains, self._clock(), self._is_needless):
            self._report.deleted.add(remains)

    async def _is_needless(self, account: Account, remains: Remains) -> bool:
        """One look.  A Complete deletes the marker after it stored the object: that order counts.

        Either the key is gone or holds what is not made of the upload, or it holds the upload
        without these parts.
        """
        bucket, key, upload_id = remains.bucket, remains.key, remains.upload_id
        if await uploads.read_marker(account, bucket, key, upload_id) is not None:
            return False
        return await is_superseded(account, remains) or await self._is_left_out(remains)

    async def _is_left_out(self, remains: Remains) -> bool:
        """Whether the key's object is made of the upload, but not of these parts."""
        upload = remains.bucket, remains.key, remains.upload_id
        try:
            segments = await self._account.get_manifest(remains.bucket, remains.key, newest=True)
        except SwiftStatus as error:
            if error.status == 404:
                return False  # it went just now: the next look finds it gone
            raise
        paths = [str(segment.get("path", "")) for segment in segments]
        if any(place_of(path) is None for path in paths):
            return False  # manifests that others made may go on in others
        named = Needed(self._account)
        await named.expand(paths)
        found = named.of(upload)
        return bool(found) and not any(layout.number_of(name) in found for name in remains.names)

    def _place(self, upload: Upload) -> str:
        return f"{self._name}/{upload[0]}"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _count(kept: _Kept, entry: Entry) -> None:
    """Take up an object of an upload; the flag of an abort is not among what is left of it."""
    number = layout.number_of(str(entry["name"]))
    kept.newest = max(kept.newest, written(entry))
    if number < 0:
        kept.foreign = True
    elif number != layout.ABORTING:
        kept.numbers.add(number)
