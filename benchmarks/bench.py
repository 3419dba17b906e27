"""Four front ends of one Swift, side by side in one run.

    make bench [ARGS=--quick]

It starts Keystone and Swift (with s3api), then one worker of s3gw and `rclone serve s3` beside
them, and gives all four the same work in turn.  Results: a table here, JSON and charts (PNG, SVG)
under benchmarks/results/.  Nothing but this machine's loopback is used.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import alone
import clients
import report
import work
from fronts import ROOT, Front, Ready, gateway, native, rclone, s3api, stack
from load import drive, transfer
from meters import family, memory

FAMILIES = {
    "small": work.small,
    "large": work.large,
    "crowd": work.crowd,
    "listing": work.listing,
    "bulk_delete": work.bulk_delete,
    "completes": work.completes,
    "sync": clients.sync,
}
_CONTAINERS = (
    *("bench-large", "bench-large+segments", "bench-bulk", "bench-1024", "bench-65536"),
    "bench-sync",
)
_VERSIONED = "s3gw", "swift", "keystone", "httptools", "uvloop", "uvicorn"
_LISTS = ("bench-list-1000", "bench-list-10000", "bench-list-100000")


def prepare(floor: Front) -> None:
    """Containers and the objects that are read, before anything else looks at the account."""
    names = (*_CONTAINERS, *_LISTS)
    drive(floor.url, [floor.exchange("PUT", f"/{name}") for name in names], 1)
    for size in (1024, 65536):
        objects = [
            floor.exchange("PUT", f"/bench-{size}/{kind}-{n}", body=bytes(size))
            for kind in ("k", "p")
            for n in range(64)
        ]
        drive(floor.url, objects, 8)
    transfer(floor.url, [floor.exchange("PUT", "/bench-large/large", body=bytes(64 * work.MIB))])


def facts(given: argparse.Namespace) -> dict[str, Any]:
    """What was measured, on what."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    program = Path(sys.executable).with_name("rclone")
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "machine": f"{os.cpu_count()} × {model}, Linux {platform.release()}",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in _VERSIONED},
            "rclone": subprocess.run(
                [program, "version"], capture_output=True, text=True, check=False
            ).stdout.split("\n")[0],
        },
        "quick": given.quick,
        "rounds": given.rounds,
    }


def held(front: Front) -> float:
    """Resident memory of a front end's processes, in MiB."""
    return sum(memory(pid) for pid in front.own)


def compare(
    directory: Path, ready: Ready, given: argparse.Namespace
) -> tuple[list[work.Row], report.Memory]:
    """All rows; and the memory of those that have processes of their own, before and after."""
    floor = native(ready)
    prepare(floor)
    rows = []
    with ExitStack() as started:
        ours = started.enter_context(gateway(directory, ready, limits={"min_part_size": 1}))
        other = started.enter_context(rclone(directory, ready))
        lab = work.Lab(
            fronts=(floor, ours, s3api(ready), other),
            processes=tuple(family(ready["pids"]["launcher"])),
            data=directory / "data",
            rounds=given.rounds,
            seconds=1.0 if given.quick else 2.0,
            quick=given.quick,
        )
        rest = [(front, held(front)) for front in (ours, other)]
        for name in given.only or FAMILIES:
            for row in FAMILIES[name](lab):
                rows.append(row)
                print(report.line(row), flush=True)
        return rows, {front.name: (before, held(front)) for front, before in rest}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows and shorter ones")
    parser.add_argument(
        "--rounds", type=int, help="how often each row is done by each (3; quick: 2)"
    )
    parser.add_argument(
        "--only", action="append", choices=FAMILIES, help="only this family of rows"
    )
    parser.add_argument("--no-alone", action="store_true", help="leave out the gateway over nginx")
    given = parser.parse_args()
    given.rounds = given.rounds or (2 if given.quick else 3)
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="s3gw-bench-") as name:
        directory = Path(name)
        with stack(directory) as ready:
            print(report.head(), flush=True)
            rows, memories = compare(directory, ready, given)
            by_itself = {} if given.no_alone else alone.measure(directory, ready, quick=given.quick)
    document = {
        **facts(given),
        "rows": [row.as_json() for row in rows],
        "memory_mib": memories,
        "alone": by_itself,
    }
    (results / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    report.chart(rows, results)
    (results / "table.md").write_text(report.table(rows, memories, by_itself, document))
    print(report.memory_line(memories), report.alone_lines(by_itself), sep="\n")
    print(f"\nwritten: {results}/results.json, table.md, chart.png, chart.svg")


if __name__ == "__main__":
    main()
