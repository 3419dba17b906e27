"""Settings come from a file and the environment; a wrong one is one line that names it."""

import os
from pathlib import Path
from typing import Any

import pytest

from s3gw.config import ConfigError, Settings, read_secret
from s3gw.setting_types import Section
from s3gw.settings_file import load

KEYSTONE = "https://keystone.example/v3"
MINIMAL = f'[identity]\nauth_url = "{KEYSTONE}"\n'


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("S3GW_"):
            monkeypatch.delenv(name)


def written(directory: Path, text: str) -> Path:
    path = directory / "s3gw.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path | None) -> str:
    """The one line that refuses the settings."""
    with pytest.raises(ConfigError) as refused:
        load(path)
    line = str(refused.value)
    assert "\n" not in line
    return line


def test_only_the_identity_has_no_default(tmp_path: Path) -> None:
    settings = load(written(tmp_path, MINIMAL))
    assert settings.identity.auth_url == KEYSTONE
    assert settings.server == Settings.model_fields["server"].default
    assert settings.server.port == 8333


def test_a_file_sets_every_section(tmp_path: Path) -> None:
    text = (
        MINIMAL
        + '[identity.service]\nusername = "s3gw"\n[server]\nport = 1\ntls_certificate = "c.pem"\n'
        '[s3]\ndomains = ["s3.example", "*.s3.example"]\n[limits]\nxml_size = 10\n'
        '[swift]\ninterface = "internal"\n[buckets]\nfacts_ttl = 0\n[log]\nformat = "text"\n'
    )
    settings = load(written(tmp_path, text))
    assert settings.identity.service == {"username": "s3gw"}
    assert settings.server.port == 1
    assert settings.server.tls_certificate == Path("c.pem")
    assert settings.s3.domains == ("s3.example", "*.s3.example")
    assert settings.limits.xml_size == 10
    assert settings.swift.interface == "internal"
    assert settings.buckets.facts_ttl == 0
    assert settings.log.format == "text"


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3GW_IDENTITY__AUTH_URL", KEYSTONE)
    monkeypatch.setenv("S3GW_IDENTITY__SERVICE__USERNAME", "s3gw")
    monkeypatch.setenv("S3GW_S3__STRICT_REGION", "true")
    monkeypatch.setenv("S3GW_S3__DOMAINS", "s3.example, *.s3.example")
    monkeypatch.setenv("S3GW_SWIFT__CA_FILE", "/etc/ca.pem")
    settings = load(None)
    assert settings.identity.auth_url == KEYSTONE
    assert settings.identity.service == {"username": "s3gw"}
    assert settings.s3.strict_region is True
    assert settings.s3.domains == ("s3.example", "*.s3.example")
    assert settings.swift.ca_file == Path("/etc/ca.pem")


def test_the_environment_overrides_the_file_setting_by_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(
        tmp_path,
        MINIMAL + "secret_ttl = 5\nthreads = 3\n"
        '[identity.service]\nusername = "from-file"\npassword = "from-file"\n[server]\nport = 1\n',
    )
    monkeypatch.setenv("S3GW_SERVER__PORT", "2")
    monkeypatch.setenv("S3GW_IDENTITY__THREADS", "4")
    monkeypatch.setenv("S3GW_IDENTITY__SERVICE__PASSWORD", "from-environment")
    settings = load(path)
    assert settings.server.port == 2
    assert (settings.identity.secret_ttl, settings.identity.threads) == (5, 4)
    assert settings.identity.service == {"username": "from-file", "password": "from-environment"}


@pytest.mark.parametrize("password", ["12345", "007", "1e5", "true", "null", '"q"', '{"a": 1}', ""])
def test_a_password_from_the_environment_is_taken_letter_by_letter(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("S3GW_IDENTITY__AUTH_URL", KEYSTONE)
    monkeypatch.setenv("S3GW_IDENTITY__SERVICE__PASSWORD", password)
    assert load(None).identity.service == {"password": password}


def test_an_empty_text_unsets_what_may_be_unset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(
        tmp_path,
        MINIMAL + '[server]\ntls_certificate = ""\n[swift]\nregion = "One"\n'
        '[s3]\ndomains = ["s3.example"]\n',
    )
    monkeypatch.setenv("S3GW_SWIFT__REGION", "")
    monkeypatch.setenv("S3GW_S3__DOMAINS", "")
    settings = load(path)
    assert settings.server.tls_certificate is None
    assert settings.swift.region is None
    assert settings.s3.domains == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (MINIMAL + "[server]\nprot = 1\n", "server.prot: is not a setting"),
        (MINIMAL + "[sevrer]\nport = 1\n", "sevrer: is not a setting"),
        (MINIMAL + "[_env_file]\nport = 1\n", "_env_file: is not a setting"),
        ("port = 1\n" + MINIMAL, "port: is not a setting"),
        (MINIMAL + "[server]\nport = 65536\n", "server.port: Input should be less than or equal"),
        (MINIMAL + '[server]\nport = "http"\n', "server.port: Input should be a valid integer"),
        (MINIMAL + '[server]\nhost = ""\n', "server.host: String should have at least 1 char"),
        (MINIMAL + "[server]\nworkers = 0\n", "server.workers: Input should be greater than or"),
        (MINIMAL + "[server]\ngrace = -1\n", "server.grace: Input should be greater than or"),
        (MINIMAL + "[server]\nidle_timeout = inf\n", "server.idle_timeout: Input should be a fin"),
        (MINIMAL + '[server]\ntls_key = "k"\n', "server.tls_certificate is required with server."),
        (MINIMAL + "[limits]\nkey_size = 1025\n", "limits.key_size: Input should be less than or"),
        (MINIMAL + '[log]\nlevel = "all"\n', "log.level: Input should be 'debug', 'info', 'warn"),
        (MINIMAL + "server = 1\n", "identity.server: is not a setting"),
        ("server = 1\n" + MINIMAL, "server: Input should be a valid dictionary or instance of Ser"),
        (MINIMAL + "service = 1\n", "identity.service: Input should be a valid dictionary"),
        ("", "identity.auth_url is required with identity.provider = 'keystone'"),
        ('[identity]\nauth_url = ""\n', "identity.auth_url is required with identity.provider"),
        ('[identity]\nprovider = "static"\n', "identity.static_file is required with identity."),
        ('[identity]\nprovider = "ldap"\n', "identity.provider: Input should be 'keystone' or"),
        (
            MINIMAL + '[swift]\nstorage_url_template = "http://swift/{project}"\n',
            "swift.storage_url_template: only the field {project_id} may occur in it",
        ),
    ],
)
def test_a_wrong_setting_in_the_file_is_named_with_the_file(
    tmp_path: Path, text: str, line: str
) -> None:
    path = written(tmp_path, text)
    assert refusal(path).startswith(f"{path}: {line}")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("S3GW_SERVER__PROT", "1", "S3GW_SERVER__PROT is not a setting"),
        ("S3GW_SEVRER__PORT", "1", "S3GW_SEVRER__PORT is not a setting"),
        ("S3GW_PORT", "1", "S3GW_PORT is not a setting"),
        ("S3GW_SERVER", '{"port": 1}', "S3GW_SERVER is not a setting"),
        ("S3GW_SERVER__", "1", "S3GW_SERVER__ is not a setting"),
        ("S3GW_", "1", "S3GW_ is not a setting"),
        ("S3GW_SERVER__PORT", "http", "server.port: Input should be a valid integer"),
        ("S3GW_SERVER__PORT", "", "server.port: Input should be a valid integer"),
        ("S3GW_SERVER__PORT__X", "1", "server.port: Input should be a valid integer"),
        ("S3GW_S3__SSE_S3", "perhaps", "s3.sse_s3: Input should be a valid boolean"),
        ("S3GW_IDENTITY__SERVICE", "{}", "identity.service: Input should be a valid dictionary"),
        ("S3GW_IDENTITY__PROVIDER", "ldap", "identity.provider: Input should be 'keystone' or"),
    ],
)
def test_a_wrong_variable_is_named_whatever_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    path = written(tmp_path, MINIMAL)
    monkeypatch.setenv(name, value)
    refused = refusal(path)
    if name.count("__") < 2:
        assert refused.startswith(f"environment: {line}")
    else:
        assert line in refused


def test_a_fault_of_the_file_is_not_laid_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, MINIMAL + "[server]\nport = -1\n")
    monkeypatch.setenv("S3GW_SERVER__HOST", "::1")
    assert refusal(path).startswith(f"{path}: server.port: ")


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3GW_IDENTITY__AUTH_URL", KEYSTONE)
    monkeypatch.setenv("S3GATEWAY_PORT", "1")
    monkeypatch.setenv("RCLONE_CONFIG_S3GW_TYPE", "s3")
    assert load(None).server.port == 8333


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    assert refusal(path) == f"{path}: cannot be read: No such file or directory"


def test_a_directory_is_no_settings_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize("content", [b"port: 8333", b"[server]\nport =", b"\xff\xfe", b"[a]\n[a]"])
def test_what_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s3gw.toml"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: is not TOML: ")


def test_a_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(" two words \r\n", encoding="utf-8")
    assert read_secret("identity.service.password_file", path) == " two words "


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"\xff", "not UTF-8 text")]
)
def test_a_secret_that_cannot_be_read_is_named_by_its_setting(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        read_secret("server.tls_key_password_file", path)
    assert str(refused.value) == f"server.tls_key_password_file: {path} cannot be read: {reason}"


def test_no_text_about_settings_shows_a_secret(tmp_path: Path) -> None:
    service = '[identity.service]\npassword = "unspeakable"\n'
    settings = load(written(tmp_path, MINIMAL + service))
    assert settings.identity.service["password"] == "unspeakable"
    assert "unspeakable" not in repr(settings) + str(settings)
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, '[identity]\nservice = ["unspeakable"]\n'))
    chain = [refused.value, refused.value.__cause__]
    assert "unspeakable" not in "".join(f"{error!r}{error}" for error in chain)


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings: Any = load(written(tmp_path, MINIMAL))
    for target, name, value in ((settings, "log", None), (settings.server, "port", 1)):
        with pytest.raises(ValueError, match="frozen"):
            setattr(target, name, value)


def test_every_setting_says_what_it_is_and_a_number_its_unit() -> None:
    units = "seconds bytes port processes requests look-ups connections".split()
    for field in Settings.model_fields.values():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, Section)
        for name, setting in field.annotation.model_fields.items():
            meaning = (setting.description or "").lower()
            assert meaning, name
            if setting.annotation in {int, float}:
                assert any(unit in meaning for unit in units), name


_S3 = MINIMAL + '[access]\nmode = "s3"\nservice = {username = "s3gw", password = "p"}\n'


def test_mode_s3_needs_a_key_for_acls(tmp_path: Path) -> None:
    line = refusal(written(tmp_path, _S3))
    assert "access.acl_key (or acl_key_file) is required with access.mode = 's3'" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acl_key = '{k}'\nacl_key_file = '/k'", "access.acl_key and access.acl_key_file exclude"),
        ("acl_key_previous = '{k}'\nacl_key_previous_file = '/k'", "access.acl_key_previous and"),
    ],
)
def test_a_key_and_its_file_exclude_each_other(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, MINIMAL + "[access]\n" + text.format(k="k" * 32))
    assert message in refusal(path)


def test_keys_for_acls_come_from_settings_and_files_the_new_one_first(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("n" * 32 + "\n", encoding="utf-8")
    text = f"acl_key_file = '{tmp_path}/key'\nacl_key_previous = '{'f' * 40}'\n"
    access = load(written(tmp_path, _S3 + text)).access
    assert access.acl_keys == (b"n" * 32, b"f" * 40)
    assert "f" * 40 not in repr(access)


def test_a_short_key_for_acls_is_refused(tmp_path: Path) -> None:
    access = load(written(tmp_path, _S3 + f"acl_key = '{'k' * 31}'\n")).access
    with pytest.raises(ConfigError, match=r"access\.acl_key: has less than 32 characters"):
        _ = access.acl_keys


def test_a_missing_file_of_a_key_is_named(tmp_path: Path) -> None:
    access = load(written(tmp_path, _S3 + "acl_key_file = '/nowhere'\n")).access
    with pytest.raises(ConfigError, match=r"access\.acl_key_file: /nowhere cannot be read"):
        _ = access.acl_keys


def test_storage_classes_are_a_table_and_the_environment_adds_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, MINIMAL + '[s3.storage_classes]\nSTANDARD_IA = "silver"\n')
    monkeypatch.setenv("S3GW_S3__STORAGE_CLASSES__GLACIER_IR", "Cold")
    assert load(path).s3.storage_classes == {"STANDARD_IA": "silver", "GLACIER_IR": "Cold"}


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ('A = "p"\nB = "P"', "each storage class needs a policy of its own"),
        ('A = ""', "s3.storage_classes.A: String should have at least 1 character"),
        ('"a b" = "p"', "s3.storage_classes.A B"),
        ("A = 1", "s3.storage_classes.A: Input should be a valid string"),
    ],
)
def test_a_wrong_storage_class_is_named(tmp_path: Path, table: str, complaint: str) -> None:
    assert complaint in refusal(written(tmp_path, f"{MINIMAL}[s3.storage_classes]\n{table}\n"))
