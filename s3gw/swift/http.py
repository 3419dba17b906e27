"""Swift over aiohttp.

The rule: what goes out is exactly what was asked for, and what comes back is what Swift sent.
No cookie, redirect, proxy, decompression, re-quoting or header of the library's own.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from s3gw.config import ConfigError, Swift
from s3gw.swift import odd_names
from s3gw.swift.errors import SwiftUnreachable
from s3gw.swift.transport import Traffic, Upload

# What aiohttp holds of an answer before it stops reading, and then it has one read of uvloop's,
# 250 KiB: each piece is sent on before the next one comes.  More is no faster on a quiet machine.
_READ_BUFFER = 64 * 1024

# Below the 60 s after which a Swift proxy closes an idle connection by default, so that a
# request hardly ever meets a connection that the other side is closing.
_KEEP_ALIVE = 20.0

# Swift's max_header_size is 8,192 bytes by default, for name and value.
_FIELD_SIZE = 16 * 1024
# 90 metadata headers by default, and those of Swift itself.
_FIELD_COUNT = 512


class _DiedError(Exception):
    """The connection died, in words that aiohttp does not take for a reason to send again."""


_DEATHS = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, _DiedError)

# What aiohttp says of a header's name that is none: its parser in C, and the one in Python.
_NO_NAME = ("Invalid header token", "Invalid HTTP header")

# What may be sent twice.  Not DELETE: of one that was served, but not answered, the repeat hears
# 404, which elsewhere means that another request was first; and in a container with versions
# each DELETE adds a delete marker.
_REPEATABLE = frozenset({"GET", "HEAD"})


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
        self.traffic = Traffic()
        tls = _tls(settings.ca_file)
        pool = aiohttp.TCPConnector(
            limit=settings.connections, keepalive_timeout=_KEEP_ALIVE, ssl=tls
        )
        self._session = _session(settings, pool)
        self._odd = _session(
            settings, odd_names.RenamingConnector(limit=settings.connections, ssl=tls)
        )
        self._settings = settings
        self._usual = _patience(settings)
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
    ) -> AiohttpResponse:
        """See Transport.request."""
        out = CIMultiDict(headers)
        out["Accept-Encoding"] = "identity"
        target = URL(url, encoded=True)
        send = partial(self._send, method, target, out, body, extra_time)
        try:
            try:
                response = await send()
            except _DiedError:
                if not _may_be_repeated(method, body):
                    raise
                self.traffic.repeats += 1
                response = await send()
        except _FAILURES as error:
            self.traffic.unanswered += 1
            raise SwiftUnreachable(f"{method} {target.path}: {_reason(error)}") from error
        self.traffic.note(method, response.status)
        return response

    async def _send(
        self,
        method: str,
        target: URL,
        headers: CIMultiDict[str],
        body: bytes | Upload | None,
        extra_time: float,
    ) -> AiohttpResponse:
        if isinstance(body, Upload):
            try:
                return await self._upload(method, target, headers, body)
            except BaseException:  # also a request that is cancelled
                self.traffic.cut_uploads += body.started
                raise
        try:
            response = await self._session.request(
                method,
                target,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=_patience(self._settings, extra_time) if extra_time else self._usual,
            )
        except aiohttp.ClientResponseError as error:
            if body is None and method in _REPEATABLE and _is_odd(error):
                return await self._read_odd(method, target, headers)
            raise
        return AiohttpResponse(response)

    async def _read_odd(
        self, method: str, target: URL, headers: CIMultiDict[str]
    ) -> AiohttpResponse:
        """Ask again for an answer whose headers' names aiohttp refused."""
        response = await self._odd.request(method, target, headers=headers, allow_redirects=False)
        return AiohttpResponse(response, odd_names.decoded(response.headers))

    async def _upload(
        self, method: str, target: URL, headers: CIMultiDict[str], body: Upload
    ) -> AiohttpResponse:
        if body.length is not None:
            headers["Content-Length"] = str(body.length)
        loop = asyncio.get_running_loop()
        failure: list[Exception] = []
        try:
            # Until Swift says go on, nothing depends on the source.
            async with asyncio.timeout(self._timeout) as deadline:

                async def watched() -> AsyncIterator[bytes]:
                    body.started = True
                    deadline.reschedule(loop.time() + self._progress_timeout)
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


def _may_be_repeated(method: str, body: bytes | Upload | None) -> bool:
    """Whether a request that got no answer may be sent once more.

    An upload may if nothing of its body has gone: then Swift had nothing to store.
    """
    return not body.started if isinstance(body, Upload) else method in _REPEATABLE


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send, and not again: by itself aiohttp repeats whatever HTTP calls idempotent."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:  # there never was a connection
        raise
    except _DEATHS as error:
        raise _DiedError(_reason(error)) from error


def _session(settings: Swift, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=_patience(settings),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        requote_redirect_url=False,
        skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type", "Accept"),
        read_bufsize=_READ_BUFFER,
        max_line_size=_FIELD_SIZE,
        max_field_size=_FIELD_SIZE,
        max_headers=_FIELD_COUNT,
        middlewares=(_once,),
    )


def _patience(settings: Swift, extra_time: float = 0.0) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None,
        sock_connect=settings.connect_timeout,
        sock_read=settings.timeout + extra_time,
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
