"""DeleteObject and DeleteObjects.

The rule: a large object's parts go with it only on the word of a HEAD of that very object, made
just before; an object that has, or had, versions is always deleted plainly (docs/mapping.md).
"""

from collections.abc import Iterable
from itertools import takewhile
from urllib.parse import quote, unquote

from s3gw.buckets import parallel
from s3gw.buckets.facts import from_headers
from s3gw.call import Call, Response
from s3gw.mapping import etags
from s3gw.mapping.errors import as_s3_error, from_status
from s3gw.mapping.listing import UNSEEKABLE
from s3gw.mapping.versions import check_null_version, check_version_id, is_versioned
from s3gw.patience import patient
from s3gw.s3.bodies import Delete, ObjectIdentifier, parse_delete
from s3gw.s3.documents import DeletedObject, DeleteFailure, delete_result
from s3gw.s3.errors import InvalidRequest, NoSuchBucket, NotImplemented, S3Error, ServiceUnavailable
from s3gw.s3.xml import Element
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable

_LISTING = 10_000
# Swift refuses a whole bulk request for one line of more than twice its longest path.
_BULK_LINE = 2_000


async def delete_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html."""
    check_version_id(call.query.get("versionId"))
    _refuse_conditions(call)
    await _delete_one(call, call.key)
    return Response(204)


def _refuse_conditions(call: Call) -> None:
    for name in ("if-match", "x-amz-if-match-size", "x-amz-if-match-last-modified-time"):
        if name in call.headers:
            raise NotImplemented(Header=name)


async def _delete_one(call: Call, key: str) -> None:
    """HEAD, then the DELETE that the object needs; a missing object is fine."""
    try:
        headers = await call.swift.head_object(call.bucket, key, newest=True)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        await _delete_missing(call, key)
        return
    check_null_version(call.query, headers)
    try:
        if etags.is_static_large_object(headers) and not is_versioned(headers):
            await _delete_large(call, key)
        else:
            await call.swift.delete_object(call.bucket, key)
    except SwiftStatus as error:
        if error.status != 404:
            raise


async def _delete_large(call: Call, key: str) -> None:
    try:
        await call.swift.delete_large_object(call.bucket, key)
    except SwiftStatus as error:
        # Overwritten since the HEAD by an object without parts: Swift has deleted nothing.
        if error.status != 400 or b"Not an SLO manifest" not in error.body:
            raise
        await call.swift.delete_object(call.bucket, key)


async def _delete_missing(call: Call, key: str) -> None:
    """A bucket with versioning keeps a delete marker also of a name that never was."""
    facts = await call.bucket_facts()
    if facts.versioning:
        try:
            await call.swift.delete_object(call.bucket, key)
        except SwiftStatus as error:
            if error.status != 404:
                raise


async def delete_objects(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html."""
    if not call.body.expectation.vouched:
        raise InvalidRequest(
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        )
    wanted = parse_delete(await call.read_xml())
    await call.bucket_facts()
    return await patient(call, _delete_many(call, wanted))


async def _delete_many(call: Call, wanted: Delete) -> Element:
    failures: dict[str, S3Error] = {}
    keys: list[str] = []
    for item in wanted.objects:
        refusal = _refusal(item)
        if refusal is None:
            keys.append(item.key)
        else:
            failures[item.key] = refusal
    plain, single = await _sorted_out(call, dict.fromkeys(keys))
    failures.update(await _delete_in_bulk(call, plain))
    failures.update(await _delete_singly(call, single))
    return delete_result(
        [
            DeletedObject(item.key, item.version_id)
            for item in wanted.objects
            if item.key not in failures
        ],
        [
            DeleteFailure(item.key, item.version_id, failures[item.key])
            for item in wanted.objects
            if item.key in failures
        ],
        quiet=wanted.quiet,
    )


def _refusal(item: ObjectIdentifier) -> S3Error | None:
    if item.etag is not None or item.size is not None or item.last_modified_time is not None:
        return NotImplemented("Conditional deletes are not implemented.")
    try:
        check_version_id(item.version_id)
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
        report = await call.swift.bulk_delete(
            (call.bucket, key) for key in keys[start : start + size]
        )
        errors = report.get("Errors") or []
        for path, status in errors:
            key = unquote(str(path)).removeprefix(f"/{call.bucket}/")
            failures[key] = from_status(int(str(status)[:3]))
        if not errors and not str(report.get("Response Status", "")).startswith("2"):
            raise ServiceUnavailable
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
