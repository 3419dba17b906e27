"""The results as a table and a chart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from work import Row

Memory = Mapping[str, tuple[float, float]]
"""Front end → its resident memory in MiB, at rest and after the run."""

FRONTS = ("native", "s3gw", "s3api", "rclone")


def head() -> str:
    names = " | ".join(f"{name:>22}" for name in FRONTS)
    return (
        f"| {'work':<36} | {'unit':<10} | {names} |\n|{'-' * 38}|{'-' * 12}|{('-' * 24 + '|') * 4}"
    )


def line(row: Row) -> str:
    """Medians, and behind them the ratio to the native API: its median, lowest and highest."""
    cells = []
    for name in FRONTS:
        value = row.median(name)
        problem = next((s.problem for s in row.samples.get(name, []) if s.problem), "")
        if value is None:
            cells.append(f"{problem[:22] or '-':>22}")
            continue
        text = f"{value:.4f}" if row.unit == "s" else f"{value:.1f}"
        ratios = row.ratios(name)
        if name != "native" and ratios:
            text += f" {median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        cells.append(f"{text:>22}")
    return f"| {row.name:<36} | {row.unit:<10} | {' | '.join(cells)} |"


def details(rows: Sequence[Row]) -> list[str]:
    """Latencies and CPU time."""
    lines = ["", "| work | what | " + " | ".join(FRONTS) + " |", "|---|---|" + "---:|" * 4]
    for row in rows:
        wanted = ("p50_ms", "p99_ms", "own_ms_a_request", "stack_ms_a_request", "own_s_a_gib")
        for what in wanted:
            found = [row.median(name, what) for name in FRONTS]
            if any(found):
                cells = " | ".join("" if value is None else f"{value:.2f}" for value in found)
                lines.append(f"| {row.name} | {what.replace('_', ' ')} | {cells} |")
    return lines


def memory_line(memories: Memory) -> str:
    told = ", ".join(f"{name} {a:.0f} and {b:.0f} MiB" for name, (a, b) in memories.items())
    return f"\nResident memory at rest and after all these rows: {told}."


def alone_lines(found: Mapping[str, Any]) -> str:
    if not found:
        return "\nthe gateway alone: not measured (nginx is not here, or --no-alone)"
    lines = ["", "| the gateway alone, over nginx | value | unit |", "|---|---:|---|"]
    lines += [f"| {name} | {value:.2f} | {unit} |" for name, (value, unit) in found.items()]
    return "\n".join(lines)


def table(
    rows: Sequence[Row], memories: Memory, by_itself: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    told = [
        f"Commit {facts['commit']}, {facts['when']}; {facts['machine']}; {versions}.",
        f"{facts['rounds']} rounds{', --quick' if facts['quick'] else ''}.",
        "",
        head(),
        *map(line, rows),
        *details(rows),
        memory_line(memories),
        alone_lines(by_itself),
    ]
    return "\n".join(told) + "\n"


def chart(rows: Sequence[Row], directory: Path) -> None:
    """Speed relative to the native API, a bar a front end and row."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [row for row in rows if row.ratios("s3gw")]
    if not shown:
        return
    figure, axes = pyplot.subplots(figsize=(9, 0.42 * len(shown) + 1.5))
    for offset, (name, colour) in enumerate(
        (("s3gw", "#1b7f5c"), ("s3api", "#b0793a"), ("rclone", "#7d7d94"))
    ):
        places, values = [], []
        for index, row in enumerate(shown):
            if ratios := row.ratios(name):
                places.append(index + (offset - 1) * 0.27)
                values.append(min(median(ratios), 2.0))
        axes.barh(places, values, 0.25, label=name, color=colour)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(shown)), [row.name for row in shown], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(
        "speed relative to Swift's own API in the same round (longer is faster, cut at 2)"
    )
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(directory / "chart.png", dpi=130)
    figure.savefig(directory / "chart.svg")
