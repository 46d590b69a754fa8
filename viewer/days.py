"""Days as people type them: one meaning for each spelling, or none. `static/js/dates.js` reads the same.

The day comes before the month, as in Vietnam; a year of four digits in front is ISO 8601 or DICOM (PS3.5 6.2, DA).
Eight digits never say two days: read the other way round, the year would be before 1800 or the month after December.
"""

from __future__ import annotations

import re
from datetime import date

FIRST_YEAR, LAST_YEAR = 1800, 2999
_PIVOT = 70
"""Years of two digits from here on are of the 20th century, as POSIX reads them (`strptime`, %y)."""

_SPELLINGS = tuple(
    re.compile(spelling, re.ASCII)
    for spelling in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<day>\d{1,2})[-/. ](?P<month>\d{1,2})[-/. ](?P<year>\d{4}|\d{2})",
        r"(?P<day>\d{2})(?P<month>\d{2})(?P<year>\d{4})",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    )
)


def read(text: str) -> date | None:
    """Return the day that `text` says, as in 31/1/26, 31012026, 31-01-2026 and 2026-01-31; None when it says none."""
    for spelling in _SPELLINGS:
        found = spelling.fullmatch(text.strip())
        day = _day(found["year"], found["month"], found["day"]) if found else None
        if day is not None:
            return day
    return None


def _day(year: str, month: str, day: str) -> date | None:
    whole = int(year)
    if len(year) == 2:
        whole += 1900 if whole >= _PIVOT else 2000
    if not FIRST_YEAR <= whole <= LAST_YEAR:
        return None
    try:
        return date(whole, int(month), int(day))
    except ValueError:
        return None


def shown(day: date) -> str:
    """Return a day as every page shows it, in both languages: dd/mm/yyyy."""
    return f"{day:%d/%m}/{day.year:04}"
