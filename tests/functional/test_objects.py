"""PutObject and what may be read of an object: every key, every byte, every header it came with."""

from base64 import b64encode
from hashlib import md5
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.gateway import Running
from tests.functional.rawclient import UNSIGNED, ask, keys_of, sign
from tests.functional.stack import Stack
from tests.functional.test_deletes import upload
from tests.functional.witness import names

LONGEST = {"plain": "k" * 1024, "utf-8": "é" * 512, "emoji": "😀" * 256, "percent": "%" * 1024}
KEYS = [
    "k", "a/b/c", "a//b", "/lead", "trail/", "//", "/", ".", "..", "a/../b", "./x", "../x", " ",
    "a b", "a+b", "%", "%2F", "%41", "a%", "?", "a?b=c", "#", "a#b", "&", "=", "é", "e\u0301", "😀",
    "\x01", "\t", "line\nend", "\r\n", "\x7f", "\x85", "\u2028", "\ud7ff", "\uffff", "\U0010ffff",
    "<>&\"'", "\\", "|", "^", "`", "{}", "[]", "~", "*", "!'()", ";,:@$",
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(s3: Any) -> str:
    """One bucket for all keys."""
    name = f"keys-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("key", [*KEYS, *LONGEST.values()])
def test_any_key_comes_back_as_itself(
    s3: Any, shared: str, swift: swiftclient.Connection, key: str
) -> None:
    body = key.encode()
    s3.put_object(Bucket=shared, Key=key, Body=body)
    # The witness reads the listing, since its library resolves dots in paths.
    [entry] = swift.get_container(shared)[1]
    assert (entry["name"], entry["hash"]) == (key, md5(body).hexdigest())
    assert s3.get_object(Bucket=shared, Key=key)["Body"].read() == body
    assert s3.head_object(Bucket=shared, Key=key)["ContentLength"] == len(body)
    s3.delete_object(Bucket=shared, Key=key)
    assert names(swift, shared) == []


@pytest.mark.parametrize("key", [f"{LONGEST['plain']}x", f"{LONGEST['utf-8']}x"])
def test_a_longer_key_is_refused_with_its_size(
    raw: Raw, bucket: str, swift: swiftclient.Connection, key: str
) -> None:
    reply = raw("PUT", f"/{bucket}/{quote(key)}", body=b"1")
    assert (reply.status, reply.code) == (400, "KeyTooLongError")
    assert reply.error["Message"] == "Your key is too long"
    assert (reply.error["Size"], reply.error["MaxSizeAllowed"]) == ("1025", "1024")
    assert names(swift, bucket) == []


@pytest.mark.parametrize("key", ["a%00b", "%FF", "%C3", "a%ED%A0%80b"])
def test_a_key_that_is_no_text_is_refused(
    raw: Raw, bucket: str, swift: swiftclient.Connection, key: str
) -> None:
    reply = raw("PUT", f"/{bucket}/{key}", body=b"1")
    assert reply.status == 400
    assert b"<Code>InvalidURI</Code>" in reply.body
    assert names(swift, bucket) == []


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 3 * 1024 * 1024])
def test_every_byte_is_kept(
    raw: Raw, bucket: str, swift: swiftclient.Connection, size: int
) -> None:
    body = bytes(n % 251 for n in range(size))
    reply = raw("PUT", f"/{bucket}/k", body=body)
    etag = f'"{md5(body).hexdigest()}"'
    assert (reply.status, reply.body, reply.headers["etag"]) == (200, b"", etag)
    headers, held = swift.get_object(bucket, "k")
    assert (held, headers["etag"]) == (body, etag.strip('"'))
    reply = raw("GET", f"/{bucket}/k")
    assert (reply.body, reply.headers["etag"]) == (body, etag)
    assert reply.headers["content-length"] == str(size)


def test_an_object_replaces_another_with_all_it_had(
    raw: Raw, bucket: str, swift: swiftclient.Connection
) -> None:
    first = [("x-amz-meta-a", "1"), ("content-type", "text/a"), ("cache-control", "no-cache")]
    raw("PUT", f"/{bucket}/k", first, b"first")
    raw("PUT", f"/{bucket}/k", [("x-amz-meta-b", "2")], b"second")
    headers, body = swift.get_object(bucket, "k")
    assert body == b"second"
    assert {name for name in headers if name.startswith("x-object-meta")} == {"x-object-meta-b"}
    assert headers["content-type"] == "binary/octet-stream"
    assert "cache-control" not in headers


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_tells_what_there_is_and_nothing_of_swift(
    raw: Raw, bucket: str, swift: swiftclient.Connection, method: str
) -> None:
    swift.put_object(bucket, "k", b"body", content_type="text/plain")
    native = swift.head_object(bucket, "k")
    reply = raw(method, f"/{bucket}/k")
    shown = {name: value for name, value in reply.headers.items() if name != "date"}
    assert shown.pop("x-amz-id-2").startswith("tx")
    assert len(shown.pop("x-amz-request-id")) == 16
    assert shown == {
        "etag": f'"{native["etag"]}"',
        "last-modified": native["last-modified"],
        "accept-ranges": "bytes",
        "content-length": "4",
        "content-type": "text/plain",
        "server": "s3gw",
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_no_bucket_is_told_from_no_key(raw: Raw, bucket: str, method: str) -> None:
    reply = raw(method, "/never-was-a-bucket/k", body=b"")
    assert reply.status == 404
    if method != "HEAD":
        assert reply.code == "NoSuchBucket"
        assert reply.error["BucketName"] == "never-was-a-bucket"
        assert reply.error["Resource"] == "/never-was-a-bucket/k"
    if method == "GET":
        reply = raw(method, f"/{bucket}/never")
        assert (reply.status, reply.code, reply.error["Key"]) == (404, "NoSuchKey", "never")
        assert reply.error["Message"] == "The specified key does not exist."


class TestConditions:
    """`If-None-Match: *` is the one that Swift judges; nobody takes another for granted."""

    @pytest.mark.parametrize("size", [1, 300 * 1024])
    def test_nothing_is_replaced_that_was_not_to_be(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, size: int
    ) -> None:
        condition = [("if-none-match", "*")]
        assert raw("PUT", f"/{bucket}/k", condition, b"a" * size).status == 200
        reply = raw("PUT", f"/{bucket}/k", condition, b"b" * size)
        assert (reply.status, reply.code) == (412, "PreconditionFailed")
        assert reply.error["Condition"] == "If-None-Match"
        assert swift.get_object(bucket, "k")[1] == b"a" * size

    @pytest.mark.parametrize(
        ("name", "value"),
        [("If-None-Match", '"x"'), ("If-None-Match", ""), ("If-Match", "*"), ("If-Match", '"x"')],
    )
    def test_another_condition_is_refused(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, name: str, value: str
    ) -> None:
        reply = raw("PUT", f"/{bucket}/k", [(name, value)], b"1")
        assert (reply.status, reply.code) == (501, "NotImplemented")
        assert reply.error["Header"] == name
        assert names(swift, bucket) == []


class TestDigests:
    """A body that is not what was announced is nowhere."""

    @pytest.mark.parametrize("size", [5, 300 * 1024])
    @pytest.mark.parametrize(
        ("header", "code"),
        [
            (("content-md5", b64encode(md5(b"other").digest()).decode()), "BadDigest"),
            (("content-md5", "short"), "InvalidDigest"),
            (("x-amz-checksum-crc32", "AAAAAA=="), "BadDigest"),
            (("x-amz-checksum-crc32", "AAAA"), "InvalidRequest"),
            (("x-amz-checksum-tomorrow", "AAAA"), "InvalidRequest"),
        ],
    )
    def test_a_wrong_one_stores_nothing(
        self, raw: Raw, shared: str, header: tuple[str, str], code: str, size: int
    ) -> None:
        reply = raw("PUT", f"/{shared}/digest", [header], b"h" * size)
        assert (reply.status, reply.code) == (400, code)
        assert raw("HEAD", f"/{shared}/digest").status == 404

    def test_a_right_one_is_shown_and_kept(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        stored = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="CRC32C")
        assert (stored["ChecksumCRC32C"], stored["ChecksumType"]) == ("mnG7TA==", "FULL_OBJECT")
        read = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert (read["ChecksumCRC32C"], read["Body"].read()) == ("mnG7TA==", b"hello")
        kept = swift.head_object(bucket, "k")["x-object-meta-s3gw-checksum"]
        assert kept == f"crc32c:mnG7TA==:FULL_OBJECT:{md5(b'hello').hexdigest()}"

    def test_a_checksum_is_forgotten_when_the_content_is_another(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="CRC32C")
        kept = swift.head_object(bucket, "k")["x-object-meta-s3gw-checksum"]
        swift.put_object(bucket, "k", b"HELLO", headers={"X-Object-Meta-S3gw-Checksum": kept})
        read = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert read["Body"].read() == b"HELLO"
        assert "ChecksumCRC32C" not in read


def test_a_length_has_to_be_announced(
    gateway: Running, stack: Stack, bucket: str, swift: swiftclient.Connection
) -> None:
    signed = sign(keys_of(stack), "PUT", f"{gateway.endpoint}/{bucket}/k", payload=UNSIGNED)
    reply = ask(gateway.endpoint, signed)
    assert (reply.status, reply.code) == (411, "MissingContentLength")
    assert reply.error["Message"] == "You must provide the Content-Length HTTP header."
    assert names(swift, bucket) == []


class TestSettings:
    """What an object says of itself: that nothing is set."""

    @pytest.fixture(params=["plain", "large"])
    def path(self, request: pytest.FixtureRequest, s3: Any, bucket: str) -> str:
        if request.param == "plain":
            s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        else:
            upload(s3, bucket, "k")
        return f"/{bucket}/k"

    @pytest.mark.parametrize("version", ["", "&versionId=null"])
    def test_its_acl_is_its_owners(self, raw: Raw, stack: Stack, path: str, version: str) -> None:
        reply = raw("GET", f"{path}?acl{version}")
        owner = f"<ID>{stack.project.id}</ID><DisplayName>{stack.project.name}</DisplayName>"
        assert reply.status == 200
        assert f"<Owner>{owner}</Owner>".encode() in reply.body
        assert reply.body.count(b"<Grant>") == 1
        assert b"<Permission>FULL_CONTROL</Permission>" in reply.body

    def test_it_has_no_tags(self, raw: Raw, path: str) -> None:
        reply = raw("GET", f"{path}?tagging")
        assert reply.status == 200
        assert reply.body.endswith(b"<TagSet/></Tagging>")

    @pytest.mark.parametrize("subresource", ["retention", "legal-hold"])
    def test_it_is_not_locked(self, raw: Raw, path: str, subresource: str) -> None:
        reply = raw("GET", f"{path}?{subresource}")
        assert (reply.status, reply.code) == (404, "NoSuchObjectLockConfiguration")
        assert reply.error["Message"] == (
            "The specified object does not have a ObjectLock configuration"
        )

    @pytest.mark.parametrize("subresource", ["acl", "tagging", "retention", "legal-hold"])
    def test_what_is_not_there_has_none(self, raw: Raw, bucket: str, subresource: str) -> None:
        reply = raw("GET", f"/{bucket}/never?{subresource}")
        assert (reply.status, reply.code, reply.error["Key"]) == (404, "NoSuchKey", "never")
        reply = raw("GET", f"/never-was-a-bucket/k?{subresource}")
        assert (reply.status, reply.code) == (404, "NoSuchBucket")
        reply = raw("GET", f"/{bucket}/k?{subresource}&versionId=1")
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        reply = raw("GET", f"/{bucket}/k?{subresource}&versionId=null")
        assert (reply.status, reply.code) == (404, "NoSuchVersion")
