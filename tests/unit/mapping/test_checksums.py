"""A checksum is shown with the content it belongs to, and with no other."""

import pytest
from hypothesis import example, given, strategies as st

from s3gw.mapping import checksums
from s3gw.mapping.metadata import strip_parameters
from s3gw.s3.checksums import ALGORITHMS, COMPUTED, Checksum, new_hasher, of_digest
from s3gw.s3.upload_checksums import UploadChecksum

ETAG = "d41d8cd98f00b204e9800998ecf8427e"
OTHER = "0cc175b9c0f1b6a831c399e269772661"
HEADER = "X-Object-Meta-S3gw-Checksum"


def _digest(algorithm: str, body: bytes) -> bytes:
    hasher = new_hasher(algorithm)
    hasher.update(body)
    return hasher.digest()


verified_parts = st.sampled_from(sorted(COMPUTED)).flatmap(
    lambda algorithm: st.binary(max_size=50).map(
        lambda body: of_digest(algorithm, _digest(algorithm, body))
    )
)
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


# --- of parts and uploads ---


@given(verified_parts, st.sampled_from(["", ETAG]))
def test_a_parts_checksum_stands_in_its_content_type(checksum: Checksum, md5: str) -> None:
    [(name, kept)] = checksums.part_to_swift(checksum, md5).items()
    assert name == "Content-Type"
    assert kept.startswith("application/octet-stream;s3gw_sum=")
    assert checksums.of_part(kept, ETAG) == checksum
    # As Swift lists it: without blanks around the parameter.
    assert checksums.of_part(kept.replace(";", " ; "), ETAG) == checksum
    assert strip_parameters(kept) == "application/octet-stream"


@given(verified_parts)
def test_a_parts_checksum_counts_for_no_other_content(checksum: Checksum) -> None:
    kept = checksums.part_to_swift(checksum, ETAG)["Content-Type"]
    assert checksums.of_part(kept, OTHER) is None


@pytest.mark.parametrize(
    "value", ["", "crc32", "crc32-00-", "crc32--", "md5-00-x", "crc32-0-", "x"]
)
def test_what_is_no_sum_is_none(value: str) -> None:
    found = checksums.of_part(f'a/b;s3gw_sum="{value}"', ETAG)
    assert found is None


def test_a_part_without_a_checksum_has_a_plain_type() -> None:
    assert checksums.part_to_swift(None) == {"Content-Type": "application/octet-stream"}
    assert checksums.of_part("application/octet-stream", ETAG) is None


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_an_upload_remembers_what_it_was_begun_with(kind: str) -> None:
    upload = UploadChecksum("crc32", kind)
    assert checksums.of_upload(checksums.upload_to_swift(upload)) == upload
    assert list(checksums.upload_to_s3(upload)) == [
        ("x-amz-checksum-algorithm", "CRC32"),
        ("x-amz-checksum-type", kind),
    ]
    assert checksums.upload_to_swift(None) == {}
    assert checksums.of_upload({}) is None
    assert checksums.of_upload({"X-Object-Meta-S3gw-Upload-Checksum": "crc32:HALF"}) is None
