"""The aws-chunked decoder against an encoder of its own, cut and tampered with everywhere."""

from itertools import pairwise

import pytest
from hypothesis import example, given, strategies as st

from s3gw.s3.chunked import ChunkDecoder
from s3gw.s3.errors import (
    IncompleteBody,
    MalformedTrailerError,
    S3Error,
    SignatureDoesNotMatch,
)
from tests.unit.s3.aws_chunked import AWS, FORMS, SIGNING, Form, encode

CRC = "x-amz-checksum-crc32"
TRAILERS = [(CRC, "DUoRhQ==")]
CHUNKS = [b"hello", b"a slightly longer chunk of text\r\n", b"0\r\n\r\n"]
PAYLOAD = b"".join(CHUNKS)


def decoder(*, signed: bool, trailers: bool, announced: str | None = None) -> ChunkDecoder:
    return ChunkDecoder(SIGNING if signed else None, trailers=trailers, announced=announced)


def decode(pieces: list[bytes], **mode: bool | str | None) -> tuple[bytes, str | None]:
    chunked = decoder(
        signed=bool(mode["signed"]),
        trailers=bool(mode["trailers"]),
        announced=None if mode.get("announced") is None else str(mode["announced"]),
    )
    payload = b"".join(bytes(view) for piece in pieces for view in chunked.feed(piece))
    return payload, chunked.finish()


def bodies() -> list[tuple[str, bytes, dict[str, bool | str | None]]]:
    """Each payload mode, with and without a trailer, in each way of ending it."""
    found: list[tuple[str, bytes, dict[str, bool | str | None]]] = [
        (
            "signed",
            encode(CHUNKS, signed=True),
            {"signed": True, "trailers": False},
        )
    ]
    for signed in (True, False):
        for form in FORMS:
            for announced in (None, CRC):
                wire = encode(
                    CHUNKS, signed=signed, trailers=TRAILERS if announced else [], form=form
                )
                mode = {"signed": signed, "trailers": True, "announced": announced}
                found.append((f"{signed=} {announced=} {form.name}", wire, mode))
    return found


@pytest.mark.parametrize(
    ("wire", "mode"), [pytest.param(wire, mode, id=name) for name, wire, mode in bodies()]
)
def test_a_body_decodes_alike_wherever_it_is_cut(
    wire: bytes, mode: dict[str, bool | str | None]
) -> None:
    expected = (PAYLOAD, "DUoRhQ==" if mode.get("announced") else None)
    for cut in range(len(wire) + 1):
        assert decode([wire[:cut], wire[cut:]], **mode) == expected
    assert decode([wire[at : at + 1] for at in range(len(wire))], **mode) == expected


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=6),
    cuts=st.lists(st.integers(min_value=0, max_value=2500), max_size=8),
    signed=st.booleans(),
    form=st.sampled_from(FORMS),
)
def test_any_payload_in_any_chunks_comes_out_as_it_went_in(
    *, chunks: list[bytes], cuts: list[int], signed: bool, form: Form
) -> None:
    wire = encode(chunks, signed=signed, trailers=TRAILERS, form=form)
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    pieces = [wire[start:end] for start, end in pairwise(edges)]
    decoded = decode(pieces, signed=signed, trailers=True, announced=CRC)
    assert decoded == (b"".join(chunks), "DUoRhQ==")


@pytest.mark.parametrize("trailers", [None, TRAILERS])
@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_no_byte_of_a_signed_body_can_be_changed(
    trailers: list[tuple[str, str]] | None, flip: int
) -> None:
    wire = encode(CHUNKS, signed=True, trailers=trailers)
    for at in range(len(wire)):
        bad = bytearray(wire)
        bad[at] ^= flip
        with pytest.raises((SignatureDoesNotMatch, IncompleteBody, MalformedTrailerError)):
            decode(
                [bytes(bad)],
                signed=True,
                trailers=trailers is not None,
                announced=CRC if trailers else None,
            )


def test_a_changed_byte_of_a_signed_chunk_is_told_with_what_was_signed() -> None:
    wire = encode([b"hello"], signed=True).replace(b"hello", b"hullo")
    with pytest.raises(SignatureDoesNotMatch) as refusal:
        decode([wire], signed=True, trailers=False)
    details = refusal.value.details
    assert details["StringToSign"].startswith("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n")
    assert bytes.fromhex(details["StringToSignBytes"]).decode() == details["StringToSign"]
    assert details["SignatureProvided"].encode() in wire


def test_a_signature_of_other_bytes_is_told_in_such_as_a_document_can_hold() -> None:
    wire = encode([b"hello"], signed=True)
    at = wire.index(b"chunk-signature=") + len(b"chunk-signature=")
    for byte in (b"\x00", b"\x08", b"\x1c", b"\x7f"):
        spoiled = wire[:at] + byte + wire[at + 1 :]
        with pytest.raises(SignatureDoesNotMatch) as refusal:
            decode([spoiled], signed=True, trailers=False)
        assert refusal.value.details["SignatureProvided"].startswith("?")


def test_a_body_cut_short_anywhere_is_refused() -> None:
    signed = encode(CHUNKS, signed=True, trailers=TRAILERS)
    for end in range(len(signed) - len(b"\r\n\r\n")):
        with pytest.raises((IncompleteBody, MalformedTrailerError, SignatureDoesNotMatch)):
            decode([signed[:end]], signed=True, trailers=True, announced=CRC)
    # A cut inside the trailer's value shows in the value: that is the checksum's business.
    unsigned = encode(CHUNKS, signed=False, trailers=TRAILERS)
    for end in range(unsigned.index(b":")):
        with pytest.raises((IncompleteBody, MalformedTrailerError)):
            decode([unsigned[:end]], signed=False, trailers=True, announced=CRC)


def test_chunks_cannot_be_swapped_dropped_or_repeated() -> None:
    wire = encode([b"aaaa", b"bbbb"], signed=True)
    frame = len(b"4;chunk-signature=") + 64 + len(b"\r\naaaa\r\n")
    first, second, last = wire[:frame], wire[frame : 2 * frame], wire[2 * frame :]
    assert decode([first, second, last], signed=True, trailers=False) == (b"aaaabbbb", None)
    for frames in ([second, first, last], [first, last], [first, first, second, last], [last]):
        with pytest.raises(SignatureDoesNotMatch):
            decode(frames, signed=True, trailers=False)


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"5\r\nhello\r\n", id="no last chunk"),
        pytest.param(b"5\nhello\r\n0\r\n\r\n", id="a header that ends in LF"),
        pytest.param(b"5\r\nhelloXX0\r\n\r\n", id="no line end after the data"),
        pytest.param(b"5\r\nhello\n0\r\n\r\n", id="LF after the data"),
        pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", id="a negative size"),
        pytest.param(b"+5\r\nhello\r\n0\r\n\r\n", id="a size with a sign"),
        pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="a size with a prefix"),
        pytest.param(b"5_0\r\nhello\r\n0\r\n\r\n", id="a size with an underscore"),
        pytest.param(b"\r\nhello\r\n0\r\n\r\n", id="no size"),
        pytest.param(b"1" + b"0" * 16 + b"\r\n", id="a size beyond 64 bits"),
    ],
)
def test_a_malformed_frame_is_an_incomplete_body(wire: bytes) -> None:
    with pytest.raises(IncompleteBody, match=r"^The request body terminated unexpectedly$"):
        decode([wire], signed=False, trailers=True)


@pytest.mark.parametrize(
    "wire",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5;\r\nhello\r\n",
        b"5;chunk-signature=\r\nhello\r\n",
        b"5;chunk-sig=aa\r\nhello\r\n",
    ],
)
def test_a_chunk_that_must_be_signed_and_is_not_is_an_incomplete_body(wire: bytes) -> None:
    with pytest.raises(IncompleteBody):
        decode([wire], signed=True, trailers=False)


@pytest.mark.parametrize(
    ("tail", "announced"),
    [
        (b"\r\n", CRC),
        (b"x-amz-checksum-crc32c:DUoRhQ==\r\n\r\n", CRC),
        (b"x-amz-checksum-crc32:DUoRhQ==\r\n\r\n", None),
        (b"x-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:a\r\n\r\n", CRC),
        (b"x-amz-checksum-crc32\r\n\r\n", CRC),
        (b"x-amz-checksum-crc32:a\r\nx-amz-meta-b:c\r\n\r\n", CRC),
    ],
)
def test_trailers_other_than_the_announced_one_are_malformed(
    tail: bytes, announced: str | None
) -> None:
    with pytest.raises(MalformedTrailerError):
        decode([b"0\r\n" + tail], signed=False, trailers=True, announced=announced)


def test_trailer_names_are_case_insensitive_and_values_trimmed() -> None:
    wire = b"0\r\nX-Amz-Checksum-CRC32 : \tDUoRhQ== \r\n\r\n"
    assert decode([wire], signed=False, trailers=True, announced=CRC) == (b"", "DUoRhQ==")


def test_signed_trailers_need_their_signature() -> None:
    wire = encode([b"hello"], signed=True, trailers=TRAILERS)
    unsigned = wire[: wire.index(b"x-amz-trailer-signature")] + b"\r\n"
    with pytest.raises(IncompleteBody):
        decode([unsigned], signed=True, trailers=True, announced=CRC)


def test_nothing_but_line_ends_may_follow_where_no_trailers_are() -> None:
    wire = encode([b"hello"], signed=True)
    for tail in (b"", b"\r\n", b"\r\n\r\n", b"\n"):
        body = wire.removesuffix(b"\r\n") + tail
        assert decode([body], signed=True, trailers=False) == (b"hello", None)
    with pytest.raises(IncompleteBody):
        decode([wire + b"5\r\nworld\r\n"], signed=True, trailers=False)


def test_sizes_may_be_written_in_either_case_and_carry_other_extensions_unsigned() -> None:
    for size in (b"A", b"a", b"00a", b"a;x=y"):
        wire = size + b"\r\n0123456789\r\n0\r\n\r\n"
        assert decode([wire], signed=False, trailers=True) == (b"0123456789", None)


def test_an_endless_chunk_header_is_refused_before_it_is_kept() -> None:
    chunked = decoder(signed=False, trailers=True)
    for _ in range(1023):
        chunked.feed(b"1")
    with pytest.raises(IncompleteBody):
        chunked.feed(b"1")
    with pytest.raises(IncompleteBody):
        decoder(signed=False, trailers=True).feed(b"1" * 1_000_000)


def test_an_endless_trailer_block_is_refused_before_it_is_kept() -> None:
    chunked = decoder(signed=False, trailers=True)
    chunked.feed(b"0\r\n")
    for _ in range(4096):
        chunked.feed(b"\n")
    with pytest.raises(MalformedTrailerError):
        chunked.feed(b"\n")


def test_payload_is_handed_on_as_it_arrives_and_never_copied() -> None:
    data = b"100000\r\n" + b"x" * 4096
    chunked = decoder(signed=False, trailers=True)
    (view,) = chunked.feed(data)
    assert view.obj is data
    assert len(view) == 4096


@given(wire=st.binary(max_size=200), signed=st.booleans(), trailers=st.booleans())
@example(wire=b"0\r\n\xff:\xff\r\n", signed=False, trailers=True)
def test_random_bytes_raise_nothing_but_s3_errors(
    *, wire: bytes, signed: bool, trailers: bool
) -> None:
    try:
        decode([wire[:50], wire[50:]], signed=signed, trailers=trailers, announced=CRC)
    except S3Error:
        return
    assert wire.startswith(b"0")  # the least that a whole body can be is its last chunk


@given(
    words=st.lists(
        st.sampled_from(
            [b"0", b"5", b"\r\n", b"\n", b"\r", b";", b"chunk-signature=", b"a:b", b"hello", b":"]
        ),
        max_size=12,
    ),
    signed=st.booleans(),
)
def test_random_frames_raise_nothing_but_s3_errors(*, words: list[bytes], signed: bool) -> None:
    wire = b"".join(words)
    try:
        payload, _ = decode([wire], signed=signed, trailers=True)
    except S3Error:
        return
    assert len(payload) < len(wire)


def test_the_empty_body_is_one_empty_chunk() -> None:
    assert encode([], signed=False, trailers=[], form=AWS) == b"0\r\n\r\n"
    assert decode([b"0\r\n\r\n"], signed=False, trailers=True) == (b"", None)
