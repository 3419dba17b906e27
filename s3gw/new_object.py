"""What a request says of the object that it makes, as Swift headers.

The rule: whoever makes an object (a PUT, a copy that replaces, an upload, a form) asks here, so
that what holds for one of them holds for all.
"""

from s3gw.call import Call
from s3gw.mapping import metadata


async def headers_for(call: Call) -> dict[str, str]:
    """The Swift headers of the new object, from the request's own.

    Raises InvalidArgument, MetadataTooLarge.
    """
    return metadata.to_swift(call.headers, await call.info())
