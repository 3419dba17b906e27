"""The parts of a completed object, as its manifests in Swift tell them."""

from s3gw.buckets import parallel
from s3gw.mapping import etags, layout
from s3gw.mapping.parts import ObjectPart, table_of
from s3gw.s3.errors import BrokenMPU
from s3gw.swift.account import Account, Entry
from s3gw.swift.errors import SwiftStatus


async def read_parts(
    account: Account, bucket: str, segments: list[Entry], etag: str
) -> tuple[ObjectPart, ...]:
    """The parts of the object with these segments in its own manifest, and this S3 ETag.

    One request for each manifest below it.  Raises BrokenMPU if one is gone.
    """

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
