"""ListParts and ListMultipartUploads, also of uploads that another gateway to Swift began."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import s3_client
from tests.functional.stack import Stack
from tests.functional.uploads import (
    Upload,
    begin,
    etag_of,
    no_such_upload,
    refusal,
    segments,
)

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3api(stack: Stack) -> Iterator[Any]:
    """A client of the s3api middleware on the same Swift."""
    assert stack.s3api_url is not None
    with closing(s3_client(stack.s3api_url, stack)) as client:
        yield client


def _new(s3: Any) -> str:
    name = f"uploads-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def three_parts(s3: Any) -> Upload:
    """An upload of the parts 1, 2 and 3 that nobody may end."""
    upload = begin(s3, _new(s3))
    for number in (1, 2, 3):
        upload.put(number)
    return upload


KEYS = ["a", "dir/a", "dir/b", "dir/sub/a", "dir2", "photos/2024", "photos/2024/01", "z/"]
AGAIN = ["a", "a", "a", "b", "c", "c", "d/1"]


@pytest.fixture(scope="module")
def many_keys(s3: Any) -> str:
    """A bucket with an upload of each of the keys."""
    bucket = _new(s3)
    for key in KEYS:
        begin(s3, bucket, key).put(1)
    return bucket


@pytest.fixture(scope="module")
def many_uploads(s3: Any) -> str:
    """A bucket with several uploads of a key."""
    bucket = _new(s3)
    for key in AGAIN:
        begin(s3, bucket, key)
    return bucket


def _uploads(s3: Any, bucket: str, **query: Any) -> list[tuple[str, str]]:
    page = s3.list_multipart_uploads(Bucket=bucket, **query)
    assert page["IsTruncated"] is False
    return [(entry["Key"], entry["UploadId"]) for entry in page.get("Uploads", [])]


def _prefixes(page: dict[str, Any]) -> list[str]:
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


def _paged(s3: Any, bucket: str, size: int, **query: Any) -> list[list[str]]:
    """Every page's keys and prefixes, as a client walks through them."""
    pages = []
    markers: dict[str, str] = {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=size, **query, **markers)
        assert page["MaxUploads"] == size
        found = [entry["Key"] for entry in page.get("Uploads", [])] + _prefixes(page)
        assert len(found) <= size
        pages.append(found)
        if not page["IsTruncated"]:
            assert (page["NextKeyMarker"], page["NextUploadIdMarker"]) == ("", "")
            return pages
        assert found, "an empty page that says that there is more"
        markers = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }


# --- ListParts ---


def test_parts_are_listed_by_number(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    for number in (10, 9, 100, 1):
        upload.put(number, b"x" * number)
    page = s3.list_parts(**upload.names)
    assert [(part["PartNumber"], part["Size"]) for part in page["Parts"]] == [
        (number, number) for number in (1, 9, 10, 100)
    ]
    assert [part["ETag"] for part in page["Parts"]] == [upload.etags[n] for n in (1, 9, 10, 100)]
    assert (page["Bucket"], page["Key"], page["UploadId"]) == (bucket, "k", upload.upload_id)
    assert (page["IsTruncated"], page["PartNumberMarker"], page["MaxParts"]) == (False, 0, 1000)
    assert page["NextPartNumberMarker"] == 100
    assert page["StorageClass"] == "STANDARD"
    assert page["Owner"]["ID"] == page["Initiator"]["ID"] != ""
    age = datetime.now(UTC) - page["Parts"][0]["LastModified"]  # noqa: TID251 - a client's clock
    assert abs(age) < timedelta(minutes=5)


def test_an_upload_without_parts_lists_none(s3: Any, bucket: str) -> None:
    page = s3.list_parts(**begin(s3, bucket).names)
    assert "Parts" not in page
    assert (page["IsTruncated"], page["NextPartNumberMarker"]) == (False, 0)


def test_parts_come_in_pages(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket)
    for number in (1, 2, 3, 20, 100):
        upload.put(number)
    seen: list[list[int]] = []
    marker = 0
    while True:
        page = s3.list_parts(**upload.names, MaxParts=2, PartNumberMarker=marker)
        seen.append([part["PartNumber"] for part in page["Parts"]])
        assert (page["PartNumberMarker"], page["MaxParts"]) == (marker, 2)
        marker = page["NextPartNumberMarker"]
        assert marker == seen[-1][-1]
        if not page["IsTruncated"]:
            break
    assert seen == [[1, 2], [3, 20], [100]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"MaxParts": 3}, ([1, 2, 3], False, 3)),
        ({"MaxParts": 2}, ([1, 2], True, 2)),
        ({"MaxParts": 0}, ([], False, 0)),
        ({"PartNumberMarker": 2}, ([3], False, 3)),
        ({"PartNumberMarker": 3}, ([], False, 3)),
        ({"PartNumberMarker": 99_999}, ([], False, 10_000)),
    ],
)
def test_a_page_of_parts_ends_where_it_says(
    s3: Any, three_parts: Upload, query: dict[str, int], expected: tuple[list[int], bool, int]
) -> None:
    page = s3.list_parts(**three_parts.names, **query)
    found = [part["PartNumber"] for part in page.get("Parts", [])]
    assert (found, page["IsTruncated"], page["NextPartNumberMarker"]) == expected


@pytest.mark.parametrize("name", ["max-parts", "part-number-marker"])
@pytest.mark.parametrize("value", ["-1", "x", "99999999999"])
def test_a_count_that_is_none_is_refused(
    three_parts: Upload, raw: Raw, name: str, value: str
) -> None:
    target = f"/{three_parts.bucket}/k?{name}={value}&uploadId={three_parts.upload_id}"
    reply = raw("GET", target)
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert (reply.error["ArgumentName"], reply.error["ArgumentValue"]) == (name, value)


def test_only_parts_are_listed(s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
    upload = begin(s3, bucket)
    upload.put(1)
    for name in ("0", "10001", "20000", "30000", "x", "1/2"):
        swift.put_object(f"{bucket}+segments", f"k/{upload.upload_id}/{name}", b"")
    assert upload.numbers() == [1]


# --- ListMultipartUploads ---


def test_an_upload_is_listed_until_it_ends(s3: Any, bucket: str) -> None:
    assert _uploads(s3, bucket) == []
    uploads = [begin(s3, bucket, key) for key in ("a", "b", "c")]
    for upload in uploads:
        upload.put(1)
    assert _uploads(s3, bucket) == [(upload.key, upload.upload_id) for upload in uploads]
    uploads[0].abort()
    uploads[1].complete()
    assert _uploads(s3, bucket) == [("c", uploads[2].upload_id)]
    s3.put_object(Bucket=bucket, Key="c", Body=b"x")
    assert _uploads(s3, bucket) == [("c", uploads[2].upload_id)]


def test_the_listing_has_every_element_that_clients_read(s3: Any, bucket: str, raw: Raw) -> None:
    begin(s3, bucket)
    root = ET.fromstring(raw("GET", f"/{bucket}?uploads=").body)  # noqa: S314 - our own gateway's
    assert root.tag == f"{NAMESPACE}ListMultipartUploadsResult"
    texts = {child.tag.removeprefix(NAMESPACE): child.text or "" for child in root}
    upload = {
        child.tag.removeprefix(NAMESPACE): child for child in root.findall(f"{NAMESPACE}Upload/*")
    }
    assert set(texts) == {
        "Bucket", "KeyMarker", "UploadIdMarker", "NextKeyMarker", "NextUploadIdMarker",
        "Prefix", "MaxUploads", "IsTruncated", "Upload",
    }  # fmt: skip
    assert (texts["MaxUploads"], texts["IsTruncated"]) == ("1000", "false")
    assert set(upload) == {"Key", "UploadId", "Initiator", "Owner", "StorageClass", "Initiated"}
    assert upload["StorageClass"].text == "STANDARD"
    assert [child.tag.removeprefix(NAMESPACE) for child in upload["Owner"]] == ["ID", "DisplayName"]


def test_uploads_are_listed_by_key_and_then_by_time(s3: Any, bucket: str) -> None:
    keys = ["b", "a", "b", "a/1", "B", "é", "b", "a-1"]
    uploads = [begin(s3, bucket, key) for key in keys]
    order = sorted(range(len(keys)), key=lambda n: (keys[n].encode(), n))
    assert _uploads(s3, bucket) == [(keys[n], uploads[n].upload_id) for n in order]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pages_of_uploads_miss_and_repeat_nothing(s3: Any, many_uploads: str, size: int) -> None:
    pages = _paged(s3, many_uploads, size)
    assert list(chain(*pages)) == AGAIN
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_no_uploads_at_all_can_be_asked_for(s3: Any, bucket: str) -> None:
    begin(s3, bucket)
    assert _paged(s3, bucket, 0) == [[]]


def test_a_page_of_a_client_that_aborts_what_it_lists_misses_nothing(s3: Any, bucket: str) -> None:
    for _ in range(5):
        begin(s3, bucket)
    aborted = 0
    markers: dict[str, str] = {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **markers)
        for entry in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=entry["UploadId"])
            aborted += 1
        if not page["IsTruncated"]:
            break
        markers = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }
    assert aborted == 5
    assert _uploads(s3, bucket) == []


def test_markers_need_not_exist(s3: Any, bucket: str) -> None:
    ids = {key: begin(s3, bucket, key).upload_id for key in ("a", "b", "c")}

    def after(**markers: str) -> list[str]:
        return [key for key, _ in _uploads(s3, bucket, **markers)]

    assert after(KeyMarker="a") == ["b", "c"]
    assert after(KeyMarker="aa") == ["b", "c"]
    assert after(KeyMarker="z") == []
    assert after(KeyMarker="a", UploadIdMarker=ids["a"]) == ["b", "c"]
    assert after(KeyMarker="aa", UploadIdMarker=ids["a"]) == ["b", "c"]
    assert after(UploadIdMarker=ids["b"]) == ["a", "b", "c"]  # means nothing without a key


@pytest.mark.parametrize(
    ("prefix", "delimiter", "expected"),
    [
        ("", "", KEYS),
        ("dir", "", ["dir/a", "dir/b", "dir/sub/a", "dir2"]),
        ("dir/", "", ["dir/a", "dir/b", "dir/sub/a"]),
        ("photos/2024", "", ["photos/2024", "photos/2024/01"]),
        ("photos/2024/", "", ["photos/2024/01"]),
        ("none", "", []),
        ("", "/", ["a", "dir2", "dir/", "photos/", "z/"]),
        ("dir", "/", ["dir2", "dir/"]),
        ("dir/", "/", ["dir/a", "dir/b", "dir/sub/"]),
        ("photos/", "/", ["photos/2024", "photos/2024/"]),
        ("", "o", ["a", "dir/a", "dir/b", "dir/sub/a", "dir2", "z/", "pho"]),
        ("", "20", ["a", "dir/a", "dir/b", "dir/sub/a", "dir2", "z/", "photos/20"]),
    ],
)
def test_prefix_and_delimiter_are_those_of_keys(
    s3: Any, many_keys: str, prefix: str, delimiter: str, expected: list[str]
) -> None:
    page = s3.list_multipart_uploads(Bucket=many_keys, Prefix=prefix, Delimiter=delimiter)
    assert [entry["Key"] for entry in page.get("Uploads", [])] + _prefixes(page) == expected
    assert page.get("Prefix", "") == prefix
    assert page.get("Delimiter", "") == delimiter
    in_pages = _paged(s3, many_keys, 2, Prefix=prefix, Delimiter=delimiter)
    assert sorted(chain(*in_pages)) == sorted(expected)


def test_a_prefix_does_not_reach_into_upload_ids(s3: Any, bucket: str) -> None:
    upload = begin(s3, bucket, "a")
    upload.put(1)
    for prefix in (f"a/{upload.upload_id}", f"a/{upload.upload_id[:3]}", "a/"):
        assert _uploads(s3, bucket, Prefix=prefix) == []
        assert _uploads(s3, bucket, Prefix=prefix, Delimiter="/") == []


@pytest.mark.parametrize("prefix", ["%00", "a%00b", "x" * 1025])
def test_a_prefix_that_no_key_has_finds_nothing(many_keys: str, raw: Raw, prefix: str) -> None:
    reply = raw("GET", f"/{many_keys}?prefix={prefix}&uploads=")
    assert reply.status == 200
    assert b"<Upload>" not in reply.body


def test_keys_are_encoded_for_those_who_ask_for_it(bucket: str, raw: Raw) -> None:
    # Not with boto, which cannot read a control character in an answer.
    assert raw("POST", f"/{bucket}/d%20r/a%2Bb%01%26%C3%A9?uploads=").status == 200
    query = "encoding-type=url&key-marker=%01&max-uploads=1&prefix=d%20r&uploads="
    body = raw("GET", f"/{bucket}?{query}").body.decode()
    assert "<Key>d%20r/a%2Bb%01%26%C3%A9</Key>" in body
    assert "<Prefix>d%20r</Prefix>" in body
    assert "<KeyMarker>%01</KeyMarker>" in body
    assert "<EncodingType>url</EncodingType>" in body
    plain = raw("GET", f"/{bucket}?uploads=").body.decode()
    assert "<Key>d r/a+b&#x1;&amp;é</Key>" in plain
    assert "EncodingType" not in plain
    reply = raw("GET", f"/{bucket}?encoding-type=x&uploads=")
    assert (reply.code, reply.error["ArgumentName"]) == ("InvalidArgument", "encoding-type")


@pytest.mark.parametrize("value", ["-1", "x"])
def test_a_number_of_uploads_that_is_none_is_refused(many_keys: str, raw: Raw, value: str) -> None:
    reply = raw("GET", f"/{many_keys}?max-uploads={value}&uploads=")
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert reply.error["ArgumentName"] == "max-uploads"


def test_keys_may_look_like_parts_and_like_uploads(
    s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    first = begin(s3, bucket, "a")
    keys = ["a/123", f"a/{first.upload_id}", f"a/{first.upload_id}/1", "a/123/456", "1", "a/x/1"]
    uploads = [first, *(begin(s3, bucket, key) for key in keys)]
    for upload in uploads:
        upload.put(1, upload.key.encode())
        upload.put(2)
    found = {(upload.key, upload.upload_id) for upload in uploads}
    assert set(_uploads(s3, bucket)) == found
    for upload in uploads:
        assert upload.numbers() == [1, 2]
    first.abort()
    for upload in uploads[1:]:
        upload.complete(1)
        assert upload.read() == upload.key.encode()
    assert _uploads(s3, bucket) == []
    kept = {f"{upload.key}/{upload.upload_id}/{n}" for upload in uploads[1:] for n in (1, 2)}
    assert set(segments(swift, bucket)) == kept


# --- beside s3api ---


def test_an_upload_that_s3api_began_is_continued_and_completed_here(
    s3: Any, s3api: Any, bucket: str
) -> None:
    there = begin(s3api, bucket, "dir/k", ContentType="text/plain", Metadata={"a": "c"})
    there.put(1, b"x" * 5 * MIB)
    assert _uploads(s3, bucket) == [("dir/k", there.upload_id)]
    here = Upload(s3, bucket, "dir/k", there.upload_id, there.etags)
    here.put(2, b"end")
    assert here.numbers() == [1, 2]

    etag = here.complete()["ETag"]
    assert etag == etag_of(b"x" * 5 * MIB, b"end")
    assert here.read() == b"x" * 5 * MIB + b"end"
    head = s3.head_object(Bucket=bucket, Key="dir/k")
    assert (head["ETag"], head["Metadata"]) == (etag, {"a": "c"})
    assert head["ContentType"] == "binary/octet-stream"  # s3api hides it from everybody else
    assert refusal(there.numbers) == no_such_upload(there.upload_id)
    assert s3api.get_object(Bucket=bucket, Key="dir/k")["Body"].read() == here.read()


def test_an_upload_begun_here_is_continued_and_completed_by_s3api(
    s3: Any, s3api: Any, bucket: str
) -> None:
    here = begin(s3, bucket, "dir/k", ContentType="text/plain", Metadata={"a-b": "c"})
    here.put(1, b"x" * 5 * MIB)
    assert _uploads(s3api, bucket) == [("dir/k", here.upload_id)]
    there = Upload(s3api, bucket, "dir/k", here.upload_id, here.etags)
    there.put(2, b"end")
    assert there.numbers() == [1, 2]

    etag = there.complete()["ETag"]
    assert etag == etag_of(b"x" * 5 * MIB, b"end")
    assert _uploads(s3, bucket) == []
    head = s3.head_object(Bucket=bucket, Key="dir/k")
    assert (head["ETag"], head["ContentType"], head["Metadata"]) == (
        etag,
        "text/plain",
        {"a-b": "c"},
    )
    assert s3.list_objects(Bucket=bucket)["Contents"][0]["ETag"] == etag
    assert here.complete()["ETag"] == etag  # a repeat of the other's
    assert refusal(here.numbers) == no_such_upload(here.upload_id)


def test_an_upload_is_aborted_by_whoever_wants_to(
    s3: Any, s3api: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    there, here = begin(s3api, bucket), begin(s3, bucket)
    for upload in (there, here):
        upload.put(1)
    Upload(s3, bucket, "k", there.upload_id).abort()
    Upload(s3api, bucket, "k", here.upload_id).abort()
    assert segments(swift, bucket) == []
    assert refusal(here.abort) == no_such_upload(here.upload_id)


@pytest.mark.parametrize("prefix", ["\ud7ff", "a\U0010ffff"])
def test_a_prefix_that_swift_cannot_seek_is_refused(s3: Any, bucket: str, prefix: str) -> None:
    begin(s3, bucket)
    told = refusal(lambda: s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix))
    assert (told.status, told.code) == (501, "NotImplemented")
