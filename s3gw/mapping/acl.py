"""S3's ACLs ↔ Swift's container ACLs.

The rule: what is written to Swift grants exactly what the S3 ACL does, or is refused; what is shown
never grants more than Swift does.  An entry that S3 has no word for (one user of a project, a role,
a Referer) is not shown.
https://docs.openstack.org/swift/latest/overview_acl.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from s3gw.access.acl import (
    Acl,
    Grant,
    Grantee,
    Group,
    Permission,
    Project,
    acl_of,
    is_project_id,
    private,
)
from s3gw.access.decide import Entry, Native
from s3gw.s3 import errors  # whose NotImplemented would hide the one of dataclasses

_EVERYBODY = ".r:*"
_LISTINGS = ".rlistings"
_REFERRER = ".r:"
# What Swift takes for the host of a request without a Referer; the gateway sends none.
_NO_REFERRER = "unknown"
_ANY = "*"
_READ, _WRITE = Permission.READ, Permission.WRITE


@dataclass(frozen=True, slots=True)
class ContainerAcl:
    """The two ACLs of a container as their headers have them; empty: nobody."""

    read: str = ""
    write: str = ""

    def headers(self) -> dict[str, str]:
        """The headers that set both; an empty one takes away what there was."""
        return {"X-Container-Read": self.read, "X-Container-Write": self.write}


# --- to Swift ---


def to_container(acl: Acl, *, public_listings: bool) -> ContainerAcl:
    """The container ACL that grants what the bucket's ACL does.

    `public_listings`: AllUsers READ lets everybody list, not only read objects.  Raises
    NotImplemented for what Swift cannot hold.
    """
    if not acl.permits(acl.owner, Permission.FULL_CONTROL):
        raise errors.NotImplemented("An ACL without the owner's FULL_CONTROL is not implemented.")
    read: list[str] = []
    write: list[str] = []
    for grant in acl.grants:
        if grant.grantee == Project(acl.owner):
            continue
        _check_holds(grant)
        if grant.permission is _WRITE:
            write.append(_entry(grant.grantee))
        elif grant.grantee is Group.ALL_USERS:
            read += [_EVERYBODY, _LISTINGS] if public_listings else [_EVERYBODY]
        else:
            read.append(_entry(grant.grantee))
    return ContainerAcl(",".join(read), ",".join(write))


def _check_holds(grant: Grant) -> None:
    is_public_write = grant.grantee is Group.ALL_USERS and grant.permission is _WRITE
    if grant.permission not in {_READ, _WRITE} or is_public_write:
        name = grant.grantee.id if isinstance(grant.grantee, Project) else grant.grantee
        raise errors.NotImplemented(
            "Swift's container ACLs cannot hold this grant.",
            Grantee=name,
            Permission=grant.permission,
        )


def _entry(grantee: Grantee) -> str:
    return f"{grantee.id}:*" if isinstance(grantee, Project) else "*:*"


# --- from Swift ---


def native(acl: ContainerAcl) -> Native:
    """What the container ACL grants, as Swift judges it for Keystone's users."""
    is_public = _is_public(acl.read)
    return Native(
        readers=frozenset(_entries(acl.read)),
        writers=frozenset(_entries(acl.write)),
        is_public=is_public,
        is_listed=is_public and _LISTINGS in _items(acl.read),
    )


def bucket_acl(owner: str, acl: ContainerAcl) -> Acl:
    """The bucket's ACL as S3 shows it."""
    public = [Grant(Group.ALL_USERS, _READ)] if _is_public(acl.read) else []
    granted = [*_grants(owner, acl.read, _READ), *_grants(owner, acl.write, _WRITE)]
    return acl_of(owner, [*private(owner).grants, *public, *granted])


def object_acl(owner: str, acl: ContainerAcl) -> Acl:
    """The ACL that each object of the container has in effect."""
    return bucket_acl(owner, ContainerAcl(read=acl.read))


def with_bucket_acl(own: Acl, acl: ContainerAcl) -> Acl:
    """A bucket's own ACL (mode s3), and beside it what its container's lets others do with it."""
    listed = [Grant(Group.ALL_USERS, _READ)] if native(acl).is_listed else []
    granted = [*_grants(own.owner, acl.read, _READ), *_grants(own.owner, acl.write, _WRITE)]
    return acl_of(own.owner, [*own.grants, *listed, *granted])


def with_object_acl(own: Acl, acl: ContainerAcl) -> Acl:
    """An object's own ACL (mode s3), and beside it what its container's lets others read."""
    public = [Grant(Group.ALL_USERS, _READ)] if _is_public(acl.read) else []
    return acl_of(own.owner, [*own.grants, *public, *_grants(own.owner, acl.read, _READ)])


def holds_object_acl(wanted: Acl, acl: ContainerAcl) -> bool:
    """Whether the ACL that an object is to have is the one that the container gives it.

    Of an object there is no WRITE, which S3 takes and does not mind.
    """
    return (
        all(_is_told(item) for item in _items(acl.read))
        and wanted.permits(wanted.owner, _READ)
        and _strangers(wanted) == _strangers(object_acl(wanted.owner, acl))
    )


def _strangers(acl: Acl) -> frozenset[Grant]:
    """What others than the owner may do with an object."""
    own = Project(acl.owner)
    return frozenset(
        grant for grant in acl.grants if grant.grantee != own and grant.permission is not _WRITE
    )


def _grants(owner: str, text: str, permission: Permission) -> Iterator[Grant]:
    for entry in _entries(text):
        if entry == Entry(_ANY, _ANY):
            yield Grant(Group.AUTHENTICATED_USERS, permission)
        elif _is_project(entry) and entry.project != owner:
            yield Grant(Project(entry.project), permission)


def _is_told(item: str) -> bool:
    """Whether S3 has a word for the entry of a read ACL."""
    if item in {_EVERYBODY, _LISTINGS}:
        return True
    return any(entry == Entry(_ANY, _ANY) or _is_project(entry) for entry in _entries(item))


def _is_project(entry: Entry) -> bool:
    return entry.user == _ANY and is_project_id(entry.project)


def _entries(text: str) -> Iterator[Entry]:
    """The entries `project:user`; a role (without a colon) speaks of the owner's own users."""
    for item in _items(text):
        project, colon, user = item.partition(":")
        if colon and not item.startswith("."):
            yield Entry(project, user)


def _items(text: str) -> list[str]:
    """The entries of a container ACL; Swift keeps them without blanks."""
    return [
        item if item.startswith(_REFERRER) else unquote(item) for item in text.split(",") if item
    ]


def _is_public(read: str) -> bool:
    """Whether those who send no Referer, as the gateway does not, are let in.

    The last entry that fits counts; a pattern such as `.example.com` fits no missing host.
    """
    is_allowed = False
    for item in _items(read):
        if item == _EVERYBODY or item == _REFERRER + _NO_REFERRER:
            is_allowed = True
        elif item == f"{_REFERRER}-{_NO_REFERRER}":
            is_allowed = False
    return is_allowed
