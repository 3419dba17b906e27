"""The closed door of mode s3: what nobody gets through it, whatever he put into Swift.

Each test has an object whose ACL, under the gateway's own seal or a forged one, lets everybody
read it, or a container that does, and asserts what Swift saw with whose power.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from keystoneauth1.adapter import Adapter

from s3gw.access.acl import CANNED, Acl
from tests.functional.fixtures import MakeUser
from tests.functional.parties import Parties, as_person
from tests.functional.sealing import acl_header, s3_parties, sealed
from tests.functional.stack import Stack

_DENIED = (403, "AccessDenied")
_SECRET = b"what nobody but its owner reads"


@pytest.fixture(scope="module")
def three(stack: Stack, identity: Adapter, make_user: MakeUser) -> Iterator[Parties]:
    with s3_parties(stack, identity, make_user()) as found:
        yield found


@pytest.fixture
def bucket(three: Parties) -> str:
    """A bucket of the owner's with the private object `secret`."""
    name = f"door-{uuid4().hex[:20]}"
    three.owner_s3.create_bucket(Bucket=name)
    three.owner_s3.put_object(Bucket=name, Key="secret", Body=_SECRET)
    return name


@pytest.fixture
def theirs(three: Parties) -> str:
    """A bucket of the other project's, whose own user means no good."""
    name = f"evil-{uuid4().hex[:20]}"
    three.other_s3.create_bucket(Bucket=name)
    return name


def public(owner: str) -> Acl:
    return CANNED["public-read"](owner, owner)


def got(three: Parties, target: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    answer = three.nobody(method, target, headers)
    assert _SECRET not in answer.body
    return answer.status, answer.code if answer.status >= 400 and answer.body else ""


def put_manifest(swift: Any, bucket: str, key: str, *names: str, **headers: str) -> None:
    """Put a static large object of these objects of the bucket."""
    manifest = json.dumps([{"path": f"/{bucket}/{name}"} for name in names])
    swift.put_object(bucket, key, manifest, headers=headers, query_string="multipart-manifest=put")


class TestForgedAcls:
    """Hazard 9: whoever may write natively may write any metadata."""

    def test_a_project_with_native_write_access_forges_no_acl(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        project = three.other.project_id
        swift.post_container(bucket, {"X-Container-Write": f"{project}:*"})
        forger = as_person(three.stack, three.other)
        forger.url = three.stack.swift.storage_url
        acl = public(three.stack.project.id)
        theirs = public(project)
        texts = [
            sealed(acl, bucket, "secret", secret="a key of the forger's own, long enough"),
            sealed(theirs, bucket, "secret"),  # signed for him elsewhere, were it his
            sealed(acl, bucket, "another"),
            sealed(acl, "another", "secret"),
            sealed(acl, bucket),
            "..p=F;*=r",
            f"..{acl.owner}=F;*=r",
        ]
        for text in texts:
            forger.post_object(bucket, "secret", acl_header(text))
            assert swift.head_object(bucket, "secret")["x-object-meta-s3gw-acl-0"] == text
            assert got(three, f"/{bucket}/secret") == _DENIED
            assert got(three, f"/{bucket}/secret", "HEAD") == (403, "")
        forger.post_object(bucket, "secret", acl_header(sealed(acl, bucket, "secret")))
        answer = three.nobody("GET", f"/{bucket}/secret")
        assert (answer.status, answer.body) == (200, _SECRET)  # so it was the seal

    def test_a_native_copy_carries_no_grant(self, three: Parties, bucket: str, swift: Any) -> None:
        acl = public(three.stack.project.id)
        swift.put_object(bucket, "k", b"open", headers=acl_header(sealed(acl, bucket, "k")))
        assert three.nobody("GET", f"/{bucket}/k").body == b"open"
        swift.put_object(bucket, "copy", b"", headers={"X-Copy-From": f"{bucket}/k"})
        assert "x-object-meta-s3gw-acl-0" in swift.head_object(bucket, "copy")
        assert got(three, f"/{bucket}/copy") == _DENIED
        other = f"door-{uuid4().hex[:20]}"
        three.owner_s3.create_bucket(Bucket=other)
        swift.put_object(other, "k", b"", headers={"X-Copy-From": f"{bucket}/k"})
        assert got(three, f"/{other}/k") == _DENIED

    def test_an_acl_set_on_one_content_does_not_open_the_next(
        self, three: Parties, bucket: str, swift: Any
    ) -> None:
        """Hazard 5: a POST may land on what somebody has just written over it."""
        acl = public(three.stack.project.id)
        etag = swift.put_object(bucket, "k", b"open")
        header = acl_header(sealed(acl, bucket, "k", etag=etag))
        swift.post_object(bucket, "k", header)
        assert three.nobody("GET", f"/{bucket}/k").body == b"open"
        swift.put_object(bucket, "k", _SECRET)
        swift.post_object(bucket, "k", header)
        assert got(three, f"/{bucket}/k") == _DENIED


class TestWhatTheDoorDoesNotFollow:
    """Its power reaches all accounts, so it goes nowhere that somebody else names."""

    @pytest.fixture
    def evil(self, three: Parties) -> Any:
        return as_person(three.stack, three.other)

    @pytest.fixture
    def target(self, three: Parties, bucket: str) -> dict[str, str]:
        account = three.account(three.stack.project.id)
        return {"X-Symlink-Target": f"{bucket}/secret", "X-Symlink-Target-Account": account}

    def test_a_link_to_a_stolen_object_under_its_own_seal(
        self, three: Parties, bucket: str, theirs: str, swift: Any, evil: Any, target: Any
    ) -> None:
        """The object that the link names carries an ACL that is right for the link."""
        acl = public(three.other.project_id)
        swift.post_object(bucket, "secret", acl_header(sealed(acl, theirs, "k")))
        evil.put_object(theirs, "k", b"", headers=target)
        with three.watched() as sent:
            for headers in ({}, {"Range": "bytes=0-3"}, {"If-None-Match": '"x"'}):
                assert got(three, f"/{theirs}/k", **headers) == _DENIED
            assert got(three, f"/{theirs}/k", "HEAD") == (403, "")
        asked = [request for power, request in sent if power == "service" and theirs in request]
        assert all("symlink=get" in request for request in asked if f"/{theirs}/k" in request)

    def test_a_link_in_a_container_that_is_open_to_everybody(
        self, three: Parties, theirs: str, evil: Any, target: Any
    ) -> None:
        evil.post_container(theirs, {"X-Container-Read": ".r:*,.rlistings"})
        evil.put_object(theirs, "k", b"", headers=target)
        assert got(three, f"/{theirs}/k") == _DENIED
        assert three.nobody("GET", f"/{theirs}?list-type=2").status == 200

    def test_a_link_in_a_container_with_versions(
        self, three: Parties, bucket: str, theirs: str, swift: Any, evil: Any, target: Any
    ) -> None:
        acl = public(three.other.project_id)
        swift.post_object(bucket, "secret", acl_header(sealed(acl, theirs, "k")))
        evil.post_container(theirs, {"X-Versions-Enabled": "true"})
        evil.put_object(
            theirs, "k", b"", headers={**target, **acl_header(sealed(acl, theirs, "k"))}
        )
        assert got(three, f"/{theirs}/k") == _DENIED
        header = acl_header(sealed(acl, theirs, "nice"))
        evil.put_object(theirs, "nice", b"versioned", headers=header)
        answer = three.nobody("GET", f"/{theirs}/nice", {"Range": "bytes=0-3"})
        assert (answer.status, answer.body) == (206, b"vers")

    def test_a_dynamic_large_object(
        self, three: Parties, theirs: str, evil: Any, target: Any
    ) -> None:
        acl = public(three.other.project_id)
        evil.put_object(theirs, "part", b"", headers=target)
        header = acl_header(sealed(acl, theirs, "k"))
        evil.put_object(theirs, "k", b"", headers={"X-Object-Manifest": f"{theirs}/part", **header})
        assert got(three, f"/{theirs}/k") == (501, "NotImplemented")
        assert got(three, f"/{theirs}/k", "HEAD") == (501, "")
        assert got(three, f"/{theirs}/k", Range="bytes=0-3") == (501, "NotImplemented")

    @pytest.fixture
    def nested(self, theirs: str, evil: Any, three: Parties) -> str:
        """The key of a large object of two pieces, the first of which is a manifest."""
        evil.put_object(theirs, "part", b"x" * len(_SECRET))
        put_manifest(evil, theirs, "inner", "part")
        header = acl_header(sealed(public(three.other.project_id), theirs, "k"))
        put_manifest(evil, theirs, "k", "inner", "part", **header)
        return "k"

    def test_a_manifest_within_a_manifest_is_served_as_it_was_put(
        self, three: Parties, theirs: str, nested: str
    ) -> None:
        whole = b"x" * (2 * len(_SECRET))
        answer = three.nobody("GET", f"/{theirs}/{nested}")
        assert (answer.status, answer.body) == (200, whole)
        middle = f"bytes={len(_SECRET) - 2}-{len(_SECRET) + 2}"
        answer = three.nobody("GET", f"/{theirs}/{nested}", {"Range": middle})
        assert (answer.status, answer.body) == (206, b"xxxxx")
        assert answer.headers["content-range"] == f"{middle.replace('=', ' ')}/{len(whole)}"

    def test_a_manifest_within_a_manifest_that_became_something_else(
        self, three: Parties, theirs: str, evil: Any, target: Any, nested: str
    ) -> None:
        """Swift compares the segments of a manifest, but not those of one within."""
        evil.put_object(theirs, "link", b"", headers=target)
        crafted = {
            "name": f"/{theirs}/link", "bytes": len(_SECRET), "hash": "", "content_type": "x/x",
            "last_modified": "2026-01-01T00:00:00.000000",
        }  # fmt: skip
        evil.put_object(theirs, "inner", json.dumps([crafted]))
        for headers in ({}, {"Range": "bytes=0-3"}):
            assert got(three, f"/{theirs}/{nested}", **headers) == (409, "BrokenMPU")
        evil.put_object(theirs, "inner", b"", headers=target)
        assert got(three, f"/{theirs}/{nested}") == (409, "BrokenMPU")
        evil.put_object(theirs, "another", b"y" * len(_SECRET))
        put_manifest(evil, theirs, "inner", "another")
        assert got(three, f"/{theirs}/{nested}") == (409, "BrokenMPU")
        put_manifest(evil, theirs, "deeper", "part")
        put_manifest(evil, theirs, "inner", "deeper")
        assert got(three, f"/{theirs}/{nested}") == (409, "BrokenMPU")

    def test_a_large_object_of_one_manifest_is_served(
        self, three: Parties, theirs: str, evil: Any
    ) -> None:
        acl = public(three.other.project_id)
        evil.put_object(theirs, "part", b"open")
        put_manifest(evil, theirs, "k", "part", "part", **acl_header(sealed(acl, theirs, "k")))
        answer = three.nobody("GET", f"/{theirs}/k")
        assert (answer.status, answer.body) == (200, b"openopen")
        answer = three.nobody("GET", f"/{theirs}/k", {"Range": "bytes=2-5"})
        assert (answer.status, answer.body) == (206, b"enop")
