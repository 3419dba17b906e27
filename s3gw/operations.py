"""Every S3 operation as one table.

The rule: what is not a row here is refused; `s3gw.resolution` finds a request's row.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from s3gw.access.needs import Need
from s3gw.call import Call, Response
from s3gw.handlers import (
    acl,
    attributes,
    bucket_settings,
    buckets,
    complete,
    copy,
    cors,
    delete,
    get,
    listing,
    multipart,
    object_settings,
    put,
    tagging,
    uploads,
    versioning,
)

Handler = Callable[[Call], Awaitable[Response]]


class Scope(StrEnum):
    """What a request's path names."""

    SERVICE = "service"
    BUCKET = "bucket"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Operation:
    """A row: when it applies, and who does it."""

    name: str
    """As in the S3 API: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html"""
    method: str
    scope: Scope
    subresource: str
    """Empty for the plain operation."""
    handler: Handler
    demands: tuple[str, ...] = ()
    """`query-name`, `query-name=value` or `header:name` that must all be there."""
    needs: Need = Need.OWNER
    """What a caller of another project, or none, must have been granted."""
    parameters: tuple[str, ...] = ()
    """Query parameters that a writing request may carry beside its sub-resource and demands."""
    note: str = ""
    """What the table of operations says beside the name."""


_UNSET = "answers as if nothing had ever been set"
_COPIES = "header:x-amz-copy-source"
_CONTAINERS = "in mode swift what the container's ACL grants"

_CURRENT_ONLY = "of the current version"

_SERVICE, _BUCKET, _OBJECT = Scope.SERVICE, Scope.BUCKET, Scope.OBJECT

_PATHS = "for any path, with any query"
PREFLIGHT = Operation(
    "Preflight", "OPTIONS", _OBJECT, "", cors.preflight, note=_PATHS, needs=Need.NOTHING
)

POST_OBJECT = Operation(
    "PostObject",
    "POST",
    _BUCKET,
    "",
    put.post_object,
    note="an HTML form with a file; conditions as of PutObject, as fields",
    needs=Need.BUCKET_WRITE,
)

OPERATIONS: tuple[Operation, ...] = (
    Operation("ListBuckets", "GET", _SERVICE, "", buckets.list_buckets, needs=Need.CALLER),
    # --- buckets ---
    Operation(
        "CreateBucket",
        "PUT",
        _BUCKET,
        "",
        buckets.create_bucket,
        note="no object lock",
        needs=Need.CALLER,
    ),
    Operation("HeadBucket", "HEAD", _BUCKET, "", buckets.head_bucket, needs=Need.BUCKET_READ),
    Operation("DeleteBucket", "DELETE", _BUCKET, "", buckets.delete_bucket),
    Operation("GetBucketLocation", "GET", _BUCKET, "location", buckets.get_bucket_location),
    Operation("ListObjects", "GET", _BUCKET, "", listing.list_objects, needs=Need.BUCKET_READ),
    Operation(
        "ListObjectsV2",
        "GET",
        _BUCKET,
        "",
        listing.list_objects_v2,
        ("list-type=2",),
        needs=Need.BUCKET_READ,
    ),
    Operation(
        "ListObjectVersions",
        "GET",
        _BUCKET,
        "versions",
        listing.list_object_versions,
        needs=Need.BUCKET_READ,
    ),
    Operation(
        "ListMultipartUploads",
        "GET",
        _BUCKET,
        "uploads",
        uploads.list_multipart_uploads,
        needs=Need.BUCKET_READ,
    ),
    Operation(
        "DeleteObjects",
        "POST",
        _BUCKET,
        "delete",
        delete.delete_objects,
        needs=Need.BUCKET_WRITE,
        note="conditions: `ETag`, `Size`, `LastModifiedTime`",
    ),
    Operation(
        "GetBucketVersioning",
        "GET",
        _BUCKET,
        "versioning",
        versioning.get_bucket_versioning,
    ),
    Operation(
        "PutBucketVersioning",
        "PUT",
        _BUCKET,
        "versioning",
        versioning.put_bucket_versioning,
        note="no MFA delete",
    ),
    Operation(
        "GetBucketAcl",
        "GET",
        _BUCKET,
        "acl",
        acl.get_bucket_acl,
        note=_CONTAINERS,
        needs=Need.BUCKET_READ_ACP,
    ),
    Operation(
        "PutBucketAcl",
        "PUT",
        _BUCKET,
        "acl",
        acl.put_bucket_acl,
        needs=Need.BUCKET_WRITE_ACP,
        note="in mode swift what Swift's container ACL can hold",
    ),
    Operation(
        "GetBucketOwnershipControls",
        "GET",
        _BUCKET,
        "ownershipControls",
        acl.get_bucket_ownership_controls,
        note="as CreateBucket was told",
    ),
    Operation("GetBucketCors", "GET", _BUCKET, "cors", cors.get_bucket_cors),
    Operation("PutBucketCors", "PUT", _BUCKET, "cors", cors.put_bucket_cors),
    Operation("DeleteBucketCors", "DELETE", _BUCKET, "cors", cors.delete_bucket_cors),
    Operation("GetBucketTagging", "GET", _BUCKET, "tagging", tagging.get_bucket_tagging),
    Operation("PutBucketTagging", "PUT", _BUCKET, "tagging", tagging.put_bucket_tagging),
    Operation("DeleteBucketTagging", "DELETE", _BUCKET, "tagging", tagging.delete_bucket_tagging),
    *(
        Operation(name, "GET", _BUCKET, subresource, handler, note=_UNSET)
        for name, subresource, handler in bucket_settings.UNSET
    ),
    # --- objects ---
    PREFLIGHT,
    POST_OBJECT,
    Operation(
        "PutObject",
        "PUT",
        _OBJECT,
        "",
        put.put_object,
        note="conditions: `If-Match`, `If-None-Match: *`",
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "CopyObject",
        "PUT",
        _OBJECT,
        "",
        copy.copy_object,
        (_COPIES,),
        note="within Swift, at most 5 GiB",
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "GetObject",
        "GET",
        _OBJECT,
        "",
        get.get_object,
        note="ranges, parts and conditions",
        needs=Need.OBJECT_READ,
    ),
    Operation(
        "HeadObject",
        "HEAD",
        _OBJECT,
        "",
        get.head_object,
        note="as GetObject",
        needs=Need.OBJECT_READ,
    ),
    Operation(
        "DeleteObject",
        "DELETE",
        _OBJECT,
        "",
        delete.delete_object,
        parameters=("versionId",),
        note="conditions: `If-Match`, `x-amz-if-match-size`, `x-amz-if-match-last-modified-time`",
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "GetObjectAcl",
        "GET",
        _OBJECT,
        "acl",
        acl.get_object_acl,
        note=_CONTAINERS,
        needs=Need.OBJECT_READ_ACP,
    ),
    Operation(
        "PutObjectAcl",
        "PUT",
        _OBJECT,
        "acl",
        acl.put_object_acl,
        needs=Need.OBJECT_WRITE_ACP,
        parameters=("versionId",),
        note="in mode swift without effect, or refused: the container's ACL holds",
    ),
    Operation(
        "GetObjectTagging",
        "GET",
        _OBJECT,
        "tagging",
        tagging.get_object_tagging,
    ),
    Operation(
        "GetObjectAttributes",
        "GET",
        _OBJECT,
        "attributes",
        attributes.get_object_attributes,
        needs=Need.OBJECT_READ,
    ),
    Operation(
        "PutObjectTagging",
        "PUT",
        _OBJECT,
        "tagging",
        tagging.put_object_tagging,
        parameters=("versionId",),
        note=_CURRENT_ONLY,
    ),
    Operation(
        "DeleteObjectTagging",
        "DELETE",
        _OBJECT,
        "tagging",
        tagging.delete_object_tagging,
        parameters=("versionId",),
        note=_CURRENT_ONLY,
    ),
    Operation(
        "GetObjectRetention",
        "GET",
        _OBJECT,
        "retention",
        object_settings.get_object_retention,
        note=_UNSET,
    ),
    Operation(
        "GetObjectLegalHold",
        "GET",
        _OBJECT,
        "legal-hold",
        object_settings.get_object_legal_hold,
        note=_UNSET,
    ),
    # --- multipart ---
    Operation(
        "CreateMultipartUpload",
        "POST",
        _OBJECT,
        "uploads",
        multipart.create_multipart_upload,
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "UploadPart",
        "PUT",
        _OBJECT,
        "uploadId",
        multipart.upload_part,
        ("partNumber",),
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "UploadPartCopy",
        "PUT",
        _OBJECT,
        "uploadId",
        multipart.upload_part_copy,
        ("partNumber", _COPIES),
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "CompleteMultipartUpload",
        "POST",
        _OBJECT,
        "uploadId",
        complete.complete_multipart_upload,
        note="conditions: `If-Match`, `If-None-Match: *`",
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "AbortMultipartUpload",
        "DELETE",
        _OBJECT,
        "uploadId",
        multipart.abort_multipart_upload,
        needs=Need.BUCKET_WRITE,
    ),
    Operation("ListParts", "GET", _OBJECT, "uploadId", uploads.list_parts, needs=Need.BUCKET_WRITE),
)
