"""An exchange by itself: what it tells whoever sends while the answer comes in."""

import math

import pytest

from s3gw.swift.exchange import BrokenError, DiedError, Exchange
from s3gw.swift.heads import NoAnswerError

HEAD = b"HTTP/1.1 413 Too Large\r\nContent-Length: 6\r\n\r\n"


class Line:
    """A connection that does nothing."""

    expires_at = math.inf
    is_full = False

    def __init__(self) -> None:
        self.left: list[bool] = []

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def leave(self, *, is_clean: bool) -> None:
        self.left.append(is_clean)


def begun() -> tuple[Exchange, Line, list[bool]]:
    """An upload that is being sent, its connection, and the interruptions that it heard of."""
    line, interruptions = Line(), list[bool]()
    exchange = Exchange(line, 1.0, is_head=False)
    exchange.is_sent = False
    exchange.interrupt = lambda: interruptions.append(exchange.is_over)
    return exchange, line, interruptions


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_an_upload_is_interrupted_once_however_the_early_answer_comes(size: int) -> None:
    exchange, line, interruptions = begun()
    raw = b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"reason"
    for start in range(0, len(raw), size):
        exchange.feed(raw[start : start + size])
    assert len(interruptions) == 1
    assert (exchange.status, await exchange.read()) == (413, b"reason")
    assert line.left == [False]  # nobody uses a connection on which an upload was broken off


async def test_an_upload_is_interrupted_once_when_the_connection_dies_in_the_answer() -> None:
    exchange, line, interruptions = begun()
    exchange.feed(HEAD)
    exchange.lost(None)
    exchange.lost(None)
    assert (interruptions, line.left) == ([False], [False])


async def test_an_upload_is_interrupted_when_the_connection_dies() -> None:
    for raw, error in ((b"", DiedError), (b"HTTP/1.1 20", BrokenError)):
        exchange, line, interruptions = begun()
        exchange.feed(raw)
        exchange.lost(ConnectionResetError("reset"))
        assert (interruptions, line.left) == ([True], [False])
        with pytest.raises(error):
            await exchange.answered()


async def test_going_on_interrupts_nothing() -> None:
    exchange, line, interruptions = begun()
    exchange.feed(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert await exchange.go_on()
    assert (interruptions, line.left) == ([], [])


async def test_answers_before_the_answer_have_an_end() -> None:
    exchange, line, _ = begun()
    for _ in range(100):
        if exchange.is_over:
            break
        exchange.feed(b"HTTP/1.1 102 Processing\r\n\r\n")
    with pytest.raises(NoAnswerError):
        await exchange.answered()
    assert line.left == [False]
