"""GetObject and HeadObject: one request to Swift each.

Conditions that Swift judges as S3 does go with the request; all of them are judged once more on
the answer's own ETag and time, since Swift knows nothing of S3's ETags.
"""

from collections.abc import AsyncIterator, Mapping

from s3gw.call import Call, Response
from s3gw.mapping import checksums, metadata
from s3gw.mapping.conditions import for_swift, last_modified
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.versions import check_null_version, check_version_id
from s3gw.s3.errors import BrokenMPU, InvalidRange, NoSuchKey, NotImplemented, PreconditionFailed
from s3gw.s3.headers import (
    ByteRange,
    Conditions,
    Outcome,
    parse_range,
    response_overrides,
)
from s3gw.s3.names import check_key
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import SwiftResponse

# Up to here an answer is read whole and sent in one piece, which costs least.
_SMALL = 64 * 1024

# Swift rounds an object's time up, so that of a new one is ahead of the clock.
_AHEAD = 1.0

_CACHE_HEADERS = ("Cache-Control", "Expires")


async def get_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""
    conditions, wanted, overrides = _read_request(call)
    headers = for_swift(conditions)
    if wanted is not None:
        headers["Range"] = wanted.canonical
    try:
        answer = await call.swift.get_object(
            call.bucket, call.key, headers=headers, also=(304, 404, 412, 416)
        )
    except SwiftStatus as error:
        if error.status == 409:  # segments of a large object are gone
            raise BrokenMPU from error
        raise
    try:
        response = await _judged(call, answer.status, answer.headers, conditions, wanted)
        if response.status == 304:
            answer.close()
            return response
        _apply(response, overrides)
        response.body = await _payload(answer)
    except BaseException:
        answer.close()
        raise
    return response


async def head_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html."""
    conditions, wanted, overrides = _read_request(call)
    try:
        headers = await call.swift.head_object(call.bucket, call.key)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        raise await call.missing(NoSuchKey(Key=call.key)) from error
    status = 200 if wanted is None else 206
    response = await _judged(call, status, headers, conditions, wanted)
    if response.status == 206 and wanted is not None:
        size = int(headers.get("Content-Length", "0"))
        first, last = wanted.resolve(size)
        response.headers = [
            *(header for header in response.headers if header[0] != "Content-Length"),
            ("Content-Length", str(last - first + 1)),
            ("Content-Range", f"bytes {first}-{last}/{size}"),
        ]
    _apply(response, overrides)
    return response


def _read_request(call: Call) -> tuple[Conditions, ByteRange | None, dict[str, str]]:
    if "partNumber" in call.query:
        raise NotImplemented("Reading by part number is not implemented.", Parameter="partNumber")
    check_key(call.key, NAME_LIMIT)
    check_version_id(call.query.get("versionId"))
    return (
        Conditions.from_headers(call.headers, call.services.clock() + _AHEAD),
        parse_range(call.headers.get("range")),
        response_overrides(call.query, anonymous=call.caller is None),
    )


async def _judged(
    call: Call,
    status: int,
    headers: Mapping[str, str],
    conditions: Conditions,
    wanted: ByteRange | None,
) -> Response:
    """The answer's status and headers, or the S3 error that the conditions make of it."""
    if status == 404 or (status == 412 and "Etag" not in headers):
        raise await call.missing(NoSuchKey(Key=call.key))
    check_null_version(call.query.get("versionId"), headers)
    if status == 412:
        given = "If-Match" if conditions.if_match is not None else "If-Unmodified-Since"
        raise PreconditionFailed(Condition=given)
    etag = await call.services.etags.of_object(
        call.account_id, call.swift, call.bucket, call.key, headers
    )
    outcome = conditions.evaluate(etag, last_modified(headers))
    if outcome is Outcome.NOT_MODIFIED or status == 304:
        return _not_modified(headers, etag)
    if status == 416 and wanted is not None:
        size = headers.get("Content-Range", "").rpartition("/")[2]
        raise InvalidRange(RangeRequested=wanted.text, ActualObjectSize=size)
    if status == 200 and wanted is not None:
        wanted.resolve(int(headers.get("Content-Length", "0")))  # Swift finds `-1` in nothing
    return Response(status, _object_headers(call, status, headers, etag))


def _not_modified(headers: Mapping[str, str], etag: str) -> Response:
    kept = [
        (name, metadata.encode_value(headers[name])) for name in _CACHE_HEADERS if name in headers
    ]
    stamp = headers.get("Last-Modified", "")
    return Response(304, [("ETag", f'"{etag}"'), ("Last-Modified", stamp), *kept])


def _object_headers(
    call: Call, status: int, headers: Mapping[str, str], etag: str
) -> list[tuple[str, str]]:
    found = [
        ("ETag", f'"{etag}"'),
        ("Last-Modified", headers.get("Last-Modified", "")),
        ("Accept-Ranges", "bytes"),
        *metadata.from_swift(headers),
    ]
    # Of a dynamic large object of very many segments Swift tells no length.
    sizes = ("Content-Length", "Content-Range")
    found.extend((name, headers[name]) for name in sizes if name in headers)
    # Clients check a checksum against what they got, so it never goes with a part of the object.
    if (call.headers.get("x-amz-checksum-mode") or "").upper() == "ENABLED" and status == 200:
        found.extend(checksums.from_swift(headers))
    return found


def _apply(response: Response, overrides: Mapping[str, str]) -> None:
    if overrides and response.status in {200, 206}:
        kept = [header for header in response.headers if header[0] not in overrides]
        response.headers = [*kept, *overrides.items()]


async def _payload(answer: SwiftResponse) -> bytes | AsyncIterator[bytes]:
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and int(length) <= _SMALL:
        return await answer.read()
    return answer.chunks()
