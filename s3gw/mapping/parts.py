"""The parts of a completed object, from its manifest: our own table, never Swift's.

Swift counts the segments of the object's own manifest from 1; S3 counts parts, by the numbers that
the client gave them.  They differ where manifests are nested, where numbers were left out, and by
empty parts, which no manifest can hold.
https://docs.openstack.org/swift/latest/overview_large_objects.html#static-large-objects
"""

import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from s3gw.mapping import layout
from s3gw.swift.account import Entry

_RANGE = re.compile(r"([0-9]*)-([0-9]*)")


@dataclass(frozen=True, slots=True)
class ObjectPart:
    """A part of an object: its number, and the bytes that it has there."""

    number: int
    offset: int
    size: int
    path: str = ""
    """`/<container>/<name>` of what holds them; empty for none."""
    etag: str = ""
    """Swift's, of what holds them."""


def table_of(segments: Sequence[Entry], bucket: str, count: int) -> tuple[ObjectPart, ...]:
    """The parts, in order; `segments`: of all manifests, without those that are manifests.

    `count`: how many parts the object's ETag tells.  Those that no segment shows were empty; S3
    lets only the last one be.  Segments that are no parts of one upload are counted from 1.
    """
    numbers = _numbers(segments, bucket)
    parts, offset = [], 0
    for number, segment in zip(numbers, segments, strict=True):
        size = _size(segment)
        path, etag = str(segment.get("path", "")), str(segment.get("etag", ""))
        parts.append(ObjectPart(number, offset, size, path, etag))
        offset += size
    last = numbers[-1] if numbers else 0
    empty = range(last + 1, last + 1 + count - len(parts))
    return (*parts, *(ObjectPart(number, offset, 0) for number in empty))


def _numbers(segments: Sequence[Entry], bucket: str) -> list[int]:
    paths = [str(segment.get("path", "")) for segment in segments]
    uploads = {layout.upload_of_segment(path, bucket) for path in paths}
    found = [layout.parse_part_number(path.rpartition("/")[2]) or 0 for path in paths]
    ascends = all(one < next_one for one, next_one in pairwise([0, *found]))
    is_one_upload = len(uploads) == 1 and None not in uploads
    return found if is_one_upload and ascends else [*range(1, len(paths) + 1)]


def _size(segment: Entry) -> int:
    """The bytes that a segment has in the object: a part of itself, or data in the manifest."""
    if "data" in segment:
        return len(b64decode(str(segment["data"])))
    size = int(segment.get("size_bytes", 0))
    match = _RANGE.fullmatch(str(segment.get("range", "")))
    if match is None:
        return size
    if not match[1]:
        return min(int(match[2] or 0), size)
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    return last - int(match[1]) + 1
