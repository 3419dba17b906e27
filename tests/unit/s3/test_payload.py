"""The self-checking body: what it lets through, when, and everything it refuses."""

import base64
import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from s3gw.s3 import checksums
from s3gw.s3.checksums import PREFIX, Checksum
from s3gw.s3.errors import (
    BadDigest,
    EntityTooLarge,
    IncompleteBody,
    InvalidArgument,
    InvalidDigest,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    NotImplemented as S3NotImplemented,
    S3Error,
    SignatureDoesNotMatch,
    XAmzContentSHA256Mismatch,
)
from s3gw.s3.payload import (
    UNSIGNED,
    BodyCheck,
    BodyExpectation,
    PayloadKind,
    PayloadMode,
    read_expectation,
    signed_payload,
    unsigned_payload,
)
from s3gw.s3.request import Headers
from tests.unit.s3.aws_chunked import FORMS, SIGNING, Form, encode

GIB = 1 << 30
CHUNKED = [
    PayloadMode(PayloadKind.CHUNKED_UNSIGNED),
    PayloadMode(PayloadKind.CHUNKED_SIGNED),
    PayloadMode(PayloadKind.CHUNKED_SIGNED_TRAILER),
]
ECDSA = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def checksum_of(algorithm: str, data: bytes) -> Checksum:
    hasher = checksums.new_hasher(algorithm)
    hasher.update(data)
    return checksums.of_digest(algorithm, hasher.digest())


def sha256_mode(data: bytes) -> PayloadMode:
    return signed_payload(hashlib.sha256(data).hexdigest())


def expect(
    payload: PayloadMode,
    *pairs: tuple[str, str],
    length: int | None = None,
    max_size: int = GIB,
) -> BodyExpectation:
    """The expectation; `length` goes where the mode looks for it."""
    if not payload.chunked:
        return read_expectation(Headers(pairs), payload, content_length=length, max_size=max_size)
    headers = Headers([*pairs, ("x-amz-decoded-content-length", str(length))])
    return read_expectation(headers, payload, content_length=None, max_size=max_size)


def run(expectation: BodyExpectation, pieces: Sequence[bytes]) -> tuple[bytes, BodyCheck]:
    check = BodyCheck(expectation, SIGNING, check_md5=True)
    let_go = b"".join(check.feed(piece) for piece in pieces)
    return let_go + check.finish(), check


# What x-amz-content-sha256 says.


@pytest.mark.parametrize(
    ("value", "chunked", "trailers", "signed_chunks"),
    [
        ("UNSIGNED-PAYLOAD", False, False, False),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", True, True, False),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", True, False, True),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", True, True, True),
        ("ab" * 32, False, False, False),
        ("AB" * 32, False, False, False),
    ],
)
def test_each_payload_mode_is_read(
    *, value: str, chunked: bool, trailers: bool, signed_chunks: bool
) -> None:
    mode = signed_payload(value)
    assert (mode.chunked, mode.trailers, mode.signed_chunks) == (chunked, trailers, signed_chunks)
    assert mode.sha256 == (value if len(value) == 64 else None)


@pytest.mark.parametrize("value", ["", "sha256", "SIGNED", "ab" * 31, "xy" * 32, "ab" * 32 + " "])
def test_another_payload_mode_is_an_invalid_argument(value: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        signed_payload(value)
    assert refusal.value.message == (
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a "
        "valid sha256 value."
    )
    assert refusal.value.details == {
        "ArgumentName": "x-amz-content-sha256",
        "ArgumentValue": value,
    }


@pytest.mark.parametrize("value", [ECDSA, ECDSA + "-TRAILER"])
def test_ecdsa_is_not_implemented(value: str) -> None:
    for read in (signed_payload, unsigned_payload):
        with pytest.raises(S3NotImplemented) as refusal:
            read(value)
        assert refusal.value.status == 501


def test_without_a_v4_signature_a_body_is_raw_chunked_or_hashed_but_never_chunk_signed() -> None:
    assert unsigned_payload(None) == UNSIGNED
    assert unsigned_payload("UNSIGNED-PAYLOAD") == UNSIGNED
    assert unsigned_payload("whatever") == UNSIGNED
    assert unsigned_payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER") == CHUNKED[0]
    assert unsigned_payload("ab" * 32).sha256 == "ab" * 32
    for mode in CHUNKED[1:]:
        with pytest.raises(InvalidArgument):
            unsigned_payload(mode.kind.value)


# What the headers alone show.


def test_the_length_is_the_decoded_one_where_the_body_is_chunked() -> None:
    for mode in CHUNKED:
        headers = Headers([("x-amz-decoded-content-length", "5")])
        expectation = read_expectation(headers, mode, content_length=90, max_size=5)
        assert (expectation.length, expectation.content_length) == (5, 90)
    assert expect(UNSIGNED, ("x-amz-decoded-content-length", "7"), length=5).length == 5
    assert expect(UNSIGNED).length is None


@pytest.mark.parametrize("mode", CHUNKED)
@pytest.mark.parametrize("value", [None, "", "x", "-1", "1.5", "٣", "1_0", "9" * 40])
def test_a_chunked_body_must_tell_its_decoded_length(mode: PayloadMode, value: str | None) -> None:
    headers = Headers([] if value is None else [("x-amz-decoded-content-length", value)])
    with pytest.raises(MissingContentLength) as refusal:
        read_expectation(headers, mode, content_length=100, max_size=GIB)
    assert refusal.value.status == 411
    assert refusal.value.message == "You must provide the Content-Length HTTP header."


def test_object_data_must_be_framed_and_other_bodies_need_not() -> None:
    with pytest.raises(MissingContentLength):
        read_expectation(
            Headers([]), UNSIGNED, content_length=None, max_size=1, require_length=True
        )
    framed = Headers([("Transfer-Encoding", "chunked")])
    for headers, length in ((framed, None), (Headers([]), 0)):
        expectation = read_expectation(
            headers, UNSIGNED, content_length=length, max_size=1, require_length=True
        )
        assert expectation.length == length
    assert expect(UNSIGNED).length is None


@pytest.mark.parametrize("mode", [UNSIGNED, *CHUNKED])
def test_a_declared_length_beyond_the_limit_is_refused_at_once(mode: PayloadMode) -> None:
    assert expect(mode, length=10, max_size=10).length == 10
    with pytest.raises(EntityTooLarge) as refusal:
        expect(mode, length=11, max_size=10)
    assert refusal.value.details == {"ProposedSize": "11", "MaxSizeAllowed": "10"}
    assert refusal.value.message == "Your proposed upload exceeds the maximum allowed size"


def test_a_chunked_body_shorter_on_the_wire_than_decoded_is_refused_at_once() -> None:
    headers = Headers([("x-amz-decoded-content-length", "10")])
    with pytest.raises(IncompleteBody) as refusal:
        read_expectation(headers, CHUNKED[0], content_length=9, max_size=GIB)
    assert refusal.value.details == {"NumberBytesExpected": "10", "NumberBytesProvided": "9"}


@pytest.mark.parametrize(
    "value", ["", "x", b64(bytes(15)), b64(bytes(17)), b64(bytes(16))[:-1], bytes(16).hex(), "é"]
)
def test_a_content_md5_that_is_none_is_an_invalid_digest(value: str) -> None:
    with pytest.raises(InvalidDigest) as refusal:
        expect(UNSIGNED, ("Content-MD5", value))
    assert refusal.value.message == "The Content-MD5 you specified was invalid."
    assert refusal.value.details == {"Content-MD5": value}


def test_the_headers_checksum_faults_are_found() -> None:
    with pytest.raises(InvalidRequest, match=r"Value for x-amz-checksum-crc32 header is invalid"):
        expect(UNSIGNED, ("x-amz-checksum-crc32", "AAAA"))


@pytest.mark.parametrize("mode", [UNSIGNED, PayloadMode(PayloadKind.CHUNKED_SIGNED)])
def test_a_trailer_cannot_be_announced_where_none_can_come(mode: PayloadMode) -> None:
    with pytest.raises(MalformedTrailerError):
        expect(mode, ("x-amz-trailer", "x-amz-checksum-crc32"), length=0)


def test_an_objects_checksum_on_another_body_is_left_alone() -> None:
    headers = Headers([("x-amz-checksum-crc32", "DUoRhQ==-3")])
    expectation = read_expectation(
        headers, UNSIGNED, content_length=1, max_size=1, object_checksum=True
    )
    assert expectation.checksum is None


def test_a_body_is_vouched_for_by_any_digest() -> None:
    assert not expect(UNSIGNED).vouched
    assert expect(UNSIGNED, ("content-md5", b64(bytes(16)))).vouched
    assert expect(UNSIGNED, ("x-amz-checksum-sha512", "x")).vouched
    assert expect(CHUNKED[0], ("x-amz-trailer", "x-amz-checksum-md5"), length=0).vouched
    assert expect(sha256_mode(b"")).vouched


# The body itself.


@given(pieces=st.lists(st.binary(max_size=40), max_size=8), known=st.booleans())
def test_a_raw_body_comes_out_whole_and_its_end_only_at_the_end(
    *, pieces: list[bytes], known: bool
) -> None:
    body = b"".join(pieces)
    expectation = expect(sha256_mode(body), length=len(body) if known else None)
    assert_held_back(expectation, pieces, body)


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    cuts=st.lists(st.integers(min_value=0, max_value=800), max_size=6),
    mode=st.sampled_from(CHUNKED),
    form=st.sampled_from(FORMS),
)
def test_a_chunked_body_comes_out_whole_and_its_end_only_at_the_end(
    chunks: list[bytes], cuts: list[int], mode: PayloadMode, form: Form
) -> None:
    body = b"".join(chunks)
    trailer = checksum_of("crc32", body)
    wire = encode(
        chunks,
        signed=mode.signed_chunks,
        trailers=[(PREFIX + trailer.algorithm, trailer.value)] if mode.trailers else None,
        form=form,
    )
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    pieces = [wire[start:end] for start, end in pairwise(edges)]
    announced = [("x-amz-trailer", PREFIX + trailer.algorithm)] if mode.trailers else []
    check = assert_held_back(expect(mode, *announced, length=len(body)), pieces, body)
    assert check.checksum == (trailer if mode.trailers else None)


def assert_held_back(
    expectation: BodyExpectation, pieces: Sequence[bytes], body: bytes
) -> BodyCheck:
    """Until finish() the output is a strict prefix of the body (of an empty one: empty)."""
    check = BodyCheck(expectation, SIGNING, check_md5=True)
    let_go = b""
    for piece in pieces:
        let_go += check.feed(piece)
        assert body.startswith(let_go)
        if expectation.length is None:  # then any piece may be the last one
            assert len(let_go) < check.received or let_go == b""
        elif check.received < len(body):  # then none is held
            assert len(let_go) == check.received
    assert not body or len(let_go) < len(body)
    assert let_go + check.finish() == body
    assert check.received == len(body)
    return check


def test_empty_pieces_do_not_release_what_is_held() -> None:
    check = BodyCheck(expect(UNSIGNED), None, check_md5=False)
    assert check.feed(b"abc") == b""
    assert check.feed(b"") == b""
    assert check.feed(b"d") == b"abc"
    assert check.finish() == b"d"


def test_a_large_piece_is_passed_on_uncopied() -> None:
    check = BodyCheck(expect(UNSIGNED), None, check_md5=False)
    first, second = b"a" * 65536, b"b" * 65536
    check.feed(first)
    assert check.feed(second) is first
    assert check.finish() is second


def test_of_a_body_of_known_length_only_its_end_is_held() -> None:
    check = BodyCheck(expect(UNSIGNED, length=2 * 65536), None, check_md5=False)
    first, second = b"a" * 65536, b"b" * 65536
    assert check.feed(first) is first
    assert check.feed(second) == b""
    assert check.finish() is second


@pytest.mark.parametrize("mode", [UNSIGNED, *CHUNKED])
@pytest.mark.parametrize("declared", [0, 4, 6, 100])
def test_another_length_than_declared_is_an_incomplete_body(
    mode: PayloadMode, declared: int
) -> None:
    wire = encode([b"hello"], signed=mode.signed_chunks, trailers=() if mode.trailers else None)
    check = BodyCheck(expect(mode, length=declared), SIGNING, check_md5=True)
    body = wire if mode.chunked else b"hello"
    if declared < 5:
        with pytest.raises(IncompleteBody) as refusal:
            check.feed(body)
    else:
        check.feed(body)
        with pytest.raises(IncompleteBody) as refusal:
            check.finish()
    assert refusal.value.details == {
        "NumberBytesExpected": str(declared),
        "NumberBytesProvided": "5",
    }
    assert refusal.value.message == (
        "You did not provide the number of bytes specified by the Content-Length HTTP header"
    )


def test_a_body_of_unknown_length_is_cut_at_the_limit() -> None:
    check = BodyCheck(expect(UNSIGNED, max_size=10), None, check_md5=False)
    assert check.feed(b"x" * 10) == b""
    with pytest.raises(EntityTooLarge) as refusal:
        check.feed(b"x")
    assert refusal.value.details == {"ProposedSize": "11", "MaxSizeAllowed": "10"}


def test_a_body_with_another_sha256_is_refused_and_its_end_kept() -> None:
    promised = hashlib.sha256(b"hello").hexdigest()
    check = BodyCheck(expect(signed_payload(promised)), None, check_md5=False)
    assert check.feed(b"hullo") == b""
    with pytest.raises(XAmzContentSHA256Mismatch) as refusal:
        check.finish()
    assert refusal.value.status == 400
    assert refusal.value.message == (
        "The provided 'x-amz-content-sha256' header does not match what was computed."
    )
    assert refusal.value.details == {
        "ClientComputedContentSHA256": promised,
        "S3ComputedContentSHA256": hashlib.sha256(b"hullo").hexdigest(),
    }


def test_the_sha256_may_be_in_upper_case() -> None:
    promised = hashlib.sha256(b"hello").hexdigest().upper()
    assert run(expect(signed_payload(promised)), [b"hello"])[0] == b"hello"


def test_a_body_with_another_md5_is_a_bad_digest_where_the_gateway_checks() -> None:
    md5 = hashlib.md5(b"hello")
    expectation = expect(UNSIGNED, ("content-md5", b64(md5.digest())))
    assert run(expectation, [b"hello"])[0] == b"hello"
    with pytest.raises(BadDigest) as refusal:
        run(expectation, [b"hullo"])
    assert refusal.value.message == (
        "The Content-MD5 you specified did not match what we received."
    )
    assert refusal.value.details == {
        "CalculatedDigest": b64(hashlib.md5(b"hullo").digest()),
        "ExpectedDigest": md5.hexdigest(),
    }
    elsewhere = BodyCheck(expectation, None, check_md5=False)
    assert elsewhere.feed(b"hullo") + elsewhere.finish() == b"hullo"


def test_the_md5_of_a_chunked_body_is_that_of_its_payload() -> None:
    md5 = ("content-md5", b64(hashlib.md5(b"hello").digest()))
    wire = encode([b"he", b"llo"], signed=True)
    assert run(expect(CHUNKED[1], md5, length=5), [wire])[0] == b"hello"


@pytest.mark.parametrize("algorithm", sorted(checksums.COMPUTED))
@pytest.mark.parametrize("trailing", [False, True])
def test_a_checksum_is_verified_wherever_it_comes(*, algorithm: str, trailing: bool) -> None:
    good = checksum_of(algorithm, b"hello")
    assert (verify(good, b"hello", trailing=trailing), trailing) == (good, trailing)
    with pytest.raises(BadDigest) as refusal:
        verify(good, b"hullo", trailing=trailing)
    assert refusal.value.message == (
        f"The {algorithm.upper()} you specified did not match the calculated checksum."
    )


@pytest.mark.parametrize("algorithm", sorted(checksums.IGNORED))
@pytest.mark.parametrize("trailing", [False, True])
def test_a_checksum_that_is_not_computed_is_accepted_and_not_vouched_for(
    *, algorithm: str, trailing: bool
) -> None:
    assert verify(Checksum(algorithm, "AAAA"), b"hello", trailing=trailing) is None


def verify(promised: Checksum, body: bytes, *, trailing: bool) -> Checksum | None:
    if trailing:
        expectation = expect(
            CHUNKED[0], ("x-amz-trailer", PREFIX + promised.algorithm), length=len(body)
        )
        wire = encode(
            [body], signed=False, trailers=[(PREFIX + promised.algorithm, promised.value)]
        )
        out, check = run(expectation, [wire])
    else:
        out, check = run(expect(UNSIGNED, (PREFIX + promised.algorithm, promised.value)), [body])
    assert out == body
    return check.checksum


@pytest.mark.parametrize("value", ["", "AAAA", "!"])
def test_a_trailing_checksum_that_is_none_is_an_invalid_request(value: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        verify(Checksum("crc32", value), b"hello", trailing=True)
    assert refusal.value.message == "Value for x-amz-checksum-crc32 trailing header is invalid."


def test_an_announced_trailer_that_does_not_come_is_malformed() -> None:
    expectation = expect(CHUNKED[0], ("x-amz-trailer", "x-amz-checksum-crc32"), length=5)
    with pytest.raises(MalformedTrailerError) as refusal:
        run(expectation, [encode([b"hello"], signed=False, trailers=[])])
    assert refusal.value.status == 400


@pytest.mark.parametrize("mode", CHUNKED)
def test_no_byte_of_a_vouched_for_chunked_body_can_be_changed(mode: PayloadMode) -> None:
    body = b"some payload, and more of it"
    trailer = checksum_of("crc32", body)
    trailers = [(PREFIX + trailer.algorithm, trailer.value)] if mode.trailers else None
    announced = [("x-amz-trailer", PREFIX + trailer.algorithm)] if mode.trailers else []
    wire = encode([body[:9], body[9:]], signed=mode.signed_chunks, trailers=trailers)
    expectation = expect(mode, *announced, length=len(body))
    assert run(expectation, [wire])[0] == body
    # Of the character before base64's padding some bits say nothing.
    for at in set(range(len(wire))) - {wire.find(b"==") - 1}:
        bad = bytearray(wire)
        bad[at] ^= 0x40
        with pytest.raises(S3Error):
            run(expectation, [bytes(bad)])


def test_signed_chunks_cannot_be_taken_without_a_signature() -> None:
    for mode in CHUNKED[1:]:
        with pytest.raises(SignatureDoesNotMatch):
            BodyCheck(expect(mode, length=0), None, check_md5=False)


@given(
    mode=st.sampled_from(CHUNKED),
    pieces=st.lists(st.binary(max_size=60), max_size=4),
    length=st.integers(min_value=0, max_value=50),
)
def test_random_bodies_raise_nothing_but_s3_errors(
    mode: PayloadMode, pieces: list[bytes], length: int
) -> None:
    try:
        body, _ = run(expect(mode, length=length), pieces)
    except S3Error:
        return
    assert len(body) == length


@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "content-md5",
                    "x-amz-decoded-content-length",
                    "x-amz-trailer",
                    "x-amz-checksum-sha1",
                    "transfer-encoding",
                ]
            ),
            st.text(st.characters(max_codepoint=255), max_size=40),
        ),
        max_size=4,
    ),
    value=st.one_of(
        st.sampled_from([kind.value for kind in PayloadKind]),
        st.text(st.characters(max_codepoint=255), max_size=70),
    ),
)
def test_random_headers_raise_nothing_but_s3_errors(
    pairs: list[tuple[str, str]], value: str
) -> None:
    try:
        expectation = read_expectation(
            Headers(pairs), signed_payload(value), content_length=None, max_size=GIB
        )
    except S3Error:
        return
    assert expectation.max_size == GIB
