"""Starts that end before anything has started, and how they say why."""

import errno
import importlib.util
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from s3gw.standalone import Exit, StandaloneOptions, launch
from s3gw.standalone.exits import StandaloneError
from s3gw.standalone.sockets import listen, ports, usable_port


def _unsupported(*_: object) -> None:
    raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGTERM)


Outcome = Callable[[StandaloneOptions], tuple[int, str]]


@pytest.fixture
def outcome(capsys: pytest.CaptureFixture[str]) -> Outcome:
    """Launches in this process; the exit code, and all that was printed."""

    def run(options: StandaloneOptions) -> tuple[int, str]:
        code = launch(options)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.mark.parametrize(
    ("target", "replacement", "expected"),
    [
        ("sys.platform", "darwin", (Exit.PLATFORM, "needs Linux, and this is darwin")),
        ("os.setxattr", _unsupported, (Exit.XATTRS, "has no user extended attributes")),
        ("s3gw.standalone.launcher.load", _full, (Exit.FAILED, "No space left on device")),
    ],
)
def test_a_start_that_cannot_be_says_so_in_one_line(
    target: str,
    replacement: object,
    expected: tuple[Exit, str],
    tmp_path: Path,
    outcome: Outcome,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, replacement)
        code, output = outcome(StandaloneOptions(data=tmp_path, gateway=False))
    assert code == expected[0]
    assert output.startswith("s3gw standalone: ")
    assert expected[1] in output
    assert output.count("\n") == 1


def test_missing_packages_are_named_with_the_command_that_installs_them(
    tmp_path: Path, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "k" in name else 1)
    message = "keystone and keystonemiddleware and werkzeug not installed"
    expected = f"s3gw standalone: {message}: pip install 's3gw[standalone]'\n"
    assert outcome(StandaloneOptions(data=tmp_path / "data")) == (Exit.PACKAGES, expected)
    assert not (tmp_path / "data").exists()


def test_a_signal_before_anything_runs_is_an_orderly_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("s3gw.standalone.launcher.load", _interrupt)
    assert launch(StandaloneOptions(data=tmp_path)) == Exit.STOPPED
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("host", "message"),
    [("127.0.0.1", "is in use"), ("192.0.2.1", "unusable"), ("no.such.invalid", "unusable")],
)
def test_an_address_that_cannot_be_listened_on_is_named(host: str, message: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StandaloneError, match=message) as caught:
            usable_port(host, port)
    assert caught.value.code is Exit.PORT
    assert f"{host}:{port}" in str(caught.value)


def test_port_0_is_a_free_one() -> None:
    port = usable_port("127.0.0.1", 0)
    assert 10_000 <= port < 32_768  # and no near end of a connection that is opened meanwhile
    assert usable_port("127.0.0.1", port) == port


def test_a_server_keeps_its_port_unless_somebody_took_it() -> None:
    first = listen(["a", "b"], {})
    wanted = ports(first)
    first["b"].close()
    second = listen(["a", "b"], wanted)
    got = ports(second)
    for bound in (*first.values(), *second.values()):
        bound.close()
    assert got["b"] == wanted["b"]
    assert got["a"] != wanted["a"]


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_is_documented_as_the_table_has_it(code: Exit) -> None:
    documentation = Path(__file__).parents[3] / "docs" / "standalone.md"
    row = f"| {code.value} | {code.meaning} |"
    assert row in documentation.read_text(encoding="utf-8").splitlines()
