"""Walking over the files of an archive, `archive/<yyyy>/<mm>/<dd>/<study>/<series>/<instance>.dcm`, in pieces.

Whatever else lies there (a link, a file among folders) is none of ours and passed over; what disappears meanwhile, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def days(data: Path, first_day: str = "") -> Iterator[Path]:
    """Return the folders of the days from `first_day` (`yyyy/mm/dd`) on, the oldest first."""
    for year in _folders(data / "archive"):
        for month in _folders(year):
            yield from (day for day in _folders(month) if f"{year.name}/{month.name}/{day.name}" >= first_day)


def series_of(day: Path) -> Iterator[Path]:
    """Return the series folders of a day."""
    for study in _folders(day):
        yield from _folders(study)


def files_of(series: Path) -> list[tuple[Path, os.stat_result]]:
    """Return the files of a series folder with their facts, by name."""
    found = []
    for entry in _entries(series):
        if entry.is_file(follow_symlinks=False):
            try:
                found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue
    return sorted(found, key=lambda pair: pair[0])


def stored_files(data: Path) -> Iterator[Path]:
    """Return every file in the order of arrival, as far as the file system's clock (milliseconds) tells it."""
    for day in days(data):
        files = [(facts.st_mtime_ns, path) for series in series_of(day) for path, facts in files_of(series)]
        yield from (path for _, path in sorted(files))


def _folders(folder: Path) -> list[Path]:
    return sorted(Path(e.path) for e in _entries(folder) if e.is_dir(follow_symlinks=False))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
