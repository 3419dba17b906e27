"""Every payload mode, at every size that takes another road, cut where it hurts."""

from base64 import b64encode
from hashlib import md5
from typing import Any
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.gateway import Running, new_bucket, running, settings_for
from tests.functional.payloads import (
    ALGORITHMS,
    BUFFER_SIZE,
    CHUNKED_MODES,
    FRAMINGS,
    HASHED,
    MODES,
    SIGNED_TRAILER,
    TRAILER,
    TRAILER_MODES,
    UNSIGNED,
    Body,
    Framing,
    Mode,
    checksum,
    prepared,
    put,
    send,
    some_bytes,
    stored,
)
from tests.functional.rawclient import Keys, Reply, ask, keys_of, linked, sign
from tests.functional.stack import Stack
from tests.unit.s3.aws_chunked import FORMS, Form

SIZES = (0, 1, 65536, BUFFER_SIZE - 1, BUFFER_SIZE, BUFFER_SIZE + 1, 5 * 1024 * 1024)
SMALL, LARGE = 1000, BUFFER_SIZE + 1
CHECKSUM_MODE = [("x-amz-checksum-mode", "ENABLED")]

every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
chunked_modes = pytest.mark.parametrize("mode", CHUNKED_MODES, ids=lambda mode: mode.name)
trailer_modes = pytest.mark.parametrize("mode", TRAILER_MODES, ids=lambda mode: mode.name)
both_framings = pytest.mark.parametrize("framing", FRAMINGS)
both_roads = pytest.mark.parametrize("size", [SMALL, LARGE])
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS)


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


@pytest.fixture
def url(gateway: Running, bucket: str) -> str:
    """A new object's URL."""
    return f"{gateway.endpoint}/{bucket}/{uuid4().hex}"


@pytest.fixture(scope="session")
def keys(stack: Stack) -> Keys:
    return keys_of(stack)


def _path(url: str) -> tuple[str, str]:
    """Container and name of an object's URL."""
    container, _, name = url.split("/", 3)[3].partition("/")
    return container, name


def _checksums(reply: Reply) -> dict[str, str]:
    return {
        name: value for name, value in reply.headers.items() if name.startswith("x-amz-checksum-")
    }


@every_mode
@both_framings
def test_a_body_of_any_size_is_stored_as_it_was_sent(
    gateway: Running,
    swift: swiftclient.Connection,
    url: str,
    keys: Keys,
    mode: Mode,
    framing: Framing,
) -> None:
    with linked(gateway.endpoint) as link:
        for size in SIZES:
            data = some_bytes(size)
            reply = send(link, prepared(keys, f"{url}-{size}", Body(mode=mode, data=data), framing))
            assert (reply.status, reply.body) == (200, b""), size
            assert reply.headers["etag"] == f'"{md5(data).hexdigest()}"'
            headers, found = swift.get_object(*_path(f"{url}-{size}"))
            assert found == data
            assert "content-encoding" not in headers


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@trailer_modes
def test_the_end_of_a_body_may_be_written_as_clients_do(
    gateway: Running,
    swift: swiftclient.Connection,
    url: str,
    keys: Keys,
    mode: Mode,
    form: Form,
) -> None:
    data = some_bytes(SMALL)
    reply = put(gateway.endpoint, prepared(keys, url, Body(mode=mode, data=data, form=form)))
    assert reply.status == 200
    assert stored(swift, *_path(url)) == data


@pytest.mark.parametrize(
    ("sent", "kept"), [("gzip,aws-chunked", "gzip"), ("AWS-Chunked, br", "br"), (None, None)]
)
@chunked_modes
def test_aws_chunked_is_of_the_wire_and_not_stored(
    *,
    gateway: Running,
    swift: swiftclient.Connection,
    url: str,
    keys: Keys,
    mode: Mode,
    sent: str | None,
    kept: str | None,
) -> None:
    body = Body(mode=mode, data=b"data")
    headers = [pair for pair in body.headers() if pair[0] != "Content-Encoding"]
    if sent is not None:
        headers.append(("Content-Encoding", sent))
    signed = sign(keys, "PUT", url, headers, payload=body.payload())
    wire = body.wire(signed)
    reply = ask(gateway.endpoint, signed, wire, more=[("Content-Length", str(len(wire)))])
    assert reply.status == 200
    found, data = swift.get_object(*_path(url))
    assert (found.get("content-encoding"), data) == (kept, b"data")


def test_a_raw_body_is_not_decoded_whatever_its_encoding_says(
    gateway: Running, swift: swiftclient.Connection, url: str, keys: Keys
) -> None:
    data = b"4\r\ndata\r\n0\r\n\r\n"
    headers = [("Content-Encoding", "aws-chunked"), ("x-amz-decoded-content-length", "4")]
    upload = prepared(keys, url, Body(mode=UNSIGNED, data=data), headers=headers)
    assert put(gateway.endpoint, upload).status == 200
    assert stored(swift, *_path(url)) == data


@every_algorithm
@both_roads
def test_a_checksum_header_is_verified_stored_and_told_to_who_asks(
    gateway: Running, url: str, keys: Keys, algorithm: str, size: int
) -> None:
    data = some_bytes(size)
    value = checksum(algorithm, data)
    name = f"x-amz-checksum-{algorithm}"
    wanted = {name: value, "x-amz-checksum-type": "FULL_OBJECT"}
    upload = prepared(keys, url, Body(mode=HASHED, data=data), headers=[(name, value)])
    assert _checksums(put(gateway.endpoint, upload)) == wanted
    for method in ("GET", "HEAD"):
        asked = ask(gateway.endpoint, sign(keys, method, url, CHECKSUM_MODE))
        assert (asked.status, _checksums(asked)) == (200, wanted)
        assert _checksums(ask(gateway.endpoint, sign(keys, method, url))) == {}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_part_of_an_object_never_has_the_checksum_of_the_whole(
    gateway: Running, url: str, keys: Keys, method: str
) -> None:
    data = some_bytes(SMALL)
    headers = [("x-amz-checksum-crc32", checksum("crc32", data))]
    upload = prepared(keys, url, Body(mode=HASHED, data=data), headers=headers)
    assert put(gateway.endpoint, upload).status == 200
    asked = sign(keys, method, url, [*CHECKSUM_MODE, ("Range", "bytes=1-9")])
    reply = ask(gateway.endpoint, asked)
    assert (reply.status, reply.headers["content-length"]) == (206, "9")
    assert _checksums(reply) == {}


@every_algorithm
def test_a_trailing_checksum_is_stored_with_a_small_body(
    gateway: Running, url: str, keys: Keys, algorithm: str
) -> None:
    data = some_bytes(SMALL)
    wanted = {
        f"x-amz-checksum-{algorithm}": checksum(algorithm, data),
        "x-amz-checksum-type": "FULL_OBJECT",
    }
    body = Body(mode=TRAILER, data=data, algorithm=algorithm)
    assert _checksums(put(gateway.endpoint, prepared(keys, url, body))) == wanted
    assert _checksums(ask(gateway.endpoint, sign(keys, "GET", url, CHECKSUM_MODE))) == wanted


@trailer_modes
def test_a_trailing_checksum_of_a_large_body_is_verified_and_only_echoed(
    gateway: Running, url: str, keys: Keys, mode: Mode
) -> None:
    data = some_bytes(LARGE)
    with gateway.watched() as wire:
        echoed = _checksums(put(gateway.endpoint, prepared(keys, url, Body(mode=mode, data=data))))
        assert wire.methods() == ["PUT"]
    assert echoed["x-amz-checksum-crc32"] == checksum("crc32", data)
    assert _checksums(ask(gateway.endpoint, sign(keys, "HEAD", url, CHECKSUM_MODE))) == {}


def test_a_trailing_checksum_of_a_large_body_is_stored_where_the_operator_says_so(
    stack: Stack, swift: swiftclient.Connection, bucket: str, keys: Keys
) -> None:
    data = some_bytes(LARGE)
    with running(settings_for(stack, s3={"store_trailing_checksum": True})) as storing:
        url = f"{storing.endpoint}/{bucket}/{uuid4().hex}"
        body = Body(mode=SIGNED_TRAILER, data=data, algorithm="crc64nvme")
        headers = [("x-amz-meta-kept", "yes"), ("Content-Type", "text/odd")]
        assert put(storing.endpoint, prepared(keys, url, body, headers=headers)).status == 200
        reply = ask(storing.endpoint, sign(keys, "GET", url, CHECKSUM_MODE))
    assert _checksums(reply) == {
        "x-amz-checksum-crc64nvme": checksum("crc64nvme", data),
        "x-amz-checksum-type": "FULL_OBJECT",
    }
    assert reply.body == data
    headers = swift.head_object(*_path(url))
    assert (headers["x-object-meta-kept"], headers["content-type"]) == ("yes", "text/odd")


@both_roads
@every_mode
def test_a_content_md5_that_is_right_changes_nothing(
    gateway: Running, swift: swiftclient.Connection, url: str, keys: Keys, mode: Mode, size: int
) -> None:
    data = some_bytes(size)
    headers = [("Content-MD5", b64encode(md5(data).digest()).decode())]
    reply = put(gateway.endpoint, prepared(keys, url, Body(mode=mode, data=data), headers=headers))
    assert reply.status == 200
    assert stored(swift, *_path(url)) == data


@every_mode
def test_a_part_may_be_sent_in_every_mode(
    gateway: Running,
    s3: Any,
    swift: swiftclient.Connection,
    url: str,
    keys: Keys,
    mode: Mode,
) -> None:
    bucket, key = _path(url)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    data = some_bytes(LARGE)
    part = f"{url}?partNumber=1&uploadId={upload}"
    reply = put(gateway.endpoint, prepared(keys, part, Body(mode=mode, data=data), "chunked"))
    assert (reply.status, reply.headers["etag"]) == (200, f'"{md5(data).hexdigest()}"')
    assert "x-amz-checksum-type" not in reply.headers
    assert stored(swift, f"{bucket}+segments", f"{key}/{upload}/1") == data
