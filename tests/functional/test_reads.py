"""GetObject and HeadObject: conditions, ranges, overrides; a HEAD says what the GET would."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import swiftclient

from s3gw.s3.dates import http_date
from tests.functional.conftest import Raw
from tests.functional.rawclient import Pairs, Reply
from tests.functional.test_deletes import upload
from tests.functional.witness import names

BODY = b"0123456789"
OTHER = "0" * 32


class Kept(NamedTuple):
    """An object in Swift, and what conditions on it are made of."""

    path: str
    body: bytes
    etag: str
    time: datetime

    def header(self, text: str) -> str:
        """A header's value with {etag}, {bare}, {before}, {at} and {after} filled in."""
        second = timedelta(seconds=1)
        return text.format(
            etag=f'"{self.etag}"',
            bare=self.etag,
            other=f'"{OTHER}"',
            before=http_date(self.time - second),
            at=http_date(self.time),
            after=http_date(self.time + second),
        )


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """One bucket for the whole module: nothing here writes to it."""
    name = f"reads-{datetime.now(UTC):%H%M%S%f}"  # noqa: TID251 - only a name
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module", params=["plain", "multipart"])
def kept(request: pytest.FixtureRequest, s3: Any, bucket: str) -> Kept:
    """A plain object and a multipart one: clients cannot tell them apart."""
    body = BODY
    extra = {"CacheControl": "max-age=1", "Expires": "Wed, 21 Oct 2065 07:28:00 GMT"}
    if request.param == "plain":
        s3.put_object(Bucket=bucket, Key="plain", Body=body, **extra)
    else:
        place = {"Bucket": bucket, "Key": "multipart"}
        upload_id = s3.create_multipart_upload(**place, **extra)["UploadId"]
        part = s3.upload_part(**place, UploadId=upload_id, PartNumber=1, Body=body)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload=parts)
    head = s3.head_object(Bucket=bucket, Key=request.param)
    etag = head["ETag"].strip('"')
    assert ("-" in etag) == (request.param == "multipart")
    return Kept(f"/{bucket}/{request.param}", body, etag, head["LastModified"])


@pytest.fixture(params=["GET", "HEAD"])
def method(request: pytest.FixtureRequest) -> str:
    """Whatever holds for the one holds for the other."""
    found: str = request.param
    return found


CONDITIONS = [
    # Headers, status, and the condition that failed.
    ({"if-match": "{etag}"}, 200, ""),
    ({"if-match": "{bare}"}, 200, ""),
    ({"if-match": "*"}, 200, ""),
    ({"if-match": "{other}, {etag}"}, 200, ""),
    ({"if-match": "{other},{bare}"}, 200, ""),
    ({"if-match": "{other}"}, 412, "If-Match"),
    ({"if-match": '"{bare}-9"'}, 412, "If-Match"),
    ({"if-match": ""}, 412, "If-Match"),
    ({"if-none-match": "{etag}"}, 304, ""),
    ({"if-none-match": "{bare}"}, 304, ""),
    ({"if-none-match": "W/{etag}"}, 304, ""),
    ({"if-none-match": "*"}, 304, ""),
    ({"if-none-match": "{other}, {etag}"}, 304, ""),
    ({"if-none-match": "{other}"}, 200, ""),
    ({"if-modified-since": "{before}"}, 200, ""),
    ({"if-modified-since": "{at}"}, 304, ""),
    ({"if-modified-since": "Wed, 21 Oct 2065 07:28:00 GMT"}, 200, ""),  # the future is ignored
    ({"if-modified-since": "garbage"}, 200, ""),
    ({"if-unmodified-since": "{before}"}, 412, "If-Unmodified-Since"),
    ({"if-unmodified-since": "{at}"}, 200, ""),
    ({"if-unmodified-since": "{after}"}, 200, ""),
    ({"if-unmodified-since": "garbage"}, 200, ""),
    # An ETag's condition makes the date's void.
    ({"if-match": "{etag}", "if-unmodified-since": "{before}"}, 200, ""),
    ({"if-match": "{other}", "if-unmodified-since": "{after}"}, 412, "If-Match"),
    ({"if-none-match": "{etag}", "if-modified-since": "{before}"}, 304, ""),
    ({"if-none-match": "{other}", "if-modified-since": "{at}"}, 200, ""),
    # What fails counts more than what did not change.
    ({"if-match": "{other}", "if-none-match": "{etag}"}, 412, "If-Match"),
    ({"if-match": "{etag}", "if-none-match": "{etag}"}, 304, ""),
    ({"if-unmodified-since": "{before}", "if-none-match": "{etag}"}, 412, "If-Unmodified-Since"),
    ({"if-unmodified-since": "{before}", "if-modified-since": "{at}"}, 412, "If-Unmodified-Since"),
    # Conditions come before ranges.
    ({"if-match": "{other}", "range": "bytes=99-"}, 412, "If-Match"),
    ({"if-none-match": "{etag}", "range": "bytes=99-"}, 304, ""),
    ({"if-none-match": "{etag}", "range": "bytes=0-1"}, 304, ""),
    ({"if-match": "{etag}", "range": "bytes=0-1"}, 206, ""),
    ({"if-modified-since": "{at}", "range": "bytes=99-"}, 304, ""),
    ({"if-unmodified-since": "{before}", "range": "bytes=99-"}, 412, "If-Unmodified-Since"),
]


@pytest.mark.parametrize(("headers", "status", "failed"), CONDITIONS)
def test_conditions_are_judged_as_http_says(
    raw: Raw, kept: Kept, method: str, headers: dict[str, str], status: int, failed: str
) -> None:
    given = [(name, kept.header(value)) for name, value in headers.items()]
    reply = raw(method, kept.path, given)
    assert reply.status == status
    if status < 400:
        assert reply.headers["etag"] == f'"{kept.etag}"'
        assert reply.headers["last-modified"] == http_date(kept.time)
        assert reply.headers["cache-control"] == "max-age=1"
        assert reply.headers["expires"] == "Wed, 21 Oct 2065 07:28:00 GMT"
    if status == 304 or method == "HEAD":
        assert reply.body == b""
        assert status != 304 or "content-length" not in reply.headers
    elif status == 412:
        assert reply.code == "PreconditionFailed"
        assert reply.error["Condition"] == failed
        assert reply.error["Message"] == (
            "At least one of the pre-conditions you specified did not hold"
        )
    else:
        assert reply.body == (kept.body if status == 200 else kept.body[:2])


@pytest.mark.parametrize(
    "headers",
    [
        [("if-match", "*")],
        [("if-match", f'"{OTHER}"')],
        [("if-none-match", "*")],
        [("if-unmodified-since", "Wed, 21 Oct 2015 07:28:00 GMT")],
        [("range", "bytes=0-1")],
        [("if-match", "*"), ("range", "bytes=99-")],
    ],
)
def test_what_is_not_there_is_404_whatever_the_conditions(
    raw: Raw, bucket: str, method: str, headers: list[tuple[str, str]]
) -> None:
    reply = raw(method, f"/{bucket}/never", headers)
    assert reply.status == 404
    assert method == "HEAD" or (reply.code, reply.error["Key"]) == ("NoSuchKey", "never")
    reply = raw(method, "/never-was-a-bucket/k", headers)
    assert reply.status == 404
    assert method == "HEAD" or reply.code == "NoSuchBucket"


RANGES = [
    ("bytes=0-0", 0, 0),
    ("bytes=0-9", 0, 9),
    ("bytes=2-5", 2, 5),
    ("bytes=5-", 5, 9),
    ("bytes=-3", 7, 9),
    ("bytes=-15", 0, 9),
    ("bytes=8-99", 8, 9),
    ("bytes=0-99999999999999999999999", 0, 9),
    ("Bytes=2-5", 2, 5),
    ("bytes=002-5", 2, 5),
]
IGNORED = [
    "bytes=0-1,4-5", "bytes=0-1, 4-5", "bytes=1-0", "bytes=-1-", "bytes=-", "bytes=", "bytes",
    "0-1", "items=0-1", "bytes=a-b", "bytes 0-1", "bytes=0-1-2", "",
]  # fmt: skip
BEYOND = ["bytes=10-", "bytes=10-20", "bytes=99999999999999999999999-", "bytes=-0"]


@pytest.mark.parametrize(("text", "first", "last"), RANGES)
def test_a_range_is_a_part_with_its_place(
    raw: Raw, kept: Kept, method: str, text: str, first: int, last: int
) -> None:
    reply = raw(method, kept.path, [("range", text)])
    assert reply.status == 206
    assert reply.headers["content-range"] == f"bytes {first}-{last}/10"
    assert reply.headers["content-length"] == str(last - first + 1)
    assert reply.headers["etag"] == f'"{kept.etag}"'
    assert reply.body == (b"" if method == "HEAD" else kept.body[first : last + 1])


@pytest.mark.parametrize("text", IGNORED)
def test_what_is_no_single_range_is_ignored(raw: Raw, kept: Kept, method: str, text: str) -> None:
    reply = raw(method, kept.path, [("range", text)])
    assert reply.status == 200
    assert reply.headers["content-length"] == "10"
    assert "content-range" not in reply.headers
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.body == (b"" if method == "HEAD" else kept.body)


@pytest.mark.parametrize("text", BEYOND)
def test_a_range_beyond_the_end_is_refused_with_the_size(
    raw: Raw, kept: Kept, method: str, text: str
) -> None:
    reply = raw(method, kept.path, [("range", text)])
    assert reply.status == 416
    if method == "GET":
        assert reply.code == "InvalidRange"
        assert reply.error["Message"] == "The requested range is not satisfiable"
        assert reply.error["RangeRequested"] == text
        assert reply.error["ActualObjectSize"] == "10"


@pytest.mark.parametrize("text", ["bytes=0-0", "bytes=0-", "bytes=-1", "bytes=-0"])
def test_an_empty_object_has_no_ranges(
    raw: Raw, s3: Any, bucket: str, method: str, text: str
) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    reply = raw(method, f"/{bucket}/empty", [("range", text)])
    assert reply.status == 416
    assert method == "HEAD" or reply.error["ActualObjectSize"] == "0"
    reply = raw(method, f"/{bucket}/empty")
    assert (reply.status, reply.headers["content-length"]) == (200, "0")


@pytest.fixture(scope="module")
def summed(s3: Any, bucket: str) -> str:
    """The path of an object that was stored with a checksum."""
    s3.put_object(Bucket=bucket, Key="summed", Body=BODY, ChecksumAlgorithm="SHA256")
    return f"/{bucket}/summed"


class TestChecksums:
    """Clients compare the checksum with what they got, so it never goes with less."""

    def test_it_is_shown_when_asked_for(self, raw: Raw, summed: str, method: str) -> None:
        for mode in ("ENABLED", "enabled"):
            reply = raw(method, summed, [("x-amz-checksum-mode", mode)])
            expected = b64encode(sha256(BODY).digest()).decode()
            assert reply.headers["x-amz-checksum-sha256"] == expected
            assert reply.headers["x-amz-checksum-type"] == "FULL_OBJECT"

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [("x-amz-checksum-mode", "DISABLED")],
            [("x-amz-checksum-mode", "ENABLED"), ("range", "bytes=0-1")],
            [("x-amz-checksum-mode", "ENABLED"), ("range", "bytes=0-9")],
        ],
    )
    def test_it_is_not_shown_otherwise(
        self, raw: Raw, summed: str, method: str, headers: list[tuple[str, str]]
    ) -> None:
        reply = raw(method, summed, headers)
        assert reply.status in {200, 206}
        assert not [name for name in reply.headers if name.startswith("x-amz-checksum")]


OVERRIDES = {
    "response-content-type": "text/plain; charset=utf-8",
    "response-content-language": "de",
    "response-expires": "whenever",
    "response-cache-control": "no-cache",
    "response-content-disposition": 'attachment; filename="a b.txt"',
    "response-content-encoding": "identity",
}


class TestOverrides:
    """A signed request may say which headers it wants."""

    @staticmethod
    def read(raw: Raw, method: str, path: str, headers: Pairs = ()) -> Reply:
        query = "&".join(f"{name}={quote(value)}" for name, value in OVERRIDES.items())
        return raw(method, f"{path}?{query}", headers)

    @pytest.mark.parametrize("headers", [[], [("range", "bytes=0-1")]])
    def test_they_replace_what_is_kept(
        self, raw: Raw, kept: Kept, method: str, headers: list[tuple[str, str]]
    ) -> None:
        reply = self.read(raw, method, kept.path, headers)
        assert reply.status == (206 if headers else 200)
        shown = {f"response-{name}": value for name, value in reply.headers.items()}
        assert shown | OVERRIDES == shown
        assert reply.headers["etag"] == f'"{kept.etag}"'

    def test_they_are_not_kept(self, raw: Raw, kept: Kept) -> None:
        self.read(raw, "GET", kept.path)
        assert raw("GET", kept.path).headers["content-type"] == "binary/octet-stream"

    def test_an_empty_one_is_none(self, raw: Raw, kept: Kept, method: str) -> None:
        reply = raw(method, f"{kept.path}?response-content-type=")
        assert reply.headers["content-type"] == "binary/octet-stream"

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ("%E2%82%AC", "Header value cannot be represented using ISO-8859-1."),
            ("a%0D%0Ax-evil:%201", "Header value cannot contain control characters."),
        ],
    )
    def test_what_cannot_be_a_header_is_refused(
        self, raw: Raw, kept: Kept, value: str, message: str
    ) -> None:
        reply = raw("GET", f"{kept.path}?response-content-type={value}")
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert reply.error["ArgumentName"] == "response-content-type"
        assert reply.error["Message"] == message
        assert "x-evil" not in reply.headers


def test_unknown_parameters_of_a_read_are_ignored(raw: Raw, kept: Kept, method: str) -> None:
    assert raw(method, f"{kept.path}?x-id=GetObject&what-ever=1&prefix=x").status == 200


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("versionId=null", 200, ""),
        ("versionId=1234.5", 400, "InvalidArgument"),
        ("versionId=1234567890.12345", 404, "NoSuchVersion"),
        ("versionId=", 400, "InvalidArgument"),
        ("torrent", 501, "NotImplemented"),
        ("restore", 501, "NotImplemented"),
        ("uploads", 501, "NotImplemented"),
        ("website", 501, "NotImplemented"),
        ("acl&tagging", 400, "InvalidArgument"),
    ],
)
def test_what_is_no_plain_read_is_never_one(
    raw: Raw, kept: Kept, query: str, status: int, code: str
) -> None:
    reply = raw("GET", f"{kept.path}?{query}")
    assert reply.status == status
    assert not code or reply.code == code


def test_an_object_of_a_versioned_bucket_is_not_the_version_null(
    raw: Raw, s3: Any, swift: swiftclient.Connection, method: str
) -> None:
    name = f"versioned-{method.lower()}-{datetime.now(UTC):%H%M%S%f}"  # noqa: TID251 - only a name
    s3.create_bucket(Bucket=name)
    swift.post_container(name, {"X-Versions-Enabled": "true"})
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    assert raw(method, f"/{name}/k").status == 200
    assert raw(method, f"/{name}/k?versionId=null").status == 404


@pytest.mark.parametrize("name", ["a" * 1025, "%C3%A9" * 513])
def test_a_key_longer_than_swift_can_hold_is_refused(
    raw: Raw, bucket: str, method: str, name: str
) -> None:
    reply = raw(method, f"/{bucket}/{name}")
    assert reply.status == 400
    assert method == "HEAD" or reply.code == "KeyTooLongError"


def test_a_key_that_is_no_text_is_refused(raw: Raw, bucket: str, method: str) -> None:
    for name in ("a%00b", "%FF", "a%ED%A0%80"):
        reply = raw(method, f"/{bucket}/{name}")
        assert reply.status == 400
        assert method == "HEAD" or b"<Code>InvalidURI</Code>" in reply.body


def test_an_object_whose_segments_are_gone_is_broken(
    raw: Raw, s3: Any, bucket: str, swift: swiftclient.Connection
) -> None:
    upload_id = upload(s3, bucket, "broken")
    swift.delete_object(f"{bucket}+segments", f"broken/{upload_id}/1")
    assert "broken" in names(swift, bucket)
    reply = raw("GET", f"/{bucket}/broken")
    assert (reply.status, reply.code) == (409, "BrokenMPU")


def test_a_plain_etag_is_the_md5_of_the_content(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="md5", Body=BODY)
    etags = {
        s3.head_object(Bucket=bucket, Key="md5")["ETag"],
        s3.get_object(Bucket=bucket, Key="md5")["ETag"],
        s3.list_objects_v2(Bucket=bucket, Prefix="md5")["Contents"][0]["ETag"],
    }
    assert etags == {f'"{md5(BODY).hexdigest()}"'}
