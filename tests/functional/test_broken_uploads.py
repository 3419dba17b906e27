"""Uploads that are not what they say: the right error, and in Swift what was there before.

Each is sent twice: where nothing was, and where there is an older object.
"""

from base64 import b64encode
from dataclasses import replace
from hashlib import md5, sha256
from typing import Any
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.gateway import Running, new_bucket
from tests.functional.payloads import (
    ALGORITHMS,
    CHUNK,
    CHUNKED_MODES,
    FRAMINGS,
    HASHED,
    MODES,
    SIGNED,
    SIGNED_TRAILER,
    TRAILER,
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
from tests.functional.rawclient import Reply, ask, keys_of, linked, sign
from tests.functional.stack import Stack
from tests.functional.wrong_bodies import (
    LARGE,
    SMALL,
    Case,
    Place,
    every_case,
    flipped,
    hex_flipped,
)

OLD = b"the older object"


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for all tests, which have keys of their own."""
    return new_bucket(s3)


@pytest.fixture
def places(
    gateway: Running, swift: swiftclient.Connection, bucket: str, stack: Stack
) -> list[Place]:
    """An empty place, and one that is taken."""
    name = uuid4().hex
    taken = f"{name}-taken"
    swift.put_object(bucket, taken, OLD)
    keys = keys_of(stack)
    return [
        Place(keys, gateway.endpoint, swift, bucket, name, None),
        Place(keys, gateway.endpoint, swift, bucket, taken, OLD),
    ]


@pytest.mark.parametrize(("case", "mode", "size", "framing"), list(every_case()))
def test_a_body_that_is_wrong_is_refused_and_leaves_no_trace(
    places: list[Place], case: Case, mode: Mode, size: int, framing: Framing
) -> None:
    for place in places:
        upload = case.make(place, mode, some_bytes(size), framing)
        reply = put(place.endpoint, upload)
        assert (reply.status, reply.code) == (case.status, case.code)
        assert reply.error["Message"] == case.message
        place.assert_untouched()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_wrong_checksum_of_any_algorithm_is_a_bad_digest(
    places: list[Place], algorithm: str, size: int
) -> None:
    data = some_bytes(size)
    headers = [(f"x-amz-checksum-{algorithm}", checksum(algorithm, data + b"x"))]
    for place in places:
        upload = prepared(place.keys, place.url, Body(mode=HASHED, data=data), headers=headers)
        reply = put(place.endpoint, upload)
        wanted = f"The {algorithm.upper()} you specified did not match the calculated checksum."
        assert (reply.status, reply.code, reply.error["Message"]) == (400, "BadDigest", wanted)
        place.assert_untouched()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_wrong_sha256_is_answered_with_both(places: list[Place], size: int) -> None:
    data = some_bytes(size)
    for place in places:
        upload = prepared(place.keys, place.url, Body(mode=HASHED, data=data))
        reply = put(place.endpoint, replace(upload, wire=flipped(data, 0)))
        assert reply.error["ClientComputedContentSHA256"] == sha256(data).hexdigest()
        assert reply.error["S3ComputedContentSHA256"] == sha256(flipped(data, 0)).hexdigest()
        place.assert_untouched()


def test_a_wrong_md5_of_a_small_body_is_answered_with_both(places: list[Place]) -> None:
    data, promised = some_bytes(SMALL), md5(b"other").digest()
    headers = [("Content-MD5", b64encode(promised).decode())]
    for place in places:
        upload = prepared(place.keys, place.url, Body(mode=HASHED, data=data), headers=headers)
        reply = put(place.endpoint, upload)
        assert reply.error["CalculatedDigest"] == b64encode(md5(data).digest()).decode()
        assert reply.error["ExpectedDigest"] == promised.hex()
        place.assert_untouched()


def test_the_md5_of_a_large_body_is_for_swift_to_verify(
    gateway: Running, places: list[Place]
) -> None:
    promised = md5(b"other").digest()
    headers = [("Content-MD5", b64encode(promised).decode())]
    body = Body(mode=HASHED, data=some_bytes(LARGE))
    for place in places:
        upload = prepared(place.keys, place.url, body, headers=headers)
        with gateway.watched() as wire:
            assert put(place.endpoint, upload).code == "BadDigest"
            (sent,) = wire.sent
        assert (sent.method, sent.headers["ETag"]) == ("PUT", promised.hex())
        place.assert_untouched()


LENGTH = "You must provide the Content-Length HTTP header."


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_body_that_nothing_announces_is_no_empty_object(places: list[Place], mode: Mode) -> None:
    for place in places:
        body = Body(mode=mode, data=b"")
        signed = sign(place.keys, "PUT", place.url, body.headers(), payload=body.payload())
        reply = ask(place.endpoint, signed)
        assert (reply.status, reply.code) == (411, "MissingContentLength")
        assert reply.error["Message"] == LENGTH
        place.assert_untouched()


@pytest.mark.parametrize("given", [None, "", "-1", "1e3", "0x10"])
@pytest.mark.parametrize("mode", CHUNKED_MODES, ids=lambda mode: mode.name)
def test_a_chunked_body_must_announce_its_decoded_length(
    places: list[Place], mode: Mode, given: str | None
) -> None:
    for place in places:
        body = Body(mode=mode, data=b"data")
        headers = [pair for pair in body.headers() if "decoded" not in pair[0]]
        if given is not None:
            headers.append(("x-amz-decoded-content-length", given))
        signed = sign(place.keys, "PUT", place.url, headers, payload=body.payload())
        wire = body.wire(signed)
        reply = ask(place.endpoint, signed, wire, more=[("Content-Length", str(len(wire)))])
        assert (reply.status, reply.code) == (411, "MissingContentLength")
        place.assert_untouched()


@pytest.mark.parametrize(
    ("literal", "status", "code"),
    [
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 501, "NotImplemented"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", 501, "NotImplemented"),
        ("STREAMING-OTHER", 400, "InvalidArgument"),
        ("ab" * 31, 400, "InvalidArgument"),
    ],
)
def test_a_payload_mode_that_is_unknown_is_refused(
    places: list[Place], literal: str, status: int, code: str
) -> None:
    for place in places:
        signed = sign(place.keys, "PUT", place.url, payload=literal)
        reply = ask(place.endpoint, signed, b"data", more=[("Content-Length", "4")])
        assert (reply.status, reply.code) == (status, code)
        place.assert_untouched()


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            [("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-crc32c", "AAAAAA==")],
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ),
        (
            [("x-amz-checksum-crc32", "AAAA")],
            "Value for x-amz-checksum-crc32 header is invalid.",
        ),
        (
            [("x-amz-trailer", "x-amz-meta-late")],
            "The value specified in the x-amz-trailer header is not supported",
        ),
        (
            [("x-amz-sdk-checksum-algorithm", "CRC32")],
            (
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
                "x-amz-trailer headers were found."
            ),
        ),
    ],
)
def test_checksum_headers_that_make_no_sense_are_refused(
    places: list[Place], headers: list[tuple[str, str]], message: str
) -> None:
    for place in places:
        upload = prepared(place.keys, place.url, Body(mode=UNSIGNED, data=b"d"), headers=headers)
        reply = put(place.endpoint, upload)
        assert (reply.status, reply.code) == (400, "InvalidRequest")
        assert reply.error["Message"] == message
        place.assert_untouched()


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_client_that_leaves_before_the_end_leaves_nothing(
    gateway: Running, places: list[Place], mode: Mode, size: int, framing: Framing
) -> None:
    for place in places:
        body = Body(mode=mode, data=some_bytes(size))
        headers = [("Expect", "100-continue")]
        head, *rest = prepared(place.keys, place.url, body, framing, headers).pieces()
        with linked(place.endpoint) as link:
            link.send(head)
            link.go_on()
            link.send(b"".join(rest)[:-1])  # all but one byte
        gateway.wait_until_idle()
        place.assert_untouched()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_http_chunks_that_are_malformed_leave_nothing(
    gateway: Running, places: list[Place], size: int
) -> None:
    for place in places:
        upload = prepared(place.keys, place.url, Body(mode=HASHED, data=some_bytes(size)))
        with linked(place.endpoint) as link:
            link.send(upload.signed.head([("Transfer-Encoding", "chunked")]))
            link.send(f"{size:x}\r\n".encode() + upload.wire + b"\r\nno size\r\n\r\n")
            assert link.reply().status == 400
            assert link.is_closed()
        gateway.wait_until_idle()
        place.assert_untouched()


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_connection_goes_on_after_a_wrong_body_that_was_read_to_its_end(
    places: list[Place], size: int
) -> None:
    data = some_bytes(size)
    for place in places:
        upload = prepared(place.keys, place.url, Body(mode=HASHED, data=data))
        with linked(place.endpoint) as link:
            reply = send(link, replace(upload, wire=flipped(data, size - 1)))
            assert (reply.code, "connection" in reply.headers) == (
                "XAmzContentSHA256Mismatch",
                False,
            )
            place.assert_untouched()
            assert send(link, upload).status == 200
        assert stored(place.swift, place.bucket, place.name) == data


def test_a_connection_ends_with_a_body_that_is_refused_on_the_way(places: list[Place]) -> None:
    for place in places:
        upload = prepared(place.keys, place.url, Body(mode=SIGNED, data=some_bytes(LARGE)))
        wire = hex_flipped(upload.wire, b"chunk-signature=", 0)
        with linked(place.endpoint) as link:
            link.send(upload.signed.head([("Content-Length", str(len(wire)))]))
            link.send(wire[: 2 * CHUNK])
            reply: Reply = link.reply()
            assert (reply.code, reply.headers["connection"]) == ("SignatureDoesNotMatch", "close")
            assert link.is_closed()
        place.assert_untouched()


@pytest.mark.parametrize("mode", [HASHED, TRAILER, SIGNED, SIGNED_TRAILER], ids=lambda m: m.name)
def test_a_part_that_is_wrong_is_no_part(
    gateway: Running, s3: Any, places: list[Place], mode: Mode
) -> None:
    place = places[0]
    target = {"Bucket": place.bucket, "Key": place.name}
    upload_id = s3.create_multipart_upload(**target)["UploadId"]
    url = f"{place.url}?partNumber=1&uploadId={upload_id}"
    upload = prepared(place.keys, url, Body(mode=mode, data=some_bytes(LARGE)))
    at = upload.wire.rindex(some_bytes(LARGE)[-100:])
    assert put(gateway.endpoint, replace(upload, wire=flipped(upload.wire, at))).status in {
        400,
        403,
    }
    assert "Parts" not in s3.list_parts(**target, UploadId=upload_id)
    name = f"{place.name}/{upload_id}/1"
    assert stored(place.swift, f"{place.bucket}+segments", name) is None
