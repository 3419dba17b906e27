"""CPU and memory of processes, from /proc."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event, Thread

_TICKS = os.sysconf("SC_CLK_TCK")
_INTERVAL = 0.01  # seconds between two looks at the memory


def cpu(pids: Iterable[int]) -> float:
    """CPU seconds that processes, and their children that live, have used."""
    return sum(_cpu(pid) for pid in pids)


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    found = [pid]
    for one in found:
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue
        found.extend(int(child) for child in children)
    return found


def memory(pid: int, field: str = "VmRSS") -> float:
    """VmRSS or VmHWM (the highest VmRSS so far) of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"/proc/{pid}/status has no {field}")


def forget_peak(pid: int) -> bool:
    """Start VmHWM anew; whether the kernel lets us (see proc_pid_clear_refs(5))."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def highest_memory(pid: int, work: Callable[[], object]) -> float:
    """The most memory while the work is done, in MiB: of many looks, or the kernel's own mark."""
    forgotten = forget_peak(pid)
    seen, done = [memory(pid)], Event()

    def look() -> None:
        while not done.wait(_INTERVAL):
            seen.append(memory(pid))

    looker = Thread(target=look)
    looker.start()
    try:
        work()
    finally:
        done.set()
        looker.join()
    return max(*seen, memory(pid, "VmHWM") if forgotten else 0.0)
