"""A large object whose manifest names manifests, read piece by piece through the closed door.

Swift compares each segment of a large object with what its maker was let read when he put the
manifest; but a manifest within it takes as it finds it, whatever is there by then, and reads all
that it names with the power of whoever asks.  So the door does not let Swift go down: it opens
each piece itself.

The rule: a piece is what the manifest says it is (its hash), lies in the bucket or among its
parts, and is read as it stands; a manifest among the pieces has to be flat.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from s3gw.buckets.elevated import Door
from s3gw.mapping.etags import is_static_large_object, unquoted
from s3gw.mapping.layout import segments_container
from s3gw.s3.errors import AccessDenied, NotImplemented
from s3gw.swift.account import Entry
from s3gw.swift.errors import SwiftStatus, SwiftUnreachable
from s3gw.swift.transport import SwiftResponse


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes of one entry of a manifest."""

    container: str
    name: str
    hash: str
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
    _pieces: list[_Piece]

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
        for piece in self._pieces:
            answer = await _open(self._door, piece)
            try:
                async for chunk in answer.chunks():
                    yield chunk
            finally:
                answer.close()

    def close(self) -> None:
        """See SwiftResponse; nothing is open."""


def is_nested(manifest: list[Entry]) -> bool:
    """Whether a manifest as Swift stores it names manifests."""
    return any(entry.get("sub_slo") for entry in manifest)


def unfold(door: Door, bucket: str, answer: SwiftResponse, manifest: list[Entry]) -> SwiftResponse:
    """The answer (whole, or a range), to be read piece by piece; the one given is closed.

    Raises NotImplemented for pieces that lie elsewhere, or are no objects.
    """
    answer.close()
    size = sum(_size(entry) for entry in manifest)
    first, last = 0, size - 1
    if answer.status == 206:
        span = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")[0]
        first, last = (int(end) for end in span.split("-"))
    pieces = [*_overlapping(manifest, bucket, first, last)]
    return _Unfolded(answer.status, answer.headers, door, pieces)


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
            raise NotImplemented("A large object of pieces from elsewhere is not served.")
        skip = int(str(entry.get("range") or "0").partition("-")[0])
        yield _Piece(
            container, name, str(entry.get("hash")), bool(entry.get("sub_slo")),
            skip + begin, skip + end,
        )  # fmt: skip


async def _open(door: Door, piece: _Piece) -> SwiftResponse:
    """The piece's bytes; raises SwiftUnreachable if it is not what the manifest says."""
    query = {} if piece.is_manifest else {"multipart-manifest": "get"}
    try:
        answer = await door.get_piece(
            piece.container, piece.name, {"Range": f"bytes={piece.first}-{piece.last}"}, query
        )
    except (SwiftStatus, AccessDenied) as error:
        raise SwiftUnreachable("a piece of a large object cannot be read") from error
    is_it = False
    try:
        is_it = await _is_it(door, piece, answer.headers)
    finally:
        if not is_it:
            answer.close()
    if not is_it:
        raise SwiftUnreachable("a piece of a large object is not what its manifest says")
    return answer


async def _is_it(door: Door, piece: _Piece, headers: Mapping[str, str]) -> bool:
    if unquoted(headers.get("Etag", "")) != piece.hash or "X-Object-Manifest" in headers:
        return False
    if is_static_large_object(headers) != piece.is_manifest:
        return False
    if not piece.is_manifest:
        return True
    etag, manifest = await door.get_stored_manifest(piece.container, piece.name)
    return etag == headers.get("X-Manifest-Etag") and not is_nested(manifest)
