"""Folders for what is measured.

They stay until the whole run is over. ext4 steps over each inode that was freed within the last minutes when it
looks for a new one: whoever creates files right after thousands were removed is measured up to three times too slow.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp


@cache
def _root() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="bench-")  # removed at the end of the program


def new_folder() -> Path:
    """Return an empty folder that lives as long as this program."""
    return Path(mkdtemp(dir=_root().name))
