"""If-Match of PutObject and CompleteMultipartUpload, by S3's own ETags, on Swift's newest copy."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gates import Failing, Which
from tests.functional.gateway import Running, s3_client
from tests.functional.payloads import BUFFER_SIZE
from tests.functional.rawclient import keys_of, linked, sign
from tests.functional.stack import Stack
from tests.functional.test_versioning import enable
from tests.functional.uploads import begin, etag_of, refusal
from tests.functional.witness import is_there


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


def read(s3: Any, bucket: str) -> bytes:
    """The content of `k`."""
    body: bytes = s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    return body


@pytest.mark.parametrize("size", [3, BUFFER_SIZE + 1])
def test_a_put_replaces_the_object_that_it_names_and_no_other(
    tiny: Running, s3: Any, bucket: str, size: int
) -> None:
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    body = b"x" * size
    with tiny.watched() as wire:
        second = s3.put_object(Bucket=bucket, Key="k", Body=body, IfMatch=first)["ETag"]
        assert wire.methods() == ["HEAD", "PUT"]
        assert wire.sent[0].headers["X-Newest"] == "true"
    found = refusal(partial(s3.put_object, Bucket=bucket, Key="k", Body=b"no", IfMatch=first))
    assert (found.status, found.code) == (412, "PreconditionFailed")
    assert found.details == {"Condition": "If-Match"}
    assert read(s3, bucket) == body
    s3.put_object(Bucket=bucket, Key="k", Body=b"new", IfMatch=second.strip('"'))
    assert read(s3, bucket) == b"new"


def test_there_is_nothing_to_replace_where_nothing_is(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    put = partial(s3.put_object, Key="k", Body=b"1", IfMatch='"0"')
    found = refusal(partial(put, Bucket=bucket))
    assert (found.status, found.code, found.details) == (404, "NoSuchKey", {"Key": "k"})
    assert not is_there(swift, bucket, "k")
    found = refusal(partial(put, Bucket=f"{bucket}-never"))
    assert (found.status, found.code) == (404, "NoSuchBucket")


def test_a_multipart_object_is_named_by_its_s3_etag(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    upload.put(1, b"a")
    upload.put(2, b"b")
    upload.complete()
    put = partial(s3.put_object, Bucket=bucket, Key="k", Body=b"new")
    assert refusal(partial(put, IfMatch='"0"')).code == "PreconditionFailed"
    put(IfMatch=etag_of(b"a", b"b"))
    assert read(s3, bucket) == b"new"


def test_a_complete_replaces_the_object_that_it_names_and_stays_open_if_refused(
    s3: Any, bucket: str
) -> None:
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    upload = begin(s3, bucket)
    upload.put(1, b"new")
    found = refusal(partial(upload.complete, IfMatch='"0"'))
    assert (found.status, found.code) == (412, "PreconditionFailed")
    assert found.details == {"Condition": "If-Match"}
    assert read(s3, bucket) == b"old"
    upload.complete(IfMatch=old)
    assert read(s3, bucket) == b"new"
    other = begin(s3, bucket, "never")
    other.put(1, b"new")
    found = refusal(partial(other.complete, IfMatch=old))
    assert (found.status, found.code) == (404, "NoSuchKey")


def test_a_body_that_waits_is_not_asked_for_before_the_verdict(
    gateway: Running, stack: Stack, bucket: str
) -> None:
    for size in (3, BUFFER_SIZE + 1):
        url = f"{gateway.endpoint}/{bucket}/k"
        signed = sign(keys_of(stack), "PUT", url, [("If-Match", '"0"')], payload="UNSIGNED-PAYLOAD")
        with linked(gateway.endpoint) as link:
            link.send(signed.head([("Content-Length", str(size)), ("Expect", "100-continue")]))
            reply = link.reply()
            assert (reply.status, reply.code, reply.went_on) == (404, "NoSuchKey", False)
            assert link.is_closed()


@pytest.mark.parametrize("size", [3, BUFFER_SIZE + 1])
@pytest.mark.parametrize("status", ["", "Enabled"])
def test_all_conditions_of_a_put_are_one_look(
    tiny: Running, s3: Any, stack: Stack, bucket: str, size: int, status: str
) -> None:
    if status:
        enable(s3, bucket, status)
    s3.list_object_versions(Bucket=bucket)  # warms the bucket's facts
    body = b"x" * size
    headers = [("If-None-Match", "*")]
    signed = sign(
        keys_of(stack), "PUT", f"{tiny.endpoint}/{bucket}/k", headers, payload="UNSIGNED-PAYLOAD"
    )
    with tiny.watched() as wire, linked(tiny.endpoint) as link:
        link.send(signed.head([("Content-Length", str(size)), ("Expect", "100-continue")]))
        link.go_on()
        link.send(body)
        assert link.reply().status == 200
        looks = ["HEAD"] if status or size == 3 else []  # of a large body Swift is asked first
        assert wire.methods() == [*looks, "PUT"]
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    both = {"IfMatch": etag, "IfNoneMatch": "*"}
    with tiny.watched() as wire:
        found = refusal(partial(s3.put_object, Bucket=bucket, Key="k", Body=body, **both))
        assert (found.code, found.details) == ("PreconditionFailed", {"Condition": "If-None-Match"})
        assert wire.methods() == ["HEAD"]


def test_a_complete_whose_answer_was_lost_is_no_obstacle_to_its_repeat(
    tiny: Running, s3: Any, bucket: str
) -> None:
    enable(s3, bucket)
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    upload = begin(s3, bucket)
    upload.put(1, b"new")
    with tiny.watched() as wire:
        wire.after = Failing(Which("PUT", f"/{bucket}/k$"))
        assert refusal(partial(upload.complete, IfMatch=old)).status == 503
    with tiny.watched() as wire:
        answer = upload.complete(IfMatch=old)
        assert "PUT" not in wire.methods()
    assert answer["VersionId"] == s3.head_object(Bucket=bucket, Key="k")["VersionId"]
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2


@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since"])
def test_a_condition_that_no_write_knows_is_refused(
    raw: Raw, bucket: str, swift: swiftclient.Connection, name: str
) -> None:
    moment = [(name, "Tue, 02 Jan 2024 03:04:05 GMT")]
    reply = raw("PUT", f"/{bucket}/k", moment, b"1")
    assert (reply.status, reply.code, reply.error["Header"]) == (501, "NotImplemented", name)
    assert not is_there(swift, bucket, "k")
