"""Removes for good what was rejected long enough ago (see `storage.rejection`)."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from pacs.logs import one_line
from storage.archive import Archive
from storage.errors import StorageError
from storage.records import Event, Records
from storage.rejection import Rejection

_log = logging.getLogger("filmless.jobs")
LOOK_SECONDS = 3600.0


class Retention(threading.Thread):
    """Looks once an hour, until `stopping`; `days` 0 keeps everything."""

    def __init__(self, archive: Archive, records: Records, days: int, stopping: threading.Event) -> None:
        super().__init__(name="retention", daemon=True)
        self._archive = archive
        self._records = records
        self._days = days
        self._stopping = stopping

    def run(self) -> None:
        """Look, wait, look again."""
        while self._days and not self._stopping.is_set():
            self.look(datetime.now(UTC))
            self._stopping.wait(LOOK_SECONDS)

    def look(self, now: datetime) -> int:
        """Remove what is due at `now`; return how many rejections that were. What fails is tried again next time."""
        try:
            return len(self._archive.rejections.remove_older_than(now - timedelta(days=self._days), self._note))
        except StorageError as e:
            _log.error("rejected objects cannot be removed: %s", one_line(str(e)))
            return 0

    def _note(self, rejection: Rejection) -> None:
        """Write in the audit what is gone for good, each time as soon as it is."""
        self._records.audit.record(
            Event.REMOVE,
            who="Filmless",
            study_instance_uid=rejection.target.study_instance_uid,
            detail=f"{rejection.instances} objects, {rejection.identifier} of {rejection.by} after {self._days} days",
        )
