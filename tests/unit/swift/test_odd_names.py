"""Answers whose header names HTTP parsers refuse, as s3api's `=5F`: they are read all the same."""

import gzip
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest

from s3gw.swift.errors import SwiftUnreachable
from tests.unit.swift.hostile import Peer, Script, serving
from tests.unit.swift.test_http import TOKEN, answers, opened, says

ODD = "X-Object-Meta-A=5Fb: v"
_MIB = 1024 * 1024


def odd(status: str = "200 OK", *headers: str, body: bytes = b"data") -> Script:
    """A script that gives one answer with such a name."""
    return answers(status, ODD, *headers, body=body)


async def _read(response: Any) -> bytes:
    data: bytes = await response.read()
    return data


async def _read_chunks(response: Any) -> bytes:
    return b"".join([piece async for piece in response.chunks()])


READS = pytest.mark.parametrize("read", [_read, _read_chunks])


def headed(*headers: bytes, body: bytes = b"data", length: int | None = None) -> bytes:
    """The bytes of an answer with such a name and these header lines."""
    size = len(body) if length is None else length
    first = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n{ODD}".encode()
    return b"\r\n".join([first, *headers, b"", body])


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
async def test_one_request_is_enough(method: str) -> None:
    body = b"" if method == "HEAD" else b"data"
    with serving(odd(body=body)) as backend:
        async with opened() as transport:
            response = await transport.request(method, f"{backend.url}/v1/a/c/o", TOKEN)
            assert (response.status, await response.read()) == (200, body)
    assert response.headers["x-object-meta-a=5fB"] == "v"
    assert len(backend.heads) == 1


async def test_the_connection_is_used_again() -> None:
    with serving(answers("200 OK", ODD, body=b"data", times=2)) as backend:
        async with opened() as transport:
            for _ in range(2):
                response = await transport.request("GET", f"{backend.url}/o", {})
                assert await response.read() == b"data"
    assert backend.connections == 1


@pytest.mark.parametrize("status", ["301 Moved", "404 Not Found", "401 Unauthorized", "206 Part"])
async def test_any_status_is_an_answer(status: str) -> None:
    with serving(odd(status, "Location: /elsewhere")) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            assert await response.read() == b"data"
    assert response.status == int(status[:3])
    assert response.headers["Location"] == "/elsewhere"
    assert len(backend.heads) == 1


@READS
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
async def test_an_encoded_object_comes_back_byte_for_byte(
    coding: str, read: Callable[[Any], Any]
) -> None:
    stored = gzip.compress(b"data" * 100_000)
    with serving(odd("200 OK", f"Content-Encoding: {coding}", body=stored)) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            assert await read(response) == stored
    assert response.headers["content-encoding"] == coding


async def test_other_headers_are_read_as_they_are_elsewhere() -> None:
    lines = [
        "X-Object-Meta-Utf8: Å…\N{ROCKET}".encode(),  # with the bytes 0x85, 0x80 and 0x9f
        b"X-Object-Meta-Latin: \xe9",
        b"X-Object-Meta-Empty:",
        b"X-Object-Meta-Long: " + b"x" * 8000,
        b"X-Object-Meta-Folded: a\r\n Evil: 1\r\n\tb",
        *(b"X-Object-Meta-N%d: %d" % (n, n) for n in range(400)),
    ]
    with serving(says(headed(*lines))) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            assert await response.read() == b"data"
    headers = response.headers
    assert headers["X-Object-Meta-Utf8"] == "Å…\N{ROCKET}"
    assert headers["X-Object-Meta-Latin"].encode("utf-8", "surrogateescape") == b"\xe9"
    assert headers["X-Object-Meta-Empty"] == ""
    assert headers["X-Object-Meta-Long"] == "x" * 8000
    assert headers["X-Object-Meta-Folded"] == "a Evil: 1\tb"
    assert headers["x-object-meta-n399"] == "399"


ALIEN = [
    "X-Object-Meta-\N{SNOWMAN}: 1".encode(),
    b"X-Object-Meta-C D: Etag: \xc3\x85\xc2\x85",
    b"X-Object-Meta-Folded: a\r\n\tb",
    b"X-Object-Meta-%41%: 1",
    b"Etag: 0",
]
"""Each of the first names ends what Python's http.client understands of an answer."""


@READS
@pytest.mark.parametrize("content_type", ["text/plain", "multipart/mixed; boundary=x"])
async def test_nothing_is_lost_behind_any_name(
    read: Callable[[Any], Any], content_type: str
) -> None:
    raw = b"\r\n".join(
        [
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}".encode(),
            *ALIEN,
            b"Content-Length: 6\r\n",
            b"a: b\r\n",
        ]
    )
    with serving(says(raw)) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            assert await read(response) == b"a: b\r\n"
    assert dict(response.headers) == {
        "Content-Type": content_type,
        "X-Object-Meta-\N{SNOWMAN}": "1",
        "X-Object-Meta-C D": "Etag: Å\x85",
        "X-Object-Meta-Folded": "a\tb",
        "X-Object-Meta-%41%": "1",
        "Etag": "0",
        "Content-Length": "6",
    }


async def test_a_part_of_an_answer_can_be_read() -> None:
    with serving(odd(body=b"0123456789")) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            assert await response.read(4) == b"0123"


async def test_no_more_is_read_than_is_asked_for() -> None:
    size = 64 * _MIB
    sent = [0]

    def script(peer: Peer) -> None:
        peer.head()
        sent[0] = 0
        with suppress(OSError):  # the reader leaves before the end
            peer.send(headed(body=b"", length=size))
            while sent[0] < size:
                peer.send(bytes(_MIB))
                sent[0] += _MIB

    with serving(script) as backend:
        async with opened() as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            pieces = response.chunks()
            assert 0 < len(await anext(pieces)) <= 256 * 1024
            await anyio.sleep(0.3)
            response.close()
    assert sent[0] < size / 2


# --- what goes wrong ---


@READS
@pytest.mark.parametrize(
    "raw",
    [
        headed(length=100),
        headed(b"Transfer-Encoding: chunked", body=b"5\r\nshort\r\n").replace(
            b"Content-Length", b"X-Length"
        ),
    ],
)
async def test_a_body_that_breaks_off_is_unreachable(
    raw: bytes, read: Callable[[Any], Any]
) -> None:
    with serving(says(raw)) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable):
                await read(await transport.request("GET", f"{backend.url}/o", {}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        headed(b"X-Object-Meta-\x00: 1"),
        headed(b"X-Object-Meta-\x07: 1"),
        headed(b"X-Object-Meta-B: \x00"),
        headed(b"no colon"),
        headed(b"X-Long: " + b"x" * 100_000),
        headed(*(b"X-Many: 1",) * 1000),
        headed().partition(b"\r\n\r\n")[0] + b"\r\n",  # broken off among its headers
        headed(b"X-Endless: " + b"x" * 2 * _MIB).partition(b"\r\n\r\n")[0],
    ],
)
async def test_an_answer_that_is_none_is_unreachable(raw: bytes) -> None:
    with serving(says(raw)) as backend:
        async with opened() as transport:
            with pytest.raises(SwiftUnreachable) as failure:
                await transport.request("GET", f"{backend.url}/o", {"X-Auth-Token": "secret"})
    assert "GET /o: " in str(failure.value)
    assert "secret" not in repr(failure.value) + str(failure.value)


async def test_silence_is_unreachable_in_time() -> None:
    def silent(peer: Peer) -> None:
        peer.head()
        peer.send(headed(body=b"short", length=9))
        peer.left()

    with serving(silent) as backend:
        async with opened(silence=0.2) as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            with anyio.fail_after(3), pytest.raises(SwiftUnreachable):
                await response.read()


async def test_who_leaves_in_mid_read_leaves_no_connection() -> None:
    left = threading.Event()

    def stall(peer: Peer) -> None:
        peer.head()
        peer.send(headed(body=b"short", length=9))
        assert peer.left() == b""
        left.set()

    with serving(stall) as backend:
        async with opened(silence=1.0) as transport:
            response = await transport.request("GET", f"{backend.url}/o", {})
            with anyio.move_on_after(0.1) as scope:
                await response.read()
            response.close()
    assert scope.cancelled_caught
    assert left.wait(5)
