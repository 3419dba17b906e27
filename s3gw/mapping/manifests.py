"""A multipart upload's parts as the manifests of a static large object.

https://docs.openstack.org/swift/latest/overview_large_objects.html#static-large-objects
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from s3gw.mapping import etags, layout
from s3gw.mapping.metadata import DEFAULT_CONTENT_TYPE, strip_parameters
from s3gw.swift.account import Entry

# Bytes of a manifest that Swift accepts by default: many segments with long names are more.
_MANIFEST_SIZE = 8 * 1024 * 1024
_SIZE_DIGITS = 16
_S3API_MARKER_TYPE = "application/directory"
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")


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
    """What has to be PUT: first the sub-manifests (by name), then the object's own."""

    below: tuple[tuple[str, list[Entry]], ...]
    top: list[Entry]


def manifests_for(
    bucket: str, key: str, upload_id: str, parts: Sequence[Segment], limit: int
) -> Manifests:
    """The manifests of a completed upload; `limit` is Swift's number of segments in one.

    Swift refuses empty segments among others, so empty parts are left out.  What the object's own
    manifest has room for stands in it, in front: Swift deletes a large object only if never more
    than ten times its limit of segments wait in sub-manifests.
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
    limit = max(2, min(limit, _MANIFEST_SIZE // (len(json.dumps(entries[-1])) + _SIZE_DIGITS)))
    if len(entries) <= limit:
        return Manifests((), entries)
    count = -((limit - len(entries)) // (limit - 1))  # a sub-manifest takes a place itself
    direct = max(limit - count, 0)
    below, top = [], entries[:direct]
    for index, start in enumerate(range(direct, len(entries), limit)):
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


def refused_names(report: bytes) -> list[str]:
    """The last components of the segments that Swift's report on a refused manifest names.

    A segment that Swift could not read is among them, whatever the reason.
    """
    try:
        problems = json.loads(report)["Errors"]
        return [str(path).rpartition("/")[2] for path, _ in problems]
    except (KeyError, TypeError, ValueError):
        return []


def object_headers(
    marker: Mapping[str, str], upload_id: str, etag: str, top: Sequence[Entry]
) -> dict[str, str]:
    """The completed object's Swift headers: its marker's, and the S3 ETag.

    The ETag stands in the metadata, with Swift's own of the manifest `top` that it belongs to,
    and, for listings, in a parameter of the content type.
    """
    content_type = strip_parameters(marker.get("Content-Type", DEFAULT_CONTENT_TYPE))
    if content_type == _S3API_MARKER_TYPE and layout.is_s3api_upload_id(upload_id):
        content_type = DEFAULT_CONTENT_TYPE  # the client's own is hidden from us
    headers = {
        name: value
        for name, value in marker.items()
        if name.lower() in _KEPT or name.lower().startswith(layout.USER_META)
    }
    headers["Content-Type"] = f"{content_type};{layout.ETAG_PARAMETER}={etag}"
    swift_etag = etags.manifest(str(entry["etag"]) for entry in top)
    headers[layout.META_ETAG] = f"{etag}:{swift_etag}"
    return headers
