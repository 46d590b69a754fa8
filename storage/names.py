"""Folding of names for search.

`nguyen duc`, `Đức Nguyễn` and `NGUYEN^VAN^DUC` have to find each other: case, diacritics, `^`, `=`, extra spaces and
the order of tokens do not count, NFC and NFD are the same. `đ` is a letter of its own in Unicode and does not
decompose, so it is folded by hand, as are its look-alikes.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans({"đ": "d", "ð": "d", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"})
_SEPARATORS = str.maketrans(dict.fromkeys("^=\\,;", " "))


def fold(text: str) -> str:
    """Return `text` in lower case without diacritics, with name delimiters and runs of spaces as one space."""
    if text.isascii():
        return " ".join(text.lower().translate(_SEPARATORS).split())
    # Twice, since each of the two steps makes work for the other: U+2121 decomposes to TEL (Unicode 3.13, D146).
    once = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", once).casefold()
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(bare.translate(_LETTERS).translate(_SEPARATORS).split())


def tokens(text: str) -> tuple[str, ...]:
    """Return the folded words of `text`, in their order; empty for blank text."""
    return tuple(fold(text).split())


@lru_cache(maxsize=64)
def _compiled(folded_pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(c) or re.escape(c) for c in folded_pattern), re.DOTALL)


def a_group_matches(person_name: str, folded_pattern: str) -> bool:
    """Tell whether one component group of a PN, folded, is of a pattern with `*` and `?` (PS3.5 6.2.1.2)."""
    return any(_compiled(folded_pattern).fullmatch(fold(group)) for group in person_name.split("="))


def display(person_name: str) -> str:
    """Return a PN value as one line for people: the last non-empty group of PS3.5 6.2.1.2, spaces for `^`.

    The ideographic group is what a person in that country reads; the alphabetic one stands in where it is missing.
    """
    groups = [" ".join(group.replace("^", " ").split()) for group in person_name.split("=")[:2]]
    filled = [group for group in groups if group]
    return f"{filled[1]} ({filled[0]})" if len(filled) == 2 else "".join(filled)
