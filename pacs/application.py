"""What every handler may need of the application it works for."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.archive import Archive
from storage.records import Records


@dataclass(frozen=True, slots=True)
class FindSettings:
    """How queries are answered."""

    maximum_answers: int = 10_000
    """After so many a query ends with A700 and an Error Comment that says so."""
    combined_date_time: bool = False
    """Take a range of dates beside a range of times for one range, also where that was not negotiated."""


@dataclass(frozen=True, slots=True)
class Application:
    """The archive, what is known of users and remote nodes, and our own AE title; shared by all associations."""

    archive: Archive
    records: Records
    aet: str
    find: FindSettings = field(default_factory=FindSettings)
