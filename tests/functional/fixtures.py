"""One stand-alone stack a session, and witnesses beside it, for all tests that need a real one.

tests/conftest.py registers them, so that the tests of real clients have the same stack.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol
from unittest import mock
from uuid import uuid4

import pytest
import swiftclient
from keystoneauth1 import session
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3

from tests.functional.secrecy import SESSION, LoudStderr
from tests.functional.stack import Stack, launched, read
from tests.functional.witness import swift_of

# Taken out of the environment: it is no setting of the gateway, which refuses unknown ones.
_REUSED = os.environ.pop("S3GW_TEST_READY_FILE", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user with one role in a project, and an EC2 credential for it."""

    name: str
    user_id: str
    password: str = field(repr=False)
    project_id: str
    access_key: str
    secret_key: str = field(repr=False)


class MakeUser(Protocol):
    """Makes a user with a role in a project, by default a new one of their own."""

    def __call__(self, role: str = "member", project_id: str | None = None) -> Person: ...


@pytest.fixture(scope="session", autouse=True)
def _nothing_secret_is_logged() -> Iterator[None]:
    """Of all that the session's gateways log, whichever test made them do so."""
    loud = SimpleNamespace(stderr=LoudStderr(SESSION))
    with mock.patch("s3gw.observe.sys", loud):
        yield
    assert SESSION.leaks() == {}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack; during development the one whose ready file S3GW_TEST_READY_FILE names."""
    if _REUSED is not None:
        yield read(Path(_REUSED))
        return
    data = tmp_path_factory.mktemp("standalone") / "data"
    with launched(data, "--with-s3api") as launch:
        yield launch.wait_until_ready()
        code, output = launch.stop()
        SESSION.note((data / "log" / "gateway.log").read_text(encoding="utf-8"))
    assert code == 0, output


@pytest.fixture(scope="session")
def keystone_admin(stack: Stack) -> Iterator[session.Session]:
    """A keystoneauth1 session of the administrator."""
    login = v3.Password(
        auth_url=stack.keystone.auth_url,
        username=stack.keystone.admin_user,
        password=stack.keystone.admin_password,
        project_name=stack.keystone.admin_project,
        user_domain_id="default",
        project_domain_id="default",
    )
    with closing(session.Session(auth=login)) as admin:
        yield admin


@pytest.fixture(scope="session")
def identity(stack: Stack, keystone_admin: session.Session) -> Adapter:
    """Keystone's API as the administrator, for paths such as /users."""
    return Adapter(keystone_admin, endpoint_override=stack.keystone.auth_url)


@pytest.fixture(scope="session")
def make_user(identity: Adapter) -> MakeUser:
    """Makes further users; they stay until the stack goes."""
    roles = {role["name"]: role["id"] for role in identity.get("/roles").json()["roles"]}

    def make(role: str = "member", project_id: str | None = None) -> Person:
        name = f"user-{uuid4().hex}"
        project = project_id or _made(identity, "project", {"name": name})
        password = uuid4().hex
        user = _made(identity, "user", {"name": name, "password": password})
        identity.put(f"/projects/{project}/users/{user}/roles/{roles[role]}")
        path = f"/users/{user}/credentials/OS-EC2"
        credential = identity.post(path, json={"tenant_id": project}).json()["credential"]
        SESSION.keep("a secret key", credential["secret"])
        SESSION.keep("a password", password)
        return Person(
            name=name,
            user_id=user,
            password=password,
            project_id=project,
            access_key=credential["access"],
            secret_key=credential["secret"],
        )

    return make


@pytest.fixture(scope="session")
def swift(stack: Stack) -> Iterator[swiftclient.Connection]:
    """The witness beside the gateway."""
    with closing(swift_of(stack)) as connection:
        yield connection


def _made(identity: Adapter, kind: str, fields: dict[str, Any]) -> str:
    document = {kind: {"domain_id": "default", **fields}}
    made: str = identity.post(f"/{kind}s", json=document).json()[kind]["id"]
    return made
