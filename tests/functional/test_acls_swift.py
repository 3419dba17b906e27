"""access.mode = "swift": ACLs become container ACLs of the bucket and its parts; Swift judges.

Each test asserts both ends: what S3's clients see and may do, and what Swift holds and lets native
clients of three projects do.
"""

import http.client
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import swiftclient
from keystoneauth1.adapter import Adapter
from structlog.testing import CapturingLogger
from swiftclient import ClientException

from tests.functional.fixtures import MakeUser, Person
from tests.functional.gates import Failing, Gate, Which, answered
from tests.functional.gateway import running, s3_client, settings_for
from tests.functional.parties import Parties, as_person, only, parties, refusal
from tests.functional.stack import Stack
from tests.functional.uploads import begin
from tests.functional.witness import is_there

_DENIED = (403, "AccessDenied")
_ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
_SIGNERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"

Grant = tuple[str, str]
"""A grantee (an id, or a group's URI) and a permission."""


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with parties(stack, identity, make_user()) as found:
        yield found


@pytest.fixture
def name() -> str:
    return f"acl-{uuid4().hex[:20]}"


@pytest.fixture(scope="module")
def shared(three: Parties) -> str:
    """A bucket of the owner with the object `k`, and another one in parts, `parts`."""
    name = f"acl-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
    upload(three, name)
    return name


@pytest.fixture
def bucket(shared: str, swift: Any) -> str:
    """The same, private again; whatever else was stored is still there."""
    for container in (shared, f"{shared}+segments"):
        swift.post_container(container, {"X-Container-Read": "", "X-Container-Write": ""})
    return shared


def upload(three: Parties, bucket: str, s3: Any = None) -> None:
    """Store `parts`, a multipart object."""
    found = begin(s3 or three.owner_s3, bucket, "parts")
    found.put(1, b"in parts")
    found.complete()


def shown(answer: Mapping[str, Any]) -> list[Grant]:
    """The grants of a GetBucketAcl or GetObjectAcl, in order."""
    return [
        (grant["Grantee"].get("ID") or grant["Grantee"]["URI"], grant["Permission"])
        for grant in answer["Grants"]
    ]


def held(swift: Any, bucket: str) -> list[tuple[str, str]]:
    """The read and write ACL of the bucket's container and that of its parts, if there is one."""
    containers = [bucket, f"{bucket}+segments"]
    headers = [swift.head_container(name) for name in containers if is_there(swift, name)]
    return [
        (found.get("x-container-read", ""), found.get("x-container-write", "")) for found in headers
    ]


def visit(three: Parties, person: Person) -> swiftclient.Connection:
    """The owner's account with somebody else's token."""
    token = as_person(three.stack, person).token
    return swiftclient.Connection(
        preauthurl=three.stack.swift.storage_url, preauthtoken=token, retries=0
    )


def native(connection: Any, bucket: str, key: str = "k") -> int:
    """What Swift answers to a native read of an object."""
    try:
        connection.get_object(bucket, key)
    except ClientException as error:
        return int(error.http_status)
    return 200


def keys_of(s3: Any, bucket: str) -> set[str]:
    """The keys that a listing shows."""
    return {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def natively(three: Parties, target: str) -> int:
    """What Swift answers nobody."""
    parts = urlsplit(three.stack.swift.storage_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    connection.request("GET", parts.path + target)
    status = connection.getresponse().status
    connection.close()
    return status


def own(three: Parties) -> Grant:
    return (three.stack.project.id, "FULL_CONTROL")


class TestBucketAcl:
    """PutBucketAcl and GetBucketAcl."""

    def test_public_read_opens_objects_to_everybody_here_and_natively(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        assert three.nobody("GET", f"/{bucket}/k").code == "AccessDenied"
        with three.watched() as sent:
            three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        assert sent == [("owner", f"POST /{bucket}"), ("owner", f"POST /{bucket}+segments")]
        assert held(swift, bucket) == [(".r:*", "")] * 2
        for key, body in (("k", b"content"), ("parts", b"in parts")):
            with three.watched() as sent:
                answer = three.nobody("GET", f"/{bucket}/{key}")
            assert (answer.status, answer.body) == (200, body)
            assert sent == [("none", f"GET /{bucket}/{key}")]
            assert natively(three, f"/{bucket}/{key}") == 200
            assert three.other_s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
            assert native(visit(three, three.other), bucket, key) == 200
        assert three.nobody("GET", f"/{bucket}?list-type=2").code == "AccessDenied"
        assert natively(three, f"/{bucket}") == 401
        assert refusal(three.other_s3.put_object, Bucket=bucket, Key="new", Body=b"1") == _DENIED
        three.owner_s3.get_bucket_acl(Bucket=bucket)
        with three.watched() as sent:
            answer = three.owner_s3.get_bucket_acl(Bucket=bucket)
        assert sent == [("owner", f"HEAD /{bucket}")]
        assert shown(answer) == [own(three), (_ALL, "READ")]
        assert answer["Owner"]["ID"] == three.stack.project.id

    def test_private_closes_everything_at_once(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        swift.post_container(bucket, {"X-Container-Read": ".r:*,.rlistings,other:user,*:*"})
        swift.post_container(bucket, {"X-Container-Write": "*:*"})
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="private")
        assert held(swift, bucket) == [("", "")] * 2
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [own(three)]
        assert three.nobody("GET", f"/{bucket}/k").code == "AccessDenied"
        assert refusal(three.other_s3.get_object, Bucket=bucket, Key="parts") == _DENIED
        assert three.owner_s3.get_object(Bucket=bucket, Key="parts")["ContentLength"] == 8

    def test_authenticated_read_is_for_any_project_that_signs(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
        assert held(swift, bucket) == [("*:*", "")] * 2
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [
            own(three),
            (_SIGNERS, "READ"),
        ]
        for key in ("k", "parts"):
            assert three.other_s3.get_object(Bucket=bucket, Key=key)["ContentLength"] > 0
            assert native(visit(three, three.other), bucket, key) == 200
            assert three.nobody("GET", f"/{bucket}/{key}").code == "AccessDenied"
        assert {"k", "parts"} <= keys_of(three.other_s3, bucket)

    def test_a_grant_to_a_project_is_for_that_project_alone(
        self, three: Parties, bucket: str, swift: Any, make_user: MakeUser
    ) -> None:
        third = make_user()
        keys = {"access_key": third.access_key, "secret_key": third.secret_key}
        third_s3 = s3_client(three.running.endpoint, three.stack, **keys)
        three.owner_s3.put_bucket_acl(
            Bucket=bucket,
            GrantFullControl=f'id="{three.stack.project.id}"',
            GrantRead=f'id="{three.other.project_id}"',
        )
        entry = f"{three.other.project_id}:*"
        assert held(swift, bucket) == [(entry, "")] * 2
        for key, body in (("k", b"content"), ("parts", b"in parts")):
            with three.watched() as sent:
                answer = three.other_s3.get_object(Bucket=bucket, Key=key)
                assert answer["Body"].read() == body
            assert sent[-1] == ("other", f"GET /{bucket}/{key}")
            assert native(visit(three, three.other), bucket, key) == 200
            assert native(visit(three, third), bucket, key) == 403
            assert refusal(third_s3.get_object, Bucket=bucket, Key=key) == _DENIED
        assert {"k", "parts"} <= keys_of(three.other_s3, bucket)
        assert refusal(third_s3.list_objects_v2, Bucket=bucket) == _DENIED
        assert refusal(three.other_s3.put_object, Bucket=bucket, Key="k", Body=b"1") == _DENIED
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [
            own(three),
            (three.other.project_id, "READ"),
        ]

    def test_what_get_answers_can_be_put_with_a_grant_more(
        self, three: Parties, name: str, swift: Any
    ) -> None:
        """As s3cmd and others change an ACL; the grantee uploads in parts where nobody has yet."""
        bucket = name
        three.owner_s3.create_bucket(Bucket=bucket)
        three.owner_s3.put_object(Bucket=bucket, Key="k", Body=b"content")
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        policy = three.owner_s3.get_bucket_acl(Bucket=bucket)
        other: dict[str, str] = {"Type": "CanonicalUser", "ID": three.other.project_id}
        grants = [{"Grantee": other, "Permission": right} for right in ("READ", "WRITE")]
        policy = {"Owner": policy["Owner"], "Grants": [*policy["Grants"], *grants]}
        three.owner_s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy)
        entry = f"{three.other.project_id}:*"
        assert held(swift, bucket) == [(f".r:*,{entry}", entry)] * 2
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == [
            own(three),
            (_ALL, "READ"),
            (three.other.project_id, "READ"),
            (three.other.project_id, "WRITE"),
        ]
        upload(three, bucket, three.other_s3)
        assert swift.get_object(bucket, "parts")[1] == b"in parts"
        visit(three, three.other).put_object(bucket, "natively", b"theirs")
        assert three.owner_s3.get_object(Bucket=bucket, Key="natively")["ContentLength"] == 6
        three.other_s3.delete_object(Bucket=bucket, Key="k")
        assert keys_of(three.owner_s3, bucket) == {"natively", "parts"}

    def test_parts_come_into_a_container_with_the_buckets_acl(
        self, three: Parties, name: str, swift: Any
    ) -> None:
        three.owner_s3.create_bucket(Bucket=name)
        three.owner_s3.put_bucket_acl(Bucket=name, ACL="public-read")
        assert held(swift, name) == [(".r:*", "")]
        upload(three, name)
        assert held(swift, name) == [(".r:*", "")] * 2
        assert three.nobody("GET", f"/{name}/parts").body == b"in parts"

    @pytest.mark.parametrize(
        ("read", "write", "grants"),
        [
            (".r:*,.rlistings", "", [(_ALL, "READ")]),
            (".r:.example.com", "", []),
            ("*:*,OTHER:*", "OTHER:*", [(_SIGNERS, "READ"), ("OTHER", "READ"), ("OTHER", "WRITE")]),
            ("OTHER:USER,member", "OTHER:USER", []),
        ],
    )
    def test_what_a_native_client_set_is_shown_as_far_as_s3_has_words_for_it(
        self,
        three: Parties,
        bucket: str,
        swift: Any,
        read: str,
        write: str,
        grants: list[Grant],
    ) -> None:
        names = {"OTHER": three.other.project_id, "USER": three.other.user_id}

        def named(text: str) -> str:
            for word, meant in names.items():
                text = text.replace(word, meant)
            return text

        three.owner_s3.get_bucket_acl(Bucket=bucket)
        acl = {"X-Container-Read": named(read), "X-Container-Write": named(write)}
        swift.post_container(bucket, acl)
        expected = [own(three), *((named(grantee), right) for grantee, right in grants)]
        assert shown(three.owner_s3.get_bucket_acl(Bucket=bucket)) == expected
        of_object = [grant for grant in expected if grant[1] != "WRITE"]
        assert shown(three.owner_s3.get_object_acl(Bucket=bucket, Key="k")) == of_object

    @pytest.mark.parametrize(
        "wanted",
        [
            {"ACL": "public-read-write"},
            {"ACL": "log-delivery-write"},
            {"ACL": "aws-exec-read"},
            {"GrantFullControl": "id=OWNER", "GrantWrite": f"uri={_ALL}"},
            {"GrantFullControl": "id=OWNER,id=OTHER"},
            {"GrantFullControl": "id=OWNER", "GrantReadACP": "id=OTHER"},
            {"GrantFullControl": "id=OWNER", "GrantWriteACP": f"uri={_SIGNERS}"},
            {"GrantRead": "id=OTHER"},
        ],
    )
    def test_what_swift_cannot_hold_is_refused_and_changes_nothing(
        self, three: Parties, bucket: str, swift: Any, wanted: dict[str, str]
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="authenticated-read")
        ids = {"OWNER": three.stack.project.id, "OTHER": three.other.project_id}
        for word, project in ids.items():
            wanted = {key: value.replace(word, project) for key, value in wanted.items()}
        refused = refusal(three.owner_s3.put_bucket_acl, Bucket=bucket, **wanted)
        assert refused == (501, "NotImplemented")
        assert held(swift, bucket) == [("*:*", "")] * 2

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({"ACL": "private", "GrantRead": "id=x"}, (400, "InvalidRequest")),
            ({"ACL": "no-such-acl"}, (400, "InvalidArgument")),
            ({"GrantRead": "id=*"}, (400, "InvalidArgument")),
            ({"GrantRead": "uri=AllUsers"}, (400, "InvalidArgument")),
            ({"GrantRead": "someone"}, (400, "InvalidArgument")),
            ({"GrantRead": "emailAddress=a@b.example"}, (400, "UnresolvableGrantByEmailAddress")),
            ({}, (400, "MissingSecurityHeader")),
            ({"AccessControlPolicy": {"Grants": []}}, (400, "MalformedACLError")),
            (
                {"AccessControlPolicy": {"Owner": {"ID": "someone"}, "Grants": []}},
                (403, "AccessDenied"),
            ),
            (
                {"ACL": "private", "AccessControlPolicy": {"Owner": {"ID": "someone"}}},
                (400, "UnexpectedContent"),
            ),
        ],
    )
    def test_what_is_no_acl_is_refused_for_buckets_and_objects_and_changes_nothing(
        self,
        three: Parties,
        bucket: str,
        swift: Any,
        wanted: dict[str, Any],
        expected: tuple[int, str],
    ) -> None:
        s3 = three.owner_s3
        with three.watched() as sent:
            assert refusal(s3.put_bucket_acl, Bucket=bucket, **wanted) == expected
            assert refusal(s3.put_object_acl, Bucket=bucket, Key="k", **wanted) == expected
        assert not [entry for entry in sent if not entry[1].startswith("HEAD ")]
        assert held(swift, bucket) == [("", "")] * 2

    def test_strangers_neither_see_nor_set_acls(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        entry = f"{three.other.project_id}:*"
        swift.post_container(bucket, {"X-Container-Read": entry, "X-Container-Write": entry})
        s3 = three.other_s3
        with three.watched() as sent:
            assert refusal(s3.get_bucket_acl, Bucket=bucket) == _DENIED
            assert refusal(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == _DENIED
            assert refusal(s3.get_object_acl, Bucket=bucket, Key="k") == _DENIED
            assert refusal(s3.put_object_acl, Bucket=bucket, Key="k", ACL="private") == _DENIED
            for target in (f"/{bucket}?acl", f"/{bucket}/k?acl"):
                for method in ("GET", "PUT"):
                    answer = three.nobody(method, target, {"x-amz-acl": "public-read"})
                    assert (answer.status, answer.code) == _DENIED
        assert not [entry for entry in sent if entry[1].startswith("POST")]
        assert held(swift, bucket)[0] == (entry, entry)

    def test_a_bucket_that_is_not_there_has_no_acl(self, three: Parties, name: str) -> None:
        s3 = three.owner_s3
        assert refusal(s3.get_bucket_acl, Bucket=name) == (404, "NoSuchBucket")
        assert refusal(s3.put_bucket_acl, Bucket=name, ACL="private") == (404, "NoSuchBucket")

    def test_a_bucket_deleted_behind_the_gateways_back_has_no_acl(
        self, three: Parties, name: str, swift: Any
    ) -> None:
        s3 = three.owner_s3
        s3.create_bucket(Bucket=name)
        begin(s3, name)
        swift.delete_container(name)
        refused = refusal(s3.put_bucket_acl, Bucket=name, ACL="public-read")
        assert refused == (404, "NoSuchBucket")
        assert held(swift, name) == [("", "")]

    def test_what_fails_half_way_has_closed_the_bucket_first(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        with three.running.watched() as wire:
            wire.before = Failing(Which("POST", f"/{bucket}+segments$"))
            refused = refusal(three.owner_s3.put_bucket_acl, Bucket=bucket, ACL="private")
        assert refused == (503, "ServiceUnavailable")
        assert held(swift, bucket) == [("", ""), (".r:*", "")]
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="private")
        assert held(swift, bucket) == [("", "")] * 2

    def test_an_acl_that_changes_while_the_parts_get_their_container_is_theirs_too(
        self, three: Parties, name: str, swift: Any
    ) -> None:
        s3 = three.owner_s3
        s3.create_bucket(Bucket=name, ACL="public-read")
        with (
            three.running.watched() as wire,
            Gate(Which("PUT", f"/{name}+segments$")) as gate,
            ThreadPoolExecutor(1) as pool,
        ):
            wire.before = gate
            beginning = pool.submit(begin, s3, name)
            gate.wait()
            s3.put_bucket_acl(Bucket=name, ACL="private")
            gate.open()
            beginning.result()
        assert held(swift, name) == [("", "")] * 2

    def test_the_operator_may_let_everybody_list_what_is_public(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        access = {"service": dict(three.service), "public_listings": True}
        settings = settings_for(three.stack, buckets={"global_names": True}, access=access)
        with running(settings) as gateway:
            s3_client(gateway.endpoint, three.stack).put_bucket_acl(
                Bucket=bucket, ACL="public-read"
            )
        assert held(swift, bucket) == [(".r:*,.rlistings", "")] * 2
        assert three.nobody("GET", f"/{bucket}?list-type=2").status == 200


class TestCreateBucket:
    """A bucket that is made with an ACL."""

    def test_it_has_it_from_the_beginning(self, three: Parties, name: str, swift: Any) -> None:
        three.owner_s3.create_bucket(Bucket=name, ACL="public-read")
        assert held(swift, name) == [(".r:*", "")]
        three.owner_s3.put_object(Bucket=name, Key="k", Body=b"1")
        assert three.nobody("GET", f"/{name}/k").status == 200

    def test_headers_grant_too(self, three: Parties, name: str, swift: Any) -> None:
        three.owner_s3.create_bucket(
            Bucket=name,
            GrantFullControl=f"id={three.stack.project.id}",
            GrantWrite=f"id={three.other.project_id}",
        )
        entry = f"{three.other.project_id}:*"
        assert held(swift, name) == [("", entry)] * 2
        three.other_s3.put_object(Bucket=name, Key="theirs", Body=b"1")

    @pytest.mark.parametrize("acl", ["private", "bucket-owner-full-control", "bucket-owner-read"])
    def test_what_grants_nothing_costs_nothing(
        self, three: Parties, name: str, swift: Any, acl: str
    ) -> None:
        with three.watched() as sent:
            three.owner_s3.create_bucket(Bucket=name, ACL=acl)
        owners = [request for power, request in sent if power == "owner"]
        assert owners[:2] == [f"PUT /{name}", f"HEAD /{name}+segments"]
        assert f"POST /{name}" not in owners
        assert held(swift, name) == [("", "")]

    @pytest.mark.parametrize("acl", ["public-read-write", "log-delivery-write", "no-such-acl"])
    def test_one_that_cannot_be_is_not_made(
        self, three: Parties, name: str, swift: Any, acl: str
    ) -> None:
        assert refusal(three.owner_s3.create_bucket, Bucket=name, ACL=acl)[0] in {400, 501}
        assert not is_there(swift, name)
        three.other_s3.create_bucket(Bucket=name)

    def test_a_bucket_that_is_there_keeps_its_acl(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        refused = refusal(three.owner_s3.create_bucket, Bucket=bucket, ACL="public-read")
        assert refused == (409, "BucketAlreadyOwnedByYou")
        assert held(swift, bucket) == [("", "")] * 2

    def test_one_that_cannot_have_its_acl_is_not_left_behind(
        self, three: Parties, name: str, swift: Any
    ) -> None:
        with three.running.watched() as wire:
            wire.before = Failing(Which("POST", f"/{name}$"), answered(503))
            refused = refusal(three.owner_s3.create_bucket, Bucket=name, ACL="public-read")
        assert refused == (503, "ServiceUnavailable")
        assert not is_there(swift, name)
        three.other_s3.create_bucket(Bucket=name)

    def test_parts_left_over_have_the_new_buckets_acl(
        self, three: Parties, name: str, swift: Any
    ) -> None:
        swift.put_container(f"{name}+segments", {"X-Container-Write": "other:user"})
        three.owner_s3.create_bucket(Bucket=name, ACL="public-read")
        assert held(swift, name) == [(".r:*", "")] * 2


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """What object ACLs without effect are logged as."""
    logger = CapturingLogger()
    monkeypatch.setattr("s3gw.object_acl._log", logger)
    return logger


def store(s3: Any, bucket: str, way: str, **acl: str) -> None:
    """Make, or change, an object in one of the ways in which an ACL can be given."""
    if way == "put":
        s3.put_object(Bucket=bucket, Key="new", Body=b"1", **acl)
    elif way == "upload":
        begin(s3, bucket, "new", **acl)
    elif way == "copy":
        s3.copy_object(Bucket=bucket, Key="new", CopySource=f"{bucket}/k", **acl)
    else:
        s3.put_object_acl(Bucket=bucket, Key="k", **acl)


WAYS = ("put", "upload", "copy", "acl")
in_every_way = pytest.mark.parametrize("way", WAYS)


class TestObjectAcl:
    """An object has the ACL that its container gives it."""

    @in_every_way
    @pytest.mark.parametrize("acl", ["public-read", "authenticated-read", "public-read-write"])
    def test_one_that_grants_more_is_accepted_without_effect_and_logged(
        self, three: Parties, bucket: str, way: str, acl: str, warnings: CapturingLogger
    ) -> None:
        store(three.owner_s3, bucket, way, ACL=acl)
        assert [call.kwargs["bucket"] for call in warnings.calls] == [bucket]
        assert three.nobody("GET", f"/{bucket}/k").code == "AccessDenied"
        answer = three.owner_s3.get_object_acl(Bucket=bucket, Key="k")
        assert shown(answer) == [own(three)]

    @in_every_way
    def test_one_that_grants_less_is_accepted_without_effect_and_logged(
        self, three: Parties, bucket: str, way: str, warnings: CapturingLogger
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
        store(three.owner_s3, bucket, way, ACL="private")
        assert len(warnings.calls) == 1
        assert three.nobody("GET", f"/{bucket}/k").status == 200
        answer = three.owner_s3.get_object_acl(Bucket=bucket, Key="k")
        assert shown(answer) == [own(three), (_ALL, "READ")]

    @in_every_way
    @pytest.mark.parametrize("acl", ["private", "public-read", "authenticated-read"])
    def test_one_that_is_the_containers_is_what_is_in_effect(
        self, three: Parties, bucket: str, way: str, acl: str, warnings: CapturingLogger
    ) -> None:
        three.owner_s3.put_bucket_acl(Bucket=bucket, ACL=acl)
        store(three.owner_s3, bucket, way, ACL=acl)
        assert warnings.calls == []

    def test_grants_are_acls_too(
        self, three: Parties, bucket: str, warnings: CapturingLogger
    ) -> None:
        store(three.owner_s3, bucket, "put", GrantRead=f"id={three.other.project_id}")
        assert len(warnings.calls) == 1

    def test_the_operator_may_have_it_refused(self, three: Parties, name: str) -> None:
        three.owner_s3.create_bucket(Bucket=name)
        three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content")
        access = {"service": dict(three.service), "unenforceable_acl": "reject"}
        settings = settings_for(three.stack, buckets={"global_names": True}, access=access)
        not_supported = (400, "AccessControlListNotSupported")
        with running(settings) as gateway:
            s3 = s3_client(gateway.endpoint, three.stack)
            for right, wrong in (("private", "public-read"), ("public-read", "private")):
                s3.put_bucket_acl(Bucket=name, ACL=right)
                for way in WAYS:
                    assert refusal(store, s3, name, way, ACL=wrong) == not_supported
                assert keys_of(s3, name) == {"k"}
                assert s3.list_multipart_uploads(Bucket=name).get("Uploads") is None
                for way in WAYS:
                    store(s3, name, way, ACL=right)
                store(s3, name, "put")
                s3.delete_object(Bucket=name, Key="new")
                upload = s3.list_multipart_uploads(Bucket=name)["Uploads"][0]["UploadId"]
                s3.abort_multipart_upload(Bucket=name, Key="new", UploadId=upload)

    def test_who_writes_as_a_stranger_asks_for_nothing_with_private(
        self, three: Parties, bucket: str, swift: Any, warnings: CapturingLogger
    ) -> None:
        swift.post_container(bucket, {"X-Container-Write": f"{three.other.project_id}:*"})
        for acl in ("private", "bucket-owner-full-control"):
            three.other_s3.put_object(Bucket=bucket, Key="theirs", Body=b"1", ACL=acl)
        assert warnings.calls == []
        three.other_s3.put_object(Bucket=bucket, Key="theirs", Body=b"1", ACL="public-read")
        assert len(warnings.calls) == 1
        assert swift.get_object(bucket, "theirs")[1] == b"1"

    def test_an_acl_in_a_put_costs_nothing_once_the_bucket_is_known(
        self, three: Parties, bucket: str
    ) -> None:
        with three.watched() as sent:
            three.owner_s3.put_object(Bucket=bucket, Key="k", Body=b"1", ACL="private")
        assert sent == [("owner", f"PUT /{bucket}/k")]

    def test_reading_one_is_a_look_at_the_object_and_at_the_container(
        self, three: Parties, bucket: str
    ) -> None:
        with three.watched() as sent:
            three.owner_s3.get_object_acl(Bucket=bucket, Key="k")
        assert sent == [("owner", f"HEAD /{bucket}/k"), ("owner", f"HEAD /{bucket}")]
        assert only(sent, "owner")

    @pytest.mark.parametrize("operation", ["get_object_acl", "put_object_acl"])
    def test_an_object_that_is_not_there_has_none(
        self, three: Parties, bucket: str, name: str, operation: str
    ) -> None:
        more = {"ACL": "private"} if operation == "put_object_acl" else {}
        ask = getattr(three.owner_s3, operation)
        assert refusal(ask, Bucket=bucket, Key="missing", **more) == (404, "NoSuchKey")
        of_version = {"Key": "k", "VersionId": "1700000000.00000"}
        refused = refusal(ask, Bucket=bucket, **of_version, **more)
        assert refused == (404, "NoSuchVersion")
        refused = refusal(ask, Bucket=f"{name}-never", Key="k", **more)
        assert refused == (404, "NoSuchBucket")

    def test_versions_that_are_not_the_newest_are_the_owners(
        self, three: Parties, name: str, swift: Any
    ) -> None:
        """Swift lets no container ACL reach them, and nobody but the owner name the newest."""
        s3, other = three.owner_s3, visit(three, three.other)
        s3.create_bucket(Bucket=name)
        swift.post_container(name, {"X-Versions-Enabled": "true"})
        versions = []
        for body in (b"1", b"2"):
            s3.put_object(Bucket=name, Key="k", Body=body)
            versions.append(s3.head_object(Bucket=name, Key="k")["VersionId"])
        acl = {"X-Container-Read": f".r:*,{three.other.project_id}:*"}
        swift.post_container(name, acl)
        for version, grants in zip(versions, (1, 3), strict=True):
            answer = s3.get_object_acl(Bucket=name, Key="k", VersionId=version)
            assert len(answer["Grants"]) == grants
            named = f"/{name}/k?versionId={version}"
            assert three.nobody("GET", named).code == "AccessDenied"
            assert natively(three, f"/{name}/k?version-id={version}") == 401
            refused = refusal(three.other_s3.get_object, Bucket=name, Key="k", VersionId=version)
            assert refused == _DENIED
            with pytest.raises(ClientException, match="403"):
                other.get_object(name, "k", query_string=f"version-id={version}")
        with three.watched() as sent:
            assert three.nobody("GET", f"/{name}/k").body == b"2"
        assert sent == [("none", f"GET /{name}/k")]
        assert three.other_s3.get_object(Bucket=name, Key="k")["Body"].read() == b"2"
        s3.delete_object(Bucket=name, Key="k")
        answer = s3.get_object_acl(Bucket=name, Key="k", VersionId=versions[1])
        assert shown(answer) == [own(three)]


def test_how_media_cloud_toggles_privacy(three: Parties, bucket: str) -> None:
    """The plugin puts public-read objects and looks for AllUsers READ in their ACL."""
    three.owner_s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    three.owner_s3.put_object(Bucket=bucket, Key="k.jpg", Body=b"1", ACL="public-read")
    found = shown(three.owner_s3.get_object_acl(Bucket=bucket, Key="k.jpg"))
    assert (_ALL, "READ") in found
    assert three.nobody("GET", f"/{bucket}/k.jpg").body == b"1"
    three.owner_s3.put_object_acl(Bucket=bucket, Key="k.jpg", ACL="private")
    assert three.nobody("GET", f"/{bucket}/k.jpg").status == 200
