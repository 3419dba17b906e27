"""The S3 ETag of a Swift object: one and the same in HEAD, GET, listings and conditions.

The rule: a large object never shows 32 hex digits, since clients take those for an MD5.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import md5
from typing import Any

from s3gw.mapping import layout
from s3gw.mapping.metadata import content_type_parameter

_MD5 = re.compile(r"[0-9a-f]{32}")
_MULTIPART = re.compile(r"[0-9a-f]{32}-[0-9]{1,5}")


def unquoted(etag: str) -> str:
    """An ETag without the quotes it may have."""
    return etag.strip().removeprefix("W/").strip('"')


def is_static_large_object(headers: Mapping[str, str]) -> bool:
    """Whether the headers are those of a static large object."""
    return headers.get("X-Static-Large-Object", "").lower() == "true"


def is_dynamic_large_object(headers: Mapping[str, str]) -> bool:
    """Whether the headers are those of a dynamic large object."""
    return "X-Object-Manifest" in headers


def from_headers(headers: Mapping[str, str], swift_etag: str | None = None) -> str | None:
    """The S3 ETag that an object's headers tell; None: only its manifest can.

    `swift_etag`: Swift's own, where the headers are those of an answer with the manifest.
    """
    etag = unquoted(headers.get("Etag", "")) if swift_etag is None else swift_etag
    if is_static_large_object(headers):
        kept, _, of = headers.get(layout.META_ETAG, "").partition(":")
        return kept if _MULTIPART.fullmatch(kept) and of in {"", etag} else None
    if is_dynamic_large_object(headers):
        return f"{etag}-0"
    return etag


def from_entry(entry: Mapping[str, Any]) -> str | None:
    """The S3 ETag that a listing's entry tells; None: only the object itself can.

    https://docs.openstack.org/api-ref/object-store/#show-container-details-and-list-objects
    """
    hash_, _, parameters = str(entry.get("hash", "")).partition(";")
    if not entry.get("slo_etag"):
        return hash_
    for candidate in (
        content_type_parameter(str(entry.get("content_type", "")), layout.ETAG_PARAMETER),
        unquoted(str(entry.get("s3_etag", ""))),
        # s3api's listing update, as a proxy without s3api shows it: "md5; s3_etag=…-2; …"
        content_type_parameter(";" + parameters, "s3_etag"),
    ):
        if candidate and _MULTIPART.fullmatch(candidate):
            return candidate
    return None


def from_manifest(segments: Iterable[Mapping[str, Any]], slo_etag: str) -> str:
    """The S3 ETag of a static large object that nobody noted, from its manifest's segments."""
    digests = [unquoted(str(segment.get("etag", ""))) for segment in segments]
    if digests and all(_MD5.fullmatch(digest) for digest in digests):
        return multipart(digests)
    return f"{slo_etag}-{len(digests)}"


def multipart(part_etags: Iterable[str]) -> str:
    """`md5(concatenated binary md5s of the parts)-<number of parts>`."""
    digests = [bytes.fromhex(etag) for etag in part_etags]
    return f"{md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def count(etag: str) -> int:
    """How many parts a multipart ETag tells; 0 if it is none."""
    return int(etag.partition("-")[2]) if _MULTIPART.fullmatch(etag) else 0


def manifest(segment_etags: Iterable[str]) -> str:
    """Swift's own ETag of a static large object: the md5 of the concatenated *hex* digests."""
    return md5("".join(segment_etags).encode("ascii")).hexdigest()
