"""Finding through words gives what comparing every study gives, in the order asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import candidates
from storage.attributes import ATTRIBUTES, Level, Matching
from storage.batch import Entry
from storage.header import Header, Value
from storage.index import Index
from storage.names import fold
from storage.query import Condition, OneOf, Order, Query, Range, Wildcard, Words, attribute

_NAMES = ("Nguyễn^Văn^Đức", "TRAN^THI^HOA", "Lê^Thị^Thu", "Thi^An", "Yamada^Tarou=山田^太郎", "", "O'Neil [x]", "A%_b")
_NEWEST = (Order(attribute("StudyDate"), True), Order(attribute("StudyTime"), True))


@dataclass(frozen=True)
class Row:
    uid: str
    name: str
    patient_id: str
    accession: str
    date: str
    modality: str


def _rows() -> list[Row]:
    rng = random.Random(3)
    return [
        Row(
            f"1.2.{n}",
            rng.choice(_NAMES),
            rng.choice(("BN", "bn", "X[", "")) + str(rng.randrange(40)),
            rng.choice(("A%_1", "A1", "", f"B{n}")),
            rng.choice(("", "20260101", "20260102", "20260203")),
            rng.choice(("CT", "MR", "US")),
        )
        for n in range(120)
    ]


ROWS = _rows()


def _entry(row: Row) -> Entry:
    values: dict[str, Value] = {a.column: None if a.matching is Matching.NUMBER else "" for a in ATTRIBUTES}
    values |= {
        "patient_name": row.name, "patient_id": row.patient_id, "accession_number": row.accession,
        "study_date": row.date, "modality": row.modality, "study_instance_uid": row.uid,
        "series_instance_uid": f"{row.uid}.1", "sop_instance_uid": f"{row.uid}.1.1",
    }  # fmt: skip
    return Entry(Header(MappingProxyType(values), None), "1.2.840.10008.1.2.1", "2026/01/01", "", 1, 0, b"")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = Index(tmp_path_factory.mktemp("index") / "index.sqlite3")
    opened.add_many(_entry(row) for row in ROWS)
    yield opened
    opened.close()


# ---- the same rules in Python, compared with every row


def _is_like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _holds(row: Row, c: Condition) -> bool:
    match c:
        case Wildcard(a, pattern) if a.keyword == "PatientName":
            folded = "*".join("?".join(fold(p) for p in part.split("?")) for part in pattern.split("*"))
            return any(_is_like(fold(group), folded) for group in (row.name, *row.name.split("=")))
        case Wildcard(a, pattern):
            return _is_like(row.patient_id if a.keyword == "PatientID" else row.accession, pattern)
        case OneOf(a, values) if a.keyword == "PatientName":
            return fold(values[0]) in {fold(group) for group in (row.name, *row.name.split("="))}
        case OneOf(_, values):
            return row.modality in values
        case Range(_, first, last):
            return bool(row.date) and first <= row.date and (not last or row.date <= last)
        case Words(_, words):
            texts = (fold(row.name), row.patient_id.lower(), row.accession.lower())
            return all(any(word in text for text in texts) for word in words)
    raise AssertionError(c)


_PIECE = st.sampled_from(
    (
        "thi",
        "t",
        "h",
        "nguyen",
        "van duc",
        "Đức",
        "山",
        "tarou",
        "[",
        "%",
        "_",
        "'",
        "x]",
        "an",
        "zz",
        "a%",
        "N",
        "^",
        "=",
    )
)
_PATTERN = st.lists(st.one_of(_PIECE, st.sampled_from("*?")), min_size=1, max_size=5).map("".join)
_ID = st.sampled_from(("B", "BN", "bn", "N1", "1", "12", "BN1", "X[", "%", "A%_", "zz9", "")).flatmap(
    lambda piece: st.sampled_from((f"{piece}*", f"*{piece}", f"*{piece}*", f"?{piece}*", f"{piece}?"))
)


@st.composite
def conditions(draw: st.DrawFn) -> tuple[Condition, ...]:
    name, identifiers = attribute("PatientName"), (attribute("PatientID"), attribute("AccessionNumber"))
    kinds: tuple[st.SearchStrategy[Condition], ...] = (
        _PATTERN.filter(lambda p: bool(p.strip("*"))).map(lambda p: Wildcard(name, p)),
        st.sampled_from([n for n in _NAMES if n]).map(lambda n: OneOf(name, (n.upper(),))),
        _ID.map(lambda p: Wildcard(identifiers[0], p)),
        _ID.map(lambda p: Wildcard(identifiers[1], p)),
        st.sampled_from((("CT",), ("CT", "MR"), ("PT",))).map(lambda v: OneOf(attribute("Modality"), v)),
        st.sampled_from((("20260101", "20260102"), ("", "20260101"), ("20260102", ""))).map(
            lambda r: Range(attribute("StudyDate"), *r)
        ),
        st.lists(st.sampled_from(("thi", "duc", "bn1", "n1", "1", "a%", "zz", "b1", "'")), min_size=1, max_size=3).map(
            lambda w: Words((name, *identifiers), tuple(w))
        ),
    )
    return tuple(draw(st.lists(st.one_of(*kinds), max_size=3)))


@pytest.mark.parametrize(("merged", "collected"), [(64, 5000), (0, 5000), (64, 3), (0, 0)])
def test_what_is_found_is_what_matches(
    index: Index, merged: int, collected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every way to begin: lists merged, studies collected, walked."""
    monkeypatch.setattr(candidates, "MERGED_WORDS", merged)
    monkeypatch.setattr(candidates, "COLLECTED_STUDIES", collected)

    @settings(max_examples=150, deadline=None)
    @given(conditions(), st.booleans())
    def check(wanted: tuple[Condition, ...], any_order: bool) -> None:
        query = Query(Level.STUDY, wanted, _NEWEST, any_order=any_order)
        found = [str(a.values["StudyInstanceUID"]) for a in index.find(query, ["StudyInstanceUID"], Path())]
        matching = [row for row in ROWS if all(_holds(row, c) for c in wanted)]
        assert sorted(found) == sorted(row.uid for row in matching)
        assert index.count(query) == len(matching)
        if not any_order:
            arrived = {row.uid: n for n, row in enumerate(ROWS)}
            assert found == [r.uid for r in sorted(matching, key=lambda r: (r.date, arrived[r.uid]), reverse=True)]
            page = Query(Level.STUDY, wanted, _NEWEST, limit=5, offset=3)
            assert [s.study_instance_uid for s in index.studies(page)] == found[3:8]

    check()


def test_each_word_of_a_pattern_is_looked_for_where_it_has_to_stand() -> None:
    first, anywhere = candidates.Kind.FIRST, candidates.Kind.NAME
    assert candidates.name_patterns("nguyen*") == [(first, "nguyen*")]
    assert candidates.name_patterns("*thi*") == [(anywhere, "*thi*")]
    assert candidates.name_patterns("tran thi h*") == [(first, "tran"), (anywhere, "thi"), (anywhere, "h*")]
    assert candidates.name_patterns("*n?a") == [(anywhere, "*n*"), (anywhere, "*a")]
