"""`python -m pacs.jobs`: does what was put off, one job after the other, until it is stopped.

Each job is claimed for a while, tried, and put off a little longer each time it fails, up to a day after the first try.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from pathlib import Path

import click

from pacs import commitment
from pacs.application import Application
from pacs.commitment import NotDelivered, Request
from pacs.config import data_option, option
from pacs.logs import one_line, set_up_logging
from pacs.tls import TLSError
from storage.archive import Archive
from storage.errors import StorageError
from storage.records import Job, Records
from storage.settings import ArchiveSettings

_log = logging.getLogger("filmless.jobs")
CLAIM_SECONDS = 1800.0
"""Longer than any try takes; after a crash a job waits as long."""
FIRST_WAIT, LONGEST_WAIT = 15.0, 3600.0
MAX_ATTEMPTS = 34
"""With waits up to an hour that is more than a day."""
_LOOK_SECONDS = 0.5


def run(application: Application, stopping: threading.Event) -> None:
    """Do jobs until `stopping` is set; one under way is finished first."""
    while not stopping.is_set():
        try:
            busy = run_one(application)
        except StorageError as e:
            _log.error("jobs cannot be read: %s", one_line(str(e)))
            busy = False
        if not busy:
            stopping.wait(_LOOK_SECONDS)


def run_one(application: Application, now: float | None = None) -> bool:
    """Try one job that is due; False when none is."""
    jobs = application.records.jobs
    job = jobs.claim(CLAIM_SECONDS, now)
    if job is None:
        return False
    try:
        _do(application, job)
    except (NotDelivered, TLSError, StorageError) as e:
        _put_off(application, job, str(e), now)
    except Exception as e:
        # One job that cannot be done must not keep the others waiting.
        _log.exception("job %s failed", job.number)
        jobs.give_up(job.number, f"{type(e).__name__}: {e}")
    else:
        jobs.done(job.number)
    return True


def _do(application: Application, job: Job) -> None:
    if job.kind != commitment.JOB:
        raise ValueError(f"{job.kind!r} is no kind of job")
    request = Request.from_json(job.payload)
    peer = application.records.peers.by_aet(request.aet)
    if peer is None:
        raise NotDelivered(f"{request.aet} is no registered peer any more")
    report = commitment.check(application.archive, request, application.aet)
    commitment.deliver(report, application.node_of(peer), application.aet)
    _log.info("storage commitment %s reported to %s: %s", request.transaction_uid, request.aet, report.event.name)


def _put_off(application: Application, job: Job, reason: str, now: float | None) -> None:
    if job.attempts >= MAX_ATTEMPTS:
        _log.error("job %s given up after %s tries: %s", job.number, job.attempts, one_line(reason))
        application.records.jobs.give_up(job.number, reason)
        return
    wait = min(FIRST_WAIT * 2 ** (job.attempts - 1), LONGEST_WAIT)
    _log.warning("job %s is tried again in %.0f s: %s", job.number, wait, one_line(reason))
    application.records.jobs.retry(job.number, (time.time() if now is None else now) + wait, reason)


@click.command()
@data_option
@option("aet", default="FILMLESS", help="Own AE title.")
def main(data: Path, aet: str) -> None:
    """Do what was put off, in the foreground."""
    set_up_logging()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with Archive.open(ArchiveSettings(data)) as archive, Records.open(data) as records:
            run(Application(archive, records, aet), stopping)
    except StorageError as e:
        print(f"filmless: {e}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
