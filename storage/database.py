"""Connections to the SQLite databases of the archive, one per thread, all with the same pragmas."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import DataFolderError, IndexFailed, OutOfSpace
from storage.names import a_group_matches
from storage.steps import Steps

BUSY_SECONDS = 30.0
_FULL_DISK = "SQLITE_FULL"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
READER_CACHE_KIB = 2048
WRITER_CACHE_KIB = 65536
"""The inner pages of the UID indexes of millions of objects."""


class _Lease:
    """A thread's connection. Only the thread's local storage holds it, so it is closed when the thread ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class DatabaseFile:
    """One SQLite file in WAL mode.

    Where the content can be made again from files, a power cut may take back the last commits, never damage the file;
    where it cannot, each commit waits for the disk.
    """

    def __init__(self, path: Path, *, rebuildable: bool, foreign_keys: bool = False) -> None:
        self.path = path
        self._rebuildable = rebuildable
        self._foreign_keys = foreign_keys
        self._local = threading.local()
        self._leases: weakref.WeakSet[_Lease] = weakref.WeakSet()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    @property
    def turn_path(self) -> Path:
        """The file whose lock says who may write or migrate."""
        return self.path.with_name(f"{self.path.name}.turn")

    def migrate(self, steps: Steps) -> None:
        """Create the file or bring it up to date; one process at a time.

        Raises:
            DataFolderError: the file is no database, may not be written, or is of a newer version.
        """
        try:
            with _one_at_a_time(self.turn_path):
                steps.apply(self.connection(), str(self.path))
        except (sqlite3.Error, OSError) as e:
            what = describe(e) if self._rebuildable else str(e)
            raise DataFolderError(f"cannot open {self.path}: {what}") from e

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection, opened when first asked for."""
        lease: _Lease | None = getattr(self._local, "lease", None)
        if lease is None:
            lease = self._local.lease = _Lease(self._connect(READER_CACHE_KIB))
            with self._lock:
                self._leases.add(lease)
        return lease.connection

    def open(self) -> sqlite3.Connection:
        """Open one more connection that any thread may use, in turn, for writing."""
        connection = self._connect(WRITER_CACHE_KIB)
        with self._lock:
            self._opened.append(connection)
        return connection

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        # isolation_level None: transactions begin where the code says so, not where the driver guesses.
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.row_factory = sqlite3.Row
        connection.create_function("a_group_matches", 2, a_group_matches, deterministic=True)
        try:
            for pragma in (
                "journal_mode = WAL",  # readers never wait for the writer
                f"synchronous = {'NORMAL' if self._rebuildable else 'FULL'}",
                f"foreign_keys = {int(self._foreign_keys)}",
                f"cache_size = -{cache_kib}",
                "mmap_size = 1073741824",
                "temp_store = MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in [*self._opened, *(lease.connection for lease in self._leases)]:
                connection.close()
            self._opened.clear()
            self._local = threading.local()


class Turn:
    """Whose turn it is to write, among the processes of one archive.

    SQLite alone lets a second writer sleep and look again, for up to 100 ms at a time; a file lock wakes the next at
    the moment the first has done. It ends with its process, and SQLite's own lock still stands behind it.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and give it up after the block; one thread of a process at a time."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock's file; a second time changes nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one write transaction.

    Raises:
        OutOfSpace: the disk is full.
        IndexFailed: the database could not be written; nothing of the block was kept.
    """
    with index_errors("write"):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextmanager
def index_errors(verb: str) -> Iterator[None]:
    """Turn an error of SQLite inside the block into `OutOfSpace` or `IndexFailed`."""
    try:
        yield
    except sqlite3.Error as e:
        kind = OutOfSpace if getattr(e, "sqlite_errorname", "") == _FULL_DISK else IndexFailed
        raise kind(f"cannot {verb} the index: {describe(e)}") from e


def describe(error: Exception) -> str:
    """Say what is wrong, and what helps when the file itself is damaged."""
    damaged = getattr(error, "sqlite_errorname", "").startswith(_DAMAGED)
    return f"{error}; `filmless reindex` makes it anew from the files" if damaged else str(error)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
