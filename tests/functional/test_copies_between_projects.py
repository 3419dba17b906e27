"""access.mode = "swift": copies from and into other projects' buckets, with the caller's own token.

Swift's ACLs decide on the source and on the target, each with its own.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter

from tests.functional.fixtures import MakeUser
from tests.functional.parties import Parties, as_person, only, parties, refusal
from tests.functional.rawclient import Keys, ask, sign
from tests.functional.stack import Stack
from tests.functional.test_strangers_swift import grant

_DENIED = (403, "AccessDenied")


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with parties(stack, identity, make_user()) as found:
        yield found


@pytest.fixture
def theirs(three: Parties) -> str:
    """The owner's private bucket with the object `k`."""
    name = f"theirs-{uuid4().hex}"
    three.owner_s3.create_bucket(Bucket=name)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"content", Metadata={"a": "1"})
    return name


@pytest.fixture
def ours(three: Parties) -> str:
    """A bucket of the other project."""
    name = f"ours-{uuid4().hex}"
    three.other_s3.create_bucket(Bucket=name)
    return name


def test_what_a_stranger_may_read_he_may_copy_into_a_bucket_of_his_own(
    three: Parties, theirs: str, ours: str, swift: Any
) -> None:
    copy = {"Bucket": ours, "Key": "copy", "CopySource": f"{theirs}/k"}
    with three.watched() as sent:
        assert refusal(three.other_s3.copy_object, **copy) == _DENIED
    assert {power for power, _ in sent} <= {"other", "service"}
    for acl in (f"{three.other.project_id}:*", ".r:*"):
        grant(swift, theirs, read=acl)
        three.other_s3.copy_object(**copy)
        with three.watched() as sent:
            three.other_s3.copy_object(**copy)
        assert sent == [
            ("other", f"HEAD /{theirs}/k"),
            ("other", f"PUT /{ours}/copy?heartbeat=on"),
        ]
    mine = as_person(three.stack, three.other)
    headers, body = mine.get_object(ours, "copy")
    assert (body, headers["x-object-meta-a"]) == (b"content", "1")


def test_the_source_is_named_with_its_account(
    three: Parties, theirs: str, ours: str, swift: Any
) -> None:
    grant(swift, theirs, read=".r:*")
    with three.running.watched() as wire:
        three.other_s3.copy_object(Bucket=ours, Key="copy", CopySource=f"{theirs}/k")
        [put] = [request for request in wire.sent if request.method == "PUT"]
    assert put.account == three.account(three.other.project_id)
    assert put.headers["X-Copy-From"] == f"/{theirs}/k"
    assert put.headers["X-Copy-From-Account"] == three.account(three.stack.project.id)


def test_who_may_not_list_does_not_hear_what_is_missing(
    three: Parties, theirs: str, ours: str, swift: Any
) -> None:
    copy = {"Bucket": ours, "Key": "copy", "CopySource": f"{theirs}/missing"}
    grant(swift, theirs, read=".r:*")
    assert refusal(three.other_s3.copy_object, **copy) == _DENIED
    grant(swift, theirs, read=".r:*,.rlistings")
    assert refusal(three.other_s3.copy_object, **copy) == (404, "NoSuchKey")


def test_a_literal_plus_is_looked_for_also_by_who_does_not_hear_what_is_missing(
    three: Parties, theirs: str, ours: str, swift: Any
) -> None:
    grant(swift, theirs, read=".r:*")
    swift.put_object(theirs, "a+b", b"plus")
    keys = Keys(three.other.access_key, three.other.secret_key, three.stack.region)
    url = f"{three.running.endpoint}/{ours}/copy"
    signed = sign(keys, "PUT", url, [("x-amz-copy-source", f"{theirs}/a+b")])
    assert ask(three.running.endpoint, signed).status == 200
    assert three.other_s3.get_object(Bucket=ours, Key="copy")["Body"].read() == b"plus"


def test_tags_are_the_owners_and_do_not_go_to_or_come_from_others(
    three: Parties, theirs: str, ours: str, swift: Any
) -> None:
    grant(swift, theirs, read=".r:*")
    three.owner_s3.put_object(Bucket=theirs, Key="k", Body=b"1", Tagging="t=1")
    copy = {"Bucket": ours, "Key": "copy", "CopySource": f"{theirs}/k"}
    assert refusal(three.other_s3.copy_object, **copy) == _DENIED
    three.other_s3.copy_object(**copy, TaggingDirective="REPLACE", Tagging="u=2")
    mine = as_person(three.stack, three.other)
    project = three.stack.project.id
    grant(mine, ours, write=f"{project}:*")
    assert refusal(three.owner_s3.copy_object, **{**copy, "Key": "gift"}) == _DENIED
    three.owner_s3.copy_object(**{**copy, "Key": "gift"}, TaggingDirective="REPLACE")


def test_the_owner_copies_into_a_bucket_that_he_may_write(
    three: Parties, theirs: str, ours: str
) -> None:
    mine = as_person(three.stack, three.other)
    copy = {"Bucket": ours, "Key": "gift", "CopySource": f"{theirs}/k"}
    assert refusal(three.owner_s3.copy_object, **copy) == _DENIED
    project = three.stack.project.id
    grant(mine, ours, write=f"{project}:*")
    with three.watched() as sent:
        three.owner_s3.copy_object(**copy)
    assert only((entry for entry in sent if entry[0] != "service"), "owner")
    assert mine.get_object(ours, "gift")[1] == b"content"


def test_a_stranger_copies_within_a_bucket_that_he_may_read_and_write(
    three: Parties, theirs: str, swift: Any
) -> None:
    copy = {"Bucket": theirs, "Key": "copy", "CopySource": f"{theirs}/k"}
    project = three.other.project_id
    for read, write in ((f"{project}:*", ""), ("", f"{project}:*")):
        grant(swift, theirs, read=read, write=write)
        assert refusal(three.other_s3.copy_object, **copy) == _DENIED
    grant(swift, theirs, read=f"{project}:*", write=f"{project}:*")
    three.other_s3.copy_object(**copy)
    assert swift.get_object(theirs, "copy")[1] == b"content"


def test_each_bucket_is_compared_with_the_owner_expected_of_it(
    three: Parties, theirs: str, ours: str, swift: Any
) -> None:
    grant(swift, theirs, read=".r:*")
    copy = {"Bucket": ours, "Key": "copy", "CopySource": f"{theirs}/k"}
    owner, other = three.stack.project.id, three.other.project_id
    right = {"ExpectedBucketOwner": other, "ExpectedSourceBucketOwner": owner}
    three.other_s3.copy_object(**copy, **right)
    for wrong in ({"ExpectedBucketOwner": owner}, {"ExpectedSourceBucketOwner": other}):
        with three.watched() as sent:
            assert refusal(three.other_s3.copy_object, **copy, **{**right, **wrong}) == _DENIED
        assert not [entry for entry in sent if entry[1].startswith("PUT")]


def test_nobody_copies_nothing(three: Parties, theirs: str, swift: Any) -> None:
    grant(swift, theirs, read=".r:*", write=f"{three.other.project_id}:*")
    with three.watched() as sent:
        answer = three.nobody("PUT", f"/{theirs}/copy", {"x-amz-copy-source": f"{theirs}/k"})
    assert (answer.status, answer.code) == _DENIED
    assert {power for power, _ in sent} <= {"service"}


def test_a_source_that_no_project_has_is_no_bucket(three: Parties, ours: str) -> None:
    copy = {"Bucket": ours, "Key": "copy", "CopySource": f"never-{uuid4().hex}/k"}
    assert refusal(three.other_s3.copy_object, **copy) == (404, "NoSuchBucket")
