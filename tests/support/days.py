"""Days as people type them, for the parser of the server and that of the browser alike."""

from __future__ import annotations

from datetime import date

SPELLINGS: dict[str, date | None] = {
    "31/01/2026": date(2026, 1, 31),
    "1/2/26": date(2026, 2, 1),
    "1/2/70": date(1970, 2, 1),
    "03022026": date(2026, 2, 3),
    "4-2-2026": date(2026, 2, 4),
    "5.2.2026": date(2026, 2, 5),
    "6 2 2026": date(2026, 2, 6),
    "2026-02-07": date(2026, 2, 7),
    "20260208": date(2026, 2, 8),
    " 29/02/2024 ": date(2024, 2, 29),
    "29/02/2026": None,
    "12/31/2026": None,
    "1/1/1799": None,
    "31/1": None,
    "010126": None,
    "tomorrow": None,
}
"""What is typed, and the day that it says; None for no day."""
