"""Failing writes, syncs, renames and commits, put under a process before it starts its work."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
from collections.abc import Callable
from typing import Any

import storage.files
import storage.quarantine

_ERRORS = (errno.EIO, errno.ENOSPC)


def install(seed: int, rate: float) -> None:
    """Let each of the calls fail with probability `rate`; a write may also be short."""
    chance = random.Random(seed)

    def sometimes(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if chance.random() < rate:
                number = chance.choice(_ERRORS)
                raise OSError(number, os.strerror(number))
            return function(*arguments, **keywords)

        return call

    def short_write(fd: int, data: Any) -> int:
        if fd > 2 and chance.random() < rate:
            return write(fd, memoryview(data)[: max(len(data) // 2, 1)])
        return faulty_write(fd, data) if fd > 2 else write(fd, data)

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            if sql == "COMMIT" and chance.random() < rate:
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *arguments)

    write, connect = os.write, sqlite3.connect
    faulty_write = sometimes(write)
    os.write = short_write  # type: ignore[assignment]
    for name in ("fdatasync", "fsync", "pwrite"):
        setattr(os, name, sometimes(getattr(os, name)))
    storage.files.rename_no_replace = sometimes(storage.files.rename_no_replace)
    sqlite3.connect = lambda *a, **k: connect(*a, factory=Connection, **k)  # type: ignore[assignment,misc]
