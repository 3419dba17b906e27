"""Connections to Swift, and the pool of those that wait for their next request.

The rule: a connection serves one exchange at a time, and another one only if nothing of the last
is left on it: all of the request has gone, all of the answer has come, and not a byte more.
"""

import asyncio
import math
import socket
import ssl
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from s3gw.swift.exchange import BrokenError, Exchange

# Below the 60 s after which a Swift proxy closes an idle connection by default, so that a
# request hardly ever meets a connection that the other side is closing.
_KEEP_ALIVE = 20.0
_TICK = 1.0
"""Seconds by which what takes too long may exceed its time."""
_STOPS = "the gateway stops"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go."""

    host: str
    port: int
    is_tls: bool
    authority: str
    """What the Host header says."""


@lru_cache(maxsize=64)
def origin_of(base: str) -> Origin:
    """The origin of a URL without its path; raises ValueError for what is none."""
    parts = urlsplit(base)
    usual = _PORTS.get(parts.scheme)
    if usual is None or not parts.hostname:
        raise ValueError(f"not a URL of HTTP: {base!r}")
    port = usual if parts.port is None else parts.port
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = host if port == usual else f"{host}:{port}"
    return Origin(parts.hostname, port, parts.scheme == "https", authority)


class Connection(asyncio.Protocol):
    """One connection; see exchange.Line."""

    def __init__(self, origin: Origin, pool: "Pool") -> None:
        """`pool` hears when an exchange is over."""
        self.origin = origin
        self._pool = pool
        self._transport = cast("asyncio.Transport", None)  # until connection_made
        self._exchange: Exchange | None = None
        self._is_paused = False
        self.expires_at = math.inf
        self.is_full = False
        self.is_open = False

    def begin(self, exchange: Exchange, head: bytes, body: bytes | None) -> None:
        """Send a request."""
        self._exchange = exchange
        self.write(head + body if body else head)

    @property
    def is_alive(self) -> bool:
        """Nothing has closed it: also not a write, whose failure is told only afterwards.

        uvloop raises RuntimeError for whatever is asked of a closed transport.
        """
        return self.is_open and not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send a piece of a body, if the connection is alive; else the exchange will hear of it."""
        if self.is_alive:
            self._transport.write(data)

    def write_chunk(self, data: bytes) -> None:
        """Send a piece of a chunked body as `write` does; an empty one is its end."""
        if self.is_alive:
            self._transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))

    def pause(self) -> None:
        """See Line."""
        if not self._is_paused and self.is_alive:
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """See Line."""
        if self._is_paused and self.is_alive:
            self._is_paused = False
            self._transport.resume_reading()

    def leave(self, *, is_clean: bool) -> None:
        """See Line."""
        if self._exchange is not None:
            self._exchange = None
            self.expires_at = math.inf
            self.resume()
            # What is still to be written is the rest of the request that this one answered early.
            is_clean = is_clean and self.is_alive and not self._transport.get_write_buffer_size()
            self._pool.put_back(self, is_clean=is_clean)

    def abort(self) -> None:
        """Close it at once."""
        self.is_open = False
        self._transport.abort()

    def end(self, failure: Exception) -> None:
        """Close it at once, with its exchange if there is one."""
        if self._exchange is None:
            self.abort()
        else:
            self._exchange.fail(failure)

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True
        # What is written goes out at once, and not after what the event loop has to do first.
        # With a limit of 0 a TLS transport never says that there is room again.
        self._transport.set_write_buffer_limits(high=1)
        tcp = transport.get_extra_info("socket")
        if tcp is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._exchange is None:  # nobody asked
            self.abort()
        else:
            self._exchange.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.is_open = False
        if self._exchange is not None:
            self._exchange.lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self.is_full = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self.is_full = False
        if self._exchange is not None:
            self._exchange.wake()


class Pool:
    """The connections of one event loop."""

    def __init__(
        self,
        *,
        limit: int,
        connect_timeout: float,
        tick: float,
        tls: ssl.SSLContext,
    ) -> None:
        """`limit`: of connections in use, 0 for none; `connect_timeout` and `tick` in seconds."""
        self._slots = asyncio.Semaphore(limit) if limit else None
        self._connect_timeout = connect_timeout
        self._tick = min(tick, _TICK)
        self._tls = tls
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._used: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def take(self, origin: Origin, *, is_new: bool = False) -> Connection:
        """A connection, which must begin an exchange at once; raises FAILURES.

        `is_new`: not one that waited, which the other side may be closing.
        """
        if self._slots is not None:
            await self._slots.acquire()
        try:
            waited = None if is_new else self._newest(origin)
            connection = waited or await self._connect(origin)
        except BaseException:
            self._leave_slot()
            raise
        self._used.add(connection)
        return connection

    def put_back(self, connection: Connection, *, is_clean: bool) -> None:
        """An exchange is over; `is_clean`: nothing of it is left on its connection."""
        self._used.remove(connection)
        self._leave_slot()
        if is_clean and not self._is_closed:
            connection.expires_at = asyncio.get_running_loop().time() + _KEEP_ALIVE
            self._idle[connection.origin].append(connection)
        else:
            connection.abort()

    def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for connection in [*self._used, *self._waiting()]:
            connection.end(BrokenError(_STOPS))

    def _newest(self, origin: Origin) -> Connection | None:
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            connection.expires_at = math.inf
            if connection.is_alive:
                return connection
        return None

    def _has_ended(self) -> bool:  # also meanwhile
        return self._is_closed

    async def _connect(self, origin: Origin) -> Connection:
        if self._has_ended():
            raise BrokenError(_STOPS)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(origin, self),
                    origin.host,
                    origin.port,
                    ssl=self._tls if origin.is_tls else None,
                )
        except TimeoutError as error:
            raise TimeoutError(f"no connection in {self._connect_timeout:g} s") from error
        if self._has_ended():
            connection.abort()
            raise BrokenError(_STOPS)
        if self._timer is None:
            self._timer = loop.call_later(self._tick, self._sweep)
        return connection

    def _leave_slot(self) -> None:
        if self._slots is not None:
            self._slots.release()

    def _waiting(self) -> list[Connection]:
        return [connection for idle in self._idle.values() for connection in idle]

    def _sweep(self) -> None:
        """End what has taken too long, and forget what is closed."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in [*self._used, *self._waiting()]:
            if connection.expires_at < now:
                connection.end(TimeoutError("nothing came in time"))
        for idle in self._idle.values():
            idle[:] = [connection for connection in idle if connection.is_open]
        if self._used or any(self._idle.values()):
            self._timer = asyncio.get_running_loop().call_later(self._tick, self._sweep)
