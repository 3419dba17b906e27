"""Bucket names that all projects share: who has one, and what a crash or a race leaves."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter
from swiftclient import ClientException

from tests.functional.fixtures import MakeUser
from tests.functional.gates import Failing, Gate, Which, answered
from tests.functional.gateway import Running, Sent, s3_client
from tests.functional.parties import Parties, as_person, parties, refusal
from tests.functional.stack import Stack

_REGISTRY = "s3gw-buckets"


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with parties(stack, identity, make_user(), role="ResellerAdmin") as found:
        yield found


@pytest.fixture
def name() -> str:
    return f"named-{uuid4().hex[:20]}"


def held_by(three: Parties, name: str) -> str | None:
    """The account in the registry's entry."""
    try:
        _, body = three.registry.get_object(_REGISTRY, name)
    except ClientException as error:
        if error.http_status != 404:
            raise
        return None
    account: str = json.loads(body)["account"]
    return account


def enter(three: Parties, name: str, account: str) -> None:
    """Write an entry as a crashed gateway left it."""
    registry = three.registry
    registry.put_container(_REGISTRY)
    registry.put_object(_REGISTRY, name, json.dumps({"account": account, "nonce": "lost"}))


def has_container(connection: Any, name: str) -> bool:
    try:
        connection.head_container(name)
    except ClientException as error:
        if error.http_status != 404:
            raise
        return False
    return True


def test_a_new_bucket_is_entered_and_its_deletion_gives_the_name_up(
    three: Parties, name: str
) -> None:
    three.owner_s3.create_bucket(Bucket=name)
    assert held_by(three, name) == three.account(three.stack.project.id)
    three.owner_s3.delete_bucket(Bucket=name)
    assert held_by(three, name) is None
    three.other_s3.create_bucket(Bucket=name)
    assert held_by(three, name) == three.account(three.other.project_id)


def test_a_name_belongs_to_one_project(three: Parties, name: str, swift: Any) -> None:
    three.owner_s3.create_bucket(Bucket=name)
    refused = refusal(three.other_s3.create_bucket, Bucket=name)
    assert refused == (409, "BucketAlreadyExists")
    assert not has_container(as_person(three.stack, three.other), name)
    refused = refusal(three.owner_s3.create_bucket, Bucket=name)
    assert refused == (409, "BucketAlreadyOwnedByYou")
    assert has_container(swift, name)


def test_a_container_made_natively_is_its_projects_bucket_and_is_entered_when_created_anew(
    three: Parties, name: str, swift: Any
) -> None:
    swift.put_container(name)
    three.owner_s3.put_object(Bucket=name, Key="k", Body=b"1")
    assert refusal(three.other_s3.head_bucket, Bucket=name)[0] == 404
    refused = refusal(three.owner_s3.create_bucket, Bucket=name)
    assert refused == (409, "BucketAlreadyOwnedByYou")
    assert held_by(three, name) == three.account(three.stack.project.id)
    assert refusal(three.other_s3.create_bucket, Bucket=name)[1] == "BucketAlreadyExists"


def test_ones_own_bucket_comes_before_what_the_registry_says(
    three: Parties, name: str, swift: Any
) -> None:
    three.other_s3.create_bucket(Bucket=name)
    three.other_s3.put_object(Bucket=name, Key="k", Body=b"theirs")
    swift.put_container(name)
    swift.put_object(name, "k", b"ours")
    with three.watched() as sent:
        body = three.owner_s3.get_object(Bucket=name, Key="k")["Body"].read()
    assert body == b"ours"
    assert {power for power, _ in sent} == {"owner"}


def test_nobody_has_heard_of_a_name_without_an_entry(three: Parties, name: str) -> None:
    assert refusal(three.owner_s3.list_objects_v2, Bucket=name) == (404, "NoSuchBucket")
    assert three.nobody("GET", f"/{name}").code == "NoSuchBucket"


def test_a_claim_that_a_crash_of_the_same_project_left_is_used(
    three: Parties, name: str, swift: Any
) -> None:
    enter(three, name, three.account(three.stack.project.id))
    three.owner_s3.create_bucket(Bucket=name)
    assert has_container(swift, name)


def test_a_young_claim_of_another_project_may_be_under_way(three: Parties, name: str) -> None:
    enter(three, name, three.account(three.other.project_id))
    assert refusal(three.owner_s3.create_bucket, Bucket=name) == (409, "BucketAlreadyExists")


def test_an_old_claim_without_a_container_is_taken_over(
    three: Parties, name: str, swift: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(three, name, three.account(three.other.project_id))
    monkeypatch.setattr("s3gw.buckets.registry._ABANDONED", -10.0)
    three.owner_s3.create_bucket(Bucket=name)
    assert held_by(three, name) == three.account(three.stack.project.id)
    assert has_container(swift, name)


def test_an_old_claim_whose_container_is_there_is_not(
    three: Parties, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.other_s3.create_bucket(Bucket=name)
    monkeypatch.setattr("s3gw.buckets.registry._ABANDONED", -10.0)
    assert refusal(three.owner_s3.create_bucket, Bucket=name) == (409, "BucketAlreadyExists")
    assert held_by(three, name) == three.account(three.other.project_id)


def test_an_entry_that_makes_no_sense_leads_nowhere_and_blocks_the_name(
    three: Parties, name: str
) -> None:
    for account in ("../AUTH_x", "AUTH_x/c", "", "AUTH_x?a=b", "AUTH_%2e"):
        enter(three, name, account)
        with three.watched() as sent:
            assert three.nobody("GET", f"/{name}/k").code == "NoSuchBucket"
        assert [power for power, _ in sent] in (["service"], [])
        assert refusal(three.owner_s3.create_bucket, Bucket=name)[1] == "BucketAlreadyExists"


@pytest.mark.parametrize("moment", ["before the container", "after the container"])
def test_who_finds_a_foreign_claim_where_its_own_was_removes_its_bucket(
    three: Parties, name: str, swift: Any, moment: str
) -> None:
    """Hazard 7: Swift let two overlapping claims through, and ours was the earlier one."""
    theirs = three.account(three.other.project_id)
    looks = 0

    async def overtaken(sent: Sent) -> None:
        nonlocal looks
        if (sent.method, sent.path) == ("GET", f"/{_REGISTRY}/{name}"):
            looks += 1
            if looks == (1 if moment == "before the container" else 2):
                enter(three, name, theirs)

    with three.running.watched() as wire:
        wire.before = overtaken
        refused = refusal(three.owner_s3.create_bucket, Bucket=name)
        made = [sent for sent in wire.sent if (sent.method, sent.path) == ("PUT", f"/{name}")]
    assert refused == (409, "BucketAlreadyExists")
    assert len(made) == (0 if moment == "before the container" else 1)
    assert not has_container(swift, name)
    assert held_by(three, name) == theirs


def test_a_bucket_that_cannot_be_made_leaves_no_claim(three: Parties, name: str) -> None:
    with three.running.watched() as wire:
        wire.before = Failing(Which("PUT", f"/{name}$"), answered(403))
        assert refusal(three.owner_s3.create_bucket, Bucket=name) == (403, "AccessDenied")
    assert held_by(three, name) is None


def test_of_two_projects_that_create_at_once_one_gets_the_name(
    three: Parties, name: str, swift: Any
) -> None:
    """Both claims are let through; the registry's last word decides."""
    outcomes: dict[str, str] = {}

    def create(who: str, s3: Any) -> None:
        try:
            s3.create_bucket(Bucket=name)
            outcomes[who] = "created"
        except s3.exceptions.ClientError as error:
            outcomes[who] = error.response["Error"]["Code"]

    clients = {"owner": three.owner_s3, "other": three.other_s3}
    threads = [threading.Thread(target=create, args=item) for item in clients.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == ["BucketAlreadyExists", "created"]
    there = {
        "owner": has_container(swift, name),
        "other": has_container(as_person(three.stack, three.other), name),
    }
    assert there == {who: outcome == "created" for who, outcome in outcomes.items()}


def test_a_bucket_made_anew_while_it_is_deleted_keeps_its_name(
    three: Parties, name: str, swift: Any
) -> None:
    """Hazard 6: the entry goes last, and only if there is no bucket."""
    three.owner_s3.create_bucket(Bucket=name)
    with three.running.watched() as wire:
        with Gate(Which("GET", f"/{_REGISTRY}/{name}")) as gate:
            wire.before = gate
            deletion = threading.Thread(
                target=three.owner_s3.delete_bucket, kwargs={"Bucket": name}
            )
            deletion.start()
            gate.wait()
            assert not has_container(swift, name)
            swift.put_container(name)
        deletion.join()
    assert held_by(three, name) == three.account(three.stack.project.id)


def test_a_deleted_buckets_name_goes_after_its_parts(three: Parties, name: str) -> None:
    three.owner_s3.create_bucket(Bucket=name)
    upload = three.owner_s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    with three.watched() as sent:
        three.owner_s3.delete_bucket(Bucket=name)
    assert sent[-1] == ("service", f"DELETE /{_REGISTRY}/{name}")
    assert ("owner", f"DELETE /{name}+segments/k/{upload}") in sent


def test_the_registry_is_asked_with_the_gateways_own_token_and_buckets_with_the_owners(
    three: Parties, name: str
) -> None:
    with three.watched() as sent:
        three.owner_s3.create_bucket(Bucket=name)
        three.owner_s3.put_object(Bucket=name, Key="k", Body=b"1")
    for power, request in sent:
        assert power == ("service" if f"/{_REGISTRY}" in request else "owner"), request


def test_ones_own_buckets_cost_no_more_when_warm(three: Parties, name: str) -> None:
    s3 = three.owner_s3
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    with three.watched() as sent:
        s3.put_object(Bucket=name, Key="k", Body=b"1")
        s3.get_object(Bucket=name, Key="k")
        s3.list_objects_v2(Bucket=name)
    assert [request.split("?")[0] for _, request in sent] == [
        f"PUT /{name}/k",
        f"GET /{name}/k",
        f"GET /{name}",
    ]


class TestWithoutGlobalNames:
    """Each project has its own names, and nobody reaches another project's."""

    def test_two_projects_have_the_same_name(
        self, gateway: Running, s3: Any, stack: Stack, make_user: MakeUser, name: str
    ) -> None:
        other = make_user()
        keys = {"access_key": other.access_key, "secret_key": other.secret_key}
        other_s3 = s3_client(gateway.endpoint, stack, **keys)
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="k", Body=b"1")
        assert refusal(other_s3.get_object, Bucket=name, Key="k") == (404, "NoSuchBucket")
        other_s3.create_bucket(Bucket=name)
        assert refusal(other_s3.get_object, Bucket=name, Key="k") == (404, "NoSuchKey")
