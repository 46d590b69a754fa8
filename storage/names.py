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


def fold_pattern(pattern: str) -> str:
    """Fold a pattern of a name without touching its wildcards; a delimiter beside one may stand for nothing."""
    return "*".join("?".join(fold(piece) for piece in part.split("?")) for part in pattern.split("*"))


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Each piece between stars is looked for once, where it is met first: whatever the pattern, no time is lost."""
    head, *rest = ("".join("." if c == "?" else re.escape(c) for c in part) for part in pattern.split("*"))
    if not rest:
        return re.compile(head, re.DOTALL)
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    return re.compile(f"{head}{middle}.*{rest[-1]}", re.DOTALL)


def pattern_matches(pattern: str, value: str) -> bool:
    """Tell whether a value is of a pattern with `*` and `?`, both as they are."""
    return _compiled(pattern).fullmatch(value) is not None


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
