"""What a request may cost: each limit is a setting, and above it stands a clear error."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import md5
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.fixtures import MakeUser
from tests.functional.gates import Gate, Which, every
from tests.functional.gateway import Running, new_bucket, running, settings_for
from tests.functional.payloads import (
    BUFFER_SIZE,
    FRAMINGS,
    TRAILER,
    UNSIGNED,
    Body,
    Framing,
    Upload,
    prepared,
    put,
    some_bytes,
    stored,
)
from tests.functional.rawclient import Keys, Reply, Signed, ask, cut, linked, sign
from tests.functional.stack import Stack

KIB, GIB = 1024, 1024**3
HEADERS = 16 * KIB
XML = 4 * KIB * KIB


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


@contextmanager
def limited(stack: Stack, **limits: int) -> Iterator[Running]:
    """A gateway with other limits."""
    with running(settings_for(stack, limits=limits)) as found:
        yield found


def _with_header_block(signed: Signed, size: int) -> bytes:
    """The head with so many bytes of header lines, line ends included."""
    head = signed.head()
    missing = size - len(head.partition(b"\r\n")[2].removesuffix(b"\r\n"))
    return signed.head([("x-pad", "p" * (missing - len("x-pad: \r\n")))])


def test_a_header_block_may_have_16_kib(gateway: Running, bucket: str, keys: Keys) -> None:
    signed = sign(keys, "GET", f"{gateway.endpoint}/{bucket}")
    with linked(gateway.endpoint) as link:
        link.send(_with_header_block(signed, HEADERS))
        assert link.reply().status == 200
        link.send(_with_header_block(signed, HEADERS + 1))
        reply = link.reply()
        assert (reply.status, reply.code) == (400, "RequestHeaderSectionTooLarge")
        assert reply.error["MaxSizeAllowed"] == str(HEADERS)
        link.send(signed.head())
        assert link.reply().status == 200


def test_the_header_limit_is_a_setting(stack: Stack, bucket: str, keys: Keys) -> None:
    with limited(stack, header_size=2000) as small:
        signed = sign(keys, "GET", f"{small.endpoint}/{bucket}")
        with linked(small.endpoint) as link:
            link.send(_with_header_block(signed, 2000))
            assert link.reply().status == 200
            link.send(_with_header_block(signed, 2001))
            assert link.reply().error["MaxSizeAllowed"] == "2000"


def _delete_document(size: int) -> bytes:
    """A DeleteObjects body of so many bytes, most of them white space."""
    start, end = b"<Delete><Object><Key>k</Key></Object>", b"</Delete>"
    return start + b" " * (size - len(start) - len(end)) + end


def _delete(gateway: Running, keys: Keys, bucket: str, document: bytes, framing: Framing) -> Reply:
    url = f"{gateway.endpoint}/{bucket}?delete"
    md5_header = ("Content-MD5", b64encode(md5(document).digest()).decode())
    signed = sign(keys, "POST", url, [md5_header], payload=UNSIGNED.literal)
    head, *rest = Upload(signed, document, framing).pieces()
    with linked(gateway.endpoint) as link:
        with suppress(ConnectionError):  # refused on the way; the answer says why
            link.send(head, *cut(b"".join(rest), (65536,)))
        return link.reply()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_xml_body_may_have_4_mib(
    gateway: Running, bucket: str, keys: Keys, framing: Framing
) -> None:
    reply = _delete(gateway, keys, bucket, _delete_document(XML), framing)
    assert (reply.status, b"<Deleted><Key>k</Key></Deleted>" in reply.body) == (200, True)
    reply = _delete(gateway, keys, bucket, _delete_document(XML + 1), framing)
    assert (reply.status, reply.code) == (400, "MaxMessageLengthExceeded")
    assert reply.error["Message"] == "Your request was too big."
    assert reply.error["MaxMessageLengthBytes"] == str(XML)


def test_the_xml_limit_is_a_setting(stack: Stack, bucket: str, keys: Keys) -> None:
    with limited(stack, xml_size=100) as small:
        assert _delete(small, keys, bucket, _delete_document(100), "length").status == 200
        reply = _delete(small, keys, bucket, _delete_document(101), "length")
        assert reply.error["MaxMessageLengthBytes"] == "100"


@pytest.mark.parametrize("key", ["k" * 1024, "é" * 512])
def test_a_key_may_have_1024_bytes(
    gateway: Running, s3: Any, swift: swiftclient.Connection, bucket: str, key: str
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"data")
    assert stored(swift, bucket, key) == b"data"
    with gateway.watched() as wire:
        with pytest.raises(s3.exceptions.ClientError) as refusal:
            s3.put_object(Bucket=bucket, Key=f"{key}k", Body=b"data")
        assert wire.sent == []
    error = refusal.value.response["Error"]
    assert (error["Code"], error["MaxSizeAllowed"]) == ("KeyTooLongError", "1024")


def test_a_multipart_key_may_have_969_bytes(
    gateway: Running, s3: Any, swift: swiftclient.Connection, bucket: str
) -> None:
    target = {"Bucket": bucket, "Key": "m" * 969}
    upload = s3.create_multipart_upload(**target)["UploadId"]
    part = s3.upload_part(**target, UploadId=upload, PartNumber=10000, Body=b"data")
    parts = {"Parts": [{"PartNumber": 10000, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**target, UploadId=upload, MultipartUpload=parts)
    assert stored(swift, bucket, target["Key"]) == b"data"
    with gateway.watched() as wire:
        with pytest.raises(s3.exceptions.ClientError) as refusal:
            s3.create_multipart_upload(Bucket=bucket, Key="m" * 970)
        assert "PUT" not in wire.methods()
    error = refusal.value.response["Error"]
    assert (error["Code"], error["MaxSizeAllowed"]) == ("KeyTooLongError", "969")


def _announced(gateway: Running, keys: Keys, bucket: str, size: int) -> Reply:
    """The answer to the announcement of a body."""
    url = f"{gateway.endpoint}/{bucket}/{uuid4().hex}"
    signed = sign(keys, "PUT", url, payload=UNSIGNED.literal)
    more = [("Content-Length", str(size)), ("Expect", "100-continue")]
    return ask(gateway.endpoint, signed, more=more)


def test_a_single_put_may_have_5_gib(gateway: Running, bucket: str, keys: Keys) -> None:
    reply = _announced(gateway, keys, bucket, 5 * GIB + 1)
    assert (reply.status, reply.code, reply.went_on) == (400, "EntityTooLarge", False)
    assert reply.error["ProposedSize"] == str(5 * GIB + 1)
    assert reply.error["MaxSizeAllowed"] == str(5 * GIB)


def test_a_single_put_that_may_have_more_ends_at_swifts_own_limit(
    stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    most = swift.get_capabilities()["swift"]["max_file_size"]
    with limited(stack, object_size=100 * GIB) as large:
        reply = _announced(large, keys, bucket, most + 1)
    assert (reply.status, reply.code, reply.went_on) == (400, "EntityTooLarge", False)
    assert reply.error["MaxSizeAllowed"] == str(most)


@pytest.mark.parametrize("most", [1000, BUFFER_SIZE + 1000])
def test_a_body_that_grows_above_the_limit_is_not_stored(
    stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys, most: int
) -> None:
    with limited(stack, object_size=most) as small:
        for mode, framing in product((UNSIGNED, TRAILER), FRAMINGS):
            name = uuid4().hex
            url = f"{small.endpoint}/{bucket}/{name}"
            body = Body(mode=mode, data=some_bytes(most + 1))
            reply = put(small.endpoint, prepared(keys, url, body, framing))
            assert (reply.status, reply.code) == (400, "EntityTooLarge")
            assert reply.error["MaxSizeAllowed"] == str(most)
            assert stored(swift, bucket, name) is None
            body = Body(mode=mode, data=some_bytes(most))
            assert put(small.endpoint, prepared(keys, url, body, framing)).status == 200
            assert stored(swift, bucket, name) == body.data


def test_a_request_too_many_is_told_to_slow_down(stack: Stack, bucket: str, keys: Keys) -> None:
    with (
        limited(stack, concurrent_requests=1) as narrow,
        narrow.watched() as wire,
        Gate(Which("GET", f"/{bucket}/held$")) as gate,
    ):
        wire.before = gate
        other = f"{narrow.endpoint}/{bucket}"
        with linked(narrow.endpoint) as link:
            link.send(sign(keys, "GET", f"{other}/held").head())
            gate.wait()
            reply = ask(narrow.endpoint, sign(keys, "GET", other))
            assert (reply.status, reply.code) == (503, "SlowDown")
            assert reply.error["Message"] == "Please reduce your request rate."
            assert reply.headers["retry-after"] == "1"
            reply = ask(narrow.endpoint, sign(keys, "HEAD", other))
            assert (reply.status, reply.headers["content-length"]) == (503, "0")
            gate.open()
            assert link.reply().code == "NoSuchKey"
        narrow.wait_until_idle()
        assert ask(narrow.endpoint, sign(keys, "GET", other)).status == 200


def test_a_client_with_many_requests_leaves_a_worker_to_the_others(
    stack: Stack, bucket: str, keys: Keys, make_user: MakeUser
) -> None:
    other = make_user()
    others = Keys(other.access_key, other.secret_key, keys.region)
    limits = {"concurrent_requests": 4, "concurrent_requests_per_key": 2}
    with (
        limited(stack, **limits) as shared,
        shared.watched() as wire,
        Gate(Which("GET", f"/{bucket}/held-1$")) as one,
        Gate(Which("GET", f"/{bucket}/held-2$")) as two,
    ):
        wire.before = every(one, two)
        url = f"{shared.endpoint}/{bucket}"
        with linked(shared.endpoint) as first, linked(shared.endpoint) as second:
            first.send(sign(keys, "GET", f"{url}/held-1").head())
            second.send(sign(keys, "GET", f"{url}/held-2").head())
            one.wait()
            two.wait()
            for _ in range(5):
                reply = ask(shared.endpoint, sign(keys, "GET", url))
                assert (reply.status, reply.code) == (503, "SlowDown")
                assert reply.headers["retry-after"] == "1"
                assert (
                    ask(shared.endpoint, sign(others, "GET", f"{shared.endpoint}/")).status == 200
                )
            forged = Keys(keys.access_key, "wrong", keys.region)
            assert ask(shared.endpoint, sign(forged, "GET", url)).code == "SignatureDoesNotMatch"
            one.open()
            two.open()
            assert first.reply().code == second.reply().code == "NoSuchKey"
        shared.wait_until_idle()
        assert ask(shared.endpoint, sign(keys, "GET", url)).status == 200


@pytest.mark.parametrize("size", [1000, BUFFER_SIZE + 1])
def test_a_client_that_stalls_in_its_body_is_not_waited_for(
    stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys, size: int
) -> None:
    name = uuid4().hex
    with running(settings_for(stack, server={"body_timeout": 0.3})) as hasty:
        upload = prepared(
            keys, f"{hasty.endpoint}/{bucket}/{name}", Body(mode=UNSIGNED, data=some_bytes(size))
        )
        with linked(hasty.endpoint) as link:
            link.send(b"".join(upload.pieces())[:-1])
            reply = link.reply()
            assert (reply.status, reply.code) == (400, "RequestTimeout")
            assert reply.headers["connection"] == "close"
            assert link.is_closed()
        hasty.wait_until_idle()
    assert stored(swift, bucket, name) is None
