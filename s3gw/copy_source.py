"""The source of a copy: found, judged, and copied within Swift.

The rule: what was judged is what is copied: Swift is asked for the very ETag that the look at the
source showed, and if that is gone, all begins again.  The bytes do not come through the gateway,
but where it takes a closed door (mode s3) to reach one end: then it reads here and writes there,
since a copy within Swift would follow, with the gateway's power, whatever lies at the source.
The caller's power on the source's bucket is asked of admission (`Call.as_reader`), here only.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from s3gw.buckets.facts import read_facts
from s3gw.buckets.resolve import Place
from s3gw.call import Call, Standing, account_id
from s3gw.mapping import etags
from s3gw.mapping.conditions import AHEAD, last_modified
from s3gw.mapping.errors import is_quota
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.versions import is_versioned
from s3gw.object_version import Found, Subject, find
from s3gw.s3.copying import (
    COPY_SOURCE,
    MOST_BYTES,
    CopySource,
    SourceConditions,
    parse_copy_source,
    too_large,
)
from s3gw.s3.errors import (
    AccessDenied,
    BrokenMPU,
    InvalidArgument,
    InvalidRequest,
    MethodNotAllowed,
    NoSuchBucket,
    ServiceUnavailable,
    UnexpectedContent,
)
from s3gw.s3.names import check_key
from s3gw.swift.copying import Origin
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import Upload

_ATTEMPTS = 3
# Bytes a second that a Swift without heartbeat copies at least.
_SLOWEST = 1024 * 1024

Result = TypeVar("Result")


class _Changed(Exception):
    """The source is not what it was when it was looked at."""


class _NotThere(Exception):
    """There is nothing of that name, or no such version of it."""


@dataclass(frozen=True, slots=True)
class Source:
    """An object to copy, or a version of one, as it is now."""

    name: CopySource
    standing: Standing
    subject: Subject
    found: Found
    """What Swift's newest copy told of it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Swift's."""
        return self.found.headers

    @property
    def size(self) -> int | None:
        """Bytes; None for a dynamic large object of very many segments."""
        size = self.headers.get("Content-Length", "")
        return int(size) if size.isdigit() else None

    def is_target(self, call: Call) -> bool:
        """Whether it is the very object that the request names; an older version is another."""
        return (
            _is_same(self.standing.place, call.place)
            and (self.name.bucket, self.name.key) == (call.bucket, call.key)
            and not (self.name.version_id is not None and is_versioned(self.headers))
        )

    def version_header(self) -> list[tuple[str, str]]:
        """What tells of the version, if there are any."""
        version_id = self.found.version_id
        return [] if version_id is None else [("x-amz-copy-source-version-id", version_id)]


def _is_same(one: Place, other: Place) -> bool:
    return one.storage_url == other.storage_url


async def with_source(call: Call, work: Callable[[Source], Awaitable[Result]]) -> Result:
    """Find the source, and do the work on it; once more if the source changes meanwhile.

    Raises UnexpectedContent, InvalidArgument, NoSuchBucket, NoSuchKey, AccessDenied,
    PreconditionFailed, ServiceUnavailable for a source that changes again and again, and what the
    work raises.
    """
    if call.caller is None:
        raise AccessDenied("Anonymous users cannot copy objects.  Please authenticate.")
    if call.body.length:  # it would not be stored, and nobody may think that it was
        raise UnexpectedContent
    header = call.headers.get(COPY_SOURCE)
    if header is None:  # it stood in a query that is no signature's
        raise InvalidArgument(ArgumentName=COPY_SOURCE)
    names = parse_copy_source(header)
    conditions = SourceConditions.from_headers(call.headers, call.services.clock() + AHEAD)
    for _ in range(_ATTEMPTS):
        source = await _find(call, names)
        await _check(call, source, conditions)
        try:
            return await work(source)
        except _Changed:
            continue
    raise ServiceUnavailable


async def _find(call: Call, names: tuple[CopySource, ...]) -> Source:
    """What the names name, the first of them that names anything; raises what the first lacks."""
    for name in names if len(names) > 1 else ():
        try:
            return await _look(call, name, explain=False)
        except (_NotThere, NoSuchBucket):
            continue
    return await _look(call, names[0], explain=True)


async def _look(call: Call, name: CopySource, *, explain: bool) -> Source:
    """The source of that name; unless it is to be explained, what is missing is _NotThere."""
    check_key(name.key, NAME_LIMIT)
    standing = await call.as_reader(name.bucket)
    is_same = _is_same(standing.place, call.place) and standing.is_owner and call.is_owner
    swift = call.swift if is_same else standing.swift  # the log counts those of the call's own
    owner = account_id(standing.place, call.caller, is_owner=standing.is_owner)
    subject = Subject(call.services, swift, owner, name.bucket, name.key, name.version_id)

    async def ask(query: Mapping[str, str]) -> Mapping[str, str]:
        try:
            return await swift.head_object(name.bucket, name.key, newest=True, query=query)
        except SwiftStatus as error:
            if explain or error.status not in {400, 404}:
                raise
            raise _NotThere from error

    try:
        return Source(name, standing, subject, await find(subject, ask))
    except MethodNotAllowed:
        raise InvalidRequest(
            "The source of a copy request may not specifically refer to a delete marker by "
            "version id."
        ) from None


async def _check(call: Call, source: Source, conditions: SourceConditions) -> None:
    etag = ""
    if conditions.ask_for_etag:
        of, found = source.subject, source.found
        etag = await call.services.etags.of_object(
            of.owner, of.swift, of.bucket, of.key, found.headers, found.query
        )
    conditions.check(etag, last_modified(source.headers))


async def check_size(call: Call, size: int | None) -> None:
    """Raise InvalidRequest for more bytes than can be copied at once."""
    limit = min(MOST_BYTES, (await call.info()).max_file_size)
    if size is None or size > limit:
        raise too_large(limit)


async def copy(
    call: Call, source: Source, target: tuple[str, str], headers: Mapping[str, str]
) -> Mapping[str, str]:
    """Copy to the target (container and name); Swift's headers of what it stored.

    `headers` are those of the new object, and the Range to copy.  Raises BrokenMPU, InvalidRequest
    (too large), SwiftStatus with 404 for a target without container, SwiftUnreachable.
    """
    if call.swift.sees_all or source.subject.swift.sees_all:
        put = partial(_pass_on, call, source, target, headers)
    else:
        put = partial(_copy_within_swift, call, source, target, headers)
    try:
        return await put()
    except SwiftStatus as error:
        if error.status == 412 and "Etag" in error.headers:
            raise _Changed from error
        if error.status == 404 and await read_facts(call.swift, call.bucket) is not None:
            raise _Changed from error
        if error.status == 413 and not is_quota(error):
            raise too_large(MOST_BYTES) from error
        if error.status == 409 and etags.is_static_large_object(source.headers):
            raise BrokenMPU from error  # segments are gone
        raise


async def _put_same(
    source: Source, put: Callable[[Mapping[str, str]], Awaitable[Mapping[str, str]]]
) -> Mapping[str, str]:
    """Copy what the look at the source showed, by the ETag of that.

    To a plain copy of a large object Swift applies conditions by the large object's ETag, which it
    copies along in hidden metadata.  Then a condition on the time, to the second, and another look
    at the source stand in: two requests more.  Raises _Changed.
    """
    etag = source.headers.get("Etag")
    try:
        return await put({} if etag is None else {"If-Match": f'"{etags.unquoted(etag)}"'})
    except SwiftStatus as error:
        if error.status != 412 or not _is_seen(source, error.headers):
            raise
    stored = await put({"If-Unmodified-Since": source.headers.get("Last-Modified", "")})
    of = source.subject
    now = await of.swift.head_object(of.bucket, of.key, newest=True, query=source.found.query)
    if not _is_seen(source, now):
        raise _Changed  # and so may the copy be of that
    return stored


def _is_seen(source: Source, headers: Mapping[str, str]) -> bool:
    """Whether an answer about the source is about what the look at it showed."""
    names = ("Etag", "X-Timestamp")
    return all(name in headers and headers[name] == source.headers.get(name) for name in names)


async def _copy_within_swift(
    call: Call, source: Source, target: tuple[str, str], headers: Mapping[str, str]
) -> Mapping[str, str]:
    place = source.standing.place
    origin = Origin(
        source.name.bucket,
        source.name.key,
        "" if _is_same(place, call.place) else place.account,
        source.found.query.get("version-id"),
    )
    extra_time = (source.size or 0) / _SLOWEST

    async def put(condition: Mapping[str, str]) -> Mapping[str, str]:
        given = {**headers, **condition}
        return await call.swift.copy_object(*target, origin, given, extra_time=extra_time)

    return await _put_same(source, put)


async def _pass_on(
    call: Call, source: Source, target: tuple[str, str], headers: Mapping[str, str]
) -> Mapping[str, str]:
    """Read and write, where Swift does not copy; raises _Changed."""
    of, sent = source.subject, {name: headers[name] for name in headers if name != "Range"}
    wanted = {"Range": headers["Range"]} if "Range" in headers else {}
    if not wanted and not etags.is_large_object(source.headers):
        sent["ETag"] = etags.unquoted(source.headers.get("Etag", ""))  # for Swift to verify
    answer = await of.swift.get_object(of.bucket, of.key, headers=wanted, query=source.found.query)
    try:
        length = answer.headers.get("Content-Length", "")
        is_right = answer.status == (206 if wanted else 200) and length.isdigit()
        if not is_right or not _is_seen(source, answer.headers):
            raise _Changed
        return await call.swift.put_object(*target, sent, Upload(answer.chunks(), int(length)))
    finally:
        answer.close()
