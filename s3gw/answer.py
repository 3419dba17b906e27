"""Answers on the wire: the headers of every answer, errors, and sending without detours.

The rule: an answer goes out from the task that made it; a failure after the status has gone out
can only be told by cutting the connection.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any

from s3gw.call import Receive, Response
from s3gw.s3.documents import error_document
from s3gw.s3.errors import S3Error
from s3gw.s3.xml import render
from s3gw.swift.errors import SwiftUnreachable

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_REGION = "x-amz-bucket-region"
_BODILESS = frozenset({204, 304})
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# A shorter answer is sent whole before a vanished client would be noticed.
_LONG = 1024 * 1024
# A piece that has to leave the process before the next one is fetched.  More than that the server
# would keep for a client that is slower than Swift, and the next one with it.
_LARGE = 64 * 1024
_NOTHING = {"type": "http.response.body", "body": b"", "more_body": True}
# Seconds after which a client may come again: its own back-off does the rest.
_RETRY_AFTER = ("Retry-After", "1")


@dataclass(slots=True)
class Delivery:
    """How far an answer's body has come."""

    size: int = 0
    """Bytes that were given to the server."""
    source_seconds: float = 0.0
    """Spent waiting for the pieces of a streamed body."""
    client_seconds: float = 0.0
    """Spent waiting for the client to take them."""
    _since: float = 0.0
    _is_at_client: bool = False

    def waits_for_source(self) -> None:
        """From now on; also if nothing comes any more."""
        self.ends()
        self._is_at_client = False

    def waits_for_client(self) -> None:
        """From now on; also if it takes nothing any more."""
        self.ends()
        self._is_at_client = True

    def ends(self) -> None:
        """The wait for either is over."""
        now = perf_counter()
        waited = now - self._since if self._since else 0.0
        self._since = now
        if self._is_at_client:
            self.client_seconds += waited
        else:
            self.source_seconds += waited


def error_response(error: S3Error, resource: str, request_id: str, host_id: str) -> Response:
    """An error as its document; `resource` is the decoded path."""
    document = render(error_document(error, resource, request_id, host_id))
    headers = [("Content-Type", "application/xml"), *error.headers]
    if error.status == 503:
        headers.append(_RETRY_AFTER)
    return Response(error.status, headers, document)


def complete_headers(
    response: Response,
    *,
    request_id: str,
    host_id: str,
    bucket_region: str | None,
    is_head: bool,
    close: bool,
) -> None:
    """Add the headers that every answer has, and its length."""
    headers = response.headers
    if isinstance(response.body, bytes) and response.status not in _BODILESS:
        if is_head and response.status >= 400:
            response.body = b""
        if not any(name == "Content-Length" for name, _ in headers):
            headers.append(("Content-Length", str(len(response.body))))
    headers.append(("x-amz-request-id", request_id))
    headers.append(("x-amz-id-2", host_id))
    headers.append(("Server", "s3gw"))
    if bucket_region is not None and not any(name == _REGION for name, _ in headers):
        headers.append((_REGION, bucket_region))
    if close:
        headers.append(("Connection", "close"))


@lru_cache(maxsize=1024)
def _on_the_wire(name: str) -> bytes:
    return name.lower().encode("latin-1")


async def send_response(
    response: Response,
    receive: Receive,
    send: Send,
    delivery: Delivery,
    *,
    is_head: bool,
    stall_timeout: float,
) -> bool:
    """Send the answer; False if it broke off, for which the server cuts the connection.

    `delivery` is kept up to date; `stall_timeout`: seconds that the client may take no byte of it.
    """
    headers = _as_bytes(response.headers)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(response.body, bytes):
        body = b"" if is_head else response.body
        await send({"type": "http.response.body", "body": body, "more_body": False})
        delivery.size = len(body)
        return True
    return await _stream(response, response.body, receive, send, delivery, stall_timeout)


def _as_bytes(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    if _UNSAFE.search("\t".join([value for _, value in headers])):  # seldom: looked for at once
        headers = [(name, _UNSAFE.sub(" ", value)) for name, value in headers]
    return [(_on_the_wire(name), value.encode("latin-1", "replace")) for name, value in headers]


async def _stream(
    response: Response,
    body: AsyncIterator[bytes],
    receive: Receive,
    send: Send,
    delivery: Delivery,
    stall_timeout: float,
) -> bool:
    try:
        async with _departure(response, receive) as gone:
            delivery.waits_for_source()
            async for piece in body:
                delivery.waits_for_client()
                if gone.is_set():
                    return False
                async with asyncio.timeout(stall_timeout):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if len(piece) > _LARGE:  # the server waits for room before it writes
                        await send(_NOTHING)
                delivery.size += len(piece)
                del piece  # up to 256 KiB, beside those that come next
                delivery.waits_for_source()
    except (SwiftUnreachable, TimeoutError):
        return False
    finally:
        delivery.ends()
        close = getattr(body, "aclose", None)
        if close is not None:
            await close()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return True


@asynccontextmanager
async def _departure(response: Response, receive: Receive) -> AsyncIterator[asyncio.Event]:
    """Notice a client that leaves: the server swallows what is sent to nobody.

    Only long answers are worth the task.
    """
    gone = asyncio.Event()
    if not _is_long(response):
        yield gone
        return

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    watcher = asyncio.create_task(watch())
    try:
        yield gone
    finally:
        watcher.cancel()


def _is_long(response: Response) -> bool:
    for name, value in response.headers:
        if name == "Content-Length":
            return value.isdigit() and int(value) > _LONG
    return True
