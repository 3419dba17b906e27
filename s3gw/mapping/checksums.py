"""Checksums as Swift holds them: an object's in its metadata, a part's in its content type.

The rule: each names the content that it was computed for, and counts with no other.  A part's has
to stand in the content type, since nothing else of an object is seen in a listing.
"""

import base64
import re
from collections.abc import Iterator, Mapping

from s3gw.mapping import etags, layout
from s3gw.mapping.metadata import content_type_parameter
from s3gw.s3.checksums import ALGORITHMS, COMPUTED, Checksum, parse
from s3gw.s3.upload_checksums import FULL_OBJECT, KINDS, UploadChecksum

_PART_TYPE = "application/octet-stream"
_SUM = re.compile(r"([a-z0-9]+)-((?:[0-9a-f]{2})+)-([0-9a-f]{32})?")


def to_swift(
    checksum: Checksum | None, swift_etag: str = "", kind: str = FULL_OBJECT
) -> dict[str, str]:
    """The Swift header that keeps a verified checksum.

    `swift_etag` is empty when the checksum goes in with the very PUT of the content, whose ETag
    is not known before its end.
    """
    if checksum is None:
        return {}
    value = f"{checksum.algorithm}:{checksum.value}:{kind}:{swift_etag}"
    return {layout.META_CHECKSUM: value}


def to_s3_part(checksum: Checksum | None) -> Iterator[tuple[str, str]]:
    """The header that echoes a verified checksum of a part."""
    if checksum is not None:
        yield f"x-amz-checksum-{checksum.algorithm}", checksum.value


def to_s3(checksum: Checksum | None) -> Iterator[tuple[str, str]]:
    """The headers that echo a verified checksum of a whole object."""
    yield from to_s3_part(checksum)
    if checksum is not None:
        yield "x-amz-checksum-type", FULL_OBJECT


def from_swift(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The S3 headers of an object's checksum; nothing if it belongs to another content."""
    found = _kept(headers)
    if found is not None:
        algorithm, value, kind = found
        yield f"x-amz-checksum-{algorithm}", value
        yield "x-amz-checksum-type", kind


def of_copy(headers: Mapping[str, str]) -> dict[str, str]:
    """The Swift header that keeps an object's checksum with a plain copy of its whole content.

    One of the parts' checksums says nothing of the content as such.  That of a large object goes
    without an ETag, since the copy gets another one: it travels with the very content.
    """
    found = _kept(headers)
    if found is None or found[2] != FULL_OBJECT:
        return {}
    algorithm, value, _ = found
    etag = "" if etags.is_large_object(headers) else etags.unquoted(headers.get("Etag", ""))
    return {layout.META_CHECKSUM: f"{algorithm}:{value}:{FULL_OBJECT}:{etag}"}


def _kept(headers: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Algorithm, base64 value and kind of the checksum that belongs to the object.

    Anybody may have written the metadata natively: what names no algorithm is none.
    """
    parts = headers.get(layout.META_CHECKSUM, "").split(":")
    if len(parts) != 4:
        return None
    algorithm, value, kind, swift_etag = parts
    if algorithm.lower() not in ALGORITHMS or kind not in KINDS:
        return None
    if swift_etag not in {"", etags.unquoted(headers.get("Etag", ""))}:
        return None
    return algorithm.lower(), value, kind


def part_to_swift(checksum: Checksum | None, md5: str = "") -> dict[str, str]:
    """The Swift header of a part, with its checksum if there is one; `md5`: as in to_swift."""
    if checksum is None:
        return {"Content-Type": _PART_TYPE}
    digest = base64.b64decode(checksum.value).hex()
    value = f"{checksum.algorithm}-{digest}-{md5}"
    return {"Content-Type": f'{_PART_TYPE};{layout.SUM_PARAMETER}="{value}"'}


def of_part(content_type: str, md5: str) -> Checksum | None:
    """The checksum in a part's content type, if it is that of the content with this MD5."""
    match = _SUM.fullmatch(content_type_parameter(content_type, layout.SUM_PARAMETER) or "")
    if match is None or match[1] not in COMPUTED or match[3] not in {None, md5}:
        return None
    return parse(match[1], base64.b64encode(bytes.fromhex(match[2])).decode("ascii"))


def upload_to_swift(upload: UploadChecksum | None) -> dict[str, str]:
    """The Swift header of an upload's marker that tells its checksum."""
    if upload is None:
        return {}
    return {layout.META_UPLOAD_CHECKSUM: f"{upload.algorithm}:{upload.kind}"}


def of_upload(marker: Mapping[str, str]) -> UploadChecksum | None:
    """What an upload was begun with, from its marker's headers."""
    algorithm, _, kind = marker.get(layout.META_UPLOAD_CHECKSUM, "").partition(":")
    if algorithm not in COMPUTED or kind not in KINDS:
        return None
    return UploadChecksum(algorithm, kind)


def upload_to_s3(upload: UploadChecksum | None) -> Iterator[tuple[str, str]]:
    """The headers that tell a client what its upload was begun with."""
    if upload is not None:
        yield "x-amz-checksum-algorithm", upload.algorithm.upper()
        yield "x-amz-checksum-type", upload.kind
