"""CompleteMultipartUpload: marker, listing, manifest, marker.

The rule: parts are checked against Swift before anything is written, the marker goes last, and a
repeat of a Complete that went through finds its object and answers the same.
"""

from collections.abc import Mapping
from urllib.parse import quote

import structlog

from s3gw.buckets import parallel, uploads
from s3gw.buckets.uploads import Part
from s3gw.call import Call, Response
from s3gw.mapping import etags, layout
from s3gw.mapping.conditions import last_modified
from s3gw.mapping.manifests import manifests_for, object_headers
from s3gw.patience import patient, xml_response
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
)
from s3gw.s3.xml import Element
from s3gw.swift.errors import SwiftStatus

_log = structlog.get_logger(__name__)

_CONDITIONS = ("if-match", "if-none-match")


async def complete_multipart_upload(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html."""
    upload_id = call.query.get("uploadId") or ""
    wanted = parse_complete_multipart_upload(await call.read_xml(), upload_id).parts
    exclusive = _is_exclusive(call)
    marker = await uploads.read_marker(call.swift, call.bucket, call.key, upload_id)
    if marker is None:
        return await _completed_before(call, upload_id, wanted)
    parts = await _matching_parts(call, upload_id, wanted)
    _check_sizes(call, parts)
    return await patient(call, _finish(call, upload_id, marker, parts, exclusive=exclusive))


def _is_exclusive(call: Call) -> bool:
    """`If-None-Match: *` is the one condition that Swift knows for a PUT."""
    for name in _CONDITIONS:
        value = call.headers.get(name)
        if value is not None and (name, value) != ("if-none-match", "*"):
            raise NotImplemented(Header=name)
    return "if-none-match" in call.headers


async def _completed_before(
    call: Call, upload_id: str, wanted: tuple[CompletedPart, ...]
) -> Response:
    """Clients repeat a Complete whose answer they lost: the same parts give the same answer."""
    try:
        etag = etags.multipart(part.etag for part in wanted)
        headers = await call.swift.head_object(call.bucket, call.key, newest=True)
    except (SwiftStatus, ValueError) as error:
        if isinstance(error, SwiftStatus) and error.status != 404:
            raise
        raise await call.missing(NoSuchUpload(UploadId=upload_id)) from error
    if etags.from_headers(headers) != etag or not await uploads.manifest_names(
        call.swift, call.bucket, call.key, upload_id
    ):
        raise NoSuchUpload(UploadId=upload_id)
    return xml_response(_document(call, etag))


async def _matching_parts(
    call: Call, upload_id: str, wanted: tuple[CompletedPart, ...]
) -> list[Part]:
    """The parts that the client names, as Swift has them.

    The listing may lag, so a part that it misses, or shows with another ETag, is asked itself.
    """
    listed = await uploads.list_parts(call.swift, call.bucket, call.key, upload_id)

    async def match(part: CompletedPart) -> Part:
        found = listed.get(part.number)
        if found is None or found.etag != part.etag:
            found = await _read_part(call, upload_id, part.number)
        if found is None or found.etag != part.etag:
            raise InvalidPart(UploadId=upload_id, PartNumber=part.number, ETag=part.etag)
        return found

    return await parallel.for_each(wanted, match)


async def _read_part(call: Call, upload_id: str, number: int) -> Part | None:
    try:
        headers = await call.swift.head_object(
            layout.segments_container(call.bucket),
            layout.part_name(call.key, upload_id, number),
            newest=True,
        )
    except SwiftStatus as error:
        if error.status == 404:
            return None
        raise
    return Part(
        number,
        etags.unquoted(headers.get("Etag", "")),
        int(headers.get("Content-Length", "0")),
        last_modified(headers),
    )


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
    call: Call, upload_id: str, marker: Mapping[str, str], parts: list[Part], *, exclusive: bool
) -> Element:
    etag = etags.multipart(part.etag for part in parts)
    headers = object_headers(marker, etag)
    if exclusive:
        headers["If-None-Match"] = "*"
    try:
        await _put_manifests(call, upload_id, parts, headers)
    except SwiftStatus as error:
        if error.status == 400:
            raise InvalidPart(UploadId=upload_id) from error
        if error.status == 412 and exclusive:
            raise PreconditionFailed(Condition="If-None-Match") from error
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        raise
    try:
        await call.swift.delete_object(
            layout.segments_container(call.bucket), layout.marker_name(call.key, upload_id)
        )
    except SwiftStatus as error:
        if error.status != 404:
            raise
        await _check_not_aborted(call, upload_id, parts)
    return _document(call, etag)


async def _put_manifests(
    call: Call, upload_id: str, parts: list[Part], headers: Mapping[str, str]
) -> None:
    limit = (await call.info()).max_manifest_segments
    manifests = manifests_for(call.bucket, call.key, upload_id, parts, limit)
    for name, manifest in manifests.below:
        await call.swift.put_manifest(layout.segments_container(call.bucket), name, manifest, {})
    await call.swift.put_manifest(call.bucket, call.key, manifests.top, headers)


async def _check_not_aborted(call: Call, upload_id: str, parts: list[Part]) -> None:
    """The marker went while we completed: by another Complete, or by an Abort, which takes parts.

    Without its parts the object could never be read: then it goes too, if it is still ours.
    """

    async def is_there(part: Part) -> bool:
        return await _read_part(call, upload_id, part.number) is not None

    if all(await parallel.for_each(parts, is_there)):
        return
    _log.warning("upload was aborted while it completed", request_id=call.request_id)
    if await uploads.manifest_names(call.swift, call.bucket, call.key, upload_id):
        await uploads.delete_objects(call.swift, call.bucket, [call.key])
    raise NoSuchUpload(UploadId=upload_id)


def _document(call: Call, etag: str) -> Element:
    return complete_document(_location(call), call.bucket, call.key, etag)


def _location(call: Call) -> str:
    """The URL under which the client can open the object."""
    endpoint = call.settings.s3.public_endpoint
    if endpoint is None:
        endpoint = f"{call.request.scheme}://{call.headers.get('host') or ''}"
        if call.virtual_host:
            return f"{endpoint}/{quote(call.key)}"
    return f"{endpoint.rstrip('/')}/{quote(call.bucket)}/{quote(call.key)}"
