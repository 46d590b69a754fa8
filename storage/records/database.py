"""One SQLite connection per thread to records.sqlite3, with its pragmas and migrations.

WAL lets pages read while someone signs in. `synchronous=FULL` makes a commit wait for the disk: a revoked token or a
new password must survive a power cut, and such writes are rare enough to pay for it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from storage.errors import DataFolderError
from storage.records.migrations import RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_SECONDS = 10.0
"""How long a write waits for another process's write."""


class RecordsDatabase:
    """Connections to one file; safe to share between threads, each gets its own."""

    def __init__(self, path: Path) -> None:
        """Create or migrate the file at `path`.

        Raises:
            DataFolderError: it cannot be written, is no database, or comes from a newer version.
        """
        self.path = path
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        try:
            # Created by hand first, so that password hashes are never readable by others, not even for a moment.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._migrate(self.connection)
        except DataFolderError:
            self.close()
            raise
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise DataFolderError(f"{path}: {error}") from error

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit: `writing` opens the transactions."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            self._local.connection = connection
        return connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, rolled back on any exception."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close every thread's connection; none may be in use."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._local = threading.local()

    def _connect(self) -> sqlite3.Connection:
        # One connection per thread; the check is off only so that `close` may close them all.
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        with self._lock:
            self._all.append(connection)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        db = Database(connection)
        # One transaction around all steps: of two processes that start at once, the second finds them done.
        with self.writing():
            unknown = sorted({step.name for step in RECORDS.applied(db)} - _known_steps())
            if unknown:
                raise DataFolderError(f"{self.path} was written by a newer version of Filmless ({unknown[0]})")
            RECORDS.apply(db)


def _known_steps() -> set[str]:
    empty = Database(memory=True)
    try:
        return {step.name for step in RECORDS.pending(empty)}
    finally:
        empty.close()
