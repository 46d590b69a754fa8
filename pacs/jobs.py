"""`python -m pacs.jobs`: does what was put off and what people ask of remote nodes, until it is stopped.

`worker` hands jobs to threads, `tasks` knows what each kind is.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from pacs import confirmation, tasks
from pacs.application import Application
from pacs.config import OWN_CERTIFICATE_OPTIONS, data_option, option, options, own_certificate, retention_option
from pacs.logs import set_up_logging
from pacs.retention import Retention
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
    after_push = [confirmation.after_push(application.records, application.archive)]
    tasks.carry_out(application, Hold(job, application.records.jobs), after_push, now)
    return True


@click.command()
@data_option
@option("aet", default="FILMLESS", help="Own AE title.")
@retention_option
@options(*OWN_CERTIFICATE_OPTIONS)
def main(data: Path, aet: str, rejected_days: int, **values: Any) -> None:
    """Do jobs in the foreground."""
    set_up_logging()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with Archive.open(ArchiveSettings(data)) as archive, Records.open(data) as records:
            application = Application(archive, records, aet, certificate=own_certificate(**values))
            retention = Retention(archive, records, rejected_days, stopping)
            retention.start()
            Worker(application, after_push=[confirmation.after_push(records, archive)]).run(stopping)
            retention.join()
    except StorageError as e:
        print(f"filmless: {e}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
