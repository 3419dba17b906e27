"""A stand-alone gateway as a test sees it: the ready file as a value, and its life cycle.

The rule: tests start it as people do, as a process of its own, and know of it only what
the ready file says.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.functional.secrecy import SESSION

_ROOT = Path(__file__).resolve().parents[2]
_START = 60.0  # seconds until a start that says nothing has failed
_STOP = 30.0


@dataclass(frozen=True, slots=True)
class Named:
    """A project."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """A user with a password."""

    id: str
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admin:
    """Keystone's URL and its administrator."""

    auth_url: str
    admin_user: str
    admin_password: str = field(repr=False)
    admin_project: str


@dataclass(frozen=True, slots=True)
class Swift:
    """Swift's proxy, and the user's account in it."""

    proxy_url: str
    storage_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What the ready file says."""

    endpoint: str | None
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    project: Named
    user: User
    service_user: Login
    keystone: Admin
    swift: Swift
    pids: dict[str, int]
    s3api_url: str | None = None

    @property
    def gateway(self) -> str:
        """The gateway's URL; fails the test that needs it when none was started."""
        assert self.endpoint is not None, "this stack was started without a gateway"
        return self.endpoint


def read(ready_file: Path) -> Stack:
    """The ready file as a value; a key too many or too few is a TypeError."""
    document: dict[str, Any] = json.loads(ready_file.read_text(encoding="utf-8"))
    nested: dict[str, Any] = {
        "project": Named(**document.pop("project")),
        "user": User(**document.pop("user")),
        "service_user": Login(**document.pop("service_user")),
        "keystone": Admin(**document.pop("keystone")),
        "swift": Swift(**document.pop("swift")),
    }
    stack = Stack(**document, **nested)
    SESSION.keep("a secret key", stack.secret_key)
    passwords = (stack.user.password, stack.service_user.password, stack.keystone.admin_password)
    SESSION.keep("a password", *passwords)
    return stack


@dataclass(frozen=True, slots=True)
class Launch:
    """A launcher's process, and where it will say that it is ready."""

    process: "subprocess.Popen[str]"
    ready_file: Path

    def wait_until_ready(self) -> Stack:
        """The stack when it answers; fails with what the launcher printed if it ends."""
        end = time.monotonic() + _START
        while not self.ready_file.exists():
            assert self.process.poll() is None, f"it ended: {self.output()}"
            assert time.monotonic() < end, "it is not ready in time"
            time.sleep(0.02)
        return read(self.ready_file)

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Signal the launcher; its exit code, and all it printed."""
        self.process.send_signal(number)
        output = self.output()
        return self.process.returncode, output

    def output(self) -> str:
        """All it printed, on both streams, once it has ended."""
        return self.process.communicate(timeout=_STOP)[0]


@contextmanager
def launched(
    data: Path,
    *arguments: str,
    port: int = 0,
    command: Sequence[str] = ("s3gw", "standalone"),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Launch]:
    """A launcher on a data directory; killed at the end if the test has not stopped it.

    The command `s3gw.standalone` has options that the one for people has not.
    """
    ready_file = data.with_name(f"ready-{uuid4().hex}.json")
    options = [f"--data={data}", f"--port={port}", f"--ready-file={ready_file}", "--no-fsync"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", *command, *options, *arguments],
        cwd=_ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield Launch(process, ready_file)
        finally:
            process.kill()  # which its children follow


def alive(pids: Sequence[int]) -> list[int]:
    """Those of the processes that have not ended."""
    return [pid for pid in pids if _is_alive(pid)]


def wait_until_gone(pids: Sequence[int], seconds: float = 5) -> list[int]:
    """Those of the processes that are still there when the time is over."""
    end = time.monotonic() + seconds
    while (left := alive(pids)) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (ProcessLookupError, FileNotFoundError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
