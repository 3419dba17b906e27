"""Checksums of multipart uploads: of the parts, and of the object that they become.

The rule: COMPOSITE is the checksum of the parts' checksums, with `-` and their number behind it;
FULL_OBJECT is that of the object's bytes, and follows from those of the parts for CRCs only.
An upload that was begun without an algorithm takes parts with any checksum, and keeps none.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from s3gw.s3.checksums import ALGORITHMS, COMPUTED, PREFIX, Checksum, combined, composite, parse
from s3gw.s3.errors import BadDigest, InvalidRequest
from s3gw.s3.request import Headers

COMPOSITE = "COMPOSITE"
FULL_OBJECT = "FULL_OBJECT"
KINDS = frozenset({COMPOSITE, FULL_OBJECT})

_ALGORITHM = PREFIX + "algorithm"
_TYPE = PREFIX + "type"
_COMBINABLE = frozenset({"crc32", "crc32c", "crc64nvme"})
_FULL_ONLY = frozenset({"crc64nvme"})


@dataclass(frozen=True, slots=True)
class UploadChecksum:
    """What an upload was begun with."""

    algorithm: str
    """In lower case; one of those that are computed."""
    kind: str
    """COMPOSITE or FULL_OBJECT."""


@dataclass(frozen=True, slots=True)
class SummedPart:
    """A part, as far as checksums go."""

    number: int
    size: int
    kept: Checksum | None
    """What was verified when the part came; None: nothing is known."""
    claimed: Mapping[str, str]
    """What the client says at the end: algorithm to base64 value."""


def read_create(headers: Headers) -> UploadChecksum | None:
    """What CreateMultipartUpload asks for; None also for algorithms that are not computed.

    Raises InvalidRequest.
    """
    algorithm = (headers.get(_ALGORITHM) or "").lower()
    kind = (headers.get(_TYPE) or "").upper()
    if not algorithm:
        if kind:
            raise InvalidRequest(
                f"The {_TYPE} header can only be used with the {_ALGORITHM} header."
            )
        return None
    if algorithm not in ALGORITHMS:
        raise InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid "
            "types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    if kind and kind not in KINDS:
        raise InvalidRequest(f"Value for {_TYPE} header is invalid.")
    if algorithm not in COMPUTED:
        return None
    return _created(algorithm, kind)


def _created(algorithm: str, kind: str) -> UploadChecksum:
    kind = kind or (FULL_OBJECT if algorithm in _FULL_ONLY else COMPOSITE)
    impossible = algorithm in _FULL_ONLY if kind == COMPOSITE else algorithm not in _COMBINABLE
    if impossible:
        raise InvalidRequest(
            f"The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
        )
    return UploadChecksum(algorithm, kind)


def check_part(upload: UploadChecksum | None, algorithm: str | None) -> None:
    """Refuse a part whose checksum is not of the upload's algorithm; raises InvalidRequest."""
    if upload is not None and algorithm != upload.algorithm:
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm}, "
            f"actual checksum Type: {algorithm or 'null'}"
        )


def of_object(
    upload: UploadChecksum | None, headers: Headers, parts: Sequence[SummedPart]
) -> Checksum | None:
    """The checksum of the object that the parts become; None if it does not follow.

    `headers`: of the CompleteMultipartUpload.  Raises InvalidRequest and BadDigest.
    """
    kind = headers.get(_TYPE)
    if kind is not None and kind.upper() != (upload.kind if upload else ""):
        raise InvalidRequest(
            f"The upload was created using the {upload.kind if upload else 'null'} checksum mode. "
            "The complete request must use the same checksum mode."
        )
    if upload is None:
        return None
    sums = [_sum_of(upload, part) for part in parts]
    known = [(one, part.size) for one, part in zip(sums, parts, strict=True) if one is not None]
    if len(known) < len(parts):
        return None
    is_composite = upload.kind == COMPOSITE
    found = composite([one for one, _ in known]) if is_composite else combined(known)
    claimed = headers.get(PREFIX + upload.algorithm)
    # Of a composite one, some clients leave out the number of parts.
    if claimed is not None and claimed not in {found.value, found.value.partition("-")[0]}:
        raise BadDigest(
            f"The {upload.algorithm} you specified did not match the calculated checksum."
        )
    return found


def _sum_of(upload: UploadChecksum, part: SummedPart) -> Checksum | None:
    """A part's checksum: the verified one, which the client's must equal, else the client's."""
    text = part.claimed.get(upload.algorithm)
    if text is None:
        if upload.kind == COMPOSITE and part.kept is not None:
            raise InvalidRequest(
                f"The upload was created using a {upload.algorithm} checksum. The complete request "
                "must include the checksum for each part. It was missing for part "
                f"{part.number} in the request."
            )
        return part.kept
    claimed = parse(upload.algorithm, text)
    if claimed is None or part.kept not in {None, claimed}:
        raise BadDigest(
            f"The {upload.algorithm} you specified for part {part.number} did not match what we "
            "received."
        )
    return claimed
