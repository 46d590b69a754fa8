"""The index: what is stored, findable. Rebuildable from the files, so a commit need not be synced (see `recovery`).

Writes are grouped: whoever finds the writer free commits for all who wait, so that twenty senders share one commit and
a lone sender waits for nobody.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from storage import answers, candidates, hiding, rows, sql
from storage.answers import Answer
from storage.attributes import Level
from storage.batch import Batch, Entry
from storage.database import DatabaseFile, Turn, describe, index_errors, transaction
from storage.errors import IndexFailed, InvalidObject, NotFound, OutOfSpace, Rejected, StorageError
from storage.migrations import index_migrations
from storage.model import Instance, PatientConflict, Series, Study
from storage.query import Query

MAX_BATCH = 256
# The left joins let rows of rejected instances through, which belong to no series.
_INSTANCE_OF_UID = (
    f"SELECT {rows.INSTANCE_COLUMNS} FROM instance LEFT JOIN series ON series.id = instance.series"
    " LEFT JOIN study ON study.id = series.study WHERE instance.sop_instance_uid = ?"
)
_CHECKPOINT_TRIES = 10
_CHECKPOINT_SECONDS = 0.02
_PIECE = 1000
_ANSWERS = 16
_COUNTED_IN_A_SECOND = 10_000_000
_STEPS_OF_A_COUNT = 1_000  # few, since each may have to read from the disk
_STEPS = 20_000  # of SQLite's virtual machine: a millisecond, most of the time


class _Ticket:
    """One entry's way through the group commit."""

    __slots__ = ("done", "entry", "error", "is_new")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.done = False
        self.is_new = False
        self.error: StorageError | None = None


def _fail(tickets: list[_Ticket], error: StorageError) -> None:
    for ticket in tickets:
        ticket.error, ticket.done = error, True


@contextmanager
def _stoppable(
    connection: sqlite3.Connection, is_stopped: Callable[[], bool] | None, steps: int = _STEPS
) -> Iterator[None]:
    connection.set_progress_handler(is_stopped, steps)
    try:
        yield
    finally:
        with suppress(sqlite3.ProgrammingError):  # closed meanwhile, with the archive
            connection.set_progress_handler(None, 0)


class Index:
    """The embedded implementation: SQLite in WAL mode, any number of readers, one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._database = DatabaseFile(path, rebuildable=True)
        try:
            self._database.migrate(index_migrations)
            self._writer = self._database.open()
            self._turn = Turn(self._database.turn_path)
        except BaseException:
            self._database.close()
            raise
        self._commit_lock = threading.Lock()
        self._pending_lock = threading.Lock()
        self._pending: list[_Ticket] = []

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
        self._turn.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One write transaction, when it is this process's turn; under the commit lock."""
        with self._turn.taken(), transaction(self._writer):
            yield

    # ---- writing

    def add(self, entry: Entry) -> bool:
        """Add one object; True when it is new, False when its SOP Instance UID is indexed already (nothing changes).

        Raises:
            OutOfSpace, IndexFailed: nothing was added.
            InvalidObject: its values cannot be held.
        """
        ticket = _Ticket(entry)
        with self._pending_lock:
            self._pending.append(ticket)
        with self._commit_lock:
            if not ticket.done:
                self._commit(self._take(ticket))
        if ticket.error is not None:
            raise ticket.error
        return ticket.is_new

    def add_many(self, entries: Iterable[Entry]) -> list[bool]:
        """Add many objects in one transaction; answer for each as `add` does, in their order."""
        with self._commit_lock:
            return self._write(list(entries))

    def _commit(self, tickets: list[_Ticket]) -> None:
        """Commit for all who wait; whatever happens, each ticket is done afterwards."""
        try:
            outcome = self._write([ticket.entry for ticket in tickets])
        except (OutOfSpace, IndexFailed) as e:
            _fail(tickets, e)
        except (ValueError, OverflowError) as e:
            # The values of one entry cannot be held (UnicodeError is a ValueError); the others must not suffer.
            if len(tickets) == 1:
                _fail(tickets, InvalidObject(f"the index cannot hold its values: {e}"))
            else:
                for ticket in tickets:
                    self._commit([ticket])
        except BaseException:
            _fail(tickets, IndexFailed("cannot write the index: interrupted"))
            raise
        else:
            for ticket, is_new in zip(tickets, outcome, strict=True):
                ticket.is_new, ticket.done = is_new, True

    def _take(self, own: _Ticket) -> list[_Ticket]:
        with self._pending_lock:
            # Oldest first; the own ticket is among them because it was queued before the lock was waited for.
            tickets, self._pending = self._pending[:MAX_BATCH], self._pending[MAX_BATCH:]
            if own not in tickets:
                self._pending.remove(own)
                tickets.append(own)
        return tickets

    def _write(self, entries: list[Entry]) -> list[bool]:
        with self._transaction():
            batch = Batch(self._writer)
            outcome = [batch.add(entry) for entry in entries]
            batch.finish()
        return outcome

    def relocate(self, entry: Entry) -> None:
        """Note where an object that is indexed already is kept now."""
        uid = entry.header.text("sop_instance_uid")
        with self._commit_lock, self._transaction():
            self._writer.execute(
                "UPDATE study SET stored_bytes = stored_bytes + ? - (SELECT size FROM instance"
                " WHERE sop_instance_uid = ?) WHERE id = (SELECT series.study FROM series"
                " JOIN instance ON instance.series = series.id WHERE instance.sop_instance_uid = ?)",
                (entry.size, uid, uid),
            )
            self._writer.execute(
                "UPDATE instance SET received_on = ?, size = ?, dataset_offset = ?, dataset_sha256 = ?,"
                " pixel_data_offset = ? WHERE sop_instance_uid = ?",
                (
                    entry.received_on,
                    entry.size,
                    entry.dataset_offset,
                    entry.dataset_sha256,
                    entry.pixel_data_offset,
                    uid,
                ),
            )

    def hide(self, identifier: str, sop_instance_uids: Iterable[str]) -> int:
        """Take instances out of every answer, under the name of a rejection; return how many were there."""
        with self._commit_lock, self._transaction():
            return hiding.hide(self._writer, identifier, sop_instance_uids)

    def unhide(self, identifier: str, entries: Iterable[Entry]) -> None:
        """Put instances that a rejection hides back, as their files say now."""
        with self._commit_lock, self._transaction():
            hiding.forget(self._writer, identifier)
            batch = Batch(self._writer)
            for entry in entries:
                batch.add(entry)
            batch.finish()

    def forget(self, identifier: str) -> None:
        """Forget a rejection and the instances that it hides: their files are gone."""
        with self._commit_lock, self._transaction():
            hiding.forget(self._writer, identifier)

    def hidden(self) -> set[str]:
        """Return the names of all rejections that hide something."""
        with index_errors("read"):
            return hiding.known(self._database.connection())

    def hidden_under(self, identifier: str) -> list[Path]:
        """Return where the instances that a rejection hides are kept below the data folder."""
        with index_errors("read"):
            return hiding.hidden_under(self._database.connection(), identifier)

    def set_mark(self, name: str, value: str) -> None:
        """Keep a small fact about the archive."""
        with self._commit_lock, self._transaction():
            self._writer.execute("INSERT OR REPLACE INTO mark (name, value) VALUES (?, ?)", (name, value))

    def checkpoint(self) -> bool:
        """Put every commit so far on stable storage; False when a reader or another checkpoint stands in the way.

        It is tried a few times, since most readers are gone in a moment, but keeps nobody waiting: a full checkpoint
        would hold up every writer for the slowest reader.
        """
        needed = -1
        for _ in range(_CHECKPOINT_TRIES):
            with self._commit_lock, index_errors("sync"):
                busy, frames, moved = self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if not busy:
                needed = frames if needed < 0 else needed
                # With fewer frames than there were, the log has begun anew, which it does once all was moved.
                if moved >= needed or frames < needed:
                    return True
            time.sleep(_CHECKPOINT_SECONDS)
        return False

    # ---- reading

    def mark(self, name: str) -> str | None:
        """Return a fact kept by `set_mark`; None when there is none."""
        row = self._one("SELECT value FROM mark WHERE name = ?", (name,))
        return None if row is None else str(row["value"])

    def studies(self, query: Query) -> list[Study]:
        """Answer a query of study level."""
        return [rows.study(row) for row in self._answer(query, "study.*")]

    def series(self, query: Query) -> list[Series]:
        """Answer a query of series level."""
        return [rows.series(row) for row in self._answer(query, rows.SERIES_COLUMNS)]

    def instances(self, query: Query, data: Path) -> list[Instance]:
        """Answer a query of instance level; paths are below `data`."""
        return [rows.instance(row, data) for row in self._answer(query, rows.INSTANCE_COLUMNS)]

    def instance(self, sop_instance_uid: str, data: Path) -> Instance:
        """Return one instance.

        Raises:
            NotFound: there is none of that UID.
            Rejected: there is one, taken out of use.
        """
        # Asked for each object that arrives, so not put together from a query.
        row = self._one(_INSTANCE_OF_UID, (sop_instance_uid,))
        if row is None:
            raise NotFound(f"no instance {sop_instance_uid[:80]!r} in this archive")
        if row["study_instance_uid"] is None:
            return self._hidden(sop_instance_uid, row["dataset_sha256"], data)
        return rows.instance(row, data)

    def _hidden(self, sop_instance_uid: str, dataset_sha256: bytes, data: Path) -> Instance:
        with index_errors("read"):
            place = hiding.place_of(self._database.connection(), sop_instance_uid)
        if place is None:
            return self.instance(sop_instance_uid, data)  # brought back, or removed, since it was looked for
        raise Rejected(sop_instance_uid, dataset_sha256, data / place)

    def has(self, sop_instance_uid: str) -> bool:
        """Tell whether an instance of that UID is indexed; asked for each object that arrives."""
        return self._one("SELECT 1 FROM instance WHERE sop_instance_uid = ?", (sop_instance_uid,)) is not None

    def count(self, query: Query) -> int:
        """Count all answers to a query."""
        return int(self._all(sql.count(query, self._candidates(query)))[0][0])

    def count_within(self, query: Query, seconds: float) -> int | None:
        """Count all answers to a query if that takes no longer than `seconds`; None otherwise."""
        connection, until = self._database.connection(), time.monotonic() + seconds
        if not query.conditions and self._rows_at_most() > seconds * _COUNTED_IN_A_SECOND:
            return None
        try:
            with _stoppable(connection, lambda: time.monotonic() > until, _STEPS_OF_A_COUNT):
                sql.check(query)
                statement = sql.count(query, candidates.find(connection, query))
                return int(connection.execute(statement.text, statement.values).fetchone()[0])
        except sqlite3.Error as e:
            if getattr(e, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                return None
            raise IndexFailed(f"cannot read the index: {describe(e)}") from e

    def _rows_at_most(self) -> int:
        """A count without conditions is one step of SQLite's virtual machine, which nothing stops once it has begun."""
        row = self._one("SELECT max(id) AS id FROM study", ())
        return int(row["id"] or 0) if row else 0

    def find(
        self, query: Query, keywords: Sequence[str], data: Path, is_stopped: Callable[[], bool] | None = None
    ) -> Iterator[Answer]:
        """Answer a query of any level with the values of `keywords`, one by one as they are found.

        `is_stopped` is asked every few milliseconds of searching; when it says so, the search ends with `IndexFailed`.

        Raises:
            QueryError: a condition or keyword that this level does not know.
            IndexFailed: the index cannot be read.
        """
        columns = answers.columns(query.level, keywords)
        connection = self._database.connection()
        with index_errors("read"), closing(connection.cursor()) as cursor, _stoppable(connection, is_stopped):
            statement = sql.select(query, columns, self._candidates(query))
            cursor.execute(statement.text, statement.values)
            number = 1  # whoever waits sees the first one sooner
            while piece := cursor.fetchmany(number):
                yield from (answers.answer(row, query.level, keywords, data) for row in piece)
                number = _ANSWERS

    def _candidates(self, query: Query) -> candidates.Candidates | None:
        sql.check(query)
        with index_errors("read"):
            return candidates.find(self._database.connection(), query)

    def _answer(self, query: Query, columns: str) -> list[sqlite3.Row]:
        return self._all(sql.select(query, columns, self._candidates(query)))

    def study_revision(self, study_instance_uid: str) -> int | None:
        """Return the revision of a study, None where there is none; the cheapest way to see that nothing changed."""
        row = self._one("SELECT revision FROM study WHERE study_instance_uid = ?", (study_instance_uid,))
        return int(row["revision"]) if row else None

    def revision(self) -> int:
        """Return the highest revision given so far."""
        row = self._one("SELECT max(revision) AS revision FROM study", ())
        # Without studies the last removal is the newest there is to tell.
        return int(row["revision"] or 0) or self.removed_at() if row else 0

    def removed_at(self) -> int:
        """Return the revision at which a study last went as a whole; 0 where none did."""
        return int(self.mark(hiding.REMOVED) or 0)

    def studies_changed_since(self, revision: int, limit: int) -> list[Study]:
        """Return studies of a higher revision, the newest change first."""
        text = "SELECT * FROM study WHERE revision > ? ORDER BY revision DESC LIMIT ?"
        return [rows.study(row) for row in self._rows(text, (revision, limit))]

    def patient_conflicts(self, limit: int, offset: int) -> list[PatientConflict]:
        """Return identities with disagreeing values, the newest first."""
        with index_errors("read"):
            return rows.patient_conflicts(self._database.connection(), limit, offset)

    def received_since(self, day: str, data: Path) -> Iterator[Instance]:
        """Return instances received on `yyyy/mm/dd` or later, read in pieces."""
        after = 0
        while piece := self._walk("received_on >= ?", day, after, _PIECE):
            yield from (rows.instance(row, data) for row in piece)
            after = piece[-1]["id"]

    def walk(self, after_id: int, limit: int, data: Path) -> list[tuple[int, Instance]]:
        """Return instances with their row numbers, in the order of arrival, for a walk over all in pieces."""
        return [(row["id"], rows.instance(row, data)) for row in self._walk("?", 1, after_id, limit)]

    def _walk(self, condition: str, value: str | int, after_id: int, limit: int) -> list[sqlite3.Row]:
        return self._rows(
            f"SELECT {rows.INSTANCE_COLUMNS} FROM {sql.FROM[Level.INSTANCE]} WHERE {condition} AND instance.id > ?"
            " ORDER BY instance.id LIMIT ?",
            (value, after_id, limit),
        )

    def rows_up_to(self, row_id: int) -> int:
        """Count the instances up to a row number."""
        row = self._one("SELECT count(*) AS n FROM instance WHERE id <= ?", (row_id,))
        return int(row["n"]) if row else 0

    def totals(self) -> tuple[int, int, int, int]:
        """Return the numbers of studies, series and instances, and the bytes of all files."""
        row = self._one(
            "SELECT count(*), coalesce(sum(number_of_series), 0), coalesce(sum(number_of_instances), 0),"
            " coalesce(sum(stored_bytes), 0) FROM study",
            (),
        )
        return tuple(row) if row else (0, 0, 0, 0)

    def _one(self, text: str, values: tuple[str | int, ...]) -> sqlite3.Row | None:
        found = self._rows(text, values)
        return found[0] if found else None

    def _all(self, statement: sql.Statement) -> list[sqlite3.Row]:
        return self._rows(statement.text, statement.values)

    def _rows(self, text: str, values: tuple[str | int, ...]) -> list[sqlite3.Row]:
        with index_errors("read"):
            return self._database.connection().execute(text, values).fetchall()
