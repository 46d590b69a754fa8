"""`Query` to SQL: the one place where conditions become text, with every value bound and every wildcard escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from storage.attributes import Attribute, Level, Matching
from storage.candidates import LONGEST_PATTERN, Candidates, between, escape_glob, is_newest_first
from storage.errors import QueryError
from storage.lookups import LOOKED_UP
from storage.names import fold, fold_pattern
from storage.query import Combined, Condition, OneOf, Order, Query, Range, Wildcard, Words

_TABLE = {Level.PATIENT: "patient", Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}
FROM = {
    Level.PATIENT: "patient",
    Level.STUDY: "study",
    Level.SERIES: "series JOIN study ON study.id = series.study",
    Level.INSTANCE: "instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study",
}
_ESCAPE = "\\"
_INTEGER = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values bound in it."""

    text: str
    values: tuple[str | int, ...]


def select(query: Query, columns: str, candidates: Candidates | None = None) -> Statement:
    """Return the statement that answers `query` with `columns`, beginning at its candidates where that is sooner.

    Raises:
        QueryError: an attribute below the level of the query.
    """
    if candidates is not None and candidates.words and candidates.can_be_merged and is_newest_first(query):
        statement = _merged(query, columns, candidates)
    elif candidates is not None and candidates.expression and query.level is Level.STUDY:
        statement = _newest_arrivals(query, columns, candidates.expression)
    else:
        restriction = candidates if candidates is not None and candidates.can_be_collected else None
        where, values = _where(query, restriction)
        text = f"SELECT {columns} FROM {FROM[query.level]}{where} ORDER BY {_order(query)}"
        statement = Statement(text, values)
    if query.limit is None and not query.offset:
        return statement
    limit = -1 if query.limit is None else query.limit
    return Statement(f"{statement.text} LIMIT ? OFFSET ?", (*statement.values, limit, query.offset))


def check(query: Query) -> None:
    """Find a condition that cannot be answered before anything is looked for by it.

    Raises:
        QueryError: a pattern that is too long, a number that is none, an attribute below the level of the query.
    """
    _where(query, None)


def count(query: Query, candidates: Candidates | None = None) -> Statement:
    """Return the statement that counts all answers to `query`, whatever its limit."""
    where, values = _where(query, None if candidates is None or candidates.expression else candidates)
    return Statement(f"SELECT count(*) FROM {FROM[query.level]}{where}", values)


def _merged(query: Query, columns: str, c: Candidates) -> Statement:
    """Lists that are in the order of the query already are merged, so that the first answers come at once."""
    bounds, dates = between(_stored(c.first_date), _stored(c.last_date))
    lists = [f"SELECT study_date, study_time, study FROM study_word WHERE word = ?{bounds}" for _ in c.words]
    values: list[str | int] = []
    for word in c.words:
        values += [word, *dates]
    if c.studies:
        lists.append(
            f"SELECT study_date, study_time, id FROM study WHERE id IN (SELECT value FROM json_each(?)){bounds}"
        )
        values += [json.dumps(c.studies), *dates]
    intersected = f" INTERSECT {lists[0]}" * len(c.also)
    for word in c.also:
        values += [word, *dates]
    where, more = _where(query, None)
    # The limit of -1 is none, but it keeps SQLite from dropping the order of a subquery.
    inner = " UNION ".join(lists) + intersected + " ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT -1"
    text = f"SELECT {columns} FROM ({inner}) AS candidate CROSS JOIN study ON study.id = candidate.study{where}"
    return Statement(text, (*values, *more))


def _newest_arrivals(query: Query, columns: str, expression: str) -> Statement:
    """The many studies with a piece of an identifier, the last that arrived first: FTS5 holds them in that order."""
    where, values = _where(query, None)
    inner = "SELECT rowid AS study FROM identifier WHERE identifier MATCH ? ORDER BY rowid DESC LIMIT -1"
    text = f"SELECT {columns} FROM ({inner}) AS candidate CROSS JOIN study ON study.id = candidate.study{where}"
    return Statement(text, (expression, *values))


def _where(query: Query, candidates: Candidates | None) -> tuple[str, tuple[str | int, ...]]:
    parts = [_condition(c, query.level) for c in query.conditions]
    if candidates is not None:
        parts.insert(0, _restriction(candidates, query.level))
    if not parts:
        return "", ()
    return " WHERE " + " AND ".join(p.text for p in parts), tuple(v for p in parts for v in p.values)


def _restriction(c: Candidates, level: Level) -> Statement:
    bounds, dates = between(_stored(c.first_date), _stored(c.last_date))
    text = (
        f"SELECT study FROM study_word WHERE word IN (SELECT value FROM json_each(?)){bounds}"
        " UNION ALL SELECT value FROM json_each(?)"
    )
    values = (json.dumps(c.words), *dates, json.dumps(c.studies))
    if level is Level.PATIENT:
        return Statement(f"patient.id IN (SELECT patient FROM study WHERE id IN ({text}))", values)
    return Statement(f"study.id IN ({text})", values)


# From a study or a series to what is below it.
_BELOW = {
    (Level.STUDY, Level.SERIES): "series WHERE series.study = study.id",
    (Level.STUDY, Level.INSTANCE): "series JOIN instance ON instance.series = series.id WHERE series.study = study.id",
    (Level.SERIES, Level.INSTANCE): "instance WHERE instance.series = series.id",
}


def _condition(c: Condition, level: Level) -> Statement:
    attributes = c.attributes if isinstance(c, Words | Combined) else (c.attribute,)
    below = [a for a in attributes if a.level > level]
    if not below:
        return _plain(c, level)
    if len(attributes) == 1 and (level, below[0].level) in _BELOW:
        # Modalities in Study and its like (PS3.4 C.3.4): some series of the study matches.
        inner = _plain(c, level)
        return Statement(f"EXISTS (SELECT 1 FROM {_BELOW[level, below[0].level]} AND {inner.text})", inner.values)
    raise QueryError(f"{below[0].keyword} is below the {level.name.lower()} level")


def _plain(c: Condition, level: Level) -> Statement:
    match c:
        case OneOf():
            return _one_of(c, level)
        case Wildcard():
            return _wildcard(c, level)
        case Range():
            return _range(c, level)
        case Combined():
            return _combined(c, level)
        case Words():
            parts = [_word(word, c.attributes, level) for word in c.words]
            text = " AND ".join(p.text for p in parts) or "1"
            return Statement(text, tuple(v for p in parts for v in p.values))


def _column(a: Attribute, level: Level, *, folded: bool = True) -> str:
    # The patient as named in a study stands in the study.
    table = "study" if a.level is Level.PATIENT and level is not Level.PATIENT else _TABLE[a.level]
    return f"{table}.{a.folded_column if folded and a.matching is Matching.NAME else a.column}"


def _for_comparison(a: Attribute, level: Level) -> str:
    """As with wildcards below, a plus where `candidates` knows better than SQLite whether a value is rare."""
    return f"+{_column(a, level)}" if a in LOOKED_UP else _column(a, level)


def _wildcard(c: Wildcard, level: Level) -> Statement:
    # GLOB tells case as PS3.4 C.2.2.2.4 does for all but names, which are folded on both sides.
    # The plus keeps SQLite from reading a whole range of an index only to sort it: `candidates` knows what is rare.
    plain = Statement(f"+{_column(c.attribute, level)} GLOB ?", (_glob(c),))
    return _or_group(c.attribute, c.pattern, plain, level)


def _or_group(a: Attribute, value: str, plain: Statement, level: Level) -> Statement:
    """A name of one component group also matches any single group of a stored name (PS3.5 6.2.1.2)."""
    if a.matching is not Matching.NAME or "=" in value:
        return plain
    raw = _column(a, level, folded=False)
    text = f"({plain.text} OR ({raw} GLOB '*=*' AND a_group_matches({raw}, ?)))"
    return Statement(text, (*plain.values, _stored(fold_pattern(value))))


def _one_of(c: OneOf, level: Level) -> Statement:
    column = _for_comparison(c.attribute, level)
    values: tuple[str | int, ...] = c.values
    if c.attribute.matching is Matching.NAME:
        values = tuple(fold(_short_enough(v)) for v in c.values)
        if len(values) == 1:
            return _or_group(c.attribute, c.values[0], Statement(f"{column} = ?", values), level)
    elif c.attribute.matching is Matching.NUMBER:
        values = tuple(_number(c.attribute, v) for v in c.values)
    else:
        values = tuple(_stored(v) for v in c.values)
    if len(values) == 1:
        return Statement(f"{column} = ?", values)
    # One bound value however long the list is: SQLite bounds their number, a list of UIDs may hold thousands.
    return Statement(f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(values),))


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
    return escape_glob(fold_pattern(pattern) if c.attribute.matching is Matching.NAME else pattern)


def _short_enough(pattern: str) -> str:
    if len(pattern) > LONGEST_PATTERN:
        raise QueryError(f"a pattern of {len(pattern)} characters; at most {LONGEST_PATTERN} are looked for")
    return _stored(pattern)


def _range(c: Range, level: Level) -> Statement:
    column = _for_comparison(c.attribute, level)
    first, last = _stored(c.first), _stored(c.last)
    if c.attribute.matching is Matching.TIME and last:
        last = _whole_unit(last)
    if first and last:
        return Statement(f"{column} BETWEEN ? AND ?", (first, last))
    if first:
        return Statement(f"{column} >= ?", (first,))
    return Statement(f"({column} <= ? AND {column} <> '')", (last,))


def _whole_unit(time: str) -> str:
    """PS3.4 C.2.2.2.5: 10 to 11 takes in all of the last unit given, so 115959.9 still is "11"."""
    return time + "\U0010ffff"


def _combined(c: Combined, level: Level) -> Statement:
    date, time = _column(c.date, level), _column(c.time, level)
    parts: list[str] = [f"{date} <> ''"]
    values: list[str] = []
    if c.first_date:
        parts.append(f"({date}, {time}) >= (?, ?)")
        values += [_stored(c.first_date), _stored(c.first_time)]
    if c.last_date:
        parts.append(f"({date}, {time}) <= (?, ?)")
        values += [_stored(c.last_date), _whole_unit(_stored(c.last_time))]
    return Statement(" AND ".join(parts), tuple(values))


def _word(word: str, attributes: Sequence[Attribute], level: Level) -> Statement:
    likes = " OR ".join(f"{_column(a, level)} LIKE ? ESCAPE '{_ESCAPE}'" for a in attributes)
    pattern = f"%{escape(_short_enough(word))}%"
    return Statement(f"({likes})", (pattern,) * len(attributes))


def _order(query: Query) -> str:
    own = f"{_TABLE[query.level]}.id"
    keys = [_order_key(o, query.level) for o in query.order]
    descending = bool(query.order) and query.order[0].descending
    return ", ".join([*keys, f"{own} DESC" if descending else own])


def _order_key(o: Order, level: Level) -> str:
    column = _column(o.attribute, level)
    # Without the value last: an empty text sorts before all others, so it is last by itself when descending.
    return f"{column} DESC" if o.descending else f"{column} = '', {column}"
