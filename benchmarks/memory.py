"""Memory of one worker while a 1 GiB object goes up and comes down.

    python benchmarks/memory.py [--ready-file FILE] [--mebibytes 1024] [--parallel 10]

It starts `s3gw serve` with one worker over a stand-alone stack (its own, or the one whose ready
file is given) and is the client itself, with a body that is made as it goes.  The verdict is on
the worker's resident memory: its peak in each phase less what it had at rest, which must stay
below 64 MiB.  Exit code 1 if it does not, or if a byte differs.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fronts import Ready, gateway, stack
from meters import highest_memory, memory
from traffic import PART, Client, blocks, digest_of

LIMIT = 64.0  # MiB
PAUSE = 5.0  # seconds for which a slow reader does not read
BUCKET = f"memory-{os.getpid()}"


@dataclass(frozen=True)
class Phase:
    """One row of the table; memory in MiB."""

    name: str
    before: float
    peak: float
    after: float
    seconds: float


class Meter:
    """Measures phases."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.phases: list[Phase] = []

    def measure(self, name: str, work: Callable[[], object]) -> None:
        before = memory(self._pid, "VmRSS")
        started = time.monotonic()
        peak = highest_memory(self._pid, work)
        after = memory(self._pid, "VmRSS")
        phase = Phase(name, before, peak, after, time.monotonic() - started)
        self.phases.append(phase)
        print(f"  {name}: {phase.seconds:.1f} s", file=sys.stderr)


def expect(wanted: str, found: str) -> None:
    if wanted != found:
        raise SystemExit("what came down is not what went up")


def transfer(client: Client, meter: Meter, count: int, parallel: int) -> None:
    """All phases; `count` in MiB."""
    whole = digest_of(blocks(0, count))
    signed, chunked, multipart = (f"/{BUCKET}/{n}" for n in ("signed", "chunked", "multipart"))
    size = f"{count} MiB"
    go = meter.measure
    go(f"PUT {size}, SHA-256 signed", lambda: client.put(signed, 0, count))
    go(f"PUT {size}, aws-chunked, trailing CRC32", lambda: client.put_chunked(chunked, count))
    go(
        f"PUT {count // PART} parts of {PART} MiB, {parallel} at a time",
        lambda: client.put_multipart(multipart, count, parallel),
    )
    go(f"GET {size}", lambda: expect(whole, client.get(signed)))
    go(f"GET {size}, sent aws-chunked", lambda: expect(whole, client.get(chunked)))
    go(f"GET {size}, a multipart object", lambda: expect(whole, client.get(multipart)))
    go(
        f"GET {size}, the reader pausing {PAUSE:.0f} s",
        lambda: expect(whole, client.get(signed, pause=PAUSE)),
    )
    go(
        f"GET ranges of {PART} MiB, {parallel} at a time",
        lambda: expect(whole, client.get_parallel(multipart, count, parallel)),
    )


def report(started: float, meter: Meter) -> bool:
    """Print the table; whether every phase kept the limit."""
    rest = meter.phases[0].before
    print(f"\nResident memory of one worker in MiB: {started:.1f} started, {rest:.1f} at rest")
    print("after a few small requests; growth is the peak less that at rest.\n")
    print(f"| {'phase':<46} | before |   peak |  after | growth | seconds | < {LIMIT:.0f} |")
    print(f"|{'-' * 48}|-------:|-------:|-------:|-------:|--------:|------|")
    for phase in meter.phases:
        figures = (phase.before, phase.peak, phase.after, phase.peak - rest)
        cells = " | ".join(f"{figure:6.1f}" for figure in figures)
        verdict = "yes" if phase.peak - rest < LIMIT else "NO"
        print(f"| {phase.name:<46} | {cells} | {phase.seconds:7.1f} | {verdict:<4} |")
    growth = max(phase.peak for phase in meter.phases) - rest
    print(f"\nlargest growth: {growth:.1f} MiB; allowed: less than {LIMIT:.0f} MiB")
    return growth < LIMIT


def run(directory: Path, ready: Ready, count: int, parallel: int) -> bool:
    with gateway(directory, ready, log={"level": "warning"}) as worker:
        (pid,) = worker.own
        started = memory(pid, "VmRSS")
        client, meter = Client(worker.url, ready), Meter(pid)
        client.send("PUT", f"/{BUCKET}", headers={"Content-Length": "0"})
        small = f"/{BUCKET}/small"
        for _ in range(3):
            client.send("PUT", small, headers={"Content-Length": "1"}, body=[b"1"])
            client.send("GET", small)
        try:
            transfer(client, meter, count, parallel)
        finally:
            for name in ("small", "signed", "chunked", "multipart"):
                client.send("DELETE", f"/{BUCKET}/{name}")
            client.send("DELETE", f"/{BUCKET}")
        return report(started, meter)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--ready-file", type=Path, help="of a stand-alone stack that runs already")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the object")
    parser.add_argument("--parallel", type=int, default=10, help="parts in flight")
    given = parser.parse_args()
    if given.mebibytes % PART:
        parser.error(f"--mebibytes has to be a multiple of {PART}")
    with tempfile.TemporaryDirectory(prefix="s3gw-memory-") as name:
        directory = Path(name)
        if given.ready_file is not None:
            fine = run(
                directory, json.loads(given.ready_file.read_text()), given.mebibytes, given.parallel
            )
        else:
            with stack(directory) as ready:
                fine = run(directory, ready, given.mebibytes, given.parallel)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
