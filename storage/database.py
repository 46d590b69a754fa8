"""Connections to the SQLite databases of the archive, one per thread, all with the same pragmas."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from storage.errors import DataFolderError, OutOfSpace, WriteFailed
from storage.migrations import migrate

BUSY_SECONDS = 30.0
_FULL_DISK = "SQLITE_FULL"


class DatabaseFile:
    """One SQLite file in WAL mode.

    `synchronous` is NORMAL where the content can be made again from files (a power cut may take back the last commits,
    never damage the file), FULL where it cannot.
    """

    def __init__(self, path: Path, synchronous: str) -> None:
        self.path = path
        self._synchronous = synchronous
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def migrate(self, migrations: Migrations) -> None:
        """Create the file or bring it up to date; one process at a time.

        Raises:
            DataFolderError: the file is no database, may not be written, or is of a newer version.
        """
        try:
            with _one_at_a_time(self.path.with_name(self.path.name + ".migrating")):
                migrate(Database(self.connection()), migrations, str(self.path))
        except (sqlite3.Error, OSError) as e:
            raise DataFolderError(f"cannot open {self.path}: {e}") from e

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection, opened when first asked for."""
        existing: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if existing is None:
            existing = self._local.connection = self.open()
        return existing

    def open(self) -> sqlite3.Connection:
        """Open one more connection that any thread may use, in turn."""
        # isolation_level None: transactions begin where the code says so, not where the driver guesses.
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode = WAL",  # readers never wait for the writer
            f"synchronous = {self._synchronous}",
            "cache_size = -65536",  # KiB: the inner pages of the UID indexes of millions of objects
            "mmap_size = 1073741824",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        with self._lock:
            self._all.append(connection)
        return connection

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
            self._local = threading.local()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one write transaction.

    Raises:
        OutOfSpace: the disk is full.
        WriteFailed: the database could not be written; nothing of the block was kept.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as e:
        name = getattr(e, "sqlite_errorname", "")
        raise (OutOfSpace if name == _FULL_DISK else WriteFailed)(f"cannot write the index: {e}") from e


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
