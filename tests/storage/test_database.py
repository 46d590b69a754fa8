"""Connections: one per thread, closed with it; errors of SQLite become the archive's."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from storage.database import DatabaseFile, describe, index_errors, transaction
from storage.errors import DataFolderError, IndexFailed, OutOfSpace
from storage.migrations import index_migrations


@pytest.fixture
def database(tmp_path: Path) -> Iterator[DatabaseFile]:
    opened = DatabaseFile(tmp_path / "index.sqlite3", rebuildable=True)
    opened.migrate(index_migrations)
    yield opened
    opened.close()


def _open_files(path: Path) -> int:
    return sum(f.path.startswith(str(path)) for f in psutil.Process().open_files())


def test_each_thread_has_its_own_connection_and_keeps_it(database: DatabaseFile) -> None:
    own = database.connection()
    others: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: others.extend([database.connection(), database.connection()]))
    thread.start()
    thread.join()
    assert database.connection() is own
    assert others[0] is others[1] is not own


def test_connections_of_ended_threads_are_closed(database: DatabaseFile) -> None:
    database.connection()
    before = _open_files(database.path)
    for _ in range(30):
        thread = threading.Thread(target=lambda: database.connection().execute("SELECT 1").fetchall())
        thread.start()
        thread.join()
    assert _open_files(database.path) <= before + 2


def test_closing_closes_those_of_living_threads_too(database: DatabaseFile) -> None:
    opened, close = threading.Event(), threading.Event()

    def live() -> None:
        database.connection()
        opened.set()
        close.wait(10)

    thread = threading.Thread(target=live)
    thread.start()
    opened.wait(10)
    database.open()
    database.close()
    assert _open_files(database.path) == 0
    close.set()
    thread.join()


def test_pragmas(database: DatabaseFile) -> None:
    for connection in (database.connection(), database.open()):
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1


def test_a_failing_block_leaves_nothing(database: DatabaseFile) -> None:
    connection = database.open()

    def fail() -> None:
        with transaction(connection):
            connection.execute("INSERT INTO mark VALUES ('a', '1')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not connection.in_transaction
    assert connection.execute("SELECT count(*) FROM mark").fetchone()[0] == 0


def test_a_full_disk_is_out_of_space(database: DatabaseFile) -> None:
    connection = database.open()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutOfSpace, match="full"), transaction(connection):
        connection.execute("INSERT INTO mark VALUES ('a', ?)", ("x" * 1_000_000,))
    connection.execute("PRAGMA max_page_count = 1000000")
    with transaction(connection):
        connection.execute("INSERT INTO mark VALUES ('a', '1')")


def test_a_writer_that_waits_in_vain_fails(database: DatabaseFile) -> None:
    one, other = database.open(), database.open()
    other.execute("PRAGMA busy_timeout = 50")
    with transaction(one), pytest.raises(IndexFailed, match="locked"), transaction(other):
        pass


def test_damage_is_told_with_what_helps(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    database = DatabaseFile(path, rebuildable=True)
    with pytest.raises(DataFolderError, match=r"not a database; `filmless reindex` makes it anew"):
        database.migrate(index_migrations)
    assert _open_files(path) == 0
    assert path.read_bytes().startswith(b"this is no")
    with pytest.raises(IndexFailed, match="cannot read the index"), index_errors("read"):
        raise sqlite3.DatabaseError("malformed")
    assert describe(OSError("x")) == "x"


def test_two_processes_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from storage.index import Index; Index(Path(sys.argv[1])).close()"
    started = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "index.sqlite3"]) for _ in range(4)]
    assert [p.wait(60) for p in started] == [0] * 4
