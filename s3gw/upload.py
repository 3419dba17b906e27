"""A request's body into a Swift object: whole if it is small, streaming if not.

The rule: Swift commits nothing before the body has verified itself.  A small body is read first
and sent in one piece; of a large one the last piece is held back until everything agrees.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5

from s3gw.call import Call
from s3gw.mapping.etags import unquoted
from s3gw.s3.checksums import COMPUTED, Checksum
from s3gw.s3.errors import EntityTooLarge
from s3gw.swift.transport import Upload

Keep = Callable[[Checksum | None, str], Mapping[str, str]]
"""The Swift headers that keep a checksum of the content with this ETag (empty: not known yet)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What Swift stored."""

    etag: str
    """Hex MD5."""
    checksum: Checksum | None
    """The client's checksum, verified."""
    is_kept: bool
    """The checksum, if there is one, went in with the content."""
    headers: Mapping[str, str]
    """Of Swift's answer."""


async def store(
    call: Call, container: str, name: str, headers: Mapping[str, str], *, keep: Keep | None
) -> Stored:
    """Store the call's body; `keep`: with its checksum.

    Raises S3Error for a body that is not what the client announced, SwiftStatus,
    SwiftUnreachable; in each case Swift has stored nothing.
    """
    length = call.body.length
    limit = (await call.info()).max_file_size
    if length is not None and length > limit:
        raise EntityTooLarge(ProposedSize=length, MaxSizeAllowed=limit)
    if _is_small(call):
        return await _store_whole(call, container, name, headers, keep=keep)
    return await _store_stream(call, container, name, headers, keep=keep)


def _is_small(call: Call) -> bool:
    return call.body.most <= call.settings.limits.buffer_size


def reads_first(call: Call) -> bool:
    """Whether `store` will tell a client that waits for it to go on, before it asks Swift.

    Who has to be refused has to be refused before that.  Of a large body Swift is asked first.
    """
    return "expect" in call.headers and not call.body.touched and _is_small(call)


async def _store_whole(
    call: Call, container: str, name: str, headers: Mapping[str, str], *, keep: Keep | None
) -> Stored:
    data = await call.body.read(call.settings.limits.buffer_size)
    checksum = call.body.checksum
    sent = {**headers, **_etag(call)}
    if keep is not None and checksum is not None:
        etag = sent["ETag"] = md5(data).hexdigest()
        sent.update(keep(checksum, etag))
    answer = await call.swift.put_object(container, name, sent, data)
    return Stored(unquoted(answer.get("Etag", "")), checksum, keep is not None, answer)


def _etag(call: Call) -> dict[str, str]:
    """What Swift is to compare the content with, if the client told its MD5."""
    promised = call.body.expectation.content_md5
    return {} if promised is None else {"ETag": promised.hex()}


async def _store_stream(
    call: Call, container: str, name: str, headers: Mapping[str, str], *, keep: Keep | None
) -> Stored:
    sent = {**headers, **_etag(call)}
    # Not verified yet, but the PUT only ends well if it is.
    promised = call.body.expectation.checksum
    is_kept = keep is not None and promised is not None and promised.algorithm in COMPUTED
    if keep is not None and is_kept:
        sent.update(keep(promised, sent.get("ETag", "")))
    answer = await call.swift.put_object(
        container, name, sent, Upload(call.body.stream(), call.body.length)
    )
    return Stored(unquoted(answer.get("Etag", "")), call.body.checksum, is_kept, answer)
