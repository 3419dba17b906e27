"""The HTTP server: uvicorn, with a guard against clients that never finish their header.

The rule: until a request's header is complete a connection may cost neither memory nor time
without bound; from then on the gateway's own limits hold.  And a server that stops loses no request
that had reached it: answers tell clients to go elsewhere (Connection: close) before it closes.
"""

import asyncio
import ctypes
import functools
import math
import multiprocessing
import signal
import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import HANDLED_SIGNALS
from uvicorn.supervisors import Multiprocess

from s3gw.answer import complete_headers, error_response
from s3gw.app import create_app, create_worker
from s3gw.config import ConfigError, Server, Settings, read_secret
from s3gw.endpoints import Flag, OperatorPort
from s3gw.joined_writes import JoinedWrites
from s3gw.observe import new_request_id
from s3gw.s3.errors import BadRequest, RequestHeaderSectionTooLarge, S3Error

_BACKLOG = 2048
# What the guard tolerates above the gateway's own limit, which answers in S3's words.
_SLACK = 4
_TICK = 0.1  # seconds, as uvicorn's own
# Seconds in which a worker must answer its parent, who kills it otherwise: on a busy machine a new
# one needs longer to start than uvicorn's 5, and would be killed over and over.
_PATIENCE = 30
_LAST_CALL = 1.0
"""Seconds that a header which is on its way, when the port is closed, has to come."""
# How uvicorn starts its workers, to which the flag that they share has to go.
_SPAWN = multiprocessing.get_context("spawn")

_log = structlog.get_logger(__name__)


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with a limit on the size and the time of a request's header.

    Beside that no connection is without a timer while no request is being served, and what is no
    HTTP is refused in S3's words too.
    """

    def __init__(
        self,
        *args: Any,
        header_limit: int,
        header_timeout: float,
        stopping: Flag,
        **kwargs: Any,
    ) -> None:
        """`header_limit` in bytes, `header_timeout` in seconds; the rest is uvicorn's.

        `stopping`: the server was told to stop.
        """
        super().__init__(*args, **kwargs)
        self._stopping = stopping
        self._is_last = False
        self._header_limit = header_limit
        self._header_timeout = header_timeout
        self._header_size = 0
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol: a silent client has as long as a slow one."""
        joined = JoinedWrites(cast("asyncio.Transport", transport), self.loop)
        # Who waits for room waits until all has gone: a piece is kept whole to its last byte.
        # With a limit of 0 a TLS transport never says that there is room again.
        joined.set_write_buffer_limits(high=1)
        super().connection_made(cast("asyncio.Transport", joined))
        self._await_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._header_is_in()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        awaited = self._header_timer
        super().data_received(data)
        if self.transport.is_closing():
            return
        # Bytes that also hold the end of the request before are not counted.
        if awaited is not None and awaited is self._header_timer:
            self._header_size += len(data)
            if self._header_size > self._header_limit:
                self._refuse(RequestHeaderSectionTooLarge())
        elif self._is_forgotten():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_message_begin(self) -> None:
        """See httptools: the first byte of a request has come."""
        super().on_message_begin()
        self._await_header()

    def on_headers_complete(self) -> None:
        """See httptools: the parser has the whole header.

        Raises ValueError, which becomes 400: of a request that offers an upgrade httptools drops
        the body, and an empty object would be stored.
        """
        self._header_is_in()
        if self.parser.should_upgrade() and any(_announces_body(*pair) for pair in self.headers):
            raise ValueError("an upgrade is offered with a body")
        super().on_headers_complete()
        if self._is_last or self._stopping.is_set():
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """See HttpToolsProtocol: the port is closed.

        On a connection that waits for a header that may already be on its way the request is
        still served; what has had its answer is closed.
        """
        if self._header_timer is None or self._unanswered() is not None:
            super().shutdown()
            return
        self._is_last = True
        self._header_timer.cancel()
        patience = min(_LAST_CALL, self._header_timeout)
        self._header_timer = self.loop.call_later(patience, self._give_up)

    def on_body(self, body: bytes) -> None:
        """See httptools: a piece of a request's body, which is not copied if it is all there is.

        uvicorn adds it to a bytearray, of which it makes bytes.
        """
        cycle = self.cycle
        if cycle.body or cycle.response_complete:
            super().on_body(body)
            return
        cycle.body = body  # type: ignore[assignment]  # bytes of bytes are no copy
        super().on_body(b"")

    def send_400_response(self, msg: str) -> None:
        """See HttpToolsProtocol: what came is no HTTP."""
        self._refuse(BadRequest(msg))

    def _await_header(self) -> None:
        if self._header_timer is None:
            self._header_size = 0
            self._header_timer = self.loop.call_later(self._header_timeout, self._give_up)

    def _header_is_in(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _is_forgotten(self) -> bool:
        """No request is being served and no timer runs.

        That is so after the rest of a body that nobody wanted, or a stray line end: uvicorn
        stops its timer at each byte, and starts it at the end of an answer only.
        """
        timers = (self._header_timer, self.timeout_keep_alive_task)
        return self._unanswered() is None and timers == (None, None)

    def _unanswered(self) -> RequestResponseCycle | None:
        """The request that is being served."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first one
        return None if cycle is None or cycle.response_complete else cycle

    def _give_up(self) -> None:
        self._header_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, error: S3Error) -> None:
        """Answer and close, unless an answer is on its way that this would end up in."""
        self._header_is_in()
        unanswered = self._unanswered()
        if unanswered is None or not unanswered.response_started:
            self.transport.write(_refusal(error, self.server_state.default_headers))
        self.transport.close()


def _announces_body(name: bytes, value: bytes) -> bool:
    return name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")


def _refusal(error: S3Error, more: list[tuple[bytes, bytes]]) -> bytes:
    """A whole answer, for what never became a request."""
    request_id = new_request_id()
    response = error_response(error, "/", request_id, request_id)
    complete_headers(
        response,
        request_id=request_id,
        host_id=request_id,
        bucket_region=None,
        is_head=False,
        close=True,
    )
    status = HTTPStatus(response.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
    lines += [name + b": " + value for name, value in more]
    lines += [f"{name.lower()}: {value}".encode("latin-1") for name, value in response.headers]
    return b"\r\n".join([*lines, b"", cast("bytes", response.body)])


class _Stopping:
    """A flag that all processes of a server see, without a lock that a killed one could keep."""

    def __init__(self) -> None:
        self._value = _SPAWN.RawValue(ctypes.c_bool, False)

    def is_set(self) -> bool:
        """See Flag."""
        return self._value.value

    def set(self) -> None:
        """Set it for good."""
        self._value.value = True


class _Single(uvicorn.Server):
    """A server without workers."""

    def __init__(self, config: uvicorn.Config, stop: "_Stop") -> None:
        super().__init__(config)
        self._stop = stop

    async def main_loop(self) -> None:
        """See Server: it ends when the server is to stop taking requests."""
        await super().main_loop()
        self._stop.flag.set()
        for tick in range(math.ceil(self._stop.drain / _TICK)):
            if self.force_exit:
                return
            await asyncio.sleep(_TICK)
            await self.on_tick(tick)


class _Workers(Multiprocess):
    """Several processes that share the ports."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], stop: "_Stop") -> None:
        super().__init__(config, sockets)
        self._stop = stop
        for number in HANDLED_SIGNALS:
            signal.signal(number, self._told)

    def _told(self, number: int, frame: FrameType | None) -> None:
        """Say at once that it stops: the rest may wait for a worker that does not answer."""
        del frame
        self._stop.flag.set()
        self.signal_queue.append(number)

    def terminate_all(self) -> None:
        """See Multiprocess: the first step of its end."""
        self._stop.flag.set()
        time.sleep(self._stop.drain)
        super().terminate_all()


@dataclass(frozen=True, slots=True)
class _Stop:
    """How a server stops: `flag` is set, and the ports close `drain` seconds later."""

    flag: _Stopping
    drain: float


def serve(settings: Settings) -> None:
    """Run the gateway until it is told to stop (SIGINT, SIGTERM).

    Raises ConfigError if it cannot listen.
    """
    server = settings.server
    _check_tls(server)
    asyncio.run(_try_out(settings))
    stop = _Stop(_Stopping(), server.drain)
    with ExitStack() as stack:
        listening = stack.enter_context(_listen("server", server.host, server.port))
        _limit_unread(listening, server.body_timeout)
        config = _config(settings, stop.flag, _operator_port(settings, stop.flag, stack))
        if server.workers > 1:
            _Workers(config, [listening], stop).run()
        else:
            _Single(config, stop).run(sockets=[listening])


def _operator_port(settings: Settings, stopping: Flag, stack: ExitStack) -> OperatorPort | None:
    """The port for whoever runs the gateway, if there shall be one; raises ConfigError."""
    metrics = settings.metrics
    if metrics.port is None:
        return None
    listening = stack.enter_context(_listen("metrics", metrics.host, metrics.port))
    peers = None
    if settings.server.workers > 1:
        peers = Path(stack.enter_context(TemporaryDirectory(prefix="s3gw-")))
    host, port = listening.getsockname()[:2]
    _log.info("operator port", host=host, port=port)
    return OperatorPort(listening, stopping, peers)


def _config(settings: Settings, stopping: Flag, port: OperatorPort | None) -> uvicorn.Config:
    server = settings.server
    return uvicorn.Config(
        functools.partial(create_worker, settings, port),
        factory=True,
        loop="uvloop",
        http=functools.partial(  # type: ignore[arg-type]  # uvicorn only ever calls it
            GuardedProtocol,
            header_limit=settings.limits.header_size * _SLACK,
            header_timeout=server.header_timeout,
            stopping=stopping,
        ),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(server.idle_timeout),
        timeout_graceful_shutdown=math.ceil(server.grace),
        timeout_worker_healthcheck=_PATIENCE,
        workers=server.workers,
        ssl_certfile=server.tls_certificate,
        ssl_keyfile=server.tls_key,
        ssl_keyfile_password=_key_password(server),
    )


def _key_password(server: Server) -> str | None:
    path = server.tls_key_password_file
    return None if path is None else read_secret("server.tls_key_password_file", path)


async def _try_out(settings: Settings) -> None:
    """Make and close what each worker will have, for the ConfigErrors that only show then."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        pass


def _check_tls(server: Server) -> None:
    """Load the certificate now, so that a bad one is one line and not a worker's traceback."""
    if server.tls_certificate is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Without a passphrase OpenSSL would ask the terminal for one.
    password = _key_password(server) or ""
    try:
        context.load_cert_chain(server.tls_certificate, server.tls_key, password)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"server.tls_certificate, server.tls_key: {error}") from error


def _listen(section: str, host: str, port: int) -> socket.socket:
    """A listening socket; `section` is where the settings host and port stand."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
        listening.set_inheritable(True)
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"{section}.host, {section}.port: cannot listen on {host}:{port}: {error.strerror}"
        ) from error
    return listening


def _limit_unread(listening: socket.socket, seconds: float) -> None:
    """End each of its connections on which the other side takes nothing for so long."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # on Linux, where connections inherit it
        unread = math.ceil(seconds * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread)
