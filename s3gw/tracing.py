"""Traces for OpenTelemetry: a span a request, and below it one for each question it asks.

The rule: this module is loaded where traces are wanted (`tracing.endpoint`), and by nobody else.
A request belongs to a trace that is under way only if a trusted proxy says so, and no header of
that goes to Swift or Keystone.  Nothing in a span is a key of an object, a secret, a token or a
signature; of what fails it has the kind and not the words.
https://opentelemetry.io/docs/specs/semconv/
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

import anyio.to_thread
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from s3gw import __version__
from s3gw.config import Settings
from s3gw.identity.model import Credential, Provider, SwiftLogin
from s3gw.observe import Exchange
from s3gw.s3.forwarded import Network, is_trusted
from s3gw.swift.transport import SwiftResponse, Traffic, Transport, Upload

T = TypeVar("T")

_PATIENCE = 3.0  # seconds for a batch of spans, also for the last one of a server that stops
_KINDS = {3: "account", 4: "container"}
"""What a URL of Swift names, by the number of its path's pieces; an object has more."""


def open_exporter(endpoint: str) -> SpanExporter:
    """Where the spans go; the SDK's own variables (OTEL_EXPORTER_OTLP_HEADERS) count, too."""
    return OTLPSpanExporter(endpoint=endpoint, timeout=_PATIENCE)


class Tracing:
    """The spans of one worker."""

    def __init__(self, settings: Settings) -> None:
        """`tracing.endpoint` has to be set."""
        self._trusted = settings.proxy.trusted
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "s3gw", "service.version": __version__}),
            sampler=ParentBased(TraceIdRatioBased(settings.tracing.sample)),
            shutdown_on_exit=False,
        )
        exporter = open_exporter(settings.tracing.endpoint or "")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("s3gw", __version__)

    def requests(self, gateway: ASGIApp) -> ASGIApp:
        """The gateway with a span around each request."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            with self._tracer.start_as_current_span(
                scope["method"],
                _told_context(scope, self._trusted),
                SpanKind.SERVER,
                record_exception=False,
                set_status_on_exception=False,
            ):
                await gateway(scope, receive, send)

        return traced

    def transport(self, transport: Transport) -> Transport:
        """The way to Swift with a span around each request, up to the header of its answer."""
        return _TracedTransport(transport, self._tracer)

    def identity(self, provider: Provider) -> Provider:
        """The provider with a span around each question."""
        return _TracedProvider(provider, self._tracer)

    @staticmethod
    def note(exchange: Exchange) -> None:
        """Tell the span of the task's request what the request was; it has had its answer."""
        span = get_current_span()
        if not span.is_recording():
            return
        if exchange.operation:
            span.update_name(exchange.operation)
        told: dict[str, str | int] = {
            "rpc.system": "aws-api",
            "rpc.service": "S3",
            "rpc.method": exchange.operation,
            "aws.request_id": exchange.request_id,
            "aws.s3.bucket": exchange.bucket,
            "http.request.method": exchange.method,
            "http.request.body.size": exchange.received,
            "http.response.body.size": exchange.delivery.size,
            "http.response.status_code": exchange.status,
            "client.address": exchange.client,
            "error.type": exchange.error.code if exchange.error else "",
        }
        span.set_attributes({name: value for name, value in told.items() if value != ""})
        if exchange.status >= 500 or not exchange.is_whole:
            span.set_status(StatusCode.ERROR)

    async def aclose(self) -> None:
        """Send what is left; it takes no longer than a batch may take."""
        await anyio.to_thread.run_sync(self._provider.shutdown)


def _told_context(scope: Scope, trusted: tuple[Network, ...]) -> Context:
    """The trace that a trusted proxy says the request belongs to; else an empty one."""
    client = scope["client"]
    if not trusted or client is None or not is_trusted(client[0], trusted):
        return Context()
    told = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in {b"traceparent", b"tracestate"}
    }
    return TraceContextTextMapPropagator().extract(told, Context())


@contextmanager
def _question(tracer: Tracer, name: str, attributes: Mapping[str, str]) -> Iterator[Span]:
    """A span around something that is asked; what is raised is its error, without its words."""
    with tracer.start_as_current_span(
        name,
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


class _TracedTransport:
    """See Tracing.transport."""

    def __init__(self, transport: Transport, tracer: Tracer) -> None:
        self._transport = transport
        self._tracer = tracer

    @property
    def traffic(self) -> Traffic:
        """See Transport."""
        return self._transport.traffic

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Upload | None = None,
        *,
        extra_time: float = 0.0,
    ) -> SwiftResponse:
        """See Transport."""
        parts = urlsplit(url)
        pieces = len(parts.path.split("/"))
        kind = "info" if parts.path.endswith("/info") and pieces == 2 else _KINDS.get(pieces)
        attributes = {"http.request.method": method, "server.address": parts.netloc}
        with _question(self._tracer, f"Swift {method} {kind or 'object'}", attributes) as span:
            response = await self._transport.request(
                method, url, headers, body, extra_time=extra_time
            )
            span.set_attribute("http.response.status_code", response.status)
            span.set_attribute("swift.transaction", response.headers.get("X-Trans-Id", ""))
            if response.status >= 500:
                span.set_status(StatusCode.ERROR)
            return response

    async def aclose(self) -> None:
        """See Transport."""
        await self._transport.aclose()


class _TracedProvider:
    """See Tracing.identity."""

    def __init__(self, provider: Provider, tracer: Tracer) -> None:
        self._provider = provider
        self._tracer = tracer

    async def credential(self, access_key: str) -> Credential | None:
        """See Provider."""
        return await self._asked("secret", lambda: self._provider.credential(access_key))

    async def login(self, credential: Credential) -> SwiftLogin:
        """See Provider."""
        return await self._asked("token", lambda: self._provider.login(credential))

    async def project_name(self, project_id: str) -> str | None:
        """See Provider."""
        return await self._asked("project", lambda: self._provider.project_name(project_id))

    async def aclose(self) -> None:
        """See Provider."""
        await self._provider.aclose()

    async def _asked(self, what: str, ask: Callable[[], Awaitable[T]]) -> T:
        with _question(self._tracer, f"Keystone {what}", {}):
            return await ask()
