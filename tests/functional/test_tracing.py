"""Traces: a span a request, one for each question below it, and nothing of them anywhere else."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from s3gw import tracing
from s3gw.app import create_app
from s3gw.config import ConfigError
from tests.functional.gateway import Running, running, settings_for
from tests.functional.payloads import BUFFER_SIZE, UNSIGNED, Body, prepared, put
from tests.functional.rawclient import Keys, ask, keys_of, sign
from tests.functional.secrecy import SESSION, Secrecy
from tests.functional.server import free_port
from tests.functional.stack import Stack

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TOLD = [("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "vendor=1"), ("baggage", "a=b")]
NOWHERE = {"endpoint": "http://127.0.0.1:9/v1/traces"}


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where the spans of the test's gateways end up when those have ended."""
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(tracing, "open_exporter", lambda _: exporter)
    return exporter


@pytest.fixture
def keys(stack: Stack) -> Keys:
    return keys_of(stack)


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def of_requests(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    """The spans of requests, by their ids."""
    return {told(one)["aws.request_id"]: one for one in spans if one.kind is SpanKind.SERVER}


def below(spans: Sequence[ReadableSpan], parent: ReadableSpan) -> list[ReadableSpan]:
    """The spans of what a request asked, in order."""
    assert parent.context is not None
    found = [one for one in spans if one.parent and one.parent.span_id == parent.context.span_id]
    return sorted(found, key=lambda one: one.start_time or 0)


def test_a_request_is_a_span_and_each_question_a_span_below_it(
    stack: Stack, exporter: InMemorySpanExporter, bucket: str, keys: Keys
) -> None:
    with running(settings_for(stack, tracing=NOWHERE)) as gateway, gateway.watched() as wire:
        url = f"{gateway.endpoint}/{bucket}/a%20key"
        body = Body(mode=UNSIGNED, data=bytes(BUFFER_SIZE + 1))
        stored = put(gateway.endpoint, prepared(keys, url, body))
        found = ask(gateway.endpoint, sign(keys, "GET", url))
    spans = exporter.get_finished_spans()
    by_id = of_requests(spans)
    assert len(by_id) == 2
    one, two = (by_id[reply.headers["x-amz-request-id"]] for reply in (stored, found))
    assert (one.name, two.name) == ("PutObject", "GetObject")
    assert told(one) == {
        "rpc.system": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "PutObject",
        "aws.request_id": stored.headers["x-amz-request-id"],
        "aws.s3.bucket": bucket,
        "http.request.method": "PUT",
        "http.request.body.size": BUFFER_SIZE + 1,
        "http.response.body.size": 0,
        "http.response.status_code": 200,
        "client.address": "127.0.0.1",
    }
    assert (one.parent, two.parent) == (None, None)
    # The first one needs the key's secret and a token, and the second one only the object.
    names = [span.name for span in below(spans, one)]
    assert names[:2] == ["Keystone secret", "Keystone token"]
    (last,) = below(spans, two)
    assert (last.name, last.kind) == ("Swift GET object", SpanKind.CLIENT)
    assert told(last)["http.response.status_code"] == 200
    assert told(last)["swift.transaction"] == found.headers["x-amz-id-2"]
    questions = [span.name for span in spans if span.name.startswith("Swift ")]
    asked = [*wire.sent, *wire.beside]
    assert sum(not name.endswith(" info") for name in questions) == len(asked)
    assert one.resource.attributes["service.name"] == "s3gw"


def test_what_fails_is_an_error_in_its_span(
    stack: Stack, exporter: InMemorySpanExporter, bucket: str, keys: Keys
) -> None:
    swift = {"storage_url_template": f"http://127.0.0.1:{free_port()}/v1/AUTH_{{project_id}}"}
    with running(settings_for(stack, tracing=NOWHERE, swift=swift)) as gateway:
        url = f"{gateway.endpoint}/{bucket}/secretive"
        silent = ask(gateway.endpoint, sign(keys, "GET", url))
        wrong = Keys(keys.access_key, "wrong", keys.region)
        refused = ask(gateway.endpoint, sign(wrong, "GET", url))
    assert (silent.status, refused.status) == (503, 403)
    spans = exporter.get_finished_spans()
    one, two = (
        of_requests(spans)[reply.headers["x-amz-request-id"]] for reply in (silent, refused)
    )
    assert (told(one)["error.type"], one.status.status_code) == (
        "ServiceUnavailable",
        StatusCode.ERROR,
    )
    assert (told(two)["error.type"], two.status.status_code) == (
        "SignatureDoesNotMatch",
        StatusCode.UNSET,
    )
    last = below(spans, one)[-1]
    assert (told(last)["error.type"], last.status.status_code) == (
        "SwiftUnreachable",
        StatusCode.ERROR,
    )
    assert not last.events


def everything(gateway: Running, bucket: str, keys: Keys) -> None:
    """A request of each kind that may have secrets in it, with a trace that a client made up."""
    for method, path in (
        ("GET", "/"),
        ("PUT", f"/{bucket}/key-of-an-object"),
        ("GET", f"/{bucket}"),
    ):
        length = [("Content-Length", "0")] if method == "PUT" else []
        ask(gateway.endpoint, sign(keys, method, gateway.endpoint + path), more=[*length, *TOLD])


def test_nothing_of_a_trace_reaches_swift_and_no_secret_or_key_a_span(
    stack: Stack, exporter: InMemorySpanExporter, bucket: str, keys: Keys
) -> None:
    proxy = {"trusted": ["127.0.0.1"]}
    for given in ({}, {"proxy": proxy}):
        settings = settings_for(stack, tracing=NOWHERE, **given)
        with running(settings) as gateway, gateway.watched() as wire:
            everything(gateway, bucket, keys)
            sent = [name.lower() for sent in wire.sent for name in sent.headers]
            assert sent
            assert not {"traceparent", "tracestate", "baggage"} & set(sent)
    spans = exporter.get_finished_spans()
    text = "".join(span.to_json() for span in spans)
    watch = Secrecy(secrets=dict(SESSION.secrets))
    assert watch.secrets
    watch.note(text)
    assert watch.leaks() == {}
    assert bucket in text
    for private in ("key-of-an-object", keys.access_key):
        assert private not in text
    SESSION.note(text)


@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_trusted_proxy_tells_the_trace(
    stack: Stack, exporter: InMemorySpanExporter, bucket: str, keys: Keys, *, trusted: bool
) -> None:
    proxy = {"trusted": ["127.0.0.1"] if trusted else ["192.0.2.1"]}
    settings = settings_for(stack, tracing={**NOWHERE, "sample": 0}, proxy=proxy)
    with running(settings) as gateway:
        ask(gateway.endpoint, sign(keys, "HEAD", f"{gateway.endpoint}/{bucket}"), more=TOLD)
        ask(gateway.endpoint, sign(keys, "HEAD", f"{gateway.endpoint}/{bucket}"))
    found = of_requests(exporter.get_finished_spans())
    assert len(found) == trusted  # nothing else is traced, since the share is 0
    for span in found.values():
        assert span.context is not None
        assert span.parent is not None
        assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)


@contextmanager
def collector(received: list[ExportTraceServiceRequest]) -> Iterator[str]:
    """A collector of traces, as an OTLP exporter finds it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            length = int(self.headers["Content-Length"])
            message = ExportTraceServiceRequest.FromString(self.rfile.read(length))
            received.append(message)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/traces"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_ends_has_sent_its_spans_to_the_collector(
    stack: Stack, bucket: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    received: list[ExportTraceServiceRequest] = []
    with (
        collector(received) as endpoint,
        running(settings_for(stack, tracing={"endpoint": endpoint})) as gateway,
    ):
        reply = ask(gateway.endpoint, sign(keys, "HEAD", f"{gateway.endpoint}/{bucket}"))
        assert reply.status == 200
    spans = [
        span
        for message in received
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert "HeadBucket" in [span.name for span in spans]


def test_a_collector_that_is_not_there_holds_nobody_up(
    stack: Stack, bucket: str, keys: Keys
) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}/v1/traces"
    with running(settings_for(stack, tracing={"endpoint": endpoint})) as gateway:
        reply = ask(gateway.endpoint, sign(keys, "HEAD", f"{gateway.endpoint}/{bucket}"))
        assert reply.status == 200
        since = time.monotonic()
    assert time.monotonic() - since < 10


def test_who_wants_no_traces_loads_nothing_for_them() -> None:
    code = (
        "import sys, s3gw.server, s3gw.app, s3gw.gateway\n"
        "print([name for name in sys.modules if 'opentelemetry' in name or 'tracing' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert [name for name in eval(done.stdout) if "s3gw" in name or "opentelemetry" in name] == []  # noqa: S307


async def test_traces_without_the_extra_are_a_wrong_setting(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "s3gw.tracing")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    app = create_app(settings_for(stack, tracing=NOWHERE))
    with pytest.raises(ConfigError, match=r"tracing\.endpoint: needs the extra `otel`"):
        async with app.router.lifespan_context(app):
            pass


def test_a_bucket_that_is_none_is_no_long_attribute(
    stack: Stack, exporter: InMemorySpanExporter, keys: Keys
) -> None:
    with running(settings_for(stack, tracing=NOWHERE)) as gateway:
        reply = ask(gateway.endpoint, sign(keys, "GET", f"{gateway.endpoint}/{uuid4().hex * 40}"))
    span = of_requests(exporter.get_finished_spans())[reply.headers["x-amz-request-id"]]
    assert len(told(span)["aws.s3.bucket"]) == 255
