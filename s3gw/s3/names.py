"""What buckets and keys may be called.

The rule: S3's naming rules bind the creation of buckets only.  Containers made natively are
buckets too, whatever their name.
"""

import re

from s3gw.s3.errors import InvalidBucketName, InvalidURI, KeyTooLongError

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def check_new_bucket_name(name: str) -> None:
    """Raise InvalidBucketName unless S3 lets a bucket of this name be created.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if (
        not _NAME.fullmatch(name)
        or ".." in name
        or _IPV4.fullmatch(name)
        or name.startswith(_RESERVED_PREFIXES)
        or name.endswith(_RESERVED_SUFFIXES)
    ):
        raise InvalidBucketName(BucketName=name)


def check_key(key: str, limit: int) -> None:
    """Raise KeyTooLongError for a key of more than `limit` bytes of UTF-8.

    Raises InvalidURI for a key with a NUL, which Swift cannot hold.
    """
    size = len(key.encode("utf-8"))
    if size > limit:
        raise KeyTooLongError(Size=size, MaxSizeAllowed=limit)
    if "\x00" in key:
        raise InvalidURI
