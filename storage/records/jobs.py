"""Work that has to be done later and must not be forgotten: answers to deliver, tried until they arrive.

A job is claimed for a while. Whoever claimed it and died is not asked: when the time is over, the job is due again.
"""

from __future__ import annotations

import sqlite3
import time

from storage.errors import InvalidRecord
from storage.records.clock import iso
from storage.records.database import RecordsDatabase
from storage.records.model import Job, JobState

MAX_WAITING = 10_000
_KEPT_SECONDS = 30 * 86400.0


class Jobs:
    """Add, claim and finish jobs; reached as `Records.jobs`. Times are seconds since 1970."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    def add(self, kind: str, payload: str, due_at: float | None = None) -> int:
        """Add a job and return its number; it is on disk when this returns.

        Raises:
            InvalidRecord: so many wait already that something is wrong.
        """
        now = time.time()
        with self._database.writing() as connection:
            connection.execute("DELETE FROM jobs WHERE state <> 'waiting' AND ended_at < ?", (now - _KEPT_SECONDS,))
            if connection.execute("SELECT count(*) FROM jobs WHERE state = 'waiting'").fetchone()[0] >= MAX_WAITING:
                raise InvalidRecord(f"{MAX_WAITING} jobs wait already")
            added = connection.execute(
                "INSERT INTO jobs (kind, payload, state, due_at, created_at) VALUES (?, ?, 'waiting', ?, ?)",
                (kind, payload, now if due_at is None else due_at, iso(now)),
            )
            return int(added.lastrowid or 0)

    def claim(self, seconds: float, now: float | None = None) -> Job | None:
        """Take the job that has been due longest, for `seconds`; None when none is due."""
        now = time.time() if now is None else now
        with self._database.writing() as connection:
            row = connection.execute(
                "SELECT id FROM jobs WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT 1", (now,)
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE jobs SET due_at = ?, attempts = attempts + 1 WHERE id = ?", (now + seconds, row["id"])
            )
            return _job(connection.execute("SELECT * FROM jobs WHERE id = ?", (row["id"],)).fetchone())

    def done(self, number: int) -> None:
        """Note that a job is done; noting it twice is no error."""
        self._end(number, JobState.DONE, "")

    def give_up(self, number: int, reason: str) -> None:
        """Note that a job is not tried any more."""
        self._end(number, JobState.FAILED, reason)

    def retry(self, number: int, due_at: float, reason: str) -> None:
        """Put a job off; one that somebody else finished meanwhile stays finished."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET due_at = ?, error = ? WHERE id = ? AND state = 'waiting'",
                (due_at, reason[:256], number),
            )

    def list(self, limit: int = 100) -> list[Job]:
        """Return jobs, the newest first."""
        rows = self._database.connection.execute("SELECT * FROM jobs ORDER BY id DESC LIMIT ?", (limit,))
        return [_job(row) for row in rows]

    def _end(self, number: int, state: JobState, reason: str) -> None:
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE jobs SET state = ?, error = ?, ended_at = ? WHERE id = ? AND state = 'waiting'",
                (state.value, reason[:256], time.time(), number),
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
    )
