"""CopyObject: a look at the source, and one request that copies within Swift."""

from s3gw import copy_source
from s3gw.call import Call, Response
from s3gw.copy_source import Source
from s3gw.mapping import checksums
from s3gw.mapping.conditions import last_modified
from s3gw.mapping.copies import copied_headers
from s3gw.mapping.etags import unquoted
from s3gw.mapping.metadata import check_limits
from s3gw.mapping.tags import is_of_tags
from s3gw.new_object import headers_for
from s3gw.object_version import answer_headers
from s3gw.patience import patient
from s3gw.preconditions import WriteConditions, check_target
from s3gw.s3 import documents
from s3gw.s3.copying import RANGE, Directive, metadata_directive, tagging_directive
from s3gw.s3.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRequest,
    NoSuchBucket,
)
from s3gw.s3.names import check_key
from s3gw.s3.xml import Element
from s3gw.swift.errors import SwiftStatus
from s3gw.version_changes import written

# A copy onto itself has to change one of these, or the metadata.
_CHANGES = ("x-amz-storage-class", "x-amz-server-side-encryption")


async def copy_object(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html."""
    check_key(call.key, call.settings.limits.key_size)
    if RANGE in call.headers:
        raise InvalidArgument(
            "Illegal copy header", ArgumentName=RANGE, ArgumentValue=call.headers.get(RANGE)
        )
    metadata = metadata_directive(call.headers)
    tags = tagging_directive(call.headers)
    conditions = WriteConditions.from_headers(call.headers)
    given = await headers_for(call)
    told: list[tuple[str, str]] = []

    async def copy(source: Source) -> Element:
        _check_changes_something(call, source, metadata)
        await copy_source.check_size(call, source.size)
        if tags is Directive.COPY:
            _check_tags_may_be_read_and_written(call, source)
        headers = copied_headers(source.headers, given, metadata=metadata, tags=tags)
        check_limits(headers, await call.info(), is_complete=True)
        # Swift would take If-None-Match for a condition on the source.
        await check_target(call, conditions)
        try:
            stored = await copy_source.copy(call, source, (call.bucket, call.key), headers)
        except SwiftStatus as error:
            if error.status == 404:
                raise NoSuchBucket(BucketName=call.bucket) from error
            raise
        call.free_parts([call.key])
        told.extend(source.version_header())
        told.extend(answer_headers(await written(call, stored)))
        etag = unquoted(stored.get("Etag", ""))
        kept = checksums.from_swift({**headers, "Etag": etag})
        return documents.copy_result("CopyObjectResult", etag, last_modified(stored), kept)

    return await patient(call, copy_source.with_source(call, copy), told)


def _check_tags_may_be_read_and_written(call: Call, source: Source) -> None:
    """Tags are the owner's: S3's ACLs grant others neither to read nor to write them."""
    is_both = source.standing.is_owner and call.is_owner
    if not is_both and any(map(is_of_tags, source.headers)):
        raise AccessDenied


def _check_changes_something(call: Call, source: Source, metadata: Directive) -> None:
    if (
        metadata is Directive.COPY
        and source.is_target(call)
        and not any(name in call.headers for name in _CHANGES)
    ):
        raise InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself "
            "without changing the object's metadata, storage class, website redirect location or "
            "encryption attributes."
        )
