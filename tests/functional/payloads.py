"""The five ways in which S3 clients send a body, and the two in which HTTP frames it.

The rule: a builder makes what a faultless client would send; a test spoils the bytes afterwards.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import swiftclient
from botocore.httpchecksum import _CHECKSUM_CLS

from tests.functional.rawclient import (
    Keys,
    Link,
    Pairs,
    Reply,
    Signed,
    cut,
    http_chunks,
    linked,
    sign,
)
from tests.unit.s3.aws_chunked import AWS, Form, encode

BUFFER_SIZE = 256 * 1024
"""The default of limits.buffer_size, on both sides of which an upload takes another road."""

CHUNK = 8192
"""Bytes of an aws-chunk: the least that AWS accepts of one that is signed."""

ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")

Framing = Literal["length", "chunked"]
FRAMINGS: tuple[Framing, ...] = ("length", "chunked")

# Neither divides another nor CHUNK, so that over some KiB every place is cut once: inside chunk
# headers, between CR and LF, in trailers.
_NASTY = (1, 2, 3, 5, 7, 8191, 16381, 65537)
_SMALL = 2048
"""Bytes up to which a body goes byte by byte."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A payload mode."""

    name: str
    literal: str = ""
    """Its x-amz-content-sha256; empty: the SHA-256 of the body."""
    signed: bool = False
    trailers: bool = False

    @property
    def chunked(self) -> bool:
        """The body is aws-chunked."""
        return self.literal.startswith("STREAMING-")


HASHED = Mode("hashed")
UNSIGNED = Mode("unsigned", "UNSIGNED-PAYLOAD")
TRAILER = Mode("unsigned-trailer", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", trailers=True)
SIGNED = Mode("signed-chunks", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", signed=True)
SIGNED_TRAILER = Mode(
    "signed-trailer", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", signed=True, trailers=True
)
MODES = (HASHED, UNSIGNED, TRAILER, SIGNED, SIGNED_TRAILER)
CHUNKED_MODES = (TRAILER, SIGNED, SIGNED_TRAILER)
TRAILER_MODES = (TRAILER, SIGNED_TRAILER)


def some_bytes(size: int) -> bytes:
    """Always the same bytes, in no order that could hide a mistake."""
    return Random(size).randbytes(size)  # noqa: S311 - test data


def checksum(algorithm: str, data: bytes) -> str:
    """The value of an x-amz-checksum-* header, by botocore."""
    value: str = _CHECKSUM_CLS[algorithm]().handle(data)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body to be sent, and what a client may say of it other than the truth."""

    mode: Mode
    data: bytes = field(repr=False)
    algorithm: str = "crc32"
    """Of the trailer, in modes that have one."""
    announced: bool = True
    """x-amz-trailer names the trailer."""
    trailers: Sequence[tuple[str, str]] | None = None
    """Other trailers than the right one."""
    decoded_length: int | None = None
    """Another one than the right one."""
    form: Form = AWS

    def headers(self) -> Iterator[tuple[str, str]]:
        """The signed headers that go with the mode."""
        if self.mode.chunked:
            length = len(self.data) if self.decoded_length is None else self.decoded_length
            yield "Content-Encoding", "aws-chunked"
            yield "x-amz-decoded-content-length", str(length)
        if self.mode.trailers and self.announced:
            yield "x-amz-trailer", f"x-amz-checksum-{self.algorithm}"

    def payload(self) -> str:
        """The x-amz-content-sha256."""
        return self.mode.literal or hashlib.sha256(self.data).hexdigest()

    def wire(self, signed: Signed) -> bytes:
        """The encoded bytes."""
        if not self.mode.chunked:
            return self.data
        right = [(f"x-amz-checksum-{self.algorithm}", checksum(self.algorithm, self.data))]
        trailers = right if self.trailers is None else self.trailers
        return encode(
            cut(self.data, (CHUNK,)),
            signed=self.mode.signed,
            trailers=trailers if self.mode.trailers else None,
            form=self.form,
            signing=signed.signing,
        )


@dataclass(frozen=True, slots=True)
class Upload:
    """A PUT that is signed and encoded, and not sent yet."""

    signed: Signed
    wire: bytes = field(repr=False)
    framing: Framing

    def pieces(self) -> list[bytes]:
        """What goes over the connection, cut at nasty places."""
        sizes = (1,) if len(self.wire) <= _SMALL else _NASTY
        if self.framing == "length":
            framing = ("Content-Length", str(len(self.wire)))
            return [self.signed.head([framing]), *cut(self.wire, sizes)]
        head = self.signed.head([("Transfer-Encoding", "chunked")])
        return [head, *cut(http_chunks(self.wire, sizes), (*sizes, 4099))]


def prepared(
    keys: Keys, url: str, body: Body, framing: Framing = "length", headers: Pairs = ()
) -> Upload:
    """The PUT of a body to a URL."""
    signed = sign(keys, "PUT", url, [*headers, *body.headers()], payload=body.payload())
    return Upload(signed, body.wire(signed), framing)


def send(link: Link, upload: Upload) -> Reply:
    """Send an upload; the answer may come before all of it is sent."""
    with suppress(BrokenPipeError, ConnectionResetError):  # refused already; the answer says why
        link.send(*upload.pieces())
    return link.reply()


def put(endpoint: str, upload: Upload) -> Reply:
    """Send an upload on a connection of its own."""
    with linked(endpoint) as link:
        return send(link, upload)


def stored(swift: swiftclient.Connection, container: str, name: str) -> bytes | None:
    """What Swift itself has there; None for nothing."""
    try:
        data: bytes = swift.get_object(container, name)[1]
    except swiftclient.ClientException as error:
        if error.http_status != 404:
            raise
        return None
    return data
