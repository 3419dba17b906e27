"""What every answer carries, and what an error looks like on the wire."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import structlog
import swiftclient

from s3gw import gateway as gateway_module, observe
from s3gw.swift.exchange import Exchange
from tests.functional.gateway import Running, Sent
from tests.functional.payloads import some_bytes
from tests.functional.rawclient import (
    Keys,
    Link,
    Reply,
    Signed,
    ask,
    keys_of,
    linked,
    sign,
)
from tests.functional.scripted import Scripted, answering, scripted
from tests.functional.stack import Stack
from tests.unit.swift.hostile import Peer

REQUEST_ID = re.compile(r"[0-9A-F]{16}")
TRANSACTION = re.compile(r"tx[0-9a-f]{21}-[0-9a-f]{10}")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """A bucket with one object, `key`."""
    name = f"bucket-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=b"data", ContentType="text/plain")
    return name


@pytest.fixture(scope="module")
def keys(stack: Stack) -> Keys:
    return keys_of(stack)


@pytest.fixture(scope="module")
def told(stack: Stack) -> Iterator[Scripted]:
    """A gateway whose Swift says what a test wants."""
    with scripted(stack) as found:
        yield found


def assert_complete(reply: Reply, *, asked_swift: bool) -> None:
    """The answer has the headers of every answer."""
    assert REQUEST_ID.fullmatch(reply.headers["x-amz-request-id"])
    id_2 = reply.headers["x-amz-id-2"]
    if asked_swift:
        assert TRANSACTION.match(id_2)
    else:
        assert id_2 == reply.headers["x-amz-request-id"]
    assert reply.headers["server"] == "s3gw"
    told = parsedate_to_datetime(reply.headers["date"])
    now = datetime.now(UTC)  # noqa: TID251 - the client's own clock
    assert abs(now - told) < timedelta(seconds=10)


ETAG = '"8d777f385d3dfec8815d20f7496026dc"'


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", [], 200),
        ("GET", "/{bucket}", [], 200),
        ("HEAD", "/{bucket}", [], 200),
        ("GET", "/{bucket}?uploads", [], 200),  # others may answer from remembered facts
        ("GET", "/{bucket}/key", [], 200),
        ("HEAD", "/{bucket}/key", [], 200),
        ("GET", "/{bucket}/key", [("Range", "bytes=0-1")], 206),
        ("GET", "/{bucket}/key", [("If-None-Match", ETAG)], 304),
        ("HEAD", "/{bucket}/key", [("If-None-Match", ETAG)], 304),
        ("DELETE", "/{bucket}/none", [], 204),
        ("GET", "/{bucket}/none", [], 404),
        ("HEAD", "/{bucket}/none", [], 404),
        ("GET", "/{bucket}/key", [("If-Match", '"x"')], 412),
        ("GET", "/{bucket}/key", [("Range", "bytes=9-")], 416),
        ("GET", "/no-such-bucket-anywhere/key", [], 404),
    ],
)
def test_an_answer_names_itself_and_swifts_transaction(
    *,
    gateway: Running,
    bucket: str,
    keys: Keys,
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    status: int,
) -> None:
    url = gateway.endpoint + path.format(bucket=bucket)
    reply = ask(gateway.endpoint, sign(keys, method, url, headers))
    assert reply.status == status
    # The PUT before has looked at the bucket, and its facts are remembered.
    assert_complete(reply, asked_swift="location" not in path)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/{bucket}?website", 404, "NoSuchWebsiteConfiguration"),
        ("PUT", "/{bucket}?encryption", 501, "NotImplemented"),
        ("PATCH", "/{bucket}", 405, "MethodNotAllowed"),
        ("GET", "/{bucket}?acl&cors", 400, "InvalidArgument"),
        ("GET", "/{bucket}/%zz", 400, "InvalidURI"),
        ("DELETE", "/", 405, "MethodNotAllowed"),
    ],
)
def test_an_answer_without_swift_names_itself_twice(
    *, gateway: Running, bucket: str, keys: Keys, method: str, path: str, status: int, code: str
) -> None:
    signed = sign(keys, method, gateway.endpoint + path.format(bucket=bucket))
    reply = ask(gateway.endpoint, signed)
    assert (reply.status, reply.code) == (status, code)
    assert_complete(reply, asked_swift=False)


def test_x_amz_id_2_is_the_transaction_of_swifts_newest_answer(told: Scripted, keys: Keys) -> None:
    gone = answering("404 Not Found", "X-Trans-Id: tx-of-the-object")
    there = answering("204 No Content", "X-Trans-Id: tx-of-the-container")
    with told.saying(gone, there):
        url = f"{told.gateway.endpoint}/bucket/key"
        reply = ask(told.gateway.endpoint, sign(keys, "GET", url))
    assert reply.code == "NoSuchKey"
    assert reply.headers["x-amz-id-2"] == reply.error["HostId"] == "tx-of-the-container"


def test_an_error_is_a_document_without_a_namespace(
    gateway: Running, bucket: str, keys: Keys
) -> None:
    url = f"{gateway.endpoint}/{bucket}/%C3%A9%26%3Cx%3E"
    reply = ask(gateway.endpoint, sign(keys, "GET", url))
    assert reply.headers["content-type"] == "application/xml"
    assert reply.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')
    assert b"xmlns" not in reply.body
    assert list(reply.error) == ["Code", "Message", "Key", "Resource", "RequestId", "HostId"]
    assert reply.error == {
        "Code": "NoSuchKey",
        "Message": "The specified key does not exist.",
        "Key": "é&<x>",
        "Resource": f"/{bucket}/é&<x>",
        "RequestId": reply.headers["x-amz-request-id"],
        "HostId": reply.headers["x-amz-id-2"],
    }


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/{bucket}/none", [], 404),
        ("/no-such-bucket-anywhere", [], 404),
        ("/{bucket}/key", [("If-Match", '"x"')], 412),
        ("/{bucket}/key", [("Range", "bytes=9-")], 416),
        ("/{bucket}/key", [("x-amz-server-side-encryption-customer-algorithm", "AES256")], 501),
    ],
)
def test_the_error_of_a_head_has_no_body(
    *,
    gateway: Running,
    bucket: str,
    keys: Keys,
    path: str,
    headers: list[tuple[str, str]],
    status: int,
) -> None:
    signed = sign(keys, "HEAD", gateway.endpoint + path.format(bucket=bucket), headers)
    with linked(gateway.endpoint) as link:
        link.send(signed.head())
        reply = link.reply(head=True)
        assert (reply.status, reply.headers["content-length"]) == (status, "0")
        assert reply.headers["content-type"] == "application/xml"
        link.send(sign(keys, "GET", f"{gateway.endpoint}/{bucket}/key").head())
        assert link.reply().body == b"data"  # nothing of the first answer stands before it


def test_not_modified_has_no_body(gateway: Running, bucket: str, keys: Keys) -> None:
    url = f"{gateway.endpoint}/{bucket}/key"
    with linked(gateway.endpoint) as link:
        link.send(sign(keys, "GET", url, [("If-None-Match", ETAG)]).head())
        reply = link.reply()
        assert (reply.status, reply.headers["etag"]) == (304, ETAG)
        assert not {"content-length", "transfer-encoding", "content-type"} & set(reply.headers)
        link.send(sign(keys, "GET", url).head())
        assert link.reply().body == b"data"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What the gateway logs, one JSON document a line."""
    text = StringIO()
    processors: list[Any] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    logger = structlog.wrap_logger(structlog.PrintLogger(text), processors=processors)
    for module in (gateway_module, observe):
        monkeypatch.setattr(module, "_log", logger)
    return text


def test_a_fault_of_our_own_tells_the_client_nothing_and_the_log_everything(
    gateway: Running, bucket: str, keys: Keys, log: StringIO
) -> None:
    async def fail(sent: Sent) -> None:
        raise ZeroDivisionError(f"a secret of {sent.method}")

    with gateway.watched() as wire:
        wire.before = fail
        reply = ask(gateway.endpoint, sign(keys, "GET", f"{gateway.endpoint}/{bucket}/key"))
    gateway.wait_until_idle()
    assert (reply.status, reply.code) == (500, "InternalError")
    assert reply.error["Message"] == "We encountered an internal error. Please try again."
    assert b"secret" not in reply.body
    assert b"Zero" not in reply.body
    assert_complete(reply, asked_swift=False)
    fault, line = map(json.loads, log.getvalue().splitlines())
    assert fault["exception"].startswith("Traceback (most recent call last)")
    assert fault["exception"].endswith("ZeroDivisionError: a secret of GET")
    assert fault["request_id"] == line["request_id"] == reply.headers["x-amz-request-id"]
    assert (line["status"], line["code"]) == (500, "InternalError")


def test_a_fault_of_our_own_in_the_middle_of_an_answer_cuts_it(
    gateway: Running, s3: Any, bucket: str, keys: Keys, log: StringIO
) -> None:
    s3.put_object(Bucket=bucket, Key="large", Body=some_bytes(300_000))
    url = f"{gateway.endpoint}/{bucket}/large"

    async def chunks(response: Exchange) -> AsyncIterator[bytes]:
        response.close()
        yield some_bytes(300_000)[:1000]
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch, linked(gateway.endpoint) as link:
        patch.setattr(Exchange, "chunks", chunks)
        link.send(sign(keys, "GET", url).head())
        head, _, body = link.rest().partition(b"\r\n\r\n")
        gateway.wait_until_idle()
    assert b"content-length: 300000" in head
    assert body == some_bytes(300_000)[:1000]
    fault, line = map(json.loads, log.getvalue().splitlines()[1:])  # after PutObject's
    assert fault["exception"].endswith("ZeroDivisionError")
    assert fault["request_id"] == line["request_id"]
    assert line["request_id"].encode() in head


def test_swifts_silence_is_one_to_try_again(told: Scripted, keys: Keys) -> None:
    def hang_up(peer: Peer) -> None:
        peer.head()

    with told.saying(hang_up):
        url = f"{told.gateway.endpoint}/bucket/key"
        reply = ask(told.gateway.endpoint, sign(keys, "GET", url))
    assert (reply.status, reply.code) == (503, "ServiceUnavailable")
    assert_complete(reply, asked_swift=False)


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_a_download_that_swift_breaks_off_is_never_taken_for_a_whole_one(
    told: Scripted, keys: Keys, size: int
) -> None:
    data = some_bytes(size)

    def break_off(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nEtag: x\r\nContent-Length: %d\r\n\r\n" % size)
        peer.send(data[: size // 2])

    with told.saying(break_off), linked(told.gateway.endpoint) as link:
        link.send(sign(keys, "GET", f"{told.gateway.endpoint}/bucket/key").head())
        head, _, body = link.rest().partition(b"\r\n\r\n")
    assert f"content-length: {size}".encode() in head
    assert data.startswith(body)
    assert len(body) <= size // 2


def test_a_download_whose_client_leaves_lets_go_of_swift(told: Scripted, keys: Keys) -> None:
    size = 64 * 1024 * 1024

    def endless(peer: Peer) -> None:
        peer.head()
        peer.send(b"HTTP/1.1 200 OK\r\nEtag: x\r\nContent-Length: %d\r\n\r\n" % size)
        with pytest.raises(ConnectionError):
            peer.send(bytes(size))

    with told.saying(endless):
        link = Link(told.gateway.endpoint)
        link.send(sign(keys, "GET", f"{told.gateway.endpoint}/bucket/key").head())
        assert link.socket.recv(1000).startswith(b"HTTP/1.1 200 OK")
        link.close()


def test_a_link_cannot_write_headers_of_its_own(gateway: Running, bucket: str, keys: Keys) -> None:
    url = f"{gateway.endpoint}/{bucket}/key?response-content-type=a%0D%0Ax-evil%3A1"
    reply = ask(gateway.endpoint, sign(keys, "GET", url))
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert "x-evil" not in reply.headers


def test_what_a_native_client_stored_in_a_header_cannot_end_it(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    headers = {"X-Object-Meta-Odd": "é\x85 \ttab", "Content-Disposition": 'a; filename="é"'}
    swift.put_object(bucket, name, b"data", headers=headers)
    reply = ask(gateway.endpoint, sign(keys, "GET", f"{gateway.endpoint}/{bucket}/{name}"))
    assert (reply.status, reply.body) == (200, b"data")
    assert "content-disposition" in reply.headers
    assert "x-amz-meta-odd" in reply.headers


def test_a_bucket_tells_its_region_to_whoever_asks_for_its_head(
    gateway: Running, bucket: str, keys: Keys, stack: Stack
) -> None:
    url = f"{gateway.endpoint}/{bucket}"
    wrong = Keys(keys.access_key, "wrong", keys.region)
    for signed, status in ((sign(keys, "HEAD", url), 200), (sign(wrong, "HEAD", url), 403)):
        reply = ask(gateway.endpoint, signed)
        assert (reply.status, reply.headers["x-amz-bucket-region"]) == (status, stack.region)


def _anonymous(method: str, path: str) -> Signed:
    signed = sign(Keys("-", "-", "-"), method, f"http://host{path}")
    return Signed(method, path, [("Host", "host")], signed.signing)


@pytest.mark.parametrize("path", ["/{bucket}", "/{bucket}/key", "/no-such-bucket-anywhere"])
def test_a_stranger_learns_nothing(gateway: Running, bucket: str, stack: Stack, path: str) -> None:
    path = path.format(bucket=bucket)
    with gateway.watched() as wire:
        reply = ask(gateway.endpoint, _anonymous("GET", path))
        assert (reply.status, reply.code) == (403, "AccessDenied")
        assert reply.error["Message"] == "Access Denied"
        head = ask(gateway.endpoint, _anonymous("HEAD", path))
        assert wire.sent == []
    assert (head.status, head.headers["content-length"]) == (403, "0")
    told = head.headers.get("x-amz-bucket-region")
    assert told == (None if path.endswith("/key") else stack.region)


def test_a_stranger_has_no_buckets(gateway: Running) -> None:
    assert ask(gateway.endpoint, _anonymous("GET", "/")).code == "AccessDenied"
