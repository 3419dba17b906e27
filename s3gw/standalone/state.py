"""What a data directory must never forget: passwords, hash salts, ports and ids.

The rule: state.json is replaced atomically, and says by itself whether the first start
came to its end.  Everything else that is written (settings, rings) follows from it.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from s3gw.standalone.directory import Layout, write_private
from s3gw.standalone.exits import Exit, StandaloneError

REGION = "RegionOne"
"""The region of Keystone's catalog, and of the gateway."""

_VERSION = 1
_USERS = ("admin", "swift", "s3gw", "demo")


@dataclass(frozen=True, slots=True)
class Tenant:
    """The user for whom everything is made: ids in Keystone, and an EC2 credential."""

    project_id: str
    user_id: str
    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """The content of state.json."""

    hash_prefix: str = field(repr=False)
    hash_suffix: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    """By name of the user: admin, swift (Swift's own), s3gw (the gateway's) and demo."""
    ports: Mapping[str, int]
    """The last ports of keystone, proxy, s3api, account, container and object."""
    acl_key: str = field(repr=False)
    """The gateway's own secret for the ACLs in Swift, which grant nothing without it."""
    tenant: Tenant | None = None
    """None until the first start has come to its end."""
    published: Mapping[str, str] = field(default_factory=dict)
    """What Keystone was last told of the servers: see the module provisioning."""

    @property
    def owner(self) -> Tenant:
        """The tenant; LookupError before the first start has come to its end."""
        if self.tenant is None:
            raise LookupError("the first start still goes on")
        return self.tenant


def fresh() -> State:
    """The state of a new directory, with new secrets."""
    return State(
        hash_prefix=secrets.token_hex(8),
        hash_suffix=secrets.token_hex(8),
        passwords={user: secrets.token_urlsafe(18) for user in _USERS},
        ports={},
        acl_key=_new_key(),
    )


def load(layout: Layout) -> State:
    """The state in a directory; a fresh one if the directory is empty.

    Raises StandaloneError (INCOMPLETE) if the directory holds anything but the outcome of
    a first start that came to its end.
    """
    if layout.is_empty():
        return fresh()
    state = load_any(layout)
    if state.tenant is None:
        raise _incomplete(layout, "was left by a first start that did not come to its end")
    for part in (layout.keystone / "keystone.db", layout.device):
        if not part.exists():
            raise _incomplete(layout, f"lacks {part.relative_to(layout.root)}")
    return state


def load_any(layout: Layout) -> State:
    """The state in a directory, also of a first start that still goes on.

    Raises StandaloneError (INCOMPLETE) if there is none, or it cannot be read.
    """
    try:
        return _parse(layout.state)
    except FileNotFoundError as error:
        raise _incomplete(layout, "holds files, but no state.json") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _incomplete(layout, "has a state.json that cannot be read") from error


def save(layout: Layout, state: State) -> None:
    """Replace state.json."""
    document = {"version": _VERSION, **asdict(state)}
    write_private(layout.state, json.dumps(document, indent=1) + "\n")


def _parse(path: Path) -> State:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document.pop("version") != _VERSION:
        raise ValueError("another version's state")
    tenant = document.pop("tenant")
    document.setdefault("acl_key", _new_key())  # of a directory from before there was one
    state = State(tenant=Tenant(**tenant) if tenant else None, **document)
    if not all(user in state.passwords for user in _USERS):
        raise ValueError("a password is missing")
    return state


def _new_key() -> str:
    return secrets.token_urlsafe(32)


def _incomplete(layout: Layout, what: str) -> StandaloneError:
    return StandaloneError(
        Exit.INCOMPLETE,
        f"{layout.root}: {what}; remove the directory, or name another one with --data",
    )
