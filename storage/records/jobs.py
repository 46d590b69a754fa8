"""Work that has to be done later and must not be forgotten, tried until it succeeds or makes no sense any more.

A worker has a job for a short while only and keeps renewing that. When it dies the time runs out and the job is due
again. Each claim counts as an attempt, and the number of the attempt is what a worker shows with all that it writes:
one that was held up for so long that another took over is not listened to.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence

from storage.errors import InvalidRecord, NotFound
from storage.records.clock import iso
from storage.records.database import RecordsDatabase
from storage.records.model import Job, JobItem, JobState, Lane

MAX_WAITING = 10_000
MAX_REASON = 256
_KEPT_SECONDS = {Lane.INTERACTIVE: 3600.0, Lane.TRANSFER: 90 * 86400.0, Lane.REPORT: 30 * 86400.0}
"""How long an ended job is remembered. What a query found is patients' data that nobody looks at an hour later."""
_OPEN = "state IN ('waiting', 'running')"


class Jobs:
    """Add, claim, watch and finish jobs; reached as `Records.jobs`. Times are seconds since 1970."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    def add(
        self,
        kind: str,
        payload: str,
        due_at: float | None = None,
        *,
        lane: Lane = Lane.REPORT,
        peer: str = "",
        asked_by: str = "",
    ) -> int:
        """Add a job and return its number; it is on disk when this returns.

        Raises:
            InvalidRecord: so many wait already that something is wrong.
        """
        now = time.time()
        with self._database.writing() as connection:
            _forget_old(connection, now)
            if connection.execute(f"SELECT count(*) FROM jobs WHERE {_OPEN}").fetchone()[0] >= MAX_WAITING:
                raise InvalidRecord(f"{MAX_WAITING} jobs wait already")
            added = connection.execute(
                "INSERT INTO jobs (kind, payload, state, due_at, created_at, lane, peer, asked_by)"
                " VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?)",
                (kind, payload, now if due_at is None else due_at, iso(now), lane.value, peer, asked_by),
            )
            return int(added.lastrowid or 0)

    # ---- for workers

    def claim(
        self, seconds: float, now: float | None = None, *, lane: Lane | None = None, per_peer: int | None = None
    ) -> Job | None:
        """Take the job of a lane (of any, by default) that has been due longest, for `seconds`; None when none is due.

        Jobs of a node of which `per_peer` jobs run in their lane already are left for later.
        """
        now = time.time() if now is None else now
        # Looked at without the lock first: a worker asks many times a second, and mostly nothing is due.
        if self._due(self._database.connection, now, lane, per_peer) is None:
            return None
        with self._database.writing() as connection:
            number = self._due(connection, now, lane, per_peer)
            if number is None:
                return None
            connection.execute(
                "UPDATE jobs SET state = 'running', due_at = ?, attempts = attempts + 1 WHERE id = ?",
                (now + seconds, number),
            )
            # What failed is going to be tried anew.
            connection.execute("DELETE FROM job_items WHERE job = ? AND NOT is_done", (number,))
            return _job(connection.execute("SELECT * FROM jobs WHERE id = ?", (number,)).fetchone())

    @staticmethod
    def _due(connection: sqlite3.Connection, now: float, lane: Lane | None, per_peer: int | None) -> int | None:
        lanes = [one.value for one in (Lane if lane is None else (lane,))]
        row = connection.execute(
            f"""SELECT id FROM jobs AS j WHERE lane IN ({", ".join("?" * len(lanes))}) AND {_OPEN} AND due_at <= ?
                AND (peer = '' OR ? > (SELECT count(*) FROM jobs AS r WHERE r.lane = j.lane AND r.peer = j.peer
                     AND r.state = 'running' AND r.due_at > ?))
                ORDER BY due_at LIMIT 1""",
            (*lanes, now, MAX_WAITING if per_peer is None else per_peer, now),
        ).fetchone()
        return None if row is None else int(row["id"])

    def renew(self, jobs: Iterable[Job], seconds: float, now: float | None = None) -> None:
        """Keep the jobs for `seconds` from now; those that somebody else has by now stay theirs."""
        until = (time.time() if now is None else now) + seconds
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE jobs SET due_at = ? WHERE id = ? AND attempts = ? AND state = 'running'",
                [(until, job.number, job.attempts) for job in jobs],
            )

    def unwanted(self, jobs: Iterable[Job]) -> set[int]:
        """Return the numbers of those jobs that were cancelled, or that this worker has no more."""
        connection = self._database.connection
        return {
            job.number
            for job in jobs
            if connection.execute(
                "SELECT 1 FROM jobs WHERE id = ? AND attempts = ? AND state = 'running' AND NOT is_cancelled",
                (job.number, job.attempts),
            ).fetchone()
            is None
        }

    def note(self, job: Job, report: str, items: Iterable[JobItem] = ()) -> None:
        """Note how far a job is, and which of its objects are finished with; not listened to without a claim."""
        with self._database.writing() as connection:
            noted = connection.execute(
                "UPDATE jobs SET report = ? WHERE id = ? AND attempts = ? AND state = 'running'",
                (report, job.number, job.attempts),
            )
            if noted.rowcount:
                _keep_items(connection, job.number, items)

    def done(self, number: int, *, attempt: int | None = None) -> None:
        """Note that a job is done; noting it twice is no error."""
        self._end(number, JobState.DONE, "", attempt)

    def give_up(self, number: int, reason: str, *, attempt: int | None = None) -> None:
        """Note that a job is not tried any more."""
        self._end(number, JobState.FAILED, reason, attempt)

    def settle(
        self, number: int, state: JobState, report: str, items: Iterable[JobItem] = (), reason: str = ""
    ) -> None:
        """End a job by what came from outside, whoever works on it; one that has ended already stays as it is."""
        with self._database.writing() as connection:
            ended = connection.execute(
                f"UPDATE jobs SET state = ?, report = ?, error = ?, ended_at = ? WHERE id = ? AND {_OPEN}",
                (state.value, report, reason[:MAX_REASON], time.time(), number),
            )
            if ended.rowcount:
                _keep_items(connection, number, items)

    def stopped(self, job: Job) -> None:
        """Note that a job was ended because somebody cancelled it."""
        self._end(job.number, JobState.CANCELLED, "", job.attempts)

    def retry(self, number: int, due_at: float, reason: str, *, attempt: int | None = None) -> None:
        """Put a job off; one that somebody else finished meanwhile stays finished, one that was cancelled ends."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', error = '', ended_at = ? WHERE id = ? AND state = 'running'"
                " AND is_cancelled AND attempts = coalesce(?, attempts)",
                (time.time(), number, attempt),
            )
            connection.execute(
                f"UPDATE jobs SET state = 'waiting', due_at = ?, error = ? WHERE id = ? AND {_OPEN}"
                " AND attempts = coalesce(?, attempts)",
                (due_at, reason[:MAX_REASON], number, attempt),
            )

    def release(self, job: Job) -> None:
        """Give a job back as if it had not been claimed: the worker has to stop."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'waiting', due_at = ?, attempts = attempts - 1"
                " WHERE id = ? AND attempts = ? AND state = 'running'",
                (time.time(), job.number, job.attempts),
            )

    # ---- for people

    def cancel(self, number: int) -> None:
        """Ask that a job be done no further; one that waits ends at once, an ended one stays as it is."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'cancelled', is_cancelled = 1, ended_at = ?"
                " WHERE id = ? AND state = 'waiting'",
                (time.time(), number),
            )
            connection.execute("UPDATE jobs SET is_cancelled = 1 WHERE id = ? AND state = 'running'", (number,))

    def again(self, number: int) -> None:
        """Have a job that failed, was cancelled or is put off tried at once, with all its attempts before it."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'waiting', due_at = ?, attempts = 0, is_cancelled = 0, ended_at = 0,"
                " error = '' WHERE id = ? AND state IN ('failed', 'cancelled', 'waiting')",
                (time.time(), number),
            )

    def get(self, number: int) -> Job:
        """Return a job; `NotFound` for no such one."""
        row = self._database.connection.execute("SELECT * FROM jobs WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise NotFound(f"no job {number}")
        return _job(row)

    def count(self, lane: Lane) -> int:
        """Return how many jobs of a lane are remembered."""
        row = self._database.connection.execute("SELECT count(*) FROM jobs WHERE lane = ?", (lane.value,)).fetchone()
        return int(row[0])

    def items(self, number: int, *, is_done: bool, limit: int = -1) -> list[JobItem]:
        """Return the objects of a job that are there, or those that failed."""
        rows = self._database.connection.execute(
            "SELECT item, is_done, reason FROM job_items WHERE job = ? AND is_done = ? ORDER BY item LIMIT ?",
            (number, int(is_done), limit),
        )
        return [JobItem(row["item"], bool(row["is_done"]), row["reason"]) for row in rows]

    def open_of(self, kind: str, peer: str) -> Sequence[Job]:
        """Return the jobs of a kind that are about a node and have not ended, the oldest first."""
        rows = self._database.connection.execute(
            f"SELECT * FROM jobs WHERE kind = ? AND peer = ? AND {_OPEN} ORDER BY id", (kind, peer)
        )
        return [_job(row) for row in rows]

    def list(self, limit: int = 100, offset: int = 0, *, lane: Lane | None = None) -> list[Job]:
        """Return jobs, the newest first."""
        rows = self._database.connection.execute(
            "SELECT * FROM jobs WHERE lane = coalesce(?, lane) ORDER BY id DESC LIMIT ? OFFSET ?",
            (None if lane is None else lane.value, limit, offset),
        )
        return [_job(row) for row in rows]

    def _end(self, number: int, state: JobState, reason: str, attempt: int | None) -> None:
        with self._database.writing() as connection:
            connection.execute(
                f"UPDATE jobs SET state = ?, error = ?, ended_at = ? WHERE id = ? AND {_OPEN}"
                " AND attempts = coalesce(?, attempts)",
                (state.value, reason[:MAX_REASON], time.time(), number, attempt),
            )


def _keep_items(connection: sqlite3.Connection, number: int, items: Iterable[JobItem]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO job_items (job, item, is_done, reason) VALUES (?, ?, ?, ?)",
        [(number, i.item, int(i.is_done), i.reason[:MAX_REASON]) for i in items],
    )


def _forget_old(connection: sqlite3.Connection, now: float) -> None:
    for lane, seconds in _KEPT_SECONDS.items():
        connection.execute(
            f"DELETE FROM jobs WHERE lane = ? AND NOT {_OPEN} AND ended_at < ?", (lane.value, now - seconds)
        )


def _job(row: sqlite3.Row) -> Job:
    return Job(
        number=row["id"],
        kind=row["kind"],
        payload=row["payload"],
        state=JobState(row["state"]),
        attempts=row["attempts"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        error=row["error"],
        lane=Lane(row["lane"]),
        peer=row["peer"],
        asked_by=row["asked_by"],
        is_cancelled=bool(row["is_cancelled"]),
        report=row["report"],
        ended_at=row["ended_at"],
    )
