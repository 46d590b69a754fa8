"""`filmless verify` and `filmless reindex`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from pacs.config import data_option
from pacs.lock import DataLock
from storage.archive import Archive
from storage.settings import ArchiveSettings
from storage.verify import reindex, verify


@click.command("verify", short_help="Compare files and index, hash by hash.")
@data_option
@click.option("--from-start", is_flag=True, help="Do not go on where an interrupted run stopped.")
def verify_(data: Path, from_start: bool) -> None:
    """Compare files and index both ways, hash by hash; changes nothing.

    May run beside `filmless serve`, and goes on where it was interrupted. Exit status 1 when a fault was found.
    """
    from rich.console import Console
    from rich.progress import Progress

    faults = done = 0
    with Archive.open(ArchiveSettings(data)) as archive, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("verify", total=archive.health().instances)
        for step in verify(archive, resume=not from_start):
            done = step.done
            bar.update(task, completed=step.done, total=step.total)
            for finding in step.findings:
                faults += 1
                click.echo(f"{finding.fault.value}: {finding.sop_instance_uid} at {finding.path}", err=True)
    click.echo(f"{done} objects verified, {faults} faults")
    sys.exit(1 if faults else 0)


@click.command("reindex", short_help="Build the index anew from the files.")
@data_option
def reindex_(data: Path) -> None:
    """Build the index anew from the files; stop `filmless serve` first."""
    from rich.console import Console
    from rich.progress import Progress

    began = time.monotonic()
    indexed, failed = 0, tuple[tuple[Path, str], ...]()
    with DataLock(data), Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("reindex", total=None)
        for step in reindex(data):
            indexed, failed = step.indexed, step.failed
            bar.update(task, description=f"reindex: {indexed} objects")
    for path, reason in failed:
        click.echo(f"{path}: {reason}", err=True)
    seconds = time.monotonic() - began
    click.echo(f"{indexed} objects indexed in {seconds:.1f} s ({indexed / max(seconds, 1e-9):.0f} a second)")
    sys.exit(1 if failed else 0)
