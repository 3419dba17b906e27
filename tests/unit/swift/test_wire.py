"""What Swift may say on the wire, byte by byte: an answer is taken for what it is, or for none.

The rule: a length that is doubtful is no length; what cannot be read to its proper end is
SwiftUnreachable, and its connection serves nobody afterwards.
"""

import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from typing import Any

import anyio
import pytest

from s3gw.app import open_transport
from s3gw.config import Settings
from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.transport import SwiftResponse, Transport, Upload
from tests.unit.swift.hostile import Backend, Peer, Script, serving

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_MIB = 1024 * 1024


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop of the servers."""
    return "asyncio", {"use_uvloop": True}


@asynccontextmanager
async def opened(*, stall: float = 5.0, **swift: Any) -> AsyncIterator[Transport]:
    """The gateway's own way to Swift; `swift`: its settings."""
    document = {
        "identity": {"auth_url": "http://127.0.0.1:9/v3"},
        "server": {"body_timeout": stall},
        "swift": {"timeout": 5, "connect_timeout": 2, **swift},
    }
    transport = open_transport(Settings.model_validate(document))
    try:
        yield transport
    finally:
        await transport.aclose()


def dice(seed: int) -> random.Random:
    """Chance that falls the same way each time."""
    return random.Random(seed)  # noqa: S311 - nothing to hide


def says(raw: bytes) -> Script:
    """A script that answers with these bytes, and closes the connection."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(raw)

    return script


def says_and_waits(raw: bytes) -> Script:
    """A script that answers with these bytes; nothing but the connection's end may follow."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(raw)
        assert peer.left() == b""

    return script


def echo(peer: Peer) -> None:
    """Answer every request with its target, until the other end closes the connection."""
    with suppress(EOFError, ConnectionError):
        while True:
            target = peer.head().line.split(" ")[1]
            peer.answer("200 OK", body=target.encode())


async def get(transport: Transport, backend: Backend, target: str = "/o") -> SwiftResponse:
    return await transport.request("GET", backend.url + target, {})


async def read_whole(response: SwiftResponse) -> bytes:
    return await response.read()


async def read_chunks(response: SwiftResponse) -> bytes:
    return b"".join([piece async for piece in response.chunks()])


async def assert_well(transport: Transport, backend: Backend) -> None:
    """The next request gets its own answer."""
    assert await read_whole(await get(transport, backend, "/next")) == b"/next"


Read = Callable[[SwiftResponse], Awaitable[bytes]]
READS = pytest.mark.parametrize("read", [read_whole, read_chunks])


async def put(transport: Transport, backend: Backend, read: Read = read_whole) -> bytes:
    """What answers a request that is never sent twice."""
    return await read(await transport.request("PUT", f"{backend.url}/o", {}, b""))


@contextmanager
def saying(raw: bytes) -> Iterator[Backend]:
    """A backend whose first connection says this, and whose others echo."""
    with serving(says(raw), echo) as backend:
        yield backend


async def assert_none(raw: bytes, read: Read = read_whole) -> None:
    """These bytes are no answer, and the next request gets one."""
    with saying(raw) as backend:
        async with opened() as transport:
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                await put(transport, backend, read)
            await assert_well(transport, backend)


# --- pieces ---

PLAIN = (
    b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX-Object-Meta-A: \xc3\xa9\r\nContent-Length: 10\r\n"
    b"X-Object-Meta-Empty:\r\nEtag: e\r\n\r\n0123456789"
)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX-Object-Meta-A: \xc3\xa9\r\n"
    b"Transfer-Encoding: chunked\r\nX-Object-Meta-Empty:\r\nEtag: e\r\n\r\n"
    b"1\r\n0\r\n00000A;ext=1\r\n123456789"
    b"\n\r\n0\r\n\r\n"
)
WHOLE = {"Content-Length": (PLAIN, b"0123456789"), "chunked": (CHUNKED, b"0123456789\n")}


async def assert_is_whole(response: SwiftResponse, body: bytes, read: Read) -> None:
    """It is the answer of PLAIN and CHUNKED."""
    assert response.status == 200
    assert response.headers["x-object-meta-a"].encode("utf-8", "surrogateescape") == b"\xc3\xa9"
    assert (response.headers["ETAG"], response.headers["X-Object-Meta-Empty"]) == ("e", "")
    assert await read(response) == body


@READS
@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("framing", WHOLE)
async def test_an_answer_that_drips_is_the_same_answer(framing: str, size: int, read: Read) -> None:
    raw, body = WHOLE[framing]

    def drip(peer: Peer) -> None:
        for _ in range(2):
            peer.head()
            peer.drip(raw, size=size)

    with serving(drip) as backend:
        async with opened() as transport:
            for _ in range(2):
                await assert_is_whole(await get(transport, backend), body, read)
    assert backend.connections == 1


@pytest.mark.parametrize("framing", WHOLE)
async def test_an_answer_may_be_torn_anywhere(framing: str) -> None:
    raw, body = WHOLE[framing]

    def tear(peer: Peer) -> None:
        for place in range(1, len(raw)):
            peer.head()
            peer.send(raw[:place])
            time.sleep(0.0005)
            peer.send(raw[place:])

    with serving(tear) as backend:
        async with opened() as transport:
            for place in range(1, len(raw)):
                read = read_whole if place % 2 else read_chunks
                await assert_is_whole(await get(transport, backend), body, read)
    assert backend.connections == 1


@pytest.mark.parametrize("framing", WHOLE)
async def test_an_answer_that_ends_anywhere_too_early_is_none(framing: str) -> None:
    raw, _ = WHOLE[framing]
    places = range(0, len(raw), 3)
    with serving(*(says(raw[:place]) for place in places)) as backend:
        async with opened() as transport:
            for _ in places:
                with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                    await put(transport, backend, read_chunks)
    assert backend.connections == len(places)


@READS
@pytest.mark.parametrize("framing", ["Content-Length", "chunked", "close"])
async def test_a_large_body_arrives_as_it_was_sent(framing: str, read: Read) -> None:
    data = dice(1).randbytes(3 * _MIB)
    sizes = dice(2)

    def script(peer: Peer) -> None:
        peer.head()
        told = {"Content-Length": f"Content-Length: {len(data)}\r\n", "close": ""}
        coding = told.get(framing, "Transfer-Encoding: chunked\r\n")
        peer.send(f"HTTP/1.1 200 OK\r\n{coding}\r\n".encode())
        place = 0
        while place < len(data):
            piece = data[place : place + sizes.choice([1, 100, 4096, 65_536, 300_000])]
            place += len(piece)
            peer.send(b"%X\r\n%b\r\n" % (len(piece), piece) if framing == "chunked" else piece)
        peer.send(b"0\r\n\r\n" if framing == "chunked" else b"")

    with serving(script) as backend:
        async with opened() as transport:
            body = await read(await get(transport, backend))
    assert sha256(body).digest() == sha256(data).digest()


async def test_a_body_that_nobody_reads_is_not_taken_in() -> None:
    size, sent = 64 * _MIB, [0]

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        with suppress(OSError):  # the reader leaves before the end
            while sent[0] < size:
                peer.send(bytes(_MIB))
                sent[0] += _MIB

    with serving(script) as backend:
        async with opened() as transport:
            response = await get(transport, backend)
            await anyio.sleep(0.3)
            before = sent[0]
            pieces = response.chunks()
            assert 0 < len(await anext(pieces)) <= _MIB
            await anyio.sleep(0.1)
            response.close()
    assert before < size / 4  # the kernel's own buffers hold some
    assert sent[0] < size / 2


async def test_what_is_read_slowly_is_read_whole() -> None:
    size = 4 * _MIB

    def script(peer: Peer) -> None:
        peer.head()
        peer.answer("200 OK", body=bytes(size))

    with serving(script) as backend:
        async with opened() as transport:
            response = await get(transport, backend)
            total = 0
            async for piece in response.chunks():
                total += len(piece)
                await anyio.sleep(0.001)
    assert total == size


# --- in time ---


async def test_an_answer_that_comes_slowly_is_waited_for_as_long_as_something_comes() -> None:
    def script(peer: Peer) -> None:
        peer.head()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
        peer.drip(head[:24], size=8, pause=0.15)
        peer.send(head[24:])
        peer.drip(b"small", pause=0.15)

    with serving(script) as backend:
        async with opened(timeout=0.5) as transport:
            assert await read_chunks(await get(transport, backend)) == b"small"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-", GO_ON])
async def test_silence_in_mid_head_is_unreachable_in_time(head: bytes) -> None:
    with serving(says_and_waits(head), echo) as backend:
        async with opened(timeout=0.2) as transport:
            with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                await transport.request("GET", f"{backend.url}/o", {})
            await assert_well(transport, backend)


@READS
async def test_silence_between_chunks_is_unreachable_in_time(read: Read) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"
    with serving(says_and_waits(raw), echo) as backend:
        async with opened(timeout=0.2) as transport:
            response = await get(transport, backend)
            with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                await read(response)
            await assert_well(transport, backend)


async def test_a_reader_that_dawdles_does_not_run_out_of_swifts_time() -> None:
    """The time is Swift's: what it has sent long ago is not late."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.answer("200 OK", body=bytes(100_000))
        peer.head()
        peer.answer("200 OK", body=bytes(8 * _MIB))

    with serving(script) as backend:
        async with opened(timeout=0.2) as transport:
            for size in (100_000, 8 * _MIB):
                response = await get(transport, backend)
                await anyio.sleep(0.5)
                assert len(await read_chunks(response)) == size


# --- interim answers ---

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 9\r\nX-Object-Meta-A: 1\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"


@pytest.mark.parametrize("interim", [GO_ON, PROCESSING, HINTS, PROCESSING * 3 + HINTS + GO_ON])
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_an_interim_answer_is_not_the_answer(method: str, interim: bytes) -> None:
    def script(peer: Peer) -> None:
        for _ in range(2):
            peer.head()
            peer.body(0 if method != "PUT" else 4)
            peer.send(interim)
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            peer.send(b"" if method == "HEAD" else b"data")

    body = b"data" if method == "PUT" else None
    with serving(script) as backend:
        async with opened() as transport:
            for _ in range(2):
                response = await transport.request(method, f"{backend.url}/o", {}, body)
                assert response.status == 200
                assert "x-object-meta-a" not in response.headers
                assert await response.read() == (b"" if method == "HEAD" else b"data")
    assert backend.connections == 1


async def _data() -> AsyncIterator[bytes]:
    yield b"da"
    yield b"ta"


@pytest.mark.parametrize("behind", [b"", GO_ON, HINTS])
async def test_an_upload_goes_on_behind_other_interim_answers(behind: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.head()
        peer.drip(GO_ON)
        assert peer.body(4) == b"data"
        peer.send(behind)
        peer.answer("201 Created", body=b"kept")

    with serving(script) as backend:
        async with opened() as transport:
            response = await transport.request("PUT", f"{backend.url}/o", {}, Upload(_data(), 4))
            assert (response.status, await response.read()) == (201, b"kept")


@pytest.mark.parametrize("length", [4, None])
async def test_a_refusal_right_behind_the_word_to_go_on_is_the_answer(length: int | None) -> None:
    def script(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON + b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nwhy")
        peer.left()

    async def endless() -> AsyncIterator[bytes]:
        yield b"da"
        await anyio.sleep_forever()

    with serving(script, echo) as backend:
        async with opened() as transport:
            with anyio.fail_after(5):
                upload = Upload(endless(), length)
                response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
                assert (response.status, await response.read()) == (403, b"why")
            await assert_well(transport, backend)
    assert backend.connections == 2


async def test_a_switch_of_protocols_that_nobody_asked_for_keeps_no_connection() -> None:
    raw = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHTTP/1.1 20"
    )
    with serving(says_and_waits(raw), echo) as backend:
        async with opened(timeout=0.3) as transport:
            with anyio.fail_after(5), suppress(SwiftUnreachable):
                response = await get(transport, backend)
                assert response.status == 101
                response.close()
            await assert_well(transport, backend)


# --- lengths ---

CL = b"Content-Length: "


@READS
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("body", [b"", b"to the end"])
async def test_an_answer_without_a_length_ends_with_its_connection(
    version: bytes, body: bytes, read: Read
) -> None:
    with saying(b"HTTP/" + version + b" 200 OK\r\nEtag: e\r\n\r\n" + body) as backend:
        async with opened() as transport:
            assert await read(await get(transport, backend)) == body
            await assert_well(transport, backend)
    assert backend.connections == 2


@pytest.mark.parametrize(
    "coding",
    [
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 4\r\nTransfer-Encoding: gzip\r\n",
        b"Content-Length: 4\r\nTransfer-Encoding: identity\r\n",
    ],
)
async def test_a_length_beside_a_coding_is_never_believed(coding: bytes) -> None:
    """Who reads by the one and who reads by the other see different answers in the same bytes."""
    raw = b"HTTP/1.1 200 OK\r\n" + coding + b"\r\n4\r\nabcd\r\n0\r\n\r\n"
    with saying(raw) as backend:
        async with opened() as transport:
            with anyio.fail_after(5), suppress(SwiftUnreachable):
                assert await read_whole(await get(transport, backend)) != b"4\r\na"
            await assert_well(transport, backend)


@pytest.mark.parametrize(
    "lengths",
    [
        CL + b"4\r\n" + CL + b"5\r\n",
        CL + b"5\r\n" + CL + b"4\r\n",
        CL + b"4, 5\r\n",
        CL + b"-4\r\n",
        CL + b"+4\r\n",
        CL + b"0x4\r\n",
        CL + b"4_0\r\n",
        CL + b"4 4\r\n",
        CL + b"\r\n",
        CL + b"99999999999999999999999\r\n",
        CL + b"18446744073709551620\r\n",  # 4 in 64 bits
        CL + b"\xd9\xa4\r\n",
        b"Content-Length : 4\r\n",
    ],
)
async def test_a_length_that_is_none_is_no_answer(lengths: bytes) -> None:
    await assert_none(b"HTTP/1.1 200 OK\r\n" + lengths + b"\r\ndata")


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\ndata\r\n0\r\n\r\n",
        b"-4\r\ndata\r\n0\r\n\r\n",
        b"+4\r\ndata\r\n0\r\n\r\n",
        b"0x4\r\ndata\r\n0\r\n\r\n",
        b"\r\ndata\r\n0\r\n\r\n",
        b"4\r\ndataX\r\n0\r\n\r\n",
        b"3\r\ndata\r\n0\r\n\r\n",
        b"10000000000000004\r\ndata\r\n0\r\n\r\n",  # 4 in 64 bits
        b"5\r\ndata\r\n0\r\n\r\n",
        b"4\r\ndata",
        b"4\r\ndata\r\n",
        b"4\r\ndata\r\n0\r\n",
        b"4\r\ndata\r\n0\r\nX-Trailer: 1\r\n",
        b"",
    ],
)
@READS
async def test_chunks_that_are_none_are_no_body(body: bytes, read: Read) -> None:
    await assert_none(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body, read)


@READS
async def test_what_stands_behind_the_last_chunk_is_no_header_and_no_body(read: Read) -> None:
    raw = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Etag\r\n\r\n"
        b'4;a=b;c="d;e"\r\ndata\r\n000;x\r\nEtag: forged\r\nX-Object-Meta-A: 1\r\n\r\n'
    )

    def script(peer: Peer) -> None:
        for _ in range(2):
            peer.head()
            peer.drip(raw, size=5)

    with serving(script) as backend:
        async with opened() as transport:
            for _ in range(2):
                response = await get(transport, backend)
                assert await read(response) == b"data"
                assert not {"etag", "x-object-meta-a"} & {name.lower() for name in response.headers}
    assert backend.connections == 1


@pytest.mark.parametrize("limit", [8, 10, 11, 12, 100])
@pytest.mark.parametrize("framing", WHOLE)
async def test_a_limit_takes_the_beginning_also_if_it_comes_in_pieces(
    framing: str, limit: int
) -> None:
    raw, body = WHOLE[framing]

    def drip(peer: Peer) -> None:
        peer.head()
        with suppress(OSError):  # the reader may leave before the end
            peer.drip(raw, size=3)

    with serving(drip, echo) as backend:
        async with opened() as transport:
            response = await get(transport, backend)
            assert await response.read(limit) == body[:limit]
            await assert_well(transport, backend)


@pytest.mark.parametrize("limit", [4, 100])
async def test_a_limit_is_no_way_around_a_body_that_breaks_off(limit: int) -> None:
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsho") as backend:
        async with opened() as transport:
            response = await get(transport, backend)
            with pytest.raises(SwiftUnreachable):
                await response.read(limit)
            await assert_well(transport, backend)
    assert backend.connections == 2


BODILESS = [
    ("HEAD", "200 OK", CL + b"4\r\n"),
    ("HEAD", "200 OK", b"Transfer-Encoding: chunked\r\n"),
    ("HEAD", "200 OK", b""),
    ("HEAD", "404 Not Found", CL + b"4\r\n"),
    ("GET", "204 No Content", CL + b"4\r\n"),
    ("GET", "204 No Content", CL + b"0\r\n"),
    ("GET", "204 No Content", b""),
    ("DELETE", "204 No Content", b"Transfer-Encoding: chunked\r\n"),
    ("GET", "304 Not Modified", CL + b"4\r\n"),
    ("GET", "304 Not Modified", b""),
]


@READS
@pytest.mark.parametrize(("method", "status", "length"), BODILESS)
async def test_an_answer_that_has_no_body_is_over_with_its_headers(
    method: str, status: str, length: bytes, read: Read
) -> None:
    raw = f"HTTP/1.1 {status}\r\n".encode() + length + b"\r\n"

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(raw)
        echo(peer)

    with serving(script, echo) as backend:
        async with opened(timeout=1) as transport:
            with anyio.fail_after(0.9):
                response = await transport.request(method, f"{backend.url}/o", {})
                assert await read(response) == b""
            assert str(response.status) == status[:3]
            if CL in length:
                assert response.headers["content-length"] == length[len(CL) :].decode().strip()
            await assert_well(transport, backend)


# --- heads ---


@pytest.mark.parametrize("reason", [b" OK", b" ", b"", b" \xc3\xa9t\xc3\xa9", b" a  b: c"])
async def test_a_reason_is_anything_or_nothing(reason: bytes) -> None:
    raw = b"HTTP/1.1 409" + reason + b"\r\nContent-Length: 4\r\n\r\ndata"
    with saying(raw) as backend:
        async with opened() as transport:
            response = await get(transport, backend)
            assert (response.status, await response.read()) == (409, b"data")


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 OK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 -20 OK",
        b"HTTP/1.1 2e2 OK",
        b"HTTP/1.1",
        b"HTTP/1 200 OK",
        b"HTTP/3.1 200 OK",
        b"HTTPS/1.1 200 OK",
        b"ICY 200 OK",
        b"GET / HTTP/1.1",
        b"\x16\x03\x01",
        b"PRI * HTTP/2.0",
    ],
)
async def test_a_first_line_that_is_none_is_no_answer(first: bytes) -> None:
    await assert_none(first + b"\r\nContent-Length: 4\r\n\r\ndata")


@pytest.mark.parametrize(
    "line",
    [
        b"X-A: a\x00b",
        b"X-A: a\rb",
        b"X-A: a\rX-Evil: 1",
        b": empty",
        b"no colon",
        b"X-\x00: 1",
    ],
)
async def test_a_header_that_is_none_is_no_answer(line: bytes) -> None:
    await assert_none(b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 4\r\n\r\ndata")


async def test_a_folded_header_is_one_or_none() -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-A: a\r\n X-Evil: 1\r\n\tEtag: e\r\nContent-Length: 4\r\n\r\ndata"
    with saying(raw) as backend:
        async with opened() as transport:
            with suppress(SwiftUnreachable):
                response = await get(transport, backend)
                assert not {"x-evil", "etag"} & {name.lower() for name in response.headers}
                assert await read_whole(response) == b"data"
            await assert_well(transport, backend)


ENDLESS = {
    "name": (b"HTTP/1.1 200 OK\r\nX-", b"x" * 65_536),
    "value": (b"HTTP/1.1 200 OK\r\nX-A: ", b"x" * 65_536),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Object-Meta-A: 1\r\n" * 1000),
    "reason": (b"HTTP/1.1 200 ", b"x" * 65_536),
    "nothing": (b"", b"x" * 65_536),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_a_head_without_an_end_is_no_answer_and_soon(what: str) -> None:
    start, more = ENDLESS[what]
    sent = [0]

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(start)
        with suppress(OSError):
            while sent[0] < 64 * _MIB:
                peer.send(more)
                sent[0] += len(more)

    with serving(script, echo) as backend:
        async with opened() as transport:
            with anyio.fail_after(5), pytest.raises(SwiftUnreachable):
                await transport.request("PUT", f"{backend.url}/o", {}, b"")
            await assert_well(transport, backend)
    assert sent[0] < 32 * _MIB


# --- requests ---


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A\r\nX-Evil", "1"),
        ("X-A\n", "1"),
        ("X-A: 1\r\nX-Evil", "1"),
        ("X-A", "1\r\n\r\nGET /evil HTTP/1.1"),
        ("X-A", "1\r"),
        ("X-A", "\n1"),
        ("X-A", "a\x00"),
    ],
)
@pytest.mark.parametrize("body", [None, b"data", Upload])
async def test_no_header_breaks_out_of_its_line(name: str, value: str, body: Any) -> None:
    """Nothing of such a request is sent, and nothing of it stays."""
    came = []

    def script(peer: Peer) -> None:
        with suppress(EOFError):
            came.append(peer.head())
            peer.answer("200 OK", body=b"/next")

    with serving(script) as backend:
        async with opened() as transport:
            sent = Upload(_data(), 4) if body is Upload else body
            with pytest.raises(ValueError, match=r"."):
                await transport.request("PUT", f"{backend.url}/o", {name: value}, sent)
            await assert_well(transport, backend)
    assert [head.line for head in came] == ["GET /next HTTP/1.1"]
    assert not {"x-a", "x-evil"} & {found.lower() for found, _ in came[0].headers}


@pytest.mark.parametrize(
    "target",
    [
        *(bad for bad in ("/a b", "/a\r\nX-Evil: 1", "/é")),
        "/a\nb",
        "/a\x00b",
        "/a\tb",
    ],
)
async def test_no_url_breaks_out_of_its_line(target: str) -> None:
    def script(peer: Peer) -> None:
        with suppress(EOFError):
            peer.head()
            peer.answer("200 OK")

    with serving(script) as backend:
        async with opened() as transport:
            with suppress(ValueError):
                (await get(transport, backend, target)).close()
    for head in backend.heads:  # then it has been made harmless
        method, sent, version = head.line.split(" ")
        assert (method, version) == ("GET", "HTTP/1.1")
        assert sent.isascii()
        assert sent.isprintable()
        assert head.get("x-evil") is None


async def test_many_requests_at_once_get_their_own_answers() -> None:
    with serving(echo) as backend:
        async with opened() as transport:

            async def one(number: int) -> None:
                for turn in range(5):
                    target = f"/{number}/{turn}"
                    read = read_chunks if turn % 2 else read_whole
                    assert await read(await get(transport, backend, target)) == target.encode()

            async with anyio.create_task_group() as group:
                for number in range(30):
                    group.start_soon(one, number)
    assert backend.connections <= 30


# --- uploads ---


async def test_an_upload_is_read_no_faster_than_swift_takes_it() -> None:
    taken = [0]
    may_go_on = threading.Event()
    size = 64 * _MIB

    async def source() -> AsyncIterator[bytes]:
        while taken[0] < size:
            taken[0] += 65_536
            yield bytes(65_536)

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        may_go_on.wait(10)
        left = size
        while left:
            left -= len(peer.body(min(left, _MIB)))
        peer.answer("201 Created")

    with serving(script) as backend:
        async with opened() as transport:
            early = []

            async def watch() -> None:
                await anyio.sleep(0.3)
                early.append(taken[0])
                may_go_on.set()

            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                upload = Upload(source(), size)
                response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
                response.close()
    assert response.status == 201
    assert early[0] < size / 3  # the kernel's own buffers hold some


@pytest.mark.parametrize("length", [1000, None])
async def test_a_refusal_in_mid_upload_ends_its_source(length: int | None) -> None:
    """Whose client hears it then, and does not send on for nothing."""
    ended = threading.Event()

    async def source() -> AsyncIterator[bytes]:
        try:
            yield b"data"
            await anyio.sleep_forever()
        finally:
            ended.set()

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        peer.body(4)
        peer.answer("507 Full", body=b"why")
        assert b"\r\n0\r\n" not in peer.left()  # so that what came is not taken for the whole

    with serving(script, echo) as backend:
        async with opened() as transport:
            with anyio.fail_after(5):
                upload = Upload(source(), length)
                response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
                assert (response.status, await response.read()) == (507, b"why")
                await anyio.to_thread.run_sync(ended.wait, 5)
            await assert_well(transport, backend)
    assert ended.is_set()
    assert backend.connections == 2


@pytest.mark.parametrize("body", [bytes(1_000_000), Upload])
async def test_a_refusal_that_closes_the_door_is_the_answer_or_none(body: Any) -> None:
    """A Swift that answers, reads nothing more and leaves (which may tear the answer away)."""

    async def source() -> AsyncIterator[bytes]:
        for _ in range(256):
            yield bytes(65_536)

    def script(peer: Peer) -> None:
        peer.head()
        if body is Upload:
            peer.send(GO_ON)
        peer.answer("413 Too Large", "Connection: close", body=b"why")

    with serving(script, echo) as backend:
        async with opened() as transport:
            sent = Upload(source(), 256 * 65_536) if body is Upload else body
            with anyio.fail_after(5), suppress(SwiftUnreachable):
                response = await transport.request("PUT", f"{backend.url}/o", {}, sent)
                assert response.status == 413
                assert await response.read() == b"why"
            await assert_well(transport, backend)
    assert len([head for head in backend.heads if head.line.startswith("PUT")]) == 1


@pytest.mark.parametrize("again", ["next", "cut"])
async def test_an_upload_that_was_refused_at_once_leaves_no_body_owed(again: str) -> None:
    """The next request on that connection could be taken for the body that never came."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.answer("412 Precondition Failed", body=b"" if again == "next" else b"why")
        assert peer.left() == b""

    with serving(script, echo) as backend:
        async with opened() as transport:
            response = await transport.request("PUT", f"{backend.url}/o", {}, Upload(_data(), 4))
            assert response.status == 412
            await response.read()
            await assert_well(transport, backend)
    assert backend.connections == 2


async def test_a_source_that_ends_too_early_stores_nothing() -> None:
    came = []

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        came.append(peer.left())

    with serving(script) as backend:
        async with opened(timeout=0.3, stall=0.3) as transport:
            with anyio.fail_after(5), pytest.raises(Exception, match=r"."):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(_data(), 5))
    assert came == [b"data"]


async def test_a_source_that_goes_on_too_long_stores_nothing() -> None:
    def script(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        assert peer.left() == b"da"

    with serving(script, echo) as backend:
        async with opened() as transport:
            with anyio.fail_after(5), pytest.raises(RuntimeError, match="3 bytes has 4"):
                await transport.request("PUT", f"{backend.url}/o", {}, Upload(_data(), 3))
            await assert_well(transport, backend)


@pytest.mark.parametrize(("length", "end"), [(0, b""), (None, b"0\r\n\r\n")])
async def test_an_empty_upload_is_whole(length: int | None, end: bytes) -> None:
    async def nothing() -> AsyncIterator[bytes]:
        for piece in (b"", b""):
            yield piece

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(GO_ON)
        assert peer.body(len(end)) == end
        peer.answer("201 Created")
        assert peer.left() == b""

    with serving(script) as backend:
        async with opened() as transport:
            upload = Upload(nothing(), length)
            response = await transport.request("PUT", f"{backend.url}/o", {}, upload)
            assert response.status == 201
            assert await response.read() == b""
    assert backend.heads[0].get("content-length") == (None if length is None else "0")
