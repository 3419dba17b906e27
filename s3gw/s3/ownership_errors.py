"""The page of the error catalogue on Object Ownership.

See s3gw.s3.errors.
"""

from s3gw.s3.errors import S3Error


class InvalidBucketAclWithObjectOwnership(
    S3Error,
    status=400,
    text="Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
):
    """A bucket that is to have ACLs and to have none."""


class OwnershipControlsNotFoundError(
    S3Error, status=404, text="The bucket ownership controls were not found"
):
    """Nothing was said when the bucket was made."""
