"""What a bucket says of itself: mostly that nothing is configured."""

from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import running, settings_for
from tests.functional.rawclient import ask, keys_of, sign
from tests.functional.stack import Stack

UNSET = [
    ("cors", 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ("encryption", 404, "ServerSideEncryptionConfigurationNotFoundError", None),
    (
        "lifecycle",
        404,
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    ),
    ("object-lock", 404, "ObjectLockConfigurationNotFoundError", None),
    ("ownershipControls", 404, "OwnershipControlsNotFoundError", None),
    ("policy", 404, "NoSuchBucketPolicy", "The bucket policy does not exist"),
    ("publicAccessBlock", 404, "NoSuchPublicAccessBlockConfiguration", None),
    ("replication", 404, "ReplicationConfigurationNotFoundError", None),
    ("tagging", 404, "NoSuchTagSet", "The TagSet does not exist"),
    ("website", 404, "NoSuchWebsiteConfiguration", None),
]
"""Sub-resource, status, code, message where AWS's is recorded."""

_NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
SHOWN = [
    ("accelerate", f"<AccelerateConfiguration {_NS}/>"),
    ("location", f"<LocationConstraint {_NS}>RegionOne</LocationConstraint>"),
    ("logging", f"<BucketLoggingStatus {_NS}/>"),
    ("notification", f"<NotificationConfiguration {_NS}/>"),
    ("policyStatus", f"<PolicyStatus {_NS}><IsPublic>false</IsPublic></PolicyStatus>"),
    (
        "requestPayment",
        (
            f"<RequestPaymentConfiguration {_NS}><Payer>BucketOwner</Payer>"
            "</RequestPaymentConfiguration>"
        ),
    ),
    ("versioning", f"<VersioningConfiguration {_NS}></VersioningConfiguration>"),
]


@pytest.mark.parametrize(("subresource", "status", "code", "message"), UNSET)
def test_what_is_not_configured_says_so(
    raw: Raw, bucket: str, subresource: str, status: int, code: str, message: str | None
) -> None:
    reply = raw("GET", f"/{bucket}?{subresource}")
    assert (reply.status, reply.code) == (status, code)
    assert reply.error["BucketName"] == bucket
    assert message in {None, reply.error["Message"]}


@pytest.mark.parametrize(("subresource", "document"), SHOWN)
def test_what_has_a_default_shows_it(
    raw: Raw, bucket: str, subresource: str, document: str
) -> None:
    reply = raw("GET", f"/{bucket}?{subresource}")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/xml"
    assert reply.body.decode() == f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'


@pytest.mark.parametrize(
    "subresource", [*(row[0] for row in UNSET), *(row[0] for row in SHOWN), "acl", "uploads"]
)
def test_a_bucket_that_is_not_there_has_no_settings(raw: Raw, subresource: str) -> None:
    reply = raw("GET", f"/never-was-a-bucket?{subresource}")
    assert (reply.status, reply.code) == (404, "NoSuchBucket")
    assert reply.error["BucketName"] == "never-was-a-bucket"


def test_a_buckets_acl_is_its_owners(s3: Any, bucket: str, stack: Stack) -> None:
    answer = s3.get_bucket_acl(Bucket=bucket)
    owner = {"ID": stack.project.id, "DisplayName": stack.project.name}
    assert answer["Owner"] == owner
    grantee = {**owner, "Type": "CanonicalUser"}
    assert answer["Grants"] == [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]


@pytest.mark.parametrize(("enabled", "status"), [("true", "Enabled"), ("false", "Suspended")])
def test_versioning_is_shown_as_swift_has_it(
    raw: Raw, bucket: str, swift: swiftclient.Connection, enabled: str, status: str
) -> None:
    swift.post_container(bucket, {"X-Versions-Enabled": enabled})
    assert f"<Status>{status}</Status>".encode() in raw("GET", f"/{bucket}?versioning").body


def test_us_east_1_has_no_name(stack: Stack, bucket: str) -> None:
    with running(settings_for(stack, s3={"region": "us-east-1"})) as other:
        signed = sign(keys_of(stack), "GET", f"{other.endpoint}/{bucket}?location=")
        reply = ask(other.endpoint, signed)
    assert reply.status == 200
    assert reply.body.endswith(f"<LocationConstraint {_NS}/>".encode())
