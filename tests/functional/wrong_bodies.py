"""Upload bodies that are not what they say: how each is made, and what its client is told.

The rule: a table, a row for each thing that can be wrong, with the modes in which it can be.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import md5
from typing import Any

import pytest
import swiftclient

from tests.functional.payloads import (
    BUFFER_SIZE,
    CHUNK,
    CHUNKED_MODES,
    HASHED,
    MODES,
    SIGNED,
    SIGNED_TRAILER,
    TRAILER,
    TRAILER_MODES,
    UNSIGNED,
    Body,
    Framing,
    Mode,
    Upload,
    checksum,
    prepared,
    stored,
)
from tests.functional.rawclient import Keys

SMALL = CHUNK + 100
LARGE = BUFFER_SIZE + CHUNK + 100
SIGNED_MODES = (SIGNED, SIGNED_TRAILER)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broken upload goes, and what Swift must have there afterwards."""

    keys: Keys
    endpoint: str
    swift: swiftclient.Connection
    bucket: str
    name: str
    before: bytes | None

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{self.bucket}/{self.name}"

    def assert_untouched(self) -> None:
        assert stored(self.swift, self.bucket, self.name) == self.before


Make = Callable[[Place, Mode, bytes, Framing], Upload]


def flipped(data: bytes, at: int) -> bytes:
    """The bytes with one bit turned over."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def hex_flipped(wire: bytes, mark: bytes, turn: int) -> bytes:
    """The bytes with another hex digit after one of the marks."""
    at = -1
    for _ in range(turn + 1):
        at = wire.index(mark, at + 1)
    at += len(mark)
    return wire[:at] + (b"0" if wire[at : at + 1] != b"0" else b"1") + wire[at + 1 :]


def _header_checksum(data: bytes) -> list[tuple[str, str]]:
    return [("x-amz-checksum-crc32", checksum("crc32", data))]


def tampered(at: int) -> Make:
    """A byte of the payload differs from what was signed, or digested."""

    def make(place: Place, mode: Mode, data: bytes, framing: Framing) -> Upload:
        headers = _header_checksum(data) if mode is UNSIGNED else []
        upload = prepared(place.keys, place.url, Body(mode=mode, data=data), framing, headers)
        start = upload.wire.index(data[:CHUNK] if at == 0 else data[-100:])
        return replace(upload, wire=flipped(upload.wire, start if at == 0 else start + 99))

    return make


def wrong_signature(turn: int) -> Make:
    """The signature of one chunk (or of the trailer, -1) is another."""

    def make(place: Place, mode: Mode, data: bytes, framing: Framing) -> Upload:
        upload = prepared(place.keys, place.url, Body(mode=mode, data=data), framing)
        mark = b"x-amz-trailer-signature:" if turn < 0 else b"chunk-signature="
        turns = upload.wire.count(mark)
        return replace(upload, wire=hex_flipped(upload.wire, mark, min(max(turn, 0), turns - 1)))

    return make


def body_with(**fields: Any) -> Make:
    """A body whose client errs, and signs its error; a callable is given the data."""

    def make(place: Place, mode: Mode, data: bytes, framing: Framing) -> Upload:
        given = {name: value(data) if callable(value) else value for name, value in fields.items()}
        return prepared(place.keys, place.url, Body(mode=mode, data=data, **given), framing)

    return make


def headers_with(headers: Callable[[bytes], list[tuple[str, str]]]) -> Make:
    """A body that comes with other headers."""

    def make(place: Place, mode: Mode, data: bytes, framing: Framing) -> Upload:
        return prepared(place.keys, place.url, Body(mode=mode, data=data), framing, headers(data))

    return make


def rewritten(change: Callable[[bytes], bytes]) -> Make:
    """Well-framed HTTP around an encoded body that was changed."""

    def make(place: Place, mode: Mode, data: bytes, framing: Framing) -> Upload:
        upload = prepared(place.keys, place.url, Body(mode=mode, data=data), framing)
        return replace(upload, wire=change(upload.wire))

    return make


CRC = "x-amz-checksum-crc32"
MD5 = "The Content-MD5 you specified did not match what we received."
SHORT = "You did not provide the number of bytes specified by the Content-Length HTTP header"
MALFORMED = (
    "The request contained trailing data that was not well-formed or did not conform "
    "to our published schema."
)
WRONG_CRC = "The CRC32 you specified did not match the calculated checksum."
ENDED = "The request body terminated unexpectedly"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)
WRONG_SHA256 = "The provided 'x-amz-content-sha256' header does not match what was computed."


@dataclass(frozen=True, slots=True)
class Case:
    """What is wrong, in which modes it can be, and what the client is told."""

    name: str
    modes: tuple[Mode, ...]
    make: Make
    status: int
    code: str
    message: str


CASES = (
    Case(
        "first byte tampered",
        (HASHED,),
        tampered(0),
        400,
        "XAmzContentSHA256Mismatch",
        WRONG_SHA256,
    ),
    Case(
        "last byte tampered",
        (HASHED,),
        tampered(-1),
        400,
        "XAmzContentSHA256Mismatch",
        WRONG_SHA256,
    ),
    Case("first byte tampered", (UNSIGNED, TRAILER), tampered(0), 400, "BadDigest", WRONG_CRC),
    Case("last byte tampered", (UNSIGNED, TRAILER), tampered(-1), 400, "BadDigest", WRONG_CRC),
    Case("first byte tampered", SIGNED_MODES, tampered(0), 403, "SignatureDoesNotMatch", MISMATCH),
    Case("last byte tampered", SIGNED_MODES, tampered(-1), 403, "SignatureDoesNotMatch", MISMATCH),
    Case(
        "first chunk signature",
        SIGNED_MODES,
        wrong_signature(0),
        403,
        "SignatureDoesNotMatch",
        MISMATCH,
    ),
    Case(
        "second signature", SIGNED_MODES, wrong_signature(1), 403, "SignatureDoesNotMatch", MISMATCH
    ),
    Case(
        "last signature", SIGNED_MODES, wrong_signature(99), 403, "SignatureDoesNotMatch", MISMATCH
    ),
    Case(
        "trailer signature",
        (SIGNED_TRAILER,),
        wrong_signature(-1),
        403,
        "SignatureDoesNotMatch",
        MISMATCH,
    ),
    Case(
        "wrong trailer",
        TRAILER_MODES,
        body_with(trailers=lambda data: [(CRC, checksum("crc32", data + b"x"))]),
        400,
        "BadDigest",
        WRONG_CRC,
    ),
    Case(
        "missing trailer",
        TRAILER_MODES,
        body_with(trailers=()),
        400,
        "MalformedTrailerError",
        MALFORMED,
    ),
    Case(
        "other trailer",
        TRAILER_MODES,
        body_with(trailers=lambda data: [("x-amz-checksum-crc32c", checksum("crc32c", data))]),
        400,
        "MalformedTrailerError",
        MALFORMED,
    ),
    Case(
        "unannounced trailer",
        TRAILER_MODES,
        body_with(announced=False),
        400,
        "MalformedTrailerError",
        MALFORMED,
    ),
    Case(
        "trailer that is no checksum",
        TRAILER_MODES,
        body_with(trailers=[(CRC, "AAAA")]),
        400,
        "InvalidRequest",
        "Value for x-amz-checksum-crc32 trailing header is invalid.",
    ),
    Case(
        "unsigned trailer",
        (SIGNED_TRAILER,),
        rewritten(lambda wire: wire[: wire.index(b"x-amz-trailer-signature")] + b"\r\n"),
        400,
        "IncompleteBody",
        ENDED,
    ),
    Case(
        "announced where none can be",
        (HASHED, UNSIGNED, SIGNED),
        headers_with(lambda _: [("x-amz-trailer", CRC)]),
        400,
        "MalformedTrailerError",
        MALFORMED,
    ),
    Case(
        "decoded length too small",
        CHUNKED_MODES,
        body_with(decoded_length=lambda data: len(data) - 1),
        400,
        "IncompleteBody",
        SHORT,
    ),
    Case(
        "decoded length too large",
        CHUNKED_MODES,
        body_with(decoded_length=lambda data: len(data) + 1),
        400,
        "IncompleteBody",
        SHORT,
    ),
    Case(
        "body ends in a chunk",
        CHUNKED_MODES,
        rewritten(lambda wire: wire[: wire.rindex(b"\r\n0") - 5]),
        400,
        "IncompleteBody",
        ENDED,
    ),
    Case(
        "body ends before its last chunk",
        CHUNKED_MODES,
        rewritten(lambda wire: wire[: wire.rindex(b"\r\n0") + 2]),
        400,
        "IncompleteBody",
        ENDED,
    ),
    Case(
        "no chunks at all",
        CHUNKED_MODES,
        rewritten(lambda wire: b"x" * len(wire)),
        400,
        "IncompleteBody",
        ENDED,
    ),
    Case(
        "wrong checksum header",
        MODES,
        headers_with(lambda data: _header_checksum(data + b"x")),
        400,
        "BadDigest",
        WRONG_CRC,
    ),
    Case(
        "wrong MD5",
        MODES,
        headers_with(lambda _: [("Content-MD5", b64encode(md5(b"other").digest()).decode())]),
        400,
        "BadDigest",
        MD5,
    ),
    Case(
        "no MD5",
        MODES,
        headers_with(lambda _: [("Content-MD5", "bm8gTUQ1")]),
        400,
        "InvalidDigest",
        "The Content-MD5 you specified was invalid.",
    ),
)


def every_case() -> Iterator[Any]:
    """Case, mode, size and framing, as pytest parameters."""
    for case in CASES:
        for mode in case.modes:
            # These two say of the body what excludes the trailer that the mode brings.
            if case.name == "wrong checksum header" and mode in TRAILER_MODES:
                continue
            sizes: list[tuple[int, Framing]] = [(SMALL, "length"), (LARGE, "chunked")]
            if not mode.chunked:  # the framing is all that Swift knows of the length
                sizes.append((LARGE, "length"))
            name = f"{case.name}-{mode.name}".replace(" ", "_")
            for size, framing in sizes:
                yield pytest.param(case, mode, size, framing, id=f"{name}-{size}-{framing}")
