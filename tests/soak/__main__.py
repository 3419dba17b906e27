"""`make soak`: mixed traffic for minutes, while workers and Swift's proxy are killed.

Two workers, one of them killed (SIGKILL) every minute; Swift's proxy killed and started anew
twice.  At the end every acknowledged object must be there byte for byte, in the gateway's answer
and in Swift's own, no acknowledged delete may have been undone, and neither memory nor file
descriptors of a worker may have grown without bound.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import swiftclient

from s3gw.standalone.processes import child_environment
from tests.functional.gateway import s3_client, settings_for
from tests.functional.server import Server, served
from tests.functional.stack import Stack, launched
from tests.functional.witness import swift_of
from tests.soak.traffic import Client, Tally, read

_BUCKET = "soak"
_CLIENTS = 6
_ROUND = 60.0  # seconds between two deaths of a worker
_DOWN = 2.0  # seconds that Swift's proxy is away
_GROWTH = 80 * 1024  # KiB that a worker may grow, caches and all
_MOST_FDS = 200


class Proxy:
    """Swift's proxy as a process that can be killed; its port stays open."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._log = (data / "log" / "soak-proxy.log").open("ab")
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        number = self._socket.fileno()
        arguments = [str(self._data), "no-fsync", f"proxy={number}"]
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "s3gw.standalone.swift_role", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env=child_environment(os.environ),
            pass_fds=[number],
        )

    def restart(self) -> None:
        """Kill it, and start it anew after a while."""
        self.close()
        time.sleep(_DOWN)
        self._process = self._start()

    def close(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


@dataclass(slots=True)
class Watch:
    """What the workers need, from time to time: KiB and descriptors by pid."""

    seen: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def look(self, server: Server) -> list[int]:
        """Measure the workers; their pids."""
        workers = _workers(server)
        for pid in workers:
            try:
                status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
                fds = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            except OSError:
                continue  # it has just died
            memory = int(status.partition("VmRSS:")[2].split()[0])
            self.seen.setdefault(pid, []).append((memory, fds))
        return workers

    def findings(self) -> Iterator[str]:
        """Workers that grew."""
        for pid, looks in self.seen.items():
            settled = looks[3:] or looks
            if settled[-1][0] > settled[0][0] + _GROWTH:
                yield f"worker {pid} grew from {settled[0][0]} to {settled[-1][0]} KiB"
            if max(fds for _, fds in looks) > _MOST_FDS:
                yield f"worker {pid} had more than {_MOST_FDS} file descriptors"


def _workers(server: Server) -> list[int]:
    """The children that serve; multiprocessing's resource tracker does not."""
    found = []
    for pid in server.children():
        command = Path(f"/proc/{pid}/cmdline")
        try:
            if b"spawn_main" in command.read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def soak(seconds: float) -> int:
    """Run, print the summary, and return an exit code."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-soak-")))
        data = directory / "data"
        launch = stack.enter_context(launched(data, "--no-gateway", command=("s3gw.standalone",)))
        found = launch.wait_until_ready()
        proxy = Proxy(data)
        stack.callback(proxy.close)
        settings = settings_for(
            found,
            server={"workers": 2, "grace": 5},
            limits={"min_part_size": 1},
            swift={"storage_url_template": f"{proxy.url}/v1/AUTH_{{project_id}}", "timeout": 20},
        )
        server = stack.enter_context(served(directory, settings))
        s3 = stack.enter_context(closing(s3_client(server.endpoint, found)))
        _until_it_serves(s3)
        tally, watch = Tally(), Watch()
        clients = [
            Client(s3_client(server.endpoint, found, read_timeout=60), _BUCKET, number, tally)
            for number in range(_CLIENTS)
        ]
        began = time.monotonic()
        killed, restarts = _run(clients, server, proxy, watch, seconds)
        elapsed = time.monotonic() - began
        objects, wrong = _verify(clients, s3, found)
        wrong += [*tally.findings, *watch.findings()]
        log = server.log.read_text(encoding="utf-8")
        wrong += [line[:400] for line in log.splitlines() if '"internal error"' in line]
        print(_summary(elapsed, tally, watch, (killed, restarts), objects))  # noqa: T201
        for line in wrong[:40]:
            print(f"WRONG: {line}")  # noqa: T201
        print(f"{len(wrong)} wrong")  # noqa: T201
        return 1 if wrong else 0


def _until_it_serves(s3: Any) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            s3.create_bucket(Bucket=_BUCKET)
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def _run(
    clients: list[Client], server: Server, proxy: Proxy, watch: Watch, seconds: float
) -> tuple[int, int]:
    """Traffic and deaths until the time is over: how many workers and proxies were killed."""
    random, stop = Random(1), threading.Event()  # noqa: S311 - not for secrets
    killed = restarts = 0
    with _running(clients, stop):
        began = time.monotonic()
        next_kill = began + min(_ROUND, seconds / 3)
        next_restarts = [began + seconds / 3, began + seconds * 2 / 3]
        while (now := time.monotonic()) < began + seconds:
            workers = watch.look(server)
            if now >= next_kill and workers:
                os.kill(random.choice(workers), signal.SIGKILL)
                killed, next_kill = killed + 1, now + _ROUND
            if next_restarts and now >= next_restarts[0]:
                next_restarts.pop(0)
                proxy.restart()
                restarts += 1
            time.sleep(min(5.0, seconds / 20))
    return killed, restarts


@contextmanager
def _running(clients: list[Client], stop: threading.Event) -> Iterator[None]:
    threads = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _verify(clients: list[Client], s3: Any, found: Stack) -> tuple[int, list[str]]:
    """Every key, read through the gateway and from Swift itself; how many, and what is wrong."""
    objects, wrong = 0, []
    with closing(swift_of(found)) as swift:
        for client in clients:
            for key in client.model.possible:
                objects += 1
                for name, data in (("S3", read(s3, _BUCKET, key)), ("Swift", _of(swift, key))):
                    if not client.model.allows(key, data):
                        wrong.append(f"{name}: {key} is not what was acknowledged")
    return objects, wrong


def _of(swift: swiftclient.Connection, key: str) -> bytes | None:
    try:
        data: bytes = swift.get_object(_BUCKET, key)[1]
    except swiftclient.ClientException as error:
        if error.http_status != 404:
            raise
        return None
    return data


def _summary(
    elapsed: float, tally: Tally, watch: Watch, deaths: tuple[int, int], objects: int
) -> str:
    killed, restarts = deaths
    memory = {pid: [looks[0][0], looks[-1][0]] for pid, looks in watch.seen.items()}
    most = max(fds for looks in watch.seen.values() for _, fds in looks)
    return "\n".join(
        [
            f"{elapsed:.0f} s, {tally.done.total()} requests done, {tally.failed.total()} failed",
            f"workers killed: {killed}, Swift's proxy killed: {restarts}",
            f"done: {dict(tally.done.most_common())}",
            f"failed: {dict(tally.failed.most_common())}",
            f"keys verified through S3 and in Swift: {objects}",
            f"memory of each worker, first and last, KiB: {memory}; most descriptors: {most}",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Mixed traffic while workers and Swift die.")
    parser.add_argument("--seconds", type=float, default=600)
    sys.exit(soak(parser.parse_args().seconds))
