"""May this caller do this?  The one decision, for both settings of access.mode.

The rule: deny by default.  What is unknown grants nothing; whoever could not read an ACL passes
None for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Literal, TypeAlias

from s3gw.access.acl import Acl, Permission
from s3gw.access.needs import Need

Mode: TypeAlias = Literal["swift", "s3"]


class Verdict(Enum):
    """What becomes of a request."""

    DENIED = auto()
    OWN_POWER = auto()
    """To Swift with the caller's own token, or with none: Swift decides."""
    GRANTED = auto()
    """S3's ACLs let the caller in, which Swift would not: through the closed door."""


@dataclass(frozen=True, slots=True)
class Who:
    """A caller: Keystone's ids of project and user."""

    project: str
    user: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom a container's ACL names: a user of a project, each an id or `*` for any."""

    project: str
    user: str

    def names(self, who: Who) -> bool:
        """Whether the caller is one of those."""
        return self.project in {"*", who.project} and self.user in {"*", who.user}


@dataclass(frozen=True, slots=True)
class Native:
    """What a container's own ACL grants to whom, in Swift's sense."""

    readers: frozenset[Entry] = frozenset()
    """They read all objects, and list."""
    writers: frozenset[Entry] = frozenset()
    """They put and delete."""
    is_public: bool = False
    """Everybody reads all objects."""
    is_listed: bool = False
    """Everybody lists."""

    def permits(self, who: Who | None, need: Need) -> bool:
        """Whether Swift lets the caller (None: nobody known) do it."""
        match need:
            case Need.OBJECT_READ:
                return self.is_public or _names(self.readers, who)
            case Need.BUCKET_READ:
                return self.is_listed or _names(self.readers, who)
            case Need.BUCKET_WRITE:
                return _names(self.writers, who)
            case _:
                return False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a bucket and an object in it; None: nothing."""

    owner: str
    """Id of the bucket's project."""
    bucket: Acl | None = None
    object: Acl | None = None
    native: Native | None = None
    """The container's own ACL."""


_GRANTED_BY: Mapping[Need, tuple[Literal["bucket", "object"], Permission]] = MappingProxyType(
    {
        Need.BUCKET_READ: ("bucket", Permission.READ),
        Need.BUCKET_WRITE: ("bucket", Permission.WRITE),
        Need.BUCKET_READ_ACP: ("bucket", Permission.READ_ACP),
        Need.BUCKET_WRITE_ACP: ("bucket", Permission.WRITE_ACP),
        Need.OBJECT_READ: ("object", Permission.READ),
        Need.OBJECT_READ_ACP: ("object", Permission.READ_ACP),
        Need.OBJECT_WRITE_ACP: ("object", Permission.WRITE_ACP),
    }
)
"""Whose ACL grants what is needed, and with which permission; the rest no ACL can grant."""

# What a container's ACL can hold, for strangers and for everybody.
_SWIFT_GRANTS = frozenset((Need.BUCKET_READ, Need.BUCKET_WRITE, Need.OBJECT_READ))
_SWIFT_GRANTS_ALL = frozenset((Need.BUCKET_READ, Need.OBJECT_READ))


def decide(mode: Mode, who: Who | None, need: Need, known: Known) -> Verdict:
    """The verdict on a request that needs `need` of a bucket or of an object in it.

    `who` is None for a request without a signature.  Owners go to Swift with their own token in
    either mode, since Swift judges what a user may do in his own project.
    """
    if need is Need.NOTHING:
        return Verdict.OWN_POWER
    if who is not None and (need is Need.CALLER or who.project == known.owner):
        return Verdict.OWN_POWER
    if mode == "swift":
        held = _SWIFT_GRANTS_ALL if who is None else _SWIFT_GRANTS
        return Verdict.OWN_POWER if need in held else Verdict.DENIED
    return _by_acl(who, need, known)


def _by_acl(who: Who | None, need: Need, known: Known) -> Verdict:
    """The gateway's own verdict on a stranger."""
    if known.native is not None and known.native.permits(who, need):
        # A write looks before it acts, for which Swift would want READ as well.
        return Verdict.GRANTED if need is Need.BUCKET_WRITE else Verdict.OWN_POWER
    if need not in _GRANTED_BY:
        return Verdict.DENIED
    whose, permission = _GRANTED_BY[need]
    acl = known.bucket if whose == "bucket" else known.object
    project = None if who is None else who.project
    if acl is not None and acl.permits(project, permission):
        return Verdict.GRANTED
    return Verdict.DENIED


def _names(entries: frozenset[Entry], who: Who | None) -> bool:
    return who is not None and any(entry.names(who) for entry in entries)
