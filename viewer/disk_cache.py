"""Derived bytes in files, within a size limit: may be deleted at any time, by anyone.

Several processes share one folder. A file is written under another name and renamed, so it is there whole or not at
all; what was used longest ago goes first. The folder is measured at the first writing and after each sixteenth of the
limit that this process wrote, so all of them together may go past the limit by that much each.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from viewer.streaming import FileSpan

log = logging.getLogger("filmless.viewer")

_UNFINISHED = ".part"
_UNFINISHED_SECONDS = 3600.0


class DiskCache:
    """Values by text keys; safe between threads and processes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._written = limit  # so that the first writing measures

    def get(self, key: str) -> bytes | None:
        """Return a value, None where it is not there; one that cannot be read is not there."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    @contextmanager
    def opened(self, key: str) -> Iterator[FileSpan | None]:
        """Give a value as a file that stays readable while the context lasts, whatever is deleted meanwhile."""
        path = self._path(key)
        try:
            file = path.open("rb")
        except OSError:
            yield None
            return
        with file:
            with suppress(OSError):
                os.utime(path)
            size = os.fstat(file.fileno()).st_size
            yield FileSpan(Path(f"/proc/self/fd/{file.fileno()}"), 0, size)

    def span(self, key: str) -> FileSpan | None:
        """Return a value as a file under its name; where that is deleted while it is sent, the answer breaks off."""
        path = self._path(key)
        try:
            os.utime(path)
            return FileSpan(path, 0, path.stat().st_size)
        except OSError:
            return None

    def make(self, key: str, write: Callable[[Path], object]) -> None:
        """Let `write` write a file by its name, and keep it if it is small enough.

        Raises:
            OSError: the disk refuses.
        """
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{uuid4().hex}{_UNFINISHED}")
        try:
            write(part)
            size = part.stat().st_size
            if size <= self._limit // 4:
                part.replace(path)
                self._account(size)
        finally:
            part.unlink(missing_ok=True)

    def put(self, key: str, data: bytes) -> None:
        """Keep a value; a disk that refuses is no error, the value is just not kept."""
        with suppress(OSError), self.made(key, lambda file: file.write(data)):
            pass

    @contextmanager
    def made(self, key: str, write: Callable[[BinaryIO], object]) -> Iterator[FileSpan]:
        """Let `write` fill a file, keep it if it is small enough, and give it as `opened` does.

        Raises:
            OSError: the disk refuses.
        """
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{uuid4().hex}{_UNFINISHED}")
        with part.open("w+b") as file:
            try:
                write(file)
                file.flush()
                size = os.fstat(file.fileno()).st_size
                if size <= self._limit // 4:
                    part.replace(path)
                    self._account(size)
            finally:
                part.unlink(missing_ok=True)
            yield FileSpan(Path(f"/proc/self/fd/{file.fileno()}"), 0, size)

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a value bit by bit (see `viewer.dicomweb.prepared`); kept when the block ends well.

        Raises:
            OSError: the disk refuses.
        """
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{uuid4().hex}{_UNFINISHED}")
        try:
            with part.open("w+b") as file:
                yield file
                file.flush()
                size = os.fstat(file.fileno()).st_size
                if size <= self._limit // 4:
                    part.replace(path)
                    self._account(size)
        finally:
            part.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()[:40]
        return self._folder / name[:2] / name

    def _account(self, size: int) -> None:
        with self._lock:
            self._written += size
            if self._written < self._limit // 16:
                return
            self._written = 0
            try:
                self._sweep()
            except OSError as error:
                log.warning("the cache in %s cannot be measured: %s", self._folder.name, error)

    def _sweep(self) -> None:
        found = [entry for folder in os.scandir(self._folder) if folder.is_dir() for entry in os.scandir(folder.path)]
        files = []
        for entry in found:
            with suppress(FileNotFoundError):  # another process sweeps, too
                about = entry.stat()
                files.append((about.st_mtime, about.st_size, entry.path))
        newest = max((mtime for mtime, _, _ in files), default=0.0)
        total = sum(size for _, size, _ in files)
        for mtime, size, path in sorted(files):
            is_left_behind = path.endswith(_UNFINISHED) and newest - mtime > _UNFINISHED_SECONDS
            if total > self._limit or is_left_behind:
                Path(path).unlink(missing_ok=True)
                total -= size
