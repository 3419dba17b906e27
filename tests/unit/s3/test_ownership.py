"""Object Ownership: what CreateBucket may be told, and which ACLs are refused then."""

import pytest

from s3gw.access.acl import Acl, Grant, Group, Permission, acl_of, private
from s3gw.mapping.layout import META_OWNERSHIP
from s3gw.mapping.ownership import ownership_in, to_container
from s3gw.s3.errors import (
    AccessControlListNotSupported,
    InvalidArgument,
    NotImplemented,
)
from s3gw.s3.ownership import Ownership, check_acl, check_new_bucket, wanted_ownership
from s3gw.s3.ownership_errors import InvalidBucketAclWithObjectOwnership
from s3gw.s3.request import Headers

OWNER = "p" * 32
PRIVATE = private(OWNER)
PUBLIC = acl_of(OWNER, [*PRIVATE.grants, Grant(Group.ALL_USERS, Permission.READ)])
ENFORCED, PREFERRED = Ownership.ENFORCED, Ownership.PREFERRED


def told(value: str) -> Headers:
    return Headers([("x-amz-object-ownership", value)])


def canned(name: str | None) -> Headers:
    return Headers([] if name is None else [("x-amz-acl", name)])


def test_it_is_one_of_s3s_words() -> None:
    assert wanted_ownership(Headers([])) is None
    assert wanted_ownership(told("BucketOwnerEnforced")) is ENFORCED
    assert wanted_ownership(told("BucketOwnerPreferred")) is PREFERRED
    for value in ("", "bucketownerenforced", "x"):
        with pytest.raises(InvalidArgument):
            wanted_ownership(told(value))


def test_no_object_belongs_to_its_writer() -> None:
    with pytest.raises(NotImplemented):
        wanted_ownership(told("ObjectWriter"))


def test_a_bucket_is_not_made_with_acls_and_without() -> None:
    with pytest.raises(InvalidBucketAclWithObjectOwnership):
        check_new_bucket(ENFORCED, PUBLIC, OWNER)
    for ownership, acl in (
        (ENFORCED, None),
        (ENFORCED, PRIVATE),
        (PREFERRED, PUBLIC),
        (None, PUBLIC),
    ):
        check_new_bucket(ownership, acl, OWNER)


@pytest.mark.parametrize(
    ("name", "acl"),
    [("private", PRIVATE), ("public-read", PUBLIC), ("bucket-owner-read", PRIVATE), (None, PUBLIC)],
)
def test_where_there_are_no_acls_none_is_set(name: str | None, acl: Acl) -> None:
    with pytest.raises(AccessControlListNotSupported):
        check_acl(ENFORCED, acl, canned(name))
    for ownership in (PREFERRED, None):
        check_acl(ownership, acl, canned(name))


@pytest.mark.parametrize("name", ["bucket-owner-full-control", None, ""])
def test_but_that_the_owner_has_full_control_may_be_said(name: str | None) -> None:
    check_acl(ENFORCED, PRIVATE, canned(name))


@pytest.mark.parametrize("ownership", list(Ownership))
def test_a_container_keeps_it(ownership: Ownership) -> None:
    assert ownership_in(to_container(ownership)) is ownership


@pytest.mark.parametrize("headers", [{}, {META_OWNERSHIP: ""}, {META_OWNERSHIP: "of tomorrow"}])
def test_what_is_not_known_was_not_said(headers: dict[str, str]) -> None:
    assert ownership_in(headers) is None
