"""CompleteMultipartUpload: marker and listing, manifest, marker.

The rule: parts are checked against Swift before anything is written, the marker goes last, and a
repeat of a Complete that went through finds its object and answers the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog

from s3gw.buckets import parallel, uploads
from s3gw.buckets.uploads import Part
from s3gw.call import Call, Response
from s3gw.mapping import checksums, etags, layout
from s3gw.mapping.manifests import Manifests, manifests_for, object_headers, refused_names
from s3gw.mapping.versions import NULL, VERSION_ID
from s3gw.object_version import answer_headers, newest_headers, object_of, shown_id
from s3gw.patience import patient
from s3gw.preconditions import WriteConditions, check_put
from s3gw.s3.bodies import CompletedPart, parse_complete_multipart_upload
from s3gw.s3.checksums import PREFIX
from s3gw.s3.documents import complete_multipart_upload as complete_document
from s3gw.s3.errors import (
    EntityTooSmall,
    InvalidPart,
    InvalidRequest,
    NoSuchBucket,
    NoSuchUpload,
    PreconditionFailed,
    S3Error,
    ServiceUnavailable,
)
from s3gw.s3.upload_checksums import SummedPart, of_object
from s3gw.s3.xml import Element
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.version_changes import discard, is_kept, take_back, written

_log = structlog.get_logger(__name__)

# Seconds between two looks whether an abort is over: half a minute in all.
_PAUSES = (0.1, 0.2, 0.5, 1.0, *[2.0] * 14)


async def complete_multipart_upload(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html."""
    upload_id = call.query.get("uploadId") or ""
    wanted = parse_complete_multipart_upload(await call.read_xml(), upload_id).parts
    conditions = WriteConditions.from_headers(call.headers)
    marker, listed = await _read(call, upload_id)
    told: list[tuple[str, str]] = []
    if marker is None:
        return await patient(call, _completed_before(call, upload_id, wanted, told), told)
    parts = await _matching_parts(call, upload_id, wanted, listed)
    _check_sizes(call, parts)
    begun_with = checksums.of_upload(marker)
    checksum = of_object(begun_with, call.headers, _summed(wanted, parts))
    plan = await _plan(call, upload_id, marker, parts)
    plan.headers.update(
        checksums.to_swift(checksum, plan.swift_etag, begun_with.kind if begun_with else "")
    )
    if conditions.is_exclusive:  # the one condition that Swift judges at a PUT
        plan.headers["If-None-Match"] = "*"
    work = _finish(call, upload_id, plan, told, conditions)
    return await patient(call, work, told)


async def _read(call: Call, upload_id: str) -> tuple[Mapping[str, str] | None, dict[int, Part]]:
    """The upload's marker and the parts that are listed: at once, since neither needs the other.

    With them the bucket's facts, if none are remembered: what is made waits for them otherwise.
    """
    if not layout.is_upload_id(upload_id):
        return None, {}
    place = call.swift, call.bucket, call.key, upload_id
    marker, listed, _ = await asyncio.gather(
        uploads.read_marker(*place), uploads.list_parts(*place), _look_ahead(call)
    )
    return marker, listed


async def _look_ahead(call: Call) -> None:
    with suppress(S3Error, SwiftStatus, SwiftUnreachable):  # who needs the facts asks, and says so
        await is_kept(call)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be made of an upload."""

    parts: list[Part]
    etag: str
    """S3's."""
    manifests: Manifests
    headers: dict[str, str]
    """The object's."""

    @property
    def swift_etag(self) -> str:
        return etags.manifest(str(entry["etag"]) for entry in self.manifests.top)


async def _plan(call: Call, upload_id: str, marker: Mapping[str, str], parts: list[Part]) -> _Plan:
    etag = etags.multipart(part.etag for part in parts)
    limit = (await call.info()).max_manifest_segments
    manifests = manifests_for(call.bucket, call.key, upload_id, parts, limit)
    return _Plan(parts, etag, manifests, object_headers(marker, upload_id, etag, manifests.top))


def _summed(wanted: Sequence[CompletedPart], parts: list[Part]) -> list[SummedPart]:
    return [
        SummedPart(part.number, part.size, part.checksum, named.checksums)
        for named, part in zip(wanted, parts, strict=True)
    ]


async def _completed_before(
    call: Call,
    upload_id: str,
    wanted: Sequence[CompletedPart | Part],
    told: list[tuple[str, str]],
) -> Element:
    """Clients repeat a Complete whose answer they lost: the same parts give the same answer.

    `told`: gets the headers of the answer.
    """
    try:
        etag = etags.multipart(part.etag for part in wanted)
    except ValueError:
        raise await call.missing(NoSuchUpload(UploadId=upload_id)) from None
    await _wait_for_abort(call, upload_id)
    found = await _completed(call, upload_id, etag)
    if found is None:
        raise await call.missing(NoSuchUpload(UploadId=upload_id))
    told += answer_headers(await shown_id(object_of(call, call.key), found))
    try:
        listed = await uploads.list_parts(call.swift, call.bucket, call.key, upload_id)
        await _matching_parts(call, upload_id, wanted, listed)
    except InvalidPart as error:  # an abort took it
        raise NoSuchUpload(UploadId=upload_id) from error
    return _document(call, etag, found)


async def _completed(call: Call, upload_id: str, etag: str) -> Mapping[str, str] | None:
    """The headers of the key's newest object if it is this upload, from the parts of this ETag."""
    headers = await newest_headers(object_of(call, call.key))
    if headers is None:
        return None
    found = await call.services.etags.of_object(
        call.account_id, call.swift, call.bucket, call.key, headers
    )
    is_ours = found == etag and await uploads.manifest_names(
        call.swift, call.bucket, call.key, upload_id
    )
    return headers if is_ours else None


async def _wait_for_abort(call: Call, upload_id: str) -> None:
    """Wait until no abort can be deleting the upload's parts; raises ServiceUnavailable."""
    for pause in _PAUSES:
        now = call.services.clock()
        if not await uploads.is_aborting(call.swift, call.bucket, call.key, upload_id, now):
            return
        await asyncio.sleep(pause)
    raise ServiceUnavailable


async def _matching_parts(
    call: Call,
    upload_id: str,
    wanted: Sequence[CompletedPart | Part],
    listed: Mapping[int, Part],
) -> list[Part]:
    """The parts that the client names, as Swift has them.

    The listing may lag, so a part that it misses, or shows with another ETag, is asked itself.
    """

    async def match(part: CompletedPart | Part) -> Part:
        found = listed.get(part.number)
        if found is not None and found.etag == part.etag:
            return found
        return await _check_part(call, upload_id, part)

    return await parallel.for_each(wanted, match)


def _check_sizes(call: Call, parts: list[Part]) -> None:
    least = call.settings.limits.min_part_size
    for part in parts[:-1]:
        if part.size < least:
            raise EntityTooSmall(
                ETag=part.etag,
                MinSizeAllowed=least,
                PartNumber=part.number,
                ProposedSize=part.size,
            )
    announced = call.headers.get("x-amz-mp-object-size")
    size = sum(part.size for part in parts)
    if announced is not None and announced != str(size):
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {announced} does not match what "
            f"was computed: {size}"
        )


async def _finish(
    call: Call,
    upload_id: str,
    plan: _Plan,
    told: list[tuple[str, str]],
    conditions: WriteConditions,
) -> Element:
    """Make the object; `told`: gets the headers of the answer."""
    stored = await _made_before(call, upload_id, plan, conditions)
    if stored is None:
        stored = await _make(call, upload_id, plan)
    if stored is None:
        return await _completed_before(call, upload_id, plan.parts, told)
    told += answer_headers(await written(call, stored))
    try:
        await call.swift.delete_object(
            layout.segments_container(call.bucket), layout.marker_name(call.key, upload_id)
        )
    except SwiftStatus as error:
        if error.status != 404:
            raise
        await _check_not_aborted(call, upload_id, plan.parts, stored)
    call.free_parts([call.key])
    return _document(call, plan.etag, {**plan.headers, "Etag": plan.swift_etag})


async def _made_before(
    call: Call, upload_id: str, plan: _Plan, conditions: WriteConditions
) -> Mapping[str, str] | None:
    """Judge the conditions.  What an earlier attempt has made does not stand in the way of this.

    Its headers, if it is there.
    """
    try:
        await check_put(call, conditions)
    except PreconditionFailed:
        earlier = await _completed(call, upload_id, plan.etag)
        if earlier is None:
            raise
        return earlier
    return None


async def _make(call: Call, upload_id: str, plan: _Plan) -> Mapping[str, str] | None:
    """Put the manifests; what Swift says of the object, None if the upload ended meanwhile."""
    manifests = plan.manifests
    try:
        if manifests.below and not await _put_below(call, upload_id, manifests):
            return None
        stored = await call.swift.put_manifest(call.bucket, call.key, manifests.top, plan.headers)
    except SwiftStatus as error:
        await discard(call, error)
        # Swift may have stored what an earlier attempt sent, and lost its answer.
        earlier = await _completed(call, upload_id, plan.etag) if error.status == 412 else None
        if earlier is None:
            await _explain(call, upload_id, plan.parts, error)
            raise
        return earlier
    if VERSION_ID in stored or not await is_kept(call):
        return stored
    # The headers came before the version was there: then it is told, unless it is hidden already.
    return await _completed(call, upload_id, plan.etag) or stored


async def _put_below(call: Call, upload_id: str, manifests: Manifests) -> bool:
    """Put the sub-manifests, which takes long; whether the upload is still open then."""
    container = layout.segments_container(call.bucket)

    async def put(manifest: tuple[str, list[Entry]]) -> None:
        await call.swift.put_manifest(container, *manifest, {})

    await parallel.for_each(manifests.below, put)
    marker = await uploads.read_marker(call.swift, call.bucket, call.key, upload_id)
    return marker is not None


async def _explain(call: Call, upload_id: str, parts: list[Part], error: SwiftStatus) -> None:
    """Raise S3's word for Swift's refusal of a manifest, if there is one."""
    if error.status == 404:
        raise NoSuchBucket(BucketName=call.bucket) from error
    if error.status == 412:
        raise PreconditionFailed(Condition="If-None-Match") from error
    refused = refused_names(error.body)
    if error.status != 400 or not refused:
        return
    if await uploads.read_marker(call.swift, call.bucket, call.key, upload_id) is None:
        raise NoSuchUpload(UploadId=upload_id) from error
    # Swift names a part also if it could not read it just then.
    suspects = [part for part in parts if str(part.number) in refused]
    await parallel.for_each(suspects, partial(_check_part, call, upload_id))
    raise ServiceUnavailable from error


async def _check_part(call: Call, upload_id: str, part: CompletedPart | Part) -> Part:
    """The part as it is now; raises InvalidPart unless it is still the same."""
    found = await uploads.read_part(call.swift, call.bucket, call.key, upload_id, part.number)
    if found is None or found.etag != part.etag:
        raise InvalidPart(UploadId=upload_id, PartNumber=part.number, ETag=part.etag)
    return found


async def _check_not_aborted(
    call: Call, upload_id: str, parts: list[Part], stored: Mapping[str, str]
) -> None:
    """The marker went while we completed: by another Complete, or by an Abort, which takes parts.

    Without its parts the object could never be read: then it goes too, if it is still ours.
    `stored`: what Swift said of it.
    """
    await _wait_for_abort(call, upload_id)

    async def is_there(part: Part) -> bool:
        found = await uploads.read_part(call.swift, call.bucket, call.key, upload_id, part.number)
        return found is not None

    if all(await parallel.for_each(parts, is_there)):
        return
    _log.warning("upload was aborted while it completed", request_id=call.request_id)
    version_id = stored.get(VERSION_ID, NULL)
    if version_id != NULL:
        await take_back(object_of(call, call.key), version_id)
    elif await uploads.manifest_names(call.swift, call.bucket, call.key, upload_id):
        await uploads.delete_objects(call.swift, call.bucket, [call.key])
    raise NoSuchUpload(UploadId=upload_id)


def _document(call: Call, etag: str, headers: Mapping[str, str]) -> Element:
    """The answer; `headers`: the object's."""
    shown = dict(checksums.from_swift(headers))
    kind = shown.pop(f"{PREFIX}type", None)
    checksum = next(((name.removeprefix(PREFIX), shown[name]) for name in shown), None)
    return complete_document(call.object_url(), call.bucket, call.key, etag, checksum, kind)
