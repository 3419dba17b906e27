"""PutObject and PostObject: one request to Swift, and a look more where versioning is suspended."""

from s3gw.call import Call, Response
from s3gw.mapping import checksums
from s3gw.new_object import headers_for
from s3gw.object_version import answer_headers
from s3gw.preconditions import WriteConditions, check_put
from s3gw.s3.documents import post_response
from s3gw.s3.errors import NoSuchBucket, PreconditionFailed
from s3gw.s3.form_fields import redirect_to, success_of
from s3gw.s3.names import check_key
from s3gw.s3.xml import render
from s3gw.swift.errors import SwiftStatus
from s3gw.upload import Stored, store
from s3gw.version_changes import discard, written

# Swift keeps the content type that a POST does not name.
_NOT_IN_A_POST = frozenset({"Content-Type", "If-None-Match"})


async def put_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html."""
    return Response(200, _told(*await _write(call)))


async def post_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html."""
    stored, version_id = await _write(call)
    headers = _told(stored, version_id)
    status, page = success_of(call.form)
    if page is not None:
        page = redirect_to(page, call.bucket, call.key, stored.etag)
        return Response(status, [*headers, ("Location", page)])
    location = call.object_url(safe="")  # AWS escapes slashes in a form's answer
    headers.append(("Location", location))
    if status != 201:
        return Response(status, headers)
    document = render(post_response(location, call.bucket, call.key, stored.etag))
    return Response(status, [*headers, ("Content-Type", "application/xml")], document)


async def _write(call: Call) -> tuple[Stored, str | None]:
    """Store the body as the object: what Swift stored, and as which version."""
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
    return stored, version_id


def _told(stored: Stored, version_id: str | None) -> list[tuple[str, str]]:
    return [
        ("ETag", f'"{stored.etag}"'),
        *answer_headers(version_id),
        *checksums.to_s3(stored.checksum),
    ]


async def _keep_trailing_checksum(call: Call, headers: dict[str, str], stored: Stored) -> None:
    """A POST replaces all metadata, so everything goes again; the checksum names its content."""
    resent = {name: value for name, value in headers.items() if name not in _NOT_IN_A_POST}
    kept = checksums.to_swift(stored.checksum, stored.etag)
    await call.swift.post_object(call.bucket, call.key, {**resent, **kept})
