"""Swift over HTTP/1.1.

The rule: what changes something is sent once.  There is no cookie, redirect, proxy, decompression
or header that nobody asked for.

This is the data path, which the gateway exists for, so it has no general HTTP client: httptools
parses, the event loop moves the bytes.  docs/performance.md has what that is worth.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from s3gw.config import ConfigError, Swift
from s3gw.swift.connection import Connection, Origin, Pool, origin_of
from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.exchange import FAILURES, DiedError, Exchange, told
from s3gw.swift.heads import request_head
from s3gw.swift.transport import Traffic, Upload

# What may be sent twice.  Not DELETE: of one that was served, but not answered, the repeat hears
# 404, which elsewhere means that another request was first; and in a container with versions
# each DELETE adds a delete marker.
_REPEATABLE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request."""

    method: str
    origin: Origin
    head: bytes
    body: bytes | Upload | None
    patience: float
    """Seconds that Swift may be silent."""

    @property
    def may_be_repeated(self) -> bool:
        """Whether it may be sent once more, if it got no answer.

        An upload may if nothing of its body has gone: then Swift had nothing to store.
        """
        if isinstance(self.body, Upload):
            return not self.body.started
        return self.method in _REPEATABLE


class HttpTransport:
    """See Transport: one pool of connections, used by one event loop."""

    def __init__(self, settings: Swift, *, stall_timeout: float) -> None:
        """`stall_timeout`: seconds that an upload's source may keep Swift waiting.

        Raises ConfigError for a `ca_file` that is none.
        """
        self.traffic = Traffic()
        self._pool = Pool(
            limit=settings.connections,
            connect_timeout=settings.connect_timeout,
            tick=settings.timeout / 4,
            tls=_tls(settings.ca_file),
        )
        self._timeout = settings.timeout
        self._progress_timeout = settings.timeout + stall_timeout

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Upload | None = None,
        *,
        extra_time: float = 0.0,
    ) -> Exchange:
        """See Transport.request."""
        base, target = _split(url)
        origin = origin_of(base)
        own = {"Host": origin.authority, "Accept-Encoding": "identity", **_framing(method, body)}
        head = request_head(method, target, {**headers, **own})
        asked = _Asked(method, origin, head, body, self._timeout + extra_time)
        try:
            try:
                answer = await self._send(asked)
            except DiedError:
                if not asked.may_be_repeated:
                    raise
                self.traffic.repeats += 1
                answer = await self._send(asked, again=True)
        except FAILURES as error:
            self.traffic.unanswered += 1
            path = target.partition("?")[0]
            raise SwiftUnreachable(f"{method} {path}: {told(error)}") from error
        self.traffic.note(method, answer.status)
        return answer

    async def _send(self, asked: "_Asked", *, again: bool = False) -> Exchange:
        connection = await self._pool.take(asked.origin, is_new=again)
        exchange = Exchange(connection, asked.patience, is_head=asked.method == "HEAD")
        body = asked.body
        try:
            if isinstance(body, Upload):
                connection.begin(exchange, asked.head, None)
                await self._upload(exchange, connection, body)
            else:
                connection.begin(exchange, asked.head, body)
            await exchange.answered()
        except BaseException:  # also a request that is cancelled
            exchange.close()
            if isinstance(body, Upload):
                self.traffic.cut_uploads += body.started
            raise
        return exchange

    async def _upload(self, exchange: Exchange, connection: Connection, body: Upload) -> None:
        """Send a body as it comes, until it ends or Swift has answered.

        Raises what the body's source raises; the connection is cut then, so Swift stores nothing.
        """
        exchange.is_sent = False
        if not await exchange.go_on():
            return
        body.started = True
        deadline = asyncio.timeout(self._progress_timeout)
        try:
            async with deadline:
                await _pass_on(body, exchange, connection, deadline, self._progress_timeout)
        except TimeoutError as error:
            if exchange.is_settled:
                return
            if deadline.expired():
                raise TimeoutError("the upload stalled") from error
            raise
        finally:
            exchange.interrupt = None

    async def aclose(self) -> None:
        """See Transport.aclose."""
        self._pool.close()
        await asyncio.sleep(0)  # in which the event loop closes them


async def _pass_on(
    body: Upload,
    exchange: Exchange,
    connection: Connection,
    deadline: asyncio.Timeout,
    patience: float,
) -> None:
    """Send a body; `patience`: seconds by which each piece moves the deadline.

    Swift may answer before the end, and the source be silent for long: the deadline ends that too.
    """
    loop = asyncio.get_running_loop()
    exchange.interrupt = partial(_end_now, deadline)
    write = connection.write_chunk if body.length is None else connection.write
    sent = 0
    async for piece in body.chunks:
        sent += len(piece)
        if body.length is not None and sent > body.length:
            break
        if piece:
            write(piece)
            exchange.is_sent = sent == body.length  # then the answer may come at once
            del piece  # up to 256 KiB, beside those that come next
            if connection.is_full:
                await exchange.room()
        if exchange.is_settled:
            return
        deadline.reschedule(loop.time() + patience)
    if body.length is None:
        connection.write_chunk(b"")
    elif sent != body.length:
        raise RuntimeError(f"an upload of {body.length} bytes has {sent}")
    exchange.is_sent = True


def _end_now(deadline: asyncio.Timeout) -> None:
    if not deadline.expired():  # else it is ending already
        deadline.reschedule(asyncio.get_running_loop().time())


def _split(url: str) -> tuple[str, str]:
    """A URL's part up to its path, and the rest."""
    end = url.find("/", url.index("://") + 3)
    return (url, "/") if end < 0 else (url[:end], url[end:])


def _framing(method: str, body: bytes | Upload | None) -> dict[str, str]:
    """The headers that tell where a request ends."""
    if isinstance(body, Upload):
        if body.length is None:
            return {"Transfer-Encoding": "chunked", "Expect": "100-continue"}
        return {"Content-Length": str(body.length), "Expect": "100-continue"}
    if body is None and method in _REPEATABLE:
        return {}
    return {"Content-Length": str(len(body or b""))}


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"swift.ca_file: {ca_file}: {error}") from error
