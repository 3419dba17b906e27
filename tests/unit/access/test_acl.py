"""An ACL permits what it grants and nothing else, and survives being text."""

import pytest
from hypothesis import given, strategies as st

from s3gw.access.acl import (
    CANNED,
    MAX_GRANTS,
    SINGLE,
    Acl,
    Grant,
    Group,
    Permission,
    Project,
    acl_of,
    from_text,
    is_project_id,
    private,
    to_text,
)
from tests.unit.access.strategies import acls, grants, project_ids

OWNER, OTHER, THIRD = "0wner", "0ther", "third"
NOBODY = None


def granting(*pairs: tuple[Project | Group, Permission]) -> Acl:
    return acl_of(OWNER, [Grant(grantee, permission) for grantee, permission in pairs])


# Permits


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("project", [OTHER, NOBODY])
def test_a_private_acl_permits_nothing_to_strangers(
    project: str | None, permission: Permission
) -> None:
    assert not private(OWNER).permits(project, permission)
    assert private(OWNER).permits(OWNER, permission)


@pytest.mark.parametrize("granted", SINGLE)
@pytest.mark.parametrize("asked", SINGLE)
def test_a_grant_permits_that_permission_to_that_grantee(
    granted: Permission, asked: Permission
) -> None:
    same = granted is asked
    to_one = granting((Project(OTHER), granted))
    assert to_one.permits(OTHER, asked) is same
    assert not to_one.permits(THIRD, asked)
    assert not to_one.permits(NOBODY, asked)
    to_signers = granting((Group.AUTHENTICATED_USERS, granted))
    assert to_signers.permits(THIRD, asked) is same
    assert not to_signers.permits(NOBODY, asked)
    to_all = granting((Group.ALL_USERS, granted))
    assert to_all.permits(THIRD, asked) is same
    assert to_all.permits(NOBODY, asked) is same


def test_full_control_is_all_four_and_all_four_are_full_control() -> None:
    full = granting((Project(OTHER), Permission.FULL_CONTROL))
    assert all(full.permits(OTHER, permission) for permission in Permission)
    four = granting(*((Project(OTHER), permission) for permission in SINGLE))
    assert four.permits(OTHER, Permission.FULL_CONTROL)
    three = granting(*((Project(OTHER), permission) for permission in SINGLE[:3]))
    assert not three.permits(OTHER, Permission.FULL_CONTROL)


def test_an_owner_without_grants_can_still_mend_the_acl() -> None:
    bare = Acl(OWNER, ())
    assert bare.permits(OWNER, Permission.READ_ACP)
    assert bare.permits(OWNER, Permission.WRITE_ACP)
    assert not bare.permits(OWNER, Permission.READ)
    assert not bare.permits(OTHER, Permission.READ_ACP)


@given(acls, st.one_of(st.none(), project_ids), st.sampled_from(Permission))
def test_what_is_not_granted_is_refused(
    acl: Acl, project: str | None, permission: Permission
) -> None:
    """Every yes can be traced to a grant, or to ownership."""
    if acl.permits(project, permission) and project != acl.owner:
        reaching = {Group.ALL_USERS} if project is None else {*Group, Project(project)}
        assert any(grant.grantee in reaching for grant in acl.grants)


# Canned


@pytest.mark.parametrize(
    ("name", "grants_beside_the_owners"),
    [
        ("private", []),
        ("public-read", [Grant(Group.ALL_USERS, Permission.READ)]),
        (
            "public-read-write",
            [Grant(Group.ALL_USERS, Permission.READ), Grant(Group.ALL_USERS, Permission.WRITE)],
        ),
        ("authenticated-read", [Grant(Group.AUTHENTICATED_USERS, Permission.READ)]),
        ("bucket-owner-read", [Grant(Project(OTHER), Permission.READ)]),
        ("bucket-owner-full-control", [Grant(Project(OTHER), Permission.FULL_CONTROL)]),
    ],
)
def test_a_canned_acl_is_the_owners_and_what_its_name_says(
    name: str, grants_beside_the_owners: list[Grant]
) -> None:
    own = Grant(Project(OWNER), Permission.FULL_CONTROL)
    assert CANNED[name](OWNER, OTHER) == Acl(OWNER, (own, *grants_beside_the_owners))


@pytest.mark.parametrize("name", ["bucket-owner-read", "bucket-owner-full-control"])
def test_the_buckets_owner_needs_no_grant_in_his_own_acl(name: str) -> None:
    assert CANNED[name](OWNER, OWNER) == private(OWNER)


# Form


@given(project_ids, st.lists(grants, max_size=30))
def test_an_acl_has_one_form(owner: str, given_grants: list[Grant]) -> None:
    acl = acl_of(owner, given_grants)
    assert set(acl.grants) == set(given_grants)
    assert len(acl.grants) == len(set(given_grants))
    assert acl_of(owner, acl.grants) == acl


@given(acls)
def test_an_acl_survives_being_text(acl: Acl) -> None:
    text = to_text(acl)
    assert from_text(text) == acl
    assert text.isascii()
    assert text.isprintable()


def test_the_text_is_short() -> None:
    acl = granting(
        (Project(OWNER), Permission.FULL_CONTROL),
        (Group.ALL_USERS, Permission.READ),
        (Group.AUTHENTICATED_USERS, Permission.WRITE),
        (Project(OTHER), Permission.WRITE_ACP),
        (Project(OTHER), Permission.READ_ACP),
    )
    assert to_text(acl) == "0wner;0wner=F;*=r;+=w;0ther=RW"


@given(acls, st.data())
def test_a_text_that_was_touched_is_the_text_of_another_acl_or_of_none(
    acl: Acl, data: st.DataObject
) -> None:
    text = to_text(acl)
    position = data.draw(st.integers(0, len(text) - 1))
    touched = text[:position] + data.draw(st.characters()) + text[position + 1 :]
    try:
        found = from_text(touched)
    except ValueError:
        return
    assert (found == acl) is (touched == text)


@pytest.mark.parametrize(
    "text",
    [
        "", ";", "0wner;", "0wner;a", "0wner;a=", "0wner;=r", "0wner;a=x", "0wner;a=rr",
        "0wner;a=wr", "0wner;a=r;a=w", "0wner;a=r;", "0wner; a=r", "-;a=r", "*;a=r", "0wner;**=r",
        "0wner;a=r=w", "0wner;a:b=r", "0wner;a,b=r", "0wner;é=r", " 0wner", "0wner\n",
        f"0wner;{'a' * 65}=r",
    ],
)  # fmt: skip
def test_what_no_acl_becomes_is_no_acl(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        from_text(text)


def test_a_text_has_no_more_grants_than_an_acl_may() -> None:
    most = [Grant(Project(f"p{n}"), Permission.READ) for n in range(MAX_GRANTS + 1)]
    assert len(from_text(to_text(acl_of(OWNER, most[:-1]))).grants) == MAX_GRANTS
    with pytest.raises(ValueError, match="not"):
        from_text(to_text(acl_of(OWNER, most)))


# Names


@pytest.mark.parametrize("text", ["", "*", "a:b", "a,b", ".r", "-a", "a b", "é", "a\n", "a" * 65])
def test_what_would_bend_an_acl_of_swift_is_no_project(text: str) -> None:
    assert not is_project_id(text)
    assert is_project_id("f1e2d3c4b5a697887766554433221100")
