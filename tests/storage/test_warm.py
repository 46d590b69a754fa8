"""The index is read once, as far as memory allows."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from storage.archive import INDEX_NAME, Archive
from storage.warm import warm
from tests.support.objects import ct, store


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


_CLOSES_LAST = """
import sys
from pathlib import Path
from storage.archive import Archive
from storage.settings import ArchiveSettings
Archive.open(ArchiveSettings(Path(sys.argv[1]))).close()
"""


def test_reading_takes_no_lock_away(archive: Archive) -> None:
    """Else the next process that closes the index would take itself for its last user, and remove the journal."""
    store(archive, ct())
    assert warm(archive.data / INDEX_NAME, threading.Event())
    subprocess.run([sys.executable, "-c", _CLOSES_LAST, str(archive.data)], check=True)
    assert (archive.data / f"{INDEX_NAME}-wal").exists()
    store(archive, ct(SOPInstanceUID="1.2.3"))
    assert archive.health().instances == 2
