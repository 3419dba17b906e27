"""CreateMultipartUpload, UploadPart and AbortMultipartUpload."""

import time

import structlog

from s3gw.buckets import uploads
from s3gw.buckets.facts import read_facts
from s3gw.call import Call, Response
from s3gw.mapping import checksums, layout
from s3gw.new_object import headers_for
from s3gw.patience import xml_response
from s3gw.s3 import documents
from s3gw.s3.errors import NoSuchBucket, NoSuchUpload
from s3gw.s3.headers import part_number
from s3gw.s3.names import check_key
from s3gw.swift.errors import SwiftStatus
from s3gw.upload import store

_log = structlog.get_logger(__name__)

# A part that took longer than this may have come after the upload's end.
_SLOW = 10.0


async def create_multipart_upload(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html."""
    check_key(
        call.key,
        min(call.settings.limits.key_size, layout.NAME_LIMIT - layout.UPLOAD_OVERHEAD),
    )
    await call.bucket_facts()
    upload_id = layout.new_upload_id()
    container = layout.segments_container(call.bucket)
    name = layout.marker_name(call.key, upload_id)
    headers = await headers_for(call)
    try:
        await call.swift.put_object(container, name, headers, b"")
    except SwiftStatus as error:
        if error.status != 404:
            raise
        # Who may read the parts is not decided on cached facts.
        facts = await read_facts(call.swift, call.bucket)
        if facts is None:
            raise NoSuchBucket(BucketName=call.bucket) from error
        await uploads.create_segments(call.swift, call.bucket, facts)
        call.services.facts.forget(call.account_id, container)
        await call.swift.put_object(container, name, headers, b"")
    return xml_response(documents.initiate_multipart_upload(call.bucket, call.key, upload_id))


async def upload_part(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html."""
    upload_id = call.query.get("uploadId") or ""
    number = part_number(call.query.get("partNumber"))
    await _check_open(call, upload_id)
    started = time.monotonic()
    try:
        stored = await store(
            call,
            layout.segments_container(call.bucket),
            layout.part_name(call.key, upload_id, number),
            {"Content-Type": "application/octet-stream"},
            keep_checksum=False,
        )
    except SwiftStatus as error:
        if error.status != 404:
            raise
        raise await call.missing(NoSuchUpload(UploadId=upload_id)) from error
    if time.monotonic() - started > _SLOW:
        await _look_again(call, upload_id, number)
    return Response(
        200,
        [("ETag", f'"{stored.etag}"'), *checksums.to_s3_part(stored.checksum)],
    )


async def _check_open(call: Call, upload_id: str) -> None:
    if await uploads.read_marker(call.swift, call.bucket, call.key, upload_id) is None:
        raise await call.missing(NoSuchUpload(UploadId=upload_id))


async def _look_again(call: Call, upload_id: str, number: int) -> None:
    """Refuse a part whose upload ended meanwhile.

    It may have replaced one of a completed object, which the operator has to know.
    """
    if await uploads.read_marker(call.swift, call.bucket, call.key, upload_id) is None:
        call.services.incidents.late_parts += 1
        _log.error(
            "a part was stored after its upload had ended",
            request_id=call.request_id,
            bucket=call.bucket,
            key=call.key,
            upload_id=upload_id,
            part_number=number,
        )
        raise await call.missing(NoSuchUpload(UploadId=upload_id))


async def abort_multipart_upload(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html.

    Between the steps another request may complete the upload: whoever deletes the marker has it,
    and parts that the key's manifest names are never touched.  A Complete that comes too late for
    the marker sees the flag, and waits for the end of it.  While the flag is there a repeat goes
    on where an abort broke off.
    """
    upload_id = call.query.get("uploadId") or ""
    ours = await _take(call, upload_id)
    await uploads.flag_abort(call.swift, call.bucket, call.key, upload_id)
    if await _is_named(call, upload_id):
        if ours:  # else the abort that broke off may still run
            await uploads.unflag_abort(call.swift, call.bucket, call.key, upload_id)
        raise NoSuchUpload(UploadId=upload_id)
    await uploads.delete_upload(call.swift, call.bucket, call.key, upload_id)
    await uploads.unflag_abort(call.swift, call.bucket, call.key, upload_id)
    return Response(204)


async def _take(call: Call, upload_id: str) -> bool:
    """Delete the marker; False if an earlier abort did, but broke off.  Raises NoSuchUpload."""
    account, bucket, key = call.swift, call.bucket, call.key
    if await uploads.read_marker(account, bucket, key, upload_id) is None:
        now = call.services.clock()
        if await uploads.is_aborting(account, bucket, key, upload_id, now):
            return False
        raise await call.missing(NoSuchUpload(UploadId=upload_id))
    completed = await _is_named(call, upload_id)
    try:
        await account.delete_object(
            layout.segments_container(bucket), layout.marker_name(key, upload_id)
        )
    except SwiftStatus as error:
        if error.status != 404:
            raise
        raise NoSuchUpload(UploadId=upload_id) from error
    if completed:
        raise NoSuchUpload(UploadId=upload_id)
    return True


async def _is_named(call: Call, upload_id: str) -> bool:
    """Whether any version of the key's manifest names parts of the upload."""
    facts = await read_facts(call.swift, call.bucket)
    if facts is None:
        raise NoSuchBucket(BucketName=call.bucket)
    if facts.versioning:
        return await uploads.any_version_names(call.swift, call.bucket, call.key, upload_id)
    return await uploads.manifest_names(call.swift, call.bucket, call.key, upload_id)
