"""A rename that never replaces.

POSIX `rename` silently replaces its target. Two senders of one SOP Instance UID meet at the same name, and the one who
was acknowledged first must keep it, so Linux' renameat2 with RENAME_NOREPLACE is used, and a hard link where a file
system does not know it; both fail when the name is taken.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})


def rename_no_replace(source: Path, target: Path) -> None:
    """Move `source` to `target` on the same file system.

    Raises:
        FileExistsError: `target` exists; both are untouched.
        OSError: as `os.rename` would.
    """
    function = _renameat2()
    if function is not None:
        if function(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), _RENAME_NOREPLACE) == 0:
            return
        code = ctypes.get_errno()
        if code not in _UNSUPPORTED:
            raise OSError(code, os.strerror(code), str(source), None, str(target))
    os.link(source, target)
    source.unlink()


@cache
def _renameat2() -> Any:
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
