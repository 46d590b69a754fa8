"""The vocabulary of matching (PS3.4 C.2.2.2), spoken by C-FIND, QIDO-RS and the study list alike.

A `Query` names a level and a tuple of conditions that must all hold. Nothing here knows SQL or a protocol.
"""

from __future__ import annotations

from dataclasses import dataclass

from storage.attributes import BY_KEYWORD, Attribute, Level, Matching
from storage.errors import QueryError


@dataclass(frozen=True, slots=True)
class OneOf:
    """Single value matching, or list of UID matching for several values (PS3.4 C.2.2.2.1, C.2.2.2.2)."""

    attribute: Attribute
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Wildcard matching (PS3.4 C.2.2.2.4): `*` any characters, `?` exactly one."""

    attribute: Attribute
    pattern: str


@dataclass(frozen=True, slots=True)
class Range:
    """Range matching of dates and times, both ends included (PS3.4 C.2.2.2.5); an empty end is open."""

    attribute: Attribute
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Words:
    """Every folded word occurs in one of the attributes' values: what a search box means.

    Words are looked for at the start of a word of a name, and anywhere in an identifier.
    """

    attributes: tuple[Attribute, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combined:
    """Combined date and time matching: one range from the first moment to the last (PS3.4 C.2.2.2.5).

    An end without its date is open; an empty time is the beginning of the first day, or the end of the last.
    """

    date: Attribute
    time: Attribute
    first_date: str
    first_time: str
    last_date: str
    last_time: str

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        """Both attributes."""
        return self.date, self.time


Condition = OneOf | Wildcard | Range | Combined | Words


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key; objects that lack the value come last."""

    attribute: Attribute
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for at which level, in which order, and how much of it.

    `limit` None means all. Ties are broken by the order of arrival, so that paging is stable.
    """

    level: Level
    conditions: tuple[Condition, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    any_order: bool = False
    """`order` is no more than a wish: what is found sooner may come first."""


def attribute(keyword: str) -> Attribute:
    """Return the indexed attribute of `keyword`.

    Raises:
        QueryError: the attribute is not in the table.
    """
    try:
        return BY_KEYWORD[keyword]
    except KeyError:
        raise QueryError(f"{keyword} is not an attribute that can be matched") from None


def condition(keyword: str, value: str) -> Condition | None:
    """Read one key as PS3.4 C.2.2.2 does; None means universal matching.

    Raises:
        QueryError: an unknown attribute, or a malformed range.
    """
    a = attribute(keyword)
    if value in ("", "*") and a.matching is not Matching.UID:
        return None
    if a.matching is Matching.UID or a.matching is Matching.NUMBER:
        values = tuple(v.strip(" \0") for v in value.split("\\") if v.strip(" \0"))
        return OneOf(a, values) if values else None
    if a.matching in (Matching.DATE, Matching.TIME) and "-" in value:
        return _range(a, value)
    if "*" in value or "?" in value:
        return Wildcard(a, value)
    return OneOf(a, (value,))


def _range(a: Attribute, value: str) -> Range:
    first, _, last = (part.strip() for part in value.partition("-"))
    if not (first or last) or not all(c.isdigit() or c in ".:" for c in first + last):
        raise QueryError(f"{a.keyword}: {value[:64]!r} is not a range of {a.vr}")
    return Range(a, first, last)
