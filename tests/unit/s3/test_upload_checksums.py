"""The checksum of a multipart object follows from its parts', or is refused, or is not told."""

import base64
import zlib

import pytest
from hypothesis import given, strategies as st

from s3gw.s3.checksums import Checksum, new_hasher, of_digest
from s3gw.s3.errors import BadDigest, InvalidRequest
from s3gw.s3.request import Headers
from s3gw.s3.upload_checksums import (
    COMPOSITE,
    FULL_OBJECT,
    SummedPart,
    UploadChecksum,
    check_part,
    of_object,
    read_create,
)

CRCS = ["crc32", "crc32c", "crc64nvme"]
SHAS = ["sha1", "sha256"]
COMPOSABLE = ["crc32", "crc32c", *SHAS]
KINDS = [*((one, FULL_OBJECT) for one in CRCS), *((one, COMPOSITE) for one in COMPOSABLE)]
NONE = Headers(())
BODIES = st.lists(st.binary(max_size=200), min_size=1, max_size=8)


def whole(algorithm: str, content: bytes) -> Checksum:
    """The oracle: the checksum of all the bytes at once."""
    hasher = new_hasher(algorithm)
    hasher.update(content)
    return of_digest(algorithm, hasher.digest())


def parts_of(
    algorithm: str, bodies: list[bytes], *, kept: bool = True, claimed: bool = True
) -> list[SummedPart]:
    found = []
    for number, body in enumerate(bodies, start=1):
        one = whole(algorithm, body)
        said = {algorithm: one.value} if claimed else {}
        found.append(SummedPart(number, len(body), one if kept else None, said))
    return found


def create(**headers: str) -> UploadChecksum | None:
    pairs = [(f"x-amz-checksum-{name}", value) for name, value in headers.items()]
    return read_create(Headers(pairs))


@given(st.sampled_from(CRCS), BODIES, st.booleans(), st.booleans())
def test_the_full_checksum_is_that_of_all_the_bytes(
    algorithm: str,
    bodies: list[bytes],
    kept: bool,  # noqa: FBT001 - hypothesis draws it
    claimed: bool,  # noqa: FBT001
) -> None:
    parts = parts_of(algorithm, bodies, kept=kept, claimed=claimed or not kept)
    found = of_object(UploadChecksum(algorithm, FULL_OBJECT), NONE, parts)
    assert found == whole(algorithm, b"".join(bodies))


def test_the_oracle_is_not_ours_alone() -> None:
    one, two = b"one" * 1000, b"two" * 77
    parts = parts_of("crc32", [one, two])
    found = of_object(UploadChecksum("crc32", FULL_OBJECT), NONE, parts)
    assert found is not None
    assert base64.b64decode(found.value) == zlib.crc32(one + two).to_bytes(4, "big")


@given(st.sampled_from(COMPOSABLE), BODIES)
def test_a_composite_checksum_is_that_of_the_parts_checksums(
    algorithm: str, bodies: list[bytes]
) -> None:
    found = of_object(UploadChecksum(algorithm, COMPOSITE), NONE, parts_of(algorithm, bodies))
    digests = b"".join(base64.b64decode(whole(algorithm, body).value) for body in bodies)
    assert found == Checksum(algorithm, f"{whole(algorithm, digests).value}-{len(bodies)}")


@given(
    st.sampled_from(
        [*[(one, FULL_OBJECT) for one in CRCS], *[(one, COMPOSITE) for one in COMPOSABLE]]
    ),
    BODIES,
)
def test_the_clients_own_is_compared(upload: tuple[str, str], bodies: list[bytes]) -> None:
    algorithm, kind = upload
    parts = parts_of(algorithm, bodies)
    found = of_object(UploadChecksum(*upload), NONE, parts)
    assert found is not None
    header = f"x-amz-checksum-{algorithm}"
    right = Headers([(header, found.value), ("x-amz-checksum-type", kind)])
    assert of_object(UploadChecksum(*upload), right, parts) == found
    bare = Headers([(header, found.value.partition("-")[0])])
    assert of_object(UploadChecksum(*upload), bare, parts) == found
    for wrong in (whole(algorithm, b"other").value, "", "x", f"{found.value}-9"):
        if wrong in {found.value, found.value.partition("-")[0]}:
            continue
        with pytest.raises(BadDigest, match=f"^The {algorithm} you specified did not match"):
            of_object(UploadChecksum(*upload), Headers([(header, wrong)]), parts)


@pytest.mark.parametrize("kind", [COMPOSITE, FULL_OBJECT])
@pytest.mark.parametrize("text", ["AAAAAA==", "x", ""])
def test_a_parts_checksum_must_be_the_one_that_it_came_with(kind: str, text: str) -> None:
    kept = whole("crc32", b"two")
    parts = [*parts_of("crc32", [b"one"]), SummedPart(2, 3, kept, {"crc32": text})]
    with pytest.raises(BadDigest, match="The crc32 you specified for part 2 did not match"):
        of_object(UploadChecksum("crc32", kind), NONE, parts)


def test_a_composite_upload_needs_the_checksum_of_each_part() -> None:
    parts = [*parts_of("sha1", [b"one"]), *parts_of("sha1", [b"1", b"2"], claimed=False)[1:]]
    with pytest.raises(InvalidRequest) as refused:
        of_object(UploadChecksum("sha1", COMPOSITE), NONE, parts)
    assert str(refused.value) == (
        "The upload was created using a sha1 checksum. The complete request must include the "
        "checksum for each part. It was missing for part 2 in the request."
    )


@pytest.mark.parametrize("kind", [COMPOSITE, FULL_OBJECT])
def test_a_part_of_which_nothing_is_known_leaves_the_object_without(kind: str) -> None:
    parts = [*parts_of("crc32", [b"one"]), SummedPart(2, 3, None, {"sha256": "x"})]
    claimed = Headers([("x-amz-checksum-crc32", "AAAAAA==")])
    assert of_object(UploadChecksum("crc32", kind), claimed, parts) is None


def test_an_upload_without_an_algorithm_takes_what_comes_and_tells_nothing() -> None:
    for algorithm in (None, "crc32", "xxhash64"):
        check_part(None, algorithm)
    parts = [SummedPart(1, 1, None, {"crc32": "whatever"})]
    headers = Headers([("x-amz-checksum-crc32", "whatever")])
    assert of_object(None, headers, parts) is None
    with pytest.raises(InvalidRequest, match="created using the null checksum mode"):
        of_object(None, Headers([("x-amz-checksum-type", "COMPOSITE")]), parts)


def test_the_mode_must_be_that_of_the_upload() -> None:
    parts = parts_of("crc32", [b"one"])
    other = Headers([("x-amz-checksum-type", "FULL_OBJECT")])
    with pytest.raises(InvalidRequest, match="created using the COMPOSITE checksum mode"):
        of_object(UploadChecksum("crc32", COMPOSITE), other, parts)


@pytest.mark.parametrize("algorithm", [None, "crc32", "xxhash64"])
def test_a_part_has_the_algorithm_of_its_upload(algorithm: str | None) -> None:
    check_part(UploadChecksum("sha256", COMPOSITE), "sha256")
    with pytest.raises(InvalidRequest) as refused:
        check_part(UploadChecksum("sha256", COMPOSITE), algorithm)
    assert str(refused.value) == (
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: "
        f"{algorithm or 'null'}"
    )


def test_what_an_upload_is_begun_with() -> None:
    assert create() is None
    assert create(algorithm="CRC32") == UploadChecksum("crc32", COMPOSITE)
    assert create(algorithm="crc32c", type="full_object") == UploadChecksum("crc32c", FULL_OBJECT)
    assert create(algorithm="CRC64NVME") == UploadChecksum("crc64nvme", FULL_OBJECT)
    assert create(algorithm="SHA256", type="COMPOSITE") == UploadChecksum("sha256", COMPOSITE)
    assert create(algorithm="XXHASH64") is None  # accepted, but nobody computes it


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"type": "COMPOSITE"}, "can only be used with the x-amz-checksum-algorithm header"),
        ({"algorithm": "CRC16"}, "Checksum algorithm provided is unsupported"),
        ({"algorithm": "CRC32", "type": "HALF"}, "Value for x-amz-checksum-type header is invalid"),
        (
            {"algorithm": "CRC64NVME", "type": "COMPOSITE"},
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm",
        ),
        (
            {"algorithm": "SHA1", "type": "FULL_OBJECT"},
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm",
        ),
    ],
)
def test_what_no_upload_can_have_is_refused(headers: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        create(**headers)
