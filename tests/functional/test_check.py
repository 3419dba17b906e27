"""`s3gw check` against a real Keystone and a real Swift."""

from typing import Any

import pytest
from keystoneauth1.adapter import Adapter

from s3gw.app import clock
from s3gw.config import Settings
from s3gw.identity.check import check
from tests.functional.services import service_user
from tests.functional.stack import Stack


@pytest.fixture(scope="module")
def service(identity: Adapter) -> dict[str, str]:
    return service_user(identity, "reader", "service")


async def looked(stack: Stack, service: dict[str, str], **swift: str) -> dict[str, bool | None]:
    """What check says, by title."""
    settings: dict[str, Any] = {
        "identity": {"auth_url": stack.keystone.auth_url, "service": service},
        "swift": swift,
    }
    return {finding.title: finding.ok for finding in await check(Settings(**settings), clock)}


async def test_check_finds_all_well(stack: Stack, service: dict[str, str]) -> None:
    findings = await looked(stack, service, region=stack.region)
    assert findings == dict.fromkeys(
        (
            "Keystone reachable",
            "Clock",
            "Service user accepted",
            "EC2 secrets readable",
            "Tokens for users",
            "Swift in the catalog",
            "Swift /info",
            "Swift slo",
            "Swift bulk",
            "Swift versioning",
            "Swift copy",
        ),
        True,
    )


@pytest.mark.parametrize(
    ("system_roles", "project_role", "readable", "minted"),
    [
        (("reader", "service"), None, True, True),
        (("reader",), None, True, False),
        (("service",), None, False, True),
        ((), "service", False, True),
        ((), "reader", False, False),
        ((), "admin", True, True),
    ],
)
async def test_check_tells_what_each_role_gives(
    stack: Stack,
    identity: Adapter,
    system_roles: tuple[str, ...],
    project_role: str | None,
    readable: bool,  # noqa: FBT001 - a column of the table
    minted: bool,  # noqa: FBT001 - as above
) -> None:
    service = service_user(identity, *system_roles, project_role=project_role)
    findings = await looked(stack, service)
    assert findings["EC2 secrets readable"] is readable
    assert findings["Tokens for users"] is minted


async def test_check_misses_swift_in_a_region_that_has_none(
    stack: Stack, service: dict[str, str]
) -> None:
    findings = await looked(stack, service, region="Nowhere")
    assert findings["Swift in the catalog"] is False


_USER, _NAMES, _POWER = (
    "Gateway's own Swift user",
    "Account for the registry of bucket names",
    "Power over all accounts (access.mode = s3)",
)


@pytest.mark.parametrize(
    ("role", "names", "power"),
    [("ResellerAdmin", True, True), ("member", True, False), ("reader", False, False)],
)
async def test_check_tells_what_the_gateways_own_user_may(
    stack: Stack,
    identity: Adapter,
    service: dict[str, str],
    role: str,
    names: bool,  # noqa: FBT001 - a column of the table
    power: bool,  # noqa: FBT001 - as above
) -> None:
    login = service_user(identity, project_role=role)
    settings: dict[str, Any] = {
        "identity": {"auth_url": stack.keystone.auth_url, "service": service},
        "swift": {"region": stack.region},
        "buckets": {"global_names": True},
        "access": {"mode": "s3", "service": login, "acl_key": "k" * 32},
    }
    findings = {found.title: found for found in await check(Settings(**settings), clock)}
    assert [findings[title].ok for title in (_USER, _NAMES, _POWER)] == [True, names, power]
    assert login["password"] not in str(findings)


async def test_check_names_a_wrong_login_of_the_gateways_own_user(
    stack: Stack, service: dict[str, str]
) -> None:
    for login, advice in (
        ({"username": "nobody", "password": "x", "user_domain_id": "default"}, "access.service"),
        (service, "scoped to a project"),
    ):
        settings: dict[str, Any] = {
            "identity": {"auth_url": stack.keystone.auth_url, "service": service},
            "buckets": {"global_names": True},
            "access": {"service": login},
        }
        found = {found.title: found for found in await check(Settings(**settings), clock)}
        assert found[_USER].ok is False
        assert advice in found[_USER].advice
