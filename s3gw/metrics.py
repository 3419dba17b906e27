"""What an operator can watch, in Prometheus' words.

The rule: a request pays for a few increments of values that are there already.  Whatever others
count for themselves is read when somebody asks for it.  No label holds what a client chose: names
of buckets, keys and access keys are without bound.
"""

from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from s3gw import __version__
from s3gw.call import Incidents
from s3gw.identity.cache import Credentials, Logins
from s3gw.observe import Exchange, Times
from s3gw.slots import Slots
from s3gw.swift.transport import Traffic

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_NO_OPERATION = "none"
"""What stands for the operation of a request that named none."""
_ALARMING = ("InternalError", "ServiceUnavailable", "SlowDown")
_SECONDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0
)  # fmt: skip

disable_created_metrics()  # type: ignore[no-untyped-call]


class Cache(Protocol):
    """Something that remembers, and counts how often that helped."""

    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class Sources:
    """What a worker's parts count for themselves."""

    slots: Slots
    traffic: Traffic
    credentials: Credentials
    logins: Logins
    caches: Mapping[str, Cache]
    """By the name that each has as a label."""
    incidents: Incidents
    background: Sized
    """Tasks that go on after their answer."""


class Metrics:
    """What one worker's requests add up to."""

    def __init__(self, sources: Sources) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "s3gw_requests",
            "Requests that have ended, by operation and HTTP status (0: cut off unanswered).",
            ("operation", "status"),
            registry=self.registry,
        )
        self._errors = Counter(
            "s3gw_errors", "Error answers by S3 code.", ("code",), registry=self.registry
        )
        for code in _ALARMING:  # from 0 on: Prometheus cannot see a series rise to its first value
            self._errors.labels(code)
        self._broken = Counter(
            "s3gw_broken_answers",
            "Answers that were begun and not sent to their end.",
            registry=self.registry,
        )
        self._operations: dict[str, _Operation] = {}
        self._seconds = Histogram(
            "s3gw_request_seconds",
            "From a request's header to the last byte of its answer.",
            ("operation",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._part_seconds = Histogram(
            "s3gw_request_part_seconds",
            "Where requests spent their time: gateway, or waiting for keystone, swift or client. "
            "A request that did not wait for one is not in its count.",
            ("operation", "part"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._bytes = Counter(
            "s3gw_body_bytes",
            "Bytes of requests' (in) and answers' (out) bodies.",
            ("operation", "direction"),
            registry=self.registry,
        )
        self.registry.register(_Counted(sources))
        ProcessCollector(registry=self.registry)

    def note(self, exchange: Exchange, times: Times) -> None:
        """A request has ended."""
        operation = self._operations.get(exchange.operation)
        if operation is None:
            operation = self._operation(exchange.operation)
        operation.by_status(exchange.status).inc()
        operation.total.observe(times.total)
        for histogram, seconds in zip(
            operation.parts,
            (times.gateway, times.keystone, times.swift, times.client),
            strict=True,
        ):
            if seconds:
                histogram.observe(seconds)
        if received := exchange.received:
            operation.received.inc(received)
        if sent := exchange.delivery.size:
            operation.sent.inc(sent)
        if exchange.error is not None:
            self._errors.labels(exchange.error.code).inc()
        if exchange.status and not exchange.is_whole:
            self._broken.inc()

    def text(self) -> str:
        """All there is, in Prometheus' text format."""
        return generate_latest(self.registry).decode("utf-8")

    def _operation(self, name: str) -> "_Operation":
        label = name or _NO_OPERATION
        made = self._operations[name] = _Operation(
            requests=self._requests,
            name=label,
            statuses={},
            total=self._seconds.labels(label),
            parts=tuple(
                self._part_seconds.labels(label, part)
                for part in ("gateway", "keystone", "swift", "client")
            ),
            received=self._bytes.labels(label, "in"),
            sent=self._bytes.labels(label, "out"),
        )
        return made


@dataclass(frozen=True, slots=True)
class _Operation:
    """The values that requests of one operation add to."""

    requests: Counter
    name: str
    statuses: dict[int, Counter]
    total: Histogram
    parts: tuple[Histogram, ...]
    received: Counter
    sent: Counter

    def by_status(self, status: int) -> Counter:
        found = self.statuses.get(status)
        if found is None:
            found = self.statuses[status] = self.requests.labels(self.name, str(status))
        return found


class _Counted(Collector):
    """What others have counted."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        yield from self._load()
        yield from self._swift()
        yield from self._identity()
        lookups = CounterMetricFamily(
            "s3gw_cache_lookups", "Look-ups by cache and result.", labels=("cache", "result")
        )
        for name, cache in self._sources.caches.items():
            lookups.add_metric((name, "hit"), cache.hits)
            lookups.add_metric((name, "miss"), cache.misses)
        yield lookups
        yield CounterMetricFamily(
            "s3gw_late_parts",
            "Parts that were stored after their upload had ended: each may have broken an object.",
            self._sources.incidents.late_parts,
        )

    def _load(self) -> Iterator[Metric]:
        slots = self._sources.slots
        yield GaugeMetricFamily("s3gw_requests_in_flight", "Requests being served.", slots.active)
        yield GaugeMetricFamily(
            "s3gw_background_tasks",
            "Pieces of work that go on behind an answer.",
            len(self._sources.background),
        )
        refused = CounterMetricFamily(
            "s3gw_requests_refused",
            "Requests told to slow down: the worker, or their access key, had enough of them.",
            labels=("limit",),
        )
        refused.add_metric(("worker",), slots.refused)
        refused.add_metric(("key",), slots.refused_by_key)
        yield refused
        info = GaugeMetricFamily("s3gw_build_info", "Always 1.", labels=("version",))
        info.add_metric((__version__,), 1)
        yield info

    def _swift(self) -> Iterator[Metric]:
        traffic = self._sources.traffic
        answers = CounterMetricFamily(
            "s3gw_swift_answers", "Swift's answers.", labels=("method", "status")
        )
        for (method, status), number in traffic.answers.items():
            answers.add_metric((method, str(status)), number)
        yield answers
        yield CounterMetricFamily(
            "s3gw_swift_unanswered",
            "Requests to Swift that ended without an answer.",
            traffic.unanswered,
        )
        yield CounterMetricFamily(
            "s3gw_swift_repeats",
            "Requests to Swift that were sent once more on a new connection.",
            traffic.repeats,
        )
        yield CounterMetricFamily(
            "s3gw_aborted_uploads",
            "Uploads to Swift that were cut on the way, so that nothing was stored.",
            traffic.cut_uploads,
        )

    def _identity(self) -> Iterator[Metric]:
        credentials = self._sources.credentials
        yield CounterMetricFamily(
            "s3gw_tokens_minted",
            "Tokens that Keystone made for users.",
            self._sources.logins.minted,
        )
        yield CounterMetricFamily(
            "s3gw_stale_secrets_served",
            "Times that a secret served beyond secret_ttl since Keystone did not answer.",
            credentials.stale_uses,
        )
        yield GaugeMetricFamily(
            "s3gw_keystone_silent",
            "1 if Keystone did not answer when it was last asked for a secret.",
            float(credentials.is_silent),
        )


def merged(texts: Mapping[str, str]) -> str:
    """The workers' texts as one, each sample with the label `worker`, each family in one place."""
    families: dict[str, list[str]] = {}
    for worker, text in texts.items():
        family: list[str] = []
        is_new = False
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                is_new = name not in families
                family = families.setdefault(name, [])
            if not line.startswith("#"):
                family.append(_with_worker(line, worker))
            elif is_new:
                family.append(line)
    return "".join(f"{line}\n" for lines in families.values() for line in lines)


def _with_worker(sample: str, worker: str) -> str:
    """`name{a="b"} 1` or `name 1`; neither sign can be in a name."""
    name, brace, rest = sample.partition("{")
    if brace and " " not in name:
        return f'{name}{{worker="{worker}",{rest}'
    name, _, value = sample.partition(" ")
    return f'{name}{{worker="{worker}"}} {value}'
