"""Queries in the database against the same rules written in Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.attributes import ATTRIBUTES, BY_KEYWORD, Level, Matching
from storage.errors import QueryError
from storage.index import Index
from storage.names import fold
from storage.query import Condition, OneOf, Order, Query, Range, Wildcard, Words
from storage.sql import escape, select
from tests.support.entries import entry

NASTY = [
    "", "a", "A", "abc", "ABC", "a%b", "axb", "a_b", "a\\b", "a'b", 'a"b', "a[b", "a[b]", "a]b", "a*b", "a?b", "aab",
    "a-b", "a^b", "[a]", "%", "_", "\\", "'", "';--", "Đức", "đức", "duc", "山田", "😀", "a\nb", " a", "a b",
    "a\ufffdb", "%%", "[!a]",
]  # fmt: skip
ID, NAME, DATE, TIME = (BY_KEYWORD[k] for k in ("PatientID", "PatientName", "StudyDate", "StudyTime"))
DATES = ["", "20251231", "20260101", "20260115", "20260131", "20260201"]
TIMES = ["", "10", "1000", "100000", "105959.999999", "110000", "115959", "120000"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """One study of each nasty value, as ID and as name, with dates and times dealt out."""
    opened = Index(tmp_path_factory.mktemp("sql") / "index.sqlite3")
    opened.add_many(
        entry(n, PatientID=value, PatientName=value, AccessionNumber=value, StudyInstanceUID=f"1.{n}",
              StudyDate=DATES[n % len(DATES)], StudyTime=TIMES[n % len(TIMES)], SeriesNumber=n)
        for n, value in enumerate(NASTY)
    )  # fmt: skip
    yield opened
    opened.close()


def found(index: Index, *conditions: Condition) -> list[str]:
    return sorted(s.patient_id for s in index.studies(Query(Level.STUDY, conditions)))


def glob(pattern: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in pattern) + r"\Z", re.DOTALL)


_VALUES = st.one_of(st.sampled_from(NASTY), st.text(max_size=6))
_PATTERNS = st.lists(st.sampled_from("*?abA[]%_\\'!-^Đ😀"), max_size=5).map("".join)


@settings(max_examples=300)
@given(_VALUES)
@example("a\0b")
@example("\0")
def test_a_single_value_is_matched_literally(index: Index, value: str) -> None:
    expected = sorted(v for v in NASTY if v == value.replace("\0", "\ufffd"))
    assert found(index, OneOf(ID, (value,))) == expected
    assert found(index, OneOf(ID, (value, "abc"))) == sorted({*expected, "abc"})


@settings(max_examples=300)
@given(_PATTERNS)
@example("a[b*")
def test_wildcards_are_star_and_question_mark_and_nothing_else(index: Index, pattern: str) -> None:
    expected = glob(pattern)
    assert found(index, Wildcard(ID, pattern)) == sorted(v for v in NASTY if expected.match(v))


@settings(max_examples=200)
@given(_VALUES)
def test_names_are_matched_folded(index: Index, value: str) -> None:
    folded = fold(value.replace("\0", "\ufffd"))
    assert found(index, OneOf(NAME, (value,))) == sorted(v for v in NASTY if fold(v) == folded)


@pytest.mark.parametrize("pattern", ["D*", "đ?c", "*C", "A*B", "a?b", "[*"])
def test_wildcards_in_names_are_matched_folded(index: Index, pattern: str) -> None:
    expected = glob(pattern.lower().replace("đ", "d"))
    assert found(index, Wildcard(NAME, pattern)) == sorted(v for v in NASTY if expected.match(fold(v)))


@given(st.sampled_from([*DATES[1:], "20260110", "2026"]), st.sampled_from([*DATES[1:], "20260120", "9"]))
def test_ranges_of_dates_take_in_both_ends_and_no_empty_value(index: Index, first: str, last: str) -> None:
    dates = {value: DATES[n % len(DATES)] for n, value in enumerate(NASTY)}
    for low, high in ((first, last), (first, ""), ("", last)):
        expected = [v for v, date in dates.items() if date and (not low or date >= low) and (not high or date <= high)]
        assert found(index, Range(DATE, low, high)) == sorted(expected)


def test_a_range_of_times_takes_in_all_of_its_last_unit(index: Index) -> None:
    times = {s.patient_id: s.study_time for s in index.studies(Query(Level.STUDY))}
    for first, last, expected in (
        ("10", "10", {"10", "1000", "100000", "105959.999999"}),
        ("", "1059", {"10", "1000", "100000", "105959.999999"}),
        ("11", "", {"110000", "115959", "120000"}),
    ):
        assert found(index, Range(TIME, first, last)) == sorted(v for v, t in times.items() if t in expected)


@given(st.lists(st.sampled_from(sorted({w for v in NASTY for w in fold(v).split()})), max_size=3))
def test_words_are_pieces_of_any_of_the_attributes(index: Index, words: list[str]) -> None:
    expected = [v for v in NASTY if all(w in fold(v) or w.lower() in v.lower() for w in words)]
    assert found(index, Words((NAME, ID), tuple(words))) == sorted(expected)


def test_a_list_of_any_length_is_one_question(index: Index) -> None:
    uids = tuple(f"1.{n}" for n in range(100_000))
    assert index.count(Query(Level.STUDY, (OneOf(BY_KEYWORD["StudyInstanceUID"], uids),))) == len(NASTY)
    assert found(index, OneOf(ID, ())) == []


def test_numbers_are_numbers(index: Index) -> None:
    number = BY_KEYWORD["SeriesNumber"]
    assert [s.series_number for s in index.series(Query(Level.SERIES, (OneOf(number, ("07", "8")),)))] == [7, 8]
    for value in ("", "x", "1.5", "9" * 19, "-" + "9" * 30):
        with pytest.raises(QueryError, match="SeriesNumber"):
            index.series(Query(Level.SERIES, (OneOf(number, (value,)),)))


def test_a_pattern_without_end_is_refused(index: Index) -> None:
    for c in (Wildcard(ID, "*a" * 30_000), Words((ID,), ("x" * 60_000,))):
        with pytest.raises(QueryError, match="at most"):
            found(index, c)


def test_paging_is_stable_and_whole(index: Index) -> None:
    for order in ((), (Order(DATE),), (Order(DATE, True), Order(NAME)), (Order(NAME, True),)):
        everything = index.studies(Query(Level.STUDY, (), order))
        for size in (1, 7, 100):
            pages = [
                s for at in range(0, len(NASTY), size) for s in index.studies(Query(Level.STUDY, (), order, size, at))
            ]
            assert pages == everything
        assert len({s.study_instance_uid for s in everything}) == len(NASTY)


def test_what_lacks_the_value_comes_last_either_way(index: Index) -> None:
    for descending in (False, True):
        dates = [s.study_date for s in index.studies(Query(Level.STUDY, (), (Order(DATE, descending),)))]
        assert [d for d in dates if d] == sorted((d for d in dates if d), reverse=descending)
        assert "" not in dates[: len([d for d in dates if d])]


def test_lower_levels_are_asked_through_exists_or_refused(index: Index) -> None:
    modality = OneOf(BY_KEYWORD["Modality"], ("CT",))
    assert index.count(Query(Level.STUDY, (modality,))) == len(NASTY)
    with pytest.raises(QueryError, match="below"):
        index.count(Query(Level.STUDY, (Words((ID, BY_KEYWORD["Modality"]), ("ct",)),)))


def test_every_attribute_can_be_asked_for_at_its_level(index: Index, tmp_path: Path) -> None:
    for a in ATTRIBUTES:
        level = max(a.level, Level.STUDY)
        conditions: list[Condition] = [OneOf(a, ("1",))]
        if a.matching in (Matching.TEXT, Matching.NAME):
            conditions += [Wildcard(a, "1*"), Words((a,), ("1",))]
        if a.matching in (Matching.DATE, Matching.TIME):
            conditions += [Range(a, "1", "2")]
        for c in conditions:
            index.count(Query(level, (c,), (Order(a),)))


@given(st.text(max_size=10))
def test_no_value_becomes_text_of_the_statement(value: str) -> None:
    for c in (OneOf(ID, (value,)), Wildcard(ID, value), Words((ID,), (value,)), Range(DATE, value or "1", value)):
        mark = f"§{value}§"
        statement = select(Query(Level.STUDY, (OneOf(ID, (mark,)), c)), "study.*")
        assert mark not in statement.text
        assert statement.text.count("?") == len(statement.values)


def test_escape_takes_the_meaning_from_wildcards() -> None:
    assert escape(r"50%_\x") == r"50\%\_\\x"
