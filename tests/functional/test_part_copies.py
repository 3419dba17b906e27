"""UploadPartCopy: parts made within Swift of whole objects and of ranges of them."""

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running, Sent, s3_client
from tests.functional.stack import Stack
from tests.functional.uploads import Upload, begin, etag_of, no_such_upload, refusal, segments
from tests.functional.versions import put, switch
from tests.functional.witness import held

CONTENT = b"0123456789"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


@pytest.fixture
def upload(s3: Any, bucket: str) -> Upload:
    """An open upload beside the object `source`."""
    s3.put_object(Bucket=bucket, Key="source", Body=CONTENT, Metadata={"a": "1"})
    return begin(s3, bucket, "k")


def copy(upload: Upload, number: int, source: str = "source", **more: Any) -> Any:
    """Copy a part; its ETag counts for the Complete."""
    named = {"Bucket": upload.bucket, "Key": source}
    answer = upload.s3.upload_part_copy(
        **upload.names, PartNumber=number, **{"CopySource": named, **more}
    )
    upload.etags[number] = answer["CopyPartResult"]["ETag"]
    return answer


def test_a_part_is_copied_within_swift_in_three_requests(
    tiny: Running, upload: Upload, swift: swiftclient.Connection
) -> None:
    copy(upload, 1)
    with tiny.watched() as wire:
        answer = copy(upload, 2, CopySourceRange="bytes=2-4")
        assert list(map(str, wire.sent)) == [
            f"HEAD {upload.marker}",
            f"HEAD /{upload.bucket}/source",
            f"PUT {upload.part(2)}?heartbeat=on",
        ]
        assert wire.sent[-1].headers["Range"] == "bytes=2-4"
    assert answer["CopyPartResult"]["LastModified"].tzinfo is not None
    assert upload.complete()["ETag"] == etag_of(CONTENT, b"234")
    assert upload.read() == CONTENT + b"234"
    part = held(swift, f"{upload.bucket}+segments", f"k/{upload.upload_id}/1")
    assert part["content-type"] == "application/octet-stream"
    assert not [name for name in part if name.startswith("x-object-meta-")]


def test_copied_and_uploaded_parts_make_one_object(upload: Upload) -> None:
    copy(upload, 1, CopySourceRange="bytes=0-0")
    upload.put(2, b"|")
    copy(upload, 3, CopySourceRange="bytes=9-9")
    assert upload.numbers() == [1, 2, 3]
    upload.complete()
    assert upload.read() == b"0|9"


def test_a_multipart_object_and_an_empty_one_are_sources_too(s3: Any, upload: Upload) -> None:
    large = begin(s3, upload.bucket, "large")
    large.put(1, b"abc")
    large.put(2, b"def")
    large.complete()
    s3.put_object(Bucket=upload.bucket, Key="empty", Body=b"")
    copy(upload, 1, "large", CopySourceRange="bytes=2-3", CopySourceIfMatch=etag_of(b"abc", b"def"))
    copy(upload, 2, "large")
    copy(upload, 3, "empty")
    upload.complete()
    assert upload.read() == b"cdabcdef"


def test_the_object_itself_may_be_the_source(s3: Any, upload: Upload) -> None:
    s3.put_object(Bucket=upload.bucket, Key="k", Body=b"old")
    copy(upload, 1, "k")
    upload.put(2, b"new")
    upload.complete()
    assert upload.read() == b"oldnew"


def test_a_version_may_be_the_source(upload: Upload, swift: swiftclient.Connection) -> None:
    switch(swift, upload.bucket, on=True)
    old = put(swift, upload.bucket, "versioned", b"old")
    put(swift, upload.bucket, "versioned", b"new")
    named = {"Bucket": upload.bucket, "Key": "versioned", "VersionId": old}
    answer = copy(upload, 1, CopySource=named)
    assert answer["CopySourceVersionId"] == old
    upload.complete()
    assert upload.read() == b"old"


FORM = "The x-amz-copy-source-range value must be of the form bytes=first-last"


def test_a_range_that_the_source_does_not_have_is_refused(
    upload: Upload, swift: swiftclient.Connection
) -> None:
    before = segments(swift, upload.bucket)
    for value, code, message in (
        ("bytes=0-", "InvalidArgument", FORM),
        ("0-4", "InvalidArgument", FORM),
        ("bytes=4-2", "InvalidArgument", FORM),
        ("bytes=0-2,3-5", "InvalidArgument", FORM),
        ("bytes=0-10", "InvalidArgument", "Range specified is not valid for source object of"),
        ("bytes=10-10", "InvalidRequest", "The specified copy range is invalid for the source"),
    ):
        found = refusal(partial(copy, upload, 1, CopySourceRange=value))
        assert (found.status, found.code) == (400, code), value
        assert found.message.startswith(message)
    assert segments(swift, upload.bucket) == before


def test_ranges_of_more_than_5_gib_are_taken_one_by_one(
    upload: Upload, swift: swiftclient.Connection
) -> None:
    swift.put_object(upload.bucket, "part", b"x" * 8 * MIB)
    manifest = json.dumps([{"path": f"/{upload.bucket}/part"}] * 641)
    query = "multipart-manifest=put"
    swift.put_object(upload.bucket, "huge", manifest, query_string=query)
    for more in ({}, {"CopySourceRange": f"bytes=0-{5 * 1024 * MIB}"}):
        found = refusal(partial(copy, upload, 1, "huge", **more))
        assert (found.status, found.code) == (400, "InvalidRequest")
        assert found.message.endswith("5368709120")
    copy(upload, 1, "huge", CopySourceRange=f"bytes={5 * 1024 * MIB}-{5 * 1024 * MIB + 1}")
    upload.complete()
    assert upload.read() == b"xx"


def test_an_upload_or_a_part_that_is_none_copies_nothing(
    upload: Upload, raw: Raw, swift: swiftclient.Connection
) -> None:
    source = [("x-amz-copy-source", f"{upload.bucket}/source")]
    for number in ("0", "10001", "x"):
        target = f"/{upload.bucket}/k?uploadId={upload.upload_id}&partNumber={number}"
        reply = raw("PUT", target, source)
        assert (reply.status, reply.code) == (400, "InvalidArgument")
    upload.abort()
    assert refusal(partial(copy, upload, 1)) == no_such_upload(upload.upload_id)
    assert segments(swift, upload.bucket) == []


def test_a_source_that_is_missing_or_not_as_it_must_be_is_told(upload: Upload) -> None:
    found = refusal(partial(copy, upload, 1, "missing"))
    assert (found.status, found.code, found.details) == (404, "NoSuchKey", {"Key": "missing"})
    found = refusal(partial(copy, upload, 1, CopySourceIfMatch='"0"'))
    assert (found.status, found.code) == (412, "PreconditionFailed")
    assert found.details == {"Condition": "x-amz-copy-source-If-Match"}


def test_a_slow_copy_into_an_upload_that_ended_meanwhile_is_no_part(
    tiny: Running, upload: Upload, monkeypatch: pytest.MonkeyPatch, swift: swiftclient.Connection
) -> None:
    """Hazard 4."""
    monkeypatch.setattr("s3gw.handlers.multipart._SLOW", 0.0)

    async def end(sent: Sent) -> None:
        if sent.method == "PUT":
            swift.delete_object(f"{upload.bucket}+segments", f"k/{upload.upload_id}")

    with tiny.watched() as wire:
        wire.after = end
        found = refusal(partial(copy, upload, 1))
    assert found == no_such_upload(upload.upload_id)
