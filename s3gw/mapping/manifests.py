"""A multipart upload's parts as the manifests of a static large object.

https://docs.openstack.org/swift/latest/overview_large_objects.html#static-large-objects
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from s3gw.mapping import etags, layout
from s3gw.mapping.metadata import strip_parameters
from s3gw.swift.account import Entry

_S3API_MARKER_TYPE = "application/directory"
_DEFAULT_TYPE = "binary/octet-stream"
_KEPT = ("Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires")


class Segment(Protocol):
    """A part: its number, hex MD5 and size in bytes."""

    @property
    def number(self) -> int:
        """From 1 to 10,000."""

    @property
    def etag(self) -> str:
        """Hex MD5."""

    @property
    def size(self) -> int:
        """Bytes."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """What has to be PUT, in this order: the sub-manifests (by name), then the object's own."""

    below: tuple[tuple[str, list[Entry]], ...]
    top: list[Entry]


def manifests_for(
    bucket: str, key: str, upload_id: str, parts: Sequence[Segment], limit: int
) -> Manifests:
    """The manifests of a completed upload; `limit` is Swift's number of segments in one.

    Swift refuses empty segments among others, so empty parts are left out.
    """
    container = layout.segments_container(bucket)
    filled = [part for part in parts if part.size] or list(parts[:1])
    entries: list[Entry] = [
        {
            "path": f"/{container}/{layout.part_name(key, upload_id, part.number)}",
            "etag": part.etag,
            "size_bytes": part.size,
        }
        for part in filled
    ]
    if len(entries) <= limit:
        return Manifests((), entries)
    below, top = [], []
    for index, start in enumerate(range(0, len(entries), limit)):
        chunk = entries[start : start + limit]
        name = layout.submanifest_name(key, upload_id, index)
        below.append((name, chunk))
        top.append(
            {
                "path": f"/{container}/{name}",
                "etag": etags.manifest(str(entry["etag"]) for entry in chunk),
                "size_bytes": sum(int(entry["size_bytes"]) for entry in chunk),
            }
        )
    return Manifests(tuple(below), top)


def object_headers(marker: Mapping[str, str], etag: str) -> dict[str, str]:
    """The completed object's Swift headers: its marker's, and the S3 ETag.

    The ETag stands in the metadata and, for listings, in a parameter of the content type.
    """
    content_type = strip_parameters(marker.get("Content-Type", _DEFAULT_TYPE))
    if content_type == _S3API_MARKER_TYPE:
        content_type = _DEFAULT_TYPE
    headers = {
        name: value
        for name, value in marker.items()
        if name in _KEPT or name.lower().startswith(layout.USER_META)
    }
    headers["Content-Type"] = f"{content_type};{layout.ETAG_PARAMETER}={etag}"
    headers[layout.META_ETAG] = etag
    return headers
