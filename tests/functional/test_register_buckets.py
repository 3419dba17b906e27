"""`s3gw jobs register-buckets` on a cluster with buckets of several projects."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from keystoneauth1.adapter import Adapter
from swiftclient import ClientException

from s3gw.cli import main
from tests.functional.fixtures import MakeUser, Person
from tests.functional.parties import as_person, as_service
from tests.functional.services import service_user
from tests.functional.stack import Stack

_REGISTRY = "s3gw-buckets"


@pytest.fixture
def service(identity: Adapter) -> dict[str, str]:
    return service_user(identity, project_role="ResellerAdmin")


def job(stack: Stack, service: dict[str, str], path: Path, *arguments: str) -> Result:
    """Run it with settings as an operator writes them."""
    keystone = {
        "username": stack.service_user.name,
        "password": stack.service_user.password,
        "user_domain_id": "default",
        "system_scope": "all",
    }
    tables: dict[str, dict[str, Any]] = {
        "identity": {"auth_url": stack.keystone.auth_url},
        "identity.service": keystone,
        "buckets": {"global_names": True},
        "access.service": service,
    }
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return CliRunner().invoke(main, ["jobs", "register-buckets", f"--config={path}", *arguments])


def holder(registry: Any, name: str) -> str | None:
    try:
        account: str = json.loads(registry.get_object(_REGISTRY, name)[1])["account"]
    except ClientException as error:
        if error.http_status != 404:
            raise
        return None
    return account


def test_what_a_cluster_has_is_entered_and_clashes_are_told(
    stack: Stack, service: dict[str, str], make_user: MakeUser, tmp_path: Path
) -> None:
    people: list[Person] = [make_user(), make_user()]
    accounts = [as_person(stack, person) for person in people]
    names = [url.url.rpartition("/")[2] for url in accounts]
    one, both, held, lost = (f"{kind}-{uuid4().hex}" for kind in ("One_", "both", "held", "lost"))
    for account in accounts:
        for name in (both, held, f"{one}+segments", ".s3gw"):
            account.put_container(name)
    accounts[0].put_container(one)
    registry = as_service(stack, service)
    registry.put_container(_REGISTRY)
    for name in (held, lost):
        entry = json.dumps({"account": names[1], "nonce": ""})
        registry.put_object(_REGISTRY, name, entry)

    dry = job(stack, service, tmp_path / "s3gw.toml", "--dry-run")
    assert holder(registry, one) is None
    assert "would be entered" in dry.stdout
    real = job(stack, service, tmp_path / "s3gw.toml")
    for result in (dry, real):
        assert result.exit_code == 1
        lines = result.stdout.splitlines()
        assert f"clash        {both}: {', '.join(sorted(names))}" in lines
        assert f"clash        {held}: {names[1]}, {names[0]}" in lines
        assert f"left behind  {lost}" in lines
        assert not [line for line in lines if "+segments" in line or _REGISTRY in line]
    assert holder(registry, one) == names[0]
    assert holder(registry, both) is None
    assert holder(registry, held) == names[1]


def test_without_the_power_to_look_into_accounts_it_ends_with_one_line(
    stack: Stack, identity: Adapter, make_user: MakeUser, tmp_path: Path
) -> None:
    as_person(stack, make_user()).put_container("something")
    service = service_user(identity, project_role="member")
    result = job(stack, service, tmp_path / "s3gw.toml")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("s3gw: GET : 403")
    assert service["password"] not in result.output


def test_without_a_service_user_it_is_a_wrong_setting(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "s3gw.toml"
    path.write_text(f'[identity]\nauth_url = "{stack.keystone.auth_url}"\n', encoding="utf-8")
    result = CliRunner().invoke(main, ["jobs", "register-buckets", f"--config={path}"])
    assert result.exit_code == 2
    assert "access.service" in result.stderr
