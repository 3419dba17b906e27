"""PutObject and PostObject: one request to Swift, and a look more where versioning is suspended."""

from s3gw.call import Call, Response
from s3gw.mapping import checksums
from s3gw.mapping.etags import unquoted
from s3gw.new_object import headers_for
from s3gw.object_version import answer_headers
from s3gw.s3.documents import post_response
from s3gw.s3.errors import NoSuchBucket, NotImplemented, PreconditionFailed
from s3gw.s3.form import redirect_to, success_of
from s3gw.s3.names import check_key
from s3gw.s3.xml import render
from s3gw.swift.errors import SwiftStatus
from s3gw.upload import Stored, store
from s3gw.version_changes import check_absent, discard, written

# Swift keeps the content type that a POST does not name.
_NOT_IN_A_POST = frozenset({"Content-Type", "If-None-Match"})


async def put_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html."""
    return Response(200, await _write(call, _conditions(call)))


async def post_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html."""
    headers = await _write(call, {})
    status, url = success_of({} if call.form is None else call.form.fields)
    etag = unquoted(dict(headers)["ETag"])
    if url is not None:
        page = redirect_to(url, call.bucket, call.key, etag)
        return Response(status, [*headers, ("Location", page)])
    headers.append(("Location", call.object_url))
    if status != 201:
        return Response(status, headers)
    document = post_response(call.object_url, call.bucket, call.key, etag)
    return Response(201, [*headers, ("Content-Type", "application/xml")], render(document))


async def _write(call: Call, conditions: dict[str, str]) -> list[tuple[str, str]]:
    """Store the body as the object; the headers that tell of it."""
    check_key(call.key, call.settings.limits.key_size)
    headers = await headers_for(call)
    if conditions:
        await check_absent(call)
    headers.update(conditions)
    try:
        stored = await store(call, call.bucket, call.key, headers, keep_checksum=True)
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
    return [
        ("ETag", f'"{stored.etag}"'),
        *answer_headers(version_id),
        *checksums.to_s3(stored.checksum),
    ]


def _conditions(call: Call) -> dict[str, str]:
    """`If-None-Match: *` is the one condition that Swift knows for a PUT."""
    if "if-match" in call.headers:
        raise NotImplemented(Header="If-Match")
    condition = call.headers.get("if-none-match")
    if condition is None:
        return {}
    if condition != "*":
        raise NotImplemented(Header="If-None-Match")
    return {"If-None-Match": "*"}


async def _keep_trailing_checksum(call: Call, headers: dict[str, str], stored: Stored) -> None:
    """A POST replaces all metadata, so everything goes again; the checksum names its content."""
    resent = {name: value for name, value in headers.items() if name not in _NOT_IN_A_POST}
    kept = checksums.to_swift(stored.checksum, stored.etag)
    await call.swift.post_object(call.bucket, call.key, {**resent, **kept})
