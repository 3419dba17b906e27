"""GetObjectAttributes: what is asked, and the document that tells it.

The rule: an attribute that the object does not have is left out, as on AWS.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
"""

from collections.abc import Sequence
from dataclasses import dataclass

from s3gw.s3.documents import checksum_element, optional
from s3gw.s3.errors import InvalidArgument
from s3gw.s3.headers import parse_count
from s3gw.s3.request import Headers
from s3gw.s3.xml import Element

_HEADER = "x-amz-object-attributes"
_NAMES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The attributes that are asked for, and which page of the parts."""

    names: frozenset[str]
    max_parts: int
    marker: int
    """Parts of greater numbers are shown."""


@dataclass(frozen=True, slots=True)
class PartAttributes:
    """A part of an object."""

    number: int
    size: int
    checksum: tuple[str, str] | None = None
    """Algorithm and base64 value; None if none was kept."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an object has of what is asked for; None: it has no such attribute."""

    etag: str | None = None
    """Without quotes, and so it is shown."""
    checksum: tuple[str, str] | None = None
    """Algorithm and base64 value."""
    checksum_type: str | None = None
    parts: Sequence[PartAttributes] | None = None
    """In order."""
    storage_class: str | None = None
    size: int | None = None


def parse(headers: Headers) -> Asked:
    """What the request asks for; raises InvalidArgument."""
    given = headers.get(_HEADER) or ""
    names = frozenset(name.strip() for name in given.split(",") if name.strip())
    if not names or not names <= _NAMES:
        raise InvalidArgument(
            "Invalid attribute name specified.", ArgumentName=_HEADER, ArgumentValue=given
        )
    return Asked(
        names,
        parse_count("x-amz-max-parts", headers.get("x-amz-max-parts")),
        parse_count(
            "x-amz-part-number-marker", headers.get("x-amz-part-number-marker") or "0", 10_000
        ),
    )


def document(found: Attributes, asked: Asked) -> Element:
    """The answer."""
    checksum: Element | None = None
    if found.checksum is not None:
        kind = optional("ChecksumType", found.checksum_type)
        checksum = ("Checksum", [checksum_element(found.checksum), kind])
    return (
        "GetObjectAttributesResponse",
        [
            optional("ETag", found.etag),
            checksum,
            None if found.parts is None else _parts(found.parts, asked),
            optional("StorageClass", found.storage_class),
            None if found.size is None else ("ObjectSize", found.size),
        ],
    )


def _parts(parts: Sequence[PartAttributes], asked: Asked) -> Element:
    rest = [part for part in parts if part.number > asked.marker]
    shown = rest[: asked.max_parts]
    return (
        "ObjectParts",
        [
            ("PartsCount", len(parts)),
            ("PartNumberMarker", asked.marker),
            ("NextPartNumberMarker", shown[-1].number if shown else asked.marker),
            ("MaxParts", asked.max_parts),
            ("IsTruncated", len(rest) > len(shown) > 0),
            *map(_part, shown),
        ],
    )


def _part(part: PartAttributes) -> Element:
    return (
        "Part",
        [checksum_element(part.checksum), ("PartNumber", part.number), ("Size", part.size)],
    )
