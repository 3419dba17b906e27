"""A proxy before a backend that breaks the requests which a test names, on the real wire.

The rule: what no fault names passes byte for byte; a fault is used up by the request that it
breaks, so that the next one finds the backend well again.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PIECE = 64 * 1024
_PATIENCE = 15.0  # seconds
_BODILESS = frozenset({204, 304})
_LENGTHS = (b"content-length", b"transfer-encoding")


class Cut(Exception):
    """The connection ends here."""


@dataclass(slots=True)
class Head:
    """The first lines of a request or of an answer."""

    raw: bytes

    @property
    def first(self) -> list[str]:
        """The words of the first line."""
        return self.raw.partition(b"\r\n")[0].decode("latin-1").split(" ")

    def get(self, name: str) -> str | None:
        """The value of a (lower-case) name."""
        for line in self.raw.split(b"\r\n")[1:]:
            found, _, value = line.decode("latin-1").partition(":")
            if found.lower() == name:
                return value.strip()
        return None

    @property
    def is_chunked(self) -> bool:
        """The length is told chunk by chunk."""
        return "chunked" in (self.get("transfer-encoding") or "").lower()

    @property
    def length(self) -> int:
        """Bytes of the body that was announced."""
        return int(self.get("content-length") or 0)

    @property
    def status(self) -> int:
        """An answer's status."""
        return int(self.first[1])

    def without(self, names: Collection[bytes], *more: str) -> bytes:
        """Its bytes without the lines of these (lower-case) names, but with some others."""
        kept = [
            line
            for line in self.raw.rstrip(b"\r\n").split(b"\r\n")
            if line.lower().partition(b":")[0] not in names
        ]
        return b"\r\n".join([*kept, *(line.encode() for line in more), b"", b""])


class Exchange:
    """One request on its way, as a fault handles it."""

    def __init__(
        self, head: Head, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], way: "_Way"
    ) -> None:
        self.head = head
        self.method, self.target = head.first[:2]
        self._reader, self._writer = client
        self._way = way

    def __str__(self) -> str:
        return f"{self.method} {unquote(self.target)}"

    async def pass_on(self) -> None:
        """Ask the backend, and hand its answer on as it comes."""
        answer = await self.ask()
        self.send(answer.raw)
        async for piece in self.body_of(answer):
            self.send(piece)
            await self._writer.drain()

    async def ask(self, *, at_most: int | None = None) -> Head:
        """Send the request on, body and all; the head of the final answer.

        `at_most`: bytes of the body after which both connections end.
        """
        reader, writer = await self._way.open()
        writer.write(self.head.raw)
        if (self.head.get("expect") or "").lower() == "100-continue":
            interim = await _head(reader)
            if interim.status != 100:
                self._way.is_spent = True
                return interim
            self.send(interim.raw)
        sending = asyncio.create_task(self._send_body(writer, at_most))
        answering = asyncio.create_task(_head(reader))
        try:
            await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            answer = await answering
            self._way.is_spent = not sending.done()
            return answer
        finally:
            for task in (sending, answering):
                task.cancel()
                with suppress(asyncio.CancelledError, Cut, OSError, EOFError):
                    await task

    async def body_of(self, answer: Head) -> AsyncIterator[bytes]:
        """The body of the backend's answer, in its framing."""
        reader, _ = await self._way.open()
        if self.method == "HEAD" or answer.status in _BODILESS:
            return
        async for piece in _body(reader, answer):
            yield piece

    async def take_body(self, *, ask_for_it: bool = False) -> None:
        """Read the request's body and drop it; one that waits to be asked for only then."""
        if self.head.get("expect") is not None:
            if not ask_for_it:
                return
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for _ in _body(self._reader, self.head):
            pass

    async def silence(self) -> None:
        """Say nothing more until the client has gone."""
        with suppress(OSError):
            while await self._reader.read(_PIECE):
                pass
        raise Cut

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""
        self._writer.write(data)

    async def _send_body(self, writer: asyncio.StreamWriter, at_most: int | None) -> None:
        left = at_most
        async for piece in _body(self._reader, self.head):
            if left is not None and len(piece) >= left:
                writer.write(piece[:left])
                await writer.drain()
                raise Cut
            if left is not None:
                left -= len(piece)
            writer.write(piece)
            await writer.drain()


Fault = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True)
class Rule:
    """Which request a fault breaks: the n-th (from 1) that fits, and so many from it on."""

    fault: Fault
    method: str = ""
    path: str = ""
    """Must be in the decoded target."""
    nth: int = 1
    times: int = 1
    seen: int = 0

    def fits(self, exchange: Exchange) -> bool:
        """Whether the request is one to break; counts it."""
        if self.method not in {"", exchange.method} or self.path not in unquote(exchange.target):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


# --- faults ---


def answering(status: int, *headers: str, body: bytes = b"") -> Fault:
    """Instead of the backend: an answer of this status."""

    async def fault(exchange: Exchange) -> None:
        await exchange.take_body()
        lines = [f"HTTP/1.1 {status} Fault", f"Content-Length: {len(body)}", *headers]
        if exchange.head.get("expect") is not None:
            lines.append("Connection: close")
        exchange.send("\r\n".join([*lines, "", ""]).encode("latin-1"))
        exchange.send(b"" if exchange.method == "HEAD" else body)

    return fault


def filling(status: int) -> Fault:
    """The backend takes the whole body, stores nothing and says why."""

    async def fault(exchange: Exchange) -> None:
        await exchange.take_body(ask_for_it=True)
        exchange.send(f"HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\n\r\n".encode())

    return fault


async def dying(exchange: Exchange) -> None:
    """The backend dies before it has heard the request."""
    del exchange
    raise Cut


async def dying_behind(exchange: Exchange) -> None:
    """The backend serves the request and dies before the first byte of its answer."""
    answer = await exchange.ask()
    async for _ in exchange.body_of(answer):
        pass
    raise Cut


def dying_in_body(size: int) -> Fault:
    """The backend dies when so many bytes of the request's body have gone."""

    async def fault(exchange: Exchange) -> None:
        await exchange.ask(at_most=size)
        raise Cut

    return fault


def truncating(size: int) -> Fault:
    """The answer breaks off behind so many bytes of its body, at the latest before the last."""

    async def fault(exchange: Exchange) -> None:
        if await _some(exchange, size):
            raise Cut

    return fault


async def stalling(exchange: Exchange) -> None:
    """The backend takes the request and is never heard of again, nor does it anything."""
    await exchange.silence()


async def stalling_behind(exchange: Exchange) -> None:
    """The backend serves the request, but no answer comes."""
    answer = await exchange.ask()
    async for _ in exchange.body_of(answer):
        pass
    await exchange.silence()


def stalling_in_answer(size: int) -> Fault:
    """The answer stops behind so many bytes of its body, at the latest before the last."""

    async def fault(exchange: Exchange) -> None:
        if await _some(exchange, size):
            await exchange.silence()

    return fault


def corrupting(change: Callable[[bytes], bytes]) -> Fault:
    """The answer's body is another one, with the right length."""

    async def fault(exchange: Exchange) -> None:
        answer = await exchange.ask()
        body = b"".join([piece async for piece in exchange.body_of(answer)])
        if not body:
            exchange.send(answer.raw)
            return
        changed = change(body)
        exchange.send(answer.without(_LENGTHS, f"Content-Length: {len(changed)}") + changed)

    return fault


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, for `reshaping`."""

    head: Head
    body: bytes
    bodiless: bool

    def framed(self, line: str) -> bytes:
        """Its head; for a body with this line instead of those that tell its length."""
        return self.head.raw if self.bodiless else self.head.without(_LENGTHS, line)

    @property
    def plain(self) -> bytes:
        """Its head, with the length of its body."""
        return self.framed(f"Content-Length: {len(self.body)}")


def reshaping(shape: Callable[[Answer], AsyncIterator[bytes]], *, ending: bool = False) -> Fault:
    """The same answer, whole, in another shape on the wire; `ending`: the last one on it."""

    async def fault(exchange: Exchange) -> None:
        head = await exchange.ask()
        body = b"".join([piece async for piece in _content(exchange, head)])
        bodiless = exchange.method == "HEAD" or head.status in _BODILESS
        async for piece in shape(Answer(head, body, bodiless)):
            exchange.send(piece)
            await asyncio.sleep(0.0002)  # so that each is seen by itself
        if ending:
            raise Cut

    return fault


async def drips(answer: Answer) -> AsyncIterator[bytes]:
    """The head byte by byte, the body in odd pieces."""
    for byte in answer.plain:
        yield bytes([byte])
    for place in range(0, len(answer.body), 40_009):
        yield answer.body[place : place + 40_009]


async def ends_with_the_connection(answer: Answer) -> AsyncIterator[bytes]:
    """No length: the end of the connection tells."""
    lengths = () if answer.bodiless else _LENGTHS
    yield answer.head.without((b"connection", *lengths), "Connection: close")
    yield answer.body


async def in_chunks(answer: Answer) -> AsyncIterator[bytes]:
    """In chunks of odd sizes, with extensions and a trailer."""
    if answer.bodiless:
        yield answer.head.raw
        return
    yield answer.framed("Transfer-Encoding: chunked")
    for place in range(0, len(answer.body), 30_011):
        piece = answer.body[place : place + 30_011]
        yield b"%X;a=b\r\n" % len(piece)
        yield piece + b"\r"
        yield b"\n"
    yield b"0\r\nEtag: forged\r\nX-Object-Meta-Color: forged\r\n\r\n"


async def behind_interim_ones(answer: Answer) -> AsyncIterator[bytes]:
    """Early hints, and that it is being worked at, before it."""
    yield b"HTTP/1.1 103 Early Hints\r\nEtag: forged\r\nContent-Length: 3\r\n\r\n"
    yield b"HTTP/1.1 102 Processing\r\n\r\n"
    yield answer.plain
    yield answer.body


async def before_another_one(answer: Answer) -> AsyncIterator[bytes]:
    """With the beginning of an answer behind it, to a request that was never sent."""
    yield (
        answer.plain
        + answer.body
        + b"HTTP/1.1 200 OK\r\nEtag: forged\r\nContent-Length: 6\r\n\r\nforged"
    )


async def babbling(exchange: Exchange) -> None:
    """What answers is no HTTP."""
    await exchange.take_body()
    exchange.send(b"\x00\x01 220 mail.example.com ESMTP\r\n\r\n")
    raise Cut


def slow(seconds: float) -> Fault:
    """The answer takes so long."""

    async def fault(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await exchange.pass_on()

    return fault


async def _content(exchange: Exchange, head: Head) -> AsyncIterator[bytes]:
    """The body of the backend's answer, without its framing."""
    async for piece in exchange.body_of(head):
        yield piece.partition(b"\r\n")[2][:-2] if head.is_chunked else piece


async def _some(exchange: Exchange, size: int) -> bool:
    """Send the beginning of the answer; False, and all of it, if it has no body."""
    answer = await exchange.ask()
    body = b"".join([piece async for piece in exchange.body_of(answer)])
    exchange.send(answer.raw + body[: min(size, len(body) - 1)] if body else answer.raw)
    return bool(body)


# --- the wire ---


async def _head(reader: asyncio.StreamReader) -> Head:
    return Head(await reader.readuntil(b"\r\n\r\n"))


async def _body(reader: asyncio.StreamReader, head: Head) -> AsyncIterator[bytes]:
    """A body in its own framing."""
    if head.is_chunked:
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            yield line + await reader.readexactly(size + 2)
            if not size:
                return
    left = head.length
    while left:
        piece = await reader.read(min(left, _PIECE))
        if not piece:
            raise EOFError
        left -= len(piece)
        yield piece


class _Way:
    """The connection to the backend that belongs to one from a client."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.is_spent = False

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address, limit=1024 * 1024)
        return self._streams

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


@dataclass(slots=True)
class FaultProxy:
    """The proxy as a test sees it."""

    backend: str
    """The URL before which it stands."""
    url: str = ""
    """Its own, without a path."""
    seen: list[str] = field(default_factory=list)
    """The requests that came, since a test asked last."""
    connections: int = 0
    """Those from the gateway that are open."""
    busy: int = 0
    """Requests that are being served."""
    _rules: list[Rule] = field(default_factory=list)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @contextmanager
    def breaking(self, *rules: Rule) -> Iterator["FaultProxy"]:
        """With these faults, until the end of the block."""
        self.seen.clear()
        self._rules[:] = rules
        try:
            yield self
        finally:
            self._rules.clear()

    def wait_until_idle(self) -> None:
        """Wait until no request is on its way; fails after seconds."""
        end = time.monotonic() + _PATIENCE
        while self.busy:
            assert time.monotonic() < end, "requests are still on their way"
            time.sleep(0.005)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from the gateway."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        parts = urlsplit(self.backend)
        assert parts.hostname is not None
        assert parts.port is not None
        way = _Way(parts.hostname, parts.port)
        self.connections += 1
        try:
            while not way.is_spent:
                await self._one((reader, writer), way)
        except (Cut, OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self.connections -= 1
            way.close()
            with suppress(OSError):
                await writer.drain()
            writer.close()
            self.tasks.discard(task)

    async def _one(
        self, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], way: _Way
    ) -> None:
        exchange = Exchange(await _head(client[0]), client, way)
        self.busy += 1
        try:
            self.seen.append(str(exchange))
            fitting = [rule for rule in self._rules if rule.fits(exchange)]
            if fitting:
                await fitting[0].fault(exchange)
            else:
                await exchange.pass_on()
        finally:
            self.busy -= 1

    def end_connections(self) -> None:
        """Cut whatever is open (on the proxy's loop)."""
        for task in self.tasks:
            task.cancel()


@contextmanager
def proxied(backend: str) -> Iterator[FaultProxy]:
    """A proxy before this URL, in a thread of its own."""
    proxy = FaultProxy(backend)
    loop = asyncio.new_event_loop()

    async def start() -> asyncio.Server:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=1024 * 1024)
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def stop(server: asyncio.Server) -> None:
        server.close()
        proxy.end_connections()
        await asyncio.gather(*proxy.tasks, return_exceptions=True)

    thread = threading.Thread(target=loop.run_forever, name="fault proxy", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start(), loop).result(_PATIENCE)
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(stop(server), loop).result(_PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)
        loop.close()
