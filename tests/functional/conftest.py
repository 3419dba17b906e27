"""What functional tests share: one stand-alone stack a session, and witnesses beside it."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest
import swiftclient
from keystoneauth1 import session
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3

from tests.functional.gateway import Running, running, s3_client, settings_for
from tests.functional.stack import Stack, launched, read

# Taken out of the environment: it is no setting of the gateway, which refuses unknown ones.
_REUSED = os.environ.pop("S3GW_TEST_READY_FILE", None)
GATEWAY: tuple[str, ...] = () if find_spec("s3gw.cli") else ("--no-gateway",)


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this directory is a functional one."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.functional)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack; during development the one whose ready file S3GW_TEST_READY_FILE names."""
    if _REUSED is not None:
        yield read(Path(_REUSED))
        return
    data = tmp_path_factory.mktemp("standalone") / "data"
    with launched(data, "--with-s3api", *GATEWAY) as launch:
        yield launch.wait_until_ready()
        code, output = launch.stop()
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
        return Person(
            name=name,
            user_id=user,
            password=password,
            project_id=project,
            access_key=credential["access"],
            secret_key=credential["secret"],
        )

    return make


@pytest.fixture
def swift(stack: Stack) -> Iterator[swiftclient.Connection]:
    """Swift's own client with the user's own token: the witness beside the gateway."""
    login = v3.Password(
        auth_url=stack.keystone.auth_url,
        username=stack.user.name,
        password=stack.user.password,
        project_id=stack.project.id,
        user_domain_id="default",
    )
    with closing(session.Session(auth=login)) as user:
        token = user.get_token()
    url = stack.swift.storage_url
    with closing(swiftclient.Connection(preauthurl=url, preauthtoken=token)) as connection:
        yield connection


def _made(identity: Adapter, kind: str, fields: dict[str, Any]) -> str:
    document = {kind: {"domain_id": "default", **fields}}
    made: str = identity.post(f"/{kind}s", json=document).json()[kind]["id"]
    return made


@pytest.fixture(scope="session")
def gateway(stack: Stack) -> Iterator[Running]:
    """A gateway with default settings, whose wire to Swift can be watched."""
    with running(settings_for(stack)) as found:
        yield found


@pytest.fixture(scope="session")
def s3(gateway: Running, stack: Stack) -> Iterator[Any]:
    """boto3's S3 client of the stack's user, without repeats."""
    with closing(s3_client(gateway.endpoint, stack)) as client:
        yield client


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new, empty bucket."""
    name = f"bucket-{uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name
