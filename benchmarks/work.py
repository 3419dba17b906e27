"""What is measured: each function is a family of rows, every row done by each front end in turn.

The rule: a round is A B C D, and rounds follow each other, so that what the machine does beside
hits all alike; what is compared are the medians of the rounds, and ratios within a round.
"""

import http.client
import json
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import md5
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from fronts import MODES, Front
from load import Exchange, Run, drive, transfer
from meters import cpu, highest_memory
from populate import fill

KIB, MIB, GIB = 1024, 1024 * 1024, 1024**3
_POOL = 64
_SEGMENTS = 1000  # of one manifest, by Swift's defaults


@dataclass(slots=True)
class Sample:
    """One front end's share of one round."""

    value: float
    """Requests or MiB a second, or seconds: as the row's unit says."""
    more: dict[str, float] = field(default_factory=dict)
    problem: str = ""


@dataclass(slots=True)
class Row:
    """One kind of work; `samples`: front end → a sample a round."""

    name: str
    unit: str
    higher_is_better: bool
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def median(self, front: str, what: str = "") -> float | None:
        good = [s for s in self.samples.get(front, []) if not s.problem]
        values = [s.more[what] if what else s.value for s in good if not what or what in s.more]
        return median(values) if values else None

    def ratios(self, front: str) -> list[float]:
        """Speed relative to the native API's of the same round: above 1 is faster."""
        found = []
        for ours, floor in zip(self.samples.get(front, []), self.samples["native"], strict=False):
            if not ours.problem and not floor.problem and ours.value and floor.value:
                ratio = ours.value / floor.value
                found.append(ratio if self.higher_is_better else 1 / ratio)
        return found

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Lab:
    """Who takes part, and whose CPU time counts."""

    fronts: Sequence[Front]
    processes: tuple[int, ...]
    """Of Keystone and Swift."""
    data: Path
    rounds: int
    seconds: float
    """How long a row of small requests goes on."""
    quick: bool

    def measure(
        self,
        name: str,
        unit: str,
        work: Callable[[Front], Sample],
        *,
        higher: bool,
        rounds: int | None = None,
    ) -> Row:
        """`rounds`: of a row that takes too long for as many as the others."""
        row = Row(name, unit, higher)
        for _ in range(rounds or self.rounds):
            for front in self.fronts:
                if any(s.problem for s in row.samples.get(front.name, [])):
                    continue  # what it cannot do, it cannot do the second time
                own, all_ = cpu(front.own), cpu({*front.own, *self.processes})
                try:
                    sample = work(front)
                except Unable as problem:
                    sample = Sample(0.0, problem=str(problem))
                sample.more["own_cpu"] = cpu(front.own) - own
                sample.more["stack_cpu"] = cpu({*front.own, *self.processes}) - all_
                row.samples.setdefault(front.name, []).append(sample)
        return row


class Unable(Exception):
    """A front end did not do the work."""


def _must(run: Run) -> Run:
    if run.failed:
        raise Unable(", ".join(f"{n} × {status or 'cut'}" for status, n in run.failed.items()))
    return run


# --- small objects ---


def small(lab: Lab) -> Iterator[Row]:
    """GET, HEAD, PUT, DELETE of 1 KiB and 64 KiB at several concurrencies."""
    concurrencies = (1, 16) if lab.quick else (1, 16, 64)
    for size in (KIB, 64 * KIB):
        bucket, body = f"bench-{size}", bytes(size)
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            for concurrency in concurrencies:
                name = f"{method} {size // KIB} KiB, {concurrency} at a time"
                yield lab.measure(
                    name, "requests/s", _small(lab, method, bucket, body, concurrency), higher=True
                )


def _small(
    lab: Lab, method: str, bucket: str, body: bytes, concurrency: int
) -> Callable[[Front], Sample]:
    def work(front: Front) -> Sample:
        if method == "DELETE":
            keys = [f"d-{front.name}-{n}" for n in range(int(40 * lab.seconds) + 4 * concurrency)]
            drive(front.url, [front.exchange("PUT", f"/{bucket}/{k}", body=body) for k in keys], 16)
            exchanges = [front.exchange("DELETE", f"/{bucket}/{key}") for key in keys]
            own, all_ = cpu(front.own), cpu({*front.own, *lab.processes})
            run = _must(drive(front.url, exchanges, concurrency))
        else:
            paths = [f"/{bucket}/{'p' if method == 'PUT' else 'k'}-{n}" for n in range(_POOL)]
            sent = body if method == "PUT" else b""
            exchanges = [front.exchange(method, path, body=sent) for path in paths]
            drive(front.url, exchanges[:2], 1)  # secrets and tokens are known from here on
            own, all_ = cpu(front.own), cpu({*front.own, *lab.processes})
            run = _must(drive(front.url, exchanges, concurrency, seconds=lab.seconds))
        spent = {"own": cpu(front.own) - own, "stack": cpu({*front.own, *lab.processes}) - all_}
        return Sample(
            run.rate,
            {
                "p50_ms": run.percentile(0.5) * 1000,
                "p99_ms": run.percentile(0.99) * 1000,
                "own_ms_a_request": spent["own"] / run.done * 1000,
                "stack_ms_a_request": spent["stack"] / run.done * 1000,
            },
        )

    return work


# --- large objects ---


def large(lab: Lab) -> Iterator[Row]:
    """GET and PUT of 64 MiB, and multipart uploads, in every payload mode."""
    body = bytes(64 * MIB)
    bucket = "bench-large"
    parts = 8 if lab.quick else 64

    def moved(run: Run, size: int, own: float, front: Front) -> Sample:
        rate = size / MIB / run.seconds
        return Sample(rate, {"own_s_a_gib": (cpu(front.own) - own) / (size / GIB)})

    def get(front: Front) -> Sample:
        exchange = front.exchange("GET", f"/{bucket}/large")
        own = cpu(front.own)
        return moved(_must(transfer(front.url, [exchange] * 2)), 2 * len(body), own, front)

    yield lab.measure("GET 64 MiB", "MiB/s", get, higher=True)
    for mode in MODES:

        def put(front: Front, mode: str = mode) -> Sample:
            exchanges = [
                front.exchange("PUT", f"/{bucket}/up-{front.name}-{n}", body=body, mode=mode)
                for n in range(2)
            ]
            own = cpu(front.own)
            return moved(_must(transfer(front.url, exchanges)), 2 * len(body), own, front)

        yield lab.measure(f"PUT 64 MiB, {mode}", "MiB/s", put, higher=True)
    for mode in MODES:

        def multipart(front: Front, mode: str = mode) -> Sample:
            own = cpu(front.own)
            seconds = _multipart(front, bucket, f"mp-{front.name}", parts, bytes(8 * MIB), mode)
            size = parts * 8
            spent = cpu(front.own) - own
            return Sample(size / seconds, {"own_s_a_gib": spent / (size / KIB)})

        yield lab.measure(f"multipart {parts * 8} MiB, {mode}", "MiB/s", multipart, higher=True)


def _multipart(front: Front, bucket: str, key: str, parts: int, body: bytes, mode: str) -> float:
    """Upload in parts, four at a time; seconds without the making of requests."""
    if front.is_native:  # segments and a manifest, as python-swiftclient does it
        exchanges = [
            front.exchange("PUT", f"/{bucket}+segments/{key}/{n}", body=body) for n in range(parts)
        ]
        started = time.perf_counter()
        _must(transfer(front.url, exchanges, 4))
        _manifests(front, bucket, key, [f"{key}/{n}" for n in range(parts)])
        return time.perf_counter() - started
    upload = begin(front, bucket, key)
    query = "partNumber={}&uploadId=" + upload
    exchanges = [
        front.exchange("PUT", f"/{bucket}/{key}", query=query.format(n), body=body, mode=mode)
        for n in range(1, parts + 1)
    ]
    started = time.perf_counter()
    _must(transfer(front.url, exchanges, 4))
    etag = _md5(body)
    complete(front, bucket, key, upload, [etag] * parts)
    return time.perf_counter() - started


def _manifests(front: Front, bucket: str, key: str, parts: Sequence[str]) -> None:
    """Make the parts one object by Swift's own API: above its limit, manifests of manifests."""

    def manifest(path: str, names: Sequence[str]) -> Exchange:
        segments = [{"path": f"/{bucket}+segments/{name}"} for name in names]
        return front.exchange(
            "PUT", path, query="multipart-manifest=put", body=json.dumps(segments).encode()
        )

    if len(parts) > _SEGMENTS:
        starts = range(0, len(parts), _SEGMENTS)
        below = [f"{key}/manifest-{start}" for start in starts]
        lower = [
            manifest(f"/{bucket}+segments/{name}", parts[start : start + _SEGMENTS])
            for name, start in zip(below, starts, strict=True)
        ]
        _must(transfer(front.url, lower, 4))
        parts = below
    _must(transfer(front.url, [manifest(f"/{bucket}/{key}", parts)]))


def _md5(body: bytes) -> str:
    return md5(body).hexdigest()


def ask(front: Front, method: str, path: str, query: str = "", body: bytes = b"") -> bytes:
    """One request whose answer is wanted."""

    extra = {}
    if query == "delete":
        extra["Content-MD5"] = b64encode(md5(body).digest()).decode()
    exchange = front.exchange(method, path, query=query, body=body, headers=extra)
    connection = http.client.HTTPConnection(urlsplit(front.url).netloc, timeout=600)
    connection.connect()
    try:
        connection.sock.sendall(exchange.head + exchange.body)
        answer = http.client.HTTPResponse(connection.sock, method=method)
        answer.begin()
        text = answer.read()
        if answer.status >= 300 or b"<Error>" in text:
            code = re.search(rb"<Code>(\w+)</Code>", text)
            told = code[1].decode() if code else repr(text[:120])
            raise Unable(f"{answer.status} {told}")
        return text
    finally:
        connection.close()


def begin(front: Front, bucket: str, key: str) -> str:
    answer = ask(front, "POST", f"/{bucket}/{key}", "uploads=")
    return next(node.text or "" for node in ET.fromstring(answer).iter() if node.tag.endswith("Id"))


def complete(front: Front, bucket: str, key: str, upload: str, etags: Sequence[str]) -> None:
    parts = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>"
        for n, etag in enumerate(etags, 1)
    )
    document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    ask(front, "POST", f"/{bucket}/{key}", f"uploadId={upload}", document)


def crowd(lab: Lab) -> Iterator[Row]:
    """Memory of the front ends' own processes while many read a large object at a time."""
    count = 50 if lab.quick else 200

    def work(front: Front) -> Sample:
        if not front.own:
            raise Unable("inside Swift's proxy")
        (pid,) = front.own
        exchanges = [front.exchange("GET", "/bench-large/large")] * count
        return Sample(highest_memory(pid, lambda: _must(transfer(front.url, exchanges, count))))

    yield lab.measure(
        f"memory, {count} × GET 64 MiB at a time", "MiB", work, higher=False, rounds=1
    )


# --- listings, bulk deletes ---


def listing(lab: Lab) -> Iterator[Row]:
    """A page of 1,000 keys out of so many, without and with a delimiter."""
    for keys in (1000, 10_000) if lab.quick else (1000, 10_000, 100_000):
        bucket = f"bench-list-{keys}"
        fill(lab.data, bucket, keys)
        for delimiter in ("", "%2F"):

            def page(front: Front, bucket: str = bucket, delimiter: str = delimiter) -> Sample:
                more = f"&delimiter={delimiter}" if delimiter else ""
                query = f"list-type=2&max-keys=1000{more}"
                if front.is_native:
                    query = f"format=json&limit=1000{more}"
                # rclone asks Swift for each object's metadata: once is long enough.
                times = 1 if front.name == "rclone" else 10
                exchanges = [front.exchange("GET", f"/{bucket}", query=query)] * times
                run = _must(drive(front.url, exchanges, 1))
                return Sample(run.percentile(0.5))

            name = f"list 1,000 of {keys:,}{', delimiter' if delimiter else ''}"
            yield lab.measure(name, "s", page, higher=False)


def bulk_delete(lab: Lab) -> Iterator[Row]:
    """DeleteObjects of 1,000."""
    count = 200 if lab.quick else 1000

    def work(front: Front) -> Sample:
        keys = [f"x-{front.name}-{n}" for n in range(count)]
        maker = lab.fronts[0]
        drive(
            maker.url, [maker.exchange("PUT", f"/bench-bulk/{key}", body=b"x") for key in keys], 16
        )
        started = time.perf_counter()
        if front.is_native:
            lines = "\n".join(f"/bench-bulk/{key}" for key in keys)
            text = {"Content-Type": "text/plain", "Accept": "application/json"}
            exchange = front.exchange(
                "POST", "", query="bulk-delete", body=lines.encode(), headers=text
            )
            _must(transfer(front.url, [exchange]))
        else:
            objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
            document = f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()
            ask(front, "POST", "/bench-bulk", "delete", document)
        return Sample(time.perf_counter() - started)

    yield lab.measure(f"DeleteObjects of {count:,}", "s", work, higher=False)


def completes(lab: Lab) -> Iterator[Row]:
    """CompleteMultipartUpload as the number of parts grows (1-byte parts, put natively).

    10,000 take a minute or two of each front end, most of it for the parts: once is enough.
    """
    for count in (10, 200) if lab.quick else (10, 1000, 10_000):

        def work(front: Front, count: int = count) -> Sample:
            maker = lab.fronts[0]
            key = f"c-{front.name}-{count}"
            upload = "native" if front.is_native else begin(front, "bench-large", key)
            if front.name == "rclone":
                raise Unable("keeps its parts in memory")
            puts: list[Exchange] = [
                maker.exchange("PUT", f"/bench-large+segments/{key}/{upload}/{n}", body=b"x")
                for n in range(1, count + 1)
            ]
            _must(drive(maker.url, puts, 16))
            started = time.perf_counter()
            if front.is_native:
                parts = [f"{key}/{upload}/{n}" for n in range(1, count + 1)]
                _manifests(front, "bench-large", key, parts)
            else:
                complete(front, "bench-large", key, upload, [_md5(b"x")] * count)
            return Sample(time.perf_counter() - started)

        rounds = 1 if count > 1000 else None
        yield lab.measure(f"Complete of {count:,} parts", "s", work, higher=False, rounds=rounds)
