"""DeleteObject and DeleteObjects.

The rule: a large object's parts go with it only on the word of HEADs of that very object and its
container, made just before; what has, or had, versions is always deleted plainly
(docs/mapping.md).
"""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from urllib.parse import quote, unquote

from s3gw.buckets import parallel
from s3gw.buckets.facts import from_headers, read_facts
from s3gw.call import Call, Response
from s3gw.mapping import etags
from s3gw.mapping.errors import as_s3_error, from_status
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.listing import UNSEEKABLE
from s3gw.mapping.versions import (
    NULL,
    VERSION_ID,
    check_version_id,
    is_versioned,
    keeps_versions,
)
from s3gw.patience import patient
from s3gw.s3.bodies import Delete, ObjectIdentifier, parse_delete
from s3gw.s3.documents import DeletedObject, DeleteFailure, delete_result
from s3gw.s3.errors import NoSuchBucket, NotImplemented, S3Error, ServiceUnavailable
from s3gw.s3.names import check_key
from s3gw.s3.xml import Element
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_LISTING = 10_000
# Swift refuses a whole bulk request for one line of more than twice its longest path.
_BULK_LINE = 2_000


async def delete_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html."""
    check_key(call.key, NAME_LIMIT)
    version_id = call.query.get("versionId")
    _check_nameable(version_id)
    _refuse_conditions(call)
    await _delete_one(call, call.key, version_id)
    call.free_parts([call.key])
    return Response(204)


def _check_nameable(version_id: str | None) -> None:
    check_version_id(version_id)
    if version_id not in {None, NULL}:
        raise _unnameable()


def _unnameable() -> NotImplemented:
    return NotImplemented("Deleting versions is not implemented.", Parameter="versionId")


def _refuse_conditions(call: Call) -> None:
    for name in ("if-match", "x-amz-if-match-size", "x-amz-if-match-last-modified-time"):
        if name in call.headers:
            raise NotImplemented(Header=name)


async def _delete_one(call: Call, key: str, version_id: str | None = None) -> None:
    """HEAD, then the DELETE that the object needs; a missing object is fine."""
    try:
        headers = await call.swift.head_object(call.bucket, key, newest=True)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        await _delete_missing(call, key, version_id)
        return
    if version_id is not None and headers.get(VERSION_ID, NULL) != NULL:
        raise _unnameable()
    try:
        if etags.is_static_large_object(headers) and not await _keeps_versions(call, headers):
            await _delete_large(call, key)
        else:
            await call.swift.delete_object(call.bucket, key)
    except SwiftStatus as error:
        if error.status != 404:
            raise


async def _keeps_versions(call: Call, headers: Mapping[str, str]) -> bool:
    """Whether older versions may need an object's parts: it says so, or its container does."""
    return is_versioned(headers) or keeps_versions(
        await call.swift.head_container(call.bucket, newest=True)
    )


async def _delete_large(call: Call, key: str) -> None:
    try:
        await call.swift.delete_large_object(call.bucket, key)
    except SwiftStatus as error:
        # Overwritten since the HEAD by an object without parts: Swift has deleted nothing.
        if error.status != 400 or b"Not an SLO manifest" not in error.body:
            raise
        await call.swift.delete_object(call.bucket, key)


async def _delete_missing(call: Call, key: str, version_id: str | None) -> None:
    """A bucket with versioning keeps a delete marker also of a name that never was."""
    facts = await call.bucket_facts()
    if not facts.versioning:
        return
    if version_id is not None:
        raise _unnameable()
    try:
        await call.swift.delete_object(call.bucket, key)
    except SwiftStatus as error:
        if error.status != 404:
            raise


async def delete_objects(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html."""
    wanted = parse_delete(await call.read_vouched_xml())
    await call.bucket_facts()
    return await patient(call, _delete_many(call, wanted))


async def _delete_many(call: Call, wanted: Delete) -> Element:
    refused = await _refused(call, wanted.objects)
    keys = dict.fromkeys(item.key for item in wanted.objects if item not in refused)
    plain, single = await _sorted_out(call, keys)
    failed = await _delete_in_bulk(call, plain) | await _delete_singly(call, single)
    if keys:
        call.free_parts(keys)
    outcomes = [(item, refused.get(item) or failed.get(item.key)) for item in wanted.objects]
    return delete_result(
        [DeletedObject(item.key, item.version_id) for item, error in outcomes if error is None],
        [
            DeleteFailure(item.key, item.version_id, error)
            for item, error in outcomes
            if error is not None
        ],
        quiet=wanted.quiet,
    )


async def _refused(
    call: Call, items: Iterable[ObjectIdentifier]
) -> dict[ObjectIdentifier, S3Error]:
    """The objects that are not to be touched, and why."""
    reasons = {item: _refusal(item) for item in items}
    if any(item.version_id is not None and reason is None for item, reason in reasons.items()):
        facts = await read_facts(call.swift, call.bucket)
        if facts is None:
            raise NoSuchBucket(BucketName=call.bucket)
        if facts.versioning:
            reasons |= {item: _unnameable() for item in reasons if item.version_id is not None}
    return {item: reason for item, reason in reasons.items() if reason is not None}


def _refusal(item: ObjectIdentifier) -> S3Error | None:
    if item.etag is not None or item.size is not None or item.last_modified_time is not None:
        return NotImplemented("Conditional deletes are not implemented.")
    try:
        check_key(item.key, NAME_LIMIT)
        _check_nameable(item.version_id)
    except S3Error as error:
        return error
    return None


async def _sorted_out(call: Call, keys: Iterable[str]) -> tuple[list[str], list[str]]:
    """The keys that a plain DELETE is right for, and those that need a HEAD each."""
    ordered = sorted(keys, key=str.encode)
    if not (await call.info()).bulk_delete:
        return [], ordered
    short = [key for key in ordered if len(quote(key)) <= _BULK_LINE]
    single = [key for key in ordered if len(quote(key)) > _BULK_LINE]
    if not short or not await call.services.facts.has_segments(
        call.account_id, call.swift, call.bucket
    ):
        return short, single
    versioned, listed = await _listed(call, short)
    if versioned:
        return short, single
    # Not listed says nothing (listings lag), and neither does a page that ended too early.
    plain = [key for key in short if key in listed and not listed[key].get("slo_etag")]
    return plain, [*single, *(key for key in short if key not in set(plain))]


async def _listed(call: Call, ordered: list[str]) -> tuple[bool, dict[str, Entry]]:
    """Whether the bucket has (had) versions, and what one listing around the keys shows."""
    first, last = ordered[0], ordered[-1]
    query: dict[str, str | int] = {
        "prefix": _common_prefix(first, last),
        "marker": first[:-1],
        "end_marker": last + "\x01",
        "limit": _LISTING,
    }
    try:
        headers, entries = await call.swift.list_objects(call.bucket, query, newest=True)
    except SwiftStatus as error:
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        raise
    return bool(from_headers(headers).versioning), {
        str(entry["name"]): entry for entry in entries if "name" in entry
    }


def _common_prefix(one: str, other: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(pair[0] for pair in same).rstrip("".join(UNSEEKABLE))


async def _delete_in_bulk(call: Call, keys: list[str]) -> dict[str, S3Error]:
    """Delete plainly; what failed, and why."""
    failures: dict[str, S3Error] = {}
    size = (await call.info()).max_deletes_per_request
    for start in range(0, len(keys), size):
        some = keys[start : start + size]
        report = await call.swift.bulk_delete((call.bucket, key) for key in some)
        failures.update(_failed(call.bucket, some, report))
    return failures


def _failed(bucket: str, keys: list[str], report: Entry) -> dict[str, S3Error]:
    """The failures that a bulk report tells.

    Swift gives up after so many, and does not say which keys it had not come to.
    """
    failures = {
        unquote(str(path)).removeprefix(f"/{bucket}/"): from_status(int(str(status)[:3]))
        for path, status in report.get("Errors") or []
    }
    done = int(report.get("Number Deleted", 0)) + int(report.get("Number Not Found", 0))
    if done + len(failures) < len(keys):
        return dict.fromkeys(keys, ServiceUnavailable()) | failures
    return failures


async def _delete_singly(call: Call, keys: list[str]) -> dict[str, S3Error]:
    """Delete each as DeleteObject does; what failed, and why."""

    async def delete(key: str) -> tuple[str, S3Error] | None:
        try:
            await _delete_one(call, key)
        except (S3Error, SwiftStatus, SwiftUnreachable) as error:
            return key, as_s3_error(error) or ServiceUnavailable()
        return None

    outcomes = await parallel.for_each(keys, delete)
    return dict(outcome for outcome in outcomes if outcome is not None)
