"""`filmless import`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pacs.config import data_option, option
from storage.archive import Archive
from storage.importing import Imported, find_files, import_file
from storage.settings import GIB, ArchiveSettings

if TYPE_CHECKING:
    from rich.progress import Progress


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@data_option
@option("minimum-free-bytes", default=GIB, type=click.IntRange(0), help="Stop below so much free disk space.")
def import_(paths: tuple[Path, ...], data: Path, minimum_free_bytes: int) -> None:
    """Bring in files, folders, zip files or what a DICOMDIR lists.

    May run beside `filmless serve`. Ends with a count by outcome; broken objects are kept in quarantine. Exit status 1
    when anything but "no DICOM file" went wrong.
    """
    counts: Counter[Imported] = Counter()
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=minimum_free_bytes)) as archive, _progress() as bar:
        files = list(find_files(paths))
        task = bar.add_task("import", total=len(files))
        for path in files:
            for result in import_file(archive, path):
                counts[result.outcome] += 1
                if result.outcome not in (Imported.STORED, Imported.ALREADY_STORED):
                    bar.console.print(f"{result.name}: {result.outcome.value}: {result.detail}", markup=False)
            bar.advance(task)
    for outcome in Imported:
        click.echo(f"{outcome.value}: {counts[outcome]}")
    sys.exit(1 if counts[Imported.QUARANTINED] or counts[Imported.FAILED] else 0)


def _progress() -> Progress:
    # Here and in the other commands: `filmless serve` loads none of it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, soft_wrap=True),
    )
