"""The command: what it answers to settings that are wrong, and that its help can be read."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from s3gw import __version__
from s3gw.cli import main

_IDENTITY = '[identity]\nauth_url = "http://127.0.0.1:9/v3"\n'
_SERVICE = '[identity.service]\nusername = "s3gw"\nuser_domain_id = "default"\n'
_READY = _IDENTITY + _SERVICE + 'password = "p"\n'
_COMMANDS = sorted(main.commands)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("S3GW_"):
            monkeypatch.delenv(name)


def invoked(*arguments: str, environment: Mapping[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


@pytest.mark.parametrize("command", ["serve", "check"])
@pytest.mark.parametrize(
    ("text", "environment", "line"),
    [
        ("[server]\nprot = 1\n", {}, "s3gw.toml: server.prot: is not a setting"),
        ("[server]\nport = -1\n", {}, "s3gw.toml: server.port: Input should be greater than"),
        ("[server\n", {}, "s3gw.toml: is not TOML: "),
        ("", {}, "s3gw.toml: identity.auth_url is required with identity.provider = 'keystone'"),
        (_IDENTITY, {"S3GW_LOG__LEVEL": "all"}, "environment: log.level: Input should be "),
        (_IDENTITY, {"S3GW_PORT": "1"}, "environment: S3GW_PORT is not a setting"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(
    tmp_path: Path, command: str, text: str, environment: dict[str, str], line: str
) -> None:
    path = tmp_path / "s3gw.toml"
    path.write_text(text, encoding="utf-8")
    result = invoked(command, "--config", str(path), environment=environment)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("s3gw: ")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_missing_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    result = invoked("serve", "--config", str(path))
    assert result.exit_code == 2
    assert result.stderr == f"s3gw: {path}: cannot be read: No such file or directory\n"


def run(directory: Path, text: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`s3gw serve` with these settings, in a process of its own: it sets up logging."""
    path = directory / "s3gw.toml"
    path.write_text(text, encoding="utf-8")
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "s3gw", "serve", "--port", "0", "--config", str(path)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_an_unreadable_secret_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    text = _IDENTITY + _SERVICE + f'password_file = "{tmp_path}/absent"\n'
    done = run(tmp_path, text, S3GW_SERVER__WORKERS="2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"s3gw: identity.service.password_file: {tmp_path}/absent cannot be read: "
        "No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("S3GW_SWIFT__CA_FILE", "swift.ca_file"),
        ("S3GW_SERVER__TLS_CERTIFICATE", "server.tls_certificate"),
        ("S3GW_SERVER__HOST", "server.host"),
    ],
)
def test_what_serve_cannot_use_is_one_line_and_exit_code_2(
    tmp_path: Path, variable: str, key: str
) -> None:
    done = run(tmp_path, _READY, **{variable: "/absent"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"s3gw: {key}")
    assert done.stderr.count("\n") == 1


def test_check_tells_a_login_that_is_wrong_as_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "s3gw.toml"
    path.write_text(_IDENTITY + _SERVICE + 'user_name = "x"\n', encoding="utf-8")
    result = invoked("check", "--config", str(path))
    assert result.exit_code == 1
    assert result.stdout.startswith("FAIL  Settings: identity.service.")


def test_check_without_keystone_fails_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "s3gw.toml"
    path.write_text(_READY, encoding="utf-8")
    result = invoked("check", "--config", str(path))
    assert result.exit_code == 1
    assert result.stdout.startswith("FAIL  Keystone reachable: ")
    assert "check identity.auth_url" in result.stdout


def test_the_version_is_told() -> None:
    assert invoked("--version").stdout == f"s3gw, version {__version__}\n"


def test_help_lists_every_command_with_a_whole_sentence() -> None:
    listed = invoked("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == _COMMANDS
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


@pytest.mark.parametrize("command", _COMMANDS)
def test_help_of_a_command_explains_every_option(command: str) -> None:
    text = invoked(command, "-h").stdout
    assert text.startswith(f"Usage: main {command}")
    for parameter in main.commands[command].params:
        assert isinstance(parameter, click.Option)
        assert parameter.opts[0] in text
        assert parameter.help
    assert max(len(line) for line in text.splitlines()) <= 80
