"""The cache on disk: values come back whole, and the folder stays within its limit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from viewer.disk_cache import DiskCache
from viewer.streaming import read


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_values_come_back(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "c", 1 << 20)
    assert cache.get("a") is None
    cache.put("a", b"one")
    assert cache.get("a") == b"one"
    assert DiskCache(tmp_path / "c", 1 << 20).get("a") == b"one"


def test_a_file_stays_readable_while_it_is_deleted(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1 << 20)
    cache.put("a", b"one")
    with cache.opened("a") as span:
        for path in tmp_path.rglob("*"):
            if path.is_file():
                path.unlink()
        assert span is not None
        assert read(span) == b"one"
    with cache.opened("a") as span:
        assert span is None


def test_the_oldest_go_when_it_is_full(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 100_000)
    for i in range(60):
        cache.put(str(i), bytes(5000))
        past = time.time() - 1000 + i
        for path in tmp_path.rglob("*"):
            if path.is_file() and path.stat().st_mtime > time.time() - 900:
                os.utime(path, (past, past))
        if i == 10:
            assert cache.get("0") is not None
    assert size_of(tmp_path) <= 100_000 + 100_000 // 16 + 5000
    assert cache.get("59") is not None
    assert cache.get("12") is None


def test_what_fails_or_is_too_large_is_not_kept(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000)

    def write_half(file: BinaryIO) -> None:
        file.write(b"x")
        raise ValueError("half")

    def half() -> None:
        with cache.made("a", write_half):
            pytest.fail("it was not made")

    with pytest.raises(ValueError, match="half"):
        half()
    cache.put("b", bytes(600))
    assert cache.get("a") is None
    assert cache.get("b") is None
    with cache.made("c", lambda file: file.write(bytes(600))) as span:
        assert read(span) == bytes(600)
    assert size_of(tmp_path) == 0


def test_a_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = DiskCache(tmp_path / "file", 1000)
    cache.put("a", b"x")
    assert cache.get("a") is None


VALUE = bytes(range(1, 201))
LEFT: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda whole: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "a part": lambda whole: whole[:-1],
    "half": lambda whole: whole[: len(whole) // 2],
    "a hole": lambda whole: bytes(8) + whole[8:],
    "of an older version": lambda whole: VALUE,
}
"""What a power cut may leave of a file that was renamed and not synced."""


@pytest.mark.parametrize("left", LEFT)
def test_what_a_power_cut_left_is_not_there(tmp_path: Path, left: str) -> None:
    cache = DiskCache(tmp_path, 1 << 20)
    cache.put("a", VALUE)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(LEFT[left](file.read_bytes()))
    assert cache.get("a") is None
    cache.put("a", VALUE)
    assert cache.get("a") == VALUE


@pytest.mark.parametrize("left", [left for left in LEFT if left != "a hole"])
@pytest.mark.parametrize("how", ["made", "make", "writing"])
def test_what_a_power_cut_left_of_a_file_is_not_there(tmp_path: Path, how: str, left: str) -> None:
    cache = DiskCache(tmp_path, 1 << 20)
    if how == "made":
        with cache.made("a", lambda file: file.write(VALUE)) as span:
            assert read(span) == VALUE
    elif how == "make":
        cache.make("a", lambda path: path.write_bytes(VALUE))
    else:
        with cache.writing("a") as file:
            file.write(VALUE)
    kept = cache.span("a")
    assert kept is not None
    assert read(kept) == cache.get("a") == VALUE
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(LEFT[left](path.read_bytes()))
    with cache.opened("a") as found:
        assert found is None
    assert cache.span("a") is None
    assert cache.get("a") is None


def test_files_are_on_the_disk_before_they_are_said_to_be_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hole in one would not be noticed: it is read piece by piece, and never as a whole."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    with DiskCache(tmp_path, 1 << 20).made("a", lambda file: file.write(VALUE)):
        assert synced == [len(VALUE)]
