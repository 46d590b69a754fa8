"""What each kind of job is: done with the nodes it is about, and its outcome noted in words for people."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pacs import commitment, confirmation
from pacs.application import Application
from pacs.commitment import NotDelivered, Request
from pacs.confirmation import NotAnsweredYet
from pacs.logs import one_line
from pacs.remote import probe, pull, push, query
from pacs.remote.calls import Remote, Stopped, Troubled
from pacs.remote.push import AfterPush
from pacs.remote.transfer import Transfer
from pacs.tls import TLSError
from storage.errors import StorageError
from storage.records import Job, JobItem, Lane
from storage.records.jobs import Jobs
from storage.records.remote import (
    KINDS,
    Confirm,
    PeerTest,
    Phase,
    Problem,
    Pull,
    Push,
    QueryReport,
    RemoteQuery,
    TransferReport,
    Trouble,
    from_json,
    to_json,
)

_log = logging.getLogger("filmless.jobs")
PATIENCE_SECONDS = 120.0
"""Nobody looks at the screen for so long: what was asked before that is not done any more."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a job is tried: the wait in seconds doubles from the first to the longest."""

    first: float
    longest: float
    attempts: int

    def wait_after(self, attempts: int) -> float:
        """Return the seconds to wait after so many tries."""
        return float(min(self.first * 2 ** (attempts - 1), self.longest))


SCHEDULES: Mapping[Lane, Schedule] = MappingProxyType(
    {
        Lane.INTERACTIVE: Schedule(0.0, 0.0, 1),
        Lane.TRANSFER: Schedule(10.0, 900.0, 12),  # about an hour and a half
        Lane.REPORT: Schedule(15.0, 3600.0, 34),  # more than a day
    }
)


class Hold:
    """A job that this worker has, until somebody does not want it any more."""

    def __init__(self, job: Job, jobs: Jobs) -> None:
        self.job = job
        self._jobs = jobs
        self._stopped = threading.Event()
        self.is_shutdown = False

    def stop(self, *, is_shutdown: bool = False) -> None:
        """Have the work end soon."""
        self.is_shutdown = self.is_shutdown or is_shutdown
        self._stopped.set()

    def should_stop(self) -> bool:
        """Tell whether to end."""
        return self._stopped.is_set()

    def note(self, report: Any, items: Sequence[JobItem] = ()) -> None:
        """Note how far it is."""
        self._jobs.note(self.job, to_json(report), items)


def carry_out(
    application: Application, hold: Hold, after_push: Sequence[AfterPush] = (), now: float | None = None
) -> None:
    """Try a job, and note what came of it."""
    job, jobs = hold.job, application.records.jobs
    try:
        _do(application, hold, after_push)
    except Stopped:
        _stopped(application, hold)
    except Troubled as e:
        if e.is_final:
            _give_up(application, job, str(e))
        else:
            _put_off(application, job, str(e), now)
    except NotAnsweredYet as e:
        _put_off(application, job, str(e), now, at_least=confirmation.AGAIN_SECONDS)
    except (NotDelivered, TLSError, StorageError) as e:
        _put_off(application, job, str(e), now)
    except Exception as e:
        # One job that cannot be done must not keep the others waiting.
        _log.exception("job %s failed", job.number)
        _give_up(application, job, f"{type(e).__name__}: {e}")
    else:
        jobs.done(job.number, attempt=job.attempts)


def _do(application: Application, hold: Hold, after_push: Sequence[AfterPush]) -> None:
    job = hold.job
    if job.kind == commitment.JOB:
        _report_commitment(application, Request.from_json(job.payload))
    elif job.kind == KINDS[PeerTest]:
        _test(application, hold, from_json(PeerTest, job.payload))
    elif job.kind == KINDS[RemoteQuery]:
        _query(application, hold, from_json(RemoteQuery, job.payload))
    elif job.kind == KINDS[Pull]:
        asked = from_json(Pull, job.payload)
        _transfer(application, hold, asked.peer, lambda r, t: pull.pull(r, application.archive, asked, t))
    elif job.kind == KINDS[Confirm]:
        _confirm(application, hold, from_json(Confirm, job.payload))
    elif job.kind == KINDS[Push]:
        _push(application, hold, from_json(Push, job.payload), after_push)
    else:
        raise ValueError(f"{job.kind!r} is no kind of job")


def _report_commitment(application: Application, request: Request) -> None:
    peer = application.records.peers.by_aet(request.aet)
    if peer is None:
        raise NotDelivered(f"{request.aet} is no registered peer any more")
    report = commitment.check(application.archive, request, application.aet)
    commitment.deliver(report, application.node_of(peer), application.aet)
    _log.info("storage commitment %s reported to %s: %s", request.transaction_uid, request.aet, report.event.name)


def _remote(application: Application, hold: Hold, aet: str) -> Remote:
    peer = application.records.peers.by_aet(aet)
    if peer is None:
        raise Troubled(Problem(Trouble.PEER_REMOVED, {"aet": aet, "own_aet": application.aet}))
    return Remote(peer, application.aet, application.node_of, should_stop=hold.should_stop)


def _in_time(job: Job) -> None:
    if time.time() - datetime.fromisoformat(job.created_at).timestamp() > PATIENCE_SECONDS:
        raise Troubled(Problem(Trouble.TOO_LATE))


def _test(application: Application, hold: Hold, asked: PeerTest) -> None:
    _in_time(hold.job)
    report = probe.examine(_remote(application, hold, asked.peer), store=asked.store, told=hold.note)
    hold.note(report)


def _query(application: Application, hold: Hold, asked: RemoteQuery) -> None:
    try:
        _in_time(hold.job)
        hold.note(query.query(_remote(application, hold, asked.peer), asked))
    except Troubled as e:
        hold.note(QueryReport(problem=e.problem))
        raise


def _push(application: Application, hold: Hold, asked: Push, after_push: Sequence[AfterPush]) -> None:
    done = application.records.jobs.items(hold.job.number, is_done=True)
    delivered = frozenset(item.item for item in done)

    def run(remote: Remote, transfer: Transfer) -> None:
        push.push(remote, application.archive, asked, transfer, delivered, after_push)

    _transfer(application, hold, asked.peer, run)


def _confirm(application: Application, hold: Hold, asked: Confirm) -> None:
    known = TransferReport(phase=Phase.CONNECTING, total=len(asked.objects), via=confirmation.VIA)
    try:
        hold.note(known)
        report = confirmation.request(_remote(application, hold, asked.peer), asked)
    except Troubled as e:
        hold.note(replace(known, problem=e.problem))
        raise
    except NotAnsweredYet:
        hold.note(replace(known, phase=Phase.CHECKING))
        raise
    confirmation.settle(application.records, hold.job, report)


def _transfer(application: Application, hold: Hold, aet: str, run: Callable[[Remote, Transfer], None]) -> None:
    """Run one try of a transfer; its report ends with how it went."""
    transfer = Transfer(hold.note)
    try:
        run(_remote(application, hold, aet), transfer)
    except Troubled as e:
        transfer.report = replace(transfer.report, problem=e.problem)
        raise
    except StorageError as e:
        facts = {"aet": aet, "own_aet": application.aet, "comment": str(e)[:160]}
        transfer.report = replace(transfer.report, problem=Problem(Trouble.ARCHIVE, facts))
        raise
    except Stopped:
        raise
    except Exception as e:
        transfer.report = replace(transfer.report, problem=Problem(Trouble.INTERNAL, {"comment": type(e).__name__}))
        raise
    finally:
        transfer.flush()
    _log.info("job %s: %s with %s is complete: %s", hold.job.number, hold.job.kind, aet, _counts(transfer.report))


def _counts(report: TransferReport) -> str:
    return f"{report.done} objects by {report.via}, {report.already} were there, {report.seconds:g} s"


def _stopped(application: Application, hold: Hold) -> None:
    jobs = application.records.jobs
    if jobs.get(hold.job.number).is_cancelled:
        _log.info("job %s: cancelled", hold.job.number)
        jobs.stopped(hold.job)
    elif hold.is_shutdown:
        jobs.release(hold.job)


def _give_up(application: Application, job: Job, reason: str) -> None:
    _log.error("job %s (%s) given up after %s tries: %s", job.number, job.kind, job.attempts, one_line(reason))
    application.records.jobs.give_up(job.number, reason, attempt=job.attempts)


def _put_off(application: Application, job: Job, reason: str, now: float | None, *, at_least: float = 0.0) -> None:
    schedule = SCHEDULES[Lane.REPORT if job.kind == KINDS[Confirm] else job.lane]
    if job.attempts >= schedule.attempts:
        _give_up(application, job, reason)
        return
    wait = max(schedule.wait_after(job.attempts), at_least)
    _log.warning("job %s (%s) is tried again in %.0f s: %s", job.number, job.kind, wait, one_line(reason))
    due_at = (time.time() if now is None else now) + wait
    application.records.jobs.retry(job.number, due_at, reason, attempt=job.attempts)
