"""CompleteMultipartUpload: marker, listing, manifest, marker.

The rule: parts are checked against Swift before anything is written, the marker goes last, and a
repeat of a Complete that went through finds its object and answers the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import structlog

from s3gw.buckets import parallel, uploads
from s3gw.buckets.uploads import Part
from s3gw.call import Call, Response
from s3gw.mapping import etags, layout
from s3gw.mapping.manifests import Manifests, manifests_for, object_headers, refused_names
from s3gw.mapping.versions import NULL, VERSION_ID
from s3gw.object_version import answer_headers, object_of, shown_id
from s3gw.patience import patient
from s3gw.s3.bodies import CompletedPart, parse_complete_multipart_upload
from s3gw.s3.documents import complete_multipart_upload as complete_document
from s3gw.s3.errors import (
    EntityTooSmall,
    InvalidPart,
    InvalidRequest,
    NoSuchBucket,
    NoSuchUpload,
    NotImplemented,
    PreconditionFailed,
    ServiceUnavailable,
)
from s3gw.s3.xml import Element
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus
from s3gw.version_changes import check_absent, discard, take_back, written

_log = structlog.get_logger(__name__)

_CONDITIONS = ("if-match", "if-none-match")

# Seconds between two looks whether an abort is over: half a minute in all.
_PAUSES = (0.1, 0.2, 0.5, 1.0, *[2.0] * 14)


async def complete_multipart_upload(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html."""
    upload_id = call.query.get("uploadId") or ""
    wanted = parse_complete_multipart_upload(await call.read_xml(), upload_id).parts
    exclusive = _is_exclusive(call)
    marker = await uploads.read_marker(call.swift, call.bucket, call.key, upload_id)
    told: list[tuple[str, str]] = []
    if marker is None:
        return await patient(call, _completed_before(call, upload_id, wanted, told), told)
    parts = await _matching_parts(call, upload_id, wanted)
    _check_sizes(call, parts)
    if exclusive:
        await _check_absent(call, upload_id, parts)
    work = _finish(call, upload_id, marker, parts, told, exclusive=exclusive)
    return await patient(call, work, told)


async def _check_absent(call: Call, upload_id: str, parts: list[Part]) -> None:
    """Refuse to replace what is there, unless it is what an earlier attempt has made."""
    try:
        await check_absent(call)
    except PreconditionFailed:
        etag = etags.multipart(part.etag for part in parts)
        if await _completed(call, upload_id, etag) is None:
            raise


def _is_exclusive(call: Call) -> bool:
    """`If-None-Match: *` is the one condition that Swift knows for a PUT."""
    for name in _CONDITIONS:
        value = call.headers.get(name)
        if value is not None and (name, value) != ("if-none-match", "*"):
            raise NotImplemented(Header=name)
    return "if-none-match" in call.headers


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
        await _matching_parts(call, upload_id, wanted)
    except InvalidPart as error:  # an abort took it
        raise NoSuchUpload(UploadId=upload_id) from error
    return _document(call, etag)


async def _completed(call: Call, upload_id: str, etag: str) -> Mapping[str, str] | None:
    """The headers of the key's newest object if it is this upload, from the parts of this ETag."""
    try:
        headers = await call.swift.head_object(call.bucket, call.key, newest=True)
    except SwiftStatus as error:
        if error.status == 404:
            return None
        raise
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
    call: Call, upload_id: str, wanted: Sequence[CompletedPart | Part]
) -> list[Part]:
    """The parts that the client names, as Swift has them.

    The listing may lag, so a part that it misses, or shows with another ETag, is asked itself.
    """
    listed = await uploads.list_parts(call.swift, call.bucket, call.key, upload_id)

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
    marker: Mapping[str, str],
    parts: list[Part],
    told: list[tuple[str, str]],
    *,
    exclusive: bool,
) -> Element:
    """Make the object; `told`: gets the headers of the answer."""
    etag = etags.multipart(part.etag for part in parts)
    limit = (await call.info()).max_manifest_segments
    manifests = manifests_for(call.bucket, call.key, upload_id, parts, limit)
    headers = object_headers(marker, upload_id, etag, manifests.top)
    if exclusive:
        headers["If-None-Match"] = "*"
    try:
        if manifests.below and not await _put_below(call, upload_id, manifests):
            return await _completed_before(call, upload_id, parts, told)
        stored = await call.swift.put_manifest(call.bucket, call.key, manifests.top, headers)
    except SwiftStatus as error:
        await discard(call, error)
        # Swift may have stored what an earlier attempt sent, and lost its answer.
        earlier = await _completed(call, upload_id, etag) if error.status == 412 else None
        if earlier is None:
            await _explain(call, upload_id, parts, error)
            raise
        stored = earlier
    told += answer_headers(await written(call, stored))
    try:
        await call.swift.delete_object(
            layout.segments_container(call.bucket), layout.marker_name(call.key, upload_id)
        )
    except SwiftStatus as error:
        if error.status != 404:
            raise
        await _check_not_aborted(call, upload_id, parts, stored)
    call.free_parts([call.key])
    return _document(call, etag)


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


def _document(call: Call, etag: str) -> Element:
    return complete_document(call.object_url, call.bucket, call.key, etag)
