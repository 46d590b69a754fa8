"""What hostile bytes are given to, and what must hold whatever they are."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pacs.application import Application
from pacs.logs import quiet_libraries
from pacs.session import Session, SessionSettings
from pacs.upper_layer import Timeouts
from storage.archive import Archive
from storage.errors import StorageError
from storage.importing import import_file
from storage.incoming import Announced
from storage.model import Source
from storage.records import Records
from storage.settings import ArchiveSettings, Durability
from tests.support.wire import CT, tcp_pair

_SLOW = 5.0
_FRESH_AFTER = 1000
_QUICK = SessionSettings(Timeouts(artim=1.0, idle=1.0, pdu=1.0))


class Crash(Exception):
    """Something that must never happen did."""


class _Errors(logging.Handler):
    """Remembers what was logged as an error with its trace: the sign of a surprise."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(logging.Formatter().format(record))


class Targets:
    """An archive that hostile bytes are given to; a fresh one from time to time."""

    def __enter__(self) -> Self:
        self._count = 0
        self._errors = _Errors()
        logging.getLogger("filmless").addHandler(self._errors)
        quiet_libraries()
        self._open()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        logging.getLogger("filmless").removeHandler(self._errors)
        self._close()

    def _open(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="filmless-fuzz-"))
        settings = ArchiveSettings(self._folder / "data", Durability.RELAXED, minimum_free_bytes=0)
        self.archive = Archive.open(settings)
        self._records = Records.open(settings.data)
        self._application = Application(self.archive, self._records, "FILMLESS")

    def _close(self) -> None:
        self._records.close()
        self.archive.close()
        outside = [p for p in self._folder.iterdir() if p.name not in ("data", "file.dcm")]
        shutil.rmtree(self._folder)
        if outside:
            raise Crash(f"files outside the data folder: {outside}")

    def _begin(self) -> float:
        self._count += 1
        if self._count % _FRESH_AFTER == 0:
            self._close()
            self._open()
        return time.monotonic()

    def _end(self, began: float) -> None:
        if time.monotonic() - began > _SLOW:
            raise Crash(f"took {time.monotonic() - began:.1f} s")
        if self._errors.found:
            raise Crash(self._errors.found.pop())
        left = list((self.archive.data / "incoming").rglob("*.part"))
        if left:
            raise Crash(f"left in incoming: {left}")

    def conversation(self, data: bytes) -> None:
        """All that a peer sends on one connection, then its end; the receiver ends in order."""
        began = self._begin()
        near, far = tcp_pair()
        with near, far:
            near.settimeout(5)
            near.sendall(data)
            near.shutdown(1)
            Session(far, "127.0.0.1", self._application, _QUICK, lambda request: None).run()
        self._end(began)

    def data_set(self, syntax: str, data: bytes) -> None:
        """A data set of a C-STORE: kept, or refused with an error of the archive."""
        began = self._begin()
        try:
            with self.archive.receive(Announced(CT, "", syntax), Source("FUZZ", "127.0.0.1")) as incoming:
                incoming.write(data)
                stored = incoming.keep()
        except StorageError as e:
            if "\n" in str(e):
                raise Crash(f"a reason of several lines: {e}") from e
        else:
            instance = self.archive.instance(stored.sop_instance_uid)
            if instance.path.read_bytes()[instance.dataset_offset :] != data:
                raise Crash("stored, but not as it came")
            if not instance.path.resolve().is_relative_to(self.archive.data.resolve()):
                raise Crash(f"stored outside: {instance.path}")
        self._end(began)

    def file(self, data: bytes) -> None:
        """A file that somebody imports."""
        began = self._begin()
        path = self._folder / "file.dcm"
        path.write_bytes(data)
        for _ in import_file(self.archive, path):
            pass
        self._end(began)
