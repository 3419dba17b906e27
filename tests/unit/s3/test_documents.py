"""Every document but the listings, read back by botocore."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from lxml import etree

from s3gw.access.acl import Grant, Group, Permission, Project, acl_of, private
from s3gw.s3 import documents
from s3gw.s3.documents import BucketEntry, BucketPage, DeletedObject, DeleteFailure, Owner
from s3gw.s3.errors import AccessDenied, InvalidArgument, InvalidRange, NoSuchKey
from s3gw.s3.xml import NAMESPACE, Element, render
from tests.unit.s3.test_xml import TEXTS
from tests.unit.s3.wire import read_answer

OWNER = Owner("project-id", "project name")
OWNER_READ = {"ID": "project-id", "DisplayName": "project name"}
CREATED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def tags(element: Element) -> list[str]:
    """The names of an element's children, in order."""
    return [etree.QName(child).localname for child in etree.XML(render(element))]


def test_an_error_has_its_details_between_message_and_resource() -> None:
    error = InvalidRange(RangeRequested="bytes=9-", ActualObjectSize=3)
    body = render(documents.error_document(error, "/b/k", "id-1", "host-1"))
    assert body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Error><Code>InvalidRange</Code>"
        "<Message>The requested range is not satisfiable</Message>"
        "<RangeRequested>bytes=9-</RangeRequested><ActualObjectSize>3</ActualObjectSize>"
        "<Resource>/b/k</Resource><RequestId>id-1</RequestId><HostId>host-1</HostId></Error>"
    )


@settings(deadline=None)
@given(TEXTS.filter(str.strip), TEXTS.filter(bool))
def test_botocore_reads_our_errors(message: str, resource: str) -> None:
    error = InvalidArgument(message, ArgumentName="max-keys", ArgumentValue="<x>")
    body = render(documents.error_document(error, resource, "id-1", "host-1"))
    assert read_answer("GetObject", body, 400)["Error"] == {
        "Code": "InvalidArgument",
        "Message": message,
        "ArgumentName": "max-keys",
        "ArgumentValue": "<x>",
        "Resource": resource,
    }


def test_buckets() -> None:
    page = BucketPage(
        owner=OWNER,
        buckets=[BucketEntry("one", CREATED), BucketEntry("two", CREATED, "RegionOne")],
        prefix="p",
        next_token="next",
    )
    document = documents.list_buckets(page)
    assert tags(document) == ["Owner", "Buckets", "ContinuationToken", "Prefix"]
    assert read_answer("ListBuckets", render(document)) == {
        "Owner": OWNER_READ,
        "Buckets": [
            {"Name": "one", "CreationDate": CREATED},
            {"Name": "two", "CreationDate": CREATED, "BucketRegion": "RegionOne"},
        ],
        "ContinuationToken": "next",
        "Prefix": "p",
    }


def test_an_account_without_buckets() -> None:
    document = documents.list_buckets(BucketPage(owner=OWNER, buckets=[]))
    assert read_answer("ListBuckets", render(document)) == {"Owner": OWNER_READ, "Buckets": []}


@settings(deadline=None)
@given(TEXTS)
def test_a_begun_upload(key: str) -> None:
    body = render(documents.initiate_multipart_upload("b", key, "upload"))
    assert read_answer("CreateMultipartUpload", body) == {
        "Bucket": "b",
        "Key": key,
        "UploadId": "upload",
    }


@settings(deadline=None)
@given(TEXTS)
def test_a_completed_upload(key: str) -> None:
    document = documents.complete_multipart_upload("http://h/b/k", "b", key, "abc-2")
    assert read_answer("CompleteMultipartUpload", render(document)) == {
        "Location": "http://h/b/k",
        "Bucket": "b",
        "Key": key,
        "ETag": '"abc-2"',
    }


def test_a_completed_upload_with_a_checksum() -> None:
    document = documents.complete_multipart_upload("u", "b", "k", "abc-2", ("crc64nvme", "YQ=="))
    assert tags(document) == ["Location", "Bucket", "Key", "ETag", "ChecksumCRC64NVME"]
    assert read_answer("CompleteMultipartUpload", render(document))["ChecksumCRC64NVME"] == "YQ=="


DELETED = [
    DeletedObject("a"),
    DeletedObject("b", "v1"),
    DeletedObject("c", delete_marker=True, delete_marker_version_id="v2"),
]
FAILED = [
    DeleteFailure("d", None, AccessDenied()),
    DeleteFailure("e", "v3", NoSuchKey("gone", Key="e")),
]
FAILED_READ = [
    {"Key": "d", "Code": "AccessDenied", "Message": "Access Denied"},
    {"Key": "e", "VersionId": "v3", "Code": "NoSuchKey", "Message": "gone"},
]


def test_deletions_and_failures_are_told_apart() -> None:
    document = documents.delete_result(DELETED, FAILED, quiet=False)
    assert read_answer("DeleteObjects", render(document)) == {
        "Deleted": [
            {"Key": "a"},
            {"Key": "b", "VersionId": "v1"},
            {"Key": "c", "DeleteMarker": True, "DeleteMarkerVersionId": "v2"},
        ],
        "Errors": FAILED_READ,
    }


def test_a_quiet_deletion_tells_failures_only() -> None:
    document = documents.delete_result(DELETED, FAILED, quiet=True)
    assert read_answer("DeleteObjects", render(document)) == {"Errors": FAILED_READ}
    assert read_answer("DeleteObjects", render(documents.delete_result([], [], quiet=True))) == {}


def test_a_location_is_the_region_and_us_east_1_has_none() -> None:
    # As botocore's parse_get_bucket_location does: the text of the root.
    assert etree.XML(render(documents.location_constraint("RegionOne"))).text == "RegionOne"
    assert etree.XML(render(documents.location_constraint("us-east-1"))).text is None


@pytest.mark.parametrize("operation", ["GetBucketAcl", "GetObjectAcl"])
def test_the_owner_has_full_control(operation: str) -> None:
    body = render(documents.access_control_policy(OWNER, private(OWNER.id)))
    assert read_answer(operation, body) == {
        "Owner": OWNER_READ,
        "Grants": [
            {"Grantee": {**OWNER_READ, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
        ],
    }


def test_grants_name_projects_and_groups() -> None:
    acl = acl_of(
        OWNER.id,
        [Grant(Project("7e57"), Permission.READ_ACP), Grant(Group.ALL_USERS, Permission.READ)],
    )
    body = render(documents.access_control_policy(OWNER, acl))
    assert read_answer("GetBucketAcl", body)["Grants"] == [
        {
            "Grantee": {"ID": "7e57", "DisplayName": "7e57", "Type": "CanonicalUser"},
            "Permission": "READ_ACP",
        },
        {
            "Grantee": {
                "URI": "http://acs.amazonaws.com/groups/global/AllUsers",
                "Type": "Group",
            },
            "Permission": "READ",
        },
    ]


@pytest.mark.parametrize(
    ("subresource", "operation", "answer"),
    [
        ("accelerate", "GetBucketAccelerateConfiguration", {}),
        ("logging", "GetBucketLogging", {}),
        ("notification", "GetBucketNotificationConfiguration", {}),
        ("requestPayment", "GetBucketRequestPayment", {"Payer": "BucketOwner"}),
        ("versioning", "GetBucketVersioning", {}),
    ],
)
def test_what_was_never_configured(
    subresource: str, operation: str, answer: dict[str, object]
) -> None:
    body = render(documents.NOT_CONFIGURED[subresource])
    assert read_answer(operation, body) == answer
    assert NAMESPACE.encode() in body


@pytest.mark.parametrize("public", [True, False])
def test_policy_status(*, public: bool) -> None:
    body = render(documents.policy_status(public=public))
    # The document is the operation's payload, hence one level more than the others.
    assert read_answer("GetBucketPolicyStatus", body) == {"PolicyStatus": {"IsPublic": public}}
