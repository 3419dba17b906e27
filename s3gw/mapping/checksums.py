"""The checksum kept with an object: `<algorithm>:<base64>:<FULL_OBJECT|COMPOSITE>:<Swift ETag>`."""

from collections.abc import Iterator, Mapping

from s3gw.mapping import etags, layout
from s3gw.s3.checksums import ALGORITHMS, Checksum

FULL_OBJECT = "FULL_OBJECT"
_KINDS = (FULL_OBJECT, "COMPOSITE")


def to_swift(checksum: Checksum | None, swift_etag: str = "") -> dict[str, str]:
    """The Swift header that keeps a verified checksum.

    `swift_etag` is empty when the checksum goes in with the very PUT of the content, whose ETag
    is not known before its end.
    """
    if checksum is None:
        return {}
    value = f"{checksum.algorithm}:{checksum.value}:{FULL_OBJECT}:{swift_etag}"
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
    if algorithm.lower() not in ALGORITHMS or kind not in _KINDS:
        return None
    if swift_etag not in {"", etags.unquoted(headers.get("Etag", ""))}:
        return None
    return algorithm.lower(), value, kind
