"""Swift over aiohttp.

The rule: what goes out is exactly what was asked for, and what comes back is what Swift sent.
No cookie, redirect, proxy, decompression, re-quoting or header of the library's own.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
from aiohttp.payload import BytesPayload
from multidict import CIMultiDict
from yarl import URL

from s3gw.config import ConfigError, Swift
from s3gw.swift import odd_names
from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.transport import Upload

_READ_BUFFER = 256 * 1024

# Below the 60 s after which a Swift proxy closes an idle connection by default, so that a
# request hardly ever meets a connection that the other side is closing.
_KEEP_ALIVE = 20.0

# Swift's max_header_size is 8,192 bytes by default, for name and value.
_FIELD_SIZE = 16 * 1024
# 90 metadata headers by default, and those of Swift itself.
_FIELD_COUNT = 512

_FAILURES = (aiohttp.ClientError, TimeoutError, OSError)

# What aiohttp says of a header's name that is none: its parser in C, and the one in Python.
_NO_NAME = ("Invalid header token", "Invalid HTTP header")


class _OnePiece(BytesPayload):
    """A body that aiohttp sends once: it repeats a PUT on a connection that died otherwise."""

    @property
    def consumed(self) -> bool:
        return True


class AiohttpResponse:
    """See swift.transport.SwiftResponse."""

    __slots__ = ("_response", "headers", "status")

    def __init__(
        self, response: aiohttp.ClientResponse, headers: Mapping[str, str] | None = None
    ) -> None:
        """`headers`: instead of the response's own."""
        self._response = response
        self.status = response.status
        self.headers = response.headers if headers is None else headers

    async def read(self, limit: int | None = None) -> bytes:
        """See SwiftResponse.read."""
        response = self._response
        try:
            if limit is None:
                return await response.read()
            body = await response.content.read(limit)
        except _FAILURES as error:
            response.close()
            raise SwiftUnreachable(f"answer broke off: {_reason(error)}") from error
        if response.content.at_eof():
            response.release()
        else:
            response.close()
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        """See SwiftResponse.chunks."""
        content = self._response.content
        try:
            while data := await content.readany():
                yield data
        except _FAILURES as error:
            raise SwiftUnreachable(f"answer broke off: {_reason(error)}") from error
        finally:
            self.close()

    def close(self) -> None:
        """See SwiftResponse.close."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpTransport:
    """One pool of connections, used by one event loop."""

    def __init__(self, settings: Swift, *, stall_timeout: float) -> None:
        """`stall_timeout`: seconds that an upload's source may keep Swift waiting.

        Raises ConfigError for a `ca_file` that is none.
        """
        tls = _tls(settings.ca_file)
        pool = aiohttp.TCPConnector(
            limit=settings.connections, keepalive_timeout=_KEEP_ALIVE, ssl=tls
        )
        self._session = _session(settings, pool)
        self._odd = _session(
            settings, odd_names.RenamingConnector(limit=settings.connections, ssl=tls)
        )
        self._timeout = settings.timeout
        self._progress_timeout = settings.timeout + stall_timeout

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Upload | None = None
    ) -> AiohttpResponse:
        """See Transport.request."""
        out = CIMultiDict(headers)
        out["Accept-Encoding"] = "identity"
        target = URL(url, encoded=True)
        try:
            if isinstance(body, Upload):
                return await self._upload(method, target, out, body)
            response = await self._session.request(
                method,
                target,
                headers=out,
                data=None if body is None else _OnePiece(body),
                allow_redirects=False,
            )
        except _FAILURES as error:
            if body is None and method in {"GET", "HEAD"} and _is_odd(error):
                return await self._read_odd(method, target, out)
            raise SwiftUnreachable(f"{method} {target.path}: {_reason(error)}") from error
        return AiohttpResponse(response)

    async def _read_odd(
        self, method: str, target: URL, headers: CIMultiDict[str]
    ) -> AiohttpResponse:
        """Ask again for an answer whose headers' names aiohttp refused."""
        try:
            response = await self._odd.request(
                method, target, headers=headers, allow_redirects=False
            )
        except _FAILURES as error:
            raise SwiftUnreachable(f"{method} {target.path}: {_reason(error)}") from error
        return AiohttpResponse(response, odd_names.decoded(response.headers))

    async def _upload(
        self, method: str, target: URL, headers: CIMultiDict[str], body: Upload
    ) -> AiohttpResponse:
        if body.length is not None:
            headers["Content-Length"] = str(body.length)
        loop = asyncio.get_running_loop()
        failure: list[Exception] = []
        try:
            async with asyncio.timeout(self._progress_timeout) as deadline:

                async def watched() -> AsyncIterator[bytes]:
                    body.started = True
                    try:
                        async for chunk in body.chunks:
                            deadline.reschedule(loop.time() + self._progress_timeout)
                            yield chunk
                    except Exception as error:
                        failure.append(error)
                        raise
                    deadline.reschedule(loop.time() + self._timeout)

                response = await self._session.request(
                    method,
                    target,
                    headers=headers,
                    data=watched(),
                    expect100=True,
                    chunked=True if body.length is None else None,
                    allow_redirects=False,
                )
        except _FAILURES:
            # aiohttp has cut the connection, so Swift stores nothing; the reason is the source's.
            if failure:
                raise failure[0] from None
            raise
        return AiohttpResponse(response)

    async def aclose(self) -> None:
        """See Transport.aclose."""
        await self._session.close()
        await self._odd.close()


def _session(settings: Swift, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_timeout, sock_read=settings.timeout
        ),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        requote_redirect_url=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type", "Accept"),
        read_bufsize=_READ_BUFFER,
        max_line_size=_FIELD_SIZE,
        max_field_size=_FIELD_SIZE,
        max_headers=_FIELD_COUNT,
    )


def _is_odd(error: Exception) -> bool:
    """Whether an answer came, but aiohttp did not take the name of one of its headers."""
    return isinstance(error, aiohttp.ClientResponseError) and error.message.startswith(_NO_NAME)


def _reason(error: BaseException) -> str:
    """What went wrong; not the error's repr, which shows the request's headers and its token."""
    return f"{type(error).__name__}: {error}"


def _tls(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"swift.ca_file: {ca_file}: {error}") from error
