"""Storage classes: a bucket's Swift policy, chosen when it is made, and that of all in it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
import swiftclient
from keystoneauth1.adapter import Adapter

from s3gw.app import clock
from s3gw.config import Settings
from s3gw.identity.check import check
from tests.functional.conftest import Raw
from tests.functional.fixtures import MakeUser
from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.rawclient import Reply, ask, keys_of, sign
from tests.functional.services import service_user
from tests.functional.stack import Stack
from tests.functional.uploads import begin
from tests.functional.witness import is_there, refusal

CLASSES = {"STANDARD_IA": "policy-1", "GLACIER_IR": "no-such-policy"}
DEFAULT, SECOND = "Policy-0", "Policy-1"


@pytest.fixture(scope="module")
def classed(stack: Stack) -> Iterator[Running]:
    """A gateway with a class for the other policy of Swift, and one for a policy it has not."""
    s3 = {"region": stack.region, "storage_classes": CLASSES}
    with running(settings_for(stack, s3=s3, limits={"min_part_size": 1})) as found:
        yield found


@pytest.fixture(scope="module")
def s3(classed: Running, stack: Stack) -> Iterator[Any]:
    """The client of that gateway."""
    with closing(s3_client(classed.endpoint, stack)) as client:
        yield client


Make = Callable[..., Reply]


@pytest.fixture
def make(classed: Running, stack: Stack) -> Make:
    """Makes a bucket with a class, in a header or in the LocationConstraint, as it is asked to."""

    def send(name: str, header: str | None = None, constraint: str | None = None) -> Reply:
        body = b""
        if constraint is not None:
            inner = f"<LocationConstraint>{constraint}</LocationConstraint>"
            body = f"<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>".encode()
        headers = [] if header is None else [("x-amz-storage-class", header)]
        url, digest = f"{classed.endpoint}/{name}", sha256(body).hexdigest()
        signed = sign(keys_of(stack), "PUT", url, headers, payload=digest)
        return ask(classed.endpoint, signed, body, more=[("Content-Length", str(len(body)))])

    return send


@pytest.fixture
def name() -> str:
    return f"class-{uuid4().hex[:20]}"


@pytest.fixture
def cold(make: Make, name: str) -> str:
    """A bucket of the class STANDARD_IA."""
    assert make(name, "STANDARD_IA").status == 200
    return name


def policy(swift: swiftclient.Connection, container: str) -> str:
    found: str = swift.head_container(container)["x-storage-policy"]
    return found


class TestCreateBucket:
    """Where the class is chosen."""

    @pytest.mark.parametrize(
        ("header", "constraint", "expected"),
        [
            (None, None, DEFAULT),
            ("STANDARD", None, DEFAULT),
            ("STANDARD_IA", None, SECOND),
            (None, "RegionOne:STANDARD_IA", SECOND),
            (None, ":STANDARD_IA", SECOND),
            (None, "us-east-1:STANDARD", DEFAULT),
            ("STANDARD_IA", "RegionOne:STANDARD_IA", SECOND),
            ("STANDARD_IA", "RegionOne", SECOND),
        ],
    )
    def test_a_bucket_is_made_with_the_policy_of_its_class(
        self, make: Make, name: str, swift: swiftclient.Connection,
        header: str | None, constraint: str | None, expected: str,
    ) -> None:  # fmt: skip
        reply = make(name, header, constraint)
        assert (reply.status, reply.headers["location"]) == (200, f"/{name}")
        assert policy(swift, name) == expected

    @pytest.mark.parametrize(
        ("header", "constraint", "code"),
        [
            ("STANDARD_ia", None, "InvalidStorageClass"),
            ("", None, "InvalidStorageClass"),
            ("DEEP_ARCHIVE", None, "InvalidStorageClass"),
            (None, "RegionOne:DEEP_ARCHIVE", "InvalidStorageClass"),
            (None, "RegionOne:", "InvalidStorageClass"),
            (None, "mars:STANDARD_IA", "InvalidLocationConstraint"),
            (None, "STANDARD_IA", "InvalidLocationConstraint"),
            ("STANDARD", "RegionOne:STANDARD_IA", "InvalidArgument"),
            ("GLACIER_IR", None, "InvalidStorageClass"),  # which Swift refuses
        ],
    )
    def test_another_class_is_refused_and_makes_no_bucket(
        self, make: Make, name: str, swift: swiftclient.Connection,
        header: str | None, constraint: str | None, code: str,
    ) -> None:  # fmt: skip
        reply = make(name, header, constraint)
        assert (reply.status, reply.code) == (400, code)
        assert not is_there(swift, name)

    def test_a_bucket_that_is_there_keeps_its_class(
        self, make: Make, cold: str, swift: swiftclient.Connection
    ) -> None:
        for header in ("STANDARD_IA", "STANDARD", None):
            reply = make(cold, header)
            assert (reply.status, reply.code) == (409, "BucketAlreadyOwnedByYou")
        assert policy(swift, cold) == SECOND

    def test_one_that_is_standard_does_not_become_another(
        self, make: Make, name: str, swift: swiftclient.Connection
    ) -> None:
        make(name)
        assert make(name, "STANDARD_IA").code == "BucketAlreadyOwnedByYou"
        assert policy(swift, name) == DEFAULT

    def test_standard_may_have_a_policy_of_its_own(
        self, stack: Stack, name: str, swift: swiftclient.Connection
    ) -> None:
        s3 = {"region": stack.region, "storage_classes": {"STANDARD": SECOND}}
        with running(settings_for(stack, s3=s3)) as gateway:
            client = s3_client(gateway.endpoint, stack)
            client.create_bucket(Bucket=name)
            client.put_object(Bucket=name, Key="k", Body=b"1", StorageClass="STANDARD")
            assert "StorageClass" not in client.head_object(Bucket=name, Key="k")
        assert policy(swift, name) == SECOND

    def test_without_classes_there_is_only_standard(
        self, raw: Raw, name: str, swift: swiftclient.Connection
    ) -> None:
        reply = raw("PUT", f"/{name}", [("x-amz-storage-class", "STANDARD_IA")])
        assert (reply.status, reply.code) == (400, "InvalidStorageClass")
        assert not is_there(swift, name)


class TestLeftOverParts:
    """A `+segments` of an earlier bucket, with another policy."""

    def test_an_empty_one_goes_and_is_made_anew_with_the_buckets_policy(
        self, make: Make, name: str, s3: Any, swift: swiftclient.Connection
    ) -> None:
        swift.put_container(f"{name}+segments")
        assert make(name, "STANDARD_IA").status == 200
        begin(s3, name, "k")
        assert policy(swift, f"{name}+segments") == SECOND

    def test_one_with_parts_stays_and_the_bucket_is_not_made(
        self, make: Make, name: str, swift: swiftclient.Connection
    ) -> None:
        swift.put_container(f"{name}+segments")
        swift.put_object(f"{name}+segments", "k/upload/1", b"part")
        reply = make(name, "STANDARD_IA")
        assert (reply.status, reply.code) == (409, "OperationAborted")
        assert not is_there(swift, name)
        assert swift.get_object(f"{name}+segments", "k/upload/1")[1] == b"part"
        assert make(name).status == 200  # of the class that the parts have

    def test_one_of_the_same_policy_is_kept(
        self, make: Make, name: str, swift: swiftclient.Connection
    ) -> None:
        headers = {"X-Storage-Policy": SECOND, "X-Container-Read": "other:*"}
        swift.put_container(f"{name}+segments", headers)
        swift.put_object(f"{name}+segments", "k/upload/1", b"part")
        assert make(name, "STANDARD_IA").status == 200
        assert is_there(swift, f"{name}+segments", "k/upload/1")
        assert "x-container-read" not in swift.head_container(f"{name}+segments")


class TestObjects:
    """What is put into a bucket has the bucket's class."""

    @pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA"])
    def test_the_buckets_own_class_and_standard_are_accepted(
        self, s3: Any, cold: str, storage_class: str
    ) -> None:
        given = {"Bucket": cold, "StorageClass": storage_class}
        s3.put_object(**given, Key="k", Body=b"1")
        s3.copy_object(**given, Key="k", CopySource=f"{cold}/k")  # the class is said to change
        s3.create_multipart_upload(**given, Key="m")

    @pytest.mark.parametrize("storage_class", ["GLACIER_IR", "GLACIER", "standard", "Policy-1"])
    def test_another_class_is_refused_and_stores_nothing(
        self, s3: Any, cold: str, swift: swiftclient.Connection, storage_class: str
    ) -> None:
        s3.put_object(Bucket=cold, Key="source", Body=b"1")
        given = {"Bucket": cold, "Key": "k", "StorageClass": storage_class}
        for call, more in (
            (s3.put_object, {"Body": b"1"}),
            (s3.copy_object, {"CopySource": f"{cold}/source"}),
            (s3.create_multipart_upload, {}),
        ):
            assert refusal(call, **given, **more)[:2] == (400, "InvalidStorageClass")
        assert [entry["name"] for entry in swift.get_container(cold)[1]] == ["source"]
        assert not is_there(swift, f"{cold}+segments")

    def test_a_standard_bucket_takes_no_other_class(self, s3: Any, make: Make, name: str) -> None:
        make(name)
        given = {"Bucket": name, "Key": "k", "Body": b"1"}
        refused = refusal(s3.put_object, **given, StorageClass="STANDARD_IA")
        assert refused[:2] == (400, "InvalidStorageClass")
        s3.put_object(**given)
        assert "StorageClass" not in s3.head_object(Bucket=name, Key="k")
        assert s3.list_objects_v2(Bucket=name)["Contents"][0]["StorageClass"] == "STANDARD"

    def test_a_part_cannot_name_another_class_than_standard(
        self, stack: Stack, classed: Running, cold: str
    ) -> None:
        target = f"{classed.endpoint}/{cold}/k?partNumber=1&uploadId=x"
        headers = [("x-amz-storage-class", "STANDARD_IA")]
        signed = sign(keys_of(stack), "PUT", target, headers, payload=sha256(b"").hexdigest())
        reply = ask(classed.endpoint, signed, b"", more=[("Content-Length", "0")])
        assert (reply.status, reply.code) == (400, "InvalidStorageClass")

    def test_every_answer_shows_it(self, s3: Any, cold: str, swift: swiftclient.Connection) -> None:
        s3.put_object(Bucket=cold, Key="k", Body=b"1")
        upload = begin(s3, cold, "m")
        upload.put(1, b"data")
        listed = s3.list_multipart_uploads(Bucket=cold)["Uploads"]
        assert [entry["StorageClass"] for entry in listed] == ["STANDARD_IA"]
        assert s3.list_parts(**upload.names)["StorageClass"] == "STANDARD_IA"
        upload.complete()
        assert policy(swift, f"{cold}+segments") == SECOND
        assert swift.get_object(cold, "m")[1] == b"data"

        for key in ("k", "m"):
            names = {"Bucket": cold, "Key": key}
            assert s3.head_object(**names)["StorageClass"] == "STANDARD_IA"
            assert s3.get_object(**names)["StorageClass"] == "STANDARD_IA"
            asked = s3.get_object_attributes(**names, ObjectAttributes=["StorageClass"])
            assert asked["StorageClass"] == "STANDARD_IA"
        assert s3.get_object(Bucket=cold, Key="m", PartNumber=1)["StorageClass"] == "STANDARD_IA"
        for page in (s3.list_objects(Bucket=cold), s3.list_objects_v2(Bucket=cold)):
            assert {entry["StorageClass"] for entry in page["Contents"]} == {"STANDARD_IA"}

    def test_listings_of_versions_show_it(self, s3: Any, cold: str) -> None:
        s3.put_object(Bucket=cold, Key="k", Body=b"1")
        first = s3.list_object_versions(Bucket=cold)["Versions"]
        s3.put_bucket_versioning(Bucket=cold, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=cold, Key="k", Body=b"2")
        then = s3.list_object_versions(Bucket=cold)["Versions"]
        assert [entry["StorageClass"] for entry in first + then] == ["STANDARD_IA"] * 3

    def test_who_may_not_see_the_bucket_reads_the_object_all_the_same(
        self, s3: Any, cold: str, classed: Running, stack: Stack, make_user: MakeUser
    ) -> None:
        """A user of the project whose role means nothing to Swift."""
        s3.put_object(Bucket=cold, Key="k", Body=b"1")
        s3.put_bucket_acl(Bucket=cold, ACL="public-read")
        person = make_user("service", stack.project.id)
        keys = {"access_key": person.access_key, "secret_key": person.secret_key}
        with closing(s3_client(classed.endpoint, stack, **keys)) as theirs:
            facts = {"Bucket": cold, "Key": "k"}
            # What the owner made known of the bucket must not be what lets this pass.
            s3.put_bucket_acl(Bucket=cold, ACL="public-read")
            answer = theirs.get_object(**facts)
            assert (answer["Body"].read(), "StorageClass" in answer) == (b"1", False)
            asked = theirs.get_object_attributes(**facts, ObjectAttributes=["StorageClass", "ETag"])
            assert "StorageClass" not in asked

    def test_it_costs_nothing_while_the_buckets_facts_are_known(
        self, s3: Any, cold: str, classed: Running
    ) -> None:
        s3.put_object(Bucket=cold, Key="k", Body=b"1", StorageClass="STANDARD_IA")
        with classed.watched() as wire:
            s3.head_object(Bucket=cold, Key="k")
            s3.list_objects_v2(Bucket=cold)
            s3.put_object(Bucket=cold, Key="k", Body=b"1", StorageClass="STANDARD_IA")
            assert wire.methods() == ["HEAD", "GET", "PUT"]


async def test_check_tells_whether_swift_has_the_policies(stack: Stack, identity: Adapter) -> None:
    settings: dict[str, Any] = {
        "identity": {
            "auth_url": stack.keystone.auth_url,
            "service": service_user(identity, "reader", "service"),
        },
        "s3": {"storage_classes": CLASSES},
    }
    found = {finding.title: finding for finding in await check(Settings(**settings), clock)}
    assert found["Storage class STANDARD_IA"].ok is True
    assert found["Storage class GLACIER_IR"].ok is False
    assert found["Storage class GLACIER_IR"].detail == "Swift has no policy no-such-policy"
    assert "policy-0, policy-1" in found["Storage class GLACIER_IR"].advice
