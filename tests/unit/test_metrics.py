"""Metrics: what a request and its surroundings leave behind, in Prometheus' words."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from s3gw.call import Incidents
from s3gw.config import Limits
from s3gw.metrics import Metrics, Sources, merged
from s3gw.observe import Exchange, Times
from s3gw.s3.errors import NoSuchKey
from s3gw.slots import Slots
from s3gw.swift.transport import Traffic

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def sources(**parts: Any) -> Sources:
    """A worker to which nothing has happened, but for the parts given."""
    idle = {
        "slots": Slots(Limits()),
        "traffic": Traffic(),
        "credentials": SimpleNamespace(hits=0, misses=0, stale_uses=0, is_silent=False),
        "logins": SimpleNamespace(hits=0, misses=0, minted=0),
        "caches": {},
        "incidents": Incidents(),
        "background": [],
    }
    return Sources(**cast("Any", {**idle, **parts}))


def samples(text: str) -> Samples:
    """Every sample of a text, as Prometheus' own parser reads it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float:
    return samples(text)[name, frozenset(labels.items())]


def ended(operation: str, status: int, **facts: Any) -> Exchange:
    """An exchange at its end."""
    exchange = Exchange("1", "192.0.2.1", operation=operation, status=status, is_whole=True)
    for name, fact in facts.items():
        setattr(exchange, name, fact)
    return exchange


def told() -> dict[str, set[str]]:
    """The names of the labels that a worker's samples have, by each sample's name."""
    everything = sources(caches={"buckets": SimpleNamespace(hits=1, misses=1)})
    everything.traffic.note("GET", 200)
    metrics = Metrics(everything)
    metrics.note(ended("GetObject", 404, error=NoSuchKey()), Times(1, 1, 1, 1, 1))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(merged({"1": metrics.text()})):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_a_request_is_counted_by_operation_status_and_code() -> None:
    metrics = Metrics(sources())
    for _ in range(3):
        metrics.note(ended("GetObject", 200), Times(0.02, 0.004, 0, 0.016, 0))
    metrics.note(ended("GetObject", 404, error=NoSuchKey()), Times(0.02, 0.004, 0, 0.016, 0))
    metrics.note(ended("", 400), Times(0.001, 0.001, 0, 0, 0))
    text = metrics.text()
    assert value(text, "s3gw_requests_total", operation="GetObject", status="200") == 3
    assert value(text, "s3gw_requests_total", operation="GetObject", status="404") == 1
    assert value(text, "s3gw_requests_total", operation="none", status="400") == 1
    assert value(text, "s3gw_errors_total", code="NoSuchKey") == 1


def test_a_requests_time_is_told_in_all_and_in_parts() -> None:
    metrics = Metrics(sources())
    metrics.note(ended("PutObject", 200), Times(1.5, 0.2, 0, 0.3, 1.0))
    text = metrics.text()
    assert value(text, "s3gw_request_seconds_sum", operation="PutObject") == 1.5
    assert value(text, "s3gw_request_seconds_bucket", operation="PutObject", le="1.0") == 0
    assert value(text, "s3gw_request_seconds_bucket", operation="PutObject", le="2.5") == 1
    parts = {
        part: value(text, "s3gw_request_part_seconds_sum", operation="PutObject", part=part)
        for part in ("gateway", "keystone", "swift", "client")
    }
    assert parts == {"gateway": 0.2, "keystone": 0, "swift": 0.3, "client": 1.0}
    # Who did not wait for Keystone says nothing of how long that takes.
    name = "s3gw_request_part_seconds_count"
    assert value(text, name, operation="PutObject", part="keystone") == 0
    assert value(text, name, operation="PutObject", part="swift") == 1


def test_bytes_and_answers_that_broke_off_are_counted() -> None:
    metrics = Metrics(sources())
    exchange = ended("GetObject", 200, wire=SimpleNamespace(received=7), is_whole=False)
    exchange.delivery.size = 1000
    metrics.note(exchange, Times(1, 1, 0, 0, 0))
    metrics.note(ended("GetObject", 0, is_whole=False), Times(1, 1, 0, 0, 0))  # cut off
    text = metrics.text()
    assert value(text, "s3gw_body_bytes_total", operation="GetObject", direction="in") == 7
    assert value(text, "s3gw_body_bytes_total", operation="GetObject", direction="out") == 1000
    assert value(text, "s3gw_broken_answers_total") == 1
    assert value(text, "s3gw_requests_total", operation="GetObject", status="0") == 1


COUNTED = {
    ("s3gw_requests_in_flight",): 1,
    ("s3gw_requests_refused_total", "limit", "worker"): 2,
    ("s3gw_requests_refused_total", "limit", "key"): 3,
    ("s3gw_background_tasks",): 4,
    ("s3gw_swift_answers_total", "method", "GET", "status", "200"): 2,
    ("s3gw_swift_answers_total", "method", "PUT", "status", "503"): 1,
    ("s3gw_swift_unanswered_total",): 5,
    ("s3gw_swift_repeats_total",): 6,
    ("s3gw_aborted_uploads_total",): 7,
    ("s3gw_cache_lookups_total", "cache", "buckets", "result", "hit"): 8,
    ("s3gw_cache_lookups_total", "cache", "buckets", "result", "miss"): 9,
    ("s3gw_late_parts_total",): 10,
    ("s3gw_stale_secrets_served_total",): 11,
    ("s3gw_keystone_silent",): 1,
    ("s3gw_tokens_minted_total",): 12,
}


def test_what_others_count_is_read_when_it_is_asked_for() -> None:
    everything = sources(caches={"buckets": SimpleNamespace(hits=0, misses=0)})
    metrics = Metrics(everything)
    before = samples(metrics.text())
    _happen(everything)
    text = metrics.text()
    for (name, *labels), number in COUNTED.items():
        named = dict(zip(labels[::2], labels[1::2], strict=True))
        assert value(text, name, **named) == number
        # What can only be seen once it has happened is not there before.
        assert before.get((name, frozenset(named.items())), 0) == 0


def _happen(everything: Any) -> None:
    everything.slots.enter()
    everything.slots.refused, everything.slots.refused_by_key = 2, 3
    everything.background.extend("abcd")
    traffic = everything.traffic
    for method, status in (("GET", 200), ("GET", 200), ("PUT", 503)):
        traffic.note(method, status)
    traffic.unanswered, traffic.repeats, traffic.cut_uploads = 5, 6, 7
    cache = everything.caches["buckets"]
    cache.hits, cache.misses = 8, 9
    everything.incidents.late_parts = 10
    everything.credentials.stale_uses, everything.credentials.is_silent = 11, True
    everything.logins.minted = 12


@pytest.fixture
def texts() -> dict[str, str]:
    """Of two workers, of which the second has seen an operation more."""
    first, second = Metrics(sources()), Metrics(sources())
    first.note(ended("GetObject", 200), Times(0.1, 0.1, 0, 0, 0))
    second.note(ended("GetObject", 200), Times(0.1, 0.1, 0, 0, 0))
    second.note(ended("PutObject", 200), Times(0.1, 0.1, 0, 0, 0))
    return {"11": first.text(), "22": second.text()}


def test_the_workers_of_a_server_are_told_apart(texts: dict[str, str]) -> None:
    text = merged(texts)
    found = samples(text)
    # Nothing is lost or added, and each sample has its worker.
    apart = {
        (name, labels | {("worker", worker)}): number
        for worker, one in texts.items()
        for (name, labels), number in samples(one).items()
    }
    assert found == apart
    assert value(text, "s3gw_requests_in_flight", worker="11") == 0


def test_each_family_is_told_once(texts: dict[str, str]) -> None:
    lines = merged(texts).splitlines()
    heads = [line for line in lines if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads)) > 15
    names = [line.split()[2] for line in heads]
    # A family's samples follow its head: Prometheus wants them together.
    current = ""
    for line in lines:
        if line.startswith("# TYPE"):
            current = line.split()[2]
        elif not line.startswith("#"):
            assert line.startswith(current)
    assert names
