"""The file of what cannot be made again: its connections are those of `DatabaseFile`, with every commit synced.

A revoked token or a new password must survive a power cut, and such writes are rare enough to wait for the disk.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from storage.database import DatabaseFile
from storage.errors import DataFolderError, OutOfSpace, WriteFailed
from storage.records.migrations import RECORDS

if TYPE_CHECKING:
    from collections.abc import Iterator


class RecordsDatabase:
    """Connections to one file; safe to share between threads, each gets its own for as long as it lives."""

    def __init__(self, path: Path) -> None:
        """Create or migrate the file at `path`.

        Raises:
            DataFolderError: it cannot be written, is no database, or comes from a newer version.
        """
        self.path = path
        self._file = DatabaseFile(path, rebuildable=False, foreign_keys=True)
        try:
            # Created by hand first, so that password hashes are never readable by others, not even for a moment. One
            # that is there is not opened: to close it again would end the locks that this process has on it (fcntl(2)).
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            self._file.migrate(RECORDS)
        except DataFolderError:
            self.close()
            raise
        except OSError as error:
            raise DataFolderError(f"cannot open {path}: {error}") from error

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit: `writing` opens the transactions."""
        return self._file.connection()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start, rolled back on any exception.

        Raises:
            OutOfSpace, WriteFailed: the disk is full, or somebody else writes for too long; nothing was kept.
        """
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            kind = OutOfSpace if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" else WriteFailed
            raise kind(f"{self.path.name} cannot be written: {error}") from error

    def close(self) -> None:
        """Close every thread's connection; none may be in use."""
        self._file.close()
