"""Run the measurements: `python -m bench [AREA[.CASE]...]`; prints tables and writes bench/results.md."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import busy, find, retrieve, store, stow, wado, web
from bench.report import Row, machine, table, write_section

AREAS = {
    "store": ("Receiving (C-STORE)", store.CASES),
    "find": ("Queries (C-FIND)", {**find.CASES, **busy.CASES}),
    "retrieve": ("Retrieving (C-GET, C-MOVE)", retrieve.CASES),
    "web": ("DICOMweb", {**wado.CASES, **stow.CASES, **web.CASES}),
}
_RESULTS = Path(__file__).with_name("results.md")


def main(chosen: list[str]) -> None:
    """Run what was chosen, or all; each area's section is written when its cases are done."""
    about = machine()
    for area, (title, cases) in AREAS.items():
        names = [n for n in cases if not chosen or area in chosen or f"{area}.{n}" in chosen]
        rows: list[Row] = []
        for name in names:
            print(f"{area}.{name} ...", file=sys.stderr, flush=True)
            rows += cases[name]()
            print(table(rows[-1:]), file=sys.stderr, flush=True)
        if rows:
            print(f"\n{title}\n\n{table(rows)}")
            if len(names) == len(cases):
                write_section(_RESULTS, title, rows, (), about)


if __name__ == "__main__":
    main(sys.argv[1:])
