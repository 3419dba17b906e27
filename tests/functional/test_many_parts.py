"""Uploads of more parts than Swift takes segments in one manifest."""

import http.client
import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import md5
from typing import Any
from urllib.parse import urlsplit

import pytest
import swiftclient

from s3gw import patience
from s3gw.swift.info import ClusterInfo, InfoCache
from tests.functional.gates import Failing, Which
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.stack import Stack
from tests.functional.uploads import Upload, begin, etag_of, held, refusal, segments

LIMIT = 1000
"""Swift's default."""
MANY = 1003
SIZE = 5


@pytest.fixture(scope="module")
def tiny(stack: Stack) -> Iterator[Running]:
    """A gateway that lets parts be small."""
    with running(settings_for(stack, limits={"min_part_size": 1})) as gateway:
        yield gateway


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
