"""Clients that vanish, dawdle, lie or send what no client would: an answer or an end, in time.

The rule: each costs a bounded time, leaves nothing in Swift, and leaves nothing behind in the
gateway, which is asserted after every one of them.  tests/functional/test_server.py has those
that the server itself deals with.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.gateway import Running, new_bucket, running, settings_for
from tests.functional.payloads import BUFFER_SIZE, HASHED, UNSIGNED, Body, prepared, stored
from tests.functional.rawclient import Keys, Link, ask, linked, sign
from tests.functional.stack import Stack

SMALL, LARGE = 1000, BUFFER_SIZE + 100_000
PATIENCE = 0.5  # seconds
_SPARE = 8  # idle connections to Swift

both_roads = pytest.mark.parametrize("size", [SMALL, LARGE])


@pytest.fixture(scope="module")
def calm(stack: Stack) -> Iterator[Running]:
    """A gateway that does not wait long for its clients."""
    with running(settings_for(stack, server={"body_timeout": PATIENCE})) as found:
        yield found


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A bucket with the objects `k` and `large`."""
    name = new_bucket(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"data")
    s3.put_object(Bucket=name, Key="large", Body=bytes(8 * 1024 * 1024))
    return name


@contextmanager
def nothing_left(gateway: Running) -> Iterator[None]:
    """Neither a task nor a file descriptor is left of what happens in the block."""
    gateway.wait_until_idle()
    tasks, fds = gateway.tasks(), _fds()
    yield
    gateway.wait_until_idle()
    end = time.monotonic() + 5
    while gateway.tasks() > tasks or _fds() > fds + _SPARE:
        assert time.monotonic() < end, "something is left"
        time.sleep(0.01)


def _fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def put_of(keys: Keys, gateway: Running, target: str, size: int) -> tuple[bytes, bytes]:
    """Head and body of a PUT."""
    data = bytes(range(256)) * (size // 256 + 1)
    upload = prepared(keys, f"{gateway.endpoint}/{target}", Body(mode=UNSIGNED, data=data[:size]))
    return upload.signed.head([("Content-Length", str(size))]), upload.wire


# --- who vanishes ---


@both_roads
@pytest.mark.parametrize("how", ["says goodbye", "is torn off"])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_client_that_vanishes_in_its_body_leaves_nothing(  # noqa: PLR0917 - a table
    calm: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int, how: str,
    part: float,
) -> None:  # fmt: skip
    name = uuid4().hex
    swift.put_object(bucket, name, b"what was there")
    head, body = put_of(keys, calm, f"{bucket}/{name}", size)
    with nothing_left(calm):
        for _ in range(5):
            with linked(calm.endpoint) as link:
                link.send(head, body[: int(size * part)])
                if how == "is torn off":
                    _tear_off(link)
    assert stored(swift, bucket, name) == b"what was there"


def _tear_off(link: Link) -> None:
    """Close without a goodbye (RST)."""
    link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def test_a_client_that_vanishes_from_its_download_costs_nothing_more(
    calm: Running, bucket: str, keys: Keys
) -> None:
    get = sign(keys, "GET", f"{calm.endpoint}/{bucket}/large")
    with nothing_left(calm):
        for _ in range(5):
            with linked(calm.endpoint) as link:
                link.send(get.head())
                link.socket.recv(1000)
                _tear_off(link)


def test_clients_that_connect_and_say_nothing_cost_no_task(calm: Running) -> None:
    with nothing_left(calm):
        for _ in range(50):
            with linked(calm.endpoint):
                pass


# --- who dawdles ---


@both_roads
def test_a_body_that_comes_byte_by_byte_is_waited_for_as_long_as_it_comes(
    calm: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int
) -> None:
    """The limit is on silence (server.body_timeout), not on slowness."""
    name = uuid4().hex
    head, body = put_of(keys, calm, f"{bucket}/{name}", size)
    with nothing_left(calm), linked(calm.endpoint) as link:
        link.send(head, body[:-4])
        for at in range(4):
            time.sleep(PATIENCE * 0.6)
            link.send(body[size - 4 + at : size - 3 + at])
        assert link.reply().status == 200
    assert stored(swift, bucket, name) == body


@both_roads
def test_a_body_that_stops_is_not_waited_for(
    calm: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int
) -> None:
    name = uuid4().hex
    head, body = put_of(keys, calm, f"{bucket}/{name}", size)
    with nothing_left(calm), linked(calm.endpoint) as link:
        link.send(head, body[: size // 2])
        reply = link.reply()
        assert (reply.status, reply.code) == (400, "RequestTimeout")
        assert link.is_closed()
    assert stored(swift, bucket, name) is None


# --- who lies about the length ---


@both_roads
def test_what_is_longer_than_its_length_ends_the_connection(
    calm: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int
) -> None:
    name = uuid4().hex
    head, body = put_of(keys, calm, f"{bucket}/{name}", size)
    with nothing_left(calm), linked(calm.endpoint) as link:
        link.send(head, body, b"\x00 and more of it\r\n\r\n")
        answers = link.rest()
    assert b"HTTP/1.1 400" in answers  # of the rest, whether or not it overtook the answer before
    assert stored(swift, bucket, name) in {None, body}


@pytest.mark.parametrize("mode", [HASHED, UNSIGNED], ids=lambda mode: mode.name)
def test_a_body_that_ends_before_its_length_is_no_object(
    calm: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, mode: Any
) -> None:
    name = uuid4().hex
    upload = prepared(keys, f"{calm.endpoint}/{bucket}/{name}", Body(mode=mode, data=bytes(SMALL)))
    with nothing_left(calm), linked(calm.endpoint) as link:
        link.send(upload.signed.head([("Content-Length", str(SMALL + 1))]), upload.wire)
        link.socket.shutdown(socket.SHUT_WR)
        link.rest()
    assert stored(swift, bucket, name) is None


CHUNKS = {
    "no size": b"\r\ndata\r\n0\r\n\r\n",
    "no number": b"zz\r\ndata\r\n0\r\n\r\n",
    "a negative size": b"-4\r\ndata\r\n0\r\n\r\n",
    "a size like Python's": b"0x4\r\ndata\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"1" + b"0" * 17 + b"\r\ndata\r\n0\r\n\r\n",
    "a size that wraps around": b"10000000000000004\r\ndata\r\n0\r\n\r\n",
    "more than its size": b"4\r\ndata and more\r\n0\r\n\r\n",
    "no line end behind it": b"4\r\ndata0\r\n\r\n",
    "a bare line feed": b"4\ndata\n0\n\n",
    "an extension without end": b"4;" + b"x" * 200_000,
    "a trailer without end": b"4\r\ndata\r\n0\r\nX: " + b"x" * 200_000,
}


@pytest.mark.parametrize("chunks", CHUNKS)
def test_a_chunk_that_is_none_is_no_object(
    calm: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, chunks: str
) -> None:
    name = uuid4().hex
    put = sign(keys, "PUT", f"{calm.endpoint}/{bucket}/{name}", payload=UNSIGNED.literal)
    since = time.monotonic()
    with nothing_left(calm), linked(calm.endpoint) as link:
        with suppress(ConnectionError):  # refused on the way
            link.send(put.head([("Transfer-Encoding", "chunked")]), CHUNKS[chunks])
        answer = link.rest()
    assert b"HTTP/1.1 200" not in answer
    assert answer.count(b"HTTP/1.1") <= 1
    assert time.monotonic() - since < 10
    assert stored(swift, bucket, name) is None


# --- heads that no client sends ---


HEADS = {
    "10,000 headers": b"GET /{b}/k HTTP/1.1\r\nHost: h\r\n" + b"X-A: b\r\n" * 10_000 + b"\r\n",
    "a huge header": b"GET /{b}/k HTTP/1.1\r\nHost: h\r\nX-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a huge target": b"GET /{b}/" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a NUL in the target": b"GET /{b}/k\x00 HTTP/1.1\r\nHost: h\r\n\r\n",
    "a NUL in a header": b"GET /{b}/k HTTP/1.1\r\nHost: h\r\nX-A: \x00\r\n\r\n",
    "a NUL in a header's name": b"GET /{b}/k HTTP/1.1\r\nHost: h\r\nX\x00A: b\r\n\r\n",
    "a folded header": b"GET /{b}/k HTTP/1.1\r\nHost: h\r\nX-A: b\r\n\tc\r\n\r\n",
    "a method that is none": b"G@T /{b}/k HTTP/1.1\r\nHost: h\r\n\r\n",
    "no version": b"GET /{b}/k\r\nHost: h\r\n\r\n",
    "a version to come": b"GET /{b}/k HTTP/9.9\r\nHost: h\r\n\r\n",
    "a fragment": b"GET /{b}/k#f HTTP/1.1\r\nHost: h\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "an authority": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: h\r\n\r\n",
    "another scheme": b"GET ftp://h/{b}/k HTTP/1.1\r\nHost: h\r\n\r\n",
    "dots": b"GET /../../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n",
    "encoded dots": b"GET /{b}/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n",
    "bytes that are no UTF-8": b"GET /{b}/\xff\xfe HTTP/1.1\r\nHost: h\r\n\r\n",
    "no Host": b"GET /{b}/k HTTP/1.1\r\n\r\n",
    "an empty Host": b"GET /{b}/k HTTP/1.1\r\nHost:\r\n\r\n",
    "two Hosts": b"GET /{b}/k HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
    "a Host that is none": b"GET /{b}/k HTTP/1.1\r\nHost: h/../@x\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_no_client_sends_gets_an_error_of_s3s_and_soon(
    calm: Running, bucket: str, head: str
) -> None:
    """Nobody has signed it, so whatever it means nothing may come of it."""
    since = time.monotonic()
    with calm.watched() as wire, nothing_left(calm):
        with linked(calm.endpoint) as link:
            with suppress(ConnectionError):
                link.send(HEADS[head].replace(b"{b}", bucket.encode()))
                link.socket.shutdown(socket.SHUT_WR)
            answer = link.rest()
        assert wire.sent == []
    assert time.monotonic() - since < 5
    status = int(answer.split(b" ")[1]) if answer else 400
    assert 400 <= status < 500 or status == 501, answer
    assert b"data" not in answer


def test_a_target_in_absolute_form_means_its_path(calm: Running, bucket: str, keys: Keys) -> None:
    get = sign(keys, "GET", f"{calm.endpoint}/{bucket}/k")
    absolute = f"GET {calm.endpoint}/".encode()
    with nothing_left(calm), linked(calm.endpoint) as link:
        link.send(get.head().replace(b"GET /", absolute, 1))
        assert link.reply().body == b"data"


@pytest.mark.parametrize("second", ["another.example", ""])
def test_a_second_host_makes_no_valid_signature(
    calm: Running, bucket: str, keys: Keys, second: str
) -> None:
    get = sign(keys, "GET", f"{calm.endpoint}/{bucket}/k")
    with nothing_left(calm):
        reply = ask(calm.endpoint, get, more=[("Host", second)])
        assert reply.status in {400, 403}


def test_pipelined_requests_are_each_answered_and_none_is_kept(
    calm: Running, bucket: str, keys: Keys
) -> None:
    head = sign(keys, "GET", f"{calm.endpoint}/{bucket}/k").head()
    with nothing_left(calm):
        with linked(calm.endpoint) as link:
            link.send(head * 50)
            assert [link.reply().body for _ in range(50)] == [b"data"] * 50
        with linked(calm.endpoint) as link:  # and one that does not wait for the answers
            link.send(head * 50)
