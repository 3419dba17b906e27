"""What a request says of the object that it makes, as Swift headers.

The rule: whoever makes an object (a PUT, a copy that replaces, an upload, a form) asks here, so
that what holds for one of them holds for all.
"""

from collections.abc import Mapping

from s3gw import object_acl, storage_class
from s3gw.call import Call
from s3gw.mapping import metadata, tags
from s3gw.s3.errors import AccessDenied
from s3gw.s3.tags import HEADER, parse_header


async def headers_for(call: Call) -> dict[str, str]:
    """The Swift headers of the new object, from the request's own: all that it may say.

    Raises InvalidArgument, MetadataTooLarge, and what `tags_for`, `storage_class.check` and
    `object_acl.headers_for` do.
    """
    await storage_class.check(call)
    headers = metadata.to_swift(call.headers, await call.info())
    headers.update(await tags_for(call, headers))
    acl = await object_acl.headers_for(call)
    if acl:
        metadata.check_limits({**headers, **acl}, await call.info())
    return {**headers, **acl}


async def tags_for(call: Call, beside: Mapping[str, str]) -> dict[str, str]:
    """The Swift headers of the new object's tags (x-amz-tagging).

    `beside`: the object's other headers.  Nobody but the owner tags: S3's ACLs grant it to none.
    Raises InvalidArgument, InvalidTag, BadRequest, AccessDenied.
    """
    wanted = parse_header(call.headers.get(HEADER))
    if wanted and not call.is_owner:
        raise AccessDenied
    return tags.to_swift(wanted, beside, await call.info())
