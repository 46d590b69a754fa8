"""The two date fields of a search: what stands in them, and what is wrong with it in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask_babel import gettext

from viewer import days

TEXT_MAX = 40


@dataclass(frozen=True, slots=True)
class DayField:
    """One field as it is shown again."""

    text: str
    """dd/mm/yyyy, or what was typed when that is no day."""
    day: date | None
    problem: str
    """In the person's language; empty when nothing is wrong."""


def day_fields(first: str, last: str) -> tuple[DayField, DayField]:
    """Return the fields of a range of days from what was typed into them."""
    begin, end = _field(first), _field(last)
    if begin.day and end.day and end.day < begin.day:
        reason = gettext("This day is before the first one, so no study can match.")
        return begin, DayField(end.text, end.day, reason)
    return begin, end


def _field(typed: str) -> DayField:
    text, day = typed.strip(), days.read(typed)
    if day is not None:
        return DayField(days.shown(day), day, "")
    reason = gettext("This is not a date and is not searched by. Write day, month and year, such as 31/12/2026.")
    return DayField(text[:TEXT_MAX], None, reason if text else "")
