"""`python -m pacs.jobs`: does what was put off and what people ask of remote nodes, until it is stopped.

`worker` hands jobs to threads, `tasks` knows what each kind is.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import click

from pacs import tasks
from pacs.application import Application
from pacs.config import data_option, option
from pacs.logs import set_up_logging
from pacs.tasks import Hold
from pacs.worker import Worker, WorkerSettings
from storage.archive import Archive
from storage.errors import StorageError
from storage.records import Records
from storage.settings import ArchiveSettings


def run_one(application: Application, now: float | None = None) -> bool:
    """Try one job that is due, here and now; False when none is."""
    job = application.records.jobs.claim(WorkerSettings().lease, now)
    if job is None:
        return False
    tasks.carry_out(application, Hold(job, application.records.jobs), now=now)
    return True


@click.command()
@data_option
@option("aet", default="FILMLESS", help="Own AE title.")
def main(data: Path, aet: str) -> None:
    """Do jobs in the foreground."""
    set_up_logging()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with Archive.open(ArchiveSettings(data)) as archive, Records.open(data) as records:
            Worker(Application(archive, records, aet)).run(stopping)
    except StorageError as e:
        print(f"filmless: {e}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
