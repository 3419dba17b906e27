"""The launcher: checks, claims the data directory, starts the servers, waits, and stops.

The rule: whatever happens, the servers are stopped in order before it returns; and a first
start that did not come to its end takes its half-made data with it.
"""

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from types import FrameType

from s3gw.standalone.directory import check_writable, claim, write_private
from s3gw.standalone.exits import Exit, StandaloneError
from s3gw.standalone.loopback import death
from s3gw.standalone.options import StandaloneOptions
from s3gw.standalone.page import Running, page, ready_file
from s3gw.standalone.processes import wait_for_a_death
from s3gw.standalone.provisioning import try_out
from s3gw.standalone.servers import Servers, start_backend, start_gateway, supervised
from s3gw.standalone.sockets import usable_port
from s3gw.standalone.state import State, load

_PACKAGES = ("keystone", "keystonemiddleware", "swift", "werkzeug")
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(BaseException):
    """One of the signals that stop a launcher came."""


def launch(options: StandaloneOptions) -> int:
    """Run a stand-alone gateway until it is told to stop; returns an exit code (see exits).

    It takes over the process: its signal handlers, and every child of it.
    """
    try:
        _require_platform()
        with _stoppable(), claim(options.data) as layout:
            state = load(layout)
            port = usable_port(options.host, options.port) if options.gateway else None
            with (
                _ready_file_gone(options.ready_file),
                supervised(layout) as servers,
                _undisturbed_end(),
                _explained(servers),
            ):
                _run(options, servers, state, port)
    except _Stopped:
        return Exit.STOPPED
    except StandaloneError as error:
        sys.stderr.write(f"s3gw standalone: {error}\n")
        return error.code
    except OSError as error:  # a full disk, for example
        sys.stderr.write(f"s3gw standalone: {error}\n")
        return Exit.FAILED
    return Exit.STOPPED


def _run(options: StandaloneOptions, servers: Servers, state: State, port: int | None) -> None:
    """Start everything, say so, and wait; ends with an exception only."""
    began = time.monotonic()
    if sys.stderr.isatty():
        sys.stderr.write(f"starting Keystone, Swift and the gateway in {options.data} ...\n")
    with _undone_unless_complete(servers, state):
        state = start_backend(options, servers, state)
    storage_url = try_out(state)
    running = Running(
        data=servers.layout.root,
        endpoint=None if port is None else start_gateway(options, servers, state, port),
        state=state,
        storage_url=storage_url,
        pids={"launcher": os.getpid(), **servers.pids},
        with_s3api=options.with_s3api,
        seconds=time.monotonic() - began,
    )
    if options.ready_file is not None:
        write_private(options.ready_file, ready_file(running))
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    sys.stdout.write(page(running, colour=colour))
    sys.stdout.flush()
    raise death(wait_for_a_death(servers.children))


def _require_platform() -> None:
    if not sys.platform.startswith("linux"):
        raise StandaloneError(Exit.PLATFORM, f"needs Linux, and this is {sys.platform}")
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise StandaloneError(
            Exit.PACKAGES, f"{' and '.join(missing)} not installed: pip install 's3gw[standalone]'"
        )


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn the signals that stop a launcher into _Stopped."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise _Stopped

    former = {number: signal.getsignal(number) for number in _STOPS}
    for number, handler in former.items():
        if not (number == signal.SIGHUP and handler == signal.SIG_IGN):  # nohup means it
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _undisturbed_end() -> Iterator[None]:
    """Let no second signal cut short what comes after the block; it is bounded in time."""
    try:
        yield
    finally:
        _ignore_stop_signals()


def _ignore_stop_signals() -> None:
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _undone_unless_complete(servers: Servers, state: State) -> Iterator[None]:
    """Take away what a first start made, if the block does not come to its end.

    Data of an earlier start are never touched.
    """
    try:
        yield
    except BaseException:
        _ignore_stop_signals()
        servers.stop()
        if state.tenant is None:
            servers.layout.clear()
        raise


@contextmanager
def _explained(servers: Servers) -> Iterator[None]:
    """Report a lost connection as what it mostly is: the death of a server."""
    try:
        yield
    except (OSError, HTTPException) as error:
        for child in servers.children:
            if child.process.poll() is not None:
                raise death(child) from error
        raise StandaloneError(Exit.FAILED, str(error)) from error


@contextmanager
def _ready_file_gone(path: Path | None) -> Iterator[None]:
    """See to it that the ready file is there only while everything answers."""
    if path is None:
        yield
        return
    try:
        path.unlink(missing_ok=True)
        check_writable(path)  # now, rather than after the start, is the time to fail
    except OSError as error:
        raise StandaloneError(
            Exit.UNWRITABLE, f"{path}: cannot be written as ready file: {error.strerror}"
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
