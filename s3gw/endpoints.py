"""The operator's port: /-/health, /-/ready and /-/metrics, beside the port that serves S3.

The rule: it answers whatever the S3 port is doing, and tells no secret.  All workers listen on
the one port; whichever is asked for metrics asks the others, over sockets in a directory that
only their user may enter.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Protocol

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, web

from s3gw.metrics import CONTENT_TYPE, merged
from s3gw.readiness import Readiness

_PATIENCE = 2.0  # seconds that another worker has to tell its metrics
PATHS = _HEALTH, _READY, _METRICS = "/-/health", "/-/ready", "/-/metrics"
"""What it answers."""


class Flag(Protocol):
    """Something that is set once, as an Event."""

    def is_set(self) -> bool:
        """Whether it is set."""


@dataclass(frozen=True, slots=True)
class OperatorPort:
    """What the workers of one server share."""

    listening: socket
    stopping: Flag
    """The server was told to stop."""
    peers: Path | None
    """Where the workers' own sockets are; None if there is one worker."""


@asynccontextmanager
async def opened(
    port: OperatorPort, readiness: Readiness, metrics: Callable[[], str]
) -> AsyncIterator[None]:
    """Serve the port until the end of the block; `metrics`: this worker's."""
    endpoints = _Endpoints(readiness, metrics, port.peers)
    runners = [await _serve(endpoints.shared(), port.listening)]
    if port.peers is not None:
        own = port.peers / _name(os.getpid())
        own.unlink(missing_ok=True)
        runners.append(await _serve(endpoints.own(), own))
    try:
        yield
    finally:
        for runner in runners:
            await runner.cleanup()
        if port.peers is not None:
            (port.peers / _name(os.getpid())).unlink(missing_ok=True)


async def _serve(app: web.Application, where: socket | Path) -> web.AppRunner:
    app.on_response_prepare.append(_sign)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
    await runner.setup()
    if isinstance(where, Path):
        await web.UnixSite(runner, str(where)).start()
    else:
        await web.SockSite(runner, where).start()
    return runner


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    del request
    response.headers["Server"] = "s3gw"  # and not the versions of what it is made of


def _name(worker: int) -> str:
    return f"{worker}.sock"


class _Endpoints:
    def __init__(
        self, readiness: Readiness, metrics: Callable[[], str], peers: Path | None
    ) -> None:
        self._readiness = readiness
        self._metrics_of_this = metrics
        self._peers = peers

    def shared(self) -> web.Application:
        """What operators see."""
        app = web.Application()
        app.router.add_get(_HEALTH, self._health)
        app.router.add_get(_READY, self._ready)
        app.router.add_get(_METRICS, self._metrics)
        return app

    def own(self) -> web.Application:
        """What the other workers see."""
        app = web.Application()
        app.router.add_get(_METRICS, self._own_metrics)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text="ok\n")

    async def _ready(self, request: web.Request) -> web.Response:
        del request
        verdict = await self._readiness.verdict()
        document = {"ready": verdict.is_ready, **verdict.backends}
        return web.json_response(document, status=200 if verdict.is_ready else 503)

    async def _own_metrics(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text=self._metrics_of_this())

    async def _metrics(self, request: web.Request) -> web.Response:
        del request
        me = str(os.getpid())
        found = [] if self._peers is None else sorted(self._peers.glob("*.sock"))
        others = [path for path in found if path.stem != me]
        texts = await asyncio.gather(*map(_ask, others))
        told = {path.stem: text for path, text in zip(others, texts, strict=True) if text}
        text = merged({me: self._metrics_of_this(), **told})
        return web.Response(body=text.encode("utf-8"), headers={"Content-Type": CONTENT_TYPE})


async def _ask(path: Path) -> str:
    """Another worker's metrics; empty if it does not tell, and has perhaps ended."""
    timeout = ClientTimeout(total=_PATIENCE)
    with suppress(ClientError, OSError, TimeoutError):
        async with (
            ClientSession(connector=UnixConnector(str(path)), timeout=timeout) as session,
            session.get(f"http://worker{_METRICS}") as response,
        ):
            return await response.text()
    return ""
