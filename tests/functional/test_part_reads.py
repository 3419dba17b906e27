"""GetObject and HeadObject by part number, and what else is read of an object's making."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5
from typing import Any

import pytest
import swiftclient

from s3gw.swift.info import ClusterInfo, InfoCache
from tests.functional.conftest import Raw
from tests.functional.gates import Gate, Which
from tests.functional.gateway import Running, s3_client
from tests.functional.stack import Stack
from tests.functional.uploads import Upload, begin, refusal

BODIES = {1: b"one", 3: b"three", 10: b"ten"}


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    """A client of that gateway."""
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


@pytest.fixture
def upload(s3: Any, bucket: str) -> Upload:
    """A completed upload with gaps among its numbers."""
    return completed(s3, bucket, BODIES)


def completed(s3: Any, bucket: str, bodies: dict[int, bytes]) -> Upload:
    upload = begin(s3, bucket)
    for number, body in bodies.items():
        upload.put(number, body)
    upload.complete()
    return upload


def reads(s3: Any, bucket: str, number: int, **more: Any) -> tuple[Any, Any]:
    """HEAD and GET of a part, which tell the same."""
    asked = {"Bucket": bucket, "Key": "k", "PartNumber": number, **more}
    head, found = s3.head_object(**asked), s3.get_object(**asked)
    for name in ("ContentLength", "ContentRange", "PartsCount", "ETag", "LastModified", "Metadata"):
        assert head.get(name) == found.get(name)
    for answer in (head, found):
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == (
            206 if answer["ContentLength"] else 200
        )
    return found, found["Body"].read()


class TestMultipart:
    """Objects of several parts."""

    def test_a_part_is_named_as_it_was_uploaded(self, s3: Any, bucket: str, upload: Upload) -> None:
        whole, etag = b"".join(BODIES.values()), s3.head_object(Bucket=bucket, Key="k")["ETag"]
        offset = 0
        for number, body in BODIES.items():
            found, content = reads(s3, bucket, number)
            assert content == body
            assert found["ContentRange"] == f"bytes {offset}-{offset + len(body) - 1}/{len(whole)}"
            assert (found["PartsCount"], found["ETag"]) == (3, etag)
            offset += len(body)
        assert upload.read() == whole

    def test_it_is_two_requests(self, s3: Any, bucket: str, upload: Upload, tiny: Running) -> None:
        asked = {"Bucket": bucket, "Key": upload.key, "PartNumber": 3}
        for call, first in ((s3.get_object, "GET"), (s3.head_object, "HEAD")):
            with tiny.watched() as wire:
                call(**asked)
                assert wire.methods() == [first, "GET"]

    @pytest.mark.parametrize("number", [2, 11, 10_000])
    def test_a_part_that_was_never_uploaded_is_not_satisfiable(
        self, s3: Any, bucket: str, upload: Upload, number: int
    ) -> None:
        asked = {"Bucket": bucket, "Key": upload.key, "PartNumber": number}
        answer = refusal(lambda: s3.get_object(**asked))
        assert (answer.status, answer.code) == (416, "InvalidPartNumber")
        assert answer.details == {"PartNumberRequested": str(number), "ActualPartCount": "3"}
        assert refusal(lambda: s3.head_object(**asked)).status == 416

    def test_conditions_are_judged_on_the_objects_etag(
        self, s3: Any, bucket: str, upload: Upload
    ) -> None:
        etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
        assert reads(s3, bucket, 3, IfMatch=etag)[1] == b"three"
        for call in (s3.get_object, s3.head_object):
            asked = {"Bucket": bucket, "Key": upload.key, "PartNumber": 3}
            assert refusal(lambda: call(**asked, IfMatch='"0"')).status == 412  # noqa: B023
            assert refusal(lambda: call(**asked, IfNoneMatch=etag)).status == 304  # noqa: B023

    def test_overrides_hold(self, s3: Any, bucket: str, upload: Upload) -> None:
        assert upload.read()
        found, _ = reads(s3, bucket, 1, ResponseContentType="text/x")
        assert found["ContentType"] == "text/x"

    def test_an_old_version_has_its_own_parts(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        versions = []
        for bodies in ({1: b"old", 2: b"older"}, {1: b"n"}):
            completed(s3, bucket, bodies)
            versions.append(s3.head_object(Bucket=bucket, Key="k")["VersionId"])
        found, content = reads(s3, bucket, 2, VersionId=versions[0])
        assert (content, found["PartsCount"], found["VersionId"]) == (b"older", 2, versions[0])
        assert reads(s3, bucket, 1)[1] == b"n"


class TestHazard19:
    """Where Swift's own part numbers would be others."""

    def test_the_empty_part_that_no_manifest_holds(self, s3: Any, bucket: str) -> None:
        completed(s3, bucket, {1: b"one", 2: b""})
        assert reads(s3, bucket, 1)[0]["PartsCount"] == 2
        found, content = reads(s3, bucket, 2)
        assert (content, found["ContentLength"], found["PartsCount"]) == (b"", 0, 2)
        assert "ContentRange" not in found

    def test_an_object_of_one_empty_part(self, s3: Any, bucket: str) -> None:
        completed(s3, bucket, {4: b""})
        found, content = reads(s3, bucket, 4)
        assert (content, found["PartsCount"]) == (b"", 1)

    def test_nested_manifests(
        self, s3: Any, bucket: str, tiny: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def get(cache: InfoCache, storage_url: str) -> ClusterInfo:
            del cache, storage_url
            return ClusterInfo(max_manifest_segments=3)

        monkeypatch.setattr(InfoCache, "get", get)
        bodies = {number: b"%05d" % number for number in (1, 2, 4, 5, 6, 8, 9)}
        upload = completed(s3, bucket, bodies)
        for number, body in bodies.items():
            found, content = reads(s3, bucket, number)
            assert (content, found["PartsCount"]) == (body, len(bodies))
        with tiny.watched() as wire:
            s3.get_object(Bucket=bucket, Key="k", PartNumber=9)
            below = [sent.path for sent in wire.sent if "+segments" in sent.path]
        assert sorted(below) == [upload.part(20_000 + n) for n in range(len(below))]
        assert len(wire.sent) == len(below) + 2

    @pytest.mark.parametrize(("method", "nth"), [("get_object", 2), ("head_object", 1)])
    def test_an_object_that_is_replaced_meanwhile_is_looked_at_again(
        self, s3: Any, bucket: str, tiny: Running, upload: Upload, method: str, nth: int
    ) -> None:
        assert upload.read()
        other = begin(s3, bucket)
        for number, body in ((1, b"longer than one"), (3, b"3")):
            other.put(number, body)
        with (
            ThreadPoolExecutor(1) as pool,
            tiny.watched() as wire,
            Gate(Which("GET", f"/{bucket}/k$", nth=nth)) as gate,
        ):
            wire.before = gate
            asked = {"Bucket": bucket, "Key": "k", "PartNumber": 3}
            reading = pool.submit(getattr(s3, method), **asked)
            gate.wait()
            other.complete()
            gate.open()
            assert reading.result()["ContentRange"] == "bytes 15-15/16"


class TestOthers:
    """Objects that are no multipart objects of S3's."""

    @pytest.mark.parametrize("body", [b"plain", bytes(300_000), b""])
    def test_a_plain_object_is_its_first_part(
        self, s3: Any, bucket: str, tiny: Running, body: bytes
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=body)
        found, content = reads(s3, bucket, 1, ChecksumMode="ENABLED")
        assert content == body
        assert "PartsCount" not in found
        span = f"bytes 0-{len(body) - 1}/{len(body)}" if body else None
        assert (found.get("ContentRange"), found["ContentLength"]) == (span, len(body))
        assert "ChecksumCRC32" in found  # it is all of the object
        for call in (s3.get_object, s3.head_object):
            with tiny.watched() as wire:
                assert refusal(lambda: call(Bucket=bucket, Key="k", PartNumber=2)).status == 416  # noqa: B023
                assert len(wire.sent) == 1

    def test_a_native_large_object_has_the_parts_of_its_manifest(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "x", b"0123456789")
        etag = md5(b"0123456789").hexdigest()
        manifest = [
            {"path": f"/{bucket}/x", "etag": etag, "size_bytes": 10},
            {"path": f"/{bucket}/x", "range": "2-4"},
            {"data": "YWJj"},
            {"path": f"/{bucket}/x", "range": "-2"},
        ]
        query = "multipart-manifest=put"
        swift.put_object(bucket, "k", json.dumps(manifest), query_string=query)
        parts = [reads(s3, bucket, number)[1] for number in (1, 2, 3, 4)]
        assert parts == [b"0123456789", b"234", b"abc", b"89"]

    def test_a_dynamic_large_object_is_its_first_part(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for name in ("x/1", "x/2"):
            swift.put_object(bucket, name, name.encode())
        swift.put_object(bucket, "k", b"", headers={"X-Object-Manifest": f"{bucket}/x/"})
        assert reads(s3, bucket, 1)[1] == b"x/1x/2"

    @pytest.mark.parametrize("number", ["0", "10001", "-1", "x", "", "1.0", "000001"])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_what_is_no_part_number_is_refused(
        self, raw: Raw, bucket: str, method: str, number: str
    ) -> None:
        reply = raw(method, f"/{bucket}/k?partNumber={number}")
        assert reply.status == 400
        if method == "GET":
            assert (reply.code, reply.error["ArgumentName"]) == ("InvalidArgument", "partNumber")
            assert reply.error["Message"] == (
                "Part number must be an integer between 1 and 10000, inclusive"
            )

    def test_a_part_and_a_range_do_not_go_together(self, raw: Raw, bucket: str) -> None:
        reply = raw("GET", f"/{bucket}/k?partNumber=1", [("Range", "bytes=0-1")])
        assert (reply.status, reply.code) == (400, "InvalidRequest")

    def test_what_is_not_there_has_no_parts(self, raw: Raw, bucket: str) -> None:
        for method in ("GET", "HEAD"):
            assert raw(method, f"/{bucket}/never?partNumber=1").status == 404


def test_swifts_expiry_is_shown_as_s3s(s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
    moment = int(time.time()) + 86_400  # noqa: TID251 - as Swift's client
    swift.put_object(bucket, "k", b"1", headers={"X-Delete-At": str(moment)})
    expiry = format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)
    for call in (s3.get_object, s3.head_object):
        found = call(Bucket=bucket, Key="k")
        assert found["Expiration"] == f'expiry-date="{expiry}", rule-id="X-Delete-At"'
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")  # which replaces the object, expiry and all
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="k")
