"""Whatever Swift says, and however it is torn on the way: it is one answer, or none.

The rule: where the network cuts the bytes decides nothing, and no bytes get more out of an
exchange than an answer or one of its failures.
"""

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import example, given, strategies as st

from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.exchange import FAILURES, Exchange

_FIRST = (
    b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Early Hints", b"HTTP/1.1 409", b"HTTP/1.1 99 X",
    b"HTTP/2 200", b"HTTP/1.1 101 Switching Protocols", b"ICY 200 OK",
)  # fmt: skip
_LINES = (
    b"Content-Length: 4", b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: -1",
    b"Content-Length : 4", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity", b"Connection: close", b"Connection: keep-alive", b"Etag: e",
    b"X-Object-Meta-A=5Fb: 1", b"X-Object-Meta-\xc3\xa9: \xff", b"X-A:", b": x", b" folded",
    b"X-A: a\rb",
    b"no colon", b"X-A: \x00", b"Upgrade: x", b"Trailer: Etag",
)  # fmt: skip
_BODIES = (
    b"", b"data", b"4\r\ndata\r\n0\r\n\r\n", b"4;x=y\r\ndata\r\n0\r\nEtag: z\r\n\r\n", b"4\r\nda",
    b"fffffffffffffffff\r\n", b"0\r\n\r\n", b"\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
)  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Bytes that are nearly an answer, or nearly two."""
    said = b""
    for _ in range(draw(st.integers(1, 3))):
        lines = draw(st.lists(st.sampled_from(_LINES), max_size=4))
        said += b"\r\n".join([draw(st.sampled_from(_FIRST)), *lines, b"", b""])
        said += draw(st.sampled_from(_BODIES))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(said)))
        said = said[:place] + draw(st.binary(max_size=2)) + said[place + draw(st.integers(0, 2)) :]
    return said


@dataclass
class Line:
    """A connection without a network."""

    expires_at: float = 0.0
    is_full: bool = False
    is_left: bool = False
    is_clean: bool = False

    def pause(self) -> None:
        """See exchange.Line."""

    def resume(self) -> None:
        """See exchange.Line."""

    def leave(self, *, is_clean: bool) -> None:
        """See exchange.Line."""
        assert not self.is_left, "it serves another one already"
        self.is_left, self.is_clean = True, is_clean


async def heard(pieces: list[bytes], *, is_head: bool) -> object:
    """What an exchange makes of these pieces and of the connection's end behind them."""
    line = Line()
    exchange = Exchange(line, 1.0, is_head=is_head)
    for piece in filter(None, pieces):
        if line.is_left:
            line.is_clean = False  # the connection closes itself when nobody asked
        else:
            exchange.feed(piece)
    exchange.lost(None)
    assert line.is_left
    try:
        await exchange.answered()
    except FAILURES as failure:
        assert not line.is_clean
        return type(failure)
    assert 200 <= exchange.status <= 999
    headers = list(exchange.headers.items())
    try:
        return exchange.status, headers, await exchange.read(), line.is_clean
    except SwiftUnreachable:
        assert not line.is_clean
        return exchange.status, headers, None, False


@example(
    said=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\n\r\n"
    b"HTTP/1.1 200 OK\r\n\r\nmore",  # which was taken for the end of the body
    cuts=[],
    is_head=False,
)
@given(said=answers(), is_head=st.booleans(), cuts=st.lists(st.integers(0, 300), max_size=8))
def test_where_an_answer_is_torn_decides_nothing(
    said: bytes, cuts: list[int], *, is_head: bool
) -> None:
    places = sorted({0, *cuts, len(said)})
    torn = [said[start:end] for start, end in pairwise(places)]
    bytewise = [said[place : place + 1] for place in range(len(said))]

    async def compare() -> None:
        whole = await heard([said], is_head=is_head)
        assert await heard(torn, is_head=is_head) == whole
        assert await heard(bytewise, is_head=is_head) == whole

    asyncio.run(compare())


@given(said=answers())
def test_a_body_is_no_longer_than_it_was_said_to_be(said: bytes) -> None:
    result = asyncio.run(heard([said], is_head=False))
    if isinstance(result, tuple):
        _, headers, body, _ = cast("tuple[int, list[tuple[str, str]], bytes | None, bool]", result)
        lengths = {value for name, value in headers if name.lower() == "content-length"}
        if body and lengths:
            assert lengths == {str(len(body))}


@pytest.mark.parametrize("said", [b"", b"H", b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n", b"\r\n" * 1000])
def test_a_beginning_is_no_answer(said: bytes) -> None:
    assert isinstance(asyncio.run(heard([said], is_head=False)), type)
