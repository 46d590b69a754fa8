"""`make chaos`: the whole campaign, and its report."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.campaign import Tally, in_words, machine, run_epochs
from tests.chaos.full_disk import NoSmallDisk, run_full_disk
from tests.chaos.serving import run_serving

_HEAD = "| Campaign | Kills | Acknowledged | Interrupted | Refused | Lost | Rows without file | Files without row | s |"


def main() -> int:
    """Run all stages; 0 when nothing was lost."""
    parser = argparse.ArgumentParser(description="Kill the archive under load and ask for every acknowledged object.")
    parser.add_argument("--kills", type=int, default=1000, help="in all; default 1000")
    parser.add_argument("--serve-kills", type=int, default=40, help="of these, against `filmless serve`")
    parser.add_argument("--fault-kills", type=int, default=100, help="of these, with failing calls injected")
    parser.add_argument("--full-kills", type=int, default=60, help="of these, on a small full disk")
    parser.add_argument("--per-epoch", type=int, default=120, help="kills on one data folder before a fresh one")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 20))
    parser.add_argument("--report", type=Path, help="write what was found here, as Markdown")
    a = parser.parse_args()
    print(f"seed {a.seed}", flush=True)
    plain = a.kills - a.serve_kills - a.fault_kills - a.full_kills
    stages: list[tuple[str, list[Tally]]] = [
        ("receivers killed", run_epochs(plain, a.seed, a.per_epoch)),
        ("failing write, sync, rename, commit", run_epochs(a.fault_kills, a.seed + 500, a.per_epoch, fault_rate=0.02)),
        ("small full disk", _in_folder(lambda folder: run_full_disk(folder, a.seed + 700, a.full_kills))),
        ("`filmless serve`: receiver, web, all", _in_folder(lambda f: run_serving(f, a.seed + 900, a.serve_kills))),
    ]
    text = report(a.seed, stages)
    print(text)
    if a.report:
        a.report.write_text(text, encoding="utf-8")
    return 0 if all(t.is_good for _, tallies in stages for t in tallies) else 1


def _in_folder(run: Callable[[Path], Tally]) -> list[Tally]:
    folder = Path(tempfile.mkdtemp(prefix="filmless-chaos-"))
    try:
        tally = run(folder)
    except NoSmallDisk as e:
        print(f"no small disk on this machine: {e}", flush=True)
        return []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(in_words(tally), flush=True)
    return [tally]


def report(seed: int, stages: list[tuple[str, list[Tally]]]) -> str:
    """Return the result as a Markdown table."""
    lines = [f"Seed {seed}, {datetime.now(UTC):%Y-%m-%d}, {machine()}.", "", _HEAD, "|---" * 9 + "|"]
    lines += [_row(name, tallies) for name, tallies in stages]
    lines.append(_row("together", [t for _, tallies in stages for t in tallies]))
    return "\n".join(lines) + "\n"


def _row(name: str, tallies: list[Tally]) -> str:
    columns = (
        sum(t.total for t in tallies),
        sum(t.acknowledged for t in tallies),
        sum(t.interrupted for t in tallies),
        sum(sum(t.refused.values()) for t in tallies),
        sum(len(t.lost) for t in tallies),
        sum(len(t.rows_without_files) for t in tallies),
        sum(len(t.files_without_rows) for t in tallies),
        round(sum(t.seconds for t in tallies)),
    )
    return f"| {name} | " + " | ".join(map(str, columns)) + " |"


if __name__ == "__main__":
    sys.exit(main())
