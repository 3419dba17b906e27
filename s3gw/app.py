"""The composition root: settings in, an ASGI application out."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from s3gw.buckets.acls import Acls
from s3gw.buckets.cors import CorsRules
from s3gw.buckets.etags import EtagCache
from s3gw.buckets.facts import FactsCache
from s3gw.buckets.release import Releases
from s3gw.buckets.resolve import Names
from s3gw.call import Services
from s3gw.config import ConfigError, Settings
from s3gw.endpoints import OperatorPort, opened
from s3gw.gateway import Gateway
from s3gw.identity.authenticate import Authenticator
from s3gw.identity.keystone import KeystoneProvider
from s3gw.identity.model import Provider
from s3gw.identity.project_names import ProjectNames
from s3gw.identity.service import ServiceUser
from s3gw.identity.static import StaticProvider
from s3gw.metrics import Cache, Metrics, Sources
from s3gw.observe import Exchange, Times, configure_logging, log_request
from s3gw.readiness import Readiness, backends
from s3gw.s3.cors import Rule
from s3gw.s3.request import Headers, Request
from s3gw.s3.signature import SignatureRules
from s3gw.s3.target import resolve_target
from s3gw.slots import Slots
from s3gw.swift.http import HttpTransport
from s3gw.swift.info import InfoCache
from s3gw.swift.transport import Transport

if TYPE_CHECKING:
    from s3gw.tracing import Tracing

_PROVIDERS: dict[str, Callable[..., Provider]] = {
    "keystone": KeystoneProvider,
    "static": StaticProvider,
}
_HEALTH = b"/-/health"
# Objects more than before, at which the garbage collector looks at the newest ones; how often
# until it looks at the older ones.  Python's own thresholds, made for small programs, cost 9 % of
# a worker's time.
_COLLECTIONS = (20_000, 20, 20)


def clock() -> float:
    """Seconds since the epoch: the one place that reads the system's clock."""
    return time.time()  # noqa: TID251 - the clock that is injected everywhere


def open_transport(settings: Settings) -> Transport:
    """The way to Swift; called on the event loop that will use it."""
    return HttpTransport(settings.swift, stall_timeout=settings.server.body_timeout)


def default_rules(settings: Settings) -> list[Rule]:
    """The cross-origin rules of buckets without rules of their own."""
    given = settings.cors
    if not given.allowed_origins:
        return []
    return [
        Rule(
            origins=given.allowed_origins,
            methods=given.allowed_methods,
            headers=given.allowed_headers,
            exposed=given.expose_headers,
            max_age=given.max_age,
        )
    ]


@dataclass(frozen=True, slots=True)
class _Worker:
    """What serves: its connections are open, and closed by `aclose`."""

    services: Services
    provider: Provider
    authenticator: Authenticator
    service: ServiceUser | None
    projects: ProjectNames
    swift: Transport
    slots: Slots

    def metrics(self) -> Metrics:
        """Nothing yet, but ready to count."""
        services, authenticator = self.services, self.authenticator
        caches: dict[str, Cache] = {
            "secrets": authenticator.credentials,
            "tokens": authenticator.logins,
            "buckets": services.facts,
            "etags": services.etags,
            "cors": services.cors,
        }
        if services.names is not None:
            caches["names"] = services.names
        return Metrics(
            Sources(
                slots=self.slots,
                traffic=self.swift.traffic,
                credentials=authenticator.credentials,
                logins=authenticator.logins,
                caches=caches,
                incidents=services.incidents,
                background=services.background,
            )
        )

    def readiness(self, port: OperatorPort) -> Readiness:
        """Of this worker, and of the backends as it sees them."""
        found = backends(
            self.services.settings, self.provider, self.authenticator.logins, self.swift
        )
        return Readiness(found, port.stopping.is_set)

    async def aclose(self) -> None:
        """End what goes on behind the answers, and close all connections."""
        # A multipart upload that is being completed is brought to its end.
        self.services.releases.stop()
        if self.services.background:
            grace = self.services.settings.server.grace
            await asyncio.wait(self.services.background, timeout=grace)
        await self.projects.aclose()
        await self.authenticator.aclose()
        if self.service is not None:
            await self.service.aclose()
        await self.swift.aclose()


def create_app(
    settings: Settings,
    transport: Callable[[Settings], Transport] = open_transport,
    port: OperatorPort | None = None,
) -> Starlette:
    """The gateway as an ASGI application; its connections open and close with its lifespan.

    Starlette's router matches nothing: S3's paths need to be raw, so the gateway is what is left
    over.  `port` is served beside it.
    """
    configure_logging(settings.log)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tracing = _tracing(settings)
        worker = _assemble(settings, transport, tracing)
        metrics = worker.metrics()
        gateway = _observed(worker, metrics, tracing)
        app.state.background = worker.services.background
        app.state.metrics = metrics
        app.router.default = partial(_front, gateway, settings.s3.domains)
        try:
            async with AsyncExitStack() as stack:
                if port is not None:
                    readiness = worker.readiness(port)
                    stack.push_async_callback(readiness.aclose)
                    await stack.enter_async_context(opened(port, readiness, metrics.text))
                yield
        finally:
            await worker.aclose()
            if tracing is not None:
                await tracing.aclose()

    app = _Application(lifespan=lifespan)
    app.router.redirect_slashes = False
    app.router.default = _starting
    return app


def create_worker(settings: Settings, port: OperatorPort | None) -> Starlette:
    """The application for a process in which nothing else goes on.

    What is there by now stays, so that the garbage collector need not look at it again.  What
    a request leaves behind is hardly ever a cycle: it looks for those once in a while.
    """
    app = create_app(settings, port=port)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)
    return app


def _observed(worker: _Worker, metrics: Metrics, tracing: "Tracing | None") -> ASGIApp:
    """The gateway, whose requests are counted, logged and, if that is wanted, traced."""

    def ended(exchange: Exchange, times: Times) -> None:
        metrics.note(exchange, times)
        log_request(exchange, times)
        if tracing is not None:
            tracing.note(exchange)

    gateway = Gateway(worker.services, worker.authenticator, worker.swift, worker.slots, ended)
    return gateway if tracing is None else tracing.requests(gateway)


def _tracing(settings: Settings) -> "Tracing | None":
    """What traces, where it is wanted: nobody else needs to have it, or to load it."""
    if settings.tracing.endpoint is None:
        return None
    try:
        from s3gw.tracing import Tracing  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ConfigError(f"tracing.endpoint: needs the extra `otel`: {error}") from error
    return Tracing(settings)


def _assemble(
    settings: Settings,
    transport: Callable[[Settings], Transport],
    tracing: "Tracing | None",
) -> _Worker:
    """Raises ConfigError for what may refuse the settings, before anything has to be closed."""
    make = _PROVIDERS[settings.identity.provider]
    provider = make(settings.identity, settings.swift, clock)
    service = ServiceUser(settings, clock) if settings.buckets.global_names else None
    asked, swift = provider, transport(settings)
    if tracing is not None:
        asked, swift = tracing.identity(provider), tracing.transport(swift)
    projects = ProjectNames(asked.project_name, settings.identity.timeout, clock)
    rules = SignatureRules(
        settings.s3.region,
        strict_region=settings.s3.strict_region,
        signature_v2=settings.s3.signature_v2,
    )
    ttl = settings.buckets.facts_ttl
    facts = FactsCache(ttl, clock)
    services = Services(
        settings=settings,
        facts=facts,
        cors=CorsRules(swift, default_rules(settings), ttl, clock),
        etags=EtagCache(),
        info=InfoCache(swift, clock),
        releases=Releases(facts, settings.jobs.min_age, clock),
        clock=clock,
        acls=Acls(settings.access.acl_keys),
        names=None if service is None else Names(swift, service, projects, ttl, clock),
    )
    return _Worker(
        services=services,
        provider=provider,
        authenticator=Authenticator(asked, settings.identity, rules, clock),
        service=service,
        projects=projects,
        swift=swift,
        slots=Slots(settings.limits),
    )


class _Application(Starlette):
    """Starlette, whose middlewares and routes a request does not pass: it has none of either."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Starlette."""
        if scope["type"] == "http":
            await self.router.default(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def _front(
    gateway: ASGIApp, domains: tuple[str, ...], scope: Scope, receive: Receive, send: Send
) -> None:
    """Everything is S3's but one path, which no bucket can have: `-` is no bucket's name."""
    if scope["raw_path"] == _HEALTH and not _names_a_bucket(scope, domains):
        await PlainTextResponse("ok\n")(scope, receive, send)
    else:
        await gateway(scope, receive, send)


def _names_a_bucket(scope: Scope, domains: tuple[str, ...]) -> bool:
    """Whether the Host names a bucket, of which the path is a key."""
    request = Request(
        scope["method"], scope["raw_path"].decode(), "", Headers.from_bytes(scope["headers"])
    )
    return resolve_target(request, domains).virtual_host


async def _starting(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("starting\n", status_code=503)(scope, receive, send)
