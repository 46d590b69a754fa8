"""Files on a local disk: the order of writes that makes "acknowledged means kept" true.

An object is written to `incoming/`, synced, moved to its place under a name that cannot be taken twice, and the
directory that now holds the name is synced too. A power cut at any step leaves either no name or a whole file:
- before the move, a file in `incoming/` that nobody was told of, swept at the next start;
- after it, a whole file in `archive/`, which recovery adds to the index when the index missed it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

from storage.errors import DataFolderError, OutOfSpace, StorageError, WriteFailed
from storage.rename import rename_no_replace
from storage.settings import Durability
from storage.writeback import start_writeback

_log = logging.getLogger("filmless.archive")
FOLDERS = ("archive", "incoming", "quarantine", "cache")
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REMEMBERED_FOLDERS = 4096
_FIRST_BLOCK = 4096
_EARLY_BYTES = 1 << 17

Bytes = bytes | bytearray | memoryview


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn an OSError inside the block into `OutOfSpace` or `WriteFailed`, naming `what` was being done.

    FileExistsError passes: a taken name is an answer, not a failure of the disk.
    """
    try:
        yield
    except FileExistsError:
        raise
    except OSError as e:
        kind = OutOfSpace if e.errno in _FULL_DISK else WriteFailed
        raise kind(f"{what}: {e.strerror or e}") from e


class IncomingFile:
    """One object on its way in: bytes appended to a file that nobody else sees yet.

    `prefix` (preamble and meta group) is written first and is no part of the recorded hash.
    """

    def __init__(self, path: Path, prefix: bytes, *, write_early: bool) -> None:
        self.path = path
        self.prefix_size = len(prefix)
        self.size = 0
        self.placed = False
        """Moved to its place: from now on the file belongs to the archive."""
        self._hash = hashlib.sha256()
        self._write_early = write_early
        # The first block is left out: the hash is still to be written into it.
        self._handed_over = _FIRST_BLOCK
        with disk_errors("cannot write an incoming object"):
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            self._append(prefix)
        except StorageError:
            self.discard()
            raise

    @classmethod
    @contextmanager
    def adopt(cls, path: Path) -> Iterator[Self]:
        """Treat a whole file that stands in the archive as one that may be moved elsewhere, unchanged."""
        adopted = cls.__new__(cls)
        adopted.path, adopted.prefix_size, adopted.placed = path, 0, True
        with disk_errors(f"cannot open {path.name}"):
            adopted.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            adopted.size = os.fstat(adopted.fd).st_size
            with os.fdopen(os.dup(adopted.fd), "rb") as f, disk_errors(f"cannot read {path.name}"):
                adopted._hash = hashlib.file_digest(f, "sha256")
            yield adopted
        finally:
            adopted.close()

    def write(self, data: Bytes) -> None:
        """Append bytes of the data set.

        Raises:
            OutOfSpace: the disk is full.
            WriteFailed: the disk refused the bytes.
        """
        self._append(data)
        self._hash.update(data)
        if self._write_early and self.size - self._handed_over >= _EARLY_BYTES:
            start_writeback(self.fd, self._handed_over, self.size - self._handed_over)
            self._handed_over = self.size

    def _append(self, data: Bytes) -> None:
        view = memoryview(data)
        with disk_errors("cannot write an incoming object"):
            while view:
                written = os.write(self.fd, view)
                self.size += written
                view = view[written:]

    @property
    def dataset_sha256(self) -> bytes:
        """SHA-256 of what was written after the prefix."""
        return self._hash.digest()

    def seal(self) -> None:
        """Write the hash into the last bytes of the prefix, left for it; an adopted file stays as it is."""
        if not self.prefix_size:
            return
        with disk_errors("cannot write an incoming object"):
            os.pwrite(self.fd, self.dataset_sha256, self.prefix_size - len(self.dataset_sha256))

    @property
    def written_at(self) -> float:
        """When the last byte was written, in seconds since the epoch; the file itself keeps it from now on."""
        return os.fstat(self.fd).st_mtime

    def sync(self) -> None:
        """Put the bytes and the size on stable storage."""
        with disk_errors("cannot sync an incoming object"):
            os.fdatasync(self.fd)

    def close(self) -> None:
        """Close the file; it stays where it is."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def discard(self) -> None:
        """Close the file, and remove it if it is still in `incoming/`."""
        self.close()
        if not self.placed:
            self.path.unlink(missing_ok=True)


class FileStore:
    """The folders of one archive, and the moves between them."""

    def __init__(self, data: Path, durability: Durability) -> None:
        self.data = data
        self.durability = durability
        self._lock = threading.Lock()
        self._durable_folders: OrderedDict[Path, None] = OrderedDict()
        self._mine: Path | None = None
        self._mine_fd = -1

    def prepare(self) -> None:
        """Create the folders.

        Raises:
            DataFolderError: the data folder is a file, or may not be written to.
        """
        try:
            for name in FOLDERS:
                (self.data / name).mkdir(parents=True, exist_ok=True)
            probe = self.data / "incoming" / f".{uuid4().hex}"
            probe.touch()
            probe.unlink(missing_ok=True)  # a sweep may have come first
            sync_folder(self.data)
        except OSError as e:
            if e.errno in _FULL_DISK:
                return  # what is stored can still be read
            raise DataFolderError(f"cannot use the data folder {self.data}: {e.strerror or e}") from e

    def new_incoming(self, prefix: bytes) -> IncomingFile:
        """Open a new file for an object that begins to arrive."""
        early = self.durability is Durability.FULL
        return IncomingFile(self._own_incoming() / f"{uuid4().hex}.part", prefix, write_early=early)

    def _own_incoming(self) -> Path:
        """Return this process's folder in `incoming/`; the lock on it tells the living from the dead."""
        with self._lock:
            while self._mine is None:
                folder = self.data / "incoming" / uuid4().hex
                with disk_errors("cannot create an incoming folder"):
                    folder.mkdir()
                    try:
                        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    except FileNotFoundError:
                        continue  # a sweep came between making and opening the folder
                    fcntl.flock(fd, fcntl.LOCK_EX)
                if folder.exists():
                    self._mine, self._mine_fd = folder, fd
                else:
                    os.close(fd)  # a sweep came between opening and locking it
            return self._mine

    def close(self) -> None:
        """Give up this process's folder in `incoming/`."""
        with self._lock:
            if self._mine is not None:
                shutil.rmtree(self._mine, ignore_errors=True)
                # Only now, or a sweep would take the folder for that of a dead process while it is removed.
                os.close(self._mine_fd)
                self._mine = None

    def sweep_incoming(self) -> int:
        """Remove what processes that are gone left half received; answer with how many objects that were.

        Raises:
            WriteFailed: something cannot be removed.
        """
        with disk_errors("cannot sweep incoming/"):
            return self._swept()

    def _swept(self) -> int:
        swept = 0
        for folder in (self.data / "incoming").iterdir():
            if folder.is_dir() and folder != self._mine:
                swept += _sweep(folder)
            elif folder.is_file():
                folder.unlink(missing_ok=True)
        return swept

    def place(self, incoming: IncomingFile, relative: Path) -> None:
        """Sync an incoming object and move it to `relative` in the data folder, for good.

        Raises:
            FileExistsError: the place is taken; the incoming file is untouched.
            OutOfSpace, WriteFailed: the disk refused; the object must not be acknowledged.
        """
        target = self.data / relative
        incoming.seal()
        full = self.durability is Durability.FULL
        if full:
            incoming.sync()
        with disk_errors(f"cannot store {relative}"):
            self._ensure_folder(target.parent, sync=full)
            try:
                rename_no_replace(incoming.path, target)
            except FileNotFoundError:
                # The folder went away with the last object in it.
                self._forget_folder(target.parent)
                self._ensure_folder(target.parent, sync=full)
                rename_no_replace(incoming.path, target)
            incoming.path, incoming.placed = target, True
            if full:
                sync_folder(target.parent)

    def take_back(self, incoming: IncomingFile) -> None:
        """Remove a placed object that must not stay.

        Where even that fails a whole file stays, which the next start indexes: more than was promised, not less.
        """
        try:
            incoming.path.unlink(missing_ok=True)
            sync_folder(incoming.path.parent)
        except OSError as e:
            _log.error("cannot take back %s, which was not acknowledged: %s", incoming.path, e.strerror or e)

    @contextmanager
    def hold(self, path: Path) -> Iterator[bool]:
        """Keep others from taking back, adopting or moving a placed file; False when it is not there any more.

        Between placing and indexing a file belongs to nobody that the index could name. Whoever decides what becomes of
        such a file (index it, or remove it) holds it meanwhile.
        """
        with disk_errors(f"cannot open {path.name}"):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                fd = -1
        if fd < 0:
            yield False
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield _is_still(fd, path)
        finally:
            os.close(fd)

    def _ensure_folder(self, folder: Path, *, sync: bool) -> None:
        with self._lock:
            if folder in self._durable_folders:
                self._durable_folders.move_to_end(folder)
                return
        folder.mkdir(parents=True, exist_ok=True)
        if sync:
            # Another process may have just made these folders and not synced them yet, so each process does, once.
            for parent in [folder, *folder.parents]:
                if parent == self.data:
                    break
                sync_folder(parent.parent)
        with self._lock:
            self._durable_folders[folder] = None
            if len(self._durable_folders) > _REMEMBERED_FOLDERS:
                self._durable_folders.popitem(last=False)

    def _forget_folder(self, folder: Path) -> None:
        with self._lock:
            self._durable_folders.pop(folder, None)

    def free_bytes(self) -> int:
        """Return how many bytes may still be written to the data folder's file system.

        Raises:
            WriteFailed: the data folder is not there any more.
        """
        with disk_errors("cannot look at the free space"):
            usage = os.statvfs(self.data)
        return usage.f_bavail * usage.f_frsize


def sync_folder(folder: Path) -> None:
    """Put a folder's entries on stable storage."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _is_still(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> int:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0  # its process has just ended well
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # its process lives
    else:
        if not _is_still(fd, folder):
            return 0
        count = sum(1 for _ in folder.iterdir())
        shutil.rmtree(folder)
        return count
    finally:
        os.close(fd)
