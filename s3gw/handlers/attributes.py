"""GetObjectAttributes: one request to Swift, two for the parts of a multipart object.

Three where the object has a checksum, since then its parts may have some, too.
"""

from collections.abc import Mapping, Sequence

from s3gw import storage_class
from s3gw.buckets.parts import checksums_of, read_parts
from s3gw.call import Call, Response
from s3gw.mapping import checksums, etags
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.mapping.parts import ObjectPart
from s3gw.object_version import Found, answer_headers, head, subject_of
from s3gw.patience import xml_response
from s3gw.s3.attributes import Asked, Attributes, PartAttributes, document, parse
from s3gw.s3.checksums import PREFIX, Checksum
from s3gw.s3.errors import ServiceUnavailable
from s3gw.s3.names import check_key

# Looks at an object that is replaced again and again between two requests.
_TRIES = 3


async def get_object_attributes(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html."""
    check_key(call.key, NAME_LIMIT)
    asked = parse(call.headers)
    found, parts = await _read(call, asked)
    response = xml_response(document(await _attributes(call, asked, found, parts), asked))
    response.headers += [
        ("Last-Modified", found.headers.get("Last-Modified", "")),
        *answer_headers(found.version_id),
    ]
    return response


async def _read(call: Call, asked: Asked) -> tuple[Found, Sequence[PartAttributes] | None]:
    """The object, and its parts if they are asked for and it has any."""
    subject = subject_of(call)
    for _ in range(_TRIES):
        found = await head(subject)
        if "ObjectParts" not in asked.names or not etags.is_static_large_object(found.headers):
            return found, None
        manifest = await call.swift.open_manifest(call.bucket, call.key, query=found.query)
        parts = await read_parts(call.swift, call.bucket, manifest)
        if manifest.headers.get("X-Timestamp") == found.headers.get("X-Timestamp"):
            return found, await _with_checksums(call, found, parts)
    raise ServiceUnavailable


async def _with_checksums(
    call: Call, found: Found, parts: Sequence[ObjectPart]
) -> Sequence[PartAttributes]:
    """The parts with the checksums that the upload was made with."""
    kept: Mapping[int, Checksum] = {}
    if any(checksums.from_swift(found.headers)):
        kept = await checksums_of(call.swift, call.bucket, parts)
    pairs = {number: (checksum.algorithm, checksum.value) for number, checksum in kept.items()}
    return [PartAttributes(part.number, part.size, pairs.get(part.number)) for part in parts]


async def _attributes(
    call: Call, asked: Asked, found: Found, parts: Sequence[PartAttributes] | None
) -> Attributes:
    headers, names = found.headers, asked.names
    checksum = dict(checksums.from_swift(headers)) if "Checksum" in names else {}
    kind = checksum.pop(f"{PREFIX}type", None)
    etag = None
    if "ETag" in names:
        etag = await call.services.etags.of_object(
            call.account_id, call.swift, call.bucket, call.key, headers, found.query
        )
    return Attributes(
        etag=etag,
        checksum=next(((name.removeprefix(PREFIX), checksum[name]) for name in checksum), None),
        checksum_type=kind,
        parts=parts,
        storage_class=await storage_class.of_object(call) if "StorageClass" in names else None,
        size=int(headers.get("Content-Length", "0")) if "ObjectSize" in names else None,
    )
