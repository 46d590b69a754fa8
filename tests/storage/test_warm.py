"""The index is read once, as far as memory allows."""

from __future__ import annotations

import threading
from pathlib import Path

from storage.warm import warm


def test_a_file_is_read_whole_or_its_end(tmp_path: Path) -> None:
    path = tmp_path / "index"
    path.write_bytes(bytes(20 << 20))
    assert warm(path, threading.Event()) == 20 << 20
    assert warm(path, threading.Event(), 1000) == 1000


def test_a_stop_ends_it_and_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    stopping = threading.Event()
    assert warm(tmp_path / "none", stopping) == 0
    (tmp_path / "index").write_bytes(b"x")
    stopping.set()
    assert warm(tmp_path / "index", stopping) == 0
