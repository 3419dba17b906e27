"""Object sub-resources that say what is set: nothing is, yet."""

from s3gw.call import Call, Response
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.object_version import head, subject_of
from s3gw.s3.errors import NoSuchObjectLockConfiguration
from s3gw.s3.names import check_key


async def get_object_retention(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html."""
    await _check_exists(call)
    raise NoSuchObjectLockConfiguration


async def get_object_legal_hold(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLegalHold.html."""
    await _check_exists(call)
    raise NoSuchObjectLockConfiguration


async def _check_exists(call: Call) -> None:
    check_key(call.key, NAME_LIMIT)
    await head(subject_of(call))
