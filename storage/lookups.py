"""Rare values of some attributes of a study, looked up in SQLite's own indexes before any study is compared.

What is common is met soon by a walk through the studies by date; what is rare, or matches nothing at all, would be
looked for in every one of a million studies. So the studies of a rare value are collected first:
- Physicians, descriptions, institutions and sexes have few distinct values. These are read off the index, each with one
  step down its tree, and compared with the key; then the studies of those that match are counted, up to a limit.
- A whole value is looked up as it is, where names do not make many spellings of it.
- Birth dates, and the beginnings of identifiers, are ranges of an index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from storage.attributes import BY_KEYWORD, Attribute, Matching
from storage.names import a_group_matches, fold, fold_pattern, pattern_matches
from storage.query import Condition, OneOf, Range, Wildcard

MOST_VALUES = 2_000
"""Distinct values that are compared; with more, every study is."""
_BIRTH = BY_KEYWORD["PatientBirthDate"]
_IDENTIFIERS = frozenset({BY_KEYWORD["PatientID"], BY_KEYWORD["AccessionNumber"]})
_STUDY_ID = BY_KEYWORD["StudyID"]
_FEW_VALUES = frozenset(
    BY_KEYWORD[k] for k in ("ReferringPhysicianName", "StudyDescription", "InstitutionName", "PatientSex")
)
LOOKED_UP = _FEW_VALUES | {_BIRTH, _STUDY_ID}
"""Attributes whose indexes serve this module; a query planner that took one for a common value would sort them all."""
_LAST = "\U0010ffff"


def studies_of(db: sqlite3.Connection, c: Condition, limit: int) -> tuple[int, ...] | None:
    """Return the studies that may match, when they are no more than `limit`; None when they are, or nobody knows."""
    match c:
        case Range() if c.attribute is _BIRTH:
            return _between(db, c.attribute, c.first, c.last + _LAST if c.last else _LAST, limit)
        case OneOf() if c.attribute in LOOKED_UP and c.attribute.matching is not Matching.NAME:
            return _of_values(db, c.attribute, c.values, limit)
        case Wildcard() if c.attribute in _IDENTIFIERS or c.attribute is _STUDY_ID:
            beginning = c.pattern.replace("?", "*").partition("*")[0]
            return _between(db, c.attribute, beginning, beginning + _LAST, limit) if beginning else None
        case Wildcard() | OneOf() if c.attribute in _FEW_VALUES:
            values = _distinct(db, c.attribute)
            if values is None:
                return None
            is_like = _comparison(c)
            return _of_values(db, c.attribute, [value for value in values if is_like(value)], limit)
    return None


def _between(db: sqlite3.Connection, a: Attribute, first: str, last: str, limit: int) -> tuple[int, ...] | None:
    found = _at_most(db, f"{a.column} >= ? AND {a.column} < ? AND {a.column} <> ''", (first, last), limit)
    return None if found is None else tuple(found)


def _of_values(db: sqlite3.Connection, a: Attribute, values: Iterable[str], limit: int) -> tuple[int, ...] | None:
    found: list[int] = []
    distinct = dict.fromkeys(values)
    if len(distinct) > MOST_VALUES:
        return None
    for value in distinct:
        more = _at_most(db, f"{a.column} = ?", (value,), limit - len(found))
        if more is None:
            return None
        found += more
    return tuple(found)


def _at_most(db: sqlite3.Connection, condition: str, values: tuple[str, ...], limit: int) -> list[int] | None:
    """Return the studies of a condition, when they are no more than `limit`."""
    # Counted first: to hand out thousands only to find that they are too many takes ten times as long.
    text = f"SELECT count(*) FROM (SELECT 1 FROM study WHERE {condition} LIMIT ?)"
    if db.execute(text, (*values, limit + 1)).fetchone()[0] > limit:
        return None
    return [row[0] for row in db.execute(f"SELECT id FROM study WHERE {condition}", values)]


def _distinct(db: sqlite3.Connection, a: Attribute) -> list[str] | None:
    """Return the distinct values, stepping from one to the next; None when there are too many."""
    # SQLite's own DISTINCT reads every entry of the index.
    rows = db.execute(
        f"WITH RECURSIVE step(value) AS (SELECT min({a.column}) FROM study UNION ALL"
        f" SELECT (SELECT min({a.column}) FROM study WHERE {a.column} > step.value) FROM step"
        " WHERE step.value IS NOT NULL) SELECT value FROM step WHERE value IS NOT NULL LIMIT ?",
        (MOST_VALUES + 1,),
    ).fetchall()
    return None if len(rows) > MOST_VALUES else [row[0] for row in rows]


def _comparison(c: Wildcard | OneOf) -> Callable[[str], bool]:
    """Return what compares a stored value with the key, as the query itself does afterwards, or a little wider."""
    if isinstance(c, Wildcard) and c.attribute.matching is not Matching.NAME:
        return lambda value: pattern_matches(c.pattern, value)
    keys = (c.pattern,) if isinstance(c, Wildcard) else c.values
    folded = [fold_pattern(key) if isinstance(c, Wildcard) else fold(key) for key in keys]
    return lambda value: any(pattern_matches(f, fold(value)) or a_group_matches(value, f) for f in folded)
