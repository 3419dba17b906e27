"""The gateway inside the test's own process, with a wire to Swift that can be watched and cut.

The rule: the wire is the real one to the real Swift; a test only sees what went over it, and may
step in before or after a request to force what otherwise happens by chance.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import boto3
import uvicorn
from botocore.config import Config

from s3gw.app import create_app, open_transport
from s3gw.call import BESIDE
from s3gw.config import Settings
from s3gw.swift.transport import SwiftResponse, Transport, Upload
from tests.functional.secrecy import SESSION, Overhearing
from tests.functional.stack import Stack

_IDLE = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Sent:
    """One request to Swift: the path is decoded and below the account."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    account: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"


Hook = Callable[[Sent], Awaitable[None]]


@dataclass(slots=True)
class Wire:
    """All requests that went to Swift, and what a test does beside them (on the loop)."""

    sent: list[Sent] = field(default_factory=list)
    beside: list[Sent] = field(default_factory=list)
    """Those that no answer waited for, which are not among `sent`."""
    before: Hook | None = None
    """Runs before a request goes out; what it raises, the gateway gets."""
    after: Hook | None = None
    """Runs when the answer's headers are in."""

    def methods(self) -> list[str]:
        """The methods, in order."""
        return [sent.method for sent in self.sent]


class WatchedTransport:
    """A wire to Swift that writes down what goes over it."""

    def __init__(self, real: Transport, wire: Wire) -> None:
        self._real = real
        self._wire = wire
        self.traffic = real.traffic

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Upload | None = None,
        *,
        extra_time: float = 0.0,
    ) -> SwiftResponse:
        parts = urlsplit(url)
        path = "/" + "/".join(unquote(parts.path).split("/")[3:])
        account = parts.path.removeprefix("/v1/").partition("/")[0]
        sent = Sent(method, path, parts.query, dict(headers), account)
        SESSION.keep("a token", headers.get("X-Auth-Token", ""))
        if not parts.path.endswith("/info"):
            task = asyncio.current_task()
            is_beside = task is not None and task.get_name() == BESIDE
            (self._wire.beside if is_beside else self._wire.sent).append(sent)
        if self._wire.before is not None:
            await self._wire.before(sent)
        response = await self._real.request(method, url, headers, body, extra_time=extra_time)
        if self._wire.after is not None:
            await self._wire.after(sent)
        return response

    async def aclose(self) -> None:
        await self._real.aclose()


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers."""

    endpoint: str
    wire: Wire
    serving: Callable[[], bool]
    """Whether a request is being served."""
    working: Callable[[], bool]
    """Whether work goes on after an answer."""
    metrics: Callable[[], str]
    """What its worker tells Prometheus."""
    tasks: Callable[[], int]
    """Asyncio tasks on its loop."""

    def wait_until_answered(self) -> None:
        """Wait until no request is being served, whatever goes on behind; fails after seconds."""
        self._wait_while(self.serving)

    def wait_until_idle(self, seconds: float = _IDLE) -> None:
        """Wait until there is nothing to do, also behind the answers; fails after seconds."""
        self._wait_while(lambda: self.serving() or self.working(), seconds)

    def _wait_while(self, busy: Callable[[], bool], seconds: float = _IDLE) -> None:
        end = time.monotonic() + seconds
        while busy():
            assert time.monotonic() < end, "the gateway is still busy"
            time.sleep(0.005)

    @contextmanager
    def watched(self) -> Iterator[Wire]:
        """The wire with nothing sent yet; its hooks go at the end."""
        self.wait_until_idle()
        self.wire.sent.clear()
        self.wire.beside.clear()
        try:
            yield self.wire
        finally:
            self.wire.before = self.wire.after = None


def settings_for(stack: Stack, **sections: Any) -> Settings:
    """Settings of a gateway over the stack's Keystone and Swift; sections are merged in."""
    identity = {
        "auth_url": stack.keystone.auth_url,
        "service": {
            "username": stack.service_user.name,
            "password": stack.service_user.password,
            "user_domain_id": "default",
            "system_scope": "all",
        },
        **sections.pop("identity", {}),
    }
    document = {"s3": {"region": stack.region}, **sections, "identity": identity}
    return Settings.model_validate(document)


@contextmanager
def running(settings: Settings, grace: int | None = None) -> Iterator[Running]:
    """A gateway with these settings, on a free port, until the end of the block.

    `grace`: seconds that requests have at that end.
    """
    wire = Wire()
    loops: list[asyncio.AbstractEventLoop] = []

    def watched(given: Settings) -> WatchedTransport:
        loops.append(asyncio.get_running_loop())
        return WatchedTransport(open_transport(given), wire)

    app = create_app(settings, watched)
    config = uvicorn.Config(
        Overhearing(app), port=0, http="httptools", ws="none", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, lifespan="on", timeout_graceful_shutdown=grace,
        timeout_keep_alive=60,  # on a busy machine a client may pause for uvicorn's own 5 s
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="gateway", daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the gateway did not start"
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        tasks = server.server_state.tasks
        background = app.state.background
        endpoint = f"http://127.0.0.1:{port}"
        yield Running(
            endpoint,
            wire,
            lambda: bool(tasks),
            lambda: bool(background),
            app.state.metrics.text,
            lambda: len(asyncio.all_tasks(loops[0])),
        )
    finally:
        server.should_exit = True
        thread.join(20)


def s3_client(endpoint: str, stack: Stack, **config: Any) -> Any:
    """A boto3 client of the stack's user that repeats nothing by itself.

    `config`: options of botocore.config.Config; `access_key`, `secret_key` for another user.
    """
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=stack.region,
        aws_access_key_id=config.pop("access_key", stack.access_key),
        aws_secret_access_key=config.pop("secret_key", stack.secret_key),
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def new_bucket(s3: Any) -> str:
    """Make a bucket; its name."""
    name = f"bucket-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name
