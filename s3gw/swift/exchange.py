"""One request to Swift and its answer, as the answer comes in over a connection.

The rule: an answer is whole, or reading it fails.  What its reader has not taken yet is bounded:
the connection is not read then.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

import httptools

from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.heads import END, NoAnswerError, ResponseHead

# Bytes that wait for their reader before the connection is not read any more; on top of them may
# come one read of uvloop's, up to 256 KiB.
_READ_AHEAD = 64 * 1024
# Bytes in which the headers must end.
_HEAD_SIZE = 128 * 1024
# Answers before the answer: each gives Swift its time again.
_MAX_INTERIMS = 20
_BODILESS = frozenset({204, 304})
_CONTINUE = 100
_OK = 200
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class DiedError(Exception):
    """The connection was lost before any byte of an answer came."""


class BrokenError(Exception):
    """The connection was lost within the answer."""


FAILURES = (DiedError, BrokenError, NoAnswerError, TimeoutError, OSError)
"""What an exchange fails with."""


class Line(Protocol):
    """The connection, as an exchange sees it."""

    expires_at: float
    """When, by the event loop's clock, waiting has taken too long."""
    is_full: bool
    """What was written must go out before more is written."""

    def pause(self) -> None:
        """Read no more."""

    def resume(self) -> None:
        """Read again."""

    def leave(self, *, is_clean: bool) -> None:
        """The exchange is over; `is_clean`: and another one may follow on the connection."""


class Exchange:
    """See SwiftResponse: status and headers are there when `answered` has returned."""

    __slots__ = (
        "_chunks",
        "_failure",
        "_go_on",
        "_head",
        "_interims",
        "_is_clean",
        "_is_head",
        "_left",
        "_line",
        "_loop",
        "_patience",
        "_pieces",
        "_size",
        "_waiter",
        "headers",
        "interrupt",
        "is_over",
        "is_sent",
        "status",
    )

    def __init__(self, line: Line, patience: float, *, is_head: bool) -> None:
        """`patience`: seconds that Swift may be silent; `is_head`: its answer has no body."""
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._patience = patience
        self._is_head = is_head
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.is_sent = True
        """All of the request has gone out."""
        self.is_over = False
        """All of the answer has come, or no more will."""
        self.interrupt: Callable[[], None] | None = None
        """Called once when there is no sense in sending more, see `is_settled`."""
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None
        self._head = b""
        self._go_on = False
        self._interims = 0
        self._is_clean = False
        self._left = math.inf
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._chunks: httptools.HttpResponseParser | None = None

    # --- for who asked ---

    @property
    def is_settled(self) -> bool:
        """Swift's answer is known, or that there is none."""
        return self.status > 0 or self.is_over

    async def go_on(self) -> bool:
        """Wait for 100 Continue; False if the answer itself came.  Raises FAILURES."""
        while not self._go_on and not self.status:
            await self._more()
        return not self.status

    async def room(self) -> None:
        """Wait, however long it takes, until more may be written or the exchange is settled."""
        while self._line.is_full and not self.is_settled:
            await self._wait(math.inf)

    async def answered(self) -> None:
        """Wait for status and headers.  Raises FAILURES."""
        while not self.status:
            await self._more()

    async def read(self, limit: int | None = None) -> bytes:
        """See SwiftResponse.read."""
        size = math.inf if limit is None else limit
        try:
            while self._size < size and (not self.is_over or self._failure is not None):
                await self._more()
        except FAILURES as error:
            raise _broken_off(error) from error
        finally:
            self.close()
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        return body[:limit]

    async def chunks(self) -> AsyncIterator[bytes]:
        """See SwiftResponse.chunks."""
        try:
            while True:
                while self._pieces:
                    self._size -= len(self._pieces[0])
                    yield self._pieces.popleft()  # no name keeps it here
                if self.is_over and self._failure is None:
                    return
                await self._more()
        except FAILURES as error:
            raise _broken_off(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """See SwiftResponse.close."""
        if not self.is_over:
            self.fail(BrokenError("given up"))

    async def _more(self) -> None:
        """Wait for anything to happen.  Raises FAILURES if nothing more will."""
        if self._failure is not None:
            raise self._failure
        self._line.resume()
        await self._wait(self._patience)

    async def _wait(self, patience: float) -> None:
        waiter = self._waiter = self._loop.create_future()
        self._line.expires_at = self._loop.time() + patience
        try:
            await waiter
        finally:
            self._waiter = None
            if not self.is_over:  # else the connection may be another's
                self._line.expires_at = math.inf

    # --- for the connection ---

    def feed(self, data: bytes) -> None:
        """Bytes of the answer have come."""
        try:
            if not self.status:
                data = self._take_head(data)
            if self.status and not self.is_over:
                self._take_body(data)
        except (NoAnswerError, httptools.HttpParserError) as error:
            self.fail(NoAnswerError(str(error)))
        else:
            self.wake()

    def lost(self, error: Exception | None) -> None:
        """The connection is closed: by the other side, in order, if there is no error."""
        if self.is_over:
            return
        if not self.status:
            cause = BrokenError if self._head else DiedError
            self.fail(cause("connection lost" if error is None else told(error)))
        elif self._left == math.inf and self._chunks is None and error is None:
            self._end()
        else:
            self.fail(BrokenError("connection lost" if error is None else told(error)))

    def fail(self, failure: Exception) -> None:
        """There will be no more of an answer."""
        self._failure = failure
        self._end()

    def wake(self) -> None:
        """Something happened."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self.interrupt is not None and self.is_settled:
            interrupt, self.interrupt = self.interrupt, None
            interrupt()

    def on_body(self, piece: bytes) -> None:
        """See httptools: a piece of a chunked body, or of an answer that nobody asked for."""
        if self._left > 0:
            self._keep(piece)

    def on_message_begin(self) -> None:
        """See httptools: also of a message that nobody asked for."""
        self._is_clean = self._is_clean and self._left > 0

    def on_message_complete(self) -> None:
        """See httptools: the end of a chunked body."""
        self._left = 0

    def _take_head(self, data: bytes) -> bytes:
        """What is behind the head; it is not there as long as there is no status."""
        self._head += data
        while not self.status:
            head, end, rest = self._head.partition(END)
            if not end:
                if len(head) > _HEAD_SIZE:
                    raise NoAnswerError("headers without an end")
                return b""
            self._head = rest
            found = ResponseHead(head + end)
            if found.status >= _OK:
                self._begin(found)
            else:
                self._note_interim(found.status)
        behind, self._head = self._head, b""
        return behind

    def _note_interim(self, status: int) -> None:
        self._interims += 1
        if self._interims > _MAX_INTERIMS:
            raise NoAnswerError("interim answers without an end")
        if status == _CONTINUE:
            self._go_on = True

    def _begin(self, head: ResponseHead) -> None:
        self.status = head.status
        self.headers = head.headers
        self._is_clean = head.keeps_alive
        if self._is_head or head.status in _BODILESS:
            self._left = 0
        elif head.is_chunked:
            self._chunks = httptools.HttpResponseParser(self)
            self._chunks.feed_data(_CHUNKED)
        elif head.length is not None:
            self._left = head.length
        else:
            self._is_clean = False

    def _take_body(self, data: bytes) -> None:
        if self._chunks is not None:
            self._take_chunked(self._chunks, data)
        elif data:
            if len(data) > self._left:
                self._is_clean = False
                data = data[: int(self._left)]
            self._left -= len(data)
            self._keep(data)
        if self._left == 0:
            self._end()
        elif self._size > _READ_AHEAD:
            self._line.pause()

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def _take_chunked(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except httptools.HttpParserError:
            if self._left > 0:
                raise
            self._is_clean = False  # what is no HTTP came behind the end

    def _end(self) -> None:
        self.is_over = True
        self._chunks = None  # which knows this object: only the collector would free the two
        self._line.leave(is_clean=self._is_clean and self.is_sent and self._failure is None)
        self.wake()


def _broken_off(error: Exception) -> SwiftUnreachable:
    return SwiftUnreachable(f"answer broke off: {told(error)}")


def told(error: BaseException) -> str:
    """What went wrong, in a few words, with nothing of the request in them."""
    return f"{type(error).__name__}: {error}"
