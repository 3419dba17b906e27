"""Object Ownership: buckets without ACLs, in both access modes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import swiftclient
from keystoneauth1.adapter import Adapter

from tests.functional.browser import Browser
from tests.functional.fixtures import MakeUser
from tests.functional.gates import Failing, Which, answered
from tests.functional.parties import Parties, parties, refusal
from tests.functional.rawclient import keys_of
from tests.functional.sealing import s3_parties
from tests.functional.stack import Stack
from tests.functional.witness import is_there

_META = "x-container-meta-s3gw-object-ownership"
_NOT_SUPPORTED = (400, "AccessControlListNotSupported")


@pytest.fixture(scope="module", params=["swift", "s3"])
def three(
    request: pytest.FixtureRequest, stack: Stack, identity: Adapter, make_user: MakeUser
) -> Iterator[Parties]:
    opened = s3_parties if request.param == "s3" else parties
    with opened(stack, identity, make_user()) as found:
        yield found


@pytest.fixture
def name() -> str:
    return f"owned-{uuid4().hex[:20]}"


@pytest.fixture
def bucket(three: Parties, name: str) -> str:
    """A bucket without ACLs, and the object `k` in it."""
    three.owner_s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced")
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"1")
    return name


def rules(answer: dict[str, Any]) -> list[str]:
    return [rule["ObjectOwnership"] for rule in answer["OwnershipControls"]["Rules"]]


@pytest.mark.parametrize("ownership", ["BucketOwnerEnforced", "BucketOwnerPreferred"])
def test_what_create_bucket_was_told_is_kept_and_shown(
    three: Parties, name: str, swift: swiftclient.Connection, ownership: str
) -> None:
    three.owner_s3.create_bucket(Bucket=name, ObjectOwnership=ownership)
    assert swift.head_container(name)[_META] == ownership
    assert rules(three.owner_s3.get_bucket_ownership_controls(Bucket=name)) == [ownership]
    denied = refusal(three.other_s3.get_bucket_ownership_controls, Bucket=name)
    assert denied == (403, "AccessDenied")


def test_a_bucket_that_is_there_keeps_its_own(
    three: Parties, name: str, swift: swiftclient.Connection
) -> None:
    three.owner_s3.create_bucket(Bucket=name)
    again = partial(three.owner_s3.create_bucket, ObjectOwnership="BucketOwnerEnforced")
    assert refusal(again, Bucket=name) == (409, "BucketAlreadyOwnedByYou")
    assert _META not in swift.head_container(name)


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"ObjectOwnership": "ObjectWriter"}, (501, "NotImplemented")),
        ({"ObjectOwnership": "x"}, (400, "InvalidArgument")),
        (
            {"ObjectOwnership": "BucketOwnerEnforced", "ACL": "public-read"},
            (400, "InvalidBucketAclWithObjectOwnership"),
        ),
    ],
)
def test_what_cannot_be_makes_no_bucket(
    three: Parties,
    name: str,
    swift: swiftclient.Connection,
    options: dict[str, str],
    refused: tuple[int, str],
) -> None:
    assert refusal(three.owner_s3.create_bucket, Bucket=name, **options) == refused
    assert not is_there(swift, name)


def _ways(s3: Any, bucket: str) -> list[Callable[..., Any]]:
    """All that could give an ACL to the bucket or to an object in it."""
    new = {"Bucket": bucket, "Key": "new"}
    return [
        partial(s3.put_object, **new, Body=b"1"),
        partial(s3.copy_object, **new, CopySource=f"{bucket}/k"),
        partial(s3.create_multipart_upload, **new),
        partial(s3.put_object_acl, Bucket=bucket, Key="k"),
        partial(s3.put_bucket_acl, Bucket=bucket),
    ]


@pytest.mark.parametrize("acl", ["public-read", "private", "authenticated-read"])
def test_where_there_are_no_acls_none_is_set(
    three: Parties, bucket: str, swift: swiftclient.Connection, stack: Stack, acl: str
) -> None:
    for way in _ways(three.owner_s3, bucket):
        assert refusal(way, ACL=acl) == _NOT_SUPPORTED
    form = Browser(three.running.endpoint, keys_of(stack), bucket)
    assert form.upload({"key": "new", "acl": acl}, b"1").code == _NOT_SUPPORTED[1]
    grant = {"GrantRead": f"id={three.other.project_id}"}
    for way in _ways(three.owner_s3, bucket):
        assert refusal(way, **grant) == _NOT_SUPPORTED
    assert [entry["name"] for entry in swift.get_container(bucket)[1]] == ["k"]
    assert three.nobody("GET", f"/{bucket}/k").code == "AccessDenied"


def test_that_the_owner_has_full_control_may_be_said(three: Parties, bucket: str) -> None:
    for way in _ways(three.owner_s3, bucket):
        way(ACL="bucket-owner-full-control")
    [grant] = three.owner_s3.get_bucket_acl(Bucket=bucket)["Grants"]
    owner = (three.stack.project.id, "FULL_CONTROL")
    assert (grant["Grantee"]["ID"], grant["Permission"]) == owner


def test_elsewhere_acls_go_on(three: Parties, name: str) -> None:
    three.owner_s3.create_bucket(
        Bucket=name, ObjectOwnership="BucketOwnerPreferred", ACL="public-read"
    )
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"1", ACL="public-read")
    assert three.nobody("GET", f"/{name}/k").body == b"1"


def test_a_bucket_that_cannot_be_told_is_not_left_behind(
    three: Parties, name: str, swift: swiftclient.Connection
) -> None:
    with three.running.watched() as wire:
        wire.before = Failing(Which("POST", f"/{name}$"), answered(503))
        make = partial(three.owner_s3.create_bucket, ObjectOwnership="BucketOwnerEnforced")
        assert refusal(make, Bucket=name) == (503, "ServiceUnavailable")
    assert not is_there(swift, name)
