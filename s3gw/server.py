"""The HTTP server: uvicorn, with a guard against clients that never finish their header.

The rule: until a request's header is complete a connection may cost neither memory nor time
without bound; from then on the gateway's own limits hold.
"""

import asyncio
import functools
import math
import socket
import ssl
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from s3gw.app import create_app
from s3gw.config import ConfigError, Server, Settings, read_secret

_BACKLOG = 2048
# What the guard tolerates above the gateway's own limit, which answers in S3's words.
_SLACK = 4
_TOO_LARGE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>RequestHeaderSectionTooLarge</Code>'
    b"<Message>Your request header section exceeds the maximum allowed size.</Message></Error>"
)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with a limit on the size and the time of a request's header."""

    def __init__(self, *args: Any, header_limit: int, header_timeout: float, **kwargs: Any) -> None:
        """`header_limit` in bytes, `header_timeout` in seconds; the rest is uvicorn's."""
        super().__init__(*args, **kwargs)
        self._header_limit = header_limit
        self._header_timeout = header_timeout
        self._header_size = 0
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol: a silent client has as long as a slow one."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._await_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._header_is_in()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        if self._header_timer is not None:
            self._header_size += len(data)
            if self._header_size > self._header_limit:
                self._refuse()

    def on_message_begin(self) -> None:
        """See httptools: the first byte of a request has come."""
        super().on_message_begin()
        self._await_header()

    def on_headers_complete(self) -> None:
        """See httptools: the parser has the whole header."""
        self._header_is_in()
        super().on_headers_complete()

    def _await_header(self) -> None:
        if self._header_timer is None:
            self._header_size = 0
            self._header_timer = self.loop.call_later(self._header_timeout, self._give_up)

    def _header_is_in(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        self._header_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self) -> None:
        self._header_is_in()
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/xml\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(_TOO_LARGE)
        )
        self.transport.write(head + _TOO_LARGE)
        self.transport.close()


def serve(settings: Settings) -> None:
    """Run the gateway until it is told to stop (SIGINT, SIGTERM).

    Raises ConfigError if it cannot listen.
    """
    server = settings.server
    config = uvicorn.Config(
        functools.partial(create_app, settings),
        factory=True,
        loop="uvloop",
        http=functools.partial(  # type: ignore[arg-type]  # uvicorn only ever calls it
            GuardedProtocol,
            header_limit=settings.limits.header_size * _SLACK,
            header_timeout=server.header_timeout,
        ),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(server.idle_timeout),
        timeout_graceful_shutdown=math.ceil(server.grace),
        workers=server.workers,
        ssl_certfile=server.tls_certificate,
        ssl_keyfile=server.tls_key,
        ssl_keyfile_password=_key_password(server),
    )
    _check_tls(config)
    with _listen(server) as listening:
        if server.workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])


def _key_password(server: Server) -> str | None:
    path = server.tls_key_password_file
    return None if path is None else read_secret("server.tls_key_password_file", path)


def _check_tls(config: uvicorn.Config) -> None:
    """Load the certificate now, so that a bad one is one line and not a worker's traceback."""
    if config.ssl_certfile is None:
        return
    password = config.ssl_keyfile_password
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(
            config.ssl_certfile, config.ssl_keyfile, None if password is None else password
        )
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"server.tls_certificate, server.tls_key: {error}") from error


def _listen(server: Server) -> socket.socket:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((server.host, server.port))
        listening.listen(_BACKLOG)
        listening.set_inheritable(True)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"server.host, server.port: cannot listen on {server.host}:{server.port}: "
            f"{error.strerror}"
        ) from error
    return listening
