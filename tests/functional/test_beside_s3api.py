"""The gateway and Swift's own s3api on one Swift: what either writes, the other reads.

`s3` is a client of the gateway, `s3api` one of Swift's proxy with s3api in its pipeline.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import md5
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.stack import Stack
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

    def test_one_is_copied_with_all_its_metadata(
        self, s3: Any, s3api: Any, bucket: str, odd: str
    ) -> None:
        source = {"Bucket": bucket, "Key": odd}
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        found = facts(s3, bucket, "copy")
        assert found == facts(s3api, bucket, "copy")
        assert (found["body"], found["metadata"], found["type"]) == (
            b"0123456789", METADATA, "text/x",
        )  # fmt: skip
        again = {"MetadataDirective": "REPLACE", "Metadata": {"n_w": "1"}}
        s3.copy_object(**source, CopySource=source, **again)
        assert s3.head_object(**source)["Metadata"] == {"n_w": "1"}

    def test_one_is_tagged_and_keeps_all_else(
        self, s3: Any, s3api: Any, bucket: str, odd: str
    ) -> None:
        tags = [{"Key": "a_b", "Value": "é"}]
        s3.put_object_tagging(Bucket=bucket, Key=odd, Tagging={"TagSet": tags})
        assert s3.get_object_tagging(Bucket=bucket, Key=odd)["TagSet"] == tags
        for side in (s3, s3api):
            found = side.get_object(Bucket=bucket, Key=odd)
            assert found["Body"].read() == b"0123456789"
            assert found["Metadata"].items() >= METADATA.items()
            assert (found["ContentType"], found["CacheControl"]) == ("text/x", "no-cache")
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": odd})
        assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == tags
        s3.delete_object_tagging(Bucket=bucket, Key=odd)
        assert s3.get_object_tagging(Bucket=bucket, Key=odd)["TagSet"] == []
        assert facts(s3, bucket, odd)["metadata"] == METADATA
        assert s3api.head_object(Bucket=bucket, Key=odd)["Metadata"] == METADATA

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


@pytest.fixture(params=["ours", "theirs"])
def both(request: pytest.FixtureRequest, s3: Any, s3api: Any) -> tuple[Any, Any]:
    """Who begins, and the other one."""
    return (s3, s3api) if request.param == "ours" else (s3api, s3)


def multipart(s3: Any, bucket: str, key: str) -> Any:
    """Make a multipart object through one side; what Complete told."""
    upload = begin(s3, bucket, key, ContentType="text/x", Metadata={"plain": "x"})
    for number, body in enumerate(BODIES, 1):
        upload.put(number, body)
    return upload.complete()


class TestCopies:
    """What one side made, copied by the other."""

    def test_an_object_with_its_metadata_or_with_others(
        self, both: tuple[Any, Any], s3: Any, s3api: Any, bucket: str
    ) -> None:
        one, other = both
        source = {"Bucket": bucket, "Key": "k é+"}
        one.put_object(**source, Body=b"content", ContentType="text/x", Metadata={"plain": "x"})
        other.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        ours, theirs = facts(s3, bucket, "copy"), facts(s3api, bucket, "copy")
        assert theirs.pop("metadata").items() >= ours["metadata"].items()
        assert ours.pop("metadata") == {"plain": "x"}
        assert ours == theirs
        assert (ours["body"], ours["type"]) == (b"content", "text/x")
        assert ours["etag"] == f'"{md5(b"content").hexdigest()}"'

        replaced = {"MetadataDirective": "REPLACE", "Metadata": {"new": "1"}, "ContentType": "a/b"}
        other.copy_object(Bucket=bucket, Key="copy", CopySource=source, **replaced)
        for side in both:
            head = side.head_object(Bucket=bucket, Key="copy")
            assert (head["Metadata"]["new"], head["ContentType"]) == ("1", "a/b")
            assert "plain" not in head["Metadata"]

    def test_a_multipart_object_becomes_a_plain_one_which_is_copied_on(
        self, both: tuple[Any, Any], s3: Any, s3api: Any, bucket: str
    ) -> None:
        """To s3api what it made keeps the ETag, in HEAD, that it had: Swift copies that along."""
        one, other = both
        multipart(one, bucket, "m")
        other.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/m")
        whole = b"".join(BODIES)
        etag = f'"{md5(whole).hexdigest()}"'
        found = facts(s3, bucket, "copy")
        assert (found["body"], found["etag"], found["type"]) == (whole, etag, "text/x")
        assert found["metadata"] == {"plain": "x"}
        theirs = s3api.head_object(Bucket=bucket, Key="copy")
        assert (theirs["ETag"] == etag) == (one is s3)
        assert s3api.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == etag
        s3.copy_object(Bucket=bucket, Key="again", CopySource=f"{bucket}/copy")
        assert facts(s3, bucket, "again") == {**found, "time": facts(s3, bucket, "again")["time"]}

    def test_onto_a_multipart_object(
        self, both: tuple[Any, Any], s3: Any, s3api: Any, bucket: str
    ) -> None:
        one, other = both
        multipart(one, bucket, "m")
        one.put_object(Bucket=bucket, Key="plain", Body=b"1")
        other.copy_object(Bucket=bucket, Key="m", CopySource=f"{bucket}/plain")
        for side in (s3, s3api):
            found = facts(side, bucket, "m")
            assert (found["body"], found["etag"]) == (b"1", f'"{md5(b"1").hexdigest()}"')

    def test_parts_of_an_upload(
        self, both: tuple[Any, Any], s3: Any, s3api: Any, bucket: str
    ) -> None:
        """Each side copies a part from what the other made, into an upload of the other's."""
        one, other = both
        multipart(one, bucket, "m")
        other.put_object(Bucket=bucket, Key="plain", Body=b"0123456789")
        upload = begin(one, bucket, "k")
        where = {**upload.names, "PartNumber": 1}
        whole = other.upload_part_copy(**where, CopySource=f"{bucket}/m")["CopyPartResult"]
        where = {**upload.names, "PartNumber": 2, "CopySource": f"{bucket}/plain"}
        part = one.upload_part_copy(**where, CopySourceRange="bytes=2-4")["CopyPartResult"]
        assert part["ETag"] == f'"{md5(b"234").hexdigest()}"'
        listed = other.list_parts(**upload.names)["Parts"]
        assert [entry["ETag"] for entry in listed] == [whole["ETag"], part["ETag"]]
        upload.etags.update({1: whole["ETag"], 2: part["ETag"]})
        upload.complete()
        for side in (s3, s3api):
            assert side.get_object(Bucket=bucket, Key="k")["Body"].read() == FIVE + b"last234"


def versions(s3: Any, bucket: str) -> list[tuple[str, str, bool, str]]:
    """Every version that one side lists: key, id, whether it is the latest, ETag (or nothing)."""
    page = s3.list_object_versions(Bucket=bucket)
    return sorted(
        (one["Key"], one["VersionId"], one["IsLatest"], one.get("ETag", ""))
        for one in page.get("Versions", []) + page.get("DeleteMarkers", [])
    )


class TestVersions:
    """A bucket where one side switched versioning on."""

    @pytest.fixture
    def ids(self, both: tuple[Any, Any], bucket: str) -> list[str]:
        """The versions of `k`, which both wrote in turn, and `d`, which both deleted."""
        one, other = both
        one.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        assert other.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        ids = [
            side.put_object(Bucket=bucket, Key="k", Body=b"%d" % n)["VersionId"]
            for n, side in enumerate((one, other, one))
        ]
        for side in both:
            side.put_object(Bucket=bucket, Key="d", Body=b"1")
            assert side.delete_object(Bucket=bucket, Key="d")["DeleteMarker"] is True
        return ids

    def test_both_list_the_same_versions(
        self, both: tuple[Any, Any], ids: list[str], bucket: str
    ) -> None:
        listed = versions(both[0], bucket)
        assert listed == versions(both[1], bucket)
        assert [entry[1:3] for entry in listed if entry[0] == "k"] == [
            (ids[0], False), (ids[1], False), (ids[2], True),
        ]  # fmt: skip
        assert len(listed) == 7
        for side in both:
            assert [one["Key"] for one in side.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]
            assert refusal(side.get_object, Bucket=bucket, Key="d")[:2] == (404, "NoSuchKey")

    def test_the_other_reads_copies_and_deletes_them_by_their_ids(
        self, both: tuple[Any, Any], ids: list[str], bucket: str
    ) -> None:
        for side in both:
            for n, version in enumerate(ids):
                answer = side.get_object(Bucket=bucket, Key="k", VersionId=version)
                assert (answer["Body"].read(), answer["VersionId"]) == (b"%d" % n, version)
        one, other = both
        source = {"Bucket": bucket, "Key": "k", "VersionId": ids[0]}
        copied = other.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        assert copied["CopySourceVersionId"] == ids[0]
        assert one.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"0"
        other.delete_object(Bucket=bucket, Key="k", VersionId=ids[1])
        for side in both:
            assert refusal(side.get_object, Bucket=bucket, Key="k", VersionId=ids[1])[0] == 404
            left = [entry[1] for entry in versions(side, bucket) if entry[0] == "k"]
            assert left == [ids[0], ids[2]]

    def test_who_deletes_the_newest_one_shows_the_one_before_to_both(
        self, both: tuple[Any, Any], ids: list[str], s3: Any, bucket: str
    ) -> None:
        for side, gone, newest, body in ((both[1], 2, 1, b"1"), (both[0], 1, 0, b"0")):
            side.delete_object(Bucket=bucket, Key="k", VersionId=ids[gone])
            for one in both:
                assert one.get_object(Bucket=bucket, Key="k")["Body"].read() == body
            assert {entry[1] for entry in versions(s3, bucket) if entry[2]} >= {ids[newest]}

    def test_a_multipart_object_of_an_old_version_keeps_its_parts_and_its_etag(
        self, both: tuple[Any, Any], ids: list[str], bucket: str, s3: Any,
        swift: swiftclient.Connection,
    ) -> None:  # fmt: skip
        one, other = both
        etag = multipart(one, bucket, "m")["ETag"]
        other.put_object(Bucket=bucket, Key="m", Body=b"newer")
        other.delete_object(Bucket=bucket, Key="m")
        [version] = [
            entry["VersionId"]
            for entry in s3.list_object_versions(Bucket=bucket, Prefix="m")["Versions"]
            if entry["Size"] > len(b"newer")
        ]
        assert version not in ids
        for side in both:
            answer = side.get_object(Bucket=bucket, Key="m", VersionId=version)
            assert answer["Body"].read() == b"".join(BODIES)
            listed = {entry[1]: entry[3] for entry in versions(side, bucket)}
            assert listed[version] == answer["ETag"]
            assert (answer["ETag"] == etag) == (side is s3 or one is not s3)
        assert len(segments(swift, bucket)) == len(BODIES)

    def test_null_is_what_the_gateway_has_noted_and_s3api_has_not(
        self, s3: Any, s3api: Any, bucket: str
    ) -> None:
        s3.put_object(Bucket=bucket, Key="n", Body=b"old")
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for side in (s3, s3api):
            assert versions(side, bucket)[0][1:3] == ("null", True)
        newer = s3api.put_object(Bucket=bucket, Key="n", Body=b"new")["VersionId"]
        assert [entry[1] for entry in versions(s3, bucket)] == [newer, "null"]
        theirs = [entry[1] for entry in versions(s3api, bucket)]
        assert theirs[1] == newer
        for side, version in ((s3, "null"), (s3, theirs[0]), (s3api, theirs[0])):
            answer = side.get_object(Bucket=bucket, Key="n", VersionId=version)
            assert answer["Body"].read() == b"old"
        assert refusal(s3api.head_object, Bucket=bucket, Key="n", VersionId="null")[0] == 404


class TestAcls:
    """Container ACLs, which either side sets and Swift enforces."""

    @pytest.fixture
    def status(self, stack: Stack, bucket: str) -> Callable[[str], int]:
        """What Swift answers to who reads an object without a token."""

        def read(key: str) -> int:
            try:
                with urlopen(f"{stack.swift.storage_url}/{bucket}/{key}") as answer:  # noqa: S310 - Swift's
                    return int(answer.status)
            except HTTPError as error:
                with error:
                    return error.code

        return read

    @pytest.fixture(autouse=True)
    def objects(self, s3: Any, s3api: Any, bucket: str) -> None:
        """An object of each side's, plain and multipart."""
        for side, name in ((s3, "ours"), (s3api, "theirs")):
            side.put_object(Bucket=bucket, Key=name, Body=b"1")
            multipart(side, bucket, f"{name}-m")

    def test_what_the_gateway_opens_is_open_whoever_wrote_it(
        self, s3: Any, s3api: Any, bucket: str, status: Callable[[str], int]
    ) -> None:
        keys = ("ours", "theirs", "ours-m", "theirs-m")
        assert {status(key) for key in keys} == {401}
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        assert {status(key) for key in keys} == {200}
        s3api.put_bucket_acl(Bucket=bucket, ACL="private")
        assert {status(key) for key in keys} == {401}
        assert granted(s3.get_bucket_acl(Bucket=bucket)) == ["FULL_CONTROL"]

    def test_what_s3api_opens_is_shown_by_the_gateway_and_open_but_for_parts(
        self, s3: Any, s3api: Any, bucket: str, status: Callable[[str], int]
    ) -> None:
        """S3api leaves the parts' container as it was; and it shows no grants itself."""
        s3api.put_bucket_acl(Bucket=bucket, ACL="public-read")
        for shown in (
            s3.get_bucket_acl(Bucket=bucket),
            s3.get_object_acl(Bucket=bucket, Key="theirs"),
        ):
            assert granted(shown) == ["FULL_CONTROL", "READ"]
        assert granted(s3api.get_bucket_acl(Bucket=bucket)) == ["FULL_CONTROL"]
        found = [status(key) for key in ("ours", "theirs", "ours-m", "theirs-m")]
        assert found == [200, 200, 409, 409]
        s3.put_bucket_acl(Bucket=bucket, ACL="private")
        assert status("theirs") == 401


def granted(acl: Any) -> list[str]:
    """The permissions of an ACL."""
    return [grant["Permission"] for grant in acl["Grants"]]
