"""One process runs a data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pacs.lock import DataLock
from storage.errors import DataFolderError


def test_a_second_one_is_told_who_is_there(tmp_path: Path) -> None:
    with DataLock(tmp_path), pytest.raises(DataFolderError, match="in use by a running filmless"), DataLock(tmp_path):
        pass


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with DataLock(tmp_path / "new"):
            pass


def test_it_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    held = f"DataLock(pathlib.Path({str(tmp_path)!r})).__enter__()"
    code = f"import os, pathlib; from pacs.lock import DataLock; {held}; os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode < 0
    with DataLock(tmp_path):
        pass


def test_a_child_does_not_keep_it(tmp_path: Path) -> None:
    with DataLock(tmp_path):
        child = subprocess.Popen(["sleep", "30"])
    try:
        with DataLock(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DataFolderError, match=r"cannot use the data folder .*file/data"),
        DataLock(tmp_path / "file/data"),
    ):
        pass
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208
