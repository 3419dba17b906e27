"""GetObject and HeadObject: one request to Swift each, two for a part of a multipart object.

Conditions that Swift judges as S3 does go with the request; all of them are judged once more on
the answer's own ETag and time, since Swift knows nothing of S3's ETags.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from s3gw import storage_class
from s3gw.buckets.parts import read_parts
from s3gw.call import Call, Response
from s3gw.mapping import checksums, etags, metadata, tags
from s3gw.mapping.conditions import AHEAD, for_swift, last_modified
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.parts import ObjectPart
from s3gw.object_version import Found, Subject, answer_headers, find, head, subject_of
from s3gw.s3.errors import (
    BrokenMPU,
    InvalidPartNumber,
    InvalidRange,
    InvalidRequest,
    PreconditionFailed,
    ServiceUnavailable,
)
from s3gw.s3.headers import (
    ByteRange,
    Conditions,
    Outcome,
    parse_range,
    part_number,
    response_overrides,
)
from s3gw.s3.names import check_key
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import SwiftResponse

# Up to here an answer is read whole and sent in one piece, which costs least.
_SMALL = 64 * 1024

# Looks at an object that is replaced again and again between two requests.
_TRIES = 3

_CACHE_HEADERS = ("Cache-Control", "Expires")
_SIZES = ("Content-Length", "Content-Range")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks of the answer."""

    conditions: Conditions
    range: ByteRange | None
    part: int | None
    """The number of the part that is wanted."""
    overrides: Mapping[str, str]


async def get_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""
    asked = _read_request(call)
    subject = subject_of(call)
    if asked.part is not None:
        return await _get_part(call, subject, asked, asked.part)
    # Of a delete marker Swift judges conditions, where S3 says that it is one.
    headers = {} if "versionId" in call.query else for_swift(asked.conditions)
    if asked.range is not None:
        headers["Range"] = asked.range.canonical
    answer, found = await _get(subject, headers)
    if _is_misjudged(answer.status, found, asked.conditions):
        answer.close()
        kept = {name: value for name, value in headers.items() if name == "Range"}
        answer, found = await _get(subject, kept)
    return await _sent(call, answer, found, asked)


async def head_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html."""
    asked = _read_request(call)
    subject = subject_of(call)
    if asked.part is not None:
        return await _head_part(call, subject, asked, asked.part)
    found = await head(subject)
    status = 200 if asked.range is None else 206
    response = await _judged(call, status, found, asked)
    if response.status == 206 and asked.range is not None:
        size = int(found.headers.get("Content-Length", "0"))
        first, last = asked.range.resolve(size)
        _cut(response, first, last - first + 1, size)
    return response


def _read_request(call: Call) -> _Asked:
    check_key(call.key, NAME_LIMIT)
    part = None
    if "partNumber" in call.query:
        part = part_number(call.query.get("partNumber"))
        if "range" in call.headers:
            raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    return _Asked(
        Conditions.from_headers(call.headers, call.services.clock() + AHEAD),
        parse_range(call.headers.get("range")),
        part,
        response_overrides(call.query, anonymous=call.caller is None),
    )


async def _sent(call: Call, answer: SwiftResponse, found: Found, asked: _Asked) -> Response:
    """The answer with its content; Swift's is closed if nothing of it is to be sent."""
    try:
        response = await _judged(call, answer.status, found, asked)
        if response.status == 304:
            answer.close()
        else:
            response.body = await _payload(answer)
    except BaseException:
        answer.close()
        raise
    return response


# --- parts ---


async def _get_part(call: Call, subject: Subject, asked: _Asked, number: int) -> Response:
    """A part: of a plain object, which is its only one, in one request, else in two.

    The first finds the parts.  No condition goes with it: Swift would judge the manifest.
    """
    for _ in range(_TRIES):
        answer, manifest = await _get(subject, {}, as_manifest=True)
        if etags.is_dynamic_large_object(manifest.headers):  # which has no parts
            answer.close()
            answer, manifest = await _get(subject, {})
        if not etags.is_static_large_object(manifest.headers):
            if number != 1:
                answer.close()
                raise _no_part(number, 1)
            return _as_only_part(await _sent(call, answer, manifest, asked))
        part, count = await _locate(call, answer, number)
        if not part.size:
            return _as_part(await _judged(call, 200, await head(subject), asked), part, count)
        wanted = ByteRange(part.offset, part.offset + part.size - 1, "")
        answer, found = await _get(subject, {"Range": wanted.canonical})
        if _are_one(manifest, found):
            response = await _sent(call, answer, found, replace(asked, range=wanted))
            return _as_part(response, part, count)
        answer.close()
    raise ServiceUnavailable


async def _head_part(call: Call, subject: Subject, asked: _Asked, number: int) -> Response:
    """A part: of a plain object in one request, else in two."""
    for _ in range(_TRIES):
        found = await head(subject)
        if not etags.is_static_large_object(found.headers):
            if number != 1:
                raise _no_part(number, 1)
            return _as_only_part(await _judged(call, 200, found, asked))
        answer, manifest = await _get(subject, {}, as_manifest=True)
        part, count = await _locate(call, answer, number)
        if _are_one(manifest, found):
            return _as_part(await _judged(call, 200, found, asked), part, count)
    raise ServiceUnavailable


async def _locate(call: Call, manifest: SwiftResponse, number: int) -> tuple[ObjectPart, int]:
    """The part of that number, and how many there are; raises InvalidPartNumber."""
    parts = await read_parts(call.swift, call.bucket, manifest)
    for part in parts:
        if part.number == number:
            return part, len(parts)
    raise _no_part(number, len(parts))


def _no_part(number: int, count: int) -> InvalidPartNumber:
    return InvalidPartNumber(PartNumberRequested=number, ActualPartCount=count)


def _are_one(one: Found, other: Found) -> bool:
    """Whether two answers are about one object, and none took its place in between."""
    return one.headers.get("X-Timestamp") == other.headers.get("X-Timestamp")


def _as_part(response: Response, part: ObjectPart, count: int) -> Response:
    """An answer about the object, or the part's bytes, as one about the part."""
    if response.status == 200:
        _cut(response, part.offset, part.size, _length(response))
    if response.status != 304:
        response.headers.append(("x-amz-mp-parts-count", str(count)))
    return response


def _as_only_part(response: Response) -> Response:
    """An answer about an object without parts as one about its first."""
    size = _length(response)
    if response.status == 200 and size:
        _cut(response, 0, size, size)
    return response


# --- what Swift is asked ---


async def _get(
    subject: Subject, headers: Mapping[str, str], *, as_manifest: bool = False
) -> tuple[SwiftResponse, Found]:
    """The named version's answer: 200, 206, 304, 412 or 416.

    `as_manifest`: a static large object's manifest instead of its content.
    """
    answers: list[SwiftResponse] = []

    async def ask(query: Mapping[str, str]) -> Mapping[str, str]:
        if as_manifest:
            answer = await subject.swift.open_manifest(subject.bucket, subject.key, query=query)
        else:
            answer = await _ask(subject, headers, query)
        answers.append(answer)
        return answer.headers

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


def _is_misjudged(status: int, found: Found, conditions: Conditions) -> bool:
    """Whether Swift's 412 or 304 is right by another ETag than the one that it shows.

    To a plain copy of a large object Swift applies conditions by the large object's ETag, which it
    copies along in hidden metadata.
    """
    if status not in {304, 412}:
        return False
    etag = etags.unquoted(found.headers.get("Etag", ""))
    try:
        outcome = conditions.evaluate(etag, last_modified(found.headers))
    except PreconditionFailed:
        return status == 304
    return status == 412 or outcome is Outcome.SEND


# --- what the client gets ---


async def _judged(call: Call, status: int, found: Found, asked: _Asked) -> Response:
    """The answer's status and headers, or the S3 error that the conditions make of it."""
    headers, conditions, wanted = found.headers, asked.conditions, asked.range
    if status == 412:
        given = "If-Match" if conditions.if_match is not None else "If-Unmodified-Since"
        raise PreconditionFailed(Condition=given)
    etag = await call.services.etags.of_object(
        call.account_id, call.swift, call.bucket, call.key, headers, found.query
    )
    outcome = Outcome.SEND  # no time is read for nothing
    if not conditions.is_empty:
        outcome = conditions.evaluate(etag, last_modified(headers))
    if outcome is Outcome.NOT_MODIFIED or status == 304:
        return _not_modified(found, etag)
    if status == 416 and wanted is not None:
        size = headers.get("Content-Range", "").rpartition("/")[2]
        raise InvalidRange(RangeRequested=wanted.text, ActualObjectSize=size)
    if status == 200 and wanted is not None:
        wanted.resolve(int(headers.get("Content-Length", "0")))  # Swift finds `-1` in nothing
    shown = _object_headers(call, status, found, etag)
    shown += await storage_class.headers_of_object(call)
    kept = [header for header in shown if header[0] not in asked.overrides]
    return Response(status, [*kept, *asked.overrides.items()])


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
        *metadata.expiration(headers),
    ]
    if call.is_owner and (count := len(tags.from_swift(headers))):
        found.append(("x-amz-tagging-count", str(count)))
    # Of a dynamic large object of very many segments Swift tells no length.
    found.extend((name, headers[name]) for name in _SIZES if name in headers)
    # Clients check a checksum against what they got, so it never goes with a part of the object.
    if (call.headers.get("x-amz-checksum-mode") or "").upper() == "ENABLED" and status == 200:
        found.extend(checksums.from_swift(headers))
    return found


def _length(response: Response) -> int:
    found = [int(value) for name, value in response.headers if name == "Content-Length"]
    return found[0] if found else 0


def _cut(response: Response, first: int, length: int, size: int) -> None:
    """Make an answer about the whole object, of that size, one about some of its bytes."""
    kept = [header for header in response.headers if header[0] not in _SIZES]
    response.headers = [*kept, ("Content-Length", str(length))]
    if length:  # no range names nothing
        response.status = 206
        response.headers.append(("Content-Range", f"bytes {first}-{first + length - 1}/{size}"))


async def _payload(answer: SwiftResponse) -> bytes | AsyncIterator[bytes]:
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and int(length) <= _SMALL:
        return await answer.read()
    return answer.chunks()
