"""The records in which frames are streamed (see `viewer.series_stream`), and how a list of positions is written."""

from __future__ import annotations

import struct

POSITIONS_MAX = 1_000_000
HEAD = struct.Struct("<IIIHBBII")
FRAME, PROBLEM, END = 0, 1, 2


def listed(text: str, total: int) -> list[int]:
    """Read a list of positions and ranges below `total`; `ValueError` in one sentence where it is none."""
    found: list[int] = []
    for member in text.split(","):
        first, dash, last = member.partition("-")
        a = position(first, total)
        b = position(last, total) if dash else a
        found += range(a, b + 1) if a <= b else range(a, b - 1, -1)
        if len(found) > POSITIONS_MAX:
            raise ValueError(f"more than {POSITIONS_MAX} frames are asked for")
    return found


def position(text: str, total: int) -> int:
    """Read one position below `total`; `ValueError` in one sentence where it is none."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise ValueError(f"{text[:20]!r} is no position of a frame")
    if int(digits) >= total:
        raise ValueError(f"position {digits} is asked for, the series has {total} frames, counted from 0")
    return int(digits)
