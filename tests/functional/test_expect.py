"""`Expect: 100-continue`: who is refused is refused before a byte of the body moves."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.gateway import Running, new_bucket
from tests.functional.payloads import (
    BUFFER_SIZE,
    HASHED,
    TRAILER,
    UNSIGNED,
    Body,
    prepared,
    send,
    some_bytes,
    stored,
)
from tests.functional.rawclient import Keys, Pairs, Reply, Signed, linked, sign
from tests.functional.scripted import Scripted, scripted
from tests.functional.stack import Stack
from tests.unit.swift.hostile import Peer, Script

SMALL, LARGE = 1000, BUFFER_SIZE + 1
EXPECT = ("Expect", "100-continue")
GIB = 1024**3

both_roads = pytest.mark.parametrize("size", [SMALL, LARGE])


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


def refused(endpoint: str, signed: Signed, size: int, more: Pairs = ()) -> Reply:
    """Announce a body; the answer must come instead of `100 Continue`, and be the last."""
    with linked(endpoint) as link:
        link.send(signed.head([("Content-Length", str(size)), EXPECT, *more]))
        reply = link.reply()
        assert not reply.went_on
        assert reply.headers["connection"] == "close"
        assert link.is_closed()
    return reply


@both_roads
@pytest.mark.parametrize("value", ["100-continue", "100-Continue"])
def test_a_client_that_may_send_is_told_so_once(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int, value: str
) -> None:
    data, name = some_bytes(size), uuid4().hex
    upload = prepared(
        keys,
        f"{gateway.endpoint}/{bucket}/{name}",
        Body(mode=HASHED, data=data),
        headers=[("Expect", value)],
    )
    head, *rest = upload.pieces()
    with linked(gateway.endpoint) as link:
        link.send(head)
        link.go_on()
        link.send(*rest)
        reply = link.reply()
        assert (reply.status, reply.went_on, "connection" in reply.headers) == (200, False, False)
        assert stored(swift, bucket, name) == data
        link.send(sign(keys, "HEAD", f"{gateway.endpoint}/{bucket}").head())
        assert link.reply(head=True).status == 200


def test_a_client_that_does_not_wait_is_served_all_the_same(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    name = uuid4().hex
    upload = prepared(
        keys,
        f"{gateway.endpoint}/{bucket}/{name}",
        Body(mode=TRAILER, data=b"data"),
        "chunked",
        [EXPECT],
    )
    with linked(gateway.endpoint) as link:
        link.send(b"".join(upload.pieces()))
        assert link.reply().status == 200
    assert stored(swift, bucket, name) == b"data"


@pytest.mark.parametrize("size", [0, SMALL, LARGE])
@pytest.mark.parametrize(
    ("spoil", "status", "code"),
    [
        (lambda keys: Keys(keys.access_key, "wrong", keys.region), 403, "SignatureDoesNotMatch"),
        (lambda keys: Keys("nobody", "wrong", keys.region), 403, "InvalidAccessKeyId"),
    ],
)
def test_who_is_not_known_sends_nothing(
    *,
    gateway: Running,
    swift: swiftclient.Connection,
    bucket: str,
    keys: Keys,
    spoil: Callable[[Keys], Keys],
    status: int,
    code: str,
    size: int,
) -> None:
    name = uuid4().hex
    signed = sign(spoil(keys), "PUT", f"{gateway.endpoint}/{bucket}/{name}")
    with gateway.watched() as wire:
        reply = refused(gateway.endpoint, signed, size)
        assert wire.sent == []
    assert (reply.status, reply.code) == (status, code)
    assert stored(swift, bucket, name) is None


def test_a_stranger_sends_nothing(gateway: Running, bucket: str) -> None:
    head = (
        f"PUT /{bucket}/k HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    )
    with linked(gateway.endpoint) as link:
        link.send(head.encode())
        reply = link.reply()
        assert (reply.status, reply.code, reply.went_on) == (403, "AccessDenied", False)
        assert link.is_closed()


@pytest.mark.parametrize(
    ("headers", "size", "status", "code"),
    [
        ([], 5 * GIB + 1, 400, "EntityTooLarge"),
        ([("Content-MD5", "AAAA")], SMALL, 400, "InvalidDigest"),
        ([("x-amz-checksum-sha1", "AAAA")], LARGE, 400, "InvalidRequest"),
        ([("x-amz-server-side-encryption", "aws:kms")], LARGE, 501, "NotImplemented"),
        ([("x-amz-storage-class", "GLACIER")], SMALL, 400, "InvalidStorageClass"),
        ([("x-amz-expected-bucket-owner", "somebody")], SMALL, 403, "AccessDenied"),
        ([("If-Match", '"etag"')], SMALL, 404, "NoSuchKey"),
        ([("x-amz-meta-big", "x" * 16384)], LARGE, 400, "RequestHeaderSectionTooLarge"),
    ],
)
def test_what_the_headers_show_to_be_wrong_is_not_asked_for(
    *,
    gateway: Running,
    bucket: str,
    keys: Keys,
    headers: list[tuple[str, str]],
    size: int,
    status: int,
    code: str,
) -> None:
    signed = sign(keys, "PUT", f"{gateway.endpoint}/{bucket}/k", headers, payload=UNSIGNED.literal)
    with gateway.watched() as wire:
        reply = refused(gateway.endpoint, signed, size)
        assert "PUT" not in wire.methods()
    assert (reply.status, reply.code) == (status, code)


@both_roads
def test_a_part_of_no_upload_is_not_asked_for(
    gateway: Running, bucket: str, keys: Keys, size: int
) -> None:
    url = f"{gateway.endpoint}/{bucket}/k?partNumber=1&uploadId={'x' * 32}"
    reply = refused(gateway.endpoint, sign(keys, "PUT", url, payload=UNSIGNED.literal), size)
    assert (reply.status, reply.code) == (404, "NoSuchUpload")


def test_a_large_body_for_no_bucket_is_not_asked_for(gateway: Running, keys: Keys) -> None:
    url = f"{gateway.endpoint}/bucket-{uuid4().hex}/k"
    reply = refused(gateway.endpoint, sign(keys, "PUT", url, payload=UNSIGNED.literal), LARGE)
    assert (reply.status, reply.code) == (404, "NoSuchBucket")


@both_roads
def test_an_object_that_must_not_be_replaced_is_not_asked_for(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int
) -> None:
    name = uuid4().hex
    swift.put_object(bucket, name, b"old")
    headers = [("If-None-Match", "*")]
    url = f"{gateway.endpoint}/{bucket}/{name}"
    signed = sign(keys, "PUT", url, headers, payload=UNSIGNED.literal)
    reply = refused(gateway.endpoint, signed, size)
    assert (reply.status, reply.code) == (412, "PreconditionFailed")
    assert reply.error["Condition"] == "If-None-Match"
    assert stored(swift, bucket, name) == b"old"


def test_a_connection_goes_on_after_a_refusal_whose_body_was_sent_anyway(
    gateway: Running, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    nobody = Keys(keys.access_key, "wrong", keys.region)
    url = f"{gateway.endpoint}/{bucket}/{uuid4().hex}"
    body = Body(mode=HASHED, data=some_bytes(LARGE))
    with linked(gateway.endpoint) as link:
        assert send(link, prepared(nobody, url, body)).code == "SignatureDoesNotMatch"
        assert send(link, prepared(keys, url, body)).status == 200
    assert stored(swift, *url.split("/")[3:]) == body.data


# --- what Swift itself says, and when: a scripted Swift behind the real Keystone ---


@pytest.fixture(scope="module")
def told(stack: Stack) -> Iterator[Scripted]:
    """A gateway whose Swift says what a test wants."""
    with scripted(stack) as found:
        yield found


def _upload(gateway: Running, keys: Keys, size: int = LARGE) -> tuple[bytes, bytes]:
    """Head and body of an upload that waits."""
    upload = prepared(
        keys,
        f"{gateway.endpoint}/bucket/key",
        Body(mode=HASHED, data=some_bytes(size)),
        headers=[EXPECT],
    )
    return upload.pieces()[0], upload.wire


def _told_at_once(status: str) -> Script:
    """Swift answers to the head."""

    def script(peer: Peer) -> None:
        assert peer.head().get("expect") == "100-continue"
        peer.answer(status, "Connection: close")
        assert peer.left() == b""

    return script


def _told_after_the_body(status: str) -> Script:
    """Swift lets the body come, and answers then."""

    def script(peer: Peer) -> None:
        assert peer.head().get("content-length") == str(LARGE)
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert peer.body(LARGE) == some_bytes(LARGE)
        peer.answer(status, "Connection: close")

    return script


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ("403 Forbidden", 403, "AccessDenied"),
        ("404 Not Found", 404, "NoSuchBucket"),
        ("412 Precondition Failed", 412, "PreconditionFailed"),
        ("413 Request Entity Too Large", 400, "EntityTooLarge"),
        ("507 Insufficient Storage", 503, "ServiceUnavailable"),
        ("503 Service Unavailable", 503, "ServiceUnavailable"),
        ("498 Rate Limited", 503, "SlowDown"),
    ],
)
def test_what_swift_refuses_at_once_is_not_asked_for(
    told: Scripted, keys: Keys, answer: str, status: int, code: str
) -> None:
    head, _ = _upload(told.gateway, keys)
    with told.saying(_told_at_once(answer)), linked(told.gateway.endpoint) as link:
        link.send(head)
        reply = link.reply()
        assert (reply.status, reply.code, reply.went_on) == (status, code, False)
        assert link.is_closed()


def test_a_token_that_swift_refuses_is_replaced_before_the_body_moves(
    told: Scripted, keys: Keys
) -> None:
    head, body = _upload(told.gateway, keys)
    scripts = _told_at_once("401 Unauthorized"), _told_after_the_body("201 Created")
    with told.saying(*scripts) as swift, linked(told.gateway.endpoint) as link:
        link.send(head)
        link.go_on()
        link.send(body)
        assert link.reply().status == 200
    tokens = [sent.get("x-auth-token") for sent in swift.heads]
    assert len(tokens) == len(set(tokens)) == 2


def test_a_token_that_swift_refuses_twice_is_the_callers_trouble(
    told: Scripted, keys: Keys
) -> None:
    head, _ = _upload(told.gateway, keys)
    refusal = _told_at_once("401 Unauthorized")
    with told.saying(refusal) as swift, linked(told.gateway.endpoint) as link:
        link.send(head)
        reply = link.reply()
        assert (reply.status, reply.code, reply.went_on) == (403, "AccessDenied", False)
    assert swift.connections == 2


@pytest.mark.parametrize("answer", ["401 Unauthorized", "500 Internal Error", "507 Full"])
def test_swifts_failure_after_the_body_is_one_to_try_again(
    told: Scripted, keys: Keys, answer: str
) -> None:
    head, body = _upload(told.gateway, keys)
    script = _told_after_the_body(answer)
    with told.saying(script) as swift, linked(told.gateway.endpoint) as link:
        link.send(head)
        link.go_on()
        link.send(body)
        reply = link.reply()
        assert (reply.status, reply.code) == (503, "ServiceUnavailable")
    assert swift.connections == 1


def _dies_in_the_body(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.body(1000)


def _answers_in_the_body(peer: Peer) -> None:
    peer.head()
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    peer.body(1000)
    peer.answer("503 Service Unavailable", "Connection: close")


@pytest.mark.parametrize("script", [_dies_in_the_body, _answers_in_the_body])
def test_swifts_failure_in_the_middle_is_one_to_try_again_on_another_connection(
    told: Scripted, keys: Keys, script: Script
) -> None:
    head, body = _upload(told.gateway, keys)
    with told.saying(script) as swift, linked(told.gateway.endpoint) as link:
        link.send(head)
        link.go_on()
        link.send(body[: LARGE // 2])
        reply = link.reply()
        assert (reply.status, reply.code) == (503, "ServiceUnavailable")
        assert reply.headers["connection"] == "close"
        assert link.is_closed()
    assert swift.connections == 1
