"""Child processes: started so that they cannot outlive the launcher, stopped in order.

The rule: a process is known by its pid together with its start time and the machine's
boot, so that no signal ever reaches a stranger that got a recycled pid.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import s3gw
from s3gw.standalone.directory import Layout, write_private

_PR_SET_PDEATHSIG = 1
_GRACE = 10.0  # seconds from SIGTERM to SIGKILL
_SHOWN = 20  # log lines that explain a death
# What would make a child read somebody else's settings, or leave loopback.
_FOREIGN_PREFIXES = ("S3GW_", "OS_", "PYTHONWARNINGS")
_FOREIGN_SUFFIX = "_PROXY"


@dataclass(frozen=True, slots=True)
class Child:
    """A running child; `log` has what it prints."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_SHOWN:])


@dataclass(frozen=True, slots=True)
class _Identity:
    pid: int
    start: int
    boot: str


def spawn(
    name: str, arguments: Sequence[str], layout: Layout, sockets: Iterable[socket.socket] = ()
) -> Child:
    """Start `python -m ARGUMENTS`, with the sockets.

    The sockets are closed here: only the child serves them.  The log of the run before is
    kept as NAME.log.1.
    """
    log = layout.logs / f"{name}.log"
    with suppress(FileNotFoundError):
        log.replace(layout.logs / f"{name}.log.1")
    inherited = list(sockets)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-P", "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=child_environment(os.environ),
            start_new_session=True,  # Ctrl-C is for the launcher, who stops them in order
            pass_fds=[inheritance.fileno() for inheritance in inherited],
            preexec_fn=_dies_with_its_parent(),  # noqa: PLW1509 - one thread, and one prctl
        )
    for inheritance in inherited:
        inheritance.close()
    return Child(name, process, log)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without what would disturb a child, and with what it needs."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(_FOREIGN_PREFIXES)
        and not name.upper().endswith(_FOREIGN_SUFFIX)
    }
    package = str(Path(s3gw.__file__).resolve().parent.parent)
    path = kept.get("PYTHONPATH")
    return kept | {
        "PYTHONPATH": f"{package}{os.pathsep}{path}" if path else package,
        "PYTHONUNBUFFERED": "1",
        "EVENTLET_NO_GREENDNS": "yes",  # loopback needs no DNS; saves 0.25 s of import
    }


def stop(children: Iterable[Child]) -> None:
    """End the children, one after the other in the given order; some may have ended before."""
    for child in children:
        if child.process.poll() is not None:
            continue  # its pid may be somebody else's by now
        _signal_group(child.process.pid, signal.SIGTERM)
        try:
            child.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            _signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()


def wait_for_a_death(children: Sequence[Child]) -> Child:
    """Block until one of the children has ended, and return it."""
    while True:
        for child in children:
            if child.process.poll() is not None:
                return child
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        if ended is not None and all(ended.si_pid != child.process.pid for child in children):
            os.waitpid(ended.si_pid, 0)  # an orphan that came to us, as to any process number 1


def record(path: Path, children: Iterable[Child]) -> None:
    """Write down who the children are."""
    identities = {child.name: _identify(child.process.pid) for child in children}
    known = {name: asdict(identity) for name, identity in identities.items() if identity}
    write_private(path, json.dumps(known) + "\n")


def end_leftovers(path: Path) -> None:
    """Kill what a former launcher recorded and left behind; strangers are left alone.

    Only a kernel that did not kill the children with their launcher leaves any.
    """
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        identities = [_Identity(**entry) for entry in recorded.values()]
    except (OSError, ValueError, TypeError, AttributeError):
        return
    for identity in identities:
        if _identify(identity.pid) == identity:
            _signal_group(identity.pid, signal.SIGKILL)
            while _identify(identity.pid) == identity:
                time.sleep(0.01)


def _identify(pid: int) -> _Identity | None:
    """Who has this pid now; None if nobody, or only a zombie, has it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return None
    fields = status.rpartition(")")[2].split()  # the name before it may hold anything
    if fields[0] == "Z":
        return None
    return _Identity(pid=pid, start=int(fields[19]), boot=boot.strip())


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a child and whatever it forked; each child leads its own group."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _dies_with_its_parent() -> Callable[[], None]:
    """What a child does between fork and exec so that the kernel kills it with this process."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def set_parent_death_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return set_parent_death_signal
