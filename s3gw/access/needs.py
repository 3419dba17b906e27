"""What an operation needs of its caller: a column of the table of operations.

The rule: the owner's project may do all of these, as far as Swift lets its user; nobody else may
do anything that an ACL of the bucket or the object does not say.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#permissions
"""

from enum import Enum


class Need(Enum):
    """A permission, and of what."""

    NOTHING = "nothing"
    """Not even a bucket: the preflight of a browser."""
    CALLER = "a signature"
    """What callers do with their own account."""
    OWNER = "the bucket's owner"
    """What no ACL can grant."""
    BUCKET_READ = "READ on the bucket"
    BUCKET_WRITE = "WRITE on the bucket"
    BUCKET_READ_ACP = "READ_ACP on the bucket"
    BUCKET_WRITE_ACP = "WRITE_ACP on the bucket"
    OBJECT_READ = "READ on the object"
    OBJECT_READ_ACP = "READ_ACP on the object"
    OBJECT_WRITE_ACP = "WRITE_ACP on the object"
