"""The audit: who did what, when, to which study, from where."""

from __future__ import annotations

import time

from storage.records.clock import iso
from storage.records.database import RecordsDatabase
from storage.records.model import AuditEntry, Event

TEXT_MAX_LENGTH = 256
"""Longer texts are cut: what a stranger typed as a name must not grow the file."""


class Audit:
    """Append and read; reached as `Records.audit`."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    def record(
        self,
        event: Event,
        *,
        who: str,
        means: str = "",
        study_instance_uid: str = "",
        address: str = "",
        detail: str = "",
    ) -> None:
        """Append one entry; it is on disk when this returns."""
        texts = (who, means, event.value, study_instance_uid, address, detail)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO audit (at, who, means, event, study_instance_uid, address, detail) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (iso(time.time()), *(text[:TEXT_MAX_LENGTH] for text in texts)),
            )

    def entries(self, limit: int, offset: int = 0) -> list[AuditEntry]:
        """Return entries, the newest first."""
        rows = self._database.connection.execute(
            "SELECT at, who, means, event, study_instance_uid, address, detail FROM audit "
            "ORDER BY id DESC LIMIT ? OFFSET ?",
            (limit, offset),
        )
        return [AuditEntry(*row) for row in rows]
