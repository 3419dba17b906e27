"""ListMultipartUploads and ListParts."""

from itertools import islice

from s3gw import storage_class
from s3gw.buckets import parallel, uploads
from s3gw.buckets.uploads import OpenUpload, Part
from s3gw.call import Call, Response
from s3gw.mapping import checksums
from s3gw.mapping.listing import UNSEEKABLE
from s3gw.mapping.storage_classes import class_of
from s3gw.patience import xml_response
from s3gw.s3 import listings
from s3gw.s3.errors import NoSuchUpload, NotImplemented
from s3gw.s3.headers import encoding_type, parse_count


async def list_multipart_uploads(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html.

    Swift's order of names is not S3's order of uploads, so all of them are read and sorted.  Those
    that are shown are asked for their checksum, one request each.
    """
    query = call.query
    prefix = query.get("prefix") or ""
    delimiter = query.get("delimiter") or ""
    if prefix.endswith(UNSEEKABLE):
        raise NotImplemented("This prefix is not implemented.", Parameter="prefix")
    maximum = parse_count("max-uploads", query.get("max-uploads"))
    url_encoded = encoding_type(query)
    key_marker = query.get("key-marker") or ""
    upload_id_marker = (query.get("upload-id-marker") or "") if key_marker else ""
    facts = await call.bucket_facts()
    of_bucket = class_of(facts.storage_policy, call.settings.s3.storage_classes)
    found = await uploads.list_uploads(call.swift, call.bucket, prefix)
    rest = _after(found, key_marker, upload_id_marker)
    shown, prefixes, next_marker = _cut(rest, prefix, delimiter, key_marker, maximum)
    return xml_response(
        listings.list_uploads(
            listings.UploadPage(
                bucket=call.bucket,
                prefix=prefix,
                delimiter=delimiter,
                maximum=maximum,
                url_encoded=url_encoded,
                common_prefixes=prefixes,
                key_marker=key_marker,
                upload_id_marker=upload_id_marker,
                uploads=await parallel.for_each(
                    shown, lambda upload: _upload_entry(call, upload, of_bucket)
                ),
                next_marker=next_marker,
            )
        )
    )


async def _upload_entry(call: Call, upload: OpenUpload, of_bucket: str) -> listings.UploadEntry:
    begun_with = await uploads.begun_with(call.swift, call.bucket, upload)
    return listings.UploadEntry(
        key=upload.key,
        upload_id=upload.upload_id,
        initiated=upload.initiated,
        owner=call.owner,
        storage_class=of_bucket,
        checksum_algorithm=begun_with.algorithm.upper() if begun_with else None,
        checksum_type=begun_with.kind if begun_with else None,
    )


def _after(found: list[OpenUpload], key_marker: str, upload_id_marker: str) -> list[OpenUpload]:
    """The uploads behind the markers: of greater keys, or of the same key behind that upload.

    An upload that ended since the last page leaves no trace of its place: then those of its key
    are listed again, since to miss one is worse than to see one twice.
    """
    if not key_marker:
        return found
    marker = key_marker.encode()
    greater = [upload for upload in found if upload.key.encode() > marker]
    if not upload_id_marker:
        return greater
    same = [upload for upload in found if upload.key == key_marker]
    ids = [upload.upload_id for upload in same]
    start = ids.index(upload_id_marker) + 1 if upload_id_marker in ids else 0
    return [*same[start:], *greater]


def _cut(
    rest: list[OpenUpload], prefix: str, delimiter: str, key_marker: str, maximum: int
) -> tuple[list[OpenUpload], list[str], tuple[str, str] | None]:
    """A page: uploads, common prefixes, and the markers of the next page if there is one."""
    shown: list[OpenUpload] = []
    prefixes: list[str] = []
    last = ("", "")
    for upload in rest:
        head, found, _ = upload.key.removeprefix(prefix).partition(delimiter or "\x00")
        common = prefix + head + delimiter if delimiter and found else None
        if common is not None and (common == key_marker or common in prefixes[-1:]):
            continue
        if len(shown) + len(prefixes) == maximum:
            return shown, prefixes, last if maximum else None
        if common is None:
            shown.append(upload)
            last = (upload.key, upload.upload_id)
        else:
            prefixes.append(common)
            last = (common, "")
    return shown, prefixes, None


async def list_parts(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html."""
    query = call.query
    upload_id = query.get("uploadId") or ""
    maximum = parse_count("max-parts", query.get("max-parts"))
    marker = parse_count("part-number-marker", query.get("part-number-marker") or "0", 10_000)
    opened = await uploads.read_marker(call.swift, call.bucket, call.key, upload_id)
    if opened is None:
        raise await call.missing(NoSuchUpload(UploadId=upload_id))
    begun_with = checksums.of_upload(opened)
    found = await uploads.list_parts(call.swift, call.bucket, call.key, upload_id)
    rest = [found[number] for number in sorted(found) if number > marker]
    shown = list(islice(rest, maximum))
    return xml_response(
        listings.list_parts(
            listings.PartPage(
                bucket=call.bucket,
                key=call.key,
                upload_id=upload_id,
                owner=call.owner,
                part_number_marker=marker,
                maximum=maximum,
                parts=[_part_entry(part) for part in shown],
                truncated=len(rest) > maximum > 0,
                storage_class=await storage_class.of_bucket(call),
                checksum_algorithm=begun_with.algorithm.upper() if begun_with else None,
                checksum_type=begun_with.kind if begun_with else None,
            )
        )
    )


def _part_entry(part: Part) -> listings.PartEntry:
    kept = None if part.checksum is None else (part.checksum.algorithm, part.checksum.value)
    return listings.PartEntry(part.number, part.last_modified, part.etag, part.size, kept)
