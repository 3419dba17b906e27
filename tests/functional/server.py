"""`s3gw serve` as a process of its own, as an operator starts it.

The rule: a test knows of it only what its users know: the port, the signals, the exit code, and
what it prints.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s3gw.config import Settings
from s3gw.standalone.sockets import usable_port
from tests.functional.secrecy import SESSION

_ROOT = Path(__file__).resolve().parents[2]
_START = 30.0  # seconds until a start that shows nothing has failed
_STOP = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves."""

    port: int
    process: "subprocess.Popen[str]"
    log: Path
    scheme: str = "http"
    operator_port: int = 0

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and wait; its exit code, negative for a signal."""
        self.process.send_signal(number)
        return self.process.wait(_STOP)

    def logged(self, text: str) -> str:
        """Its log once the text is in it, for a line may come after its answer."""
        end = time.monotonic() + _STOP
        while text not in (log := self.log.read_text(encoding="utf-8")):
            assert time.monotonic() < end, f"it does not log {text}"
            time.sleep(0.01)
        return log

    def children(self) -> list[int]:
        """The processes that it has started."""
        pid = self.process.pid
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(child) for child in text.split()]


def settings_file(path: Path, settings: Settings) -> Path:
    """Write what was set to a TOML file."""
    document = settings.model_dump(mode="json", exclude_unset=True)
    path.write_text("\n".join(_lines(document)) + "\n", encoding="utf-8")
    return path


def _lines(table: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """TOML: for these values its notation is that of JSON."""
    if name:
        yield f"[{name}]"
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    for key, value in table.items():
        if key not in inner:
            yield f"{key} = {json.dumps(value)}"
    for key, value in inner.items():
        yield from _lines(value, f"{name}.{key}" if name else key)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def lasting_port() -> int:
    """A free port that no connection of anybody's takes while its server is not there."""
    return usable_port("127.0.0.1", 0)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `s3gw serve` to its end, for a start that must fail; nobody answers its questions."""
    return subprocess.run(  # noqa: S603 - our own module
        _command(*arguments),
        cwd=_ROOT,
        env={**os.environ, "S3GW_METRICS__PORT": "0", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_START,
        check=False,
        start_new_session=True,  # so that no terminal can be asked either
    )


@contextmanager
def served(
    directory: Path,
    settings: Settings,
    *arguments: str,
    ports: tuple[int, int] | None = None,
    **environment: str,
) -> Iterator[Server]:
    """A server with these settings; killed at the end if the test has not stopped it.

    `ports`: for S3 and for operators, by default lasting ones: whoever asks an ephemeral one
    whether it listens already may be connected to himself.
    """
    port, operator_port = ports or (lasting_port(), lasting_port())
    config = settings_file(directory / f"s3gw-{port}.toml", settings)
    with started(
        _command(f"--config={config}", f"--port={port}", *arguments),
        directory / f"s3gw-{port}.log",
        (port, operator_port),
        {**os.environ, "S3GW_METRICS__PORT": str(operator_port), **environment},
        scheme="https" if settings.server.tls_certificate else "http",
    ) as server:
        yield server


@contextmanager
def started(
    command: Sequence[str],
    log: Path,
    ports: tuple[int, int],
    environment: Mapping[str, str],
    *,
    scheme: str = "http",
) -> Iterator[Server]:
    """A server by a command that makes it listen on these ports; killed at the end as above."""
    port, operator_port = ports
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=errors,
            text=True,
        )
    server = Server(port, process, log, scheme, operator_port)
    with process:
        try:
            _wait_until_listening(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(_STOP)
            finally:
                process.kill()
                SESSION.note(log.read_text(encoding="utf-8"))


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "s3gw", "serve", *arguments]


def _wait_until_listening(server: Server) -> None:
    end = time.monotonic() + _START
    while not _answers(server.port):
        assert server.process.poll() is None, server.log.read_text(encoding="utf-8")
        assert time.monotonic() < end, "it does not listen in time"
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_until_refused(server: Server) -> None:
    """Wait until nobody listens on its port for S3."""
    end = time.monotonic() + _STOP
    while _answers(server.port):
        assert time.monotonic() < end, "the port stays open"
        time.sleep(0.02)


def connections(port: int, client: int) -> list[str]:
    """The states of the server's end of the client's connection, as the kernel names them."""
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    fields = [row.split() for row in rows]
    return [
        state
        for _, local, remote, state, *_ in fields
        if local.endswith(f":{port:04X}") and remote.endswith(f":{client:04X}")
    ]
