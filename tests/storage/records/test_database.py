"""The file of the records: its connections, its mode, and what happens to one of a newer version."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from sqlite_utils import Database

from storage.errors import DataFolderError
from storage.records.database import RecordsDatabase


def _descriptors(path: Path) -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum(1 for link in links if os.path.lexists(link) and str(link.resolve()).startswith(f"{path}"))


def test_a_thread_that_has_ended_keeps_no_connection(tmp_path: Path) -> None:
    database = RecordsDatabase(tmp_path / "records.sqlite3")
    before = _descriptors(database.path)
    for _ in range(20):
        thread = threading.Thread(target=lambda: database.connection.execute("SELECT 1").fetchone())
        thread.start()
        thread.join()
    assert _descriptors(database.path) <= before + 2
    database.close()
    assert _descriptors(database.path) == 0


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = RecordsDatabase(tmp_path / "records.sqlite3")
    with pytest.raises(RuntimeError, match="on purpose"):
        _fail_while_writing(database)
    names = [row[0] for row in database.connection.execute("SELECT name FROM sqlite_master WHERE name = 'half'")]
    assert names == []
    database.close()


def _fail_while_writing(database: RecordsDatabase) -> None:
    with database.writing() as connection:
        connection.execute("CREATE TABLE half (id INTEGER)")
        raise RuntimeError("on purpose")


def test_nobody_else_may_read_password_hashes(tmp_path: Path) -> None:
    database = RecordsDatabase(tmp_path / "records.sqlite3")
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600
    database.close()


def test_references_are_enforced_on_every_connection(tmp_path: Path) -> None:
    database = RecordsDatabase(tmp_path / "records.sqlite3")
    seen: list[int] = []
    thread = threading.Thread(
        target=lambda: seen.append(database.connection.execute("PRAGMA foreign_keys").fetchone()[0])
    )
    thread.start()
    thread.join()
    assert seen == [1]
    database.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    RecordsDatabase(path).close()
    newer = Database(path)
    newer["_sqlite_migrations"].insert({"migration_set": "filmless.records", "name": "m999_later", "applied_at": ""})
    newer.close()
    with pytest.raises(DataFolderError, match="newer version"):
        RecordsDatabase(path)
