"""A login in the settings is taken at its word, or refused with the key that is wrong."""

from pathlib import Path
from typing import Any

import pytest
from keystoneauth1.identity import v3
from keystoneauth1.identity.generic import Password

from s3gw.config import ConfigError
from s3gw.identity.plugins import load_plugin, open_session

URL = "http://keystone/v3"
LOGIN = {"auth_url": URL, "username": "s3gw", "user_domain_id": "default"}


def test_the_default_is_a_password() -> None:
    plugin = load_plugin("identity.service", LOGIN | {"password": "p", "system_scope": "all"})
    assert isinstance(plugin, Password)
    assert plugin._password == "p"
    assert plugin._system_scope == "all"


def test_any_plugin_may_be_named() -> None:
    options = {
        "auth_type": "v3applicationcredential",
        "auth_url": URL,
        "application_credential_id": "id",
        "application-credential-secret": "s",
    }
    assert isinstance(load_plugin("identity.service", options), v3.ApplicationCredential)


@pytest.mark.parametrize("auth_type", ["v1", "tempauth", "v1password"])
def test_a_v1_login_has_three_names(auth_type: str) -> None:
    options = {"auth_type": auth_type, "auth_url": "http://swift/auth/v1.0", "password": "p"}
    plugin = load_plugin("x", options | {"username": "test:tester"})
    assert type(plugin).__module__ == "swiftclient.authv1"


def test_an_old_name_of_an_option_is_understood() -> None:
    plugin = load_plugin("x", LOGIN | {"password": "p", "tenant_id": "t"})
    assert isinstance(plugin, Password)
    assert plugin._project_id == "t"


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\n", encoding="utf-8")
    plugin = load_plugin("x", LOGIN | {"password_file": str(file)})
    assert isinstance(plugin, Password)
    assert plugin._password == "from the file"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"passwrd": "p"}, "identity.service.passwrd: is not an option of this auth_type"),
        ({"username_file": "f"}, "identity.service.username_file: is not an option"),
        ({"password": ["p"]}, "identity.service.password: must be a text"),
        ({"user_name": "a"}, "identity.service.user_name: username is given twice"),
        ({"password_file": "/nowhere"}, "identity.service.password_file: /nowhere cannot be read"),
        ({"auth_type": "nonsense"}, "identity.service.auth_type: there is no keystoneauth1 plugin"),
        ({"auth_type": 3}, "identity.service.auth_type: must be the name"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_plugin("identity.service", LOGIN | options)
    assert str(caught.value).startswith(said)


def test_a_missing_option_is_named() -> None:
    with pytest.raises(ConfigError, match=r"identity\.service: .*auth_url"):
        load_plugin("identity.service", {"username": "s3gw", "password": "p"})


@pytest.mark.parametrize("auth_type", ["password", "v3password"])
@pytest.mark.parametrize("password", [{}, {"password": ""}])
def test_a_missing_password_is_named(auth_type: str, password: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"identity\.service\.password: is required"):
        load_plugin("identity.service", LOGIN | {"auth_type": auth_type} | password)


def test_a_plugin_that_gives_no_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"x\.auth_type: none is not a login"):
        load_plugin("x", {"auth_type": "none", "endpoint": "http://swift"})


def test_a_session_looks_at_no_environment_and_trusts_the_file(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    session = open_session("identity.ca_file", authority, 7, connections=3)
    assert (session.verify, session.timeout) == (str(authority), 7)
    assert session.session.trust_env is False
    session.session.close()


def test_a_missing_authority_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"identity\.ca_file: .* is not a file"):
        open_session("identity.ca_file", tmp_path / "none.pem", 1)
