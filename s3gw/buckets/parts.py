"""The parts of a completed object, as its manifests in Swift tell them."""

from collections.abc import Mapping, Sequence

from s3gw.buckets import parallel, uploads
from s3gw.mapping import etags, layout
from s3gw.mapping.parts import ObjectPart, table_of
from s3gw.s3.checksums import Checksum
from s3gw.s3.errors import BrokenMPU
from s3gw.swift.account import Account, Entry
from s3gw.swift.answers import segments_of
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import SwiftResponse


async def read_parts(
    account: Account, bucket: str, manifest: SwiftResponse
) -> tuple[ObjectPart, ...]:
    """The parts of the object whose own manifest this answer is, unread.

    One request for each manifest below it.  Raises BrokenMPU if one is gone.
    """
    segments = await segments_of(manifest)
    swift_etag = etags.manifest(str(segment.get("etag", "")) for segment in segments)
    etag = etags.from_headers(manifest.headers, swift_etag) or ""

    async def expand(segment: Entry) -> list[Entry]:
        name = layout.submanifest_of_segment(str(segment.get("path", "")), bucket)
        if name is None:
            return [segment]
        try:
            below = await account.get_manifest(layout.segments_container(bucket), name)
        except SwiftStatus as error:
            if error.status == 404:
                raise BrokenMPU from error
            raise
        return below or [segment]

    found = await parallel.for_each(segments, expand)
    return table_of([leaf for leaves in found for leaf in leaves], bucket, etags.count(etag))


async def checksums_of(
    account: Account, bucket: str, parts: Sequence[ObjectPart]
) -> Mapping[int, Checksum]:
    """The checksums that were kept with the parts, by number; one request.

    What the listing of the upload shows counts if it is what the object is made of.  Who may not
    list the parts (as everybody may read what is public) sees none.
    """
    named = {layout.upload_of_segment(part.path, bucket) for part in parts if part.path}
    upload = next(iter(named)) if len(named) == 1 else None
    if upload is None:
        return {}
    try:
        listed = await uploads.list_parts(account, bucket, *upload)
    except SwiftStatus as error:
        if error.status not in {401, 403}:
            raise
        return {}
    found = {}
    for part in parts:
        kept = listed.get(part.number)
        if kept is None or kept.checksum is None or kept.size != part.size:
            continue
        if kept.etag == part.etag or not part.path:  # an empty last part is in no manifest
            found[part.number] = kept.checksum
    return found
