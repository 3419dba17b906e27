"""Bucket sub-resources that say what is set: mostly that nothing is."""

from collections.abc import Awaitable, Callable

from s3gw.call import Call, Response
from s3gw.patience import xml_response
from s3gw.s3 import documents
from s3gw.s3.errors import (
    NoSuchBucketPolicy,
    NoSuchLifecycleConfiguration,
    NoSuchPublicAccessBlockConfiguration,
    NoSuchWebsiteConfiguration,
    ObjectLockConfigurationNotFoundError,
    ReplicationConfigurationNotFoundError,
    S3Error,
    ServerSideEncryptionConfigurationNotFoundError,
)


async def get_bucket_policy_status(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html.

    There are no policies, so none makes a bucket public.
    """
    await call.bucket_facts()
    return xml_response(documents.policy_status(public=False))


def _refuses(error: type[S3Error]) -> Callable[[Call], Awaitable[Response]]:
    async def unset(call: Call) -> Response:
        await call.bucket_facts()
        raise error(BucketName=call.bucket)

    return unset


def _shows(subresource: str) -> Callable[[Call], Awaitable[Response]]:
    async def unset(call: Call) -> Response:
        await call.bucket_facts()
        return xml_response(documents.NOT_CONFIGURED[subresource])

    return unset


UNSET: tuple[tuple[str, str, Callable[[Call], Awaitable[Response]]], ...] = (
    ("GetBucketAccelerateConfiguration", "accelerate", _shows("accelerate")),
    (
        "GetBucketEncryption",
        "encryption",
        _refuses(ServerSideEncryptionConfigurationNotFoundError),
    ),
    ("GetBucketLifecycleConfiguration", "lifecycle", _refuses(NoSuchLifecycleConfiguration)),
    ("GetBucketLogging", "logging", _shows("logging")),
    ("GetBucketNotificationConfiguration", "notification", _shows("notification")),
    (
        "GetObjectLockConfiguration",
        "object-lock",
        _refuses(ObjectLockConfigurationNotFoundError),
    ),
    ("GetBucketPolicy", "policy", _refuses(NoSuchBucketPolicy)),
    ("GetBucketPolicyStatus", "policyStatus", get_bucket_policy_status),
    (
        "GetPublicAccessBlock",
        "publicAccessBlock",
        _refuses(NoSuchPublicAccessBlockConfiguration),
    ),
    ("GetBucketReplication", "replication", _refuses(ReplicationConfigurationNotFoundError)),
    ("GetBucketRequestPayment", "requestPayment", _shows("requestPayment")),
    ("GetBucketWebsite", "website", _refuses(NoSuchWebsiteConfiguration)),
)
"""Operation, sub-resource and handler of what nobody can set yet."""
