"""S3's access control lists, as values.

The rule: an ACL is an owner and grants, each to one project or to one group of everybody.  What
it does not grant, it refuses; the owner alone can always read and write the ACL itself.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

MAX_GRANTS = 100
"""What S3 lets an ACL have at most."""

_PROJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Permission(StrEnum):
    """What a grant permits; of a bucket READ is listing, and WRITE is putting and deleting."""

    READ = "READ"
    WRITE = "WRITE"
    READ_ACP = "READ_ACP"
    WRITE_ACP = "WRITE_ACP"
    FULL_CONTROL = "FULL_CONTROL"
    """All four."""


SINGLE = (Permission.READ, Permission.WRITE, Permission.READ_ACP, Permission.WRITE_ACP)
"""The permissions that FULL_CONTROL holds."""


class Group(StrEnum):
    """Grantees that are more than one project."""

    ALL_USERS = "AllUsers"
    """Everybody, also without a signature."""
    AUTHENTICATED_USERS = "AuthenticatedUsers"
    """Whoever signs, of any project."""


@dataclass(frozen=True, slots=True)
class Project:
    """A canonical user of S3: one is one Keystone project."""

    id: str


Grantee: TypeAlias = Project | Group


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission of one grantee."""

    grantee: Grantee
    permission: Permission


@dataclass(frozen=True, slots=True)
class Acl:
    """An ACL in its one form: each grant once, those of a grantee together (see `acl_of`)."""

    owner: str
    """Id of a project."""
    grants: tuple[Grant, ...]

    def permits(self, project: str | None, permission: Permission) -> bool:
        """Whether a caller of that project (None: without a signature) has the permission."""
        needed = SINGLE if permission is Permission.FULL_CONTROL else (permission,)
        return all(self._permits(project, single) for single in needed)

    def _permits(self, project: str | None, permission: Permission) -> bool:
        if project == self.owner and permission in _OWNERS_OWN:
            return True
        sufficient = permission, Permission.FULL_CONTROL
        return any(
            grant.permission in sufficient and _is_among(project, grant.grantee)
            for grant in self.grants
        )


_OWNERS_OWN = (Permission.READ_ACP, Permission.WRITE_ACP)


def is_project_id(text: str) -> bool:
    """Whether the text can be the id of a project: nothing that bends an ACL of Swift."""
    return _PROJECT_ID.fullmatch(text) is not None


def acl_of(owner: str, grants: Iterable[Grant]) -> Acl:
    """The ACL with these grants, grantees in the order of their first one."""
    found: dict[Grantee, set[Permission]] = {}
    for grant in grants:
        found.setdefault(grant.grantee, set()).add(grant.permission)
    ordered = (
        Grant(grantee, permission)
        for grantee, permissions in found.items()
        for permission in Permission
        if permission in permissions
    )
    return Acl(owner, tuple(ordered))


def _is_among(project: str | None, grantee: Grantee) -> bool:
    match grantee:
        case Group.ALL_USERS:
            return True
        case Group.AUTHENTICATED_USERS:
            return project is not None
        case Project(id=granted):
            return project == granted


# --- canned ACLs ---


def private(owner: str) -> Acl:
    """Nobody but the owner: what a new bucket or object has."""
    return Acl(owner, (Grant(Project(owner), Permission.FULL_CONTROL),))


def _also(*grants: Grant) -> Callable[[str, str], Acl]:
    return lambda owner, _bucket_owner: acl_of(owner, (*private(owner).grants, *grants))


def _for_bucket_owner(permission: Permission) -> Callable[[str, str], Acl]:
    def build(owner: str, bucket_owner: str) -> Acl:
        if owner == bucket_owner:
            return private(owner)
        return acl_of(owner, (*private(owner).grants, Grant(Project(bucket_owner), permission)))

    return build


CANNED: Mapping[str, Callable[[str, str], Acl]] = MappingProxyType(
    {
        "private": _also(),
        "public-read": _also(Grant(Group.ALL_USERS, Permission.READ)),
        "public-read-write": _also(
            Grant(Group.ALL_USERS, Permission.READ), Grant(Group.ALL_USERS, Permission.WRITE)
        ),
        "authenticated-read": _also(Grant(Group.AUTHENTICATED_USERS, Permission.READ)),
        "bucket-owner-read": _for_bucket_owner(Permission.READ),
        "bucket-owner-full-control": _for_bucket_owner(Permission.FULL_CONTROL),
    }
)
"""Name to the ACL for an owner and the owner of the bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
"""


# --- as text ---

_LETTERS: Mapping[Permission, str] = MappingProxyType(
    {
        Permission.READ: "r",
        Permission.WRITE: "w",
        Permission.READ_ACP: "R",
        Permission.WRITE_ACP: "W",
        Permission.FULL_CONTROL: "F",
    }
)
_PERMISSIONS = MappingProxyType({letter: permission for permission, letter in _LETTERS.items()})
_GROUPS: Mapping[Group, str] = MappingProxyType(
    {Group.ALL_USERS: "*", Group.AUTHENTICATED_USERS: "+"}
)
_GROUP_SIGNS = MappingProxyType({sign: group for group, sign in _GROUPS.items()})


def to_text(acl: Acl) -> str:
    """The ACL as short ASCII text, the same for the same ACL: `<owner>;<grantee>=<letters>;…`.

    A grantee is a project's id, `*` (all users) or `+` (authenticated users); the letters are
    `r` READ, `w` WRITE, `R` READ_ACP, `W` WRITE_ACP, `F` FULL_CONTROL.
    """
    found: dict[str, str] = {}
    for grant in acl.grants:
        grantee = grant.grantee
        name = _GROUPS[grantee] if isinstance(grantee, Group) else grantee.id
        found[name] = found.get(name, "") + _LETTERS[grant.permission]
    return ";".join([acl.owner, *(f"{name}={letters}" for name, letters in found.items())])


def from_text(text: str) -> Acl:
    """The ACL of a text that `to_text` wrote; raises ValueError for any other."""
    owner, *entries = text.split(";")
    grants = [grant for entry in entries for grant in _entry(entry)]
    acl = acl_of(owner, grants)
    if not is_project_id(owner) or len(grants) > MAX_GRANTS or to_text(acl) != text:
        raise ValueError("not the text of an ACL")
    return acl


def _entry(entry: str) -> list[Grant]:
    name, equals, letters = entry.partition("=")
    group = _GROUP_SIGNS.get(name)
    known = group is not None or is_project_id(name)
    if not (known and equals and letters and all(letter in _PERMISSIONS for letter in letters)):
        raise ValueError("not an entry of an ACL")
    return [Grant(group or Project(name), _PERMISSIONS[letter]) for letter in letters]
