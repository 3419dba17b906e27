"""The settings file of the gateway: what it must know of the backend, and nothing else."""

import json
from collections.abc import Mapping

from s3gw.standalone.directory import Layout, write_private
from s3gw.standalone.provisioning import SERVICE_PROJECT
from s3gw.standalone.state import REGION, State
from s3gw.standalone.swift_conf import SECOND_POLICY

_HEAD = "# Written by `s3gw standalone` at each start: changes here are lost.\n"
_GRACE = 5  # seconds that requests in flight may go on after Ctrl-C


def write(layout: Layout, state: State, *, auth_url: str, host: str, port: int) -> None:
    """Write s3gw.toml (mode 0600: it holds the service user's password and the key of ACLs)."""
    user = {
        "auth_type": "password",
        "username": "s3gw",
        "password": state.passwords["s3gw"],
        "user_domain_id": "default",
    }
    tables: dict[str, Mapping[str, str | int]] = {
        "server": {"host": host, "port": port, "grace": _GRACE},
        "s3": {"region": REGION},
        "s3.storage_classes": {"STANDARD_IA": SECOND_POLICY},
        "identity": {"auth_url": auth_url},
        "identity.service": {**user, "system_scope": "all"},
        "buckets": {"global_names": True},
        "access": {"mode": "s3", "acl_key": state.acl_key},
        "access.service": {
            **user,
            "project_name": SERVICE_PROJECT,
            "project_domain_id": "default",
        },
        "swift": {"region": REGION},
        "metrics": {"port": 0},  # a free one, which the log tells
    }
    text = "\n".join(_table(name, settings) for name, settings in tables.items())
    write_private(layout.settings, _HEAD + text)


def _table(name: str, settings: Mapping[str, str | int]) -> str:
    # A JSON string, number or boolean, in ASCII, is also a TOML one.
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
    return f"[{name}]\n{''.join(lines)}"
