"""`s3gw check` says of each thing whether it is there, and what to do if it is not."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from s3gw.config import Settings
from s3gw.identity.check import check
from s3gw.identity.findings import Finding
from tests.unit.identity.fakes import Clock
from tests.unit.identity.stub import NOW, Answer, Stub, token

SERVICE = {
    "username": "s3gw",
    "password": "p4ss",
    "user_domain_id": "default",
    "system_scope": "all",
}
TITLES = [
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
]
UNSEEN = Answer(403, {"error": {"message": "You are not authorized"}})


@pytest.fixture
def cloud(stub: Stub) -> Stub:
    """A Keystone and a Swift on one port, where all is well."""
    endpoints = [
        {"service_id": service, "region_id": region, "url": url, "enabled": enabled}
        for service, region, url, enabled in (
            ("nova", "One", "http://nova", True),
            ("swift", "Old", "http://old/v1/AUTH_%(project_id)s", False),
            ("swift", "One", f"{stub.url}/v1/AUTH_%(project_id)s", True),
        )
    ]
    middlewares = ("slo", "bulk_delete", "object_versioning")
    stub.answers |= {
        ("GET", "/v3/services"): Answer(200, {"services": [{"id": "swift"}]}),
        ("GET", "/v3/endpoints"): Answer(200, {"endpoints": endpoints}),
        ("GET", "/info"): Answer(
            200, {"swift": {"version": "2.38"}} | {name: {} for name in middlewares}
        ),
        ("PUT", "/v1/AUTH_check/container/object"): Answer(412),
        ("POST", "/v3/ec2tokens"): Answer(404),
    }
    return stub


async def looked(stub: Stub, **changes: Any) -> dict[str, Finding]:
    """The findings by title."""
    identity = {"auth_url": stub.url, "service": SERVICE, "timeout": 2}
    sections = {"identity": identity | changes.pop("identity", {})} | changes
    findings = await check(Settings(**sections), Clock(NOW.timestamp()))
    assert len({finding.title for finding in findings}) == len(findings)
    assert all(finding.advice or finding.ok for finding in findings)
    assert "p4ss" not in str(findings)
    return {finding.title: finding for finding in findings}


async def test_all_is_well(cloud: Stub) -> None:
    findings = await looked(cloud)
    assert list(findings) == TITLES
    assert {finding.ok for finding in findings.values()} == {True}
    assert (
        findings["Service user accepted"].detail
        == "s3gw, on the system with the roles: reader, service"
    )


async def test_it_sends_swift_no_token_and_changes_nothing(cloud: Stub) -> None:
    await looked(cloud)
    to_swift = [asked for asked in cloud.asked if not asked.path.startswith("/v3")]
    assert [asked.token for asked in to_swift] == [None, None]
    writes = [asked.path for asked in cloud.asked if asked.method != "GET"]
    assert writes == ["/v3/auth/tokens", "/v3/ec2tokens", "/v1/AUTH_check/container/object"]


async def test_a_dead_keystone_ends_it(cloud: Stub) -> None:
    findings = await looked(cloud, identity={"auth_url": "http://127.0.0.1:1"})
    assert [finding.ok for finding in findings.values()] == [False]
    assert "identity.auth_url" in findings["Keystone reachable"].advice


async def test_a_keystone_that_speaks_no_tls_is_told_of(cloud: Stub) -> None:
    findings = await looked(cloud, identity={"auth_url": cloud.url.replace("http", "https")})
    assert [finding.ok for finding in findings.values()] == [False]
    assert "identity.ca_file" in findings["Keystone reachable"].advice


async def test_another_server_is_not_taken_for_keystone(cloud: Stub) -> None:
    findings = await looked(cloud, identity={"auth_url": f"{cloud.url}/horizon"})
    assert [finding.ok for finding in findings.values()] == [False]
    assert "answered 404" in findings["Keystone reachable"].detail


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ({}, "identity.service.password: is required with auth_type password"),
        (SERVICE | {"usr": "x"}, "identity.service.usr: is not an option of this auth_type"),
    ],
)
async def test_wrong_settings_are_named(cloud: Stub, service: dict[str, Any], said: str) -> None:
    findings = await looked(cloud, identity={"service": service})
    assert list(findings) == ["Settings"]
    assert findings["Settings"].detail == said


@pytest.mark.parametrize(
    ("seconds", "ok"), [(59, True), (-59, True), (61, None), (-899, None), (900, False)]
)
async def test_the_clocks_are_compared(cloud: Stub, seconds: int, ok: bool | None) -> None:  # noqa: FBT001 - a column of the table
    cloud.date = NOW + timedelta(seconds=seconds)
    assert (await looked(cloud))["Clock"].ok is ok


async def test_a_keystone_without_date_is_a_warning(cloud: Stub) -> None:
    cloud.date = None
    assert (await looked(cloud))["Clock"].ok is None


async def test_a_refused_service_user_ends_it(cloud: Stub) -> None:
    cloud.answers["POST", "/v3/auth/tokens"] = Answer(401)
    findings = await looked(cloud)
    assert list(findings) == TITLES[:3]
    assert findings["Service user accepted"].ok is False
    assert "[identity.service]" in findings["Service user accepted"].advice


async def test_a_missing_role_is_named_by_the_command_that_gives_it(
    cloud: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3gw.identity.check.credential_id", lambda _key: "any")
    cloud.answers |= {("GET", "/v3/credentials/any"): UNSEEN, ("POST", "/v3/ec2tokens"): UNSEEN}
    findings = await looked(cloud)
    for title, role in (("EC2 secrets readable", "reader"), ("Tokens for users", "service")):
        assert findings[title].ok is False
        assert findings[title].detail == "403 You are not authorized"
        assert f"--system all {role}" in findings[title].advice
    assert list(findings) == TITLES


async def test_a_keystone_that_mints_none_is_told_of(cloud: Stub) -> None:
    cloud.answers["POST", "/v3/ec2tokens"] = Answer(503)
    finding = (await looked(cloud))["Tokens for users"]
    assert (finding.ok, finding.detail) == (False, "Keystone answered 503")
    assert "ec2credential" in finding.advice


async def test_a_keystone_that_fails_is_told_of(
    cloud: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3gw.identity.check.credential_id", lambda _key: "any")
    cloud.answers["GET", "/v3/credentials/any"] = Answer(500)
    finding = (await looked(cloud))["EC2 secrets readable"]
    assert (finding.ok, finding.detail) == (False, "Keystone answered 500")


async def test_a_wrong_region_is_told_with_those_that_exist(cloud: Stub) -> None:
    findings = await looked(cloud, swift={"region": "Two"})
    assert list(findings) == TITLES[:6]
    assert findings["Swift in the catalog"].ok is False
    assert "in region Two; regions that have one: One" in findings["Swift in the catalog"].detail


async def test_a_catalog_that_cannot_be_seen_is_a_warning(cloud: Stub) -> None:
    cloud.answers["GET", "/v3/endpoints"] = UNSEEN
    findings = await looked(cloud)
    assert list(findings) == TITLES[:6]
    assert findings["Swift in the catalog"].ok is None


@pytest.mark.parametrize(
    "answer", [Answer(500), Answer(200, {"endpoints": [{}]}), Answer(200, "x")]
)
async def test_a_catalog_that_makes_no_sense_is_no_crash(cloud: Stub, answer: Answer) -> None:
    cloud.answers["GET", "/v3/endpoints"] = answer
    assert (await looked(cloud))["Swift in the catalog"].ok is False


async def test_a_template_needs_no_catalog(cloud: Stub) -> None:
    cloud.answers["GET", "/v3/endpoints"] = UNSEEN
    template = f"{cloud.url}/v1/AUTH_{{project_id}}"
    findings = await looked(cloud, swift={"storage_url_template": template})
    assert list(findings) == TITLES
    assert findings["Swift in the catalog"].detail == f"{cloud.url}/v1/AUTH_check"


@pytest.mark.parametrize(
    ("name", "title", "ok"),
    [
        ("slo", "Swift slo", False),
        ("bulk_delete", "Swift bulk", None),
        ("object_versioning", "Swift versioning", None),
    ],
)
async def test_a_missing_middleware_is_named(
    cloud: Stub,
    name: str,
    title: str,
    ok: bool | None,  # noqa: FBT001 - a column of the table
) -> None:
    info = cloud.answers["GET", "/info"]
    assert isinstance(info, Answer)
    del info.document[name]
    findings = await looked(cloud)
    assert findings[title].ok is ok
    assert [found.title for found in findings.values() if found.ok is not True] == [title]


@pytest.mark.parametrize("answer", [Answer(403), Answer(200, "<html>"), Answer(200, {"swift": 3})])
async def test_an_info_that_is_not_shown_is_a_warning(cloud: Stub, answer: Answer) -> None:
    cloud.answers["GET", "/info"] = answer
    findings = await looked(cloud)
    assert list(findings) == [*TITLES[:7], "Swift copy"]
    assert findings["Swift /info"].ok is None
    assert findings["Swift copy"].ok is True


async def test_a_copy_that_cannot_be_seen_is_a_warning(cloud: Stub) -> None:
    cloud.answers["PUT", "/v1/AUTH_check/container/object"] = Answer(401)
    assert (await looked(cloud))["Swift copy"].ok is None


async def test_a_dead_swift_is_told_of(cloud: Stub) -> None:
    findings = await looked(
        cloud, swift={"storage_url_template": "http://127.0.0.1:1/v1/{project_id}"}
    )
    assert findings["Swift /info"].ok is False
    assert list(findings) == TITLES[:7]


@pytest.fixture
def keys(cloud: Stub, tmp_path: Path) -> Callable[[], dict[str, Any]]:
    """Settings of a file with two keys."""

    def write() -> dict[str, Any]:
        path = tmp_path / "keys.toml"
        login = f'auth_url = "{cloud.url}/auth", username = "u", password = "p4ss"'
        tables = (
            f'[keys.{name}]\nsecret = "s"\nlogin = {{auth_type = "v1", {login}}}\n'
            for name in ("ONE", "TWO")
        )
        path.write_text("".join(tables), encoding="utf-8")
        return {"provider": "static", "static_file": path}

    headers = {"X-Storage-Url": f"{cloud.url}/v1/AUTH_test", "X-Auth-Token": "t"}
    cloud.answers["GET", "/auth"] = Answer(200, {}, headers)
    return write


async def test_each_key_of_a_file_is_tried_and_its_cluster_looked_at_once(
    cloud: Stub, keys: Callable[[], dict[str, Any]]
) -> None:
    findings = await looked(cloud, identity=keys())
    assert list(findings) == ["Access key ONE", "Access key TWO", *TITLES[6:]]
    assert {finding.ok for finding in findings.values()} == {True}


async def test_a_key_that_cannot_log_in_is_named(
    cloud: Stub, keys: Callable[[], dict[str, Any]]
) -> None:
    cloud.answers["GET", "/auth"] = Answer(401)
    findings = await looked(cloud, identity=keys())
    assert list(findings) == ["Access key ONE", "Access key TWO"]
    assert {finding.ok for finding in findings.values()} == {False}


async def test_a_wrong_file_is_told_of(cloud: Stub, tmp_path: Path) -> None:
    settings = {"provider": "static", "static_file": tmp_path / "none"}
    findings = await looked(cloud, identity=settings)
    assert findings["Settings"].ok is False


async def test_a_user_scoped_to_a_project_is_described(cloud: Stub) -> None:
    document = token(
        user={"id": "u", "name": "s3gw", "domain": {"id": "default"}},
        project={"id": "p", "name": "service", "domain": {"id": "default"}},
        roles=[{"id": "1", "name": "service"}],
        catalog=[],
    )
    cloud.answers["POST", "/v3/auth/tokens"] = Answer(201, document, {"X-Subject-Token": "t"})
    finding = (await looked(cloud))["Service user accepted"]
    assert finding.detail == "s3gw, on project service with the roles: service"
