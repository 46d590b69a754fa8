"""Failures of the disk, put under the code from outside: named system calls fail on demand."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import files


class Disk:
    """Lets one kind of call fail, from its `after`-th call on, for paths that hold `where`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.failed = 0

    def fail(self, call: str, code: int, *, where: str = "", after: int = 0) -> None:
        """`call` is write, pwrite, fdatasync, fsync, mkdir, unlink or rename."""
        error = OSError(code, os.strerror(code))
        if call in ("mkdir", "unlink"):
            self._wrap(Path, call, error, where, after)
        elif call == "rename":
            self._wrap(files, "rename_no_replace", error, where, after)
        else:
            self._wrap(os, call, error, where, after)

    def heal(self) -> None:
        """Let everything work again."""
        self._patch.undo()

    def _wrap(self, holder: Any, name: str, error: OSError, where: str, after: int) -> None:
        original: Callable[..., Any] = getattr(holder, name)
        calls = 0

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            if where in _named(args):
                calls += 1
                if calls > after:
                    self.failed += 1
                    raise error
            return original(*args, **kwargs)

        self._patch.setattr(holder, name, call)


def _named(args: tuple[Any, ...]) -> str:
    parts = [str(a) for a in args if isinstance(a, Path)]
    if args and isinstance(args[0], int):
        parts.append(str(Path(f"/proc/self/fd/{args[0]}").readlink()))
    return " ".join(parts)


FAILURES = (errno.ENOSPC, errno.EIO)
