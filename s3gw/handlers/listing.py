"""ListObjects, ListObjectsV2 and ListObjectVersions: one request to Swift each.

The rule: more only for ETags of large objects that Swift's listing does not tell.
"""

from s3gw.buckets.facts import from_headers
from s3gw.call import Call, Response
from s3gw.listed_versions import Page as VersionsPage, Wanted, read_page
from s3gw.mapping.listing import Page, entry_timestamp, page_of, query_for
from s3gw.mapping.storage_classes import class_of
from s3gw.mapping.versions import NULL
from s3gw.patience import xml_response
from s3gw.s3 import listings
from s3gw.s3.errors import InvalidArgument, NoSuchBucket
from s3gw.s3.headers import encoding_type, parse_count
from s3gw.s3.tokens import decode_token, encode_token
from s3gw.swift.errors import SwiftStatus


async def list_objects(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html."""
    list_type = call.query.get("list-type")
    if list_type not in {None, "1"}:
        raise InvalidArgument(
            "Invalid List Type specified in Request",
            ArgumentName="list-type",
            ArgumentValue=list_type,
        )
    prefix, delimiter, maximum, url_encoded = _parameters(call)
    marker = call.query.get("marker") or ""
    page = await _read(call, prefix, delimiter, marker, maximum)
    return xml_response(
        listings.list_objects(
            listings.ObjectPage(
                bucket=call.bucket,
                prefix=prefix,
                delimiter=delimiter,
                maximum=maximum,
                url_encoded=url_encoded,
                common_prefixes=page.prefixes,
                marker=marker,
                objects=await _objects(call, page),
                owner=call.owner,
                storage_class=_class(call, page),
                next_marker=page.next_marker,
            )
        )
    )


async def list_objects_v2(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html."""
    prefix, delimiter, maximum, url_encoded = _parameters(call)
    token = call.query.get("continuation-token")
    start_after = call.query.get("start-after")
    marker = (start_after or "") if token is None else decode_token(token)
    page = await _read(call, prefix, delimiter, marker, maximum)
    return xml_response(
        listings.list_objects_v2(
            listings.ObjectPageV2(
                bucket=call.bucket,
                prefix=prefix,
                delimiter=delimiter,
                maximum=maximum,
                url_encoded=url_encoded,
                common_prefixes=page.prefixes,
                objects=await _objects(call, page),
                owner=call.owner if call.query.get("fetch-owner") == "true" else None,
                storage_class=_class(call, page),
                token=token,
                start_after=start_after,
                next_token=None if page.next_marker is None else encode_token(page.next_marker),
            )
        )
    )


async def list_object_versions(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html."""
    prefix, delimiter, maximum, url_encoded = _parameters(call)
    marker = call.query.get("key-marker") or ""
    version_marker = call.query.get("version-id-marker") or ""
    if version_marker and not marker:
        raise InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            ArgumentName="version-id-marker",
            ArgumentValue=version_marker,
        )
    if (await call.bucket_facts()).versioning:
        found = await read_page(call, Wanted(prefix, delimiter, marker, version_marker, maximum))
    else:
        found = await _null_versions(call, prefix, delimiter, marker, maximum)
    return xml_response(
        listings.list_versions(
            listings.VersionPage(
                bucket=call.bucket,
                prefix=prefix,
                delimiter=delimiter,
                maximum=maximum,
                url_encoded=url_encoded,
                common_prefixes=found.prefixes,
                key_marker=marker,
                version_id_marker=version_marker,
                versions=found.versions,
                owner=call.owner,
                storage_class=found.storage_class,
                next_marker=found.next_marker,
            )
        )
    )


async def _null_versions(
    call: Call, prefix: str, delimiter: str, marker: str, maximum: int
) -> VersionsPage:
    """A page in a bucket that never had versioning: each object is its one version."""
    page = await _read(call, prefix, delimiter, marker, maximum)
    objects = await _objects(call, page)
    versions = [
        listings.VersionEntry(
            key=key,
            version_id=NULL,
            is_latest=True,
            last_modified=time,
            etag=etag,
            size=size,
        )
        for key, time, etag, size in zip(
            objects.keys, objects.times, objects.etags, objects.sizes, strict=True
        )
    ]
    next_marker = None if page.next_marker is None else (page.next_marker, NULL)
    return VersionsPage(versions, page.prefixes, next_marker, _class(call, page))


def _parameters(call: Call) -> tuple[str, str, int, bool]:
    """Prefix, delimiter, max-keys, and whether the answer is URL-encoded."""
    return (
        call.query.get("prefix") or "",
        call.query.get("delimiter") or "",
        parse_count("max-keys", call.query.get("max-keys")),
        encoding_type(call.query),
    )


async def _read(call: Call, prefix: str, delimiter: str, marker: str, maximum: int) -> Page:
    query = query_for(prefix, delimiter, marker, maximum)
    if query is None:
        await call.bucket_facts()
        return Page((), (), None)
    try:
        headers, listed = await call.swift.list_objects(call.bucket, query)
    except SwiftStatus as error:
        if error.status == 404:
            raise NoSuchBucket(BucketName=call.bucket) from error
        raise
    page = page_of(headers, listed, maximum)
    if from_headers(headers).versioning:
        await call.services.etags.read_ahead(
            call.account_id, call.swift, call.bucket, page.entries, query
        )
    return page


async def _objects(call: Call, page: Page) -> listings.Objects:
    told = await call.services.etags.of_entries(
        call.account_id, call.swift, call.bucket, page.entries
    )
    return listings.Objects(
        keys=[entry["name"] for entry in page.entries],
        times=[*map(entry_timestamp, page.entries)],
        etags=told,
        sizes=[entry["bytes"] for entry in page.entries],
    )


def _class(call: Call, page: Page) -> str:
    return class_of(page.storage_policy, call.settings.s3.storage_classes)
