"""Which x-amz-* headers are understood; all others that could change a meaning are refused.

The rule: a writing request may carry only headers named here.  What a header of tomorrow asks
for, and nobody does, is somebody's data lost.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from s3gw.s3.errors import AccessDenied, InvalidStorageClass, NotImplemented
from s3gw.s3.request import Headers

_READS = frozenset(("GET", "HEAD", "OPTIONS"))

_PREFIXES = ("x-amz-meta-", "x-amz-checksum-")
_UNDERSTOOD = frozenset(
    (
        "x-amz-date x-amz-content-sha256 x-amz-decoded-content-length x-amz-trailer "
        "x-amz-sdk-checksum-algorithm x-amz-user-agent x-amz-api-version x-amz-te "
        "x-amz-request-payer x-amz-mp-object-size x-amz-cf-id x-amz-id-2 x-amz-request-id "
        # Signature parameters that a presigned URL hoists.
        "x-amz-algorithm x-amz-credential x-amz-expires x-amz-signedheaders x-amz-signature"
    ).split()
)

# What only a copy may carry.
_OF_COPIES = frozenset(
    (
        "x-amz-copy-source x-amz-copy-source-range x-amz-copy-source-if-match "
        "x-amz-copy-source-if-none-match x-amz-copy-source-if-modified-since "
        "x-amz-copy-source-if-unmodified-since x-amz-metadata-directive x-amz-tagging-directive"
    ).split()
)

_SOURCE_OWNER = "x-amz-source-expected-bucket-owner"
_OWNER_HEADERS = ("x-amz-expected-bucket-owner", _SOURCE_OWNER)

_HARMLESS_ACLS = frozenset(
    ("private", "bucket-owner-read", "bucket-owner-full-control", "")
)  # with one account an owner, all of them mean: nobody but the owner

_COPIES = frozenset(("CopyObject", "UploadPartCopy"))
# Headers that say something of what these operations make or set; elsewhere they say nothing that
# could be done.
_MAKES_OBJECTS = frozenset(("PutObject", "PostObject", "CopyObject", "CreateMultipartUpload"))
_DELETES = frozenset(("DeleteObject",))
_SETS_ACLS = _MAKES_OBJECTS | {"CreateBucket", "PutBucketAcl", "PutObjectAcl"}
_FOR_SOME: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "x-amz-if-match-size": _DELETES,
        "x-amz-if-match-last-modified-time": _DELETES,
        "x-amz-tagging": _MAKES_OBJECTS,
        "x-amz-storage-class": _MAKES_OBJECTS | {"CreateBucket"},
        "x-amz-object-ownership": frozenset(("CreateBucket",)),
        "x-amz-acl": _SETS_ACLS,
        "x-amz-grant-read": _SETS_ACLS,
        "x-amz-grant-write": _SETS_ACLS,
        "x-amz-grant-read-acp": _SETS_ACLS,
        "x-amz-grant-write-acp": _SETS_ACLS,
        "x-amz-grant-full-control": _SETS_ACLS,
    }
)


# What may stand in the header of a form, beside those that say whose the bucket is.
_BESIDE_FORMS = frozenset(
    "x-amz-date x-amz-user-agent x-amz-cf-id x-amz-id-2 x-amz-request-id".split()
)
_OF_PUTS = frozenset(("content-md5", "if-match", "if-none-match"))

_VALUES: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "x-amz-acl": _HARMLESS_ACLS.__contains__,
        "x-amz-tagging": lambda value: not value,
        "x-amz-bucket-object-lock-enabled": lambda value: value.lower() == "false",
    }
)
"""Headers of which only some values are implemented."""


def check_expected_owner(headers: Headers, owner: str) -> None:
    """Raise AccessDenied if the client expects another owner of the bucket.

    That of a copy's source is compared by whoever reads the source (`check_source_owner`).
    """
    is_copy = "x-amz-copy-source" in headers
    for name in _OWNER_HEADERS:
        if not (is_copy and name == _SOURCE_OWNER) and headers.get(name) not in {None, owner}:
            raise AccessDenied


def check_source_owner(headers: Headers, owner: str) -> None:
    """Raise AccessDenied if the client expects another owner of a copy's source."""
    if headers.get(_SOURCE_OWNER) not in {None, owner}:
        raise AccessDenied


def check_headers(operation: str, method: str, headers: Headers, *, sse_s3: bool) -> None:
    """Refuse what the operation does not implement.

    Raises NotImplemented(Header=…), InvalidStorageClass.
    """
    for name in headers.names():
        if not name.startswith("x-amz-"):
            continue
        value = headers.get(name) or ""
        if name in _OWNER_HEADERS or (name in _OF_COPIES and operation in _COPIES):
            continue
        if name.startswith("x-amz-server-side-encryption"):
            _check_encryption(name, value, sse_s3=sse_s3)
        elif method not in _READS and operation not in _FOR_SOME.get(name, ()):
            _check_write(name, value)


def check_beside_form(headers: Headers) -> None:
    """Refuse headers that would say something of the object, where the fields of a form do.

    Raises NotImplemented(Header=…).
    """
    for name in headers.names():
        if name in _BESIDE_FORMS or name in _OWNER_HEADERS:
            continue
        if name.startswith("x-amz-") or name in _OF_PUTS:
            raise NotImplemented(Header=name)


def _check_encryption(name: str, value: str, *, sse_s3: bool) -> None:
    if not (sse_s3 and name == "x-amz-server-side-encryption" and value == "AES256"):
        raise NotImplemented(Header=name)


def _check_write(name: str, value: str) -> None:
    if name == "x-amz-storage-class":
        if value != "STANDARD":
            raise InvalidStorageClass(StorageClassRequested=value)
    elif name in _VALUES:
        if not _VALUES[name](value):
            raise NotImplemented(Header=name)
    elif name not in _UNDERSTOOD and not name.startswith(_PREFIXES):
        raise NotImplemented(Header=name)
