"""Real S3 clients as child processes.

The rule: a client gets an environment made for it.  Nothing of the caller's reaches it: no keys,
no proxy, no certificate bundle, no configuration in the home directory.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

SCRIPTS = Path(__file__).with_name("scripts")
"""What drives client libraries that have no program of their own."""

INSTALLED = Path(__file__).resolve().parents[2] / ".clients"
"""Where `make clients` puts clients whose libraries need not agree with ours."""

_PATIENCE = 120  # seconds that a client may run


def found(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """The program, beside the interpreter, in `.clients`, or on the PATH.

    Without it the test is skipped; in CI, which has to install it, the test fails.
    """
    for directory in (Path(sys.executable).parent, INSTALLED / "bin"):
        if (directory / name).is_file():
            return directory / name
    on_path = shutil.which(name, path=environment.get("PATH"))
    if on_path is not None:
        return Path(on_path)
    return _missing(name, environment)


def installed(path: str, environment: Mapping[str, str] = os.environ) -> Path:
    """What stands in `.clients` and nowhere else; skipped or failed as by `found`."""
    if (INSTALLED / path).exists():
        return INSTALLED / path
    return _missing(f"{path} (make clients)", environment)


def _missing(name: str, environment: Mapping[str, str]) -> NoReturn:
    if environment.get("CI") == "true":
        pytest.fail(f"{name} is not installed, and in CI no client may be missing")
    pytest.skip(f"{name} is not installed on this machine")


def clean_environment(home: Path, **settings: str) -> dict[str, str]:
    """What a client sees: where programs are, a home of its own, and the settings."""
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **settings}


@dataclass(frozen=True, slots=True)
class Program:
    """A client, ready to run."""

    path: Path
    environment: dict[str, str] = field(repr=False)

    def __call__(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run it to its end; what it printed.  It has to succeed."""
        code, output = self._run(arguments, cwd)
        assert code == 0, f"{self.path.name} {arguments}: exit code {code}\n{output}"
        return output

    def fails(self, *arguments: str | Path) -> str:
        """Run it to its end; what it printed.  It has to fail."""
        code, output = self._run(arguments, None)
        assert code != 0, f"{self.path.name} {arguments} succeeded\n{output}"
        return output

    def _run(self, arguments: tuple[str | Path, ...], cwd: Path | None) -> tuple[int, str]:
        done = subprocess.run(  # noqa: S603 - the clients under test
            [self.path, *arguments],
            cwd=cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")
