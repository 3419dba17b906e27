"""The gateway and Swift's own s3api on one Swift: what either writes, the other reads.

`s3` is a client of the gateway, `s3api` one of Swift's proxy with s3api in its pipeline.
"""

from hashlib import md5
from typing import Any
from urllib.parse import quote

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.test_metadata import user_metadata
from tests.functional.witness import names, refusal

ODD = "dir/a b+c%2F é\N{ROCKET}/../x"
METADATA = {"a_b": "v_1", "plain": "x", "_c__d_": "", "e-f": "y"}


def facts(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    """What one side tells of an object, in HEAD, GET and listings."""
    head = s3.head_object(Bucket=bucket, Key=key)
    answer = s3.get_object(Bucket=bucket, Key=key)
    body = answer["Body"].read()
    entries = [
        s3.list_objects(Bucket=bucket, Prefix=key)["Contents"][0],
        s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"][0],
    ]
    for other in (answer, *entries):
        for name in ("ETag", "LastModified"):
            assert other[name] == head[name]
    assert answer["Metadata"] == head["Metadata"]
    assert {head["ContentLength"], *(entry["Size"] for entry in entries)} == {len(body)}
    return {
        "body": body,
        "etag": head["ETag"],
        "type": head["ContentType"],
        "metadata": head["Metadata"],
        "time": head["LastModified"],
    }


class TestObjectsOfS3api:
    """Objects that s3api wrote, with names that HTTP does not have."""

    @pytest.fixture
    def odd(self, s3api: Any, bucket: str) -> str:
        """The key of such an object."""
        s3api.put_object(
            Bucket=bucket, Key=ODD, Body=b"0123456789", Metadata=METADATA,
            ContentType="text/x", CacheControl="no-cache",
        )  # fmt: skip
        return ODD

    def test_all_of_them_is_read(self, s3: Any, s3api: Any, bucket: str, odd: str) -> None:
        found = facts(s3, bucket, odd)
        assert found == facts(s3api, bucket, odd)
        assert found["metadata"] == METADATA
        assert found["etag"] == f'"{md5(b"0123456789").hexdigest()}"'

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize(
        ("header", "wanted"),
        [
            (("range", "bytes=2-4"), (206, b"234")),
            (("range", "bytes=-3"), (206, b"789")),
            (("range", "bytes=10-"), (416, None)),
            (("if-match", '"no"'), (412, None)),
            (("if-none-match", "*"), (304, b"")),
            (("if-modified-since", "Mon, 01 Jan 2001 00:00:00 GMT"), (200, b"0123456789")),
            (("if-unmodified-since", "Mon, 01 Jan 2001 00:00:00 GMT"), (412, None)),
        ],
    )
    def test_ranges_and_conditions_hold(
        self, raw: Raw, bucket: str, odd: str, method: str, header: Any, wanted: Any
    ) -> None:
        reply = raw(method, f"/{bucket}/{quote(odd)}", [header])
        status, content = wanted
        assert reply.status == status
        if content is not None and method == "GET":
            assert reply.body == content
        if status in {200, 206}:
            assert user_metadata(reply) == METADATA

    def test_one_is_deleted_alone_or_with_others(
        self, s3: Any, bucket: str, odd: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "stays", b"1")
        s3.delete_object(Bucket=bucket, Key=odd)
        assert names(swift, bucket) == ["stays"]
        swift.put_object(bucket, "k", b"1", headers={"X-Object-Meta-A=5Fb": "v"})
        s3.create_multipart_upload(Bucket=bucket, Key="k")
        gone = [{"Key": key} for key in ("k", odd)]
        deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": gone})
        assert len(deleted["Deleted"]) == 2
        assert names(swift, bucket) == ["stays"]

    def test_text_that_is_not_ascii_is_the_same_text(
        self, raw: Raw, s3: Any, s3api: Any, bucket: str
    ) -> None:
        """S3 has RFC 2047 for it, and either side tells it in a spelling of its own."""
        word = "=?UTF-8?B?w4XigKY=?="
        s3api.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"a_b": word})
        assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a_b": word}
        assert user_metadata(raw("GET", f"/{bucket}/k")) == {"a_b": word}

    def test_a_large_one_streams(self, s3: Any, s3api: Any, bucket: str) -> None:
        body = bytes(range(256)) * 4096 * 8
        s3api.put_object(Bucket=bucket, Key="k", Body=body, Metadata={"a_b": "v"})
        answer = s3.get_object(Bucket=bucket, Key="k")
        assert answer["Body"].read() == body
        assert answer["Metadata"] == {"a_b": "v"}

    def test_a_missing_one_is_missing(self, s3: Any, bucket: str) -> None:
        assert refusal(s3.get_object, Bucket=bucket, Key="k")[:2] == (404, "NoSuchKey")


class TestObjectsOfTheGateway:
    """Objects that the gateway wrote."""

    def test_all_but_underscores_is_read(self, s3: Any, s3api: Any, bucket: str) -> None:
        """What s3api would show as `_` is no name in HTTP, so the gateway writes `%5F`."""
        s3.put_object(
            Bucket=bucket, Key=ODD, Body=b"0123456789", Metadata=METADATA, ContentType="text/x"
        )
        ours, theirs = facts(s3, bucket, ODD), facts(s3api, bucket, ODD)
        assert ours.pop("metadata") == METADATA
        shown = {name.replace("_", "%5f"): value for name, value in METADATA.items()}
        # To s3api the gateway's own metadata are like any other.
        assert set(theirs["metadata"]) - set(shown) == {"s3gw-checksum"}
        assert theirs.pop("metadata").items() >= shown.items()
        assert theirs == ours

    def test_default_types_are_the_same(self, s3: Any, s3api: Any, bucket: str) -> None:
        for key, writer in (("ours.txt", s3), ("theirs.txt", s3api)):
            writer.put_object(Bucket=bucket, Key=key, Body=b"1")
            assert facts(s3, bucket, key)["type"] == "binary/octet-stream"
            assert facts(s3api, bucket, key)["type"] == "binary/octet-stream"
