"""Object Ownership: whether a bucket has ACLs at all.

The rule: every object belongs to its bucket's owner, for one S3 account is one Keystone project; so
what would give it to whoever writes it is refused.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from enum import StrEnum

from s3gw.access.acl import Acl, private
from s3gw.s3.acls import ACL_HEADER
from s3gw.s3.errors import (
    AccessControlListNotSupported,
    InvalidArgument,
    NotImplemented,
)
from s3gw.s3.ownership_errors import InvalidBucketAclWithObjectOwnership
from s3gw.s3.request import Headers
from s3gw.s3.xml import Element

HEADER = "x-amz-object-ownership"

_OBJECT_WRITER = "ObjectWriter"
_FULL_CONTROL = "bucket-owner-full-control"


class Ownership(StrEnum):
    """What CreateBucket may be told; without a word a bucket is as with PREFERRED."""

    ENFORCED = "BucketOwnerEnforced"
    """There are no ACLs: whatever would set one is refused."""
    PREFERRED = "BucketOwnerPreferred"


def wanted_ownership(headers: Headers) -> Ownership | None:
    """What the headers say of it; raises InvalidArgument, NotImplemented (ObjectWriter)."""
    value = headers.get(HEADER)
    if value is None:
        return None
    if value == _OBJECT_WRITER:
        raise NotImplemented(
            "Objects belong to the bucket's owner: ObjectWriter is not implemented.", Header=HEADER
        )
    try:
        return Ownership(value)
    except ValueError:
        raise InvalidArgument(
            f"Invalid {HEADER} header: {value}", ArgumentName=HEADER, ArgumentValue=value
        ) from None


def check_new_bucket(ownership: Ownership | None, acl: Acl | None, owner: str) -> None:
    """Raise InvalidBucketAclWithObjectOwnership for a bucket that shall have ACLs and have not."""
    if ownership is Ownership.ENFORCED and acl not in {None, private(owner)}:
        raise InvalidBucketAclWithObjectOwnership


def check_acl(ownership: Ownership | None, acl: Acl, headers: Headers) -> None:
    """Raise AccessControlListNotSupported for an ACL that the bucket does not have.

    Where there are none, only what says that the owner has full control may be said.
    """
    if ownership is not Ownership.ENFORCED:
        return
    if headers.get(ACL_HEADER) not in {None, "", _FULL_CONTROL} or acl != private(acl.owner):
        raise AccessControlListNotSupported


def ownership_controls(ownership: Ownership) -> Element:
    """The document of GetBucketOwnershipControls."""
    return ("OwnershipControls", [("Rule", [("ObjectOwnership", ownership)])])
