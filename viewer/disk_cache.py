"""Derived bytes in files, within a size limit: may be deleted at any time, by anyone.

Several processes share one folder. A file is written under another name and renamed, so it is there whole or not at
all, but for a power cut: most files are not synced, and one of them may come back without its content. So each ends
with a mark, which says how long it is. A value that is read as a whole has a checksum in it; a file that may be read in
parts is synced before it is marked. What has no such end is not there, and is made anew.

What was used longest ago goes first. The folder is measured at the first writing and after each sixteenth of the
limit that this process wrote, so all of them together may go past the limit by that much each.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from viewer.streaming import FileSpan

log = logging.getLogger("filmless.viewer")

_UNFINISHED = ".part"
_UNFINISHED_SECONDS = 3600.0
_MARK = struct.Struct("<8sQI")
_SUMMED, _SYNCED = b"summed\0\1", b"synced\0\1"
"""How a mark begins, before the length and the checksum, which is of those that begin with the first only."""
_BLOCK = 1 << 20


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
            file = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if len(file) < _MARK.size:
            return None
        data = memoryview(file)[: -_MARK.size]
        kind, length, total = _MARK.unpack_from(file, len(data))
        is_whole = length == len(data) and (kind == _SYNCED or (kind == _SUMMED and total == zlib.crc32(data)))
        return bytes(data) if is_whole else None

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
            size = _marked(file)
            yield None if size is None else FileSpan(Path(f"/proc/self/fd/{file.fileno()}"), 0, size)

    def span(self, key: str) -> FileSpan | None:
        """Return a value as a file under its name; where that is deleted while it is sent, the answer breaks off."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                size = _marked(file)
            os.utime(path)
        except OSError:
            return None
        return None if size is None else FileSpan(path, 0, size)

    def make(self, key: str, write: Callable[[Path], object]) -> None:
        """Let `write` write a file by its name, and keep it if it is small enough.

        Raises:
            OSError: the disk refuses.
        """
        with self._part(key) as (path, part):
            write(part)
            with part.open("r+b") as file:
                self._keep(file, part, path, _synced)

    def put(self, key: str, data: bytes) -> None:
        """Keep a value; a disk that refuses is no error, the value is just not kept."""
        if len(data) > self._limit // 4:
            return
        with suppress(OSError), self._part(key) as (path, part):
            with part.open("wb") as file:
                file.write(data)
                file.write(_MARK.pack(_SUMMED, len(data), zlib.crc32(data)))
            part.replace(path)
            self._account(len(data))

    @contextmanager
    def made(self, key: str, write: Callable[[BinaryIO], object]) -> Iterator[FileSpan]:
        """Let `write` fill a file, keep it if it is small enough, and give it as `opened` does.

        Raises:
            OSError: the disk refuses.
        """
        with ExitStack() as stack:
            with self._part(key) as (path, part):
                file = stack.enter_context(part.open("w+b"))
                write(file)
                size = self._keep(file, part, path, _synced)
            yield FileSpan(Path(f"/proc/self/fd/{file.fileno()}"), 0, size)

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write a value bit by bit (see `viewer.dicomweb.prepared`); kept when the block ends well.

        Raises:
            OSError: the disk refuses.
        """
        with self._part(key) as (path, part), part.open("w+b") as file:
            yield file
            self._keep(file, part, path, _summed)

    @contextmanager
    def _part(self, key: str) -> Iterator[tuple[Path, Path]]:
        """Give the place of a value, and the name under which it is written."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{uuid4().hex}{_UNFINISHED}")
        try:
            yield path, part
        finally:
            part.unlink(missing_ok=True)

    def _keep(self, file: BinaryIO, part: Path, path: Path, mark: Callable[[BinaryIO, int], bytes]) -> int:
        """Keep what was written if it is small enough; return its length."""
        size = file.seek(0, os.SEEK_END)
        if size <= self._limit // 4:
            file.write(mark(file, size))
            file.flush()
            part.replace(path)
            self._account(size)
        return size

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


def _summed(file: BinaryIO, size: int) -> bytes:
    """Return the mark of what was written into a file and is read as a whole."""
    file.seek(0)
    total = 0
    while block := file.read(_BLOCK):
        total = zlib.crc32(block, total)
    return _MARK.pack(_SUMMED, size, total)


def _synced(file: BinaryIO, size: int) -> bytes:
    """Put what was written into a file on stable storage, and return its mark."""
    file.flush()
    os.fdatasync(file.fileno())
    return _MARK.pack(_SYNCED, size, 0)


def _marked(file: BinaryIO) -> int | None:
    """Return the length of a file's value; None where its end is not there."""
    length = os.fstat(file.fileno()).st_size - _MARK.size
    if length < 0:
        return None
    kind, said, _ = _MARK.unpack(os.pread(file.fileno(), _MARK.size, length))
    return length if kind in (_SUMMED, _SYNCED) and said == length else None
