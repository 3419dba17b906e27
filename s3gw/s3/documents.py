"""What we answer, as data: every document but the listings.

The rule: a document is built here from values and rendered by `s3gw.s3.xml.render`; elements
stand in the order in which AWS writes them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from s3gw.access.acl import Acl, Grantee, Group
from s3gw.s3.dates import timestamp
from s3gw.s3.errors import S3Error
from s3gw.s3.xml import Element

_GRANTEE = 'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{}"'

GROUP_URIS: Mapping[Group, str] = MappingProxyType(
    {group: f"http://acs.amazonaws.com/groups/global/{group}" for group in Group}
)

NOT_CONFIGURED: Mapping[str, Element] = MappingProxyType(
    {
        "accelerate": ("AccelerateConfiguration", None),
        "logging": ("BucketLoggingStatus", None),
        "notification": ("NotificationConfiguration", None),
        "requestPayment": ("RequestPaymentConfiguration", [("Payer", "BucketOwner")]),
        "versioning": ("VersioningConfiguration", None),
    }
)
"""Sub-resource to the document that AWS answers where nobody ever configured it."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An S3 account: its canonical id and a name for people."""

    id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class BucketEntry:
    """A bucket in ListBuckets; the region is shown only if it is given."""

    name: str
    created: datetime
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPage:
    """A page of ListBuckets; a next token says that it is not the last."""

    owner: Owner
    buckets: Iterable[BucketEntry]
    prefix: str | None = None
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class DeletedObject:
    """A key that DeleteObjects deleted (or that was not there)."""

    key: str
    version_id: str | None = None
    """The version that the request named."""
    delete_marker: bool = False
    """A delete marker was made or, where a version was named, deleted."""
    delete_marker_version_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteFailure:
    """A key that DeleteObjects did not delete."""

    key: str
    version_id: str | None
    error: S3Error


def error_document(error: S3Error, resource: str, request_id: str, host_id: str) -> Element:
    """The body of an error answer; `resource` is the path as the client meant it, decoded.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    return (
        "Error",
        [
            ("Code", error.code),
            ("Message", error.message),
            *error.details.items(),
            ("Resource", resource),
            ("RequestId", request_id),
            ("HostId", host_id),
        ],
    )


def list_buckets(page: BucketPage) -> Element:
    """ListBuckets. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html."""
    return (
        "ListAllMyBucketsResult",
        [
            owner_element("Owner", page.owner),
            ("Buckets", [_bucket(entry) for entry in page.buckets]),
            optional("ContinuationToken", page.next_token),
            optional("Prefix", page.prefix),
        ],
    )


def _bucket(entry: BucketEntry) -> Element:
    return (
        "Bucket",
        [
            ("Name", entry.name),
            ("CreationDate", timestamp(entry.created)),
            optional("BucketRegion", entry.region),
        ],
    )


def initiate_multipart_upload(bucket: str, key: str, upload_id: str) -> Element:
    """CreateMultipartUpload."""
    return (
        "InitiateMultipartUploadResult",
        [("Bucket", bucket), ("Key", key), ("UploadId", upload_id)],
    )


def complete_multipart_upload(
    location: str,
    bucket: str,
    key: str,
    etag: str,
    checksum: tuple[str, str] | None = None,
    checksum_type: str | None = None,
) -> Element:
    """CompleteMultipartUpload; `location` is the object's URL, the ETag is without quotes."""
    return (
        "CompleteMultipartUploadResult",
        [
            ("Location", location),
            ("Bucket", bucket),
            ("Key", key),
            ("ETag", quoted(etag)),
            checksum_element(checksum),
            optional("ChecksumType", checksum_type),
        ],
    )


def post_response(location: str, bucket: str, key: str, etag: str) -> Element:
    """PostObject, for forms that ask for it; as of complete_multipart_upload."""
    return (
        "PostResponse",
        [("Location", location), ("Bucket", bucket), ("Key", key), ("ETag", quoted(etag))],
    )


def copy_result(
    tag: str,
    etag: str,
    last_modified: datetime,
    checksum: Iterable[tuple[str, str]] = (),
) -> Element:
    """CopyObjectResult or CopyPartResult, of an ETag without quotes.

    `checksum`: the headers that would tell it.
    """
    named = [(_checksum_tag(name), value) for name, value in checksum]
    return (
        tag,
        [("LastModified", timestamp(last_modified)), ("ETag", quoted(etag)), *named],
    )


def _checksum_tag(header: str) -> str:
    name = header.removeprefix("x-amz-checksum-")
    return "ChecksumType" if name == "type" else f"Checksum{name.upper()}"


def delete_result(
    deleted: Iterable[DeletedObject], failed: Iterable[DeleteFailure], *, quiet: bool
) -> Element:
    """DeleteObjects; quiet: the failures only.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    """
    shown = () if quiet else deleted
    return ("DeleteResult", [*map(_deleted, shown), *map(_failure, failed)])


def _deleted(entry: DeletedObject) -> Element:
    return (
        "Deleted",
        [
            ("Key", entry.key),
            optional("VersionId", entry.version_id),
            ("DeleteMarker", True) if entry.delete_marker else None,
            optional("DeleteMarkerVersionId", entry.delete_marker_version_id),
        ],
    )


def _failure(entry: DeleteFailure) -> Element:
    return (
        "Error",
        [
            ("Key", entry.key),
            optional("VersionId", entry.version_id),
            ("Code", entry.error.code),
            ("Message", entry.error.message),
        ],
    )


def location_constraint(region: str) -> Element:
    """GetBucketLocation: us-east-1 is the region without a name."""
    return ("LocationConstraint", None if region == "us-east-1" else region)


def access_control_policy(owner: Owner, acl: Acl) -> Element:
    """GetBucketAcl and GetObjectAcl.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAcl.html
    """
    grants: list[Element] = [
        ("Grant", [_grantee(grant.grantee, owner), ("Permission", grant.permission)])
        for grant in acl.grants
    ]
    return (
        "AccessControlPolicy",
        [owner_element("Owner", owner), ("AccessControlList", grants)],
    )


def _grantee(grantee: Grantee, owner: Owner) -> Element:
    if isinstance(grantee, Group):
        return (_GRANTEE.format("Group"), [("URI", GROUP_URIS[grantee])])
    # Of other projects no name is known; some clients want the element.
    known = owner if grantee.id == owner.id else Owner(grantee.id, grantee.id)
    return owner_element(_GRANTEE.format("CanonicalUser"), known)


def policy_status(*, public: bool) -> Element:
    """GetBucketPolicyStatus."""
    return ("PolicyStatus", [("IsPublic", public)])


def owner_element(tag: str, owner: Owner) -> Element:
    """An account as an element of the given tag."""
    return (tag, [("ID", owner.id), ("DisplayName", owner.display_name)])


def checksum_element(checksum: tuple[str, str] | None) -> Element | None:
    """`ChecksumCRC32` and its like, of an algorithm (in any case) and a base64 value."""
    return None if checksum is None else (f"Checksum{checksum[0].upper()}", checksum[1])


def optional(tag: str, value: str | None) -> Element | None:
    """An element that is left out where it has no value."""
    return None if value is None else (tag, value)


def quoted(etag: str) -> str:
    """An ETag as S3 shows it, in quotes."""
    return f'"{etag}"'
