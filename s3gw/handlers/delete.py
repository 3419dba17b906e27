"""DeleteObject and DeleteObjects.

The rule: what a bulk delete of Swift's would do right goes by one; all else by `s3gw.deletion`,
one by one (docs/mapping.md).
"""

from collections.abc import Iterable
from itertools import takewhile
from math import ceil
from urllib.parse import quote, unquote

from s3gw.buckets import parallel
from s3gw.buckets.facts import from_headers
from s3gw.call import Call, Response
from s3gw.deletion import Deleted, delete
from s3gw.mapping.errors import as_s3_error, from_status
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.listing import UNSEEKABLE
from s3gw.mapping.versions import check_version_id
from s3gw.object_version import answer_headers
from s3gw.patience import patient
from s3gw.s3.bodies import Delete, ObjectIdentifier, parse_delete
from s3gw.s3.conditions import DeleteConditions
from s3gw.s3.documents import DeletedObject, DeleteFailure, delete_result
from s3gw.s3.errors import NoSuchBucket, S3Error, ServiceUnavailable
from s3gw.s3.names import check_key
from s3gw.s3.xml import Element
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_LISTING = 10_000
# Swift refuses a whole bulk request for one line of more than twice its longest path.
_BULK_LINE = 2_000
# Swift deletes two objects of a bulk request at a time (delete_concurrency): more requests at a
# time are faster, if each has enough to do.
_BULK_REQUESTS = 4
_BULK_WORTH = 50


async def delete_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html."""
    check_key(call.key, NAME_LIMIT)
    conditions = DeleteConditions.from_headers(call.headers)
    deleted = await delete(call, call.key, call.query.get("versionId"), conditions)
    call.free_parts([call.key])
    return Response(204, answer_headers(deleted.version_id, is_marker=deleted.is_marker))


async def delete_objects(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html."""
    wanted = parse_delete(await call.read_vouched_xml())
    await call.bucket_facts()
    return await patient(call, _delete_many(call, wanted))


async def _delete_many(call: Call, wanted: Delete) -> Element:
    done: dict[ObjectIdentifier, Deleted | S3Error] = {}
    for item in wanted.objects:
        refusal = _refusal(item)
        if refusal is not None:
            done[item] = refusal
    left = [item for item in dict.fromkeys(wanted.objects) if item not in done]
    plain, single = await _sorted_out(call, left)
    failed = await _delete_in_bulk(call, plain)
    done |= {ObjectIdentifier(key): failed.get(key) or Deleted() for key in plain}
    done |= await _delete_singly(call, single)
    if left:
        call.free_parts({item.key for item in left})
    outcomes = [(item, done[item]) for item in wanted.objects]
    return delete_result(
        [_deleted(item, end) for item, end in outcomes if isinstance(end, Deleted)],
        [
            DeleteFailure(item.key, item.version_id, end)
            for item, end in outcomes
            if isinstance(end, S3Error)
        ],
        quiet=wanted.quiet,
    )


def _deleted(item: ObjectIdentifier, end: Deleted) -> DeletedObject:
    marker = end.version_id if end.is_marker else None
    return DeletedObject(item.key, item.version_id, end.is_marker, marker)


def _refusal(item: ObjectIdentifier) -> S3Error | None:
    try:
        check_key(item.key, NAME_LIMIT)
        check_version_id(item.version_id)
    except S3Error as error:
        return error
    return None


async def _sorted_out(
    call: Call, items: Iterable[ObjectIdentifier]
) -> tuple[list[str], list[ObjectIdentifier]]:
    """The keys that a plain DELETE is right for, and what needs a look each.

    That is all where versions are kept: a bulk delete tells no version ids.
    """
    ordered = sorted(items, key=lambda item: item.key.encode())
    facts, info = await call.bucket_facts(), await call.info()
    if facts.versioning or not info.bulk_delete:
        return [], ordered
    named = {
        item.key for item in ordered if item.version_id is not None or item.conditions.are_given
    }
    unnamed = [item.key for item in ordered if item.key not in named]
    plain, single = await _sorted_keys(call, unnamed)
    looked_at = named | set(single)
    return plain, [item for item in ordered if item.key in looked_at]


async def _sorted_keys(call: Call, ordered: list[str]) -> tuple[list[str], list[str]]:
    """The keys that a plain DELETE is right for, and those that need a HEAD each."""
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
    most = (await call.info()).max_deletes_per_request
    size = min(most, max(_BULK_WORTH, ceil(len(keys) / _BULK_REQUESTS)))
    runs = [keys[start : start + size] for start in range(0, len(keys), size)]

    async def delete_some(some: list[str]) -> None:
        report = await call.swift.bulk_delete((call.bucket, key) for key in some)
        failures.update(_failed(call.bucket, some, report))

    await parallel.for_each(runs, delete_some)
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


async def _delete_singly(
    call: Call, items: Iterable[ObjectIdentifier]
) -> dict[ObjectIdentifier, Deleted | S3Error]:
    """Delete each as DeleteObject does; versions of one key one after the other.

    The oldest goes first, so that what is deleted, too, is hardly ever made the newest.
    """
    by_key: dict[str, list[ObjectIdentifier]] = {}
    for item in items:
        by_key.setdefault(item.key, []).append(item)
    done: dict[ObjectIdentifier, Deleted | S3Error] = {}

    async def delete_all(some: list[ObjectIdentifier]) -> None:
        for item in sorted(some, key=lambda item: item.version_id or "~"):
            try:
                done[item] = await delete(call, item.key, item.version_id, item.conditions)
            except (S3Error, SwiftStatus, SwiftUnreachable) as error:
                done[item] = as_s3_error(error) or ServiceUnavailable()

    await parallel.for_each(by_key.values(), delete_all)
    return done
