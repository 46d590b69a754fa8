"""What every handler may need of the application it works for."""

from __future__ import annotations

from dataclasses import dataclass

from storage.archive import Archive
from storage.records import Records


@dataclass(frozen=True, slots=True)
class Application:
    """The archive, what is known of users and remote nodes, and our own AE title; shared by all associations."""

    archive: Archive
    records: Records
    aet: str
