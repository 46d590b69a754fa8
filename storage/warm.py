"""Reads the index once at the start, so that the first questions of the day do not wait for the disk.

A query touches some hundred pages all over a file of gigabytes. Out of the page cache that takes a millisecond; from a
cold disk each page takes a seek. Reading the file in its order takes seconds, and leaves it in the cache.

The file stays open: to close it would end every lock that this process has on it (fcntl(2)), and SQLite knows by such a
lock that somebody still uses the database when another process closes it.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

_PIECE = 8 << 20
_MOST_OF_MEMORY = 0.5


def warm(path: Path, stopping: threading.Event, most_bytes: int | None = None) -> int:
    """Read a file into the page cache; return the bytes read.

    No more than `most_bytes` (half of the memory by default) of its end: what came last is asked for most. A file that
    cannot be read is told of by whoever needs it.
    """
    bound = most_bytes if most_bytes is not None else int(_memory() * _MOST_OF_MEMORY)
    done = 0
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        buffer = bytearray(_PIECE)
        at = max(os.fstat(descriptor).st_size - bound, 0)
        while not stopping.is_set() and (got := os.preadv(descriptor, [buffer], at + done)):
            done += got
    return done


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
