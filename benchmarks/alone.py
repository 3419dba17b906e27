"""The gateway alone, over an nginx that costs next to nothing: its own CPU, and its memory."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from fronts import MODES, Front, Ready, gateway, stub
from load import Exchange, Run, drive, transfer
from meters import cpu, family, forget_peak, memory

MIB = 1024 * 1024

Figures = dict[str, tuple[float, str]]


def measure(directory: Path, ready: Ready, *, quick: bool) -> Figures:
    with stub(directory) as backend:
        if backend is None:
            return {}
        found: Figures = {}
        plain = {"storage_url_template": f"{backend}/v1/AUTH_{{project_id}}"}
        with gateway(directory, ready, swift=plain) as front:
            found |= _generator(front, backend)
            found |= _small(front, 1.0 if quick else 3.0)
            found |= _large(front, 4 if quick else 16)
            found |= _crowd(front, 50 if quick else 200)
        found |= _workers(directory, ready, plain, 2.0 if quick else 4.0)
        return found


def _generator(front: Front, backend: str) -> Figures:
    """What the load generator can do at most: nginx with nothing before it."""
    bare = Front("stub", f"{backend}/v1/AUTH_x", token="t")
    run = drive(bare.url, [bare.exchange("GET", "/b/small")], 16, seconds=1.0)
    del front
    return {"load generator on nginx itself, 1 KiB": (run.rate, "requests/s")}


def _small(front: Front, seconds: float) -> Figures:
    found: Figures = {}
    for method, name, size in (
        ("GET", "small", 0),
        ("HEAD", "small", 0),
        ("PUT", "small", 1024),
        ("GET", "medium", 0),
        ("PUT", "medium", 65536),
    ):
        exchanges = [front.exchange(method, f"/b/{name}-{n}", body=bytes(size)) for n in range(64)]
        drive(front.url, exchanges[:8], 1)
        before = cpu(front.own)
        run = _checked(drive(front.url, exchanges, 16, seconds=seconds))
        spent = (cpu(front.own) - before) / run.done * 1000
        label = f"{method} {'64 KiB' if name == 'medium' else '1 KiB'}"
        found[f"{label}: CPU"] = spent, "ms a request"
        found[f"{label}: throughput, 16 at a time"] = run.rate, "requests/s"
    return found


def _large(front: Front, count: int) -> Figures:
    found: Figures = {}
    body = bytes(64 * MIB)
    gib = count * 64 / 1024
    before = cpu(front.own)
    _checked(transfer(front.url, [front.exchange("GET", "/b/large")] * count))
    found["GET 64 MiB: CPU"] = (cpu(front.own) - before) / gib, "s a GiB"
    for mode in MODES:
        exchanges = [front.exchange("PUT", "/b/large", body=body, mode=mode)] * count
        before = cpu(front.own)
        run = _checked(transfer(front.url, exchanges))
        found[f"PUT 64 MiB, {mode}: CPU"] = (cpu(front.own) - before) / gib, "s a GiB"
        del run
    return found


def _crowd(front: Front, count: int) -> Figures:
    """Resident memory with so many transfers of 64 MiB at a time, half up and half down."""
    worker = max(front.own, key=memory)
    rest = memory(worker)
    forget_peak(worker)
    body = bytes(64 * MIB)
    up = front.exchange("PUT", "/b/large", body=body, mode="unsigned")
    down = front.exchange("GET", "/b/large")
    peak, done = [rest], threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            peak.append(memory(worker))

    looker = threading.Thread(target=look)
    looker.start()
    _checked(transfer(front.url, [up, down] * (count // 2), count))
    done.set()
    looker.join()
    time.sleep(1.0)
    return {
        "memory of a worker at rest": (rest, "MiB"),
        f"memory with {count} transfers of 64 MiB at a time": (
            max(*peak, memory(worker, "VmHWM")),
            "MiB",
        ),
        "memory afterwards": (memory(worker), "MiB"),
    }


def _workers(directory: Path, ready: Ready, plain: dict[str, str], seconds: float) -> Figures:
    rates = {}
    for workers in (1, 2):
        with gateway(directory, ready, workers=workers, swift=plain) as front:
            own = tuple(family(front.own[0]))
            exchanges: Sequence[Exchange] = [
                front.exchange("GET", f"/b/small-{n}") for n in range(64)
            ]
            drive(front.url, exchanges, 32)
            before, started = cpu(own), time.perf_counter()
            run = _checked(drive(front.url, exchanges, 32, seconds=seconds))
            busy = (cpu(own) - before) / (time.perf_counter() - started)
            rates[workers] = run.rate, busy
    (one, _), (two, busy) = rates[1], rates[2]
    return {
        "GET 1 KiB with 1 worker": (one, "requests/s"),
        "GET 1 KiB with 2 workers": (two, "requests/s"),
        "2 workers to 1": (two / one, "×"),
        "cores that 2 workers got, beside nginx and the load": (busy, "cores"),
    }


def _checked(run: Run) -> Run:
    if run.failed:
        raise SystemExit(f"the gateway alone: {run.failed}")
    return run
