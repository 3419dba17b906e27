"""Multipart uploads as Swift holds them: the marker, the parts, and how they go away.

The rule: whether an upload is open is asked of Swift's newest copy each time, never of a cache
or a listing; absence from a listing is never evidence.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from s3gw.buckets import parallel
from s3gw.buckets.facts import ContainerFacts, read_facts
from s3gw.mapping import checksums, layout
from s3gw.mapping.conditions import last_modified
from s3gw.mapping.etags import unquoted
from s3gw.mapping.listing import entry_time, query_for_key
from s3gw.s3.checksums import Checksum
from s3gw.s3.errors import OperationAborted
from s3gw.s3.upload_checksums import UploadChecksum
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_PAGE = 10_000
# Names deleted between two looks whether their bucket was made anew.
_BATCH = 1000
# Failed deletes after which the others are not tried.
_HOPELESS = 100
# Seconds after which an abort that left its flag behind is taken for dead.
_ABORT_LIFE = 3600.0


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part: hex MD5, size in bytes."""

    number: int
    etag: str
    size: int
    last_modified: datetime
    checksum: Checksum | None = None
    """Verified when it came; None if none was kept."""


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that is neither complete nor aborted."""

    key: str
    upload_id: str
    initiated: datetime
    stamp: str
    """Swift's own time, to the microsecond: text that sorts."""


async def read_marker(
    account: Account, bucket: str, key: str, upload_id: str
) -> Mapping[str, str] | None:
    """The headers of the upload's marker; None if the upload is not open."""
    if not layout.is_upload_id(upload_id):
        return None
    return await _read(account, bucket, layout.marker_name(key, upload_id))


async def read_part(
    account: Account, bucket: str, key: str, upload_id: str, number: int
) -> Part | None:
    """The part as Swift's newest copy of it is; None if there is none."""
    headers = await _read(account, bucket, layout.part_name(key, upload_id, number))
    if headers is None:
        return None
    etag = unquoted(headers.get("Etag", ""))
    return Part(
        number,
        etag,
        int(headers.get("Content-Length", "0")),
        last_modified(headers),
        checksums.of_part(headers.get("Content-Type", ""), etag),
    )


async def _read(account: Account, bucket: str, name: str) -> Mapping[str, str] | None:
    """The newest headers of an object in the segments container; None if there is none."""
    if not layout.is_name(name):
        return None
    try:
        return await account.head_object(layout.segments_container(bucket), name, newest=True)
    except SwiftStatus as error:
        if error.status == 404:
            return None
        raise


async def list_parts(account: Account, bucket: str, key: str, upload_id: str) -> dict[int, Part]:
    """The parts that the listing shows, by number; it may lag behind the uploads."""
    prefix = layout.part_prefix(key, upload_id)
    parts = {}
    async for entry in _entries(account, layout.segments_container(bucket), prefix):
        number = layout.parse_part_number(str(entry["name"]).removeprefix(prefix))
        if number is not None:
            etag = str(entry["hash"])
            kept = checksums.of_part(str(entry.get("content_type", "")), etag)
            parts[number] = Part(number, etag, int(entry["bytes"]), entry_time(entry), kept)
    return parts


async def list_uploads(account: Account, bucket: str, prefix: str) -> list[OpenUpload]:
    """Every open upload of keys with the prefix, by key, then time, then id."""
    if not layout.is_name(prefix):
        return []
    found = []
    async for entry in _entries(account, layout.segments_container(bucket), prefix):
        upload = layout.parse_marker_name(str(entry["name"]))
        # The prefix of the name may reach into the upload id.
        if upload is not None and upload[0].startswith(prefix):
            found.append(OpenUpload(*upload, entry_time(entry), str(entry["last_modified"])))
    return sorted(found, key=lambda upload: (upload.key.encode(), upload.stamp, upload.upload_id))


async def begun_with(account: Account, bucket: str, upload: OpenUpload) -> UploadChecksum | None:
    """The checksum that the upload is to have, which its marker tells and no listing.

    None also for an upload that has ended meanwhile.
    """
    name = layout.marker_name(upload.key, upload.upload_id)
    try:
        marker = await account.head_object(layout.segments_container(bucket), name)
    except SwiftStatus as error:
        if error.status == 404:
            return None
        raise
    return checksums.of_upload(marker)


async def create_segments(account: Account, bucket: str, facts: ContainerFacts) -> None:
    """Create the container of the bucket's parts, as near to the bucket's own as can be."""
    headers = {
        "X-Storage-Policy": facts.storage_policy,
        "X-Container-Read": facts.read_acl,
        "X-Container-Write": facts.write_acl,
    }
    await account.put_container(
        layout.segments_container(bucket), {name: value for name, value in headers.items() if value}
    )


async def adopt_segments(account: Account, bucket: str) -> bool:
    """Make sure that a new bucket's parts can have its storage policy, which nobody can change.

    False if there is no container of parts.  An empty one of another policy goes; raises
    OperationAborted if something is in it.
    """
    container = layout.segments_container(bucket)
    found = await read_facts(account, container)
    if found is None:
        return False
    facts = await read_facts(account, bucket)
    if facts is None or facts.storage_policy == found.storage_policy:
        return True
    try:
        await account.delete_container(container)
    except SwiftStatus as error:
        if error.status == 409:
            raise OperationAborted(
                "Parts of an earlier bucket of this name are left, in another storage class."
            ) from error
        if error.status != 404:
            raise
    return False


async def manifest_names(
    account: Account, bucket: str, key: str, upload_id: str, version_id: str | None = None
) -> bool:
    """Whether the key's newest manifest (or a version's) names parts of the upload."""
    try:
        segments = await account.get_manifest(bucket, key, newest=True, version_id=version_id)
    except SwiftStatus as error:
        if error.status == 404:
            return False
        raise
    ours = key, upload_id
    return any(
        layout.upload_of_segment(str(segment.get("path", "")), bucket) == ours
        for segment in segments
    )


async def any_version_names(account: Account, bucket: str, key: str, upload_id: str) -> bool:
    """Whether the manifest of any of the key's versions names parts of the upload.

    The newest is asked itself, since the listing may lag.
    """
    if await manifest_names(account, bucket, key, upload_id):
        return True
    marker, version_marker = "", ""
    while True:
        query = {"versions": "", **query_for_key(key), "limit": _PAGE}
        if marker:
            query |= {"marker": marker, "version_marker": version_marker}
        _, page = await account.list_objects(bucket, query, newest=True)
        for entry in page:
            # All other names come behind the key itself.
            if entry.get("name") != key:
                return False
            if await manifest_names(account, bucket, key, upload_id, str(entry["version_id"])):
                return True
        if len(page) < _PAGE:
            return False
        marker, version_marker = str(page[-1]["name"]), str(page[-1]["version_id"])


async def flag_abort(account: Account, bucket: str, key: str, upload_id: str) -> None:
    """Say, before the upload's parts go, that they may be going."""
    name = layout.aborting_name(key, upload_id)
    await account.put_object(
        layout.segments_container(bucket), name, {"Content-Type": "application/octet-stream"}, b""
    )


async def claim_abort(account: Account, bucket: str, key: str, upload_id: str, now: float) -> bool:
    """As flag_abort, unless another is deleting the upload's parts (False)."""
    headers = {"Content-Type": "application/octet-stream", "If-None-Match": "*"}
    name = layout.aborting_name(key, upload_id)
    try:
        await account.put_object(layout.segments_container(bucket), name, headers, b"")
    except SwiftStatus as error:
        if error.status != 412:
            raise
        if await is_aborting(account, bucket, key, upload_id, now):
            return False
        await flag_abort(account, bucket, key, upload_id)
    return True


async def unflag_abort(account: Account, bucket: str, key: str, upload_id: str) -> None:
    """Say that no part of the upload will go any more."""
    name = layout.aborting_name(key, upload_id)
    try:
        await account.delete_object(layout.segments_container(bucket), name)
    except SwiftStatus as error:
        if error.status != 404:
            raise


async def is_aborting(account: Account, bucket: str, key: str, upload_id: str, now: float) -> bool:
    """Whether an abort of the upload may be deleting parts; `now`: seconds since the epoch."""
    if not layout.is_upload_id(upload_id):
        return False
    headers = await _read(account, bucket, layout.aborting_name(key, upload_id))
    return headers is not None and now - last_modified(headers).timestamp() < _ABORT_LIFE


async def kept_of(account: Account, bucket: str, key: str, upload_id: str) -> AsyncIterator[Entry]:
    """What the listing shows of the upload's parts and sub-manifests."""
    prefix = layout.part_prefix(key, upload_id)
    flag = layout.aborting_name(key, upload_id)
    async for entry in _entries(account, layout.segments_container(bucket), prefix):
        name = str(entry["name"])
        # A key may itself look like `<another key>/<its upload id>`.
        if layout.is_part_of(name, key, upload_id) and name != flag:
            yield entry


async def delete_upload(account: Account, bucket: str, key: str, upload_id: str) -> None:
    """Delete the upload's parts and sub-manifests (not its marker, and not the abort's flag)."""
    names = [str(entry["name"]) async for entry in kept_of(account, bucket, key, upload_id)]
    await delete_objects(account, layout.segments_container(bucket), names)


async def delete_segments(account: Account, bucket: str) -> None:
    """Delete all uploads and parts of a bucket that is gone, and then their container."""
    container = layout.segments_container(bucket)
    if not await delete_behind(account, bucket, container, ""):
        return
    try:
        await account.delete_container(container)
    except SwiftStatus as error:
        if error.status not in {404, 409}:
            raise


async def delete_behind(account: Account, bucket: str, container: str, prefix: str) -> bool:
    """Delete what a bucket that is gone left in another container.

    A bucket that was made anew meanwhile keeps what is there, for it may be its own: False.
    """
    names = [str(entry["name"]) async for entry in _entries(account, container, prefix)]
    for start in range(0, len(names), _BATCH):
        if await read_facts(account, bucket) is not None:
            return False
        await delete_objects(account, container, names[start : start + _BATCH])
    return True


async def delete_objects(account: Account, container: str, names: Iterable[str]) -> None:
    """Delete objects, some at a time; those already gone are fine.

    One that cannot be deleted keeps none of the others; raises what Swift said of the first.
    """
    failures: list[SwiftStatus | SwiftUnreachable] = []

    async def delete(name: str) -> None:
        if len(failures) >= _HOPELESS:
            return
        try:
            await account.delete_object(container, name)
        except (SwiftStatus, SwiftUnreachable) as error:
            if not isinstance(error, SwiftStatus) or error.status != 404:
                failures.append(error)

    await parallel.for_each(names, delete)
    if failures:
        raise failures[0]


async def _entries(account: Account, container: str, prefix: str) -> AsyncIterator[Entry]:
    """The objects of a container with the prefix; none if there is no container."""
    marker = ""
    while True:
        query: dict[str, str | int] = {"prefix": prefix, "limit": _PAGE, "marker": marker}
        try:
            _, page = await account.list_objects(container, query)
        except SwiftStatus as error:
            if error.status == 404:
                return
            raise
        for entry in page:
            if "name" in entry:
                yield entry
        if len(page) < _PAGE:
            return
        marker = str(page[-1].get("name", ""))
