"""Uploads of more parts than Swift takes segments in one manifest."""

import http.client
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import md5
from typing import Any
from urllib.parse import urlsplit

import pytest
import swiftclient

from s3gw import large_objects, patience
from s3gw.swift.info import ClusterInfo, InfoCache
from tests.functional.gates import Failing, Gate, Which
from tests.functional.gateway import Running, s3_client
from tests.functional.stack import Stack
from tests.functional.uploads import (
    Upload,
    begin,
    etag_of,
    held,
    refusal,
    segments,
)

LIMIT = 1000
"""Swift's default."""
MANY = 1003
SIZE = 5


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    """A client of that gateway."""
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


def _body(number: int) -> bytes:
    return b"%05d" % number


def _content(numbers: list[int]) -> bytes:
    return b"".join(_body(number) for number in numbers)


def _put_natively(upload: Upload, stack: Stack, token: str, numbers: list[int]) -> None:
    """Put parts straight into Swift, which is what costs the time here."""
    storage = urlsplit(stack.swift.storage_url)

    def put(mine: list[int]) -> None:
        assert storage.hostname is not None
        with closing(http.client.HTTPConnection(storage.hostname, storage.port)) as connection:
            for number in mine:
                path = storage.path + upload.part(number).replace("+", "%2B")
                connection.request("PUT", path, _body(number), {"X-Auth-Token": token})
                with connection.getresponse() as response:
                    response.read()
                    assert response.status == 201
                upload.etags[number] = f'"{md5(_body(number)).hexdigest()}"'

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, [numbers[start::4] for start in range(4)]))


def _ranges(upload: Upload, numbers: list[int], borders: list[int]) -> None:
    """Reads across what the manifests make of the object."""
    content = _content(numbers)
    for border in borders:
        first, last = max(0, border - 7), min(len(content), border + 8) - 1
        answer = upload.s3.get_object(
            Bucket=upload.bucket, Key=upload.key, Range=f"bytes={first}-{last}"
        )
        assert answer["ContentRange"] == f"bytes {first}-{last}/{len(content)}"
        assert answer["Body"].read() == content[first : last + 1]


def test_more_parts_than_swift_takes_in_a_manifest_make_one_object(
    tiny: Running,
    stack: Stack,
    s3: Any,
    bucket: str,
    swift: swiftclient.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_QUICK", 0.2)
    monkeypatch.setattr(patience, "_BEAT", 0.2)
    upload = begin(s3, bucket)
    numbers = list(range(1, MANY + 1))
    _put_natively(upload, stack, swift.token, numbers)
    pages = list(s3.get_paginator("list_parts").paginate(**upload.names))
    listed = [part["PartNumber"] for page in pages for part in page["Parts"]]
    assert (len(pages), listed) == (2, numbers)

    etag = etag_of(*map(_body, numbers))
    with tiny.watched() as wire:
        answer = upload.complete()
        manifests = [sent.path for sent in wire.sent if sent.method == "PUT"]
    assert answer["ETag"] == etag
    # White space came first, so the length could not be told.
    assert answer["ResponseMetadata"]["HTTPHeaders"]["transfer-encoding"] == "chunked"
    assert manifests == [upload.part(20_000), f"/{bucket}/k"]

    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["ContentLength"]) == (etag, SIZE * MANY)
    (entry,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert (entry["ETag"], entry["Size"]) == (etag, SIZE * MANY)
    _ranges(upload, numbers, [0, SIZE * 998, SIZE * 999, SIZE * LIMIT, SIZE * MANY])

    with tiny.watched() as wire:
        s3.delete_object(Bucket=bucket, Key="k")
        assert str(wire.sent[-1]) == f"DELETE /{bucket}/k"  # no part was waited for
        tiny.wait_until_idle(60)
    assert (held(swift, bucket), segments(swift, bucket)) == ([], [])


@pytest.fixture
def small_manifests(monkeypatch: pytest.MonkeyPatch) -> int:
    """A Swift that takes few segments a manifest, as far as the gateway knows."""
    limit = 6

    async def get(cache: InfoCache, storage_url: str) -> ClusterInfo:
        del cache, storage_url
        return ClusterInfo(max_manifest_segments=limit)

    monkeypatch.setattr(InfoCache, "get", get)
    return limit


def test_nested_manifests_read_as_one_object(
    small_manifests: int, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(s3, bucket, "dir/é k", ContentType="text/plain", Metadata={"a": "b"})
    numbers = [1, *range(3, 32), 10_000]
    for number in numbers:
        upload.put(number, _body(number))
    etag = upload.complete()["ETag"]
    assert etag == etag_of(*map(_body, numbers))

    assert upload.read() == _content(numbers)
    _ranges(upload, numbers, list(range(0, SIZE * len(numbers) + 1, SIZE)))
    again = s3.get_object(Bucket=bucket, Key="dir/é k", IfMatch=etag)
    assert (again["ContentType"], again["Metadata"]) == ("text/plain", {"a": "b"})

    query = "multipart-manifest=get&format=raw"
    top = json.loads(swift.get_object(bucket, "dir/é k", query_string=query)[1])
    below = math.ceil((len(numbers) - small_manifests) / (small_manifests - 1))
    assert len(top) == small_manifests
    assert [entry["path"].rpartition("/")[2] for entry in top] == [
        "1",
        *(str(20_000 + index) for index in range(below)),
    ]

    assert upload.complete()["ETag"] == etag  # a repeat
    s3.delete_object(Bucket=bucket, Key="dir/é k")
    assert (held(swift, bucket), segments(swift, bucket)) == ([], [])


@pytest.mark.usefixtures("small_manifests")
def test_an_abort_frees_the_manifests_of_a_complete_that_failed(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = begin(s3, bucket)
    for number in range(1, 9):
        upload.put(number, _body(number))
    with tiny.watched() as wire:
        wire.before = Failing(Which("PUT", f"/{bucket}/k$"))
        assert refusal(upload.complete).code == "ServiceUnavailable"
    assert f"k/{upload.upload_id}/20000" in segments(swift, bucket)
    assert upload.numbers() == list(range(1, 9))
    upload.abort()
    assert segments(swift, bucket) == []


# --- deletes ---


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than two parts are many."""
    monkeypatch.setattr(large_objects, "_FEW", 2)


def _made(s3: Any, bucket: str, count: int) -> Upload:
    upload = begin(s3, bucket)
    for number in range(1, count + 1):
        upload.put(number, _body(number))
    upload.complete()
    return upload


def _delete(upload: Upload) -> None:
    upload.s3.delete_object(Bucket=upload.bucket, Key=upload.key)


@pytest.mark.usefixtures("few")
def test_many_parts_of_one_manifest_are_left_to_swifts_expirer(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = _made(s3, bucket, 3)
    with tiny.watched() as wire:
        _delete(upload)
        sent = [str(sent) for sent in wire.sent]
    assert sent == [
        f"HEAD /{bucket}/k",
        f"HEAD /{bucket}",
        f"DELETE /{bucket}/k?multipart-manifest=delete&async=on",
    ]
    assert held(swift, bucket) == []
    end = time.monotonic() + 30
    while segments(swift, bucket):
        assert time.monotonic() < end, "Swift's expirer did not come"
        time.sleep(0.2)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("count", [1, 2])
def test_few_parts_go_with_their_object(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection, count: int
) -> None:
    upload = _made(s3, bucket, count)
    with tiny.watched() as wire:
        _delete(upload)
        assert str(wire.sent[-1]) == f"DELETE /{bucket}/k?multipart-manifest=delete"
    assert (held(swift, bucket), segments(swift, bucket)) == ([], [])


@pytest.mark.usefixtures("few", "small_manifests")
@pytest.mark.parametrize("how", ["one", "many"])
def test_parts_below_nested_manifests_go_after_the_answer(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection, how: str
) -> None:
    """Swift's expirer does not take nested manifests."""
    upload, other = _made(s3, bucket, 14), begin(s3, bucket)
    other.put(1)
    with tiny.watched() as wire, Gate(Which("POST", "/$", "bulk-delete")) as gate:
        wire.before = gate
        if how == "one":
            _delete(upload)
        else:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
        gate.wait()
        assert held(swift, bucket) == []  # the answer is there, and the object gone
        assert len(segments(swift, bucket)) == 14 + 2 + 1 + 2
        assert f"DELETE /{bucket}/k" in [str(sent) for sent in wire.sent]
        gate.open()
        tiny.wait_until_idle()
    left = [name.removeprefix(f"k/{other.upload_id}") for name in segments(swift, bucket)]
    assert left == ["", "/1"]


@pytest.mark.usefixtures("few", "small_manifests")
def test_a_late_complete_of_a_deleted_object_is_not_acknowledged(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    """Between the object's end and that of its parts."""
    upload = begin(s3, bucket)
    for number in range(1, 9):
        upload.put(number, _body(number))
    with (
        tiny.watched() as wire,
        Gate(Which("PUT", f"/{bucket}/k$")) as late_gate,
        Gate(Which("POST", "/$", "bulk-delete")) as free_gate,
        ThreadPoolExecutor(1) as pool,
    ):
        wire.before = late_gate
        late = pool.submit(lambda: refusal(upload.complete))
        late_gate.wait()
        upload.complete()
        wire.before = free_gate
        _delete(upload)
        free_gate.wait()  # the last look has seen no object
        late_gate.open()
        while upload.part(30000) not in [sent.path for sent in wire.sent]:
            time.sleep(0.01)
        assert not late.done()
        free_gate.open()
        # On a busy machine the answer had to begin, with 200, before it was known.
        ended = late.result()
        assert (ended.code, ended.details) == ("NoSuchUpload", {"UploadId": upload.upload_id})
        tiny.wait_until_idle()
    assert (held(swift, bucket), segments(swift, bucket)) == ([], [])


@pytest.mark.usefixtures("few", "small_manifests")
def test_an_object_that_is_there_again_keeps_its_parts(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload = _made(s3, bucket, 8)
    query = "multipart-manifest=get&format=raw"
    manifest = swift.get_object(bucket, "k", query_string=query)[1]
    with tiny.watched() as wire, Gate(Which("PUT", upload.part(30000))) as gate:
        wire.before = gate
        _delete(upload)
        gate.wait()
        swift.put_object(bucket, "k", manifest, query_string="multipart-manifest=put")
        gate.open()
        tiny.wait_until_idle()
    assert upload.read() == _content(list(range(1, 9)))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("nested", [False, True])
def test_many_segments_of_others_go_with_their_object(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection, nested: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """They lie where they like, also in several containers, or below manifests."""
    monkeypatch.setattr(large_objects, "_LARGE", 1)
    swift.put_container(f"{bucket}-2")
    manifest = []
    for number in range(4):
        container = f"{bucket}-{1 + number % 2}" if number % 2 else bucket
        swift.put_object(container, f"segment/{number}", _body(number))
        manifest.append({"path": f"/{container}/segment/{number}"})
    swift.put_object(bucket, "k", json.dumps(manifest), query_string="multipart-manifest=put")
    if nested:
        top = json.dumps([{"path": f"/{bucket}/k"}] * 3)
        swift.put_object(bucket, "top", top, query_string="multipart-manifest=put")
    swift.put_object(bucket, "segment/other", b"1")
    s3.delete_object(Bucket=bucket, Key="top" if nested else "k")
    tiny.wait_until_idle()
    assert (held(swift, bucket), held(swift, f"{bucket}-2")) == (["segment/other"], [])


@pytest.mark.usefixtures("few", "small_manifests")
def test_what_replaced_a_large_object_meanwhile_is_deleted_plainly(
    tiny: Running, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    for count in (3, 8):  # for the expirer, and for the gateway
        _made(s3, bucket, count)
        with tiny.watched() as wire, Gate(Which("HEAD", f"/{bucket}$")) as gate:
            wire.before = gate
            with ThreadPoolExecutor(1) as pool:
                deleting = pool.submit(s3.delete_object, Bucket=bucket, Key="k")
                gate.wait()
                swift.put_object(bucket, "k", b"plain")
                gate.open()
                deleting.result()
        assert held(swift, bucket) == []
