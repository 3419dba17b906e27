"""Tags of objects: set with the object or later, read back, and nothing else of it is touched."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import swiftclient
from keystoneauth1.adapter import Adapter

from tests.functional.conftest import Raw
from tests.functional.fixtures import MakeUser
from tests.functional.gates import Gate, Which
from tests.functional.gateway import Running
from tests.functional.parties import Parties, parties, refusal as refused
from tests.functional.stack import Stack
from tests.functional.uploads import begin, etag_of, refusal
from tests.functional.witness import held

TAGS = [{"Key": "a b", "Value": "c+d"}, {"Key": "é", "Value": ""}, {"Key": "x:y", "Value": "/=@"}]
HEADER = "a+b=c%2Bd&%C3%A9&x%3Ay=%2F%3D@"
META = "x-object-meta-s3gw-tags-"


def put_tags(s3: Any, bucket: str, tags: list[dict[str, str]], key: str = "k") -> Any:
    return s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tags})


def tags_of(s3: Any, bucket: str, key: str = "k") -> Any:
    return s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]


def kept_tags(swift: swiftclient.Connection, bucket: str, key: str = "k") -> dict[str, str]:
    """What Swift holds of the tags."""
    return {
        name: value for name, value in held(swift, bucket, key).items() if name.startswith(META)
    }


class TestWithTheObject:
    """Tags in x-amz-tagging."""

    def test_a_put_keeps_them_in_swifts_metadata(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging=HEADER, Metadata={"m": "1"})
        assert tags_of(s3, bucket) == TAGS
        assert kept_tags(swift, bucket) == {f"{META}0": "a+b=c%2Bd&%C3%A9=&x:y=/%3D@"}
        for answer in (
            s3.get_object(Bucket=bucket, Key="k"),
            s3.head_object(Bucket=bucket, Key="k"),
        ):
            assert answer["TagCount"] == 3
            assert answer["Metadata"] == {"m": "1"}

    @pytest.mark.parametrize("header", ["", "&"])
    def test_an_empty_header_is_no_tag(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, header: str
    ) -> None:
        assert raw("PUT", f"/{bucket}/k", [("x-amz-tagging", header)], b"1").status == 200
        assert kept_tags(swift, bucket) == {}
        assert "x-amz-tagging-count" not in raw("HEAD", f"/{bucket}/k").headers

    def test_an_overwrite_takes_them_away(self, s3: Any, bucket: str) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=b")
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        assert tags_of(s3, bucket) == []

    def test_an_upload_gives_them_to_its_object(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload = begin(s3, bucket, Tagging=HEADER)
        upload.put(1)
        upload.complete()
        assert tags_of(s3, bucket) == TAGS
        assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 3
        assert len(kept_tags(swift, bucket)) == 1

    @pytest.mark.parametrize(
        ("header", "code"),
        [
            ("a=1&a=2", "InvalidArgument"),
            ("a=%ff", "InvalidArgument"),
            ("aws:a=1", "InvalidTag"),
            ("k" * 129, "InvalidTag"),
            ("a=" + "v" * 257, "InvalidTag"),
            ("a!=1", "InvalidTag"),
            ("&".join(f"k{n}" for n in range(11)), "BadRequest"),
            ("&".join(f"{n}{'k' * 120}={'v' * 256}" for n in range(10)), "InvalidTag"),
        ],
    )
    def test_what_is_no_set_of_tags_makes_no_object(
        self, gateway: Running, raw: Raw, bucket: str, header: str, code: str
    ) -> None:
        metadata = ("x-amz-meta-m", "v" * 250)
        for method, target in (("PUT", "k"), ("POST", "k?uploads")):
            with gateway.watched() as wire:
                reply = raw(method, f"/{bucket}/{target}", [("x-amz-tagging", header), metadata])
                assert (reply.status, reply.code) == (400, code)
                assert not {"PUT", "POST"} & set(wire.methods())


class TestLater:
    """PutObjectTagging and DeleteObjectTagging."""

    def test_tags_are_replaced_as_a_whole_and_deleted(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="old=1&other=2")
        long = [{"Key": f"{n}" + "k" * 120, "Value": "v" * 256} for n in range(8)]
        for tags in (TAGS, long, TAGS):
            put_tags(s3, bucket, tags)
            assert tags_of(s3, bucket) == tags
            assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == len(tags)
        assert len(kept_tags(swift, bucket)) == 1
        answer = s3.delete_object_tagging(Bucket=bucket, Key="k")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert tags_of(s3, bucket) == []
        assert kept_tags(swift, bucket) == {}
        put_tags(s3, bucket, TAGS)
        put_tags(s3, bucket, [])
        assert tags_of(s3, bucket) == []

    def test_it_is_three_requests(self, s3: Any, bucket: str, gateway: Running) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        tagged = [f"HEAD /{bucket}/k", f"POST /{bucket}/k", f"HEAD /{bucket}/k"]
        with gateway.watched() as wire:
            put_tags(s3, bucket, TAGS)
            assert [str(sent) for sent in wire.sent] == tagged
            assert [sent.headers.get("X-Newest") for sent in wire.sent] == ["true", None, "true"]
        with gateway.watched() as wire:
            s3.delete_object_tagging(Bucket=bucket, Key="k")
            assert [str(sent) for sent in wire.sent] == tagged
        with gateway.watched() as wire:
            tags_of(s3, bucket)
            assert [str(sent) for sent in wire.sent] == [f"HEAD /{bucket}/k"]

    def test_nothing_that_a_post_drops_is_lost(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(
            Bucket=bucket, Key="k", Body=b"1", ContentType='text/x; a="b c"',
            CacheControl="no-store", ContentDisposition='attachment; filename="x"',
            ContentEncoding="gzip", ContentLanguage="de", Expires="Thu, 01 Dec 2050 16:00:00 GMT",
            Metadata={"a_b": "1", "empty": "", "long": "v" * 900, "utf": "plain"},
        )  # fmt: skip
        before = held(swift, bucket, "k")
        expected = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        put_tags(s3, bucket, TAGS)
        after = held(swift, bucket, "k")
        moving = ("x-timestamp", "last-modified", "date", "x-trans-id", "x-openstack-request-id")
        assert {name: after.get(name) for name in before if name not in moving} == {
            name: value for name, value in before.items() if name not in moving
        }
        found = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert found["ChecksumCRC32"] == expected["ChecksumCRC32"]
        assert found["Metadata"] == expected["Metadata"]
        assert (found["ContentType"], found["ExpiresString"], found["ETag"]) == (
            expected["ContentType"], expected["ExpiresString"], expected["ETag"],
        )  # fmt: skip

    def test_what_swifts_own_api_set_stays(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        native = {
            "x-delete-at": str(int(time.time()) + 3600),  # noqa: TID251 - as Swift's client
            "x-object-meta-a=5fb": "1", "x-object-meta-empty": "", "x-robots-tag": "none",
        }  # fmt: skip
        swift.put_object(bucket, "k", b"1", headers=native)
        swift.put_object(bucket, "dlo", b"", headers={"X-Object-Manifest": f"{bucket}/k"})
        for key in ("k", "dlo"):
            put_tags(s3, bucket, TAGS, key)
            assert tags_of(s3, bucket, key) == TAGS
        found = held(swift, bucket, "k")
        assert {name: found.get(name) for name in native} == native
        assert held(swift, bucket, "dlo")["x-object-manifest"] == f"{bucket}/k"
        assert s3.get_object(Bucket=bucket, Key="dlo")["Body"].read() == b"1"

    def test_a_multipart_object_stays_one_also_in_listings(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload = begin(s3, bucket, ContentType="text/plain", Metadata={"a_b": "c"})
        upload.put(1)
        etag = upload.complete()["ETag"]
        put_tags(s3, bucket, TAGS)
        assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == etag
        head = s3.head_object(Bucket=bucket, Key="k")
        assert (head["ETag"], head["ContentType"], head["TagCount"]) == (etag, "text/plain", 3)
        assert head["Metadata"] == {"a_b": "c"}
        assert upload.read() == b"data"
        assert held(swift, bucket, "k")["x-static-large-object"] == "True"

    def test_in_a_bucket_with_versioning_the_newest_version_is_tagged(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        versions = []
        for body in (b"1", b"2"):
            s3.put_object(Bucket=bucket, Key="k", Body=body, Tagging="a=b")
            versions.append(s3.head_object(Bucket=bucket, Key="k")["VersionId"])
        old, new = versions
        assert put_tags(s3, bucket, TAGS)["VersionId"] == new
        for version, tags in ((old, [{"Key": "a", "Value": "b"}]), (new, TAGS)):
            answer = s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=version)
            assert (answer["TagSet"], answer["VersionId"]) == (tags, version)
            head = s3.head_object(Bucket=bucket, Key="k", VersionId=version)
            assert (head["TagCount"], head["VersionId"]) == (len(tags), version)
        named = {"Bucket": bucket, "Key": "k", "VersionId": new}
        assert s3.put_object_tagging(**named, Tagging={"TagSet": []})["VersionId"] == new
        assert s3.delete_object_tagging(**named)["VersionId"] == new
        for call in (
            lambda: s3.put_object_tagging(**named | {"VersionId": old}, Tagging={"TagSet": TAGS}),
            lambda: s3.delete_object_tagging(**named | {"VersionId": old}),
        ):
            assert refusal(call).code == "NotImplemented"
        s3.delete_object(Bucket=bucket, Key="k")
        assert refusal(lambda: put_tags(s3, bucket, TAGS)).code == "NoSuchKey"

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    def test_a_link_of_swifts_is_left_alone(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection, method: str
    ) -> None:
        swift.put_object(bucket, "target", b"1")
        swift.put_object(bucket, "k", b"", headers={"X-Symlink-Target": f"{bucket}/target"})
        reply = raw(method, f"/{bucket}/k?tagging", body=document("a", "b") * (method == "PUT"))
        assert (reply.status, reply.code) == (501, "NotImplemented")
        assert kept_tags(swift, bucket, "target") == kept_tags(swift, bucket) == {}

    @pytest.mark.parametrize(("name", "value"), [("a", b"\xff\xfe"), ("ü", b"1"), ("a b", b"1")])
    def test_metadata_that_cannot_be_sent_again_is_not_lost(
        self,
        s3: Any,
        bucket: str,
        gateway: Running,
        swift: swiftclient.Connection,
        name: str,
        value: bytes,
    ) -> None:
        swift.put_object(bucket, "k", b"1", headers={f"X-Object-Meta-{name}": value})
        with gateway.watched() as wire:
            answer = refusal(lambda: put_tags(s3, bucket, TAGS))
            assert (answer.status, answer.code) == (501, "NotImplemented")
            assert wire.methods() == ["HEAD"]

    def test_what_swift_cannot_keep_is_refused_in_s3s_words(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_object(
            bucket, "k", b"1", headers={f"X-Object-Meta-{n}": "v" * 250 for n in range(14)}
        )
        full = [{"Key": f"k{n}", "Value": "v" * 250} for n in range(3)]
        answer = refusal(lambda: put_tags(s3, bucket, full))
        assert (answer.status, answer.code) == (400, "InvalidTag")
        assert answer.details["MaxSizeAllowed"] == "4096"
        put_tags(s3, bucket, TAGS)
        assert len(held(swift, bucket, "k")["x-object-meta-13"]) == 250


def document(key: str, value: str) -> bytes:
    """A set of one tag."""
    tag = f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"
    return f"<Tagging><TagSet>{tag}</TagSet></Tagging>".encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (document("", "v"), "InvalidTag"),
        (document("a!", "v"), "InvalidTag"),
        (document("aws:a", "v"), "InvalidTag"),
        (document("a", "v" * 257), "InvalidTag"),
        (b"<Tagging/>", "MalformedXML"),
        (b"", "MalformedXML"),
        (b"no document", "MalformedXML"),
    ],
)
def test_a_document_that_is_none_changes_nothing(
    raw: Raw, gateway: Running, bucket: str, body: bytes, code: str
) -> None:
    with gateway.watched() as wire:
        reply = raw("PUT", f"/{bucket}/k?tagging", body=body)
        assert (reply.status, reply.code) == (400, code)
        assert wire.sent == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_is_not_there_has_no_tags(raw: Raw, bucket: str, method: str) -> None:
    body = document("a", "b") if method == "PUT" else b""
    for path, code in ((f"/{bucket}/never", "NoSuchKey"), ("/never-was/k", "NoSuchBucket")):
        reply = raw(method, f"{path}?tagging", body=body)
        assert (reply.status, reply.code) == (404, code)


class TestHazard5:
    """A POST has no precondition: it may land on a newer object."""

    @pytest.fixture
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(1) as threads:
            yield threads

    def test_an_object_that_came_in_between_is_told(
        self, s3: Any, bucket: str, gateway: Running, swift: swiftclient.Connection, pool: Any
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"old", Metadata={"of": "old"})
        with gateway.watched() as wire, Gate(Which("POST", f"/{bucket}/k")) as gate:
            wire.before = gate
            tagging = pool.submit(lambda: refusal(lambda: put_tags(s3, bucket, TAGS)))
            gate.wait()
            swift.put_object(bucket, "k", b"new")
            gate.open()
            answer = tagging.result()
        assert (answer.status, answer.code) == (409, "OperationAborted")
        # What docs/mapping.md says: its content is the new one's, its metadata the old one's.
        found = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert (found["Body"].read(), found["Metadata"]) == (b"new", {"of": "old"})
        assert "ChecksumCRC32" not in found

    def test_a_multipart_object_that_came_in_between_keeps_its_own_etag(
        self, s3: Any, bucket: str, gateway: Running, pool: Any
    ) -> None:
        old, new = begin(s3, bucket), begin(s3, bucket)
        for upload, body in ((old, b"old"), (new, b"new")):
            upload.put(1, body)
        old.complete()
        with gateway.watched() as wire, Gate(Which("POST", f"/{bucket}/k")) as gate:
            wire.before = gate
            tagging = pool.submit(lambda: refusal(lambda: put_tags(s3, bucket, TAGS)))
            gate.wait()
            etag = new.complete()["ETag"]
            gate.open()
            assert tagging.result().code == "OperationAborted"
        assert s3.head_object(Bucket=bucket, Key="k")["ETag"] == etag == etag_of(b"new")
        assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["ETag"] == etag

    def test_an_object_that_goes_in_between_is_not_there(
        self, s3: Any, bucket: str, gateway: Running, swift: swiftclient.Connection, pool: Any
    ) -> None:
        for which in (Which("POST", f"/{bucket}/k"), Which("HEAD", f"/{bucket}/k", nth=2)):
            s3.put_object(Bucket=bucket, Key="k", Body=b"old")
            with gateway.watched() as wire, Gate(which) as gate:
                wire.before = gate
                tagging = pool.submit(lambda: refusal(lambda: put_tags(s3, bucket, TAGS)))
                gate.wait()
                swift.delete_object(bucket, "k")
                gate.open()
                assert tagging.result().code == "NoSuchKey"


class TestStrangers:
    """S3's ACLs grant no tags: they are the owner's, whatever the container's ACL says."""

    @pytest.fixture(scope="class")
    @classmethod
    def three(cls, stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
        with parties(stack, identity, make_user()) as found:
            yield found

    def test_who_may_write_may_not_tag(self, three: Parties, swift: swiftclient.Connection) -> None:
        bucket = f"tags-{uuid4().hex}"
        three.owner_s3.create_bucket(Bucket=bucket)
        three.owner_s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=b")
        other = f"{three.other.project_id}:*"
        for container in (bucket, f"{bucket}+segments"):
            swift.put_container(container, {"X-Container-Read": other, "X-Container-Write": other})
        s3 = three.other_s3
        denied = (403, "AccessDenied")
        new = {"Bucket": bucket, "Key": "new", "Tagging": "a=b"}
        assert refused(s3.put_object, **new, Body=b"1") == denied
        assert refused(s3.create_multipart_upload, **new) == denied
        assert refused(put_tags, s3, bucket, TAGS) == denied
        assert refused(s3.delete_object_tagging, Bucket=bucket, Key="k") == denied
        assert refused(s3.get_object_tagging, Bucket=bucket, Key="k") == denied
        assert "TagCount" not in s3.head_object(Bucket=bucket, Key="k")
        assert three.owner_s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 1
        s3.put_object(Bucket=bucket, Key="new", Body=b"1", Tagging="")
        assert tags_of(three.owner_s3, bucket, "new") == []
