"""The composition root: settings in, an ASGI application out."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from s3gw.buckets.acls import Acls
from s3gw.buckets.cors import CorsRules
from s3gw.buckets.etags import EtagCache
from s3gw.buckets.facts import FactsCache
from s3gw.buckets.release import Releases
from s3gw.buckets.resolve import Names
from s3gw.call import Services
from s3gw.config import Settings
from s3gw.gateway import Gateway
from s3gw.identity.authenticate import Authenticator
from s3gw.identity.keystone import KeystoneProvider
from s3gw.identity.model import Provider
from s3gw.identity.service import ServiceUser
from s3gw.identity.static import StaticProvider
from s3gw.observe import configure_logging
from s3gw.s3.cors import Rule
from s3gw.s3.signature import SignatureRules
from s3gw.swift.http import AiohttpTransport
from s3gw.swift.info import InfoCache
from s3gw.swift.transport import Transport

_PROVIDERS: dict[str, Callable[..., Provider]] = {
    "keystone": KeystoneProvider,
    "static": StaticProvider,
}


def clock() -> float:
    """Seconds since the epoch: the one place that reads the system's clock."""
    return time.time()  # noqa: TID251 - the clock that is injected everywhere


def open_transport(settings: Settings) -> Transport:
    """The way to Swift; called on the event loop that will use it."""
    return AiohttpTransport(settings.swift, stall_timeout=settings.server.body_timeout)


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


def create_app(
    settings: Settings, transport: Callable[[Settings], Transport] = open_transport
) -> Starlette:
    """The gateway as an ASGI application; its connections open and close with its lifespan.

    Starlette's router matches the operator's paths only: S3's need the raw path, so the gateway
    is what is left over.
    """
    configure_logging(settings.log)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # First what may refuse the settings, then what has to be closed.
        make = _PROVIDERS[settings.identity.provider]
        provider = make(settings.identity, settings.swift, clock)
        service = ServiceUser(settings, clock) if settings.buckets.global_names else None
        swift = transport(settings)
        authenticator = Authenticator(
            provider,
            settings.identity,
            SignatureRules(
                settings.s3.region,
                strict_region=settings.s3.strict_region,
                signature_v2=settings.s3.signature_v2,
            ),
            clock,
        )
        facts = FactsCache(settings.buckets.facts_ttl, clock)
        services = Services(
            settings=settings,
            facts=facts,
            cors=CorsRules(swift, default_rules(settings), settings.buckets.facts_ttl, clock),
            etags=EtagCache(),
            info=InfoCache(swift, clock),
            releases=Releases(facts, settings.jobs.min_age, clock),
            clock=clock,
            acls=Acls(settings.access.acl_keys),
            names=(
                None
                if service is None
                else Names(swift, service, settings.buckets.facts_ttl, clock)
            ),
        )
        app.state.background = services.background
        app.router.default = Gateway(services, authenticator, swift)
        try:
            yield
        finally:
            # A multipart upload that is being completed is brought to its end.
            services.releases.stop()
            if services.background:
                await asyncio.wait(services.background, timeout=settings.server.grace)
            await authenticator.aclose()
            if service is not None:
                await service.aclose()
            await swift.aclose()

    app = Starlette(routes=[Route("/-/health", _health)], lifespan=lifespan)
    app.router.redirect_slashes = False
    app.router.default = _starting
    return app


async def _health(request: Request) -> PlainTextResponse:
    del request
    return PlainTextResponse("ok\n")


async def _starting(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("starting\n", status_code=503)(scope, receive, send)
