"""CopyObject: within Swift, what was looked at, and nothing that is the source's alone."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from hashlib import md5
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
import swiftclient

from s3gw import patience
from tests.functional.conftest import Raw
from tests.functional.gates import Failing, Which, answered
from tests.functional.gateway import Running, Sent, running, s3_client, settings_for
from tests.functional.rawclient import keys_of, linked, sign
from tests.functional.stack import Stack
from tests.functional.test_version_reads import later, since
from tests.functional.uploads import Upload, begin, etag_of, refusal, segments
from tests.functional.versions import delete, ids, put, switch
from tests.functional.witness import held, is_there

PARTS = (b"first,", b"second")
WHOLE = b"".join(PARTS)
MIB = 1024 * 1024
OWN = "x-object-meta-s3gw-"
ILLEGAL = "This copy request is illegal because it is trying to copy an object to itself"


@pytest.fixture(scope="module")
def tiny(stack: Stack) -> Iterator[Running]:
    """A gateway that lets parts be small, and frees young ones."""
    settings = settings_for(stack, limits={"min_part_size": 1}, jobs={"min_age": 0})
    with running(settings) as found:
        yield found


@pytest.fixture(scope="module")
def tiny_s3(tiny: Running, stack: Stack) -> Iterator[Any]:
    with closing(s3_client(tiny.endpoint, stack)) as client:
        yield client


def made(s3: Any, bucket: str, key: str, **more: Any) -> Upload:
    """A multipart object of the two parts."""
    upload = begin(s3, bucket, key, **more)
    for number, body in enumerate(PARTS, 1):
        upload.put(number, body)
    upload.complete()
    return upload


def read(s3: Any, bucket: str, key: str) -> bytes:
    """An object's content."""
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def entry(swift: swiftclient.Connection, bucket: str, key: str) -> dict[str, Any]:
    """What Swift's listing shows of an object."""
    [found] = [one for one in swift.get_container(bucket, prefix=key)[1] if one["name"] == key]
    return dict(found)


class TestWhatACopyIs:
    """The same content under another name."""

    def test_a_copy_is_made_within_swift_in_two_requests(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        put = s3.put_object(Bucket=bucket, Key="k", Body=b"content")
        s3.copy_object(Bucket=bucket, Key="warm", CopySource=f"{bucket}/k")
        with gateway.watched() as wire:
            copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
            assert wire.methods() == ["HEAD", "PUT"]
            [look, copy] = wire.sent
        assert (look.path, look.headers["X-Newest"]) == (f"/{bucket}/k", "true")
        assert (copy.path, copy.headers["X-Copy-From"]) == (f"/{bucket}/copy", f"/{bucket}/k")
        assert copy.headers["If-Match"] == put["ETag"]
        result = copied["CopyObjectResult"]
        head = s3.head_object(Bucket=bucket, Key="copy")
        assert (result["ETag"], result["LastModified"]) == (head["ETag"], head["LastModified"])
        assert result["ETag"] == put["ETag"]
        assert swift.get_object(bucket, "copy")[1] == b"content"
        assert swift.get_object(bucket, "k")[1] == b"content"

    def test_a_copy_goes_to_another_bucket_and_over_what_is_there(
        self, s3: Any, bucket: str
    ) -> None:
        other = f"other-{uuid4().hex}"
        s3.create_bucket(Bucket=other)
        s3.put_object(Bucket=bucket, Key="k", Body=b"new")
        s3.put_object(Bucket=other, Key="there", Body=b"old", Metadata={"old": "1"})
        s3.copy_object(Bucket=other, Key="there", CopySource={"Bucket": bucket, "Key": "k"})
        assert read(s3, other, "there") == b"new"
        assert s3.head_object(Bucket=other, Key="there")["Metadata"] == {}

    def test_an_empty_object_is_copied(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "1"})
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
        head = s3.head_object(Bucket=bucket, Key="copy")
        assert (head["ContentLength"], head["Metadata"]) == (0, {"a": "1"})

    def test_a_checksum_of_the_content_goes_along(self, s3: Any, bucket: str) -> None:
        for key, body in (("small", b"1"), ("large", bytes(MIB))):
            put = s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")
            copied = s3.copy_object(
                Bucket=bucket, Key="copy", CopySource=f"{bucket}/{key}", MetadataDirective="REPLACE"
            )
            head = s3.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")
            for told in (copied["CopyObjectResult"], head):
                assert told["ChecksumSHA256"] == put["ChecksumSHA256"]
                assert told["ChecksumType"] == "FULL_OBJECT"

    def test_a_copy_does_not_expire_with_its_source(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1", headers={"X-Delete-After": "1000"})
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
        assert "x-delete-at" in held(swift, bucket, "k")
        assert "x-delete-at" not in held(swift, bucket, "copy")


HEADERS = {
    "ContentType": "text/html",
    "CacheControl": "no-store",
    "ContentDisposition": "attachment",
    "ContentEncoding": "gzip",
    "ContentLanguage": "de",
}


def shown(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    """An object's metadata."""
    head = s3.head_object(Bucket=bucket, Key=key)
    kept = (*HEADERS, "ExpiresString", "Metadata")
    return {name: head[name] for name in kept if name in head}


class TestMetadata:
    """The directives."""

    @pytest.mark.parametrize("directive", [{}, {"MetadataDirective": "COPY"}])
    def test_a_copy_has_the_sources_whatever_the_request_says_beside(
        self, s3: Any, raw: Raw, bucket: str, directive: dict[str, str]
    ) -> None:
        metadata = {"under_score": "1", "long": "x" * 1000, "per%cent": "2"}
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata=metadata, Expires=0, **HEADERS)
        headers = [("x-amz-meta-utf", "é"), ("content-type", "a/b")]
        assert raw("PUT", f"/{bucket}/utf", headers).status == 200
        given = {"ContentType": "image/png", "Metadata": {"ignored": "1"}, **directive}
        for key in ("k", "utf"):
            source = {"Bucket": bucket, "Key": key}
            s3.copy_object(Bucket=bucket, Key=f"{key}2", CopySource=source, **given)
            assert shown(s3, bucket, f"{key}2") == shown(s3, bucket, key)
        assert shown(s3, bucket, "k2")["Metadata"] == metadata
        assert raw("HEAD", f"/{bucket}/utf2").headers["x-amz-meta-utf"] == "=?UTF-8?B?w6k=?="

    def test_a_replacing_copy_has_the_requests_only(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"old": "1"}, **HEADERS)
        given = {"CacheControl": "no-cache", "Metadata": {"new": "x" * 300}}
        source = {"Bucket": bucket, "Key": "k"}
        s3.copy_object(
            Bucket=bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE", **given
        )
        assert shown(s3, bucket, "copy") == {"ContentType": "binary/octet-stream", **given}
        assert not any(name.endswith("-old") for name in held(swift, bucket, "copy"))

    def test_metadata_of_swifts_own_clients_go_along(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        headers = {"Content-Type": "a/b; c=d", "X-Object-Meta-Native": "é"}
        swift.put_object(bucket, "k", b"1", headers=headers)
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
        copied = held(swift, bucket, "copy")
        assert copied["x-object-meta-native"] == "é"
        assert copied["content-type"] == "a/b; c=d"

    def test_metadata_that_are_no_text_are_refused_and_may_be_replaced(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1", headers={"X-Object-Meta-A": b"\xff\xfe"})
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: s3.copy_object(**copy))
        assert (found.status, found.code) == (400, "InvalidRequest")
        assert not is_there(swift, bucket, "copy")
        s3.copy_object(**copy, MetadataDirective="REPLACE")
        assert read(s3, bucket, "copy") == b"1"

    @pytest.mark.parametrize("kind", ["metadata", "tagging"])
    def test_an_unknown_directive_is_refused(self, raw: Raw, bucket: str, kind: str) -> None:
        headers = [("x-amz-copy-source", f"{bucket}/k"), (f"x-amz-{kind}-directive", "copy")]
        reply = raw("PUT", f"/{bucket}/copy", headers)
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert reply.error["Message"] == f"Unknown {kind} directive."
        assert reply.error["ArgumentValue"] == "copy"


class TestTags:
    """They have a directive of their own."""

    @pytest.fixture
    def tagged(self, s3: Any, bucket: str) -> dict[str, Any]:
        """What a copy of a tagged object with metadata begins with."""
        tags = f"t=1&long={'x' * 250}"
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging=tags, Metadata={"a": "1"})
        return {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}

    def shown(self, s3: Any, bucket: str) -> tuple[dict[str, str], dict[str, str]]:
        """Tags and metadata of the copy."""
        tags = s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"]
        metadata = s3.head_object(Bucket=bucket, Key="copy")["Metadata"]
        return {tag["Key"]: tag["Value"] for tag in tags}, metadata

    def test_each_directive_decides_on_its_own(
        self, s3: Any, bucket: str, tagged: dict[str, Any]
    ) -> None:
        old, new = ({"t": "1", "long": "x" * 250}, {"a": "1"}), ({"u": "2"}, {"b": "2"})
        given = {"Tagging": "u=2", "Metadata": {"b": "2"}}
        for tags in (0, 1):
            for metadata in (0, 1):
                s3.copy_object(
                    **tagged,
                    **given,
                    TaggingDirective=("COPY", "REPLACE")[tags],
                    MetadataDirective=("COPY", "REPLACE")[metadata],
                )
                assert self.shown(s3, bucket) == ((old, new)[tags][0], (old, new)[metadata][1])

    def test_replacing_by_nothing_takes_them_all(
        self, s3: Any, bucket: str, tagged: dict[str, Any]
    ) -> None:
        s3.copy_object(**tagged)
        assert self.shown(s3, bucket)[0] != {}
        s3.copy_object(**tagged, TaggingDirective="REPLACE")
        assert self.shown(s3, bucket) == ({}, {"a": "1"})

    def test_tags_that_are_none_copy_nothing(
        self, s3: Any, bucket: str, tagged: dict[str, Any], swift: swiftclient.Connection
    ) -> None:
        given = {"Tagging": "t=1&t=2", "TaggingDirective": "REPLACE"}
        found = refusal(lambda: s3.copy_object(**tagged, **given))
        assert found.status == 400
        assert not is_there(swift, bucket, "copy")

    def test_what_is_too_much_together_is_refused(
        self, s3: Any, bucket: str, tagged: dict[str, Any], swift: swiftclient.Connection
    ) -> None:
        headers = {f"X-Object-Meta-{n}": "x" * 250 for n in range(15)}
        swift.put_object(bucket, "k", b"1", headers=headers)
        given = {"Tagging": f"t={'y' * 250}&u={'y' * 250}", "TaggingDirective": "REPLACE"}
        found = refusal(lambda: s3.copy_object(**tagged, **given))
        assert (found.status, found.code) == (400, "MetadataTooLarge")
        assert not is_there(swift, bucket, "copy")


class TestToItself:
    """An object over itself must become another one."""

    def test_a_copy_that_changes_nothing_is_refused(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"a": "1"})
        itself = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
        for more in ({}, {"ACL": "private"}, {"Metadata": {"b": "2"}}, {"ContentType": "a/b"}):
            found = refusal(partial(s3.copy_object, **itself, **more))
            assert (found.status, found.code) == (400, "InvalidRequest")
            assert found.message.startswith(ILLEGAL)
        assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "1"}

    def test_metadata_and_storage_class_may_change(self, s3: Any, bucket: str) -> None:
        put = s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"a": "1"})
        itself = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
        s3.copy_object(**itself, StorageClass="STANDARD")
        head = s3.head_object(Bucket=bucket, Key="k")
        assert (head["ETag"], head["Metadata"]) == (put["ETag"], {"a": "1"})
        s3.copy_object(**itself, MetadataDirective="REPLACE", Metadata={"b": "2"})
        head = s3.head_object(Bucket=bucket, Key="k")
        assert (head["ETag"], head["Metadata"]) == (put["ETag"], {"b": "2"})
        assert read(s3, bucket, "k") == b"1"

    def test_another_storage_class_is_refused(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        itself = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: s3.copy_object(**itself, StorageClass="GLACIER"))
        assert (found.status, found.code) == (400, "InvalidStorageClass")


class TestLargeObjects:
    """Multipart objects, as source and as what is copied onto."""

    def test_a_copied_multipart_object_is_a_plain_object(
        self, tiny_s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        made(tiny_s3, bucket, "k", ContentType="text/html; charset=x", Metadata={"a": "1"})
        source = held(swift, bucket, "k")
        assert f"{OWN}etag" in source
        assert "s3gw_etag" in source["content-type"]
        copied = tiny_s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
        etag = md5(WHOLE).hexdigest()
        assert copied["CopyObjectResult"]["ETag"] == f'"{etag}"'
        found = held(swift, bucket, "copy")
        assert "x-static-large-object" not in found
        assert not [name for name in found if name.startswith(OWN)]
        assert found["content-type"] == "text/html; charset=x"
        assert found["x-object-meta-a"] == "1"
        listed = entry(swift, bucket, "copy")
        assert (listed["hash"], listed["content_type"]) == (etag, "text/html;charset=x")
        assert "slo_etag" not in listed
        [shown] = tiny_s3.list_objects_v2(Bucket=bucket, Prefix="copy")["Contents"]
        assert (shown["ETag"], shown["Size"]) == (f'"{etag}"', len(WHOLE))
        assert read(tiny_s3, bucket, "copy") == WHOLE

    def test_it_outlives_its_source(
        self, tiny_s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        made(tiny_s3, bucket, "k")
        tiny_s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
        tiny_s3.delete_object(Bucket=bucket, Key="k")
        assert segments(swift, bucket) == []
        assert read(tiny_s3, bucket, "copy") == WHOLE

    @pytest.fixture
    def copied(self, tiny_s3: Any, bucket: str) -> str:
        """The ETag of `copy`, a plain copy, which to Swift's conditions still has the source's."""
        made(tiny_s3, bucket, "k")
        copied = tiny_s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
        etag: str = copied["CopyObjectResult"]["ETag"]
        assert etag == f'"{md5(WHOLE).hexdigest()}"'
        return etag

    @pytest.mark.parametrize("operation", ["get_object", "head_object"])
    def test_conditions_on_the_copy_are_judged_by_its_own_etag(
        self, tiny_s3: Any, bucket: str, copied: str, operation: str
    ) -> None:
        call, names = getattr(tiny_s3, operation), {"Bucket": bucket, "Key": "copy"}
        for condition in ({"IfMatch": copied}, {"IfMatch": "*"}, {"IfNoneMatch": '"0"'}):
            for place, size in (({}, len(WHOLE)), ({"Range": "bytes=2-4"}, 3)):
                answer = call(**names, **place, **condition)
                assert (answer["ETag"], answer["ContentLength"]) == (copied, size)
        for wrong, status in (({"IfMatch": '"0"'}, 412), ({"IfNoneMatch": copied}, 304)):
            assert refusal(partial(call, **names, **wrong)).status == status

    def test_a_condition_that_swift_judges_by_the_sources_etag_costs_a_second_request(
        self, tiny: Running, tiny_s3: Any, bucket: str, copied: str
    ) -> None:
        with tiny.watched() as wire:
            answer = tiny_s3.get_object(Bucket=bucket, Key="copy", IfMatch=copied)
            assert answer["Body"].read() == WHOLE
            assert wire.methods() == ["GET", "GET"]

    def test_the_copy_is_copied_on(
        self, tiny: Running, tiny_s3: Any, bucket: str, copied: str
    ) -> None:
        again = {"Bucket": bucket, "CopySource": f"{bucket}/copy"}
        tiny_s3.copy_object(**again, Key="warm")
        with tiny.watched() as wire:
            answer = tiny_s3.copy_object(**again, Key="again", CopySourceIfMatch=copied)
            assert wire.methods() == ["HEAD", "PUT", "PUT", "HEAD"]
        assert answer["CopyObjectResult"]["ETag"] == copied
        assert read(tiny_s3, bucket, "again") == WHOLE
        upload = begin(tiny_s3, bucket, "parts")
        part = {**upload.names, "PartNumber": 1, "CopySource": f"{bucket}/again"}
        tiny_s3.upload_part_copy(**part, CopySourceRange="bytes=2-4")
        [listed] = tiny_s3.list_parts(**upload.names)["Parts"]
        assert (listed["ETag"], listed["Size"]) == (f'"{md5(WHOLE[2:5]).hexdigest()}"', 3)

    @pytest.mark.parametrize("when", [1, 2])
    def test_one_that_changes_while_it_is_copied_on_is_copied_as_it_is_then(
        self, tiny: Running, tiny_s3: Any, bucket: str, copied: str,
        swift: swiftclient.Connection, when: int,
    ) -> None:  # fmt: skip
        """Whenever that is: before Swift judges by the wrong ETag, or before it is not asked to."""

        async def overwrite(sent: Sent) -> None:
            if sent.method == "PUT" and wire.methods().count("PUT") == when:
                swift.put_object(bucket, "copy", b"new!", headers={"X-Object-Meta-A": "new"})

        with tiny.watched() as wire:
            wire.before = overwrite
            tiny_s3.copy_object(Bucket=bucket, Key="again", CopySource=f"{bucket}/copy")
        assert copied != f'"{md5(b"new!").hexdigest()}"'
        assert read(tiny_s3, bucket, "again") == b"new!"
        assert tiny_s3.head_object(Bucket=bucket, Key="again")["Metadata"] == {"a": "new"}

    @pytest.mark.parametrize("source", ["other", "k"])
    def test_copying_onto_a_multipart_object_frees_its_parts(
        self,
        tiny: Running,
        tiny_s3: Any,
        bucket: str,
        swift: swiftclient.Connection,
        monkeypatch: pytest.MonkeyPatch,
        source: str,
    ) -> None:
        monkeypatch.setattr("s3gw.buckets.release._PAUSE", 0.0)
        monkeypatch.setattr("s3gw.buckets.release._ROUNDING", timedelta(0))
        made(tiny_s3, bucket, "k")
        tiny_s3.put_object(Bucket=bucket, Key="other", Body=WHOLE)
        assert len(segments(swift, bucket)) == len(PARTS)
        tiny_s3.copy_object(
            Bucket=bucket, Key="k", CopySource=f"{bucket}/{source}", MetadataDirective="REPLACE"
        )
        tiny.wait_until_idle()
        assert segments(swift, bucket) == []
        assert read(tiny_s3, bucket, "k") == WHOLE
        assert tiny_s3.head_object(Bucket=bucket, Key="k")["ETag"] == f'"{md5(WHOLE).hexdigest()}"'

    def test_a_dynamic_large_object_becomes_a_plain_one(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for number, body in enumerate(PARTS):
            swift.put_object(bucket, f"part/{number}", body)
        swift.put_object(bucket, "k", b"", headers={"X-Object-Manifest": f"{bucket}/part/"})
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
        found = held(swift, bucket, "copy")
        assert (found["etag"], "x-object-manifest" in found) == (md5(WHOLE).hexdigest(), False)

    def test_a_source_whose_parts_are_gone_is_told(
        self, tiny_s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload = made(tiny_s3, bucket, "k")
        swift.delete_object(f"{bucket}+segments", f"k/{upload.upload_id}/1")
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: tiny_s3.copy_object(**copy))
        assert (found.status, found.code) == (409, "BrokenMPU")
        assert not is_there(swift, bucket, "copy")

    def test_more_than_5_gib_are_refused_before_anything_is_copied(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "part", bytes(8 * MIB))
        manifest = [{"path": f"/{bucket}/part"}] * 641
        swift.put_object(
            bucket, "huge", json.dumps(manifest), query_string="multipart-manifest=put"
        )
        with gateway.watched() as wire:
            found = refusal(
                lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/huge")
            )
            assert wire.methods() == ["HEAD"]
        assert (found.status, found.code) == (400, "InvalidRequest")
        assert found.message == (
            "The specified copy source is larger than the maximum allowable size for a copy "
            "source: 5368709120"
        )


class TestSource:
    """How a source is named."""

    def test_raw_or_encoded_with_a_slash_or_without_it_is_found(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        spelled = (
            ("a b", "a%20b"), ("a b", "a+b"), ("a b", "a b"), ("é", "%C3%A9"), ("é", "é"),
            ("a/b", "a%2Fb"), ("a//b/", "a//b/"), ("/a", "/a"), ("100%", "100%"),
            ("a%20b", "a%2520b"), ("a?b", "a%3Fb"), ("a#b", "a#b"), ("c+d", "c%2Bd"),
            ("2024/01/pic a+b é.jpg", "2024/01/pic%20a%2Bb%20%C3%A9.jpg"),
            ("2024/01/pic-a+b-é.jpg", "2024/01/pic-a+b-é.jpg"),
        )  # fmt: skip
        for key in {key for key, _ in spelled}:
            swift.put_object(bucket, key, key.encode())
        for number, (_, text) in enumerate(spelled):
            slash = "/" if number % 2 else ""
            source = ("x-amz-copy-source", f"{slash}{bucket}/{text}")
            assert raw("PUT", f"/{bucket}/copy/{number}", [source]).status == 200, text
        for number, (key, _) in enumerate(spelled):
            assert swift.get_object(bucket, f"copy/{number}")[1] == key.encode()

    def test_a_plus_is_a_space_first_as_on_aws(
        self, gateway: Running, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        source = [("x-amz-copy-source", f"{bucket}/a+b")]
        raw("PUT", f"/{bucket}/a%2Bb", (), b"plus")
        with gateway.watched() as wire:
            assert raw("PUT", f"/{bucket}/copy", source).status == 200
            asked = list(map(str, wire.sent))
        looks = [f"HEAD /{bucket}/a b", f"HEAD /{bucket}/a+b"]
        assert asked == [*looks, f"PUT /{bucket}/copy?heartbeat=on"]
        assert swift.get_object(bucket, "copy")[1] == b"plus"
        swift.put_object(bucket, "a b", b"space")
        assert raw("PUT", f"/{bucket}/copy", source).status == 200
        assert swift.get_object(bucket, "copy")[1] == b"space"

    def test_what_is_missing_is_told_as_aws_reads_it(self, raw: Raw, bucket: str) -> None:
        reply = raw("PUT", f"/{bucket}/copy", [("x-amz-copy-source", f"{bucket}/a+b")])
        assert (reply.status, reply.code, reply.error["Key"]) == (404, "NoSuchKey", "a b")
        other = f"other-{uuid4().hex}"
        reply = raw("PUT", f"/{bucket}/copy", [("x-amz-copy-source", f"{other}/k")])
        assert (reply.status, reply.code) == (404, "NoSuchBucket")
        assert reply.error["BucketName"] == other

    def test_without_the_target_bucket_nothing_is_copied(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        other = f"other-{uuid4().hex}"
        copy = {"Bucket": other, "Key": "copy", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: s3.copy_object(**copy))
        assert (found.status, found.code) == (404, "NoSuchBucket")
        assert found.details == {"BucketName": other}

    def test_what_names_no_object_of_a_bucket_is_refused(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_container(f"{bucket}+segments")
        for container in (bucket, f"{bucket}+segments"):
            swift.put_object(container, "k", b"1")
        for source, status, code in (
            ("", 400, "InvalidArgument"),
            (bucket, 400, "InvalidArgument"),
            (f"{bucket}/", 400, "InvalidArgument"),
            ("//k", 400, "InvalidArgument"),
            (f"{bucket}/k?x=y", 400, "InvalidArgument"),
            (f"{bucket}/%FF", 400, "InvalidArgument"),
            (f"{bucket}/k?versionId=", 400, "InvalidArgument"),
            (f"{bucket}/%00", 400, "InvalidURI"),
            (f"{bucket}/{'x' * 1025}", 400, "KeyTooLongError"),
            (f"{'x' * 300}/k", 404, "NoSuchBucket"),
            (f"{bucket}%2Bsegments/k", 404, "NoSuchBucket"),
            (f"{bucket}+segments/k", 404, "NoSuchBucket"),
            (".s3gw/k", 404, "NoSuchBucket"),
            (f"{bucket}/../{bucket}/k", 404, "NoSuchKey"),
        ):
            reply = raw("PUT", f"/{bucket}/copy", [("x-amz-copy-source", source)])
            assert (reply.status, reply.code) == (status, code), source
        assert not is_there(swift, bucket, "copy")

    def test_a_presigned_url_may_name_the_source(
        self, stack: Stack, gateway: Running, s3: Any, bucket: str
    ) -> None:
        s3.put_object(Bucket=bucket, Key="a b", Body=b"1")
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "a b"}}
        with closing(s3_client(gateway.endpoint, stack, signature_version="s3")) as client:
            url = client.generate_presigned_url("copy_object", copy)
        assert "x-amz-copy-source=" in url
        request = Request(url, method="PUT")  # noqa: S310 - our own gateway
        with urlopen(request) as answer:  # noqa: S310
            assert b"CopyObjectResult" in answer.read()
        assert read(s3, bucket, "copy") == b"1"

    def test_a_source_in_a_query_that_is_not_signed_as_a_header_copies_nothing(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        reply = raw("PUT", f"/{bucket}/copy?x-amz-copy-source={bucket}%2Fk")
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert not is_there(swift, bucket, "copy")

    def test_a_body_is_refused_since_nobody_would_store_it(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        reply = raw("PUT", f"/{bucket}/copy", [("x-amz-copy-source", f"{bucket}/k")], b"data")
        assert (reply.status, reply.code) == (400, "UnexpectedContent")
        assert not is_there(swift, bucket, "copy")

    def test_a_range_is_for_parts(self, raw: Raw, bucket: str) -> None:
        headers = [("x-amz-copy-source", f"{bucket}/k"), ("x-amz-copy-source-range", "bytes=0-0")]
        reply = raw("PUT", f"/{bucket}/copy", headers)
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert reply.error["ArgumentName"] == "x-amz-copy-source-range"

    def test_keys_and_encryption_of_a_source_are_refused(self, raw: Raw, bucket: str) -> None:
        for name in ("algorithm", "key", "key-md5"):
            header = f"x-amz-copy-source-server-side-encryption-customer-{name}"
            reply = raw("PUT", f"/{bucket}/copy", [("x-amz-copy-source", "b/k"), (header, "x")])
            assert (reply.status, reply.code) == (501, "NotImplemented")
            assert reply.error["Header"] == header

    def test_the_source_may_have_to_be_a_certain_owners(
        self, raw: Raw, stack: Stack, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        source = ("x-amz-copy-source", f"{bucket}/k")
        for name in ("x-amz-source-expected-bucket-owner", "x-amz-expected-bucket-owner"):
            reply = raw("PUT", f"/{bucket}/copy", [source, (name, "somebody")])
            assert (reply.status, reply.code) == (403, "AccessDenied")
            assert not is_there(swift, bucket, "copy")
            owner = (name, stack.project.id)
            assert raw("PUT", f"/{bucket}/copy", [source, owner]).status == 200
            swift.delete_object(bucket, "copy")


class TestVersions:
    """A version as source; `old` has the versions `null`, one and two."""

    @pytest.fixture
    def old(self, bucket: str, swift: swiftclient.Connection) -> tuple[str, str]:
        swift.put_object(bucket, "k", b"null")
        written = swift.head_object(bucket, "k")["x-timestamp"]
        switch(swift, bucket, on=True)
        since(swift, bucket, later(written))
        return put(swift, bucket, "k", b"one"), put(swift, bucket, "k", b"two")

    def test_each_can_be_copied_and_both_versions_are_told(
        self, s3: Any, bucket: str, old: tuple[str, str], swift: swiftclient.Connection
    ) -> None:
        one, two = old
        for name, shown, body in (
            ({}, two, b"two"),
            ({"VersionId": one}, one, b"one"),
            ({"VersionId": two}, two, b"two"),
            ({"VersionId": "null"}, "null", b"null"),
        ):
            source = {"Bucket": bucket, "Key": "k", **name}
            copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
            assert copied["CopySourceVersionId"] == shown
            assert copied["VersionId"] == ids(swift, bucket, "copy")[0]
            assert swift.get_object(bucket, "copy")[1] == body

    def test_an_old_version_over_its_own_key_is_the_newest_again(
        self, s3: Any, bucket: str, old: tuple[str, str], swift: swiftclient.Connection
    ) -> None:
        itself = {"Bucket": bucket, "Key": "k"}
        found = refusal(lambda: s3.copy_object(**itself, CopySource=itself))
        assert found.message.startswith(ILLEGAL)
        s3.copy_object(**itself, CopySource={**itself, "VersionId": old[0]})
        assert swift.get_object(bucket, "k")[1] == b"one"
        assert ids(swift, bucket, "k")[1:3] == [old[1], old[0]]

    def test_what_is_no_version_or_a_delete_marker_is_refused(
        self, s3: Any, bucket: str, old: tuple[str, str], swift: swiftclient.Connection
    ) -> None:
        marker = delete(swift, bucket, "k")
        copy = {"Bucket": bucket, "Key": "copy"}
        for version, status, code in (
            ("1234567890.12345", 404, "NoSuchVersion"),
            ("junk", 400, "InvalidArgument"),
            (marker, 400, "InvalidRequest"),
            (None, 404, "NoSuchKey"),
        ):
            named = {} if version is None else {"VersionId": version}
            source = {"Bucket": bucket, "Key": "k", **named}
            found = refusal(partial(s3.copy_object, **copy, CopySource=source))
            assert (found.status, found.code) == (status, code)
        assert not is_there(swift, bucket, "copy")
        s3.copy_object(**copy, CopySource={"Bucket": bucket, "Key": "k", "VersionId": old[0]})
        assert swift.get_object(bucket, "copy")[1] == b"one"

    def test_without_versioning_the_only_version_is_null(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        source = {"Bucket": bucket, "Key": "k", "VersionId": "null"}
        copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        assert "CopySourceVersionId" not in copied
        assert "VersionId" not in copied
        found = refusal(lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=source))
        assert found.message.startswith(ILLEGAL)
        found = refusal(
            lambda: s3.copy_object(
                Bucket=bucket, Key="copy", CopySource={**source, "VersionId": "1234567890.12345"}
            )
        )
        assert (found.status, found.code) == (404, "NoSuchVersion")


class TestConditions:
    """What must hold of the source; what does not hold is 412, never 304."""

    @pytest.mark.parametrize("kind", ["plain", "multipart"])
    def test_each_is_judged_on_s3s_own_etag_and_time(
        self, tiny_s3: Any, bucket: str, swift: swiftclient.Connection, kind: str
    ) -> None:
        if kind == "plain":
            tiny_s3.put_object(Bucket=bucket, Key="k", Body=WHOLE)
        else:
            made(tiny_s3, bucket, "k")
        head = tiny_s3.head_object(Bucket=bucket, Key="k")
        assert (head["ETag"] == etag_of(*PARTS)) is (kind == "multipart")
        same, then = head["ETag"], head["LastModified"]
        before = then - timedelta(seconds=60)
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
        for failing, conditions in (
            ("If-Match", {"IfMatch": '"other"'}),
            ("If-None-Match", {"IfNoneMatch": same}),
            ("If-Modified-Since", {"IfModifiedSince": then}),
            ("If-Unmodified-Since", {"IfUnmodifiedSince": before}),
            ("If-None-Match", {"IfNoneMatch": same, "IfModifiedSince": before}),
        ):
            given = {f"CopySource{name}": value for name, value in conditions.items()}
            found = refusal(partial(tiny_s3.copy_object, **copy, **given))
            assert (found.status, found.code) == (412, "PreconditionFailed"), conditions
            assert found.details == {"Condition": f"x-amz-copy-source-{failing}"}
        assert not is_there(swift, bucket, "copy")
        for conditions in (
            {"IfMatch": same},
            {"IfNoneMatch": '"other"'},
            {"IfModifiedSince": before},
            {"IfUnmodifiedSince": then},
            {"IfMatch": same, "IfUnmodifiedSince": before},
        ):
            given = {f"CopySource{name}": value for name, value in conditions.items()}
            tiny_s3.copy_object(**copy, **given)
        assert read(tiny_s3, bucket, "copy") == WHOLE

    def test_a_date_that_is_none_is_refused(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        condition = ("x-amz-copy-source-if-unmodified-since", "yesterday")
        reply = raw("PUT", f"/{bucket}/copy", [("x-amz-copy-source", f"{bucket}/k"), condition])
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert not is_there(swift, bucket, "copy")

    def test_the_etag_of_others_large_objects_counts(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        for number, body in enumerate(PARTS):
            swift.put_object(bucket, f"part/{number}", body)
        manifest = json.dumps([{"path": f"/{bucket}/part/{n}"} for n in range(len(PARTS))])
        swift.put_object(bucket, "k", manifest, query_string="multipart-manifest=put")
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: s3.copy_object(**copy, CopySourceIfMatch='"0"'))
        assert found.code == "PreconditionFailed"
        s3.copy_object(**copy, CopySourceIfMatch=etag_of(*PARTS))
        assert read(s3, bucket, "copy") == WHOLE


class TestTarget:
    """What must hold of what a copy replaces."""

    def test_a_copy_that_must_be_new_does_not_replace_anything(
        self, gateway: Running, s3: Any, bucket: str
    ) -> None:
        for key in ("k", "there"):
            s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        copy = {"Bucket": bucket, "CopySource": f"{bucket}/k", "IfNoneMatch": "*"}
        found = refusal(lambda: s3.copy_object(**copy, Key="there"))
        assert (found.status, found.code) == (412, "PreconditionFailed")
        assert found.details == {"Condition": "If-None-Match"}
        assert read(s3, bucket, "there") == b"there"
        with gateway.watched() as wire:
            s3.copy_object(**copy, Key="new")
            assert wire.methods() == ["HEAD", "HEAD", "PUT"]
            assert wire.sent[1].headers["X-Newest"] == "true"
        assert read(s3, bucket, "new") == b"k"

    def test_a_copy_may_replace_a_certain_object_only(
        self, tiny_s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        tiny_s3.put_object(Bucket=bucket, Key="k", Body=b"k")
        made(tiny_s3, bucket, "there")
        copy = {"Bucket": bucket, "Key": "there", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: tiny_s3.copy_object(**copy, IfMatch='"0"'))
        assert (found.status, found.code) == (412, "PreconditionFailed")
        assert found.details == {"Condition": "If-Match"}
        assert read(tiny_s3, bucket, "there") == WHOLE
        tiny_s3.copy_object(**copy, IfMatch=etag_of(*PARTS))
        assert read(tiny_s3, bucket, "there") == b"k"
        found = refusal(lambda: tiny_s3.copy_object(**{**copy, "Key": "new"}, IfMatch='"0"'))
        assert (found.status, found.code, found.details) == (404, "NoSuchKey", {"Key": "new"})
        assert not is_there(swift, bucket, "new")

    def test_another_if_none_match_is_refused(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"k")
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: s3.copy_object(**copy, IfNoneMatch='"0"'))
        assert (found.status, found.code) == (501, "NotImplemented")
        assert found.details == {"Header": "If-None-Match"}


class TestBesideOthers:
    """What happens between the look at the source and the copy."""

    def test_a_source_that_changes_is_looked_at_again_and_copied_as_it_is_then(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"old", headers={"X-Object-Meta-A": "old"})

        async def overwrite(sent: Sent) -> None:
            if sent.method == "PUT" and len(wire.sent) == 2:
                swift.put_object(bucket, "k", b"new!", headers={"X-Object-Meta-A": "new"})

        with gateway.watched() as wire:
            wire.before = overwrite
            s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
            assert wire.methods()[:4] == ["HEAD", "PUT", "HEAD", "PUT"]
        assert read(s3, bucket, "copy") == b"new!"
        assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"a": "new"}

    def test_conditions_hold_of_what_is_copied(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        etag = swift.put_object(bucket, "k", b"old")

        async def overwrite(sent: Sent) -> None:
            if sent.method == "PUT":
                swift.put_object(bucket, "k", b"new")

        copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
        with gateway.watched() as wire:
            wire.before = overwrite
            found = refusal(lambda: s3.copy_object(**copy, CopySourceIfMatch=etag))
        assert (found.status, found.code) == (412, "PreconditionFailed")
        assert not is_there(swift, bucket, "copy")

    def test_a_source_that_changes_all_the_time_is_given_up(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"0")

        async def overwrite(sent: Sent) -> None:
            if sent.method == "PUT":
                swift.put_object(bucket, "k", str(len(wire.sent)).encode())

        with gateway.watched() as wire:
            wire.before = overwrite
            copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
            found = refusal(lambda: s3.copy_object(**copy))
            assert wire.methods() == ["HEAD", "PUT"] * 3
        assert (found.status, found.code) == (503, "ServiceUnavailable")
        assert not is_there(swift, bucket, "copy")

    def test_a_source_that_goes_is_missing(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")

        async def remove(sent: Sent) -> None:
            if sent.method == "PUT":
                swift.delete_object(bucket, "k")

        with gateway.watched() as wire:
            wire.before = remove
            copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
            found = refusal(lambda: s3.copy_object(**copy))
        assert (found.status, found.code, found.details) == (404, "NoSuchKey", {"Key": "k"})


class TestAnswers:
    """Copies that take long, and Swift's refusals."""

    @pytest.mark.parametrize("source", ["k", "gone"])
    def test_a_long_copy_keeps_its_client_alive_with_white_space(
        self,
        gateway: Running,
        stack: Stack,
        s3: Any,
        bucket: str,
        monkeypatch: pytest.MonkeyPatch,
        source: str,
    ) -> None:
        monkeypatch.setattr(patience, "_QUICK", 0.02)
        monkeypatch.setattr(patience, "_BEAT", 0.02)
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")

        async def wait(sent: Sent) -> None:
            if sent.method == "HEAD":
                await asyncio.sleep(0.2)

        url = f"{gateway.endpoint}/{bucket}/copy"
        headers = [("x-amz-copy-source", f"{bucket}/{source}")]
        with gateway.watched() as wire, linked(gateway.endpoint) as link:
            wire.before = wait
            link.send(sign(keys_of(stack), "PUT", url, headers).head())
            reply = link.reply()
        assert reply.status == 200
        declaration, document = reply.body.split(b"?>", 1)
        assert declaration.startswith(b"<?xml")
        assert document.startswith((b"\n  ", b"  "))
        wanted = b"<CopyObjectResult" if source == "k" else b"<Code>NoSuchKey</Code>"
        assert wanted in document

    def test_a_quota_is_told(self, s3: Any, bucket: str, swift: swiftclient.Connection) -> None:
        swift.put_object(bucket, "k", b"123456")
        small = f"small-{uuid4().hex}"
        swift.put_container(small, {"X-Container-Meta-Quota-Bytes": "3"})
        copy = {"Bucket": small, "Key": "copy", "CopySource": f"{bucket}/k"}
        found = refusal(lambda: s3.copy_object(**copy))
        assert (found.status, found.code) == (403, "QuotaExceeded")
        assert not is_there(swift, small, "copy")

    def test_an_answer_of_swift_that_is_lost_is_503(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
        for method in ("HEAD", "PUT"):
            with gateway.watched() as wire:
                wire.before = Failing(Which(method, f"/{bucket}"))
                found = refusal(lambda: s3.copy_object(**copy))
            assert (found.status, found.code) == (503, "ServiceUnavailable")
        assert not is_there(swift, bucket, "copy")

    def test_a_source_that_swift_finds_too_large_is_told_as_s3_does(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(bucket, "k", b"1")
        with gateway.watched() as wire:
            wire.before = Failing(Which("PUT", f"/{bucket}"), answered(413))
            copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/k"}
            found = refusal(lambda: s3.copy_object(**copy))
        assert (found.status, found.code) == (400, "InvalidRequest")
        assert found.message.startswith("The specified copy source is larger")
