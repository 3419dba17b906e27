"""A request's body into a Swift object: whole if it is small, streaming if not.

The rule: Swift commits nothing before the body has verified itself.  A small body is read first
and sent in one piece; of a large one the last piece is held back until everything agrees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5

from s3gw.call import Call
from s3gw.mapping import checksums
from s3gw.mapping.etags import unquoted
from s3gw.s3.checksums import COMPUTED, Checksum
from s3gw.s3.errors import EntityTooLarge, PreconditionFailed
from s3gw.swift.errors import SwiftStatus
from s3gw.swift.transport import Upload


@dataclass(frozen=True, slots=True)
class Stored:
    """What Swift stored."""

    etag: str
    """Hex MD5."""
    checksum: Checksum | None
    """The client's checksum, verified."""
    is_kept: bool
    """The checksum went into the object's metadata with the content."""
    headers: Mapping[str, str]
    """Of Swift's answer."""


async def store(
    call: Call, container: str, name: str, headers: Mapping[str, str], *, keep_checksum: bool
) -> Stored:
    """Store the call's body; `keep_checksum`: with the checksum in the object's metadata.

    Raises S3Error for a body that is not what the client announced, SwiftStatus,
    SwiftUnreachable; in each case Swift has stored nothing.
    """
    length = call.body.length
    limit = (await call.info()).max_file_size
    if length is not None and length > limit:
        raise EntityTooLarge(ProposedSize=length, MaxSizeAllowed=limit)
    if length is not None and length <= call.settings.limits.buffer_size:
        return await _store_whole(call, container, name, headers, keep_checksum=keep_checksum)
    return await _store_stream(call, container, name, headers, keep_checksum=keep_checksum)


async def _store_whole(
    call: Call, container: str, name: str, headers: Mapping[str, str], *, keep_checksum: bool
) -> Stored:
    if "expect" in call.headers and "If-None-Match" in headers:
        await _check_absent(call, container, name)
    data = await call.body.read(call.settings.limits.buffer_size)
    etag = md5(data).hexdigest()
    checksum = call.body.checksum
    kept = checksums.to_swift(checksum, etag) if keep_checksum else {}
    answer = await call.swift.put_object(container, name, {**headers, "ETag": etag, **kept}, data)
    return Stored(etag, checksum, keep_checksum, answer)


async def _check_absent(call: Call, container: str, name: str) -> None:
    """Tell a client that waits for `100 Continue` of an object that it must not replace.

    Reading the body would tell it to go on.  Swift judges the same condition again at the PUT,
    and of a large body it judges it first.
    """
    try:
        await call.swift.head_object(container, name, newest=True)
    except SwiftStatus as error:
        if error.status != 404:
            raise
    else:
        raise PreconditionFailed(Condition="If-None-Match")


async def _store_stream(
    call: Call, container: str, name: str, headers: Mapping[str, str], *, keep_checksum: bool
) -> Stored:
    expectation = call.body.expectation
    sent = dict(headers)
    if expectation.content_md5 is not None:
        sent["ETag"] = expectation.content_md5.hex()
    # Not verified yet, but the PUT only ends well if it is.
    promised = expectation.checksum
    is_kept = keep_checksum and promised is not None and promised.algorithm in COMPUTED
    if is_kept:
        sent.update(checksums.to_swift(promised, sent.get("ETag", "")))
    answer = await call.swift.put_object(
        container, name, sent, Upload(call.body.stream(), call.body.length)
    )
    return Stored(unquoted(answer.get("Etag", "")), call.body.checksum, is_kept, answer)
