"""A rename that never replaces, with and without the help of the kernel."""

from __future__ import annotations

import ctypes
import errno
from pathlib import Path

import pytest

from storage import rename
from storage.rename import rename_no_replace


@pytest.fixture(params=["renameat2", "link"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "link":

        def unsupported(*_: object) -> int:
            ctypes.set_errno(errno.EINVAL)
            return -1

        monkeypatch.setattr(rename, "_renameat2", lambda: unsupported)


@pytest.mark.usefixtures("_way")
def test_a_file_moves(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    rename_no_replace(tmp_path / "a", tmp_path / "b")
    assert [p.name for p in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_text() == "a"


@pytest.mark.usefixtures("_way")
def test_a_taken_name_stays_and_both_files_too(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    with pytest.raises(FileExistsError):
        rename_no_replace(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / name).read_text() for name in "ab"] == ["a", "b"]


@pytest.mark.usefixtures("_way")
def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(FileNotFoundError):
        rename_no_replace(tmp_path / "a", tmp_path / "none" / "b")
    assert (tmp_path / "a").exists()


def test_where_the_system_does_not_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rename, "_renameat2", lambda: None)
    test_a_file_moves(tmp_path)
