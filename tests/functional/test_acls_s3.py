"""access.mode = "s3": S3's own ACLs, of buckets and of objects, and what they let strangers do.

Each test asserts both ends: what S3's clients of three projects see and may do, and what Swift
holds, or whose token it saw.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter
from swiftclient import ClientException

from tests.functional.fixtures import MakeUser
from tests.functional.gateway import s3_client
from tests.functional.parties import Parties, refusal
from tests.functional.sealing import s3_parties
from tests.functional.stack import Stack
from tests.functional.uploads import begin
from tests.functional.witness import is_there

_DENIED = (403, "AccessDenied")
_ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
_SIGNERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"

Grant = tuple[str, str]


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with s3_parties(stack, identity, make_user()) as found:
        yield found


@pytest.fixture(scope="module")
def third(three: Parties, stack: Stack, make_user: MakeUser) -> Any:
    """A client of a third project, to which nobody grants anything."""
    person = make_user()
    keys = {"access_key": person.access_key, "secret_key": person.secret_key}
    return s3_client(three.running.endpoint, stack, **keys)


@pytest.fixture(scope="module")
def shared(three: Parties) -> str:
    name = f"own-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
    return name


@pytest.fixture
def bucket(shared: str, three: Parties) -> str:
    """A bucket of the owner with the object `k`, both private."""
    three.owner_s3.put_bucket_acl(Bucket=shared, ACL="private")
    three.owner_s3.put_object_acl(Bucket=shared, Key="k", ACL="private")
    return shared


def shown(answer: Mapping[str, Any]) -> list[Grant]:
    """The grants of a GetBucketAcl or GetObjectAcl, in order."""
    return [
        (grant["Grantee"].get("ID") or grant["Grantee"]["URI"], grant["Permission"])
        for grant in answer["Grants"]
    ]


def own(three: Parties) -> Grant:
    return (three.stack.project.id, "FULL_CONTROL")


def to_other(three: Parties) -> str:
    """The other project, as a grant header names it."""
    return f'id="{three.other.project_id}"'


def keys_of(s3: Any, bucket: str) -> set[str]:
    """The keys that a listing shows."""
    return {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def powers(sent: list[tuple[Any, str]]) -> set[str]:
    """Whose tokens the requests had."""
    return {power for power, _ in sent}


class TestBucketAcl:
    """PutBucketAcl and GetBucketAcl."""

    def test_read_lists_and_opens_no_object(self, three: Parties, bucket: str, third: Any) -> None:
        s3 = three.owner_s3
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        assert shown(s3.get_bucket_acl(Bucket=bucket)) == [own(three), (_ALL, "READ")]
        with three.watched(of_owner=True) as sent:
            answer = three.nobody("GET", f"/{bucket}?list-type=2")
            assert b"<Key>k</Key>" in answer.body
            assert keys_of(third, bucket) == keys_of(s3, bucket)
            assert three.nobody("HEAD", f"/{bucket}").status == 200
        assert powers(sent) == {"service", "owner"}
        assert three.nobody("GET", f"/{bucket}/k").code == "AccessDenied"
        assert refusal(third.get_object, Bucket=bucket, Key="k") == _DENIED
        # Who may list is told what is missing.
        assert three.nobody("GET", f"/{bucket}/missing").code == "NoSuchKey"
        assert three.nobody("GET", f"/{bucket}?acl").code == "AccessDenied"
        assert three.nobody("PUT", f"/{bucket}/new", body=b"1").code == "AccessDenied"

    def test_private_ends_it_at_once(self, three: Parties, bucket: str) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        assert three.nobody("GET", f"/{bucket}?list-type=2").status == 200
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="private")
        assert three.nobody("GET", f"/{bucket}?list-type=2").code == "AccessDenied"
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [own(three)]

    def test_a_grant_to_a_project_is_for_that_project_alone(
        self, three: Parties, bucket: str, third: Any
    ) -> None:
        three.owner_s3.put_bucket_acl(
            Bucket=bucket, GrantRead=to_other(three), GrantReadACP=to_other(three),
            GrantFullControl=f'id="{three.stack.project.id}"',
        )  # fmt: skip
        assert keys_of(three.other_s3, bucket)
        found = shown(three.other_s3.get_bucket_acl(Bucket=bucket))
        assert found == [
            (three.other.project_id, "READ"), (three.other.project_id, "READ_ACP"), own(three)
        ]  # fmt: skip
        for s3 in (third,):
            assert refusal(s3.list_objects_v2, Bucket=bucket) == _DENIED
            assert refusal(s3.get_bucket_acl, Bucket=bucket) == _DENIED
        assert three.nobody("GET", f"/{bucket}").code == "AccessDenied"
        assert refusal(three.other_s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == _DENIED

    def test_authenticated_is_who_signs(self, three: Parties, bucket: str, third: Any) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket))[1:] == [(_SIGNERS, "READ")]
        assert keys_of(third, bucket)
        assert three.nobody("GET", f"/{bucket}").code == "AccessDenied"

    def test_whoever_has_write_acp_sets_the_acl_also_to_his_own_end(
        self, three: Parties, bucket: str
    ) -> None:
        both = {"GrantReadACP": to_other(three), "GrantWriteACP": to_other(three)}
        three.owner_s3.put_bucket_acl(Bucket=bucket, **both)
        s3 = three.other_s3
        with three.watched(of_owner=True) as sent:
            s3.put_bucket_acl(
                Bucket=bucket, GrantWriteACP=to_other(three), GrantRead=to_other(three)
            )
        assert powers(sent) == {"service"}
        assert keys_of(s3, bucket)
        assert refusal(s3.get_bucket_acl, Bucket=bucket) == _DENIED
        s3.put_bucket_acl(Bucket=bucket, ACL="private")
        assert refusal(s3.put_bucket_acl, Bucket=bucket, ACL="private") == _DENIED
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [own(three)]

    def test_an_owner_without_a_grant_sets_the_acl_again(self, three: Parties, bucket: str) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, GrantRead=to_other(three))
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [
            (three.other.project_id, "READ")
        ]
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="private")

    def test_it_takes_the_place_of_the_containers_acl(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        swift.put_container(f"{bucket}+segments")
        for container in (bucket, f"{bucket}+segments"):
            swift.post_container(
                container,
                {"X-Container-Read": f".r:*,.rlistings,{three.other.project_id}:*",
                 "X-Container-Write": f"{three.other.project_id}:*"},
            )  # fmt: skip
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [
            own(three), (_ALL, "READ"), (three.other.project_id, "READ"),
            (three.other.project_id, "WRITE"),
        ]  # fmt: skip
        assert three.nobody("GET", f"/{bucket}/k").status == 200
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="private")
        for container in (bucket, f"{bucket}+segments"):
            headers = swift.head_container(container)
            assert "x-container-read" not in headers
            assert "x-container-write" not in headers
        assert three.nobody("GET", f"/{bucket}/k").code == "AccessDenied"
        assert refusal(three.other_s3.put_object, Bucket=bucket, Key="n", Body=b"") == _DENIED

    def test_it_is_a_document_under_a_seal(self, three: Parties, bucket: str, swift: Any) -> None:
        """Hazard 18; a document of other content, or of another bucket, grants nothing."""
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        header = "x-container-meta-s3gw-doc-acl"
        held = swift.head_container(bucket)[header]
        name = f"{bucket}/acl/{held}"
        content = swift.get_object(".s3gw", name)[1]
        assert content.endswith(f"{three.stack.project.id}=F;*=r".encode())
        assert [
            entry["name"] for entry in swift.get_container(".s3gw", prefix=f"{bucket}/acl/")[1]
        ] == [name]
        other = f"own-{uuid4().hex[:20]}"
        three.owner_s3.create_bucket(Bucket=other)
        swift.put_object(".s3gw", f"{other}/acl/{held}", content)
        swift.post_container(other, {header: held})
        assert three.nobody("GET", f"/{other}?list-type=2").code == "AccessDenied"
        swift.post_container(other, {header: "nonsense"})
        assert three.nobody("GET", f"/{other}").status in {403, 503}
        three.owner_s3.delete_bucket(Bucket=other)

    def test_a_deleted_bucket_leaves_none(self, three: Parties, swift: Any) -> None:
        name = f"own-{uuid4().hex[:20]}"
        three.owner_s3.create_bucket(Bucket=name, ACL="public-read")
        assert three.nobody("GET", f"/{name}?list-type=2").status == 200
        three.owner_s3.delete_bucket(Bucket=name)
        assert swift.get_container(".s3gw", prefix=f"{name}/")[1] == []
        three.owner_s3.create_bucket(Bucket=name)
        assert three.nobody("GET", f"/{name}?list-type=2").code == "AccessDenied"

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"ACL": "private", "GrantRead": f'uri="{_ALL}"'}, (400, "InvalidRequest")),
            ({"GrantRead": 'emailAddress="a@b.example"'}, (400, "UnresolvableGrantByEmailAddress")),
            ({"GrantRead": 'uri="http://nobody.example"'}, (400, "InvalidArgument")),
            ({"ACL": "aws-exec-read"}, (501, "NotImplemented")),
        ],
    )
    def test_what_is_no_acl_changes_nothing(
        self, three: Parties, bucket: str, given: dict[str, str], code: Any
    ) -> None:
        assert refusal(three.owner_s3.put_bucket_acl, Bucket=bucket, **given) == code
        assert refusal(three.owner_s3.put_object_acl, Bucket=bucket, Key="k", **given) == code
        assert refusal(three.owner_s3.put_object, Bucket=bucket, Key="no", **given) == code
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [own(three)]

    def test_a_bucket_that_is_not_there_has_none(self, three: Parties) -> None:
        name = f"never-{uuid4().hex}"
        for s3 in (three.owner_s3, three.other_s3):
            assert refusal(s3.get_bucket_acl, Bucket=name) == (404, "NoSuchBucket")
            assert refusal(s3.put_bucket_acl, Bucket=name, ACL="private") == (404, "NoSuchBucket")


class TestObjectAcl:
    """PutObjectAcl, GetObjectAcl, and ACLs that come with an object."""

    def test_it_comes_with_the_object_in_one_request(
        self, three: Parties, bucket: str, third: Any
    ) -> None:
        with three.watched(of_owner=True) as sent:
            three.owner_s3.put_object(Bucket=bucket, Key="o", Body=b"1", ACL="public-read")
        assert sent == [("owner", f"PUT /{bucket}/o")]
        assert three.nobody("GET", f"/{bucket}/o").body == b"1"
        assert third.get_object(Bucket=bucket, Key="o")["Body"].read() == b"1"
        found = shown(three.owner_s3.get_object_acl(Bucket=bucket, Key="o"))
        assert found == [own(three), (_ALL, "READ")]
        three.owner_s3.put_object(Bucket=bucket, Key="o", Body=b"2")
        assert three.nobody("GET", f"/{bucket}/o").code == "AccessDenied"
        assert shown(three.owner_s3.get_object_acl(Bucket=bucket, Key="o")) == [own(three)]

    def test_a_large_body_has_it_too(self, three: Parties, bucket: str) -> None:
        body = bytes(600_000)
        three.owner_s3.put_object(Bucket=bucket, Key="large", Body=body, ACL="public-read")
        assert three.nobody("GET", f"/{bucket}/large").body == body

    def test_a_multipart_object_has_that_of_its_beginning(
        self, three: Parties, bucket: str
    ) -> None:
        upload = begin(three.owner_s3, bucket, "parts", ACL="public-read")
        upload.put(1, b"in parts")
        assert three.nobody("GET", f"/{bucket}/parts").code == "AccessDenied"
        upload.complete()
        answer = three.nobody("GET", f"/{bucket}/parts")
        assert (answer.status, answer.body) == (200, b"in parts")
        answer = three.nobody("GET", f"/{bucket}/parts", {"Range": "bytes=3-4"})
        assert (answer.status, answer.body) == (206, b"pa")
        assert answer.headers["etag"].endswith('-1"')

    def test_it_can_be_set_later_and_changes_nothing_else(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        s3 = three.owner_s3
        s3.put_object(
            Bucket=bucket, Key="m", Body=b"1", Metadata={"a_b": "c"}, CacheControl="no-store",
            Tagging="t=1",
        )  # fmt: skip
        with three.watched(of_owner=True) as sent:
            s3.put_object_acl(Bucket=bucket, Key="m", ACL="public-read")
        assert [request.split()[0] for _, request in sent] == ["HEAD", "POST", "HEAD"]
        answer = three.nobody("GET", f"/{bucket}/m")
        assert answer.headers["x-amz-meta-a_b"] == "c"
        assert answer.headers["cache-control"] == "no-store"
        assert "x-amz-tagging-count" not in answer.headers
        assert s3.get_object_tagging(Bucket=bucket, Key="m")["TagSet"]
        s3.put_object_tagging(Bucket=bucket, Key="m", Tagging={"TagSet": []})
        assert three.nobody("GET", f"/{bucket}/m").status == 200
        s3.put_object_acl(Bucket=bucket, Key="m", ACL="private")
        assert three.nobody("GET", f"/{bucket}/m").code == "AccessDenied"
        assert not [name for name in swift.head_object(bucket, "m") if "s3gw-acl" in name]

    def test_one_longer_than_a_value_of_swifts(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        """Hazard 20; and one longer than all of Swift's metadata is refused."""
        s3 = three.owner_s3
        ids = [f'id="{index:032x}"' for index in range(90)]
        many = {"GrantRead": ", ".join([*ids[:30], to_other(three)])}
        s3.put_object(Bucket=bucket, Key="long", Body=b"1", **many)
        names = [name for name in swift.head_object(bucket, "long") if "s3gw-acl" in name]
        assert len(names) == 5
        assert three.other_s3.get_object(Bucket=bucket, Key="long")["ContentLength"] == 1
        assert len(shown(s3.get_object_acl(Bucket=bucket, Key="long"))) == 31
        many = {"GrantRead": ", ".join(ids)}
        body = {"Body": b"2", "Metadata": {"m": "x" * 1500}}
        refused = refusal(s3.put_object, Bucket=bucket, Key="long", **body, **many)
        assert refused == (400, "MetadataTooLarge")
        s3.put_object(Bucket=bucket, Key="meta", Body=b"2", Metadata={"m": "x" * 1900})
        refused = refusal(s3.put_object_acl, Bucket=bucket, Key="meta", **many)
        assert refused == (400, "MetadataTooLarge")
        assert s3.head_object(Bucket=bucket, Key="meta")["Metadata"] == {"m": "x" * 1900}

    def test_strangers_with_the_acp_permissions_see_and_set_it(
        self, three: Parties, bucket: str, third: Any
    ) -> None:
        s3, named = three.other_s3, {"Bucket": bucket, "Key": "k"}
        assert refusal(s3.get_object_acl, **named) == _DENIED
        assert refusal(s3.put_object_acl, **named, ACL="public-read") == _DENIED
        three.owner_s3.put_object_acl(
            **named, GrantReadACP=to_other(three), GrantWriteACP=to_other(three)
        )
        assert len(shown(s3.get_object_acl(**named))) == 2
        assert refusal(s3.get_object, **named) == _DENIED
        with three.watched(of_owner=True) as sent:
            s3.put_object_acl(**named, GrantRead=to_other(three))
        assert powers(sent) == {"service"}
        assert s3.get_object(**named)["Body"].read() == b"content"
        assert refusal(s3.put_object_acl, **named, ACL="private") == _DENIED
        assert refusal(third.get_object, **named) == _DENIED

    def test_an_object_that_is_not_there_has_none(self, three: Parties, bucket: str) -> None:
        named = {"Bucket": bucket, "Key": "missing"}
        assert refusal(three.owner_s3.get_object_acl, **named) == (404, "NoSuchKey")
        assert refusal(three.owner_s3.put_object_acl, **named, ACL="private") == (404, "NoSuchKey")
        for ask, more in (
            (three.other_s3.get_object_acl, {}),
            (three.other_s3.put_object_acl, {"ACL": "private"}),
        ):
            assert refusal(ask, **named, **more) == _DENIED
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        assert refusal(three.other_s3.get_object_acl, **named) == (404, "NoSuchKey")
        assert refusal(three.other_s3.put_object_acl, **named, ACL="private") == (404, "NoSuchKey")

    def test_a_change_that_meets_another_object_is_told_and_does_not_open_it(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        """Hazard 5."""
        three.owner_s3.put_object(Bucket=bucket, Key="race", Body=b"open")
        with three.running.watched() as wire:

            async def overwrite(sent: Any) -> None:
                if sent.method == "POST":
                    wire.before = None
                    swift.put_object(bucket, "race", b"secret")

            wire.before = overwrite
            refused = refusal(
                three.owner_s3.put_object_acl, Bucket=bucket, Key="race", ACL="public-read"
            )
        assert refused == (409, "OperationAborted")
        assert [name for name in swift.head_object(bucket, "race") if "s3gw-acl" in name]
        assert three.nobody("GET", f"/{bucket}/race").code == "AccessDenied"

    def test_versions_have_each_their_own(self, three: Parties) -> None:
        """Hazard 21: Swift cannot change an old version."""
        s3, name = three.owner_s3, f"own-{uuid4().hex[:20]}"
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        old = s3.put_object(Bucket=name, Key="k", Body=b"old", ACL="public-read")["VersionId"]
        new = s3.put_object(Bucket=name, Key="k", Body=b"new")["VersionId"]
        assert three.nobody("GET", f"/{name}/k").code == "AccessDenied"
        assert three.nobody("GET", f"/{name}/k?versionId={new}").code == "AccessDenied"
        assert three.nobody("GET", f"/{name}/k?versionId={old}").body == b"old"
        answer = three.nobody("GET", f"/{name}/k?versionId={old}", {"Range": "bytes=1-1"})
        assert (answer.status, answer.body) == (206, b"l")
        s3.put_object_acl(Bucket=name, Key="k", ACL="public-read")
        assert three.nobody("GET", f"/{name}/k").body == b"new"
        named = {"Bucket": name, "Key": "k", "VersionId": old}
        assert refusal(s3.put_object_acl, **named, ACL="private") == (501, "NotImplemented")
        assert shown(s3.get_object_acl(**named)) == [own(three), (_ALL, "READ")]


class TestStrangersWrite:
    """WRITE on a bucket, by its ACL."""

    @pytest.fixture
    def writable(self, three: Parties, bucket: str) -> str:
        three.owner_s3.put_bucket_acl(Bucket=bucket, GrantWrite=to_other(three))
        return bucket

    def test_an_object_that_a_stranger_puts_is_the_owners(
        self, three: Parties, writable: str, swift: Any
    ) -> None:
        s3, named = three.other_s3, {"Bucket": writable, "Key": "theirs"}
        with three.watched(of_owner=True) as sent:
            s3.put_object(**named, Body=b"1", Metadata={"a": "b"}, ContentType="text/plain")
        assert powers(sent) == {"service"}
        assert sent[-1] == ("service", f"PUT /{writable}/theirs")
        assert swift.get_object(writable, "theirs")[1] == b"1"
        assert three.owner_s3.get_object(**named)["Metadata"] == {"a": "b"}
        assert refusal(s3.get_object, **named) == _DENIED
        assert refusal(s3.list_objects_v2, Bucket=writable) == _DENIED
        s3.put_object(**named, Body=bytes(600_000), ACL="bucket-owner-full-control")
        assert shown(three.owner_s3.get_object_acl(**named)) == [own(three)]
        s3.put_object(**named, Body=b"2", ACL="public-read")
        assert three.nobody("GET", f"/{writable}/theirs").body == b"2"
        s3.put_object(**named, Body=b"3", GrantRead=to_other(three))
        assert s3.get_object(**named)["Body"].read() == b"3"

    def test_a_stranger_uploads_in_parts_and_the_parts_go_with_what_is_deleted(
        self, three: Parties, swift: Any
    ) -> None:
        name = f"own-{uuid4().hex[:20]}"
        three.owner_s3.create_bucket(Bucket=name)
        three.owner_s3.put_bucket_acl(Bucket=name, GrantWrite=to_other(three))
        s3 = three.other_s3
        with three.watched(of_owner=True) as sent:
            upload = begin(s3, name, "parts", ACL="public-read")
            upload.put(1, b"in parts")
            assert upload.numbers() == [1]
            upload.complete()
        assert powers(sent) == {"service"}
        assert three.nobody("GET", f"/{name}/parts").body == b"in parts"
        aborted = begin(s3, name, "never")
        aborted.put(1, b"1")
        aborted.abort()
        assert len(swift.get_container(f"{name}+segments")[1]) == 1
        s3.delete_object(Bucket=name, Key="parts")
        assert swift.get_container(name)[1] == []

    def test_a_stranger_deletes_objects(self, three: Parties, writable: str, swift: Any) -> None:
        s3 = three.other_s3
        for key in ("a", "b", "c"):
            three.owner_s3.put_object(Bucket=writable, Key=key, Body=b"1")
        with three.watched(of_owner=True) as sent:
            s3.delete_object(Bucket=writable, Key="a")
            keys = (
                "b",
                "c",
                "never",
                "../c% d",
            )  # a proxy might take the last for a place elsewhere
            gone = {"Objects": [{"Key": key} for key in keys]}
            found = s3.delete_objects(Bucket=writable, Delete=gone)
        assert {entry["Key"] for entry in found["Deleted"]} == {"b", "c", "never"}
        assert [(entry["Key"], entry["Code"]) for entry in found["Errors"]] == [
            ("../c% d", "AccessDenied")
        ]
        assert powers(sent) == {"service"}
        assert not any(is_there(swift, writable, key) for key in "abc")
        assert is_there(swift, writable, "k")

    def test_of_versions_a_stranger_hides_the_newest_and_deletes_none(
        self, three: Parties, swift: Any
    ) -> None:
        s3, name = three.owner_s3, f"own-{uuid4().hex[:20]}"
        s3.create_bucket(Bucket=name)
        s3.put_bucket_acl(Bucket=name, GrantWrite=to_other(three), GrantRead=to_other(three))
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        kept = s3.put_object(Bucket=name, Key="k", Body=b"kept")["VersionId"]
        theirs, named = three.other_s3, {"Bucket": name, "Key": "k"}
        for version in (kept, "null"):
            assert refusal(theirs.delete_object, **named, VersionId=version) == _DENIED
            wanted = {"Objects": [{"Key": "k", "VersionId": version}]}
            found = theirs.delete_objects(Bucket=name, Delete=wanted)
            assert [entry["Code"] for entry in found["Errors"]] == ["AccessDenied"]
            assert "Deleted" not in found
        with three.watched(of_owner=True) as sent:
            gone = theirs.delete_object(**named)
        assert gone["DeleteMarker"] is True
        assert powers(sent) == {"service"}
        assert refusal(s3.get_object, **named) == (404, "NoSuchKey")
        assert s3.get_object(**named, VersionId=kept)["Body"].read() == b"kept"
        again = theirs.put_object(**named, Body=b"again")["VersionId"]
        assert s3.get_object(**named)["VersionId"] == again
        assert swift.head_object(name, "k")["content-length"] == "5"

    def test_everybody_writes_into_a_bucket_that_is_public_for_writing(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket))[1:] == [
            (_ALL, "READ"), (_ALL, "WRITE")
        ]  # fmt: skip
        headers = {"Content-Type": "text/plain", "x-amz-acl": "public-read"}
        answer = three.nobody("PUT", f"/{bucket}/nobodys", headers, b"anonymous")
        assert answer.status == 200
        assert swift.get_object(bucket, "nobodys")[1] == b"anonymous"
        assert three.nobody("GET", f"/{bucket}/nobodys").body == b"anonymous"
        assert three.nobody("DELETE", f"/{bucket}/nobodys").status == 204
        assert not is_there(swift, bucket, "nobodys")
        answer = three.nobody("POST", f"/{bucket}/nobodys?uploads", body=b"")
        assert (answer.code, b"Anonymous users cannot initiate multipart" in answer.body) == (
            "AccessDenied", True
        )  # fmt: skip

    def test_without_write_nothing_is_written(
        self, three: Parties, writable: str, third: Any, swift: Any
    ) -> None:
        before = [entry["name"] for entry in swift.get_container(writable)[1]]
        parts = {"Key": "k", "PartNumber": 1, "UploadId": "x" * 48, "Body": b"1"}
        named = {"Bucket": writable}
        with three.watched(of_owner=True) as sent:
            assert refusal(third.put_object, **named, Key="k", Body=b"1") == _DENIED
            assert refusal(third.put_object, **named, Key="k", Body=bytes(600_000)) == _DENIED
            assert refusal(third.delete_object, **named, Key="k") == _DENIED
            assert (
                refusal(third.delete_objects, **named, Delete={"Objects": [{"Key": "k"}]})
                == _DENIED
            )
            assert refusal(third.create_multipart_upload, **named, Key="k") == _DENIED
            assert refusal(third.upload_part, **named, **parts) == _DENIED
        assert {request.split()[0] for _, request in sent} <= {"GET", "HEAD"}
        assert three.nobody("PUT", f"/{writable}/k", body=b"1").code == "AccessDenied"
        assert three.nobody("DELETE", f"/{writable}/k").code == "AccessDenied"
        assert [entry["name"] for entry in swift.get_container(writable)[1]] == before

    def test_what_no_acl_grants_is_the_owners(self, three: Parties, bucket: str) -> None:
        full = f"{to_other(three)}"
        three.owner_s3.put_bucket_acl(Bucket=bucket, GrantFullControl=full)
        three.owner_s3.put_object_acl(Bucket=bucket, Key="k", GrantFullControl=full)
        s3, named = three.other_s3, {"Bucket": bucket}
        asks: list[Callable[..., Any]] = [
            s3.delete_bucket, s3.get_bucket_location, s3.get_bucket_versioning, s3.get_bucket_cors,
            s3.get_bucket_tagging, s3.get_bucket_policy,
        ]  # fmt: skip
        with three.watched(of_owner=True) as sent:
            for ask in asks:
                assert refusal(ask, **named) == _DENIED
            assert refusal(s3.get_object_tagging, **named, Key="k") == _DENIED
            versioning = {"VersioningConfiguration": {"Status": "Enabled"}}
            assert refusal(s3.put_bucket_versioning, **named, **versioning) == _DENIED
        assert {request.split()[0] for _, request in sent} <= {"GET", "HEAD"}
        assert s3.get_object(**named, Key="k")["ContentLength"] == 7

    def test_a_manifest_of_somebody_elses_takes_nothing_with_it(
        self, three: Parties, writable: str, swift: Any
    ) -> None:
        """Who may write in the bucket may natively have put a manifest that names other things."""
        other = f"own-{uuid4().hex[:20]}"
        swift.put_container(other)
        swift.put_object(other, "precious", b"1")
        swift.put_object(
            writable, "bait", f'[{{"path": "/{other}/precious"}}]',
            query_string="multipart-manifest=put",
        )  # fmt: skip
        three.other_s3.delete_object(Bucket=writable, Key="bait")
        three.running.wait_until_idle()
        assert not is_there(swift, writable, "bait")
        assert swift.get_object(other, "precious")[1] == b"1"

    def test_the_gateways_own_metadata_come_from_no_stranger(
        self, three: Parties, writable: str, swift: Any
    ) -> None:
        headers = {"x-amz-meta-s3gw-acl-0": "forged"}
        three.owner_s3.put_bucket_acl(Bucket=writable, ACL="public-read-write")
        answer = three.nobody("PUT", f"/{writable}/forged", headers, b"1")
        assert (answer.status, answer.code) == (400, "InvalidArgument")
        sneaky = {
            "X-Object-Meta-S3gw-Acl-0": "forged", "X-Object-Manifest": "k/", "X-Delete-After": "9",
            "X-Symlink-Target": "b/k", "X-Copy-From": "/b/k", "X-Auth-Token": "stolen",
        }  # fmt: skip
        with three.running.watched() as wire:
            assert three.nobody("PUT", f"/{writable}/plain", sneaky, b"1").status == 200
            put = next(sent for sent in wire.sent if sent.method == "PUT")
        assert not {name.lower() for name in put.headers} & {
            name.lower() for name in sneaky if name != "X-Auth-Token"
        }
        assert put.headers["X-Auth-Token"] != "stolen"
        with pytest.raises(ClientException):
            swift.head_object(writable, "forged")
