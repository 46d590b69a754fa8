"""`Query` to SQL: the one place where conditions become text, with every value bound and every wildcard escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from storage.attributes import Attribute, Level, Matching
from storage.errors import QueryError
from storage.names import fold
from storage.query import Condition, OneOf, Order, Query, Range, Wildcard, Words

_TABLE = {Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}
FROM = {
    Level.STUDY: "study",
    Level.SERIES: "series JOIN study ON study.id = series.study",
    Level.INSTANCE: "instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study",
}
_ESCAPE = "\\"
_MAX_PATTERN = 1024  # SQLite itself gives up at 50,000, and a long pattern of many stars costs time on every row
_INTEGER = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values bound in it."""

    text: str
    values: tuple[str | int, ...]


def select(query: Query, columns: str) -> Statement:
    """Return the statement that answers `query` with `columns`.

    Raises:
        QueryError: an attribute below the level of the query.
    """
    where, values = _where(query)
    text = f"SELECT {columns} FROM {FROM[query.level]}{where} ORDER BY {_order(query)}"
    if query.limit is not None or query.offset:
        text += " LIMIT ? OFFSET ?"
        values += (-1 if query.limit is None else query.limit, query.offset)
    return Statement(text, values)


def count(query: Query) -> Statement:
    """Return the statement that counts all answers to `query`, whatever its limit."""
    where, values = _where(query)
    return Statement(f"SELECT count(*) FROM {FROM[query.level]}{where}", values)


def _where(query: Query) -> tuple[str, tuple[str | int, ...]]:
    parts = [_condition(c, query.level) for c in query.conditions]
    if not parts:
        return "", ()
    return " WHERE " + " AND ".join(p.text for p in parts), tuple(v for p in parts for v in p.values)


def _condition(c: Condition, level: Level) -> Statement:
    attributes = c.attributes if isinstance(c, Words) else (c.attribute,)
    below = [a for a in attributes if a.level > level]
    if not below:
        return _plain(c)
    if len(attributes) == 1 and level is Level.STUDY and below[0].level is Level.SERIES:
        # Modalities in Study and its like (PS3.4 C.3.4): some series of the study matches.
        inner = _plain(c)
        return Statement(f"EXISTS (SELECT 1 FROM series WHERE series.study = study.id AND {inner.text})", inner.values)
    raise QueryError(f"{below[0].keyword} is below the {level.name.lower()} level")


def _plain(c: Condition) -> Statement:
    match c:
        case OneOf():
            return _one_of(c)
        case Wildcard():
            # GLOB tells case as PS3.4 C.2.2.2.4 does for all but names, which are folded on both sides.
            return Statement(f"{_column(c.attribute)} GLOB ?", (_glob(c),))
        case Range():
            return _range(c)
        case Words():
            parts = [_word(word, c.attributes) for word in c.words]
            text = " AND ".join(p.text for p in parts) or "1"
            return Statement(text, tuple(v for p in parts for v in p.values))


def _column(a: Attribute) -> str:
    table = "study" if a.level is Level.PATIENT else _TABLE[a.level]
    return f"{table}.{a.folded_column if a.matching is Matching.NAME else a.column}"


def _one_of(c: OneOf) -> Statement:
    values: tuple[str | int, ...] = c.values
    if c.attribute.matching is Matching.NAME:
        values = tuple(fold(v) for v in c.values)
    elif c.attribute.matching is Matching.NUMBER:
        values = tuple(_number(c.attribute, v) for v in c.values)
    else:
        values = tuple(_stored(v) for v in c.values)
    if len(values) == 1:
        return Statement(f"{_column(c.attribute)} = ?", values)
    # One bound value however long the list is: SQLite bounds their number, a list of UIDs may hold thousands.
    return Statement(f"{_column(c.attribute)} IN (SELECT value FROM json_each(?))", (json.dumps(values),))


def _number(a: Attribute, value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        raise QueryError(f"{a.keyword}: {value[:64]!r} is not a number") from None
    if number not in _INTEGER:
        raise QueryError(f"{a.keyword}: {value[:64]!r} is larger than any number here")
    return number


def _stored(text: str) -> str:
    """Return `text` as the index would hold it: without NUL (see `storage.text`) and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def escape(text: str) -> str:
    """Take the meaning from the characters that LIKE knows."""
    for c in (_ESCAPE, "%", "_"):
        text = text.replace(c, _ESCAPE + c)
    return text


def _glob(c: Wildcard) -> str:
    pattern = _short_enough(c.pattern)
    if c.attribute.matching is Matching.NAME:
        # Folding must not touch the wildcards, and a delimiter beside one may stand for nothing.
        pattern = "*".join("?".join(fold(piece) for piece in part.split("?")) for part in pattern.split("*"))
    # `*` and `?` mean the same to GLOB as to PS3.4; only `[` means more.
    return pattern.replace("[", "[[]")


def _short_enough(pattern: str) -> str:
    if len(pattern) > _MAX_PATTERN:
        raise QueryError(f"a pattern of {len(pattern)} characters; at most {_MAX_PATTERN} are looked for")
    return _stored(pattern)


def _range(c: Range) -> Statement:
    column = _column(c.attribute)
    first, last = _stored(c.first), _stored(c.last)
    if c.attribute.matching is Matching.TIME and last:
        # PS3.4 C.2.2.2.5: 10 to 11 takes in all of the last unit given, so 115959.9 still is "11".
        last += "\U0010ffff"
    if first and last:
        return Statement(f"{column} BETWEEN ? AND ?", (first, last))
    if first:
        return Statement(f"{column} >= ?", (first,))
    return Statement(f"({column} <= ? AND {column} <> '')", (last,))


def _word(word: str, attributes: Sequence[Attribute]) -> Statement:
    likes = " OR ".join(f"{_column(a)} LIKE ? ESCAPE '{_ESCAPE}'" for a in attributes)
    pattern = f"%{escape(_short_enough(word))}%"
    return Statement(f"({likes})", (pattern,) * len(attributes))


def _order(query: Query) -> str:
    own = f"{_TABLE[query.level]}.id"
    keys = [_order_key(o) for o in query.order]
    descending = bool(query.order) and query.order[0].descending
    return ", ".join([*keys, f"{own} DESC" if descending else own])


def _order_key(o: Order) -> str:
    column = _column(o.attribute)
    # Without the value last: an empty text sorts before all others, so it is last by itself when descending.
    return f"{column} DESC" if o.descending else f"{column} = '', {column}"
