"""`s3gw serve` on the wire: what a client may cost, whatever it does or leaves undone."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.gateway import settings_for
from tests.functional.payloads import BUFFER_SIZE, UNSIGNED, Body, prepared, some_bytes, stored
from tests.functional.rawclient import Keys, Link, Reply, keys_of, linked, sign
from tests.functional.server import Server, connections, served
from tests.functional.stack import Stack

SECOND = 1.0
SMALL, LARGE = 1000, BUFFER_SIZE + 1
GUARD = 4 * 16 * 1024
"""Bytes of a header without end that are read before the connection is closed."""

both_roads = pytest.mark.parametrize("size", [SMALL, LARGE])


@pytest.fixture(scope="module")
def server(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience."""
    patience = {"header_timeout": SECOND, "idle_timeout": SECOND, "body_timeout": SECOND}
    settings = settings_for(stack, server=patience)
    with served(tmp_path_factory.mktemp("server"), settings) as found:
        yield found


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A bucket with one object, `key`."""
    name = f"bucket-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=b"data")
    return name


@pytest.fixture(scope="module")
def keys(stack: Stack) -> Keys:
    return keys_of(stack)


def elapsed(work: Callable[[], Any]) -> float:
    """Seconds that the work took."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


def assert_closed_in_time(link: Link) -> None:
    """The server closes the connection by itself, after its time-out and soon after it."""
    assert 0.5 * SECOND < elapsed(link.rest) < 8 * SECOND


def assert_names_itself(reply: Reply) -> None:
    for name in ("x-amz-request-id", "x-amz-id-2", "date"):
        assert reply.headers[name]
    assert reply.headers["server"] == "s3gw"
    assert reply.error["RequestId"] == reply.headers["x-amz-request-id"]


def test_a_silent_client_is_hung_up_on(server: Server) -> None:
    with linked(server.endpoint) as link:
        assert_closed_in_time(link)


def test_a_client_that_falls_silent_between_requests_is_hung_up_on(
    server: Server, bucket: str, keys: Keys
) -> None:
    with linked(server.endpoint) as link:
        link.send(sign(keys, "GET", f"{server.endpoint}/{bucket}/key").head())
        assert link.reply().body == b"data"
        assert_closed_in_time(link)


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nX-Slow: ", b"GET /"])
def test_a_header_must_come_in_time_however_steadily_it_drips(server: Server, first: bytes) -> None:
    with linked(server.endpoint) as link:
        link.send(first)
        link.socket.settimeout(0.05)
        start = time.monotonic()
        assert _drip(link) == b""
        assert 0.5 * SECOND < time.monotonic() - start < 8 * SECOND


def _drip(link: Link) -> bytes:
    """Send byte after byte until something, or the end, comes back."""
    while True:
        try:
            return link.socket.recv(1000)
        except TimeoutError:
            pass
        except ConnectionResetError:
            return b""
        try:
            link.send(b"x")
        except ConnectionError:
            return b""


def test_a_header_without_end_is_refused(server: Server, bucket: str, keys: Keys) -> None:
    for before in ([], [sign(keys, "GET", f"{server.endpoint}/{bucket}/key").head()]):
        with linked(server.endpoint) as link:
            for head in before:
                link.send(head)
                assert link.reply().body == b"data"
            link.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: ")
            with suppress(ConnectionError):  # refused on the way
                for _ in range(100):
                    link.send(b"x" * 4096)
            reply = link.reply()
            assert (reply.status, reply.code) == (400, "RequestHeaderSectionTooLarge")
            assert reply.headers["connection"] == "close"
            assert_names_itself(reply)
            assert link.is_closed()


def test_a_body_behind_a_pipelined_request_is_no_header(
    server: Server, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name, data = uuid4().hex, some_bytes(3 * GUARD)
    url = f"{server.endpoint}/{bucket}/{name}"
    upload = prepared(keys, url, Body(mode=UNSIGNED, data=data))
    next_head = sign(keys, "GET", f"{server.endpoint}/{bucket}/key").head()
    with linked(server.endpoint) as link:
        link.send(b"".join(upload.pieces()) + next_head[:50])
        assert link.reply().status == 200
        link.send(next_head[50:])
        assert link.reply().body == b"data"
    assert stored(swift, bucket, name) == data


@both_roads
def test_a_body_that_stalls_is_not_waited_for(
    server: Server, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int
) -> None:
    name = uuid4().hex
    url = f"{server.endpoint}/{bucket}/{name}"
    upload = prepared(keys, url, Body(mode=UNSIGNED, data=some_bytes(size)))
    with linked(server.endpoint) as link:
        link.send(b"".join(upload.pieces())[:-1])
        reply = link.reply()
        assert (reply.status, reply.code) == (400, "RequestTimeout")
        assert reply.headers["connection"] == "close"
        assert link.is_closed()
    assert stored(swift, bucket, name) is None


def test_a_body_that_nobody_wants_is_not_waited_for_either(
    server: Server, bucket: str, keys: Keys
) -> None:
    wrong = Keys(keys.access_key, "wrong", keys.region)
    upload = prepared(
        wrong, f"{server.endpoint}/{bucket}/k", Body(mode=UNSIGNED, data=some_bytes(SMALL))
    )
    head, *body = upload.pieces()
    with linked(server.endpoint) as link:
        link.send(head)
        assert link.reply().code == "SignatureDoesNotMatch"
        link.send(b"".join(body)[:-1])
        assert_closed_in_time(link)


def test_a_connection_that_has_idled_away_a_body_is_hung_up_on(
    server: Server, bucket: str, keys: Keys
) -> None:
    wrong = Keys(keys.access_key, "wrong", keys.region)
    upload = prepared(
        wrong, f"{server.endpoint}/{bucket}/k", Body(mode=UNSIGNED, data=some_bytes(SMALL))
    )
    head, *body = upload.pieces()
    with linked(server.endpoint) as link:
        link.send(head)
        assert link.reply().status == 403
        link.send(*body)
        link.send(sign(keys, "GET", f"{server.endpoint}/{bucket}/key").head())
        assert link.reply().body == b"data"
        link.send(b"\r\n")  # as some clients end a request
        assert_closed_in_time(link)


def test_a_client_that_does_not_read_its_download_is_cut(
    server: Server, s3: Any, bucket: str, keys: Keys
) -> None:
    size = 24 * 1024 * 1024
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(size))
    with linked(server.endpoint) as link:
        link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.send(sign(keys, "GET", f"{server.endpoint}/{bucket}/large").head())
        port = link.socket.getsockname()[1]
        end = time.monotonic() + 15 * SECOND
        while connections(server.port, port):
            assert time.monotonic() < end, "the server holds the connection"
            time.sleep(0.05)
        assert len(link.rest()) < size


def test_pipelined_requests_are_answered_in_order(
    server: Server, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    url = f"{server.endpoint}/{bucket}/{name}"
    upload = prepared(keys, url, Body(mode=UNSIGNED, data=b"piped"))
    wire = [
        sign(keys, "GET", f"{server.endpoint}/{bucket}/key").head(),
        *upload.pieces(),
        sign(keys, "GET", url).head(),
        sign(keys, "HEAD", url).head(),
        sign(keys, "DELETE", url).head(),
        sign(keys, "GET", url).head(),
    ]
    with linked(server.endpoint) as link:
        link.send(b"".join(wire))
        assert link.reply().body == b"data"
        assert link.reply().status == 200
        assert link.reply().body == b"piped"
        assert link.reply(head=True).headers["content-length"] == "5"
        assert link.reply().status == 204
        assert link.reply().code == "NoSuchKey"
    assert stored(swift, bucket, name) is None


def test_a_connection_outlives_the_errors_on_it(server: Server, bucket: str, keys: Keys) -> None:
    wrong = Keys(keys.access_key, "wrong", keys.region)
    root = server.endpoint
    errors = [
        (sign(keys, "GET", f"{root}/{bucket}/none"), "NoSuchKey"),
        (sign(wrong, "GET", f"{root}/{bucket}/key"), "SignatureDoesNotMatch"),
        (sign(keys, "GET", f"{root}/{bucket}/%zz"), "InvalidURI"),
        (sign(keys, "PUT", f"{root}/{bucket}?acl&cors"), "InvalidArgument"),
        (sign(keys, "PATCH", f"{root}/{bucket}/key"), "MethodNotAllowed"),
        (sign(keys, "GET", f"{root}/{bucket}/key", [("Range", "bytes=9-")]), "InvalidRange"),
    ]
    with linked(root) as link:
        for signed, code in errors:
            link.send(signed.head([("Content-Length", "3")]), b"xyz")
            assert link.reply().code == code
            link.send(sign(keys, "GET", f"{root}/{bucket}/key").head())
            assert link.reply().body == b"data"


@both_roads
def test_an_early_error_to_a_client_that_waits_is_the_last_answer(
    server: Server, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int
) -> None:
    name = uuid4().hex
    wrong = Keys(keys.access_key, "wrong", keys.region)
    upload = prepared(
        wrong,
        f"{server.endpoint}/{bucket}/{name}",
        Body(mode=UNSIGNED, data=some_bytes(size)),
        headers=[("Expect", "100-continue")],
    )
    with linked(server.endpoint) as link:
        link.send(upload.pieces()[0])
        reply = link.reply()
        assert (reply.code, reply.went_on) == ("SignatureDoesNotMatch", False)
        assert reply.headers["connection"] == "close"
        assert link.is_closed()
    assert stored(swift, bucket, name) is None


def test_a_length_beside_a_transfer_coding_is_refused(
    server: Server, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name, hidden = uuid4().hex, uuid4().hex
    url = f"{server.endpoint}/{bucket}"
    smuggled = sign(keys, "PUT", f"{url}/{hidden}").head([("Content-Length", "0")])
    body = b"0\r\n\r\n" + smuggled
    length, coding = ("Content-Length", str(len(body))), ("Transfer-Encoding", "chunked")
    for both in ([length, coding], [coding, length]):
        with linked(server.endpoint) as link:
            link.send(sign(keys, "PUT", f"{url}/{name}", payload=UNSIGNED.literal).head(both))
            link.send(body)
            reply = link.reply()
            assert (reply.status, reply.code) == (400, "BadRequest")
            assert link.is_closed()
    assert stored(swift, bucket, name) is None
    assert stored(swift, bucket, hidden) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_in_s3s_words(server: Server, raw: bytes) -> None:
    with linked(server.endpoint) as link:
        link.send(raw)
        reply = link.reply()
        assert (reply.status, reply.code) == (400, "BadRequest")
        assert reply.headers["content-type"] == "application/xml"
        assert reply.headers["connection"] == "close"
        assert_names_itself(reply)
        assert link.is_closed()


UPGRADE = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AA")]


def test_an_offer_to_upgrade_is_ignored(server: Server, bucket: str, keys: Keys) -> None:
    get = sign(keys, "GET", f"{server.endpoint}/{bucket}/key")
    with linked(server.endpoint) as link:
        for more in ([], [("Content-Length", "0")]):
            link.send(get.head([*UPGRADE, *more]))
            assert link.reply().body == b"data"


@pytest.mark.parametrize(
    ("framing", "wire"),
    [
        (("Content-Length", "2"), b"up"),
        (("Transfer-Encoding", "chunked"), b"2\r\nup\r\n0\r\n\r\n"),
    ],
)
def test_an_offer_to_upgrade_never_costs_a_body(
    *,
    server: Server,
    swift: swiftclient.Connection,
    bucket: str,
    keys: Keys,
    framing: tuple[str, str],
    wire: bytes,
) -> None:
    name = uuid4().hex
    put = sign(keys, "PUT", f"{server.endpoint}/{bucket}/{name}", payload=UNSIGNED.literal)
    with linked(server.endpoint) as link:
        link.send(put.head([*UPGRADE, framing]), wire)
        reply = link.reply()
        assert (reply.status, reply.code) == (400, "BadRequest")
        assert link.is_closed()
    assert stored(swift, bucket, name) is None


def test_the_operators_path_needs_no_signature(server: Server) -> None:
    with linked(server.endpoint) as link:
        link.send(b"GET /-/health HTTP/1.1\r\nHost: h\r\n\r\n")
        reply = link.reply()
    assert (reply.status, reply.body) == (200, b"ok\n")


def test_nothing_of_all_this_was_a_fault_of_our_own(
    server: Server, bucket: str, keys: Keys
) -> None:
    with linked(server.endpoint) as link:
        link.send(sign(keys, "GET", f"{server.endpoint}/{bucket}/key").head())
        request_id = link.reply().headers["x-amz-request-id"]
    log = server.logged(request_id)
    assert "Traceback" not in log
    assert "InternalError" not in log
