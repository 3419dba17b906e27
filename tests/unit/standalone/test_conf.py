"""The files that are written for Keystone, Swift and the gateway."""

import configparser
from dataclasses import replace
from pathlib import Path

import pytest

from s3gw.mapping import layout as layout_names
from s3gw.settings_file import load
from s3gw.standalone import gateway_conf, keystone_conf, provisioning, swift_conf
from s3gw.standalone.directory import Layout
from s3gw.standalone.state import State, fresh

AUTH_URL = "http://127.0.0.1:1/v3"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.make()
    return layout


@pytest.fixture
def state() -> State:
    return fresh()


def _parsed(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    assert parser.read(path, encoding="utf-8") == [str(path)]
    return parser


def test_the_gateway_reads_its_settings(layout: Layout, state: State) -> None:
    state = replace(state, passwords={**state.passwords, "s3gw": 'quote " and \\ and ü'})
    gateway_conf.write(layout, state, auth_url=AUTH_URL, host="::1", port=8333)
    settings = load(layout.settings)
    assert (settings.server.host, settings.server.port) == ("::1", 8333)
    assert settings.identity.auth_url == AUTH_URL
    assert settings.identity.service == {
        "auth_type": "password",
        "username": "s3gw",
        "password": 'quote " and \\ and ü',
        "user_domain_id": "default",
        "system_scope": "all",
    }
    assert settings.s3.region == settings.swift.region == "RegionOne"
    assert (settings.buckets.global_names, settings.access.mode) == (True, "s3")
    assert settings.access.acl_keys == (state.acl_key.encode(),)
    assert settings.access.service == {
        "auth_type": "password",
        "username": "s3gw",
        "password": 'quote " and \\ and ü',
        "user_domain_id": "default",
        "project_name": "service",
        "project_domain_id": "default",
    }
    assert layout.settings.stat().st_mode & 0o777 == 0o600


def test_the_registry_has_the_name_that_the_gateway_looks_for() -> None:
    assert provisioning.REGISTRY == layout_names.REGISTRY


def test_what_clients_notice_of_swift_stays_at_its_defaults(layout: Layout, state: State) -> None:
    swift_conf.write(layout, state, auth_url=AUTH_URL)
    proxy = _parsed(layout.swift / "proxy.conf")
    assert dict(proxy["filter:slo"]) == {
        **proxy.defaults(),
        "use": "egg:swift#slo",
        "rate_limit_under_size": "0",
    }
    assert set(proxy["filter:bulk"]) == {*proxy.defaults(), "use"}
    assert "swift-constraints" not in _parsed(layout.swift / "swift.conf")


@pytest.mark.parametrize("name", ["proxy", "s3api"])
def test_every_name_of_a_pipeline_has_a_section(name: str, layout: Layout, state: State) -> None:
    swift_conf.write(layout, state, auth_url=AUTH_URL)
    proxy = _parsed(layout.swift / f"{name}.conf")
    *filters, app = proxy["pipeline:main"]["pipeline"].split()
    assert app == "proxy-server"
    assert not [name for name in filters if f"filter:{name}" not in proxy]
    assert ("s3api" in filters) == (name == "s3api")


def test_the_services_log_in_as_two_different_users(layout: Layout, state: State) -> None:
    swift_conf.write(layout, state, auth_url=AUTH_URL)
    login = _parsed(layout.swift / "proxy.conf")["filter:authtoken"]
    assert (login["username"], login["password"]) == ("swift", state.passwords["swift"])
    assert state.passwords["swift"] != state.passwords["s3gw"]


@pytest.mark.parametrize(("fsync", "text"), [(True, "true"), (False, "false")])
def test_keystone_syncs_when_swift_does(fsync: bool, text: str, layout: Layout) -> None:  # noqa: FBT001 - a parameter of the test
    keystone_conf.write(layout, fsync=fsync, token_expiration=60)
    keystone = _parsed(layout.keystone / "keystone.conf")
    assert keystone["database"]["sqlite_synchronous"] == text
    assert keystone["token"]["expiration"] == "60"
