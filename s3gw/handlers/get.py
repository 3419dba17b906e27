"""GetObject and HeadObject: one request to Swift each.

Conditions that Swift judges as S3 does go with the request; all of them are judged once more on
the answer's own ETag and time, since Swift knows nothing of S3's ETags.
"""

from collections.abc import AsyncIterator, Mapping

from s3gw.call import Call, Response
from s3gw.mapping import checksums, metadata, tags
from s3gw.mapping.conditions import for_swift, last_modified
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.object_version import Found, Subject, answer_headers, find, head, subject_of
from s3gw.s3.errors import BrokenMPU, InvalidRange, NotImplemented, PreconditionFailed
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
    # Of a delete marker Swift judges conditions, where S3 says that it is one.
    headers = {} if "versionId" in call.query else for_swift(conditions)
    if wanted is not None:
        headers["Range"] = wanted.canonical
    answer, found = await _get(subject_of(call), headers)
    try:
        response = await _judged(call, answer.status, found, conditions, wanted)
        if response.status == 304:
            answer.close()
            return response
        _apply(response, overrides)
        response.body = await _payload(answer)
    except BaseException:
        answer.close()
        raise
    return response


async def _get(subject: Subject, headers: Mapping[str, str]) -> tuple[SwiftResponse, Found]:
    """The named version's answer: 200, 206, 304, 412 or 416."""
    answers: list[SwiftResponse] = []

    async def ask(query: Mapping[str, str]) -> Mapping[str, str]:
        answers.append(await _ask(subject, headers, query))
        return answers[-1].headers

    try:
        found = await find(subject, ask)
    except BaseException:
        for answer in answers:
            answer.close()
        raise
    for answer in answers[:-1]:
        answer.close()
    return answers[-1], found


async def _ask(
    subject: Subject, headers: Mapping[str, str], query: Mapping[str, str]
) -> SwiftResponse:
    try:
        answer = await subject.swift.get_object(
            subject.bucket, subject.key, headers=headers, query=query, also=(304, 412, 416)
        )
    except SwiftStatus as error:
        if error.status == 409:  # segments of a large object are gone
            raise BrokenMPU from error
        raise
    if answer.status == 412 and "Etag" not in answer.headers:  # the condition is: to be there
        answer.close()
        raise SwiftStatus(404, "GET", subject.key, headers=answer.headers)
    return answer


async def head_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html."""
    conditions, wanted, overrides = _read_request(call)
    found = await head(subject_of(call))
    status = 200 if wanted is None else 206
    response = await _judged(call, status, found, conditions, wanted)
    if response.status == 206 and wanted is not None:
        size = int(found.headers.get("Content-Length", "0"))
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
    return (
        Conditions.from_headers(call.headers, call.services.clock() + _AHEAD),
        parse_range(call.headers.get("range")),
        response_overrides(call.query, anonymous=call.caller is None),
    )


async def _judged(
    call: Call, status: int, found: Found, conditions: Conditions, wanted: ByteRange | None
) -> Response:
    """The answer's status and headers, or the S3 error that the conditions make of it."""
    headers = found.headers
    if status == 412:
        given = "If-Match" if conditions.if_match is not None else "If-Unmodified-Since"
        raise PreconditionFailed(Condition=given)
    etag = await call.services.etags.of_object(
        call.account_id, call.swift, call.bucket, call.key, headers, found.query
    )
    outcome = conditions.evaluate(etag, last_modified(headers))
    if outcome is Outcome.NOT_MODIFIED or status == 304:
        return _not_modified(found, etag)
    if status == 416 and wanted is not None:
        size = headers.get("Content-Range", "").rpartition("/")[2]
        raise InvalidRange(RangeRequested=wanted.text, ActualObjectSize=size)
    if status == 200 and wanted is not None:
        wanted.resolve(int(headers.get("Content-Length", "0")))  # Swift finds `-1` in nothing
    return Response(status, _object_headers(call, status, found, etag))


def _not_modified(found: Found, etag: str) -> Response:
    headers = found.headers
    kept = [
        (name, metadata.encode_value(headers[name])) for name in _CACHE_HEADERS if name in headers
    ]
    stamp = headers.get("Last-Modified", "")
    version = answer_headers(found.version_id)
    return Response(304, [("ETag", f'"{etag}"'), ("Last-Modified", stamp), *version, *kept])


def _object_headers(call: Call, status: int, version: Found, etag: str) -> list[tuple[str, str]]:
    headers = version.headers
    found = [
        ("ETag", f'"{etag}"'),
        ("Last-Modified", headers.get("Last-Modified", "")),
        ("Accept-Ranges", "bytes"),
        *answer_headers(version.version_id),
        *metadata.from_swift(headers),
    ]
    if call.is_owner and (count := len(tags.from_swift(headers))):
        found.append(("x-amz-tagging-count", str(count)))
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
