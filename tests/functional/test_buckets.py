"""Buckets, and the containers that they are."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest
import swiftclient

from tests.functional.conftest import Raw
from tests.functional.fixtures import MakeUser, Person
from tests.functional.gates import Failing, Which
from tests.functional.gateway import Running, Sent, s3_client
from tests.functional.parties import as_person
from tests.functional.rawclient import Keys, ask, sign
from tests.functional.stack import Stack
from tests.functional.witness import is_there, names, refusal

NAMES = ("alpha", "beta-1", "beta-2", "gamma")
RESERVED = [".s3gw", ".s3gw+public", ".hidden", "any+segments"]


@pytest.fixture(scope="module")
def person(make_user: MakeUser) -> Person:
    """A user whose account nobody else fills."""
    return make_user()


@pytest.fixture(scope="module")
def own_s3(gateway: Running, stack: Stack, person: Person) -> Iterator[Any]:
    """The S3 client of that user."""
    keys = {"access_key": person.access_key, "secret_key": person.secret_key}
    with closing(s3_client(gateway.endpoint, stack, **keys)) as client:
        yield client


@pytest.fixture(scope="module")
def own_swift(stack: Stack, person: Person) -> Iterator[swiftclient.Connection]:
    """Swift's own client of that user."""
    with closing(as_person(stack, person)) as connection:
        yield connection


@pytest.fixture(scope="module")
def _filled(own_s3: Any, own_swift: swiftclient.Connection) -> None:
    """That user's account with containers of all kinds."""
    assert own_s3.list_buckets()["Buckets"] == []  # nor is there an account yet
    for name in NAMES:
        own_s3.create_bucket(Bucket=name)
    for name in ("Native_Name", *RESERVED):
        own_swift.put_container(name)


@pytest.mark.usefixtures("_filled")
class TestListBuckets:
    """The account's containers, less those that are no buckets."""

    def test_all_buckets_are_listed_with_their_times_and_their_owner(
        self, own_s3: Any, own_swift: swiftclient.Connection, person: Person, stack: Stack
    ) -> None:
        page = own_s3.list_buckets()
        assert [entry["Name"] for entry in page["Buckets"]] == ["Native_Name", *NAMES]
        assert page["Owner"] == {"ID": person.project_id, "DisplayName": person.name}
        assert {entry["BucketRegion"] for entry in page["Buckets"]} == {stack.region}
        times = {entry["name"]: entry["last_modified"] for entry in own_swift.get_account()[1]}
        for entry in page["Buckets"]:
            shown = entry["CreationDate"].replace(tzinfo=None)
            assert shown.isoformat() >= times[entry["Name"]][:19]
            assert shown.microsecond == 0

    def test_pages_follow_each_other(self, own_s3: Any) -> None:
        pages = []
        query: dict[str, Any] = {"MaxBuckets": 2}
        while True:
            page = own_s3.list_buckets(**query)
            pages.append([entry["Name"] for entry in page["Buckets"]])
            if "ContinuationToken" not in page:
                break
            query["ContinuationToken"] = page["ContinuationToken"]
        assert pages == [["Native_Name", "alpha"], ["beta-1", "beta-2"], ["gamma"]]

    def test_a_prefix_narrows_and_is_echoed(self, own_s3: Any) -> None:
        page = own_s3.list_buckets(Prefix="beta", MaxBuckets=1)
        assert [entry["Name"] for entry in page["Buckets"]] == ["beta-1"]
        assert page["Prefix"] == "beta"
        page = own_s3.list_buckets(Prefix="beta", ContinuationToken=page["ContinuationToken"])
        assert [entry["Name"] for entry in page["Buckets"]] == ["beta-2"]
        assert "ContinuationToken" not in page
        assert own_s3.list_buckets(Prefix="any+seg")["Buckets"] == []

    def test_another_region_has_no_buckets(self, own_s3: Any, stack: Stack) -> None:
        assert own_s3.list_buckets(BucketRegion="eu-west-1")["Buckets"] == []
        assert len(own_s3.list_buckets(BucketRegion=stack.region)["Buckets"]) == 5

    @pytest.mark.parametrize(
        ("query", "name"),
        [
            ("max-buckets=0", "max-buckets"),
            ("max-buckets=x", "max-buckets"),
            ("continuation-token=", "continuation-token"),
            ("continuation-token=%2B%2B", "continuation-token"),
        ],
    )
    def test_a_parameter_that_is_wrong_is_named(self, raw: Raw, query: str, name: str) -> None:
        reply = raw("GET", f"/?{query}")
        assert (reply.status, reply.code) == (400, "InvalidArgument")
        assert reply.error["ArgumentName"] == name

    @pytest.mark.parametrize("prefix", ["a%00b", "a" * 2000])
    def test_a_prefix_that_no_container_has_finds_none(self, raw: Raw, prefix: str) -> None:
        reply = raw("GET", f"/?prefix={prefix}")
        assert (reply.status, b"<Buckets></Buckets>" in reply.body) == (200, True)

    @pytest.mark.parametrize("prefix", ["%F4%8F%BF%BF", "a%ED%9F%BF"])
    def test_a_prefix_that_swift_cannot_seek_is_refused(self, raw: Raw, prefix: str) -> None:
        reply = raw("GET", f"/?prefix={prefix}")
        assert (reply.status, reply.code) == (501, "NotImplemented")
        assert reply.error["Parameter"] == "prefix"


class TestCreateBucket:
    """Only good names become containers, and only once."""

    def test_a_bucket_is_a_container(self, s3: Any, swift: swiftclient.Connection) -> None:
        name = f"made-{uuid4().hex}"
        answer = s3.create_bucket(Bucket=name)
        assert answer["Location"] == f"/{name}"
        headers = swift.head_container(name)
        assert headers["x-container-object-count"] == "0"
        assert not [one for one in headers if one.startswith(("x-container-meta", "x-container-r"))]

    def test_what_is_yours_already_is_told_so(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
        swift.post_container(bucket, {"X-Container-Read": ".r:*"})
        status, code, message = refusal(s3.create_bucket, Bucket=bucket)
        assert (status, code) == (409, "BucketAlreadyOwnedByYou")
        assert message == (
            "Your previous request to create the named bucket succeeded and you already own it."
        )
        assert swift.get_object(bucket, "k")[1] == b"kept"
        assert swift.head_container(bucket)["x-container-read"] == ".r:*"

    @pytest.mark.parametrize(
        "name",
        [
            "ab", "a" * 64, "Upper", "under_score", "-start", "end-", ".dot", "two..dots",
            "192.168.1.1", "xn--puny", "sthree-x", "amzn-s3-demo-x", "x-s3alias", "x--ol-s3",
            "x.mrap", "x--x-s3", "x--table-s3", "bad%2Bsegments", "sp%20ace", "%C3%A9t%C3%A9",
            "a%00b", "new%0Aline",
        ],
    )  # fmt: skip
    def test_a_bad_name_is_refused(
        self, raw: Raw, swift: swiftclient.Connection, name: str
    ) -> None:
        reply = raw("PUT", f"/{name}")
        assert reply.status == 400
        assert b"<Code>InvalidBucketName</Code>" in reply.body
        assert b"<Message>The specified bucket is not valid.</Message><BucketName>" in reply.body
        if "%00" not in name:  # which Swift takes for nothing it knows
            assert not is_there(swift, unquote(name))

    @pytest.mark.parametrize("constraint", ["RegionOne", "us-east-1", ""])
    def test_the_gateways_region_may_be_named(
        self, raw: Raw, swift: swiftclient.Connection, constraint: str
    ) -> None:
        name = f"made-{uuid4().hex}"
        reply = raw(
            "PUT",
            f"/{name}",
            body=_configuration(f"<LocationConstraint>{constraint}</LocationConstraint>"),
        )
        assert (reply.status, reply.body, reply.headers["location"]) == (200, b"", f"/{name}")
        swift.head_container(name)

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b"<LocationConstraint>mars</LocationConstraint>", 400, "InvalidLocationConstraint"),
            (b"<Bucket><Type>Directory</Type></Bucket>", 501, "NotImplemented"),
            (b"<LocationConstraint>a</LocationConstraint>" * 2, 400, "MalformedXML"),
            (b"<Location", 400, "MalformedXML"),
        ],
    )
    def test_another_configuration_is_refused(
        self, raw: Raw, swift: swiftclient.Connection, body: bytes, status: int, code: str
    ) -> None:
        name = f"never-{uuid4().hex}"
        reply = raw("PUT", f"/{name}", body=_configuration(body.decode()))
        assert (reply.status, reply.code) == (status, code)
        assert not is_there(swift, name)

    def test_a_document_of_another_kind_is_refused(self, raw: Raw) -> None:
        reply = raw("PUT", f"/never-{uuid4().hex}", body=b"<Delete/>")
        assert (reply.status, reply.code) == (400, "MalformedXML")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("x-amz-acl", "private"),
            ("x-amz-bucket-object-lock-enabled", "false"),
            ("x-amz-object-ownership", "BucketOwnerEnforced"),
        ],
    )
    def test_headers_that_ask_for_nothing_are_accepted(
        self, raw: Raw, swift: swiftclient.Connection, name: str, value: str
    ) -> None:
        bucket = f"made-{uuid4().hex}"
        assert raw("PUT", f"/{bucket}", [(name, value)]).status == 200
        swift.head_container(bucket)

    def test_segments_left_over_lose_the_acl_of_the_bucket_that_was(
        self, s3: Any, swift: swiftclient.Connection
    ) -> None:
        name = f"made-{uuid4().hex}"
        acl = {"X-Container-Read": ".r:*", "X-Container-Write": "other:user"}
        swift.put_container(f"{name}+segments", acl)
        s3.create_bucket(Bucket=name)
        headers = swift.head_container(f"{name}+segments")
        assert {"x-container-read", "x-container-write"}.isdisjoint(headers)


def _configuration(inner: str) -> bytes:
    tag = "CreateBucketConfiguration"
    return f'<{tag} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inner}</{tag}>'.encode()


class TestHeadBucket:
    """The region is told whatever else is."""

    def test_it_tells_the_region(self, raw: Raw, bucket: str, stack: Stack) -> None:
        reply = raw("HEAD", f"/{bucket}")
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["x-amz-bucket-region"] == stack.region

    @pytest.mark.parametrize("name", ["never-was-a-bucket", *RESERVED])
    def test_no_bucket_is_404(self, raw: Raw, stack: Stack, name: str) -> None:
        reply = raw("HEAD", f"/{quote(name)}")
        assert (reply.status, reply.body) == (404, b"")
        assert reply.headers["x-amz-bucket-region"] == stack.region
        assert reply.headers["content-type"] == "application/xml"

    def test_a_wrong_signature_is_403(self, gateway: Running, stack: Stack, bucket: str) -> None:
        keys = Keys(stack.access_key, "not the secret", stack.region)
        reply = ask(gateway.endpoint, sign(keys, "HEAD", f"{gateway.endpoint}/{bucket}"))
        assert (reply.status, reply.body) == (403, b"")
        assert reply.headers["x-amz-bucket-region"] == stack.region


class TestDeleteBucket:
    """Swift says whether a bucket is empty; only then its uploads go (hazard 6)."""

    def test_an_empty_bucket_goes(
        self, raw: Raw, bucket: str, swift: swiftclient.Connection
    ) -> None:
        reply = raw("DELETE", f"/{bucket}")
        assert (reply.status, reply.body) == (204, b"")
        assert not is_there(swift, bucket)
        reply = raw("DELETE", f"/{bucket}")
        assert (reply.status, reply.code) == (404, "NoSuchBucket")
        assert reply.error["BucketName"] == bucket

    def test_uploads_and_parts_go_after_the_bucket(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"1")
        with gateway.watched() as wire:
            s3.delete_bucket(Bucket=bucket)
            deleted = [one.path for one in wire.sent if one.method == "DELETE"]
        assert [str(sent) for sent in wire.sent[:2]] == [f"HEAD /{bucket}", f"DELETE /{bucket}"]
        assert deleted[-2:] == [f"/{bucket}+segments", f"/.s3gw+public/{bucket}/cors"]
        assert not is_there(swift, bucket)
        assert not is_there(swift, f"{bucket}+segments")

    def test_a_bucket_is_gone_also_if_its_parts_cannot_be_deleted(
        self, gateway: Running, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        s3.create_multipart_upload(Bucket=bucket, Key="k")
        with gateway.watched() as wire:
            wire.before = Failing(Which("GET", f"/{bucket}+segments"))
            answer = s3.delete_bucket(Bucket=bucket)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert not is_there(swift, bucket)
        assert is_there(swift, f"{bucket}+segments")

    def test_a_bucket_with_an_object_stays_with_its_uploads(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"1")
        s3.put_object(Bucket=bucket, Key="o", Body=b"1")
        status, code, message = refusal(s3.delete_bucket, Bucket=bucket)
        assert (status, code) == (409, "BucketNotEmpty")
        assert message == "The bucket you tried to delete is not empty"
        assert names(swift, f"{bucket}+segments") == [f"k/{upload}", f"k/{upload}/1"]
        assert swift.get_object(bucket, "o")[1] == b"1"

    def test_a_bucket_whose_versions_are_left_stays(
        self, s3: Any, bucket: str, swift: swiftclient.Connection
    ) -> None:
        swift.post_container(bucket, {"X-Versions-Enabled": "true"})
        s3.put_object(Bucket=bucket, Key="o", Body=b"1")
        s3.delete_object(Bucket=bucket, Key="o")
        assert refusal(s3.delete_bucket, Bucket=bucket)[:2] == (409, "BucketNotEmpty")
        swift.head_container(bucket)

    @pytest.mark.parametrize("status", ["Enabled", "Suspended"])
    @pytest.mark.parametrize("came", ["long before", "in between"])
    def test_a_bucket_that_is_not_deleted_goes_on_keeping_versions(
        self, gateway: Running, s3: Any, swift: swiftclient.Connection, bucket: str,
        status: str, came: str,
    ) -> None:  # fmt: skip
        if came == "long before":
            swift.put_object(bucket, "null", b"older than versioning")
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        if status == "Suspended":
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})

        async def put(sent: Sent) -> None:
            if came == "in between" and (sent.method, sent.path) == ("HEAD", f"/{bucket}"):
                swift.post_container(bucket, {"X-Versions-Enabled": "false"})
                swift.put_object(bucket, "null", b"came in between")
                if status == "Enabled":
                    swift.post_container(bucket, {"X-Versions-Enabled": "true"})

        with gateway.watched() as wire:
            wire.after = put
            assert refusal(s3.delete_bucket, Bucket=bucket)[:2] == (409, "BucketNotEmpty")
        for body in (b"1", b"2"):
            s3.put_object(Bucket=bucket, Key="null", Body=body)
        assert s3.get_object(Bucket=bucket, Key="null")["Body"].read() == b"2"
        found = s3.list_object_versions(Bucket=bucket)["Versions"]
        assert len(found) == (3 if status == "Enabled" else 1)
        s3.delete_object(Bucket=bucket, Key="null")

    @pytest.mark.parametrize("name", RESERVED)
    def test_what_is_no_bucket_is_not_deleted(
        self, raw: Raw, swift: swiftclient.Connection, name: str
    ) -> None:
        swift.put_container(name)
        reply = raw("DELETE", f"/{quote(name)}")
        assert (reply.status, reply.code) == (404, "NoSuchBucket")
        swift.delete_container(name)  # so it was there


class TestReserved:
    """What keeps parts and documents is no bucket to anyone."""

    @pytest.mark.parametrize("name", RESERVED)
    @pytest.mark.parametrize(
        ("method", "rest"),
        [
            ("GET", ""), ("GET", "?location"), ("GET", "?uploads"), ("POST", "?delete"),
            ("GET", "/k"), ("HEAD", "/k"), ("PUT", "/k"), ("DELETE", "/k"), ("POST", "/k?uploads"),
        ],
    )  # fmt: skip
    def test_nothing_reaches_it(
        self, gateway: Running, raw: Raw, method: str, rest: str, name: str
    ) -> None:
        with gateway.watched() as wire:
            reply = raw(method, f"/{quote(name)}{rest}")
        assert reply.status == 404
        assert method == "HEAD" or reply.code == "NoSuchBucket"
        assert wire.sent == []


@pytest.mark.parametrize("name", ["Upper.Case", "under_score", "a", "sp ace+%", "été", "N" * 250])
def test_a_native_container_is_a_bucket_whatever_its_name(
    raw: Raw, swift: swiftclient.Connection, name: str
) -> None:
    swift.put_container(name)
    path = f"/{quote(name)}"
    assert raw("HEAD", path).status == 200
    assert raw("PUT", path).code == "InvalidBucketName"
    assert raw("PUT", f"{path}/k", body=b"1").status == 200
    assert swift.get_object(name, "k")[1] == b"1"
    assert raw("GET", f"{path}/k").body == b"1"
    assert b"<Key>k</Key>" in raw("GET", path).body
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    reply = raw("POST", f"{path}?delete", body=body)
    assert (reply.status, b"<Deleted><Key>k</Key></Deleted>" in reply.body) == (200, True)
    assert names(swift, name) == []
    assert raw("DELETE", path).status == 204
    assert not is_there(swift, name)
