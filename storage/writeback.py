"""Early writing to disk: what an object's sync will wait for is begun while its next bytes still come.

Linux' sync_file_range starts the write of dirty pages and returns. It promises nothing and is only a hint: what makes
an object safe is the sync at its end, which then finds most of the work done.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

_SYNC_FILE_RANGE_WRITE = 2


def start_writeback(fd: int, offset: int, size: int) -> None:
    """Ask the kernel to begin writing `size` bytes at `offset`; where it cannot, nothing happens."""
    function = _sync_file_range()
    if function is not None:
        function(fd, offset, size, _SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Any:
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function
