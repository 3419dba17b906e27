"""What a stand-alone gateway tells when it is ready: a file for programs, a page for people.

The rule: every line of the page that looks like a command can be pasted into a shell as it
is, with the real endpoint and keys.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s3gw.standalone.provisioning import PROJECT
from s3gw.standalone.sockets import LOOPBACK
from s3gw.standalone.state import REGION, State

_BOLD, _GREEN, _CYAN, _DIM, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[36m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Running:
    """A stand-alone gateway that answers."""

    data: Path
    endpoint: str | None
    """The gateway's URL; None without a gateway."""
    state: State
    storage_url: str
    pids: Mapping[str, int]
    with_s3api: bool
    seconds: float = field(compare=False)
    """How long the start took."""


def ready_file(running: Running) -> str:
    """The text of the ready file: JSON."""
    state, tenant = running.state, running.state.owner
    document: dict[str, Any] = {
        "endpoint": running.endpoint,
        "region": REGION,
        "access_key": tenant.access_key,
        "secret_key": tenant.secret_key,
        "project": {"id": tenant.project_id, "name": PROJECT},
        "user": {"id": tenant.user_id, "name": PROJECT, "password": state.passwords[PROJECT]},
        "service_user": {"name": "s3gw", "password": state.passwords["s3gw"]},
        "keystone": {
            "auth_url": state.published["identity"],
            "admin_user": "admin",
            "admin_password": state.passwords["admin"],
            "admin_project": "admin",
        },
        "swift": {
            "proxy_url": f"http://{LOOPBACK}:{state.ports['proxy']}",
            "storage_url": running.storage_url,
        },
        "pids": dict(running.pids),
    }
    if running.with_s3api:
        document["s3api_url"] = f"http://{LOOPBACK}:{state.ports['s3api']}"
    return json.dumps(document, indent=1) + "\n"


def page(running: Running, *, colour: bool) -> str:
    """The text for people, with colours if they are wanted."""
    lines = [f"{_BOLD}{_GREEN}s3gw is ready{_PLAIN} {_DIM}({running.seconds:.1f} s){_PLAIN}", ""]
    lines += [f"  {_BOLD}{name:<12}{_PLAIN}{value}" for name, value in _facts(running).items()]
    for client, commands in _clients(running).items():
        lines += ["", f"{_BOLD}{client}{_PLAIN}"]
        lines += [f"  {_CYAN}{command}{_PLAIN}" for command in commands]
    lines += ["", f"{_DIM}Ctrl-C stops it; the data stay in {running.data}.{_PLAIN}", ""]
    text = "\n".join(lines)
    if colour:
        return text
    for code in (_BOLD, _GREEN, _CYAN, _DIM, _PLAIN):
        text = text.replace(code, "")
    return text


def _facts(running: Running) -> dict[str, str]:
    tenant = running.state.owner
    facts = {
        "endpoint": running.endpoint or "none: only the backend was started",
        "region": REGION,
        "access key": tenant.access_key,
        "secret key": tenant.secret_key,
        "keystone": running.state.published["identity"],
        "swift": running.storage_url,
    }
    if running.with_s3api:
        facts["s3api"] = f"http://{LOOPBACK}:{running.state.ports['s3api']}"
    return facts


def _clients(running: Running) -> dict[str, tuple[str, ...]]:
    url, tenant = running.endpoint, running.state.owner
    if url is None:
        return {}
    access, secret = tenant.access_key, tenant.secret_key
    boto3 = (
        f'import boto3; s3 = boto3.client("s3", endpoint_url="{url}", region_name="{REGION}",'
        f' aws_access_key_id="{access}", aws_secret_access_key="{secret}");'
        ' print(s3.list_buckets()["Buckets"])'
    )
    keys = f"AWS_ACCESS_KEY_ID={access} AWS_SECRET_ACCESS_KEY={secret} AWS_DEFAULT_REGION={REGION}"
    remote = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENV_AUTH": "true",
        "ENDPOINT": url,
        "REGION": REGION,
    }
    rclone = " ".join(f"RCLONE_CONFIG_S3GW_{name}={value}" for name, value in remote.items())
    return {
        "for the commands below": (f"export {keys}",),
        "aws-cli": (
            f"aws --endpoint-url {url} s3 mb s3://hello",
            f"echo hi | aws --endpoint-url {url} s3 cp - s3://hello/hi.txt",
            f"aws --endpoint-url {url} s3 ls s3://hello",
        ),
        "boto3": (f"python -c '{boto3}'",),
        "rclone": (
            f"export {rclone}",
            "rclone mkdir s3gw:hello && rclone lsf s3gw:",
        ),
        "restic": (
            f"export RESTIC_REPOSITORY=s3:{url}/backup RESTIC_PASSWORD=change-me",
            "restic init && restic backup --quiet /etc/hostname && restic snapshots",
        ),
    }
