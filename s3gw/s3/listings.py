"""The listings, as data: objects, versions, uploads and parts.

The rule: with `encoding-type=url` exactly the keys, prefixes, delimiters and key markers are
URL-encoded; ids, tokens and bucket names never are.  A page is truncated if it says what is next.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from urllib.parse import quote

from s3gw.s3.dates import timestamp
from s3gw.s3.documents import Owner, checksum_element, optional, owner_element, quoted
from s3gw.s3.xml import QUOTED_SLOT, SLOT, Element, Pattern, Written

Encoder = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a page in columns, as they are written: a page has a thousand of them."""

    keys: Sequence[str]
    times: Sequence[str]
    """As `timestamp` writes them."""
    etags: Sequence[str]
    """Without quotes."""
    sizes: Sequence[int]
    """In bytes."""


class VersionEntry(NamedTuple):
    """A version of an object, or a delete marker, which has neither ETag nor size."""

    key: str
    version_id: str
    is_latest: bool
    last_modified: str
    """As `timestamp` writes it."""
    etag: str = ""
    size: int = 0
    delete_marker: bool = False


@dataclass(frozen=True, slots=True)
class UploadEntry:
    """A multipart upload that is neither complete nor aborted."""

    key: str
    upload_id: str
    initiated: datetime
    owner: Owner
    storage_class: str = "STANDARD"
    checksum_algorithm: str | None = None
    """In upper case; None: the object will have no checksum of its parts."""
    checksum_type: str | None = None


@dataclass(frozen=True, slots=True)
class PartEntry:
    """A part of an upload: ETag without quotes, size in bytes."""

    number: int
    last_modified: datetime
    etag: str
    size: int
    checksum: tuple[str, str] | None = None
    """Algorithm and base64 value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What a listing of keys echoes of its request, and the prefixes it found."""

    bucket: str
    prefix: str
    delimiter: str
    """Empty: none."""
    maximum: int
    """max-keys or max-uploads."""
    url_encoded: bool
    common_prefixes: Sequence[str] = ()

    @property
    def encode(self) -> Encoder:
        return url_encode if self.url_encoded else str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPage(_Page):
    """A page of ListObjects (V1)."""

    marker: str
    objects: Objects
    owner: Owner
    storage_class: str = "STANDARD"
    next_marker: str | None = None
    """The last key or prefix of the page, if there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPageV2(_Page):
    """A page of ListObjectsV2."""

    objects: Objects
    owner: Owner | None
    """Shown if the request wants it."""
    storage_class: str = "STANDARD"
    token: str | None = None
    """The continuation token, as it was sent."""
    start_after: str | None = None
    next_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionPage(_Page):
    """A page of ListObjectVersions."""

    key_marker: str
    version_id_marker: str
    versions: Sequence[VersionEntry]
    owner: Owner
    storage_class: str = "STANDARD"
    next_marker: tuple[str, str] | None = None
    """The key and the version id at which the next page begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPage(_Page):
    """A page of ListMultipartUploads."""

    key_marker: str
    upload_id_marker: str
    uploads: Sequence[UploadEntry]
    next_marker: tuple[str, str] | None = None
    """The key and the upload id after which the next page begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPage:
    """A page of ListParts."""

    bucket: str
    key: str
    upload_id: str
    owner: Owner
    part_number_marker: int
    maximum: int
    parts: Sequence[PartEntry]
    truncated: bool
    storage_class: str = "STANDARD"
    checksum_algorithm: str | None = None
    """In capitals."""
    checksum_type: str | None = None


def url_encode(text: str) -> str:
    """Text as `encoding-type=url` shows it: unreserved characters and `/` stand, the rest is %XX.

    A space is `%20`, not AWS's `+`, which clients that do not decode forms would keep.
    """
    return quote(text, safe="/")


def list_objects(page: ObjectPage) -> Element:
    """ListObjects. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html."""
    shown = page.next_marker if page.delimiter else None  # else clients take the last key
    return (
        "ListBucketResult",
        [
            ("Name", page.bucket),
            ("Prefix", page.encode(page.prefix)),
            ("Marker", page.encode(page.marker)),
            None if shown is None else ("NextMarker", page.encode(shown)),
            ("MaxKeys", page.maximum),
            *_delimiter_and_encoding(page),
            ("IsTruncated", page.next_marker is not None),
            _contents(page, page.objects, page.owner, page.storage_class),
            _common_prefixes(page),
        ],
    )


def list_objects_v2(page: ObjectPageV2) -> Element:
    """ListObjectsV2. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html."""
    after = page.start_after
    return (
        "ListBucketResult",
        [
            ("Name", page.bucket),
            ("Prefix", page.encode(page.prefix)),
            None if after is None else ("StartAfter", page.encode(after)),
            optional("ContinuationToken", page.token),
            optional("NextContinuationToken", page.next_token),
            ("KeyCount", len(page.objects.keys) + len(page.common_prefixes)),
            ("MaxKeys", page.maximum),
            *_delimiter_and_encoding(page),
            ("IsTruncated", page.next_token is not None),
            _contents(page, page.objects, page.owner, page.storage_class),
            _common_prefixes(page),
        ],
    )


def list_versions(page: VersionPage) -> Element:
    """ListObjectVersions; versions and delete markers stand in the order of the page.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    """
    return (
        "ListVersionsResult",
        [
            ("Name", page.bucket),
            ("Prefix", page.encode(page.prefix)),
            ("KeyMarker", page.encode(page.key_marker)),
            ("VersionIdMarker", page.version_id_marker),
            *_next_markers(page),
            ("MaxKeys", page.maximum),
            *_delimiter_and_encoding(page),
            ("IsTruncated", page.next_marker is not None),
            *_versions(page),
            _common_prefixes(page),
        ],
    )


def list_uploads(page: UploadPage) -> Element:
    """ListMultipartUploads; all four markers are always there, since clients read them.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
    """
    next_key, next_upload_id = page.next_marker or ("", "")
    delimiter, encoding = _delimiter_and_encoding(page)
    return (
        "ListMultipartUploadsResult",
        [
            ("Bucket", page.bucket),
            ("KeyMarker", page.encode(page.key_marker)),
            ("UploadIdMarker", page.upload_id_marker),
            ("NextKeyMarker", page.encode(next_key)),
            ("NextUploadIdMarker", next_upload_id),
            delimiter,
            ("Prefix", page.encode(page.prefix)),
            ("MaxUploads", page.maximum),
            encoding,
            ("IsTruncated", page.next_marker is not None),
            *(_upload(entry, page.encode) for entry in page.uploads),
            _common_prefixes(page),
        ],
    )


def list_parts(page: PartPage) -> Element:
    """ListParts. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html."""
    last = page.parts[-1].number if page.parts else page.part_number_marker
    return (
        "ListPartsResult",
        [
            ("Bucket", page.bucket),
            ("Key", page.key),
            ("UploadId", page.upload_id),
            owner_element("Initiator", page.owner),
            owner_element("Owner", page.owner),
            ("StorageClass", page.storage_class),
            ("PartNumberMarker", page.part_number_marker),
            ("NextPartNumberMarker", last),
            ("MaxParts", page.maximum),
            ("IsTruncated", page.truncated),
            *map(_part, page.parts),
            optional("ChecksumAlgorithm", page.checksum_algorithm),
            optional("ChecksumType", page.checksum_type),
        ],
    )


def _contents(page: _Page, objects: Objects, owner: Owner | None, storage_class: str) -> Written:
    pattern = Pattern(
        (
            "Contents",
            [
                *_slots("Key", "LastModified"),
                ("ETag", QUOTED_SLOT),
                ("Size", SLOT),
                None if owner is None else owner_element("Owner", owner),
                ("StorageClass", storage_class),
            ],
        )
    )
    keys, sizes = [*map(page.encode, objects.keys)], [*map(str, objects.sizes)]
    return pattern.written(keys, objects.times, objects.etags, sizes)


def _versions(page: VersionPage) -> Iterable[Written]:
    """In the order of the page, what follows each other of one kind at a stroke."""
    named = ("Key", "VersionId", "IsLatest", "LastModified")
    owner = owner_element("Owner", page.owner)
    storage_class = ("StorageClass", page.storage_class)
    marker = Pattern(("DeleteMarker", [*_slots(*named), owner]))
    content = [("ETag", QUOTED_SLOT), ("Size", SLOT)]
    version = Pattern(("Version", [*_slots(*named), *content, owner, storage_class]))
    for is_marker, group in groupby(page.versions, lambda entry: entry.delete_marker):
        entries = [*group]
        columns = [
            [*map(page.encode, [entry.key for entry in entries])],
            [entry.version_id for entry in entries],
            ["true" if entry.is_latest else "false" for entry in entries],
            [entry.last_modified for entry in entries],
        ]
        if not is_marker:
            columns += [[entry.etag for entry in entries], [str(entry.size) for entry in entries]]
        yield (marker if is_marker else version).written(*columns)


def _slots(*tags: str) -> list[Element]:
    return [(tag, SLOT) for tag in tags]


def _upload(entry: UploadEntry, encode: Encoder) -> Element:
    return (
        "Upload",
        [
            ("Key", encode(entry.key)),
            ("UploadId", entry.upload_id),
            owner_element("Initiator", entry.owner),
            owner_element("Owner", entry.owner),
            ("StorageClass", entry.storage_class),
            ("Initiated", timestamp(entry.initiated)),
            optional("ChecksumAlgorithm", entry.checksum_algorithm),
            optional("ChecksumType", entry.checksum_type),
        ],
    )


def _part(entry: PartEntry) -> Element:
    return (
        "Part",
        [
            ("PartNumber", entry.number),
            ("LastModified", timestamp(entry.last_modified)),
            ("ETag", quoted(entry.etag)),
            ("Size", entry.size),
            checksum_element(entry.checksum),
        ],
    )


def _delimiter_and_encoding(page: _Page) -> tuple[Element | None, Element | None]:
    delimiter = ("Delimiter", page.encode(page.delimiter)) if page.delimiter else None
    return delimiter, ("EncodingType", "url") if page.url_encoded else None


def _next_markers(page: VersionPage) -> Iterable[Element]:
    if page.next_marker is None:
        return ()
    key, version_id = page.next_marker
    return (("NextKeyMarker", page.encode(key)), ("NextVersionIdMarker", version_id))


def _common_prefixes(page: _Page) -> Written:
    pattern = Pattern(("CommonPrefixes", [("Prefix", SLOT)]))
    return pattern.written([*map(page.encode, page.common_prefixes)])
