"""Deleting a large object and its parts, however many they are.

Swift deletes some hundred parts a second, and a DeleteObject answers only at its end: a client
would not wait for thousands.

The rule: what few parts there are go with the object.  Many go after the answer, by Swift's
expirer or, where it does not take them, by the gateway: under the flag of an abort, and only
after one more look (buckets/release.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from s3gw.buckets import parallel
from s3gw.buckets.release import Remains, delete_remains, is_needless
from s3gw.call import Call
from s3gw.mapping import etags, layout
from s3gw.mapping.conditions import last_modified
from s3gw.mapping.references import Upload, place_of
from s3gw.swift.account import Account
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_log = structlog.get_logger(__name__)

# Parts that an answer waits for: some seconds.
_FEW = 500
# Bytes from which an object whose number of parts nobody noted may have many: s3api's have at
# least 5 MiB each.
_LARGE = 2 * 1024**3


async def delete_with_parts(call: Call, key: str, headers: Mapping[str, str]) -> None:
    """Delete a static large object with these headers, in a container without versions.

    Raises SwiftStatus and SwiftUnreachable; 404 if it is gone.
    """
    try:
        count = await _count(call.swift, call.bucket, key, headers)
        info = await call.info()
        if count <= _FEW:
            await call.swift.delete_large_object(call.bucket, key)
        elif count > info.max_manifest_segments or not info.slo_async_delete:
            await _delete_after_the_answer(call, key, last_modified(headers))
        else:
            await call.swift.delete_large_object(call.bucket, key, later=True)
    except SwiftStatus as error:
        if error.status != 400:
            raise
        await _delete_other(call, key, error)


async def _delete_other(call: Call, key: str, error: SwiftStatus) -> None:
    """The object is not what it seemed: Swift has deleted nothing."""
    if b"Not an SLO manifest" in error.body:  # overwritten since by an object without parts
        await call.swift.delete_object(call.bucket, key)
    elif b"No segments may be" in error.body or b"must be in one container" in error.body:
        await call.swift.delete_large_object(call.bucket, key)  # made by others: no layout of ours
    else:
        raise error


async def _count(account: Account, bucket: str, key: str, headers: Mapping[str, str]) -> int:
    """How many parts an object has, if it may be many."""
    known = etags.from_headers(headers)
    if known is not None:
        return int(known.rpartition("-")[2])
    if int(headers.get("Content-Length", "0")) < _LARGE:
        return 0
    return len(await account.get_manifest(bucket, key, newest=True))


async def _delete_after_the_answer(call: Call, key: str, written: datetime) -> None:
    """Delete the object, and let its parts follow; all at once if it has others than its own."""
    named = await _named(call.swift, call.bucket, key)
    if named is None:
        await call.swift.delete_large_object(call.bucket, key)
        return
    await call.swift.delete_object(call.bucket, key)
    for (bucket, _, upload_id), names in named.items():
        remains = Remains(bucket, key, upload_id, tuple(names), 0, written)
        call.go_on(_free(call.swift.beside(), remains, call.services.clock()))


async def _named(account: Account, bucket: str, key: str) -> dict[Upload, list[str]] | None:
    """Parts and sub-manifests of the object, by upload; None if not all are of its own uploads."""
    found: dict[Upload, list[str]] = defaultdict(list)

    async def read(container: str, name: str) -> Iterable[tuple[str, str]]:
        segments = await account.get_manifest(container, name, newest=True)
        below = []
        for segment in segments:
            place = place_of(str(segment.get("path", "")))
            if place is None or place[0][:2] != (bucket, key):
                raise _ForeignError
            (_, _, upload_id), number = place
            part = layout.part_name(key, upload_id, number)
            found[place[0]].append(part)
            if layout.is_submanifest(number):
                below.append((layout.segments_container(bucket), part))
        return below

    try:
        below = await read(bucket, key)
        await parallel.for_each(below, lambda place: read(*place))
    except _ForeignError:
        return None
    return found


class _ForeignError(Exception):
    """A manifest names what is not a part of the object's own."""


async def _free(account: Account, remains: Remains, now: float) -> None:
    """Delete the parts of an object that was just deleted.  What stays is left to the job."""
    try:
        await delete_remains(account, remains, now, is_needless)
    except (SwiftStatus, SwiftUnreachable) as error:
        _log.warning("parts were not freed", bucket=remains.bucket, reason=str(error))
