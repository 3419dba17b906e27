"""CreateMultipartUpload, UploadPart, UploadPartCopy and AbortMultipartUpload."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

from s3gw import copy_source
from s3gw.buckets import container_acls, uploads
from s3gw.buckets.facts import read_facts
from s3gw.call import Call, Response
from s3gw.copy_source import Source
from s3gw.mapping import checksums, layout
from s3gw.mapping.conditions import last_modified
from s3gw.mapping.etags import unquoted
from s3gw.new_object import headers_for
from s3gw.patience import patient, xml_response
from s3gw.s3 import documents
from s3gw.s3.copying import MOST_BYTES, RANGE, parse_copy_range, too_large
from s3gw.s3.errors import AccessDenied, NoSuchBucket, NoSuchUpload
from s3gw.s3.headers import part_number
from s3gw.s3.names import check_key
from s3gw.s3.upload_checksums import check_part, read_create
from s3gw.s3.xml import Element
from s3gw.swift.errors import SwiftStatus
from s3gw.upload import Stored, store

_log = structlog.get_logger(__name__)

# A part that took longer than this may have come after the upload's end.
_SLOW = 10.0


async def create_multipart_upload(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html."""
    check_key(
        call.key,
        min(call.settings.limits.key_size, layout.NAME_LIMIT - layout.UPLOAD_OVERHEAD),
    )
    if call.caller is None:
        raise AccessDenied(
            "Anonymous users cannot initiate multipart uploads.  Please authenticate."
        )
    await call.bucket_facts()
    upload_id = layout.new_upload_id()
    container = layout.segments_container(call.bucket)
    name = layout.marker_name(call.key, upload_id)
    checksum = read_create(call.headers)
    headers = {**await headers_for(call), **checksums.upload_to_swift(checksum)}
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
        await container_acls.follow(call.swift, call.bucket, container_acls.acl_in(facts))
        call.services.facts.forget(call.account_id, container)
        await call.swift.put_object(container, name, headers, b"")
    response = xml_response(documents.initiate_multipart_upload(call.bucket, call.key, upload_id))
    response.headers += checksums.upload_to_s3(checksum)
    return response


async def upload_part(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html."""
    upload_id = call.query.get("uploadId") or ""
    number = part_number(call.query.get("partNumber"))
    begun_with = checksums.of_upload(await _open_marker(call, upload_id))
    expected = call.body.expectation
    check_part(begun_with, expected.checksum.algorithm if expected.checksum else expected.trailer)
    async with _part_of(call, upload_id, number):
        stored = await _store_part(call, upload_id, number, keeps=begun_with is not None)
    return Response(
        200,
        [("ETag", f'"{stored.etag}"'), *checksums.to_s3_part(stored.checksum)],
    )


async def _store_part(call: Call, upload_id: str, number: int, *, keeps: bool) -> Stored:
    """Store the part; `keeps`: with its checksum, where Complete and ListParts find it.

    One that came behind a large body takes a request more.  That may meet a part that replaced
    this one meanwhile: the checksum names its content, and does not count for another.
    """
    container = layout.segments_container(call.bucket)
    name = layout.part_name(call.key, upload_id, number)
    keep = checksums.part_to_swift if keeps else None
    stored = await store(call, container, name, checksums.part_to_swift(None), keep=keep)
    if keeps and stored.checksum is not None and not stored.is_kept:
        kept = checksums.part_to_swift(stored.checksum, stored.etag)
        await call.swift.post_object(container, name, kept)
    return stored


async def upload_part_copy(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html."""
    upload_id = call.query.get("uploadId") or ""
    number = part_number(call.query.get("partNumber"))
    await _open_marker(call, upload_id)
    told: list[tuple[str, str]] = []

    async def copy(source: Source) -> Element:
        if source.size is None:
            raise too_large(MOST_BYTES)
        wanted = call.headers.get(RANGE)
        first, last = parse_copy_range(wanted, source.size)
        await copy_source.check_size(call, last - first + 1)
        headers = checksums.part_to_swift(None)
        if wanted is not None:
            headers["Range"] = f"bytes={first}-{last}"
        container = layout.segments_container(call.bucket)
        target = container, layout.part_name(call.key, upload_id, number)
        async with _part_of(call, upload_id, number):
            stored = await copy_source.copy(call, source, target, headers)
        told.extend(source.version_header())
        etag = unquoted(stored.get("Etag", ""))
        return documents.copy_result("CopyPartResult", etag, last_modified(stored))

    return await patient(call, copy_source.with_source(call, copy), told)


async def _open_marker(call: Call, upload_id: str) -> Mapping[str, str]:
    """The headers of the upload's marker; raises NoSuchUpload, NoSuchBucket."""
    marker = await uploads.read_marker(call.swift, call.bucket, call.key, upload_id)
    if marker is None:
        raise await call.missing(NoSuchUpload(UploadId=upload_id))
    return marker


@asynccontextmanager
async def _part_of(call: Call, upload_id: str, number: int) -> AsyncIterator[None]:
    """Around the making of a part: whether its upload was still there, and still is."""
    started = time.monotonic()
    try:
        yield
    except SwiftStatus as error:
        if error.status != 404:
            raise
        raise await call.missing(NoSuchUpload(UploadId=upload_id)) from error
    if time.monotonic() - started > _SLOW:
        await _look_again(call, upload_id, number)


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
