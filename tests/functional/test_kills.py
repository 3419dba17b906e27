"""Processes that really die or stop: the gateway itself, and Swift's proxy, in mid-request.

The rule: what was acknowledged is there, what was not is as it was before or as it was asked for,
and whoever comes back goes on.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import swiftclient
from botocore.exceptions import ClientError, HTTPClientError

from tests.functional.faultproxy import Rule, proxied, stalling, stalling_behind
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.payloads import UNSIGNED, Body, prepared, some_bytes, stored
from tests.functional.rawclient import Keys, keys_of, linked, sign
from tests.functional.server import served
from tests.functional.stack import Stack
from tests.functional.uploads import begin, segments

LARGE = some_bytes(3_000_000)
PATIENCE = 1.0  # seconds that the gateway waits for Swift
OLD = b"what was there"


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    name = f"bucket-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    begin(s3, name, "warm").abort()
    return name


@pytest.fixture(scope="module")
def keys(stack: Stack) -> Keys:
    return keys_of(stack)


# --- the gateway is killed ---


def test_a_gateway_killed_amid_uploads_leaves_what_was_there(
    tmp_path: Path, stack: Stack, s3: Any, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name, done = uuid4().hex, uuid4().hex
    swift.put_object(bucket, name, OLD)
    upload = begin(s3, bucket, uuid4().hex)
    upload.put(1, OLD)
    part = f"{upload.key}/{upload.upload_id}/1"
    with served(tmp_path, settings_for(stack)) as server:
        url = f"{server.endpoint}/{bucket}"
        of_part = f"{url}/{upload.key}?partNumber=1&uploadId={upload.upload_id}"
        with closing(s3_client(server.endpoint, stack)) as client:
            client.put_object(Bucket=bucket, Key=done, Body=LARGE)
        with linked(server.endpoint) as one, linked(server.endpoint) as two:
            for link, target in ((one, f"{url}/{name}"), (two, of_part)):
                body = Body(mode=UNSIGNED, data=LARGE)
                wire = b"".join(prepared(keys, target, body).pieces())
                link.send(wire[: len(wire) // 2])
            time.sleep(0.3)  # so that Swift has some of it
            server.stop(signal.SIGKILL)
            assert one.rest() == two.rest() == b""
    assert stored(swift, bucket, done) == LARGE
    time.sleep(0.3)  # in which Swift might store something
    assert stored(swift, bucket, name) == OLD
    assert stored(swift, f"{bucket}+segments", part) == OLD
    upload.complete()
    assert stored(swift, bucket, upload.key) == OLD


@pytest.mark.parametrize("fault", [stalling, stalling_behind])
def test_a_complete_whose_gateway_was_killed_can_be_repeated(
    tmp_path: Path, stack: Stack, s3: Any, swift: swiftclient.Connection, bucket: str, fault: Any
) -> None:
    upload = begin(s3, bucket, uuid4().hex)
    upload.put(1, OLD)
    with proxied(stack.swift.proxy_url) as proxy:
        template = f"{proxy.url}/v1/AUTH_{{project_id}}"
        settings = settings_for(
            stack, swift={"storage_url_template": template}, limits={"min_part_size": 1}
        )
        manifest = Rule(fault, method="PUT", path="multipart-manifest=put")
        with (
            served(tmp_path, settings) as server,
            proxy.breaking(manifest),
            closing(s3_client(server.endpoint, stack)) as client,
        ):
            asking = threading.Thread(target=_fails, args=(lambda: upload.complete(s3=client),))
            asking.start()
            end = time.monotonic() + 10
            while not manifest.seen:
                assert time.monotonic() < end
                time.sleep(0.02)
            time.sleep(0.2)  # so that Swift has stored it
            server.stop(signal.SIGKILL)
            asking.join()
    upload.complete(s3=s3)
    assert stored(swift, bucket, upload.key) == OLD
    left = [name for name in segments(swift, bucket) if name.startswith(f"{upload.key}/")]
    assert left == [f"{upload.key}/{upload.upload_id}/1"]


def _fails(call: Callable[[], Any]) -> None:
    with pytest.raises((ClientError, HTTPClientError)):
        call()


# --- Swift stops ---


@pytest.fixture(scope="module")
def impatient(stack: Stack) -> Iterator[Running]:
    """A gateway that does not wait long for Swift."""
    with running(settings_for(stack, swift={"timeout": PATIENCE})) as found:
        yield found


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process does nothing, but its connections stay."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_upload_in_which_swift_stops_is_unavailable_in_time_and_stores_nothing(
    impatient: Running, stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    swift.put_object(bucket, name, OLD)
    body = Body(mode=UNSIGNED, data=LARGE)
    wire = b"".join(prepared(keys, f"{impatient.endpoint}/{bucket}/{name}", body).pieces())
    with linked(impatient.endpoint) as link:
        link.send(wire[: len(wire) // 2])
        time.sleep(0.2)
        with stopped(stack.pids["proxies"]):
            since = time.monotonic()
            link.send(wire[len(wire) // 2 :])
            reply = link.reply()
            assert (reply.status, reply.code) == (503, "ServiceUnavailable")
            assert time.monotonic() - since < 10 * PATIENCE
    impatient.wait_until_idle()
    time.sleep(0.3)  # in which Swift might store something
    assert stored(swift, bucket, name) in {OLD, LARGE}  # all of it may have been on its way


def test_reads_while_swift_stops_are_unavailable_in_time_and_served_again_at_once(
    impatient: Running, stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name, size = uuid4().hex, 30_000_000
    swift.put_object(bucket, name, bytes(size))
    url = f"{impatient.endpoint}/{bucket}"
    requests = [
        sign(keys, "GET", f"{url}?list-type=2"),
        sign(keys, "GET", f"{url}/{name}"),
        sign(keys, "GET", f"{impatient.endpoint}/"),
    ]
    with linked(impatient.endpoint) as amid, stopped_amid(amid, requests[1], stack):
        for request in requests:
            with linked(impatient.endpoint) as link:
                link.send(request.head())
                reply = link.reply()
                assert (reply.status, reply.code) == (503, "ServiceUnavailable")
        assert len(amid.rest()) < size  # it was cut, and not ended
    for request in requests:
        with linked(impatient.endpoint) as link:
            link.send(request.head())
            assert link.reply().status == 200
    impatient.wait_until_idle()


@contextmanager
def stopped_amid(link: Any, request: Any, stack: Stack) -> Iterator[None]:
    """Swift stops within a download."""
    link.send(request.head())
    assert link.socket.recv(1000).startswith(b"HTTP/1.1 200")
    with stopped(stack.pids["proxies"]):
        yield
