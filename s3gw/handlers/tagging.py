"""Tags of objects, and of buckets."""

from collections.abc import Mapping

from s3gw.amend import amend
from s3gw.buckets import documents
from s3gw.buckets.facts import read_facts
from s3gw.call import Call, Response
from s3gw.mapping import layout, tags
from s3gw.mapping.layout import NAME_LIMIT, Document
from s3gw.object_version import answer_headers, head, subject_of
from s3gw.patience import xml_response
from s3gw.s3.errors import NoSuchBucket, NoSuchTagSet
from s3gw.s3.names import check_key
from s3gw.s3.tags import Tags, check_bucket_tags, check_object_tags, parse_tagging, tagging
from s3gw.s3.xml import render


async def get_object_tagging(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html."""
    check_key(call.key, NAME_LIMIT)
    found = await head(subject_of(call))
    response = xml_response(tagging(tags.from_swift(found.headers)))
    response.headers += answer_headers(found.version_id)
    return response


async def put_object_tagging(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html."""
    check_key(call.key, NAME_LIMIT)
    wanted = check_object_tags(parse_tagging(await call.read_vouched_xml()))
    return Response(200, await _replace(call, wanted))


async def delete_object_tagging(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html."""
    check_key(call.key, NAME_LIMIT)
    return Response(204, await _replace(call, ()))


async def _replace(call: Call, wanted: Tags) -> list[tuple[str, str]]:
    """Set the tags; the answer's headers."""
    limits = await call.info()

    def make(kept: Mapping[str, str], _etag: str) -> dict[str, str]:
        return tags.to_swift(wanted, kept, limits, is_complete=True)

    return answer_headers((await amend(call, layout.META_TAGS, make)).version_id)


async def get_bucket_tagging(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html."""
    facts = await read_facts(call.swift, call.bucket)
    if facts is None:
        raise NoSuchBucket(BucketName=call.bucket)
    kept = await documents.read(call.swift, call.bucket, Document.TAGGING, facts)
    if kept is None:
        raise NoSuchTagSet(BucketName=call.bucket)
    return xml_response(tagging(parse_tagging(kept)))


async def put_bucket_tagging(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html.

    The document that is kept is the one that GetBucketTagging answers; no tags are no document.
    """
    wanted = check_bucket_tags(parse_tagging(await call.read_vouched_xml()))
    if not wanted:
        return await delete_bucket_tagging(call)
    await documents.write(call.swift, call.bucket, Document.TAGGING, render(tagging(wanted)))
    call.services.facts.forget(call.account_id, call.bucket)
    return Response(204)


async def delete_bucket_tagging(call: Call) -> Response:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketTagging.html."""
    await documents.delete(call.swift, call.bucket, Document.TAGGING)
    call.services.facts.forget(call.account_id, call.bucket)
    return Response(204)
