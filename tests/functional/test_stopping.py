"""How a server stops: it says so, takes what still comes, ends what it has, and cuts the rest."""

import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import swiftclient

from tests.functional.gates import Gate, Which
from tests.functional.gateway import new_bucket, running, settings_for
from tests.functional.payloads import (
    BUFFER_SIZE,
    UNSIGNED,
    Body,
    prepared,
    some_bytes,
    stored,
)
from tests.functional.rawclient import Keys, linked, sign
from tests.functional.server import Server, served, wait_until_refused
from tests.functional.stack import Stack
from tests.functional.uploads import begin

LARGE = BUFFER_SIZE + 1
DRAIN = 2.5
EXPECT = ("Expect", "100-continue")
CLEAN = {0, -signal.SIGTERM}


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


def wait_until_not_ready(server: Server) -> dict[str, Any]:
    """What the operator's port says when it says no."""
    end = time.monotonic() + DRAIN
    while True:
        answer = requests.get(f"http://127.0.0.1:{server.operator_port}/-/ready", timeout=5)
        if answer.status_code == 503:
            return dict(answer.json())
        assert time.monotonic() < end, "it says that it is ready"
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_drains_takes_requests_and_says_that_it_wants_none(
    tmp_path: Path, stack: Stack, bucket: str, keys: Keys, workers: int
) -> None:
    settings = settings_for(stack, server={"drain": DRAIN})
    with served(tmp_path, settings, f"--workers={workers}") as server:
        request = sign(keys, "HEAD", f"{server.endpoint}/{bucket}").head()
        with linked(server.endpoint) as early, linked(server.endpoint) as late:
            for link in (early, late):
                link.send(request)
                reply = link.reply(head=True)
                assert (reply.status, "connection" in reply.headers) == (200, False)
            told_at = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            told = wait_until_not_ready(server)
            assert (told["ready"], told["gateway"]) == (False, "stops")
            # Old connections and new ones are served, and told not to come back.
            with linked(server.endpoint) as new:
                for link in (early, new):
                    link.send(request)
                    reply = link.reply(head=True)
                    assert (reply.status, reply.headers["connection"]) == (200, "close")
                    assert link.is_closed()
            wait_until_refused(server)
            assert time.monotonic() - told_at >= DRAIN
            assert late.is_closed()
        assert server.process.wait(15) in CLEAN


def test_a_request_in_flight_is_served_to_its_end_on_sigterm(
    tmp_path: Path, stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    with served(tmp_path, settings_for(stack, server={"grace": 15})) as server:
        url = f"{server.endpoint}/{bucket}/{name}"
        body = Body(mode=UNSIGNED, data=some_bytes(LARGE))
        head, *rest = prepared(keys, url, body, headers=[EXPECT]).pieces()
        with linked(server.endpoint) as idle, linked(server.endpoint) as link:
            idle.send(sign(keys, "HEAD", f"{server.endpoint}/{bucket}").head())
            assert idle.reply(head=True).status == 200
            link.send(head)
            link.go_on()
            server.process.send_signal(signal.SIGTERM)
            assert idle.is_closed()  # so it has begun to stop
            with pytest.raises(ConnectionError):
                socket.create_connection(("127.0.0.1", server.port), 5)
            link.send(*rest)
            reply = link.reply()
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert link.is_closed()
        assert server.process.wait(15) in CLEAN
    assert stored(swift, bucket, name) == body.data


def test_a_request_that_is_on_its_way_when_the_port_closes_is_served(
    tmp_path: Path, stack: Stack, bucket: str, keys: Keys
) -> None:
    with served(tmp_path, settings_for(stack)) as server:
        request = sign(keys, "HEAD", f"{server.endpoint}/{bucket}").head()
        with (
            linked(server.endpoint) as used,
            linked(server.endpoint) as fresh,
            linked(server.endpoint) as begun,
            linked(server.endpoint) as silent,
        ):
            used.send(request)
            assert used.reply(head=True).status == 200
            begun.send(request)
            assert begun.reply(head=True).status == 200
            begun.send(request[:20])
            server.process.send_signal(signal.SIGTERM)
            assert used.is_closed()
            fresh.send(request)
            begun.send(request[20:])
            for link in (fresh, begun):
                reply = link.reply(head=True)
                assert (reply.status, reply.headers["connection"]) == (200, "close")
                assert link.is_closed()
            assert silent.is_closed()
        assert server.process.wait(15) in CLEAN


def test_what_does_not_end_is_cut_when_the_grace_is_over_and_nothing_of_it_is_stored(
    tmp_path: Path, stack: Stack, s3: Any, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name, data = uuid4().hex, some_bytes(LARGE)
    target = {"Bucket": bucket, "Key": f"{name}-parts"}
    upload = s3.create_multipart_upload(**target)["UploadId"]
    before = segments(swift, bucket)
    with served(tmp_path, settings_for(stack, server={"grace": 1})) as server:
        url = f"{server.endpoint}/{bucket}/{name}"
        part = f"{url}-parts?partNumber=1&uploadId={upload}"
        with linked(server.endpoint) as one, linked(server.endpoint) as two:
            for link, where in ((one, url), (two, part)):
                body = Body(mode=UNSIGNED, data=data)
                head, *rest = prepared(keys, where, body, headers=[EXPECT]).pieces()
                link.send(head)
                link.go_on()
                link.send(b"".join(rest)[:-1])
            assert server.stop() in CLEAN
            for link in (one, two):
                reply = link.reply()
                assert (reply.status, reply.code) == (503, "ServiceUnavailable")
                assert (reply.headers["retry-after"], reply.headers["connection"]) == ("1", "close")
        log = server.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert log.count("cut, since the server stops") == 2
    assert stored(swift, bucket, name) is None
    assert "Parts" not in s3.list_parts(**target, UploadId=upload)
    assert segments(swift, bucket) == before


def test_a_multipart_upload_that_is_being_completed_comes_to_its_end(
    stack: Stack, s3: Any, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    upload = begin(s3, bucket, uuid4().hex)
    etag, data = upload.put(1, b"data"), b"data"
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    held = Which("PUT", f"/{bucket}/{upload.key}$", "multipart-manifest=put")
    with ExitStack() as links, Gate(held) as gate:
        with running(settings_for(stack), grace=1) as gateway:
            gateway.wire.before = gate
            url = f"{gateway.endpoint}/{bucket}/{upload.key}?uploadId={upload.upload_id}"
            signed = sign(keys, "POST", url, payload=UNSIGNED.literal)
            link = links.enter_context(linked(gateway.endpoint))
            link.send(signed.head([("Content-Length", str(len(document)))]), document)
            gate.wait()
            # Swift answers when the time that the request has is over.
            threading.Timer(2.5, gate.open).start()
        reply = link.reply()
    assert (reply.status, reply.code) == (503, "ServiceUnavailable")
    assert stored(swift, bucket, upload.key) == data
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket, Prefix=upload.key)


def segments(swift: swiftclient.Connection, bucket: str) -> list[str]:
    """What Swift has where parts are kept."""
    return [entry["name"] for entry in swift.get_container(f"{bucket}+segments")[1]]
