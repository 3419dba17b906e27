"""A checksum is shown with the content it belongs to, and with no other."""

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping import checksums
from s3gw.s3.checksums import ALGORITHMS, COMPUTED, Checksum, of_digest

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
OTHER = "0cc175b9c0f1b6a831c399e269772661"
HEADER = "X-Object-Meta-S3gw-Checksum"

verified = st.builds(
    of_digest, st.sampled_from(sorted(COMPUTED)), st.binary(min_size=4, max_size=32)
)


@given(verified, st.sampled_from(["", ETAG]), st.sampled_from([ETAG, f'"{ETAG}"']))
def test_a_checksum_is_shown_as_it_was_echoed(checksum: Checksum, noted: str, etag: str) -> None:
    kept = checksums.to_swift(checksum, noted)
    assert list(kept) == [HEADER]
    assert len(kept[HEADER]) <= 256 - len(HEADER)
    shown = list(checksums.from_swift({**kept, "Etag": etag}))
    assert shown == list(checksums.to_s3(checksum))
    assert shown == [
        (f"x-amz-checksum-{checksum.algorithm}", checksum.value),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ]


@given(verified)
def test_a_checksum_of_other_content_is_not_shown(checksum: Checksum) -> None:
    kept = checksums.to_swift(checksum, ETAG)
    assert list(checksums.from_swift({**kept, "Etag": OTHER})) == []
    assert list(checksums.from_swift(kept)) == []


def test_a_composite_checksum_says_so() -> None:
    headers = {HEADER: f"CRC32:AAAAAA==-2:COMPOSITE:{ETAG}", "Etag": ETAG}
    assert list(checksums.from_swift(headers)) == [
        ("x-amz-checksum-crc32", "AAAAAA==-2"),
        ("x-amz-checksum-type", "COMPOSITE"),
    ]


@given(st.text(max_size=40))
@example("a b:x:FULL_OBJECT:")
@example("\u20ac:x:FULL_OBJECT:")
@example(":::")
@example("type:FULL_OBJECT:x:")
@example("crc32:AAAA:anything:")
def test_what_the_gateway_did_not_write_is_not_shown(value: str) -> None:
    assert list(checksums.from_swift({HEADER: value, "Etag": ETAG})) == []


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_part_echoes_its_checksum_without_a_type(algorithm: str) -> None:
    expected = [(f"x-amz-checksum-{algorithm}", "AAAA")]
    assert list(checksums.to_s3_part(Checksum(algorithm, "AAAA"))) == expected


def test_no_checksum_is_no_header() -> None:
    assert checksums.to_swift(None, ETAG) == {}
    assert list(checksums.to_s3(None)) == list(checksums.to_s3_part(None)) == []
    assert list(checksums.from_swift({"Etag": ETAG})) == []
