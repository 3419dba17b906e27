"""GetObjectAttributes tells what HEAD and the parts tell, and nothing that is not there."""

from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running
from tests.functional.uploads import Upload, begin

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
FIVE = 5 * 1024 * 1024


def attributes(s3: Any, bucket: str, names: list[str], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=names, **more
    )
    answer.pop("ResponseMetadata")
    return answer


@pytest.fixture
def upload(s3: Any, bucket: str) -> Upload:
    """A completed upload of the parts 2, 3 and 7."""
    begun = begin(s3, bucket)
    for number, body in ((2, bytes(FIVE)), (3, bytes(FIVE + 1)), (7, b"last")):
        begun.put(number, body)
    begun.complete()
    return begun


def test_a_plain_object_has_no_parts(s3: Any, bucket: str, gateway: Running) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    with gateway.watched() as wire:
        found = attributes(s3, bucket, ALL)
        assert [str(sent) for sent in wire.sent] == [f"HEAD /{bucket}/k"]
    assert found == {
        "LastModified": head["LastModified"],
        "ETag": head["ETag"].strip('"'),
        "Checksum": {"ChecksumCRC32": head["ChecksumCRC32"], "ChecksumType": "FULL_OBJECT"},
        "StorageClass": "STANDARD",
        "ObjectSize": 5,
    }


@pytest.mark.parametrize("name", ALL)
def test_only_what_is_asked_for_is_told(s3: Any, bucket: str, upload: Upload, name: str) -> None:
    found = attributes(s3, bucket, [name])
    expected = set() if name == "Checksum" else {name}
    assert set(found) == {"LastModified", *expected}
    assert upload.key == "k"


def test_a_multipart_object_tells_its_parts_in_two_requests(
    s3: Any, bucket: str, upload: Upload, gateway: Running
) -> None:
    head = s3.head_object(Bucket=bucket, Key=upload.key)
    with gateway.watched() as wire:
        found = attributes(s3, bucket, ALL)
        assert wire.methods() == ["HEAD", "GET"]
    assert (found["ETag"], found["ObjectSize"]) == (head["ETag"].strip('"'), 2 * FIVE + 5)
    parts = found["ObjectParts"]
    assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["MaxParts"]) == (3, False, 1000)
    assert [(part["PartNumber"], part["Size"]) for part in parts["Parts"]] == [
        (2, FIVE), (3, FIVE + 1), (7, 4),
    ]  # fmt: skip


def test_parts_come_in_pages(s3: Any, bucket: str, upload: Upload) -> None:
    numbers, marker, pages = [], 0, 0
    while pages < 4:
        asked = {"MaxParts": 2, "PartNumberMarker": marker}
        page = attributes(s3, bucket, ["ObjectParts"], **asked)["ObjectParts"]
        assert (page["TotalPartsCount"], page["MaxParts"]) == (len(upload.etags), 2)
        numbers += [part["PartNumber"] for part in page["Parts"]]
        marker, pages = page["NextPartNumberMarker"], pages + 1
        if not page["IsTruncated"]:
            break
    assert (numbers, pages) == ([2, 3, 7], 2)
    none = attributes(s3, bucket, ["ObjectParts"], MaxParts=0)["ObjectParts"]
    assert (none.get("Parts"), none["IsTruncated"]) == (None, False)


def test_a_version_has_its_own_attributes(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    swift.post_container(bucket, {"X-Versions-Enabled": "true"})
    for body in (b"1", b"22"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    versions = {
        entry["bytes"]: entry["version_id"]
        for entry in swift.get_container(bucket, query_string="versions")[1]
    }
    for size, version in versions.items():
        found = attributes(s3, bucket, ["ObjectSize"], VersionId=version)
        assert (found["ObjectSize"], found["VersionId"]) == (size, version)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-amz-object-attributes", "")],
        [("x-amz-object-attributes", "etag")],
        [("x-amz-object-attributes", "ETag,Other")],
        [("x-amz-object-attributes", "ETag"), ("x-amz-max-parts", "x")],
        [("x-amz-object-attributes", "ETag"), ("x-amz-part-number-marker", "-1")],
    ],
)
def test_what_is_no_attribute_is_refused(
    raw: Raw, gateway: Running, bucket: str, headers: list[tuple[str, str]]
) -> None:
    with gateway.watched() as wire:
        reply = raw("GET", f"/{bucket}/k?attributes", headers)
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert wire.sent == []


def test_names_may_come_in_several_headers(raw: Raw, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    header = "x-amz-object-attributes"
    headers = [(header, "ETag , StorageClass"), (header, "ObjectSize")]
    reply = raw("GET", f"/{bucket}/k?attributes", headers)
    assert reply.status == 200
    for element in (b"<ETag>", b"<StorageClass>STANDARD<", b"<ObjectSize>5<"):
        assert element in reply.body


def test_what_is_not_there_has_none(raw: Raw, bucket: str) -> None:
    headers = [("x-amz-object-attributes", "ETag")]
    for path, code in ((f"/{bucket}/never", "NoSuchKey"), ("/never-was/k", "NoSuchBucket")):
        reply = raw("GET", f"{path}?attributes", headers)
        assert (reply.status, reply.code) == (404, code)
