"""The x-amz-checksum-* family against published check values and botocore's own classes."""

import base64
import zlib

import pytest
from botocore.httpchecksum import Sha1Checksum, Sha256Checksum
from hypothesis import given, strategies as st

from s3gw.s3 import checksums
from s3gw.s3.checksums import Checksum
from s3gw.s3.errors import InvalidRequest, S3Error
from s3gw.s3.request import Headers

CHECK_VALUES = {
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
}
UNNAMED = (
    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
    "x-amz-trailer headers were found."
)
SEVERAL = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."


@pytest.mark.parametrize(("algorithm", "digest"), CHECK_VALUES.items())
def test_the_check_value_of_123456789_is_the_published_one(algorithm: str, digest: str) -> None:
    hasher = checksums.new_hasher(algorithm)
    for piece in (b"1234", memoryview(b"567"), bytearray(b"89")):
        hasher.update(piece)
    assert hasher.digest().hex() == digest


def test_every_computed_algorithm_has_a_check_value() -> None:
    assert CHECK_VALUES.keys() == checksums.COMPUTED


@given(st.lists(st.binary(max_size=50)))
def test_pieces_give_the_checksum_of_the_whole(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    crc = checksums.new_hasher("crc32")
    for piece in pieces:
        crc.update(piece)
    assert crc.digest() == zlib.crc32(whole).to_bytes(4, "big")
    for name, theirs in (("sha1", Sha1Checksum()), ("sha256", Sha256Checksum())):
        ours = checksums.new_hasher(name)
        ours.update(whole)
        assert checksums.of_digest(name, ours.digest()).value == theirs.handle(whole)


@pytest.mark.parametrize("algorithm", sorted(checksums.COMPUTED))
def test_a_value_is_base64_of_exactly_the_digests_size(algorithm: str) -> None:
    size = len(CHECK_VALUES[algorithm]) // 2
    good = base64.b64encode(bytes(size)).decode()
    assert checksums.parse(algorithm, good) == Checksum(algorithm, good)
    for length in (0, size - 1, size + 1):
        assert checksums.parse(algorithm, base64.b64encode(bytes(length)).decode()) is None
    for bad in (good[:-1], good + "=", good + "\n", "!" + good[1:], good.replace("=", "é")):
        assert bad == good or checksums.parse(algorithm, bad) is None


def test_an_algorithm_that_is_not_computed_is_taken_as_said() -> None:
    for algorithm in checksums.IGNORED:
        assert checksums.parse(algorithm, "whatever") == Checksum(algorithm, "whatever")


def read(*pairs: tuple[str, str]) -> tuple[Checksum | None, str | None]:
    return checksums.read_headers(Headers(pairs))


def test_the_checksum_is_found_in_the_headers_or_announced_as_a_trailer() -> None:
    assert read() == (None, None)
    assert read(("X-Amz-Checksum-Crc32", "DUoRhQ==")) == (Checksum("crc32", "DUoRhQ=="), None)
    assert read(("X-Amz-Trailer", " X-Amz-Checksum-SHA256 ")) == (None, "sha256")
    assert read(("x-amz-trailer", "")) == (None, None)
    assert read(("x-amz-checksum-md5", "anything")) == (Checksum("md5", "anything"), None)


def test_words_that_only_look_like_checksums_are_none() -> None:
    names = ("x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm")
    assert read(*((name, "ENABLED") for name in names)) == (None, None)


def test_the_stated_algorithm_may_be_in_any_case() -> None:
    checksum = ("x-amz-checksum-crc64nvme", base64.b64encode(bytes(8)).decode())
    stated = ("x-amz-sdk-checksum-algorithm", "CRC64NVME")
    assert read(checksum, stated) == (Checksum("crc64nvme", checksum[1]), None)
    assert read(("x-amz-trailer", "x-amz-checksum-crc64nvme"), stated) == (None, "crc64nvme")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (
            [("x-amz-checksum-crc32", "AAAA")],
            "Value for x-amz-checksum-crc32 header is invalid.",
        ),
        (
            [("x-amz-checksum-sha1", "")],
            "Value for x-amz-checksum-sha1 header is invalid.",
        ),
        (
            [("x-amz-checksum-crc32", "DUoRhQ=="), ("x-amz-checksum-crc32", "DUoRhQ==")],
            "Value for x-amz-checksum-crc32 header is invalid.",
        ),
        (
            [("x-amz-checksum-crc32", "DUoRhQ=="), ("x-amz-checksum-crc32c", "DUoRhQ==")],
            SEVERAL,
        ),
        (
            [("x-amz-trailer", "x-amz-checksum-crc32, x-amz-checksum-sha1")],
            SEVERAL,
        ),
        (
            [("x-amz-checksum-crc32", "DUoRhQ=="), ("x-amz-trailer", "x-amz-checksum-crc32")],
            "Expecting a single x-amz-checksum- header",
        ),
        (
            [("x-amz-checksum-foo", "DUoRhQ==")],
            "The algorithm type you specified in x-amz-checksum- header is invalid.",
        ),
        (
            [("x-amz-trailer", "x-amz-checksum-foo")],
            "The value specified in the x-amz-trailer header is not supported",
        ),
        (
            [("x-amz-trailer", "crc32")],
            "The value specified in the x-amz-trailer header is not supported",
        ),
        (
            [("x-amz-sdk-checksum-algorithm", "CRC32")],
            UNNAMED,
        ),
        (
            [("x-amz-sdk-checksum-algorithm", "SHA1"), ("x-amz-checksum-crc32", "DUoRhQ==")],
            "Value for x-amz-sdk-checksum-algorithm header is invalid.",
        ),
    ],
)
def test_what_the_headers_show_to_be_wrong_is_an_invalid_request(
    pairs: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(*pairs)
    assert refusal.value.message == message


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "x-amz-trailer",
                    "x-amz-sdk-checksum-algorithm",
                    "x-amz-checksum-crc32",
                    "x-amz-checksum-md5",
                ]
            ),
            st.text(st.characters(max_codepoint=255), max_size=30),
        ),
        max_size=4,
    )
)
def test_random_headers_raise_nothing_but_s3_errors(pairs: list[tuple[str, str]]) -> None:
    try:
        checksum, trailer = read(*pairs)
    except S3Error:
        return
    assert checksum is None or trailer is None
