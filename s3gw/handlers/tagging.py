"""Tags of objects."""

from collections.abc import Mapping

from s3gw.amend import amend
from s3gw.call import Call, Response
from s3gw.mapping import layout, tags
from s3gw.mapping.layout import NAME_LIMIT
from s3gw.object_version import answer_headers, head, subject_of
from s3gw.patience import xml_response
from s3gw.s3.names import check_key
from s3gw.s3.tags import Tags, check_object_tags, parse_tagging, tagging


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
