"""Two gateways behind HAProxy, restarted one after the other under load: no request is lost.

The rule: clients repeat nothing, so every answer that is not the right one is seen.
"""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import swiftclient

from tests.clients.programs import Program, clean_environment, found
from tests.functional import proxies
from tests.functional.gateway import new_bucket, s3_client, settings_for
from tests.functional.payloads import UNSIGNED, Body, prepared, some_bytes, stored
from tests.functional.proxies import Gateway
from tests.functional.rawclient import Keys, keys_of, linked
from tests.functional.server import Server, lasting_port, served, wait_until_refused
from tests.functional.stack import Stack

DRAIN = 3
"""Seconds; config/haproxy/haproxy.cfg notices within one and a bit."""
LARGE = 1_000_000
PAUSE = 0.2
"""Seconds between two rounds of a client, so that the gateways can start beside them."""


Work = Callable[[int], None]


@dataclass
class Load:
    """What clients do until they are told to stop, and what went wrong."""

    is_over: threading.Event = field(default_factory=threading.Event)
    written: dict[str, bytes] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    rounds: int = 0

    def repeat(self, work: Work) -> None:
        """Work, again and again."""
        number = 0
        while not self.is_over.is_set():
            try:
                work(number)
            except Exception as failure:  # noqa: BLE001 - whatever a client may raise
                self.failures.append(f"{work.__name__}: {failure!r}")
            number += 1
            self.rounds += 1
            self.is_over.wait(PAUSE)


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new, empty bucket."""
    return new_bucket(s3)


def wait_until_used(server: Server) -> None:
    """Wait until the proxy sends requests to the gateway."""
    end = time.monotonic() + 20
    metrics = f"http://127.0.0.1:{server.operator_port}/-/metrics"
    while "s3gw_requests_total{" not in requests.get(metrics, timeout=5).text:
        assert time.monotonic() < end, "the proxy does not use it"
        time.sleep(0.05)


def clients(load: Load, front: str, stack: Stack, bucket: str, home: Path) -> list[Work]:
    """What each client does in a round; boto3 and aws-cli, which repeat nothing."""
    client = s3_client(front, stack)
    environment = clean_environment(
        home,
        AWS_ACCESS_KEY_ID=stack.access_key,
        AWS_SECRET_ACCESS_KEY=stack.secret_key,
        AWS_DEFAULT_REGION=stack.region,
        AWS_ENDPOINT_URL=front,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_MAX_ATTEMPTS="1",
    )
    aws = Program(found("aws"), environment)

    def small(number: int) -> None:
        key, data = f"small-{number % 20}", f"{number}".encode()
        client.put_object(Bucket=bucket, Key=key, Body=data)
        load.written[key] = data
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == data
        client.list_objects_v2(Bucket=bucket, MaxKeys=5)

    def large(number: int) -> None:
        key, data = f"large-{number % 4}", some_bytes(LARGE + number % 7)
        client.put_object(Bucket=bucket, Key=key, Body=data)
        load.written[key] = data
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == data

    def cli(number: int) -> None:
        key, data = f"cli-{number % 4}", some_bytes(1000 + number)
        (home / "file").write_bytes(data)
        aws("s3", "cp", "--quiet", home / "file", f"s3://{bucket}/{key}")
        load.written[key] = data

    return [small, large, cli]


def stop_amid_uploads(server: Server, front: str, bucket: str, keys: Keys, load: Load) -> None:
    """Stop a gateway; uploads that are under way, to either, end when its port is closed."""
    slow = []
    with ExitStack() as links:
        for _ in range(2):
            name, data = f"slow-{uuid4().hex}", some_bytes(LARGE)
            upload = prepared(keys, f"{front}/{bucket}/{name}", Body(mode=UNSIGNED, data=data))
            wire = b"".join(upload.pieces())
            link = links.enter_context(linked(front))
            link.send(wire[: LARGE // 2])
            slow.append((link, wire[LARGE // 2 :], name, data))
        server.process.send_signal(signal.SIGTERM)
        wait_until_refused(server)
        for link, rest, name, data in slow:
            link.send(rest)
            assert link.reply().status == 200
            load.written[name] = data
    assert server.process.wait(20) in {0, -signal.SIGTERM}


def test_a_rolling_restart_loses_no_request(
    tmp_path: Path, stack: Stack, swift: swiftclient.Connection, bucket: str
) -> None:
    keys, load = keys_of(stack), Load()
    settings = settings_for(stack, server={"drain": DRAIN}, proxy={"trusted": ["127.0.0.1"]})
    ports = [(lasting_port(), lasting_port()) for _ in range(2)]
    with ExitStack() as run:
        servers = [run.enter_context(served(tmp_path, settings, ports=pair)) for pair in ports]
        front = run.enter_context(proxies.haproxy(tmp_path, [Gateway(*pair) for pair in ports])).url
        threads = [
            threading.Thread(target=load.repeat, args=(work,))
            for work in clients(load, front, stack, bucket, tmp_path / "home")
        ]
        try:
            for thread in threads:
                thread.start()
            for server in servers:
                wait_until_used(server)
            stop_amid_uploads(servers[0], front, bucket, keys, load)
            wait_until_used(run.enter_context(served(tmp_path, settings, ports=ports[0])))
            stop_amid_uploads(servers[1], front, bucket, keys, load)
        finally:
            load.is_over.set()
            for thread in threads:
                thread.join(30)
    assert load.failures == []
    assert load.rounds > 20
    assert {key: stored(swift, bucket, key) for key in load.written} == load.written
