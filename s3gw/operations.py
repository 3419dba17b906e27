"""Every S3 operation as one table, and `resolve()`, which names a request's operation.

The rule: a request names a scope, a method and at most one sub-resource from a closed set; under
that triple the row wins whose demands are all met and that demands most.  A writing request may
carry nothing in its query that its row does not know.  So nothing ever falls through to the plain
bucket or object operation: a gateway where `DELETE /b?lifecycle` deletes the bucket has lost
somebody's data.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from s3gw.access.needs import Need
from s3gw.call import Call, Response
from s3gw.handlers import (
    bucket_settings,
    buckets,
    complete,
    delete,
    get,
    listing,
    multipart,
    object_settings,
    put,
    refused,
    uploads,
)
from s3gw.s3.errors import InvalidArgument, MethodNotAllowed, NotImplemented
from s3gw.s3.request import Headers, Query, Request, Target

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
_REFUSED = "refused: NotImplemented"
_COPIES = "header:x-amz-copy-source"
_OWNER_ONLY = "shows the owner's grant, which is the only one"
_NULL_ONLY = "no version but `null`"

_SERVICE, _BUCKET, _OBJECT = Scope.SERVICE, Scope.BUCKET, Scope.OBJECT

OPERATIONS: tuple[Operation, ...] = (
    Operation("ListBuckets", "GET", _SERVICE, "", buckets.list_buckets, needs=Need.CALLER),
    # --- buckets ---
    Operation(
        "CreateBucket",
        "PUT",
        _BUCKET,
        "",
        buckets.create_bucket,
        note="private; no object lock",
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
        note="every object is version `null`; refused in a bucket with versioning",
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
        note=_NULL_ONLY,
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "GetBucketVersioning",
        "GET",
        _BUCKET,
        "versioning",
        bucket_settings.get_bucket_versioning,
        note="as Swift has it; it cannot be set",
    ),
    Operation(
        "GetBucketAcl",
        "GET",
        _BUCKET,
        "acl",
        bucket_settings.get_bucket_acl,
        note=_OWNER_ONLY,
        needs=Need.BUCKET_READ_ACP,
    ),
    *(
        Operation(name, "GET", _BUCKET, subresource, handler, note=_UNSET)
        for name, subresource, handler in bucket_settings.UNSET
    ),
    # --- objects ---
    Operation(
        "PutObject",
        "PUT",
        _OBJECT,
        "",
        put.put_object,
        note="`If-None-Match: *`, no `If-Match`",
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "CopyObject",
        "PUT",
        _OBJECT,
        "",
        refused.copy_object,
        (_COPIES,),
        note=_REFUSED,
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "GetObject",
        "GET",
        _OBJECT,
        "",
        get.get_object,
        note="ranges and conditions, no `partNumber`",
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
        note=f"no conditions, {_NULL_ONLY}",
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "GetObjectAcl",
        "GET",
        _OBJECT,
        "acl",
        object_settings.get_object_acl,
        note=_OWNER_ONLY,
        needs=Need.OBJECT_READ_ACP,
    ),
    Operation(
        "GetObjectTagging",
        "GET",
        _OBJECT,
        "tagging",
        object_settings.get_object_tagging,
        note=_UNSET,
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
        refused.upload_part_copy,
        ("partNumber", _COPIES),
        note=_REFUSED,
        needs=Need.BUCKET_WRITE,
    ),
    Operation(
        "CompleteMultipartUpload",
        "POST",
        _OBJECT,
        "uploadId",
        complete.complete_multipart_upload,
        note="`If-None-Match: *`, no `If-Match`",
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

# Every sub-resource that S3 has, or that we have heard of.
_SUBRESOURCES: dict[Scope, frozenset[str]] = {
    _SERVICE: frozenset(),
    _BUCKET: frozenset(
        (
            "abac accelerate acl analytics cors delete encryption intelligent-tiering inventory "
            "legal-hold lifecycle location logging metadataAnnotationTable metadataConfiguration "
            "metadataInventoryTable metadataJournalTable metadataTable metrics notification "
            "object-lock ownershipControls policy policyStatus publicAccessBlock replication "
            "requestPayment restore retention select session tagging torrent uploadId uploads "
            "versioning versions website"
        ).split()
    ),
    _OBJECT: frozenset(
        (
            "acl annotation annotations append attributes cors delete encryption legal-hold "
            "lifecycle policy renameObject restore retention select tagging torrent uploadId "
            "uploads versioning versions website"
        ).split()
    ),
}

# What SDKs add to a query, which names the operation once more.
_ECHO = "x-id"
# The query of a Signature Version 2 presigned URL, and the headers that it may carry.
_SIGNATURE_V2 = frozenset(
    (
        "awsaccesskeyid signature expires content-type content-md5 content-disposition "
        "content-encoding content-language cache-control"
    ).split()
)
_READS = frozenset(("GET", "HEAD"))


def scope_of(target: Target) -> Scope:
    """What the target names."""
    if target.bucket is None:
        return Scope.SERVICE
    return Scope.BUCKET if target.key is None else Scope.OBJECT


def resolve(request: Request, target: Target) -> Operation:
    """Name the request's operation.

    Raises InvalidArgument (two sub-resources), NotImplemented (known, but not built, or possibly
    a sub-resource of tomorrow), MethodNotAllowed.
    """
    scope = scope_of(target)
    subresource = _subresource(request.query, scope)
    rows = [
        row
        for row in _ROWS.get((scope, request.method, subresource), ())
        if all(_is_met(demand, request.query, request.headers) for demand in row.demands)
    ]
    row = max(rows, key=lambda row: len(row.demands), default=None)
    if row is None and subresource:
        raise NotImplemented(
            f"The sub-resource {subresource} is not implemented for this request.",
            Subresource=subresource,
        )
    if request.method not in _READS:
        _refuse_unknown_parameters(request.query, row)
    if row is None:
        raise MethodNotAllowed(Method=request.method, ResourceType=scope.upper())
    return row


def _subresource(query: Query, scope: Scope) -> str:
    found = [name for name in query if name in _SUBRESOURCES[scope]]
    if len(found) > 1:
        raise InvalidArgument(
            "Conflicting query string parameters: " + ", ".join(sorted(found)),
            ArgumentName="ResourceType",
            ArgumentValue=found[0],
        )
    return found[0] if found else ""


def _refuse_unknown_parameters(query: Query, row: Operation | None) -> None:
    """Refuse what a writing request carries that its row does not know.

    It may be a sub-resource of tomorrow, or the request be meant for another row: a PUT with a
    partNumber but no uploadId must not replace the object.
    """
    known = set() if row is None else {row.subresource, *row.demands, *row.parameters} - {""}
    presigned_by_v2 = "Signature" in query
    for name in query:
        if name in known or name == _ECHO or name.lower().startswith("x-amz-"):
            continue
        if presigned_by_v2 and name.lower() in _SIGNATURE_V2:
            continue
        raise NotImplemented(
            f"The query parameter {name} is not implemented for this request.", Parameter=name
        )


def _is_met(demand: str, query: Query, headers: Headers) -> bool:
    if demand.startswith("header:"):
        name = demand.removeprefix("header:")
        # A presigned URL may carry the header in its query.
        return name in headers or any(parameter.lower() == name for parameter in query)
    name, equals, value = demand.partition("=")
    return query.get(name) == value if equals else name in query


def _index() -> dict[tuple[Scope, str, str], tuple[Operation, ...]]:
    index: dict[tuple[Scope, str, str], tuple[Operation, ...]] = {}
    for row in OPERATIONS:
        key = row.scope, row.method, row.subresource
        index[key] = (*index.get(key, ()), row)
    return index


_ROWS = _index()
