"""A large object read piece by piece through the closed door.

Whoever may write in a container can put a manifest there, and later something else in the place of
what it names.  Swift would go where that leads with the power of whoever asks, which here is the
gateway's; so Swift is never asked to put a large object together, only for each piece itself.

The rule: a piece lies in the bucket or among its parts, and is what its manifest says (its hash,
an MD5 that Swift took when the manifest was put); a manifest among the pieces is one of Swift's
own making, of that hash, and flat.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import md5

from s3gw.buckets.elevated import Door
from s3gw.mapping.etags import is_static_large_object, unquoted
from s3gw.mapping.layout import segments_container
from s3gw.s3 import errors  # whose NotImplemented would hide the one of dataclasses
from s3gw.s3.errors import AccessDenied, BrokenMPU, InvalidRange
from s3gw.s3.headers import ByteRange
from s3gw.swift.account import Entry
from s3gw.swift.answers import entries, replaced
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.swift.transport import SwiftResponse


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes of one entry of a manifest."""

    container: str
    name: str
    hash: str
    size: int
    """Bytes of what the entry names, whole."""
    is_manifest: bool
    first: int
    last: int
    """Inclusive."""


@dataclass(slots=True)
class _Unfolded:
    """A SwiftResponse with the headers of the whole and the bytes of its pieces."""

    status: int
    headers: Mapping[str, str]
    _door: Door
    _pieces: Iterable[_Piece]
    _opened: SwiftResponse | None = None
    """The answer with the first piece, which proved to be there."""

    async def read(self, limit: int | None = None) -> bytes:
        """See SwiftResponse."""
        found = b""
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                found += chunk
                if limit is not None and len(found) >= limit:
                    return found[:limit]
        return found

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """See SwiftResponse."""
        try:
            async with aclosing(_leaves(self._door, self._pieces)) as leaves:
                async for piece in leaves:
                    answer, self._opened = self._opened, None
                    answer = answer or await _open(self._door, piece)
                    try:
                        async for chunk in answer.chunks():
                            yield chunk
                            del chunk  # up to 256 KiB, beside those that come next
                    finally:
                        answer.close()
        except BrokenMPU as error:
            raise SwiftUnreachable("a piece of a large object cannot be read") from error

    def close(self) -> None:
        """See SwiftResponse."""
        if self._opened is not None:
            self._opened.close()


async def unfold(
    door: Door,
    bucket: str,
    headers: Mapping[str, str],
    manifest: list[Entry],
    wanted: ByteRange | None,
) -> SwiftResponse:
    """An answer with the object (200), what is wanted of it (206), or why it has none (416).

    `headers`: the object's own; `manifest`: as Swift stores it.  The first piece is opened, so that
    what is broken is told by an error.  Raises BrokenMPU, and NotImplemented for pieces that lie
    elsewhere or are no objects.
    """
    size = sum(_size(entry) for entry in manifest)
    status, first, last = 200, 0, size - 1
    if wanted is not None:
        try:
            first, last = wanted.resolve(size)
        except InvalidRange:
            told = {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
            return _Unfolded(416, replaced(headers, told), door, ())
        status = 206
        told = {
            "Content-Range": f"bytes {first}-{last}/{size}",
            "Content-Length": str(last - first + 1),
        }
        headers = replaced(headers, told)
    pieces = [*_overlapping(manifest, bucket, first, last)]
    if not pieces:
        raise BrokenMPU  # Swift makes no large object without a byte
    async with aclosing(_leaves(door, pieces)) as leaves:
        opened = await _open(door, await anext(leaves))
    return _Unfolded(status, headers, door, pieces, opened)


def _size(entry: Entry) -> int:
    """Bytes that an entry stands for: of its object, or of a range of that."""
    first, _, last = str(entry.get("range") or "").partition("-")
    return int(last) - int(first) + 1 if last else int(entry.get("bytes", 0))


def _overlapping(manifest: list[Entry], bucket: str, first: int, last: int) -> Iterator[_Piece]:
    """The pieces that hold the bytes from `first` to `last`."""
    rooms = bucket, segments_container(bucket)
    start = 0
    for entry in manifest:
        size = _size(entry)
        begin, end = max(first - start, 0), min(last - start, size - 1)
        start += size
        if begin > end:
            continue
        container, _, name = str(entry.get("name", "")).removeprefix("/").partition("/")
        if container not in rooms or not name:
            raise errors.NotImplemented("A large object of pieces from elsewhere is not served.")
        skip = int(str(entry.get("range") or "0").partition("-")[0])
        yield _Piece(
            container, name, str(entry.get("hash")), int(entry.get("bytes", 0)),
            bool(entry.get("sub_slo")), skip + begin, skip + end,
        )  # fmt: skip


async def _leaves(door: Door, pieces: Iterable[_Piece]) -> AsyncGenerator[_Piece, None]:
    """The pieces that are no manifests, and those of the manifests in their place."""
    for piece in pieces:
        if not piece.is_manifest:
            yield piece
            continue
        below = await _manifest_of(door, piece)
        for leaf in _overlapping(below, door.bucket, piece.first, piece.last):
            if leaf.is_manifest:
                raise BrokenMPU
            yield leaf


async def _manifest_of(door: Door, piece: _Piece) -> list[Entry]:
    answer = await _ask(door, piece, {})
    if not is_static_large_object(answer.headers):
        answer.close()
        raise BrokenMPU
    found = await entries(answer)
    if _etag_of(found) != piece.hash or sum(map(_size, found)) != piece.size:
        raise BrokenMPU
    return found


def _etag_of(manifest: list[Entry]) -> str:
    """The ETag that Swift gives the static large object of that manifest."""
    summands = (
        f"{entry.get('hash')}:{entry['range']};" if entry.get("range") else str(entry.get("hash"))
        for entry in manifest
    )
    return md5("".join(summands).encode("utf-8")).hexdigest()


async def _open(door: Door, piece: _Piece) -> SwiftResponse:
    """The piece's bytes; raises BrokenMPU if it is not what the manifest says."""
    answer = await _ask(door, piece, {"Range": f"bytes={piece.first}-{piece.last}"})
    if unquoted(answer.headers.get("Etag", "")) != piece.hash:
        answer.close()
        raise BrokenMPU
    return answer


async def _ask(door: Door, piece: _Piece, headers: Mapping[str, str]) -> SwiftResponse:
    try:
        return await door.get_piece(piece.container, piece.name, headers)
    except AccessDenied as error:  # it is a link, or nowhere that the door leads to
        raise BrokenMPU from error
    except SwiftStatus as error:
        if error.status not in {404, 416}:
            raise
        raise BrokenMPU from error
