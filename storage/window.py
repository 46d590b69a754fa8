"""A forward view on the bytes of a data set, in a file or deflated, of bounded memory."""

from __future__ import annotations

import os
import zlib
from typing import Protocol

from storage.errors import InvalidObject

BLOCK = 1 << 16


class Window(Protocol):
    """Bytes that are read or stepped over from the first to the last."""

    @property
    def position(self) -> int:
        """How many bytes were taken, read or skipped so far."""

    def has(self, n: int) -> bool:
        """Tell whether at least `n` bytes are left."""

    def remaining(self) -> int:
        """Return how many bytes are left; an upper bound where the end is not known yet."""

    def take(self, n: int) -> tuple[bytes, int]:
        """Step over `n` (at most 64) bytes; return a buffer and where in it they are. `InvalidObject` past the end."""

    def buffered(self) -> tuple[bytes, int]:
        """Return the buffer, filled anew when it is used up, and where in it the position is; nothing is taken."""

    def advance(self, at: int) -> None:
        """Move the position to `at` within the buffer that `buffered` returned."""

    def read(self, n: int) -> bytes:
        """Return the next `n` bytes and step over them. `InvalidObject` past the end."""

    def skip(self, n: int) -> None:
        """Step over `n` bytes. `InvalidObject` past the end."""

    def remaining_is_zeros(self) -> bool:
        """Tell whether nothing but zero bytes is left, as some devices pad."""


class FileWindow:
    """A window on the bytes `start` to `end` of an open file; values that are skipped are not read."""

    def __init__(self, fd: int, start: int, end: int) -> None:
        self._fd = fd
        self._start = start
        self._end = end
        self._block = b""
        self._block_at = start
        self._at = 0  # within the block

    @property
    def position(self) -> int:
        """Bytes consumed, from `start`."""
        return self._block_at + self._at - self._start

    def remaining(self) -> int:
        """Bytes left before `end`."""
        return self._end - self._block_at - self._at

    def has(self, n: int) -> bool:
        """Tell whether `n` bytes are left."""
        return self._at + n <= len(self._block) or n <= self.remaining()

    def take(self, n: int) -> tuple[bytes, int]:
        """See `Window.take`."""
        at = self._at
        if at + n > len(self._block):
            self._load(n)
            at = 0
        self._at = at + n
        return self._block, at

    def buffered(self) -> tuple[bytes, int]:
        """See `Window.buffered`."""
        if self._at >= len(self._block) and self.remaining():
            self._load(1)
        return self._block, self._at

    def advance(self, at: int) -> None:
        """See `Window.advance`."""
        self._at = at

    def read(self, n: int) -> bytes:
        """See `Window.read`."""
        if self._at + n > len(self._block):
            self._load(n)
        value = self._block[self._at : self._at + n]
        self._at += n
        return value

    def skip(self, n: int) -> None:
        """See `Window.skip`."""
        if n > self.remaining():
            raise InvalidObject(f"truncated at offset {self.position}")
        self._at += n
        if self._at > len(self._block):
            self._block_at, self._at, self._block = self._block_at + self._at, 0, b""

    def remaining_is_zeros(self) -> bool:
        """See `Window.remaining_is_zeros`."""
        at = self._block_at + self._at
        while at < self._end:
            piece = os.pread(self._fd, min(BLOCK, self._end - at), at)
            if not piece or piece.strip(b"\0"):
                return False
            at += len(piece)
        return True

    def _load(self, n: int) -> None:
        at = self._block_at + self._at
        self._block = os.pread(self._fd, min(max(BLOCK, n), self._end - at), at)
        self._block_at, self._at = at, 0
        if len(self._block) < n:
            raise InvalidObject(f"truncated at offset {self.position}")


class BytesWindow(FileWindow):
    """A window on bytes that are in memory."""

    def __init__(self, data: bytes) -> None:
        super().__init__(-1, 0, len(data))
        self._block = data

    def remaining_is_zeros(self) -> bool:
        """See `Window.remaining_is_zeros`."""
        return not self._block[self._at :].strip(b"\0")

    def _load(self, n: int) -> None:
        raise InvalidObject(f"truncated at offset {self.position}")


class DeflatedWindow:
    """A window on what a deflated data set (PS3.5 A.5) inflates to; never more than a few blocks in memory.

    `limit` bounds the inflated size, so that a small bomb cannot keep the reader busy for ever.
    """

    def __init__(self, fd: int, start: int, end: int, limit: int) -> None:
        self._fd, self._from, self._end = fd, start, end
        self._inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._limit = limit
        self._buffer = b""
        self._at = 0
        self._consumed = 0

    @property
    def position(self) -> int:
        """Inflated bytes consumed."""
        return self._consumed + self._at

    def remaining(self) -> int:
        """Return an upper bound: what the limit leaves, or what is buffered once the stream has ended."""
        buffered = len(self._buffer) - self._at
        return buffered if self._inflate.eof else self._limit - self.position

    def has(self, n: int) -> bool:
        """Tell whether `n` inflated bytes are left."""
        while len(self._buffer) - self._at < n:
            if not self._more():
                return False
        return True

    def take(self, n: int) -> tuple[bytes, int]:
        """See `Window.take`."""
        if not self.has(n):
            raise InvalidObject(f"truncated at inflated offset {self.position}")
        at = self._at
        self._at += n
        return self._buffer, at

    def buffered(self) -> tuple[bytes, int]:
        """See `Window.buffered`."""
        return self._buffer, self._at

    def advance(self, at: int) -> None:
        """See `Window.advance`."""
        self._at = at

    def read(self, n: int) -> bytes:
        """See `Window.read`."""
        buffer, at = self.take(n)
        return buffer[at : at + n]

    def skip(self, n: int) -> None:
        """See `Window.skip`."""
        while n:
            if not self.has(1):
                raise InvalidObject(f"truncated at inflated offset {self.position}")
            step = min(n, len(self._buffer) - self._at)
            self._at += step
            n -= step

    def remaining_is_zeros(self) -> bool:
        """See `Window.remaining_is_zeros`; only what is buffered is looked at, the rest is inflated to a few bytes."""
        tail = self._buffer[self._at :]
        return self._inflate.eof and not tail.strip(b"\0")

    def _more(self) -> bool:
        """Inflate one more block; False at the end of the stream."""
        if self._inflate.eof:
            return False
        source = self._inflate.unconsumed_tail or self._next_input()
        try:
            piece = self._inflate.decompress(source, BLOCK)
        except zlib.error as e:
            raise InvalidObject(f"the deflated data set is corrupt: {e}") from None
        if not source and not piece and not self._inflate.eof:
            raise InvalidObject("truncated: the deflated data set does not end")
        self._consumed += self._at
        self._buffer = self._buffer[self._at :] + piece
        self._at = 0
        if self._consumed + len(self._buffer) > self._limit:
            raise InvalidObject(f"the deflated data set inflates to more than {self._limit} bytes")
        return True

    def _next_input(self) -> bytes:
        piece = os.pread(self._fd, min(BLOCK, self._end - self._from), self._from)
        self._from += len(piece)
        return piece
