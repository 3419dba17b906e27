"""What must hold of the object that a write is about to replace.

The rule: a look at Swift's newest copy, immediately before the write, and S3's own ETags.  What
comes between the look and the write is not seen (docs/mapping.md, Races).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from s3gw.call import Call
from s3gw.object_version import Subject, newest_headers, object_of
from s3gw.s3 import errors  # whose NotImplemented would hide the one of dataclasses
from s3gw.s3.errors import NoSuchKey, PreconditionFailed
from s3gw.s3.headers import etag_matches
from s3gw.s3.request import Headers
from s3gw.upload import reads_first
from s3gw.version_changes import is_kept


@dataclass(frozen=True, slots=True)
class WriteConditions:
    """The conditions of a request that makes an object."""

    if_match: str | None
    """The ETag that the object must have; `*`: any."""
    is_exclusive: bool
    """`If-None-Match: *`: there must be no object."""

    @classmethod
    def from_headers(cls, headers: Headers) -> "WriteConditions":
        """Raises NotImplemented for conditions that S3 does not know of writes either."""
        for name in ("If-Modified-Since", "If-Unmodified-Since"):
            if name.lower() in headers:
                raise errors.NotImplemented(Header=name)
        if_none_match = headers.get("if-none-match")
        if if_none_match not in {None, "*"}:
            raise errors.NotImplemented(Header="If-None-Match")
        return cls(headers.get("if-match"), if_none_match is not None)


async def check_target(
    call: Call, conditions: WriteConditions, *, swift_judges: bool = False
) -> None:
    """Judge the conditions by one look at the call's object; no request if there are none.

    `swift_judges`: the write asks Swift itself for `If-None-Match: *`; no look for that alone.
    Raises PreconditionFailed naming the condition; NoSuchKey, NoSuchBucket for If-Match, and
    AccessDenied to a stranger who may write here and not read.
    """
    if conditions.if_match is None and (swift_judges or not conditions.is_exclusive):
        return
    subject = object_of(call, call.key)
    if conditions.if_match is not None and not call.is_owner:
        # A condition on what is there tells of it: that is for who may read it.
        subject = replace(subject, swift=(await call.as_reader(call.bucket)).swift)
    headers = await newest_headers(subject)
    if conditions.if_match is not None:
        await _check_match(call, subject, conditions.if_match, headers)
    if conditions.is_exclusive and headers is not None:
        raise PreconditionFailed(Condition="If-None-Match")


async def check_put(call: Call, conditions: WriteConditions) -> None:
    """As check_target, before a PUT that takes `If-None-Match: *` along.

    Swift does not judge that in time where versioning is on, for there it has stored the version
    by then (`version_changes.discard`), and if the body is read before Swift is asked.
    """
    in_time = not conditions.is_exclusive or not (reads_first(call) or await is_kept(call))
    await check_target(call, conditions, swift_judges=in_time)


async def _check_match(
    call: Call, subject: Subject, if_match: str, headers: Mapping[str, str] | None
) -> None:
    if headers is None:
        raise await call.missing(NoSuchKey(Key=call.key))
    etag = await call.services.etags.of_object(
        call.account_id, subject.swift, call.bucket, call.key, headers
    )
    if not etag_matches(if_match, etag):
        raise PreconditionFailed(Condition="If-Match")
