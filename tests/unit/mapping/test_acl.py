"""Container ACLs say what S3's ACLs do, and are shown as what Swift itself makes of them.

The judge is Swift's own keystoneauth middleware.
"""

import logging
from typing import Any

import pytest
from hypothesis import assume, given, settings, strategies as st
from swift.common.middleware.acl import clean_acl
from swift.common.middleware.keystoneauth import KeystoneAuth
from swift.common.swob import Request

from s3gw.access.acl import CANNED, Acl, Grant, Group, Permission, Project, acl_of, private
from s3gw.access.decide import Entry, Who
from s3gw.access.needs import Need
from s3gw.mapping.acl import (
    ContainerAcl,
    bucket_acl,
    holds_object_acl,
    native,
    object_acl,
    to_container,
)
from s3gw.s3.errors import NotImplemented as S3NotImplemented
from tests.unit.access.strategies import acls, grants

OWNER, OTHER, THIRD = "0wner", "0ther", "third"
NOBODY = None


def _judge() -> KeystoneAuth:
    """The middleware, without its logger, whose name is also that of a library's."""
    judge = KeystoneAuth(None, {"allow_names_in_acls": "false", "operator_roles": "member"})
    logger = logging.getLogger("keystoneauth")
    logger.propagate = True
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    return judge


_JUDGE = _judge()
_ROADS = {
    Need.OBJECT_READ: ("GET", "/c/o", "read"),
    Need.BUCKET_READ: ("GET", "/c", "read"),
    Need.BUCKET_WRITE: ("PUT", "/c/o", "write"),
}


def swift_lets(who: Who | None, need: Need, acl: ContainerAcl) -> bool:
    """What Swift itself decides, of a caller without a Referer."""
    method, path, side = _ROADS[need]
    request = Request.blank(f"/v1/AUTH_{OWNER}{path}", {"REQUEST_METHOD": method})
    request.acl = getattr(acl, side)
    if who is None:
        return _JUDGE.authorize_anonymous(request) is None
    caller: dict[str, Any] = {
        "user": (who.user, "a name"),
        "tenant": (who.project, "a name"),
        "roles": ["member"],
        "service_roles": [],
        "user_domain": ("d", "d"),
        "project_domain": ("d", "d"),
    }
    return _JUDGE.authorize(caller, request) is None


entries = st.one_of(
    st.sampled_from([
        ".r:*", ".rlistings", ".r:example.com", ".r:.example.com", ".r:-example.com", ".r:-*",
        ".r:unknown", ".r:-unknown", ".r:.unknown", "*:*", "*:bob", "*:eve", "0ther:*", "0ther:bob",
        "0ther:eve", "third:*", "0wner:*", "member", "admin", "a%3Ab", "%2A:%2A", "x y:*", "0ther",
        "a:b:c", ":", ":*", "0ther:", "*:",
    ]),
    st.text("*:.r%-bob0ther,", max_size=12),
)  # fmt: skip
container_acls = st.builds(
    lambda read, write: ContainerAcl(",".join(read), ",".join(write)),
    st.lists(entries, max_size=5),
    st.lists(entries, max_size=5),
)
strangers = st.sampled_from([Who(OTHER, "bob"), Who(THIRD, "cid"), NOBODY])


@settings(max_examples=300, deadline=None)
@given(container_acls, strangers, st.sampled_from([*_ROADS]))
def test_a_container_acl_is_judged_as_swift_judges_it(
    acl: ContainerAcl, who: Who | None, need: Need
) -> None:
    try:
        stored = ContainerAcl(
            clean_acl("X-Container-Read", acl.read), clean_acl("X-Container-Write", acl.write)
        )
    except ValueError:
        assume(False)
    assert native(stored).permits(who, need) is swift_lets(who, need, stored)


@settings(max_examples=300, deadline=None)
@given(container_acls, strangers)
def test_what_is_shown_is_never_more_than_swift_grants(acl: ContainerAcl, who: Who | None) -> None:
    """READ of all users is reading objects, as docs/mapping.md says; of others, listing too."""
    project = None if who is None else who.project
    for shown in (bucket_acl(OWNER, acl), object_acl(OWNER, acl)):
        if shown.permits(project, Permission.READ):
            assert native(acl).permits(who, Need.OBJECT_READ)
        if shown.permits(project, Permission.WRITE):
            assert native(acl).permits(who, Need.BUCKET_WRITE)
        assert not shown.permits(project, Permission.READ_ACP)
        assert not shown.permits(project, Permission.WRITE_ACP)
        assert shown.permits(OWNER, Permission.FULL_CONTROL)


def granting(*pairs: tuple[Project | Group, Permission]) -> Acl:
    own = private(OWNER).grants
    return acl_of(OWNER, [*own, *(Grant(grantee, permission) for grantee, permission in pairs)])


READ, WRITE = Permission.READ, Permission.WRITE


# To Swift


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("private", ContainerAcl()),
        ("bucket-owner-read", ContainerAcl()),
        ("bucket-owner-full-control", ContainerAcl()),
        ("public-read", ContainerAcl(read=".r:*")),
        ("authenticated-read", ContainerAcl(read="*:*")),
    ],
)
def test_a_canned_acl_is_a_container_acl(name: str, expected: ContainerAcl) -> None:
    assert to_container(CANNED[name](OWNER, OWNER), public_listings=False) == expected


def test_everybody_lists_only_where_the_operator_says_so() -> None:
    public = CANNED["public-read"](OWNER, OWNER)
    assert to_container(public, public_listings=True) == ContainerAcl(read=".r:*,.rlistings")


def test_grants_to_projects_and_to_all_who_sign() -> None:
    acl = granting(
        (Project(OTHER), READ),
        (Project(OTHER), WRITE),
        (Project(THIRD), READ),
        (Group.AUTHENTICATED_USERS, WRITE),
    )
    assert to_container(acl, public_listings=False) == ContainerAcl(
        "0ther:*,third:*", "0ther:*,*:*"
    )


def test_both_headers_are_set_whatever_there_was() -> None:
    assert ContainerAcl(read=".r:*").headers() == {
        "X-Container-Read": ".r:*",
        "X-Container-Write": "",
    }


@pytest.mark.parametrize(
    ("grantee", "permission"),
    [
        (Group.ALL_USERS, WRITE),
        *(
            (grantee, permission)
            for grantee in (Group.ALL_USERS, Group.AUTHENTICATED_USERS, Project(OTHER))
            for permission in Permission
            if permission not in {READ, WRITE}
        ),
    ],
)
def test_what_swift_cannot_hold_is_not_implemented(
    grantee: Project | Group, permission: Permission
) -> None:
    with pytest.raises(S3NotImplemented) as error:
        to_container(granting((Project(THIRD), READ), (grantee, permission)), public_listings=False)
    assert error.value.details["Permission"] == permission


@pytest.mark.parametrize("permissions", [[], [READ], [WRITE], [READ, Permission.WRITE_ACP]])
def test_an_owner_cannot_lose_his_rights(permissions: list[Permission]) -> None:
    acl = acl_of(OWNER, [Grant(Project(OWNER), permission) for permission in permissions])
    with pytest.raises(S3NotImplemented, match="owner"):
        to_container(acl, public_listings=False)


def test_all_four_permissions_are_the_owners_full_control() -> None:
    four = [Grant(Project(OWNER), permission) for permission in Permission][:4]
    assert to_container(acl_of(OWNER, four), public_listings=False) == ContainerAcl()


@given(acls, st.booleans())
def test_what_was_written_is_shown_again_and_grants_that_in_swift(acl: Acl, listed: bool) -> None:  # noqa: FBT001
    try:
        held = to_container(acl, public_listings=listed)
    except S3NotImplemented:
        return
    shown = bucket_acl(acl.owner, held)
    own = Project(acl.owner)
    assert {grant for grant in shown.grants if grant.grantee != own} == {
        grant for grant in acl.grants if grant.grantee != own
    }
    for header in ("X-Container-Read", "X-Container-Write"):
        assert clean_acl(header, held.headers()[header]) == held.headers()[header]


# From Swift


@pytest.mark.parametrize(
    ("read", "write", "expected"),
    [
        ("", "", []),
        (".r:*", "", [(Group.ALL_USERS, READ)]),
        (".r:*,.rlistings", "", [(Group.ALL_USERS, READ)]),
        (".rlistings", "", []),
        (".r:*,.r:-thief.example", "", [(Group.ALL_USERS, READ)]),
        (".r:.example.com", "", []),
        (".r:*,.r:-unknown", "", []),
        ("*:*", "", [(Group.AUTHENTICATED_USERS, READ)]),
        ("0ther:*", "0ther:*", [(Project(OTHER), READ), (Project(OTHER), WRITE)]),
        ("0ther:bob,third:*", "", [(Project(THIRD), READ)]),
        ("*:bob", "*:bob", []),
        ("member,admin", "member", []),
        ("0wner:*", "0wner:*", []),
        ("0ther", "0ther", []),
        ("a b:*", "", []),
        ("", "*:*", [(Group.AUTHENTICATED_USERS, WRITE)]),
    ],
)
def test_a_native_container_acl_is_shown_as_far_as_s3_has_words(
    read: str, write: str, expected: list[tuple[Project | Group, Permission]]
) -> None:
    shown = bucket_acl(OWNER, ContainerAcl(read, write))
    assert shown == granting(*expected)


def test_an_objects_acl_is_what_the_container_lets_read() -> None:
    acl = ContainerAcl(".r:*,0ther:*", "0ther:*")
    assert object_acl(OWNER, acl) == granting((Group.ALL_USERS, READ), (Project(OTHER), READ))


def test_the_users_of_entries_are_kept_apart() -> None:
    found = native(ContainerAcl("0ther:bob,*:*,.r:*,.rlistings", "third:*"))
    assert found.readers == {Entry(OTHER, "bob"), Entry("*", "*")}
    assert found.writers == {Entry(THIRD, "*")}
    assert found.is_public
    assert found.is_listed


# What an object is to have


@pytest.mark.parametrize(
    ("wanted", "read", "write", "is_held"),
    [
        ("private", "", "", True),
        ("private", "", "0ther:*", True),
        ("private", ".r:*", "", False),
        ("private", "0ther:*", "", False),
        ("private", "0ther:bob", "", False),
        ("private", "member", "", False),
        ("private", ".r:.example.com", "", False),
        ("private", ".rlistings", "", True),
        ("bucket-owner-full-control", "", "", True),
        ("bucket-owner-full-control", ".r:*", "", False),
        ("public-read", ".r:*", "", True),
        ("public-read", ".r:*,.rlistings", "", True),
        ("public-read", "", "", False),
        ("public-read", "*:*", "", False),
        ("public-read", ".r:*,0ther:*", "", False),
        ("public-read", ".r:*,.r:-thief.example", "", False),
        ("public-read-write", ".r:*", "", True),
        ("authenticated-read", "*:*", "", True),
        ("authenticated-read", ".r:*", "", False),
        ("authenticated-read", "", "", False),
    ],
)
def test_an_object_acl_is_held_if_it_is_what_the_container_gives(
    wanted: str,
    read: str,
    write: str,
    is_held: bool,  # noqa: FBT001
) -> None:
    acl = CANNED[wanted](OWNER, OWNER)
    assert holds_object_acl(acl, ContainerAcl(read, write)) is is_held


@given(st.lists(grants, max_size=5), container_acls)
def test_no_acl_is_held_that_a_stranger_could_tell_from_the_containers(
    given_grants: list[Grant], acl: ContainerAcl
) -> None:
    wanted = acl_of(OWNER, [*private(OWNER).grants, *given_grants])
    if holds_object_acl(wanted, acl):
        for who in (Who(OTHER, "bob"), Who(THIRD, "cid"), NOBODY):
            project = None if who is None else who.project
            permitted = wanted.permits(project, READ)
            assert permitted is native(acl).permits(who, Need.OBJECT_READ)
