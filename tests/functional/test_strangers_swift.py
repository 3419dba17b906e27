"""access.mode = "swift": strangers and nobody reach what Swift's container ACLs let them.

Each test asserts both ends: what the client got, and whose token, if any, Swift saw.
"""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter

from tests.functional.fixtures import MakeUser
from tests.functional.gateway import running, s3_client, settings_for
from tests.functional.parties import Nobody, Parties, only, parties, refusal
from tests.functional.stack import Stack

_DENIED = (403, "AccessDenied")


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with parties(stack, identity, make_user()) as found:
        yield found


@pytest.fixture
def bucket(three: Parties) -> str:
    """A private bucket of the owner with the object `k`."""
    name = f"strange-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content", ContentType="text/plain")
    return name


def grant(swift: Any, bucket: str, *, read: str = "", write: str = "") -> None:
    """Set the container ACL, on the parts too, as the mode's PutBucketAcl does."""
    headers = {"X-Container-Read": read, "X-Container-Write": write}
    swift.put_container(f"{bucket}+segments")
    for container in (bucket, f"{bucket}+segments"):
        swift.post_container(container, headers)


class TestNobody:
    """A request without a signature."""

    def test_a_public_object_is_one_request_without_a_token(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=".r:*")
        assert three.nobody("GET", f"/{bucket}/k").status == 200
        with three.watched() as sent:
            answer = three.nobody("GET", f"/{bucket}/k")
        assert (answer.status, answer.body) == (200, b"content")
        assert answer.headers["content-type"] == "text/plain"
        assert sent == [("none", f"GET /{bucket}/k")]
        with three.watched() as sent:
            assert three.nobody("HEAD", f"/{bucket}/k").headers["content-length"] == "7"
        assert sent == [("none", f"HEAD /{bucket}/k")]

    def test_ranges_and_conditions_of_nobody_are_served(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=".r:*")
        answer = three.nobody("GET", f"/{bucket}/k", {"Range": "bytes=1-3"})
        assert (answer.status, answer.body) == (206, b"ont")
        etag = answer.headers["etag"]
        assert three.nobody("GET", f"/{bucket}/k", {"If-None-Match": etag}).status == 304
        assert three.nobody("GET", f"/{bucket}/k", {"If-Match": '"0"'}).status == 412

    def test_a_private_object_is_denied_by_swift_itself(self, three: Parties, bucket: str) -> None:
        with three.watched() as sent:
            for target in (f"/{bucket}/k", f"/{bucket}/missing"):
                answer = three.nobody("GET", target)
                assert (answer.status, answer.code) == _DENIED
        assert [entry for entry in sent if entry[0] != "service"] == [
            ("none", f"GET /{bucket}/k"),
            ("none", f"GET /{bucket}/missing"),
        ]

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_what_is_missing_is_told_only_to_who_may_list(
        self, three: Parties, bucket: str, swift: Any, method: str
    ) -> None:
        grant(swift, bucket, read=".r:*")
        with three.watched() as sent:
            assert three.nobody(method, f"/{bucket}/missing").status == 403
        assert only(sent, "none") or {power for power, _ in sent} == {"none", "service"}
        grant(swift, bucket, read=".r:*,.rlistings")
        assert three.nobody(method, f"/{bucket}/missing").status == 404

    def test_listing_is_what_swift_allows(self, three: Parties, bucket: str, swift: Any) -> None:
        assert three.nobody("GET", f"/{bucket}?list-type=2").code == "AccessDenied"
        grant(swift, bucket, read=".r:*")
        assert three.nobody("GET", f"/{bucket}?list-type=2").code == "AccessDenied"
        grant(swift, bucket, read=".r:*,.rlistings")
        with three.watched() as sent:
            answer = three.nobody("GET", f"/{bucket}?list-type=2&fetch-owner=true")
        assert answer.status == 200
        assert b"<Key>k</Key>" in answer.body
        assert f"<ID>{three.stack.project.id}</ID>".encode() in answer.body
        assert only(sent, "none")

    def test_head_bucket_tells_the_region_whatever_it_answers(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        for target, status in ((f"/{bucket}", 403), (f"/never-{uuid4().hex}", 404)):
            answer = three.nobody("HEAD", target)
            assert answer.status == status
            assert answer.headers["x-amz-bucket-region"] == three.stack.region
        grant(swift, bucket, read=".r:*,.rlistings")
        answer = three.nobody("HEAD", f"/{bucket}")
        assert answer.status == 200
        assert answer.headers["x-amz-bucket-region"] == three.stack.region

    def test_overrides_of_the_answers_headers_need_a_signature(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=".r:*")
        answer = three.nobody("GET", f"/{bucket}/k?response-content-type=text/html")
        assert (answer.status, answer.code) == (400, "InvalidRequest")

    @pytest.mark.parametrize(
        ("method", "rest"),
        [
            ("PUT", ""), ("DELETE", ""), ("POST", "?delete"), ("PUT", "/new"), ("DELETE", "/k"),
            ("POST", "/new?uploads"), ("PUT", "/new?partNumber=1&uploadId=x"),
            ("POST", "/new?uploadId=x"), ("DELETE", "/new?uploadId=x"), ("GET", "/new?uploadId=x"),
            ("GET", "?acl"), ("GET", "/k?acl"), ("GET", "?location"), ("GET", "?versioning"),
            ("GET", "?cors"), ("GET", "?policy"), ("GET", "?tagging"), ("GET", "/k?tagging"),
        ],
    )  # fmt: skip
    def test_everything_else_is_denied_before_swift_hears_of_it(
        self, three: Parties, bucket: str, swift: Any, method: str, rest: str
    ) -> None:
        grant(swift, bucket, read=".r:*,.rlistings", write=f"{three.other.project_id}:*")
        with three.watched() as sent:
            answer = three.nobody(
                method, f"/{bucket}{rest}", body=b"body" if method != "GET" else b""
            )
        assert (answer.status, answer.code) == _DENIED
        assert {power for power, _ in sent} <= {"service"}
        assert swift.get_container(bucket)[1][0]["name"] == "k"

    @pytest.mark.parametrize("target", ["/", "/?list-type=2"])
    def test_the_service_itself_is_for_callers(self, three: Parties, target: str) -> None:
        answer = three.nobody("GET", target)
        assert (answer.status, answer.code) == _DENIED

    def test_no_header_of_the_client_reaches_swift(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=".r:*")
        sneaky = {
            "X-Auth-Token": "stolen",
            "X-Service-Token": "stolen",
            "X-Storage-Token": "stolen",
            "Referer": "https://elsewhere.example",
            "X-Copy-From": "/private/k",
            "X-Backend-Storage-Policy-Index": "1",
            "Cookie": "a=b",
        }
        with three.running.watched() as wire:
            assert three.nobody("GET", f"/{bucket}/k", sneaky).status == 200
            assert three.nobody("GET", f"/{bucket}?list-type=2", sneaky).status == 403
            sent = list(wire.sent)
        names = {name.lower() for request in sent for name in request.headers}
        tokens = {request.headers.get("X-Auth-Token") for request in sent}
        assert not names & {name.lower() for name in sneaky} - {"x-auth-token"}
        assert "stolen" not in tokens

    def test_names_of_containers_that_are_no_buckets_are_denied(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=".r:*,.rlistings")
        swift.put_object(f"{bucket}+segments", "part", b"part")
        for target in (f"/{bucket}+segments/part", f"/{bucket}%2Bsegments", "/.s3gw/x"):
            with three.watched() as sent:
                assert three.nobody("GET", target).code == "AccessDenied"
            assert sent == []

    def test_a_host_names_a_bucket_too(
        self, three: Parties, stack: Stack, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=".r:*")
        names = {"buckets": {"global_names": True}, "access": {"service": dict(three.service)}}
        with running(settings_for(stack, **names, s3={"domains": ("s3.example",)})) as gateway:
            nobody = Nobody(gateway.endpoint)
            answer = nobody("GET", "/k", {"Host": f"{bucket}.s3.example"})
            assert (answer.status, answer.body) == (200, b"content")
            assert nobody("GET", "/", {"Host": f"{bucket}.s3.example"}).code == "AccessDenied"


class TestWithoutGlobalNames:
    """No bucket is known without a caller."""

    def test_nobody_reaches_nothing(self, gateway: Any, s3: Any, swift: Any) -> None:
        name = f"strange-{uuid4().hex[:20]}"
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="k", Body=b"1")
        grant(swift, name, read=".r:*,.rlistings")
        nobody = Nobody(gateway.endpoint)
        with gateway.watched() as wire:
            for target in (f"/{name}", f"/{name}/k", "/"):
                assert nobody("GET", target).code == "AccessDenied"
            head = nobody("HEAD", f"/{name}")
            assert (head.status, "x-amz-bucket-region" in head.headers) == (403, True)
            assert wire.sent == []


class TestAnotherProject:
    """A caller in a bucket of somebody else."""

    def test_a_private_bucket_is_denied_by_swift_itself(self, three: Parties, bucket: str) -> None:
        s3, named = three.other_s3, {"Bucket": bucket}
        with three.watched() as sent:
            assert refusal(s3.get_object, **named, Key="k") == _DENIED
            assert refusal(s3.get_object, **named, Key="missing") == _DENIED
            assert refusal(s3.head_object, **named, Key="k")[0] == 403
            assert refusal(s3.head_bucket, **named)[0] == 403
            assert refusal(s3.list_objects_v2, **named) == _DENIED
            assert refusal(s3.list_multipart_uploads, **named) == _DENIED
            assert refusal(s3.put_object, **named, Key="new", Body=b"1") == _DENIED
            assert refusal(s3.put_object, **named, Key="new", Body=bytes(600_000)) == _DENIED
            assert refusal(s3.delete_object, **named, Key="k") == _DENIED
            assert refusal(s3.create_multipart_upload, **named, Key="new") == _DENIED
            gone = {"Objects": [{"Key": "k"}]}
            assert refusal(s3.delete_objects, **named, Delete=gone) == _DENIED
        assert {power for power, _ in sent} == {"service", "other"}
        assert all(power == "other" or "/s3gw-buckets/" in request for power, request in sent)
        assert three.owner_s3.list_objects_v2(**named)["KeyCount"] == 1

    def test_what_an_owner_warmed_up_tells_a_stranger_nothing(
        self, three: Parties, bucket: str
    ) -> None:
        """Hazard 11: facts of a bucket are its owner's."""
        three.owner_s3.get_bucket_versioning(Bucket=bucket)
        three.owner_s3.create_multipart_upload(Bucket=bucket, Key="k")
        refused = refusal(three.other_s3.create_multipart_upload, Bucket=bucket, Key="k")
        assert refused == _DENIED
        parts = {"PartNumber": 1, "UploadId": "x" * 48, "Body": b"1"}
        assert refusal(three.other_s3.upload_part, Bucket=bucket, Key="k", **parts) == _DENIED

    def test_read_is_reading_and_listing(self, three: Parties, bucket: str, swift: Any) -> None:
        grant(swift, bucket, read=f"{three.other.project_id}:*")
        s3 = three.other_s3
        with three.watched() as sent:
            assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"
            assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 7
            assert refusal(s3.get_object, Bucket=bucket, Key="missing") == (404, "NoSuchKey")
            listed = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]
            assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == three.stack.region
        assert [entry["Owner"]["ID"] for entry in listed] == [three.stack.project.id]
        assert all(power == "other" or "/s3gw-buckets/" in request for power, request in sent)
        assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"1") == _DENIED
        assert refusal(s3.delete_object, Bucket=bucket, Key="k") == _DENIED
        assert refusal(s3.delete_bucket, Bucket=bucket) == _DENIED

    def test_the_owner_is_shown_by_the_name_of_the_project(
        self, three: Parties, stack: Stack, bucket: str, swift: Any
    ) -> None:
        """The name is looked up behind the first answer, so that no answer waits for it."""
        grant(swift, bucket, read=f"{three.other.project_id}:*")
        names = {"global_names": True, "facts_ttl": 0}
        settings = settings_for(stack, buckets=names, access={"service": dict(three.service)})
        keys = {"access_key": three.other.access_key, "secret_key": three.other.secret_key}
        end = time.monotonic() + 10
        with running(settings) as gateway:
            s3 = s3_client(gateway.endpoint, stack, **keys)
            shown = ""
            while shown != stack.project.name:
                assert time.monotonic() < end, shown
                listed = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"]
                shown = listed[0]["Owner"]["DisplayName"]
                assert shown in {stack.project.id, stack.project.name}

    def test_a_warm_read_is_one_request_with_the_strangers_token(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=f"{three.other.project_id}:*")
        three.other_s3.get_object(Bucket=bucket, Key="k")
        with three.watched() as sent:
            three.other_s3.get_object(Bucket=bucket, Key="k")
        assert sent == [("other", f"GET /{bucket}/k")]

    def test_write_is_putting_and_with_read_deleting_and_uploading_in_parts(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        everybody = f"{three.other.project_id}:*"
        grant(swift, bucket, write=everybody)
        s3 = three.other_s3
        s3.put_object(Bucket=bucket, Key="new", Body=b"theirs")
        assert swift.get_object(bucket, "new")[1] == b"theirs"
        assert refusal(s3.get_object, Bucket=bucket, Key="new") == _DENIED
        grant(swift, bucket, read=everybody, write=everybody)
        s3.delete_object(Bucket=bucket, Key="new")
        named = {"Bucket": bucket, "Key": "parts"}
        with three.watched() as sent:
            upload = s3.create_multipart_upload(**named)["UploadId"]
            part = s3.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"part")
            parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
            s3.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
        assert all(power == "other" or "/s3gw-buckets/" in request for power, request in sent)
        assert swift.get_object(bucket, "parts")[1] == b"part"
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "parts"}, {"Key": "k"}]})
        assert swift.get_container(bucket)[1] == []

    def test_settings_of_a_bucket_are_its_owners(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        everybody = f"{three.other.project_id}:*"
        grant(swift, bucket, read=everybody, write=everybody)
        s3 = three.other_s3
        with three.watched() as sent:
            for ask in (
                s3.get_bucket_location, s3.get_bucket_versioning, s3.get_bucket_acl,
                s3.get_bucket_cors, s3.get_bucket_tagging, s3.get_bucket_policy, s3.delete_bucket,
            ):  # fmt: skip
                assert refusal(ask, Bucket=bucket) == _DENIED
            assert refusal(s3.get_object_acl, Bucket=bucket, Key="k") == _DENIED
            assert refusal(s3.get_object_tagging, Bucket=bucket, Key="k") == _DENIED
        # Nothing but whether there is such a bucket of their own, and whose this one is.
        assert {request.split("/")[0] for _, request in sent} <= {"HEAD ", "GET "}
        assert not [entry for entry in sent if entry[0] == "owner"]

    def test_the_expected_owner_is_the_buckets(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        grant(swift, bucket, read=f"{three.other.project_id}:*")
        get = three.other_s3.get_object
        right, wrong = three.stack.project.id, three.other.project_id
        assert get(Bucket=bucket, Key="k", ExpectedBucketOwner=right)["ContentLength"] == 7
        assert refusal(get, Bucket=bucket, Key="k", ExpectedBucketOwner=wrong) == _DENIED

    def test_a_revoked_grant_ends_at_once(self, three: Parties, bucket: str, swift: Any) -> None:
        grant(swift, bucket, read=f"{three.other.project_id}:*,.r:*")
        assert three.other_s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == 7
        assert three.nobody("GET", f"/{bucket}/k").status == 200
        grant(swift, bucket)
        assert refusal(three.other_s3.get_object, Bucket=bucket, Key="k") == _DENIED
        assert three.nobody("GET", f"/{bucket}/k").status == 403
