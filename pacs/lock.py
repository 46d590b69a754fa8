"""Who runs a data folder: one `filmless serve` or `filmless reindex` at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.errors import DataFolderError


class DataLock:
    """A lock on a data folder that ends with its process, however that ends."""

    def __init__(self, data: Path) -> None:
        self._path = data / "filmless.lock"
        self._fd = -1

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise DataFolderError(
                f"the data folder {self._path.parent} is in use by a running filmless: stop it first"
            ) from None
        except OSError as e:
            raise DataFolderError(f"cannot use the data folder {self._path.parent}: {e.strerror or e}") from e
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._fd)
