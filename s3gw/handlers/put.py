"""PutObject: one request to Swift, and a second look where versioning is suspended."""

from s3gw.call import Call, Response
from s3gw.mapping import checksums
from s3gw.new_object import headers_for
from s3gw.object_version import answer_headers
from s3gw.preconditions import WriteConditions, check_put
from s3gw.s3.errors import NoSuchBucket, PreconditionFailed
from s3gw.s3.names import check_key
from s3gw.swift.errors import SwiftStatus
from s3gw.upload import Stored, store
from s3gw.version_changes import discard, written

# Swift keeps the content type that a POST does not name.
_NOT_IN_A_POST = frozenset({"Content-Type", "If-None-Match"})


async def put_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html."""
    check_key(call.key, call.settings.limits.key_size)
    headers = await headers_for(call)
    conditions = WriteConditions.from_headers(call.headers)
    await check_put(call, conditions)
    if conditions.is_exclusive:  # the one condition that Swift judges at a PUT
        headers["If-None-Match"] = "*"
    try:
        stored = await store(call, call.bucket, call.key, headers, keep=checksums.to_swift)
    except SwiftStatus as error:
        await discard(call, error)
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        if error.status == 412:
            raise PreconditionFailed(Condition="If-None-Match") from error
        raise
    version_id = await written(call, stored.headers)
    call.free_parts([call.key])
    if call.settings.s3.store_trailing_checksum and stored.checksum and not stored.is_kept:
        await _keep_trailing_checksum(call, headers, stored)
    return Response(
        200,
        [
            ("ETag", f'"{stored.etag}"'),
            *answer_headers(version_id),
            *checksums.to_s3(stored.checksum),
        ],
    )


async def _keep_trailing_checksum(call: Call, headers: dict[str, str], stored: Stored) -> None:
    """A POST replaces all metadata, so everything goes again; the checksum names its content."""
    resent = {name: value for name, value in headers.items() if name not in _NOT_IN_A_POST}
    kept = checksums.to_swift(stored.checksum, stored.etag)
    await call.swift.post_object(call.bucket, call.key, {**resent, **kept})
