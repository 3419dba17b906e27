"""The aws-chunked body encoding: frames in, payload out, signatures checked on the way.

The rule: bytes may be cut anywhere, every byte is looked at once, and what must be remembered is
bounded: one chunk header or one trailer block, never payload.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
import re

from s3gw.s3.checksums import Buffer
from s3gw.s3.errors import IncompleteBody, MalformedTrailerError
from s3gw.s3.signing import Signing, mismatch, same

TERMINATED = "The request body terminated unexpectedly"

_HEADER_LIMIT = 1024
"""Bytes of a chunk header; a signed one has about 100."""
_TAIL_LIMIT = 4096
"""Bytes of all that follows the last chunk's header."""
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")
_SIGNATURE = "x-amz-trailer-signature"


class ChunkDecoder:
    """Decodes one aws-chunked body.

    `signing` is given iff the chunks are signed; `trailers` says whether trailer lines may follow
    the last chunk, and `announced` which one must.

    A chunk's payload goes on before its signature is known: nobody may commit it before finish().
    """

    __slots__ = (
        "_after_data",
        "_announced",
        "_chain",
        "_ended",
        "_left",
        "_line",
        "_tail",
        "_trailers",
    )

    def __init__(self, signing: Signing | None, *, trailers: bool, announced: str | None) -> None:
        self._chain = None if signing is None else _Chain(signing)
        self._trailers = trailers
        self._announced = announced
        self._line = bytearray()
        self._tail = bytearray()
        self._left = 0
        self._after_data = False
        self._ended = False

    def feed(self, data: bytes) -> list[memoryview]:
        """The payload pieces in these bytes, none of them empty: views, not copies.

        Raises IncompleteBody, MalformedTrailerError, SignatureDoesNotMatch.
        """
        view = memoryview(data)
        pieces = []
        at = 0
        while at < len(data):
            if self._left:
                piece = view[at : at + self._left]
                at += len(piece)
                self._take(piece)
                pieces.append(piece)
            elif self._ended:
                self._take_tail(view[at:])
                break
            else:
                at = self._read_line(data, at)
        return pieces

    def finish(self) -> str | None:
        """The value of the announced trailer; call it when the encoded body has ended.

        Raises IncompleteBody, MalformedTrailerError, SignatureDoesNotMatch.
        """
        if not self._ended:
            raise IncompleteBody(TERMINATED)
        trailers = self._read_tail()
        if self._chain is not None and self._trailers:
            signature = trailers.pop(_SIGNATURE, None)
            if signature is None:
                raise IncompleteBody(TERMINATED)
            self._chain.verify_trailers(trailers, signature)
        expected = set() if self._announced is None else {self._announced}
        if trailers.keys() != expected:
            raise MalformedTrailerError
        return None if self._announced is None else trailers[self._announced]

    def _take(self, piece: memoryview) -> None:
        self._left -= len(piece)
        self._after_data = True
        if self._chain is not None:
            self._chain.update(piece)
            if not self._left:
                self._chain.verify_chunk()

    def _take_tail(self, piece: memoryview) -> None:
        if len(self._tail) + len(piece) > _TAIL_LIMIT:
            raise MalformedTrailerError
        self._tail += piece

    def _read_line(self, data: bytes, at: int) -> int:
        """Read on in a line, and act on it once it is whole; returns where to go on."""
        room = at + _HEADER_LIMIT - len(self._line)
        stop = data.find(b"\n", at, room) + 1
        if not stop and len(data) >= room:
            raise IncompleteBody(TERMINATED)
        self._line += data[at:stop] if stop else data[at:]
        if not stop:
            return len(data)
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n"):
            raise IncompleteBody(TERMINATED)
        self._take_line(line[:-2])
        return stop

    def _take_line(self, line: bytes) -> None:
        if not self._after_data:
            self._open_chunk(line)
        elif line:
            raise IncompleteBody(TERMINATED)
        self._after_data = False

    def _open_chunk(self, header: bytes) -> None:
        """Act on `size` or `size;chunk-signature=hex`."""
        size, _, extension = header.partition(b";")
        if not _SIZE.fullmatch(size):
            raise IncompleteBody(TERMINATED)
        self._left = int(size, 16)
        self._ended = not self._left
        if self._chain is not None:
            name, _, signature = extension.partition(b"=")
            if name != b"chunk-signature" or not signature:
                raise IncompleteBody(TERMINATED)
            self._chain.open_chunk(signature.decode("latin-1"))
            if self._ended:
                self._chain.verify_chunk()

    def _read_tail(self) -> dict[str, str]:
        """Trailers by lower-case name.

        Line ends may be CRLF or LF, blank lines may stand anywhere and the last line end may be
        missing: minio-go writes LF, and a blank line before the signature.
        """
        trailers: dict[str, str] = {}
        for line in self._tail.decode("latin-1").split("\n"):
            text = line.removesuffix("\r")
            if not text:
                continue
            if not self._trailers:
                raise IncompleteBody(TERMINATED)
            name, colon, value = text.partition(":")
            name = name.strip(" \t").lower()
            if not colon or name in trailers:
                raise MalformedTrailerError
            trailers[name] = value.strip(" \t")
        return trailers


class _Chain:
    """The chain of signatures: each is made over the one before it."""

    __slots__ = ("_digest", "_previous", "_provided", "_signing")

    def __init__(self, signing: Signing) -> None:
        self._signing = signing
        self._previous = signing.signature
        self._provided = ""
        self._digest = hashlib.sha256()

    def open_chunk(self, signature: str) -> None:
        self._provided = signature
        self._digest = hashlib.sha256()

    def update(self, piece: Buffer) -> None:
        self._digest.update(piece)

    def verify_chunk(self) -> None:
        text = self._signing.chunk_text(self._previous, self._digest.hexdigest())
        self._verify(text, self._provided)

    def verify_trailers(self, trailers: dict[str, str], signature: str) -> None:
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        digest = hashlib.sha256(lines.encode("latin-1")).hexdigest()
        self._verify(self._signing.trailer_text(self._previous, digest), signature)

    def _verify(self, text: str, provided: str) -> None:
        calculated = self._signing.sign(text)
        if not same(calculated, provided):
            raise mismatch(provided, text.encode())
        self._previous = calculated
