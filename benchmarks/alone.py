"""The gateway alone, over an nginx that costs next to nothing: its own CPU, and its memory."""

import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from fronts import MODES, Front, Ready, gateway, stub
from load import Run, drive, transfer
from meters import cpu, family, highest_memory, memory

MIB = 1024 * 1024

Figures = dict[str, tuple[float, str]]


def measure(directory: Path, ready: Ready, *, quick: bool) -> Figures:
    with stub(directory) as backend:
        if backend is None:
            return {}
        found: Figures = {}
        plain = {"storage_url_template": f"{backend}/v1/AUTH_{{project_id}}"}
        with gateway(directory, ready, swift=plain) as front:
            found |= _generator(backend)
            found |= _small(front, 1.0 if quick else 3.0)
            found |= _large(front, 4 if quick else 16)
            found |= _crowd(front, 50 if quick else 200)
        found |= _workers(directory, ready, plain, 2.0 if quick else 4.0)
        return found


def _generator(backend: str) -> Figures:
    """What the load generator can do at most: nginx with nothing before it."""
    bare = Front("stub", f"{backend}/v1/AUTH_x", token="t")
    run = drive(bare.url, [bare.exchange("GET", "/b/small")], 16, seconds=1.0)
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
        _checked(transfer(front.url, exchanges))
        found[f"PUT 64 MiB, {mode}: CPU"] = (cpu(front.own) - before) / gib, "s a GiB"
    return found


def _crowd(front: Front, count: int) -> Figures:
    """Resident memory with so many transfers of 64 MiB at a time, half up and half down."""
    worker = max(front.own, key=memory)
    rest = memory(worker)
    body = bytes(64 * MIB)
    up = front.exchange("PUT", "/b/large", body=body, mode="unsigned")
    down = front.exchange("GET", "/b/large")
    exchanges = [up, down] * (count // 2)
    peak = highest_memory(worker, lambda: _checked(transfer(front.url, exchanges, count)))
    time.sleep(1.0)
    return {
        "memory of a worker at rest": (rest, "MiB"),
        f"memory with {count} transfers of 64 MiB at a time": (peak, "MiB"),
        "memory afterwards": (memory(worker), "MiB"),
    }


def _workers(directory: Path, ready: Ready, plain: dict[str, str], seconds: float) -> Figures:
    """One worker and two, in turn, three times.

    How much two make here depends on what nginx and the load leave them of the processors.  So the
    CPU time of a request is told, too: if it is the same, two workers with a core each make twice
    as much, but for the connections that one of them has more than the other.
    """
    rates: dict[int, list[float]] = {1: [], 2: []}
    costs: dict[int, list[float]] = {1: [], 2: []}
    cores, shares = [], []
    with ExitStack() as started:
        fronts = {
            workers: started.enter_context(gateway(directory, ready, workers=workers, swift=plain))
            for workers in rates
        }
        for workers, front in [*fronts.items()] * 3:
            own = family(front.own[0])
            exchanges = [front.exchange("GET", f"/b/small-{n}") for n in range(64)]
            drive(front.url, exchanges, 32)
            before = [cpu([pid]) for pid in own]
            run = _checked(drive(front.url, exchanges, 32, seconds=seconds))
            spent = [cpu([pid]) - was for pid, was in zip(own, before, strict=True)]
            rates[workers].append(run.rate)
            costs[workers].append(sum(spent) / run.done * 1000)
            if workers > 1:
                cores.append(sum(spent) / run.seconds)
                shares.append(max(spent) / sum(spent) * 100)
    (one, cost), (two, cost_of_two) = ((median(rates[n]), median(costs[n])) for n in rates)
    return {
        "GET 1 KiB with 1 worker": (one, "requests/s"),
        "GET 1 KiB with 2 workers": (two, "requests/s"),
        "2 workers to 1": (two / one, "×"),
        "cores that 2 workers got, beside nginx and the load": (median(cores), "cores"),
        "CPU with 1 worker": (cost, "ms a request"),
        "CPU with 2 workers": (cost_of_two, "ms a request"),
        "2 workers to 1 by their CPU, with a core each": (2 * cost / cost_of_two, "×"),
        "share of the busier one of 2 workers": (median(shares), "%"),
    }


def _checked(run: Run) -> Run:
    if run.failed:
        raise SystemExit(f"the gateway alone: {run.failed}")
    return run
