"""How many requests to Swift each operation costs with warm caches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest

from tests.functional.gates import Gate, Which, every
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.stack import Stack
from tests.functional.uploads import begin, etag_of


@pytest.fixture
def cost(gateway: Running) -> Callable[[Callable[[], Any]], list[str]]:
    """The requests to Swift that a call makes."""

    def count(call: Callable[[], Any]) -> list[str]:
        with gateway.watched() as wire:
            call()
            return [str(sent) for sent in wire.sent]

    return count


Cost = Callable[[Callable[[], Any]], list[str]]


def test_reading_and_writing_an_object_is_one_request_each(
    s3: Any, bucket: str, cost: Cost
) -> None:
    s3.put_object(Bucket=bucket, Key="warm", Body=b"1")
    assert cost(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"1")) == [f"PUT /{bucket}/k"]
    assert cost(lambda: s3.get_object(Bucket=bucket, Key="k")) == [f"GET /{bucket}/k"]
    assert cost(lambda: s3.head_object(Bucket=bucket, Key="k")) == [f"HEAD /{bucket}/k"]


def test_a_large_object_is_written_in_one_request(s3: Any, bucket: str, cost: Cost) -> None:
    body = bytes(1024 * 1024)
    s3.get_bucket_location(Bucket=bucket)  # warms the bucket's facts
    assert cost(lambda: s3.put_object(Bucket=bucket, Key="k", Body=body)) == [f"PUT /{bucket}/k"]


def test_a_copy_is_a_look_at_its_source_and_a_put(s3: Any, bucket: str, cost: Cost) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
    assert cost(lambda: s3.copy_object(**copy)) == [
        f"HEAD /{bucket}/k",
        f"PUT /{bucket}/copy?heartbeat=on",
    ]


def test_deleting_an_object_is_a_head_and_a_delete(s3: Any, bucket: str, cost: Cost) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert cost(lambda: s3.delete_object(Bucket=bucket, Key="k")) == [
        f"HEAD /{bucket}/k",
        f"DELETE /{bucket}/k",
    ]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
def test_a_listing_is_one_request(s3: Any, bucket: str, cost: Cost, operation: str) -> None:
    s3.get_bucket_location(Bucket=bucket)  # warms the bucket's facts
    listed = cost(lambda: getattr(s3, operation)(Bucket=bucket))
    assert len(listed) == 1
    assert listed[0].startswith(f"GET /{bucket}?")


def test_a_part_is_a_look_at_the_marker_and_a_put(s3: Any, bucket: str, cost: Cost) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    sent = cost(
        lambda: s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=BytesIO(b"1")
        )
    )
    assert sent == [
        f"HEAD /{bucket}+segments/k/{upload}",
        f"PUT /{bucket}+segments/k/{upload}/1",
    ]


def test_a_complete_is_at_most_five_requests(s3: Any, bucket: str, cost: Cost) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"1")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    sent = cost(
        lambda: s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts
        )
    )
    assert [entry.split(" ")[0] for entry in sent] == ["HEAD", "GET", "PUT", "DELETE"]


def test_what_a_complete_reads_it_reads_at_once(stack: Stack) -> None:
    settings = settings_for(stack, buckets={"facts_ttl": 0})
    with running(settings) as cold, ThreadPoolExecutor(1) as pool:
        s3 = s3_client(cold.endpoint, stack)
        s3.create_bucket(Bucket=(name := f"bucket-{uuid4().hex[:20]}"))
        upload = begin(s3, name)
        upload.put(1)
        with (
            cold.watched() as wire,
            Gate(Which("HEAD", f"{upload.marker}$")) as marker,
            Gate(Which("GET", f"/{name}+segments$")) as parts,
            Gate(Which("HEAD", f"/{name}$")) as facts,
        ):
            wire.before = every(marker, parts, facts)
            completing = pool.submit(upload.complete)
            for gate in (marker, parts, facts):
                gate.wait()
            for gate in (marker, parts, facts):
                gate.open()
            assert completing.result()["ETag"] == etag_of(b"data")


def _delete(s3: Any, bucket: str, keys: list[str]) -> Any:
    return s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})


@pytest.mark.parametrize(("keys", "requests"), [(50, 1), (101, 3), (1000, 4)])
def test_deleting_many_is_at_most_four_requests_in_a_bucket_without_multipart_objects(
    s3: Any, bucket: str, cost: Cost, keys: int, requests: int
) -> None:
    """In each Swift deletes one after the other, or two at a time."""
    _delete(s3, bucket, ["warm"])
    names = [f"k{n}" for n in range(keys)]
    assert cost(lambda: _delete(s3, bucket, names)) == ["POST /?bulk-delete="] * requests


def test_deleting_many_is_a_listing_and_a_request_beside_multipart_objects(
    s3: Any, bucket: str, cost: Cost
) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key="other")
    keys = [f"k{n}" for n in range(20)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    _delete(s3, bucket, ["warm"])
    sent = cost(lambda: _delete(s3, bucket, keys))
    assert [entry.split("?")[0] for entry in sent] == [f"GET /{bucket}", "POST /"]


def test_a_key_that_no_listing_shows_is_looked_at_before_it_is_deleted(
    s3: Any, bucket: str, cost: Cost
) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key="other")
    _delete(s3, bucket, ["warm"])
    sent = cost(lambda: _delete(s3, bucket, ["never"]))
    assert f"HEAD /{bucket}/never" in sent
    assert not [entry for entry in sent if entry.startswith("POST")]
