"""The gateway and Swift's own s3api on one Swift: what either writes, the other reads.

`s3` is a client of the gateway, `s3api` one of Swift's proxy with s3api in its pipeline.
"""

from dataclasses import replace
from hashlib import md5
from typing import Any
from urllib.parse import quote

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.test_metadata import user_metadata
from tests.functional.uploads import Upload, begin, etag_of, held, segments
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


FIVE = bytes(range(256)) * 4 * 1024 * 5  # MiB: what s3api asks of all parts but the last
BODIES = (FIVE, b"last")


class TestUploads:
    """Multipart uploads that one side begins, in the hands of the other."""

    @pytest.fixture(params=["ours", "theirs"])
    def sides(self, request: pytest.FixtureRequest, s3: Any, s3api: Any) -> tuple[Any, Any]:
        """Who begins, and the other one."""
        return (s3, s3api) if request.param == "ours" else (s3api, s3)

    @pytest.fixture
    def upload(self, sides: tuple[Any, Any], bucket: str) -> Upload:
        """An upload with its first part."""
        upload = begin(sides[0], bucket, ODD, ContentType="text/x", Metadata=METADATA)
        upload.put(1, FIVE)
        return upload

    def test_the_other_lists_and_continues_and_completes_it(
        self, sides: tuple[Any, Any], upload: Upload, s3: Any, s3api: Any, bucket: str,
        swift: swiftclient.Connection,
    ) -> None:  # fmt: skip
        _, other = sides
        theirs = replace(upload, s3=other)
        listed = other.list_multipart_uploads(Bucket=bucket)["Uploads"]
        assert [(one["Key"], one["UploadId"]) for one in listed] == [(ODD, upload.upload_id)]
        assert theirs.numbers() == [1]
        theirs.put(2, b"replaced")
        upload.put(2, b"last")
        (first, second) = other.list_parts(**upload.names)["Parts"]
        assert (first["ETag"], first["Size"]) == (upload.etags[1], len(FIVE))
        assert (second["ETag"], second["Size"]) == (upload.etags[2], 4)

        answer = theirs.complete(1, 2)
        assert answer["ETag"] == etag_of(*BODIES)
        for side in (s3, s3api):
            found = facts(side, bucket, ODD)
            assert found["body"] == FIVE + b"last"
            told_by_s3api = (other, side) == (s3, s3api)
            assert (
                found["etag"].endswith('-N"') if told_by_s3api else found["etag"] == answer["ETag"]
            )
            assert found["metadata"].items() >= {"plain": "x", "e-f": "y"}.items()
            assert side.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
        assert segments(swift, bucket) == [f"{ODD}/{upload.upload_id}/{n}" for n in (1, 2)]

    def test_the_other_aborts_it(
        self, sides: tuple[Any, Any], upload: Upload, s3: Any, s3api: Any, bucket: str,
        swift: swiftclient.Connection,
    ) -> None:  # fmt: skip
        replace(upload, s3=sides[1]).abort()
        assert segments(swift, bucket) == []
        for side in (s3, s3api):
            gone = replace(upload, s3=side)
            assert refusal(side.upload_part, **gone.names, PartNumber=2, Body=b"")[1] == (
                "NoSuchUpload"
            )


class TestMultipartObjects:
    """Multipart objects that one side made, in the hands of the other."""

    @pytest.fixture(params=["ours", "theirs"])
    def sides(self, request: pytest.FixtureRequest, s3: Any, s3api: Any) -> tuple[Any, Any]:
        """Who makes it, and the other one."""
        return (s3, s3api) if request.param == "ours" else (s3api, s3)

    @pytest.fixture(autouse=True)
    def made(self, sides: tuple[Any, Any], bucket: str) -> None:
        """Such an object."""
        upload = begin(sides[0], bucket, ODD, ContentType="text/x", Metadata=METADATA)
        for number, body in enumerate(BODIES, 1):
            upload.put(number, body)
        upload.complete()

    def test_the_other_reads_all_of_it(self, sides: tuple[Any, Any], s3: Any, bucket: str) -> None:
        """ETags are the same in all answers of a side; s3api keeps its own where no other can."""
        ours, theirs = (facts(side, bucket, ODD) for side in sides)
        for name in ("body", "time"):
            assert theirs[name] == ours[name]
        assert theirs["type"].split(";")[0] == ours["type"] == "text/x"
        assert ours["etag"] == etag_of(*BODIES)
        assert (theirs["etag"] == ours["etag"]) == (sides[1] is s3)

    def test_the_other_reads_a_range_and_judges_by_the_etag_that_it_shows(
        self, sides: tuple[Any, Any], bucket: str
    ) -> None:
        _, other = sides
        first = len(FIVE) - 2
        etag = other.head_object(Bucket=bucket, Key=ODD)["ETag"]
        place = {"Bucket": bucket, "Key": ODD, "Range": f"bytes={first}-{first + 3}"}
        answer = other.get_object(**place, IfMatch=etag)
        assert answer["Body"].read() == FIVE[-2:] + b"la"
        assert answer["ContentRange"] == f"bytes {first}-{first + 3}/{len(FIVE) + 4}"
        assert refusal(other.get_object, **place, IfMatch='"no"')[0] == 412
        assert refusal(other.head_object, Bucket=bucket, Key=ODD, IfNoneMatch=etag)[0] == 304

    @pytest.mark.parametrize("how", ["one", "many"])
    def test_the_other_deletes_it_with_its_parts(
        self, sides: tuple[Any, Any], bucket: str, swift: swiftclient.Connection, how: str
    ) -> None:  # fmt: skip
        _, other = sides
        if how == "one":
            other.delete_object(Bucket=bucket, Key=ODD)
        else:
            other.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": ODD}]})
        assert (held(swift, bucket), segments(swift, bucket)) == ([], [])

    def test_the_other_reads_a_part_by_its_number(
        self, sides: tuple[Any, Any], bucket: str
    ) -> None:
        answer = sides[1].get_object(Bucket=bucket, Key=ODD, PartNumber=2)
        assert (answer["Body"].read(), answer["PartsCount"]) == (b"last", 2)


def versions(s3: Any, bucket: str) -> list[tuple[str, str, bool, str]]:
    """Every version that one side lists: key, id, whether it is the latest, ETag (or nothing)."""
    page = s3.list_object_versions(Bucket=bucket)
    found = [
        (one["Key"], one["VersionId"], one["IsLatest"], one.get("ETag", ""))
        for one in page.get("Versions", []) + page.get("DeleteMarkers", [])
    ]
    return sorted(found)


class TestVersions:
    """A bucket where one side switched versioning on."""

    @pytest.fixture(params=["ours", "theirs"])
    def sides(self, request: pytest.FixtureRequest, s3: Any, s3api: Any) -> tuple[Any, Any]:
        """Who switches it on, and the other one."""
        return (s3, s3api) if request.param == "ours" else (s3api, s3)

    @pytest.fixture
    def ids(self, sides: tuple[Any, Any], bucket: str) -> list[str]:
        """The versions of `k` that both wrote in turn, and `d`, which both deleted."""
        one, other = sides
        one.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        assert other.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        ids = [
            side.put_object(Bucket=bucket, Key="k", Body=b"%d" % n)["VersionId"]
            for n, side in enumerate((one, other, one))
        ]
        for side in sides:
            side.put_object(Bucket=bucket, Key="d", Body=b"1")
            side.delete_object(Bucket=bucket, Key="d")
        return ids

    def test_both_list_the_same_versions(
        self, sides: tuple[Any, Any], ids: list[str], bucket: str
    ) -> None:
        listed = versions(sides[0], bucket)
        assert listed == versions(sides[1], bucket)
        assert {entry[1] for entry in listed if entry[0] == "k"} == set(ids)
        assert len(listed) == 7

    def test_the_other_reads_and_deletes_them_by_their_ids(
        self, sides: tuple[Any, Any], ids: list[str], bucket: str
    ) -> None:
        for side in sides:
            for n, version in enumerate(ids):
                answer = side.get_object(Bucket=bucket, Key="k", VersionId=version)
                assert (answer["Body"].read(), answer["VersionId"]) == (b"%d" % n, version)
        sides[1].delete_object(Bucket=bucket, Key="k", VersionId=ids[1])
        for side in sides:
            assert refusal(side.get_object, Bucket=bucket, Key="k", VersionId=ids[1])[0] == 404
        assert [entry[1] for entry in versions(sides[0], bucket) if entry[0] == "k"] == sorted(
            (ids[0], ids[2])
        )

    def test_a_multipart_object_of_an_old_version_keeps_its_parts(
        self, sides: tuple[Any, Any], bucket: str, ids: list[str], swift: swiftclient.Connection
    ) -> None:
        one, other = sides
        upload = begin(one, bucket, "m")
        for number, body in enumerate(BODIES, 1):
            upload.put(number, body)
        version = upload.complete()["VersionId"]
        other.put_object(Bucket=bucket, Key="m", Body=b"newer")
        other.delete_object(Bucket=bucket, Key="m")
        for side in sides:
            answer = side.get_object(Bucket=bucket, Key="m", VersionId=version)
            assert answer["Body"].read() == FIVE + b"last"
        assert len(segments(swift, bucket)) == 2
        del ids
