"""Checksums of multipart uploads, from the parts to the object, and where AWS is lenient."""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.rawclient import ask, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.uploads import Upload, begin, refusal
from tests.functional.witness import held, is_there

ONE, TWO = b"one" * 100, b"two" * 77


@pytest.fixture(scope="module")
def tiny(stack: Stack) -> Iterator[Running]:
    """A gateway that lets parts be small, and streams all but the smallest."""
    with running(settings_for(stack, limits={"min_part_size": 1, "buffer_size": 64})) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    """A client of that gateway."""
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


def crc32(body: bytes) -> str:
    return b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def put(upload: Upload, number: int, body: bytes, algorithm: str) -> dict[str, Any]:
    """Upload a part; it as Complete names it, with its checksum."""
    answer = upload.s3.upload_part(
        **upload.names, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm
    )
    name = f"Checksum{algorithm}"
    return {"PartNumber": number, "ETag": answer["ETag"], name: answer[name]}


def complete(upload: Upload, parts: list[dict[str, Any]], **more: Any) -> Any:
    return upload.s3.complete_multipart_upload(
        **upload.names, MultipartUpload={"Parts": parts}, **more
    )


def shown(s3: Any, bucket: str, name: str) -> list[tuple[str, str]]:
    """What HEAD and GET tell of the object's checksum."""
    asked = {"Bucket": bucket, "Key": "k", "ChecksumMode": "ENABLED"}
    answers = [s3.head_object(**asked), s3.get_object(**asked)]
    assert answers[1]["Body"].read() == ONE + TWO  # which boto3 compares with a full checksum
    return [(answer[name], answer["ChecksumType"]) for answer in answers]


def test_the_parts_of_an_object_show_their_checksums(
    s3: Any, bucket: str, tiny: Running, swift: swiftclient.Connection
) -> None:
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32")
    upload = Upload(s3, bucket, "k", begun["UploadId"])
    complete(upload, [put(upload, number, body, "CRC32") for number, body in ((2, ONE), (9, TWO))])

    def parts() -> list[dict[str, Any]]:
        asked = {"Bucket": bucket, "Key": "k", "ObjectAttributes": ["ObjectParts"]}
        first = s3.get_object_attributes(**asked, MaxParts=1)["ObjectParts"]
        assert (first["TotalPartsCount"], first["IsTruncated"]) == (2, True)
        marker = first["NextPartNumberMarker"]
        second = s3.get_object_attributes(**asked, PartNumberMarker=marker)["ObjectParts"]
        return [*first["Parts"], *second["Parts"]]

    with tiny.watched() as wire:
        assert parts() == [
            {"PartNumber": 2, "Size": len(ONE), "ChecksumCRC32": crc32(ONE)},
            {"PartNumber": 9, "Size": len(TWO), "ChecksumCRC32": crc32(TWO)},
        ]
        assert wire.methods() == ["HEAD", "GET", "GET"] * 2
    # One that belongs to another content is not shown.
    swift.post_object(
        f"{bucket}+segments",
        f"k/{upload.upload_id}/9",
        {"Content-Type": f'x/y;s3gw_sum="crc32-00000000-{"0" * 32}"'},
    )
    assert ["ChecksumCRC32" in part for part in parts()] == [True, False]


def test_listed_uploads_tell_what_they_were_begun_with(s3: Any, bucket: str) -> None:
    for key, given in (
        ("a", {}),
        ("b", {"ChecksumAlgorithm": "SHA256"}),
        ("c", {"ChecksumAlgorithm": "CRC64NVME"}),
        ("d", {"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"}),
    ):
        s3.create_multipart_upload(Bucket=bucket, Key=key, **given)
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    found = [(one.get("ChecksumAlgorithm"), one.get("ChecksumType")) for one in listed]
    assert found == [
        (None, None),
        ("SHA256", "COMPOSITE"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT"),
    ]


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_checksum_goes_all_the_way(
    s3: Any, bucket: str, swift: swiftclient.Connection, algorithm: str
) -> None:
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm)
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, "COMPOSITE")
    upload = Upload(s3, bucket, "k", begun["UploadId"])
    parts = [put(upload, 1, ONE, algorithm), put(upload, 2, TWO, algorithm)]
    name = f"Checksum{algorithm}"
    listed = s3.list_parts(**upload.names)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == (algorithm, "COMPOSITE")
    assert [part[name] for part in listed["Parts"]] == [part[name] for part in parts]
    answer = complete(upload, parts)
    assert answer["ChecksumType"] == "COMPOSITE"
    assert answer[name].endswith("-2")
    if algorithm == "SHA256":
        digests = sha256(ONE).digest() + sha256(TWO).digest()
        assert answer[name] == b64encode(sha256(digests).digest()).decode() + "-2"
    assert shown(s3, bucket, name) == [(answer[name], "COMPOSITE")] * 2
    assert complete(upload, parts)[name] == answer[name]  # a repeat
    assert "x-object-meta-s3gw-upload-checksum" not in held(swift, bucket, "k")
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])
    assert found["Checksum"]["ChecksumType"] == "COMPOSITE"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_full_checksum_is_that_of_the_objects_bytes(s3: Any, bucket: str, algorithm: str) -> None:
    begun = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT"
    )
    assert begun["ChecksumType"] == "FULL_OBJECT"
    upload = Upload(s3, bucket, "k", begun["UploadId"])
    parts = [put(upload, 1, ONE, algorithm), put(upload, 2, TWO, algorithm)]
    name = f"Checksum{algorithm}"
    bare = [{key: part[key] for key in ("PartNumber", "ETag")} for part in parts]
    answer = complete(upload, bare)
    plain = s3.put_object(Bucket=bucket, Key="o", Body=ONE + TWO, ChecksumAlgorithm=algorithm)
    assert (answer[name], answer["ChecksumType"]) == (plain[name], "FULL_OBJECT")
    assert shown(s3, bucket, name) == [(plain[name], "FULL_OBJECT")] * 2


def test_the_objects_own_checksum_is_verified(s3: Any, bucket: str) -> None:
    for kind in ("FULL_OBJECT", "COMPOSITE"):
        upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType=kind)
        parts = [put(upload, 1, ONE, "CRC32"), put(upload, 2, TWO, "CRC32")]
        wrong = refusal(lambda: complete(upload, parts, ChecksumCRC32=crc32(b"x")))  # noqa: B023
        assert (wrong.status, wrong.code) == (400, "BadDigest")
        other = "COMPOSITE" if kind == "FULL_OBJECT" else "FULL_OBJECT"
        assert refusal(lambda: complete(upload, parts, ChecksumType=other)).code == "InvalidRequest"  # noqa: B023
        digests = b"".join(b64decode(part["ChecksumCRC32"]) for part in parts)
        right = crc32(ONE + TWO) if kind == "FULL_OBJECT" else f"{crc32(digests)}-2"
        answer = complete(upload, parts, ChecksumCRC32=right, ChecksumType=kind)
        assert answer["ChecksumCRC32"] == right


def test_a_wrong_or_missing_checksum_of_a_part_leaves_the_upload_open(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32")
    parts = [put(upload, 1, ONE, "CRC32"), put(upload, 2, TWO, "CRC32")]
    wrong = [parts[0], {**parts[1], "ChecksumCRC32": crc32(b"x")}]
    assert refusal(lambda: complete(upload, wrong)).code == "BadDigest"
    missing = [{key: part[key] for key in ("PartNumber", "ETag")} for part in parts]
    answer = refusal(lambda: complete(upload, missing))
    assert (answer.code, "missing for part 1" in answer.message) == ("InvalidRequest", True)
    assert not is_there(swift, bucket, "k")
    assert complete(upload, parts)["ChecksumType"] == "COMPOSITE"


def test_a_part_of_another_algorithm_is_refused_before_it_is_read(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="SHA256")
    answer = refusal(lambda: put(upload, 1, ONE, "CRC32"))
    assert answer.message == (
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: "
        "crc32"
    )
    assert upload.numbers() == []


def test_an_upload_without_an_algorithm_takes_parts_with_checksums(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    """As Nextcloud's PHP client sends them."""
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert "ChecksumAlgorithm" not in begun
    upload = Upload(s3, bucket, "k", begun["UploadId"])
    parts = [put(upload, 1, ONE, "CRC32"), put(upload, 2, TWO, "SHA256")]
    assert (
        "s3gw_sum"
        not in held(swift, f"{bucket}+segments", f"k/{upload.upload_id}/1")["content-type"]
    )
    assert "ChecksumCRC32" not in complete(upload, parts)
    asked = {"Bucket": bucket, "Key": "k", "ChecksumMode": "ENABLED"}
    assert "ChecksumType" not in s3.head_object(**asked)


def test_parts_that_others_stored_count_with_the_clients_checksums(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    """Swift's own API, or s3api, keeps no checksum of a part (hazard 17)."""
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    first = put(upload, 1, ONE, "CRC32")
    etag = swift.put_object(f"{bucket}+segments", f"k/{upload.upload_id}/2", TWO)
    second = {"PartNumber": 2, "ETag": etag}
    assert "ChecksumCRC32" not in s3.list_parts(**upload.names)["Parts"][1]
    answer = complete(upload, [first, {**second, "ChecksumCRC32": crc32(TWO)}])
    assert answer["ChecksumCRC32"] == crc32(ONE + TWO)
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    first = put(upload, 1, ONE, "CRC32")
    swift.put_object(f"{bucket}+segments", f"k/{upload.upload_id}/2", TWO)
    assert "ChecksumCRC32" not in complete(upload, [first, second])


def test_a_sum_that_is_of_other_content_does_not_count(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    swift.put_object(
        f"{bucket}+segments", f"k/{upload.upload_id}/1", ONE,
        content_type=f'application/octet-stream;s3gw_sum="crc32-00000000-{"0" * 32}"',
    )  # fmt: skip
    (part,) = s3.list_parts(**upload.names)["Parts"]
    assert "ChecksumCRC32" not in part


class TestRequests:
    """Round trips: a part is a look and a PUT; a late checksum costs one more."""

    def test_a_part_with_its_checksum_in_a_header(
        self, s3: Any, bucket: str, tiny: Running
    ) -> None:
        upload = begin(s3, bucket, ChecksumAlgorithm="CRC32")
        for body in (b"small", ONE):
            with tiny.watched() as wire:
                part = put(upload, 1, body, "CRC32")
                assert wire.methods() == ["HEAD", "PUT"]
            listed = s3.list_parts(**upload.names)["Parts"][0]
            assert listed["ChecksumCRC32"] == part["ChecksumCRC32"] == crc32(body)
        last = put(upload, 1, ONE, "CRC32")
        with tiny.watched() as wire:
            complete(upload, [last])
            assert wire.methods() == ["HEAD", "GET", "PUT", "DELETE"]

    @pytest.mark.parametrize(("body", "methods"), [(b"small", 2), (ONE, 3)])
    def test_a_part_with_its_checksum_behind_the_body(
        self, s3: Any, bucket: str, tiny: Running, stack: Stack, body: bytes, methods: int
    ) -> None:
        upload = begin(s3, bucket, ChecksumAlgorithm="CRC32")
        wire_body = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (
            len(body), body, crc32(body).encode(),
        )  # fmt: skip
        target = f"/{bucket}/k?partNumber=1&uploadId={upload.upload_id}"
        headers = [
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-decoded-content-length", str(len(body))),
            ("Content-Encoding", "aws-chunked"),
        ]
        signed = sign(
            keys_of(stack), "PUT", tiny.endpoint + target, headers,
            payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        )  # fmt: skip
        with tiny.watched() as wire:
            more = [("Content-Length", str(len(wire_body)))]
            assert ask(tiny.endpoint, signed, wire_body, more=more).status == 200
            assert wire.methods() == ["HEAD", "PUT", "POST"][:methods]
        (part,) = s3.list_parts(**upload.names)["Parts"]
        assert part["ChecksumCRC32"] == crc32(body)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ([("x-amz-checksum-type", "COMPOSITE")], "can only be used with"),
        ([("x-amz-checksum-algorithm", "CRC16")], "provided is unsupported"),
        (
            [("x-amz-checksum-algorithm", "SHA1"), ("x-amz-checksum-type", "FULL_OBJECT")],
            "cannot be used with the sha1",
        ),
    ],
)
def test_what_no_upload_can_have_begins_none(
    raw: Raw, gateway: Running, bucket: str, headers: list[tuple[str, str]], message: str
) -> None:
    with gateway.watched() as wire:
        reply = raw("POST", f"/{bucket}/k?uploads", headers)
        assert (reply.status, reply.code) == (400, "InvalidRequest")
        assert message in reply.error["Message"]
        assert "PUT" not in wire.methods()
