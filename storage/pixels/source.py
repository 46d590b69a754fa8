"""Bytes by position: a file read with `pread`, so that threads share it, or a buffer already in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from storage.errors import NotFound, PixelError


class Source(Protocol):
    """Random access to the bytes that hold the pixel data."""

    @property
    def size(self) -> int:
        """Number of bytes there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; `PixelError` where the object ends earlier."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class FileSource:
    """A file on disk; holds one descriptor until closed."""

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound(f"{path.name}: no such file") from error
        except OSError as error:
            raise PixelError(f"{path.name}: cannot be opened: {error.strerror}") from error
        self.size = os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; `PixelError` where the object ends earlier."""
        _check_inside(offset, length, self.size)
        pieces = []
        while length:
            try:
                piece = os.pread(self._descriptor, length, offset)
            except OSError as error:
                raise PixelError(f"the file cannot be read at byte {offset}: {error.strerror}") from error
            if not piece:
                raise PixelError(f"the file became shorter while it was read, at byte {offset}")
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class MemorySource:
    """A data set that had to be inflated as a whole."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; `PixelError` where the object ends earlier."""
        _check_inside(offset, length, self.size)
        return self._data[offset : offset + length]

    def close(self) -> None:
        """Nothing to give back."""


def _check_inside(offset: int, length: int, size: int) -> None:
    if offset + length > size:
        raise PixelError(f"pixel data is truncated: bytes {offset}-{offset + length} wanted, object ends at {size}")
