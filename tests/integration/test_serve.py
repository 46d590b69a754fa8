"""`filmless serve` as a process: what ends it, what it brings back, and what it says when it cannot start."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.support.objects import INSTANCE, ct, encode, store
from tests.support.processes import ROOT, clean_environment, running_server
from tests.support.wire import Closed, Wire


def _filmless(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pacs.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=clean_environment()
    )


def _one_line(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert all(part in lines[0] for part in parts), lines[0]
    assert lines[0].startswith("filmless: ")
    assert done.returncode == 1


def _serve_options(data: Path, port: int = 0) -> list[str]:
    ports = [f"--dicom-port={port or _free()}", f"--http-port={_free()}"]
    return ["serve", f"--data={data}", "--dicom-host=127.0.0.1", "--http-host=127.0.0.1", *ports]


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_parts_that_are_killed_come_back_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    with running_server(tmp_path, receivers=1) as server:
        _store(server.dicom_port, 1)

        def parts() -> set[int]:
            return {part.pid for name in ("pacs", "viewer") for part in server.children(name)}

        before = parts()
        assert len(before) == 2
        for part in (*server.children("pacs"), *server.children("viewer")):
            part.kill()
        # Those that were killed are there for a moment yet.
        assert _until(lambda: len(parts() - before) == 2 and not parts() & before)
        assert len(server.children("pacs")) == len(server.children("viewer")) == 1
        assert _until(lambda: _stores(server.dicom_port, 2))
        assert _until(lambda: _answers(server.http_port))
        assert server.stop() == 0
        output = server.process.output()
        assert "receiver 1 ended with status -9" in output
        assert "web ended with status -9" in output
        assert "Traceback" not in output
    with Archive.open(ArchiveSettings(tmp_path / "data")) as archive:
        assert {archive.instance(f"{INSTANCE}.{n}").path.exists() for n in (1, 2)} == {True}


def test_everything_killed_at_once_is_brought_in_order_at_the_next_start(tmp_path: Path) -> None:
    with running_server(tmp_path, receivers=1) as server:
        _store(server.dicom_port, 1)
        server.kill()
        # What a kill between placing and indexing leaves, and what one in the middle of an object does.
        with sqlite3.connect(server.data / "index.sqlite3") as index:
            index.execute("DELETE FROM instance")
        index.close()
        left = server.data / "incoming" / "0123456789abcdef"
        left.mkdir()
        (left / "x.part").write_bytes(b"half")
        server.start()
        assert _until(lambda: not left.exists())
        assert _until(lambda: "1 half received objects removed, 1 indexed" in server.process.output())
        assert server.stop() == 0
    with Archive.open(ArchiveSettings(tmp_path / "data")) as archive:
        assert archive.instance(f"{INSTANCE}.1").path.exists()


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = _filmless(*_serve_options(tmp_path / "data", port))
    _one_line(done, f"cannot listen for DICOM on 127.0.0.1:{port}", "Address already in use")


@pytest.mark.parametrize(("command", "place"), [("serve", "/proc/filmless"), ("reindex", "/dev/null/filmless")])
def test_a_data_folder_that_cannot_be_used_is_one_line(tmp_path: Path, place: str, command: str) -> None:
    options = _serve_options(Path(place)) if command == "serve" else [command, f"--data={place}"]
    _one_line(_filmless(*options), "cannot use the data folder", place)


def test_a_data_folder_that_is_a_file_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert _filmless(*_serve_options(tmp_path / "file")).returncode == 2


def test_an_index_of_a_newer_version_is_one_line_and_nothing_is_touched(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        store(archive, ct())
    with sqlite3.connect(data / "index.sqlite3") as index:
        (table,) = (r[0] for r in index.execute("SELECT name FROM sqlite_master WHERE name LIKE '%migrations'"))
        index.execute(
            f"INSERT INTO {table} (migration_set, name, applied_at) VALUES ('filmless.index', 'm999_tomorrow', 'x')"
        )
    index.close()
    _one_line(_filmless(*_serve_options(data)), "newer version", "m999_tomorrow")
    with sqlite3.connect(data / "index.sqlite3") as index:
        assert index.execute("SELECT count(*) FROM instance").fetchone() == (1,)
    index.close()


def test_a_second_one_on_the_same_folder_is_one_line(tmp_path: Path) -> None:
    from pacs.lock import DataLock

    with DataLock(tmp_path / "data"):
        _one_line(_filmless(*_serve_options(tmp_path / "data")), "in use by a running filmless")


def _store(port: int, n: int) -> None:
    with Wire.connect(port) as wire:
        wire.associate()
        uid = f"{INSTANCE}.{n}"
        assert wire.store(encode(ct(SOPInstanceUID=uid)), uid).status == 0
        wire.release()


def _stores(port: int, n: int) -> bool:
    try:
        _store(port, n)
    except (OSError, Closed):
        return False
    return True


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
