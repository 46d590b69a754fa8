"""Cases, their figures, and the table that they become."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a case, what was measured, the goal, and whether it was met (None: no goal)."""

    case: str
    measured: str
    goal: str
    met: bool | None


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def seconds(values: Sequence[float]) -> str:
    """Return "median (least to most) s"."""
    return f"{median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    marks = {True: "met", False: "**not met**", None: ""}
    lines = ["| Case | Measured | Goal | |", "|---|---|---|---|"]
    lines += [f"| {r.case} | {r.measured} | {r.goal} | {marks[r.met]} |" for r in rows]
    return "\n".join(lines)


def machine() -> str:
    """Describe the machine in one line, without its name."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}, load at start {load:.1f}"


def write_section(path: Path, title: str, rows: Sequence[Row], notes: Sequence[str], about: str) -> None:
    """Put a section into the results file in place of the one of the same title, or at its end."""
    head = f"## {title}\n"
    body = f"{head}\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {about}.\n\n{table(rows)}\n"
    body += "".join(f"\n{note}\n" for note in notes)
    old = path.read_text(encoding="utf-8") if path.exists() else "# Results of `make bench`\n"
    sections = old.split("\n## ")
    kept = [s for s in sections[1:] if not s.startswith(title + "\n")]
    path.write_text("\n## ".join([sections[0].rstrip("\n") + "\n", *kept, body[3:]]), encoding="utf-8")
