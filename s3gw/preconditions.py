"""What must hold of the object that a write is about to replace.

The rule: a look at Swift's newest copy, immediately before the write, and S3's own ETags.  What
comes between the look and the write is not seen (docs/mapping.md, Races).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from s3gw.call import Call
from s3gw.s3.errors import NoSuchKey, NotImplemented, PreconditionFailed
from s3gw.s3.headers import etag_matches
from s3gw.s3.request import Headers
from s3gw.swift.errors import SwiftStatus


@dataclass(frozen=True, slots=True)
class WriteConditions:
    """The conditions of a request that makes an object."""

    if_match: str | None
    """The ETag that the object must have; `*`: any."""
    is_exclusive: bool
    """`If-None-Match: *`: there must be no object."""

    @classmethod
    def from_headers(cls, headers: Headers) -> "WriteConditions":
        """Raises NotImplemented for an If-None-Match that S3 does not know either."""
        if_none_match = headers.get("if-none-match")
        if if_none_match not in {None, "*"}:
            raise NotImplemented(Header="If-None-Match")
        return cls(headers.get("if-match"), if_none_match is not None)


async def check_target(call: Call, conditions: WriteConditions) -> None:
    """Look at the call's object, if there are conditions; one request then.

    For writes whose conditions Swift cannot judge.  Raises PreconditionFailed naming the
    condition; NoSuchKey, NoSuchBucket for If-Match.
    """
    await check_match(call, conditions)
    if conditions.is_exclusive and await _newest(call) is not None:
        raise PreconditionFailed(Condition="If-None-Match")


async def check_match(call: Call, conditions: WriteConditions) -> None:
    """Look whether the call's object is the one of If-Match; no request without that.

    Raises PreconditionFailed, NoSuchKey, NoSuchBucket.
    """
    if conditions.if_match is None:
        return
    headers = await _newest(call)
    if headers is None:
        raise await call.missing(NoSuchKey(Key=call.key))
    etag = await call.services.etags.of_object(
        call.account_id, call.swift, call.bucket, call.key, headers
    )
    if not etag_matches(conditions.if_match, etag):
        raise PreconditionFailed(Condition="If-Match")


async def _newest(call: Call) -> Mapping[str, str] | None:
    try:
        return await call.swift.head_object(call.bucket, call.key, newest=True)
    except SwiftStatus as error:
        if error.status != 404:
            raise
        return None
