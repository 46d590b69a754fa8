"""Looking rare values up gives what comparing every study gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import candidates, lookups
from storage.attributes import ATTRIBUTES, Level, Matching
from storage.batch import Entry
from storage.header import Header, Value
from storage.index import Index
from storage.query import Condition, OneOf, Order, Query, Range, Wildcard, attribute

_PHYSICIANS = ("Nguyễn^An", "TRAN^THI^BINH", "Yamada^Tarou=山田^太郎", "", "O'Neil [x]")
_DESCRIPTIONS = ("CT ngực", "ct NGỰC", "X-quang [thẳng]", "", "100%_a")
_PLACES = ("Bệnh viện A", "Bệnh viện B", "")
_SEXES = ("M", "M", "F", "O", "")
_BIRTHS = ("", "19700101", "19700102", "20010228")
_NEWEST = (Order(attribute("StudyDate"), True), Order(attribute("StudyTime"), True))


def _entries() -> Iterator[Entry]:
    rng = random.Random(5)
    for n in range(150):
        values: dict[str, Value] = {a.column: None if a.matching is Matching.NUMBER else "" for a in ATTRIBUTES}
        values |= {
            "patient_name": f"P^{n % 7}", "patient_id": f"{rng.choice(('BN', 'bn', 'X['))}{rng.randrange(30)}",
            "accession_number": rng.choice(("", f"A{n}", f"a%{n}")), "study_date": f"202601{1 + n % 28:02}",
            "referring_physician_name": rng.choice(_PHYSICIANS), "study_description": rng.choice(_DESCRIPTIONS),
            "institution_name": rng.choice(_PLACES), "patient_birth_date": rng.choice(_BIRTHS),
            "patient_sex": rng.choice(_SEXES), "study_id": rng.choice(("", "1", f"S{n}", f"s[{n % 9}")),
            "study_instance_uid": f"1.2.{n}", "series_instance_uid": f"1.2.{n}.1", "sop_instance_uid": f"1.2.{n}.1.1",
            "sop_class_uid": "1.2.3", "modality": rng.choice(("CT", "MR")),
        }  # fmt: skip
        yield Entry(
            header=Header(MappingProxyType(values), None), transfer_syntax_uid="1.2.840.10008.1.2.1",
            received_on="2026/01/01", received_at="2026-01-01T00:00:00.000+00:00", size=1, dataset_offset=1,
            dataset_sha256=bytes(32),
        )  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = Index(tmp_path_factory.mktemp("index") / "index.sqlite3")
    opened.add_many(list(_entries()))
    yield opened
    opened.close()


def _a(keyword: str, texts: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    a = attribute(keyword)
    pieces = st.sampled_from([*texts, "an", "NGUY", "ực", "[", "A", "%", "?", "1", "山田"])
    patterns = st.lists(st.one_of(pieces, st.sampled_from("*?")), min_size=1, max_size=4).map("".join)
    return st.one_of(
        patterns.map(lambda p: Wildcard(a, p if "*" in p or "?" in p else f"{p}*")),
        st.lists(st.sampled_from([t for t in texts if t]), min_size=1, max_size=2).map(lambda v: OneOf(a, tuple(v))),
    )


def _births() -> st.SearchStrategy[Condition]:
    a, dates = attribute("PatientBirthDate"), st.sampled_from([*_BIRTHS, "1970", "20991231"])
    return st.one_of(
        st.tuples(dates, dates).filter(any).map(lambda d: Range(a, *d)),
        dates.filter(bool).map(lambda d: OneOf(a, (d,))),
    )


_CONDITIONS = st.one_of(
    _a("ReferringPhysicianName", _PHYSICIANS),
    _a("StudyDescription", _DESCRIPTIONS),
    _a("InstitutionName", _PLACES),
    _a("PatientSex", (*_SEXES, "X")),
    _a("StudyID", ("1", "S7", "s[3", "none")),
    _a("PatientID", ("BN1", "bn2", "X[3")),
    _a("AccessionNumber", ("A1", "a%2")),
    _births(),
    st.just(Wildcard(attribute("PatientName"), "p*")),
    st.just(OneOf(attribute("Modality"), ("CT",))),
)


@settings(max_examples=300, deadline=None)
@given(
    conditions=st.lists(_CONDITIONS, min_size=1, max_size=2),
    level=st.sampled_from([Level.STUDY, Level.SERIES]),
    few=st.sampled_from([0, 5, 5000]),
)
def test_the_same_studies_are_found_with_and_without_looking_up(
    index: Index, conditions: list[Condition], level: Level, few: int
) -> None:
    order = _NEWEST if level is Level.STUDY else ()
    query = Query(level, tuple(conditions), order)

    def found() -> list[str]:
        answers = index.studies(query) if level is Level.STUDY else index.series(query)
        return [one.study_instance_uid for one in answers]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "COLLECTED_STUDIES", few)
        looked_up, counted = found(), index.count(query)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "studies_of", lambda *_: None)
        compared = found()
    assert (looked_up if level is Level.STUDY else sorted(looked_up)) == (
        compared if level is Level.STUDY else sorted(compared)
    )
    assert counted == len(compared)


def test_too_many_distinct_values_are_not_compared(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    c = Wildcard(attribute("StudyDescription"), "*zzz*")
    connection = index._database.connection()
    assert lookups.studies_of(connection, c, 10) == ()
    monkeypatch.setattr(lookups, "MOST_VALUES", 2)
    assert lookups.studies_of(connection, c, 10) is None


@pytest.mark.parametrize(("keyword", "nobody"), [("PatientSex", "X"), ("StudyID", "none"), ("StudyID", "none*")])
def test_a_sex_or_study_id_that_nobody_has_is_known_at_once(index: Index, keyword: str, nobody: str) -> None:
    a = attribute(keyword)
    c = Wildcard(a, nobody) if "*" in nobody else OneOf(a, (nobody,))
    steps = 0

    def count() -> bool:
        nonlocal steps
        steps += 1
        return False

    connection = index._database.connection()
    connection.set_progress_handler(count, 1)
    assert index.studies(Query(Level.STUDY, (c,), _NEWEST)) == []
    connection.set_progress_handler(None, 0)
    assert steps < 300  # of SQLite's virtual machine; one study after the other takes some ten for each


def test_a_common_value_is_left_to_the_walk_by_date(index: Index) -> None:
    c = OneOf(attribute("StudyDescription"), ("CT ngực",))
    connection = index._database.connection()
    assert lookups.studies_of(connection, c, 5) is None
    assert len(lookups.studies_of(connection, c, 150) or ()) > 5
