"""UIDs, checked before they may name anything (PS3.5 9.1)."""

from __future__ import annotations

import re

from storage.errors import UnsafeUID

MAX_LENGTH = 64
# Deliberately wider than PS3.5 9.1 in one point: components with leading zeros are sent by real devices and are
# harmless in a path. What matters for safety is the alphabet: digits and single dots between them.
_VALID = re.compile(r"[0-9]+(?:\.[0-9]+)*\Z")


def is_valid(uid: str) -> bool:
    """Tell whether `uid` is 1 to 64 characters of digit groups joined by dots (PS3.5 9.1)."""
    return len(uid) <= MAX_LENGTH and _VALID.match(uid) is not None


def checked(keyword: str, value: str) -> str:
    """Return `value` unchanged when it is safe as a path component.

    Raises:
        UnsafeUID: names the attribute `keyword` and the value.
    """
    if not is_valid(value):
        raise UnsafeUID(keyword, value)
    return value
