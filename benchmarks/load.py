"""The load generator: requests that were made beforehand, sent as fast as the answers come.

Nothing is signed, built or compared while the clock runs.  A small request costs it some 30 µs,
which `bench.py` checks against nginx alone in the same run.
"""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, cycle
from threading import Lock
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

_BLOCK = 1024 * 1024
_PATIENCE = 30.0  # seconds for a small request; who needs more has failed


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, ready to be sent: its head and its body as they go over the wire."""

    method: str
    head: bytes
    body: bytes = b""


@dataclass(slots=True)
class Run:
    """What came of many requests; times in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return sum(n for status, n in self.statuses.items() if 200 <= status < 300)

    @property
    def failed(self) -> dict[int, int]:
        return {s: n for s, n in self.statuses.items() if not 200 <= s < 300}

    @property
    def rate(self) -> float:
        return self.done / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class _Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._bodiless = False
        self.transport: asyncio.Transport | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)

    def data_received(self, data: bytes) -> None:
        if self._parser is not None:
            self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        if self._bodiless or self._parser.get_status_code() in {204, 304}:
            self.on_message_complete()

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            assert self._parser is not None
            self._answer.set_result(self._parser.get_status_code())

    async def ask(self, exchange: Exchange) -> int:
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._bodiless = exchange.method == "HEAD"
        self.transport.write(exchange.head + exchange.body)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._answer
        except TimeoutError:
            self.transport.abort()
            return 0


def drive(
    url: str, exchanges: Sequence[Exchange], concurrency: int, *, seconds: float | None = None
) -> Run:
    """Send the requests over so many connections; once each, or over and over for some seconds."""
    parts = urlsplit(url)
    source = iter(exchanges) if seconds is None else cycle(exchanges)
    run = Run()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            _drive(parts.hostname or "", parts.port or 80, source, concurrency, seconds, run)
        )
    return run


async def _drive(
    host: str,
    port: int,
    source: Iterator[Exchange],
    concurrency: int,
    seconds: float | None,
    run: Run,
) -> None:
    loop = asyncio.get_running_loop()

    async def connect() -> _Connection:
        return (await loop.create_connection(_Connection, host, port))[1]

    connections = [await connect() for _ in range(concurrency)]
    started = time.perf_counter()
    end = None if seconds is None else started + seconds

    async def work(connection: _Connection) -> None:
        for exchange in source:
            if connection.closed:
                connection = await connect()
            before = time.perf_counter()
            status = await connection.ask(exchange)
            after = time.perf_counter()
            run.latencies.append(after - before)
            run.statuses[status] = run.statuses.get(status, 0) + 1
            if end is not None and after >= end:
                break
        if connection.transport is not None:
            connection.transport.close()

    await asyncio.gather(*(work(connection) for connection in connections))
    run.seconds = time.perf_counter() - started


# --- large bodies: blocking sockets, so that the bytes are copied once ---


def transfer(url: str, exchanges: Sequence[Exchange], concurrency: int = 1) -> Run:
    """Send large requests, so many at a time; the answers are read and thrown away."""
    run, lock, numbers = Run(), Lock(), count()
    address = (urlsplit(url).hostname, urlsplit(url).port)

    def work() -> None:
        while (number := next(numbers)) < len(exchanges):
            before = time.perf_counter()
            status = _exchange(address, exchanges[number])
            with lock:
                run.latencies.append(time.perf_counter() - before)
                run.statuses[status] = run.statuses.get(status, 0) + 1

    started = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        for future in [pool.submit(work) for _ in range(concurrency)]:
            future.result()
    run.seconds = time.perf_counter() - started
    return run


def _exchange(address: tuple[str | None, int | None], exchange: Exchange) -> int:
    """One exchange on a connection of its own; 0 if it broke off."""
    answer = _Answer(exchange.method)
    try:
        with socket.create_connection(address, 300) as connection:
            connection.sendall(exchange.head)
            if exchange.body:
                connection.sendall(exchange.body)
            buffer = bytearray(_BLOCK)
            view = memoryview(buffer)
            while not answer.complete and (size := connection.recv_into(buffer)):
                answer.feed(view[:size])
    except OSError:
        return answer.status if answer.status >= 300 else 0
    return answer.status if answer.complete else 0


class _Answer:
    """Counts a large answer's bytes instead of looking at them."""

    def __init__(self, method: str) -> None:
        self._head: bytes | None = b""
        self._left = 0
        self._parser: httptools.HttpResponseParser | None = None
        self._bodiless = method == "HEAD"
        self.status = 0
        self.complete = False

    def on_message_complete(self) -> None:
        self.complete = True

    def feed(self, data: memoryview) -> None:
        if self._parser is not None:
            self._parser.feed_data(bytes(data))
        elif self._head is None:
            self._count(len(data))
        else:
            self._head += bytes(data)
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self.status = int(head.split(b" ", 2)[1])
            lines = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:])
            if self.status == 100:
                self._head = b""
                self.feed(memoryview(rest))
            elif b"content-length" in lines or self._bodiless or self.status == 204:
                self._left = 0 if self._bodiless else int(lines.get(b"content-length", 0))
                self._head = None
                self._count(len(rest))
            else:
                self._parser = httptools.HttpResponseParser(self)
                self._parser.feed_data(self._head)

    def _count(self, size: int) -> None:
        self._left -= size
        self.complete = self._left <= 0
