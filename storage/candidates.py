"""Where to begin with a query: which studies may match, found through words before any row is looked at.

A condition on a name, an identifier or a modality is turned into candidates: lists of studies by word, or the studies
themselves. Of several conditions the one with the fewest candidates is taken. None at all means that matches are so
common, or the condition so plain, that walking the studies in their order finds them sooner.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage.attributes import BY_KEYWORD, Attribute, Level
from storage.lookups import studies_of
from storage.names import fold, fold_pattern
from storage.query import Condition, OneOf, Query, Range, Wildcard, Words
from storage.words import EDGE, GRAM, Kind, grams_of

MERGED_WORDS = 64
"""Lists that are merged by date; of more words the studies are collected and sorted."""
COLLECTED_STUDIES = 5_000
"""Studies that are collected and sorted; more are so common that a walk by date meets them soon."""
LONGEST_PATTERN = 1024
"""SQLite itself gives up at 50,000, and a long pattern of many stars costs time on every row."""
_MOST_WORDS = 2_000
_GRAMS = 4
_NAME = BY_KEYWORD["PatientName"]
_MODALITY = BY_KEYWORD["Modality"]
_DATE = BY_KEYWORD["StudyDate"]
_IDENTIFIERS = frozenset({BY_KEYWORD["PatientID"], BY_KEYWORD["AccessionNumber"]})
# Conditions that an index of SQLite answers by itself with few rows.
_SELECTIVE = (
    frozenset(BY_KEYWORD[k] for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")) | _IDENTIFIERS
)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every match is in the list of one of `words`, or among `studies`."""

    words: tuple[int, ...]
    studies: tuple[int, ...] = ()
    first_date: str = ""
    last_date: str = ""
    """Bounds of StudyDate that the query sets, empty for none; lists are read only between them."""
    expected: int = 0
    """How many studies that is, counted no further than to `COLLECTED_STUDIES` and one."""
    also: tuple[int, ...] = ()
    """Every match is in the list of each of these words, too."""
    expression: str = ""
    """What the many studies of a piece of an identifier are found by in `identifier`; words and studies are empty."""

    @property
    def can_be_merged(self) -> bool:
        """Few enough lists to be merged by date."""
        return len(self.words) <= MERGED_WORDS

    @property
    def can_be_collected(self) -> bool:
        """Few enough studies to be sorted in any order."""
        return self.expected <= COLLECTED_STUDIES


def find(connection: sqlite3.Connection, query: Query) -> Candidates | None:
    """Return the fewest candidates for a query; None when there is no better way than the indexes of SQLite."""
    if any(isinstance(c, OneOf) and c.attribute in _SELECTIVE for c in query.conditions):
        return None
    first, last = _dates(query.conditions)
    found = [_counted(connection, one, first, last) for c in query.conditions for one in _all_of(connection, c)]
    # Words before pieces of identifiers, which are in no order of dates.
    found.sort(key=lambda one: (one.expected, bool(one.expression), len(one.words)))
    if not found or (found[0].expression and not query.any_order):
        return None
    if found[0].can_be_collected or found[0].expression:
        return found[0]
    # All are common: two lists read side by side cost less than the rows of one.
    return replace(found[0], also=tuple(one.words[0] for one in found[1:] if len(one.words) == 1 and not one.studies))


def _dates(conditions: Sequence[Condition]) -> tuple[str, str]:
    for c in conditions:
        if isinstance(c, Range) and c.attribute is _DATE:
            return c.first, c.last
        if isinstance(c, OneOf) and c.attribute is _DATE and len(c.values) == 1:
            return c.values[0], c.values[0]
    return "", ""


def _all_of(db: sqlite3.Connection, c: Condition) -> list[Candidates]:
    """Return candidates of one condition: the studies themselves where they are few and quickly known."""
    studies = studies_of(db, c, COLLECTED_STUDIES)
    return _of(db, c) if studies is None else [Candidates((), studies)]


def _of(db: sqlite3.Connection, c: Condition) -> list[Candidates]:
    """Return candidates of one condition, one for each piece that has to be there."""
    found: list[Candidates | None] = []
    match c:
        case Wildcard() if c.attribute is _NAME:
            found = [_names(db, pattern, kind) for kind, pattern in name_patterns(fold_pattern(c.pattern))]
        case Wildcard() if c.attribute in _IDENTIFIERS:
            pieces = _pieces(EDGE + c.pattern.lower() + EDGE)
            found = [_identifiers(db, max(pieces, key=len))] if pieces else []
        case OneOf() if c.attribute is _NAME and len(c.values) == 1:
            found = [_names(db, escape_glob(word)) for word in fold(c.values[0]).split()]
        case OneOf() if c.attribute is _MODALITY:
            found = [_modalities(db, c.values)]
        case Words():
            found = [_word(db, word, c.attributes) for word in c.words]
    return [candidates for candidates in found if candidates is not None]


def escape_glob(text: str) -> str:
    """`*` and `?` mean the same to GLOB as to PS3.4; only `[` means more."""
    return text.replace("[", "[[]")


def name_patterns(folded: str) -> list[tuple[Kind, str]]:
    """Return patterns of single words that a name of this pattern must hold.

    A wildcard may stand for a space too, so that only what stands between wildcards is sure to be within one word.
    """
    patterns: list[tuple[Kind, str]] = []
    parts = folded.replace("?", "*").split("*")
    for i, part in enumerate(parts):
        words = part.split(" ")
        for j, word in enumerate(words):
            starts = "" if j > 0 or i == 0 else "*"
            ends = "" if j < len(words) - 1 or i == len(parts) - 1 else "*"
            if word:
                kind = Kind.FIRST if i == j == 0 else Kind.NAME
                patterns.append((kind, f"{starts}{escape_glob(word)}{ends}"))
    return patterns


def _pieces(pattern: str) -> list[str]:
    return [piece for piece in pattern.replace("?", "*").split("*") if piece.strip(EDGE)]


def _names(db: sqlite3.Connection, pattern: str, kind: Kind = Kind.NAME) -> Candidates | None:
    if len(pattern) > LONGEST_PATTERN:
        return None
    rows = db.execute(
        "SELECT id FROM word WHERE kind = ? AND text GLOB ? LIMIT ?", (kind, pattern, _MOST_WORDS + 1)
    ).fetchall()
    return None if len(rows) > _MOST_WORDS else Candidates(tuple(row[0] for row in rows))


def _modalities(db: sqlite3.Connection, values: Sequence[str]) -> Candidates | None:
    if len(values) > _MOST_WORDS:
        return None
    marks = ", ".join("?" * len(values))
    rows = db.execute(f"SELECT id FROM word WHERE kind = ? AND text IN ({marks})", (Kind.MODALITY, *values)).fetchall()
    return Candidates(tuple(row[0] for row in rows))


def _identifiers(db: sqlite3.Connection, piece: str) -> Candidates | None:
    """Return the studies with all the pieces of three characters that `piece` has; None when nearly all have."""
    expression = _expression(db, piece)
    if expression is None:
        return None
    if not expression:
        return Candidates(())
    rows = db.execute(
        "SELECT rowid FROM identifier WHERE identifier MATCH ? LIMIT ?", (expression, COLLECTED_STUDIES + 1)
    ).fetchall()
    if len(rows) > COLLECTED_STUDIES:
        return Candidates((), expression=expression)
    return Candidates((), tuple(row[0] for row in rows))


def _expression(db: sqlite3.Connection, piece: str) -> str | None:
    """Return the FTS5 expression for a piece; empty when it occurs nowhere, None when nearly everything has it."""
    if len(piece) < GRAM:
        pattern = f"*{escape_glob(piece).replace('*', '[*]').replace('?', '[?]')}*"
        rows = db.execute("SELECT text FROM identifier_gram WHERE text GLOB ? LIMIT ?", (pattern, 201)).fetchall()
        return None if len(rows) > 200 else " OR ".join(_quoted(row[0]) for row in rows)
    grams = grams_of(piece)[:_MOST_WORDS]
    # Identifiers differ most at their ends; the beginnings are much the same and only cost time.
    for gram in grams:
        if db.execute("SELECT 1 FROM identifier_gram WHERE text = ?", (gram,)).fetchone() is None:
            return ""
    return " AND ".join(_quoted(gram) for gram in grams[-_GRAMS:])


def _quoted(gram: str) -> str:
    escaped = gram.replace('"', '""')
    return f'"{escaped}"'


def _word(db: sqlite3.Connection, word: str, attributes: Sequence[Attribute]) -> Candidates | None:
    """Return the candidates of a word of a search box; None when one of the attributes is not held as words."""
    if any(a is not _NAME and a not in _IDENTIFIERS for a in attributes):
        return None
    literal = escape_glob(word).replace("*", "[*]").replace("?", "[?]")
    names = _names(db, f"*{literal}*") if _NAME in attributes else Candidates(())
    identifiers = _identifiers(db, word.lower()) if _IDENTIFIERS & set(attributes) else Candidates(())
    if names is None or identifiers is None or identifiers.expression:
        return None
    return Candidates(names.words, identifiers.studies)


def _counted(db: sqlite3.Connection, c: Candidates, first: str, last: str) -> Candidates:
    expected = COLLECTED_STUDIES + 1 if c.expression else len(c.studies)
    if c.words:
        bounds, values = between(first, last)
        marks = ", ".join("?" * len(c.words))
        text = f"SELECT count(*) FROM (SELECT 1 FROM study_word WHERE word IN ({marks}){bounds} LIMIT ?)"
        expected += int(db.execute(text, (*c.words, *values, COLLECTED_STUDIES + 1)).fetchone()[0])
    return replace(c, first_date=first, last_date=last, expected=expected)


def between(first: str, last: str) -> tuple[str, tuple[str, ...]]:
    """Return the bounds on `study_date` as SQL and values."""
    text = " AND study_date >= ?" * bool(first) + " AND study_date <= ?" * bool(last)
    return text, tuple(value for value in (first, last) if value)


NEWEST_FIRST = (("StudyDate", True), ("StudyTime", True))


def is_newest_first(query: Query) -> bool:
    """Tell whether a query asks for studies in the order in which the lists of words hold them."""
    order = tuple((o.attribute.keyword, o.descending) for o in query.order)
    return query.level is Level.STUDY and order == NEWEST_FIRST
