"""Totals: at once where that is cheap, aside where everything is counted, never twice in a row for nothing."""

from __future__ import annotations

import time

import pytest

from storage.archive import Archive
from storage.attributes import BY_KEYWORD, Level
from storage.query import Query, Range, condition
from tests.support.objects import ct, store
from viewer.dicomweb import totals
from viewer.dicomweb.totals import Totals


def _named(name: str) -> Query:
    found = condition("PatientName", name)
    assert found is not None
    return Query(Level.STUDY, (found,))


@pytest.fixture
def stored(archive: Archive) -> Archive:
    for n in range(3):
        store(archive, ct(StudyInstanceUID=f"1.{n}", SeriesInstanceUID=f"1.{n}.1", SOPInstanceUID=f"1.{n}.1.1"))
    return archive


def test_what_is_cheap_is_counted_at_once(stored: Archive) -> None:
    counts = Totals(stored)
    assert counts.of(Query(Level.STUDY)) == 3
    assert counts.of(_named("nguyen*")) == 3
    assert counts.of(_named("nobody")) == 0


def test_a_count_stops_in_time(stored: Archive) -> None:
    with stored.index._database.connection() as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
            " INSERT INTO study (study_instance_uid, study_date, patient_name) SELECT i, '20260101', 'a b' FROM n"
        )
    dated = Query(Level.STUDY, (Range(BY_KEYWORD["StudyDate"], "20250101", ""),))
    assert stored.count_within(dated, 0.0) is None
    assert stored.count_within(Query(Level.STUDY), 0.0) is None
    assert stored.count_within(Query(Level.STUDY), 30.0) == 49_994
    assert stored.count(Query(Level.STUDY)) == 49_994  # nothing is left that would stop the next one


def test_what_takes_long_is_counted_aside_and_not_tried_again(stored: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Query, float]] = []

    def count(query: Query, seconds: float) -> int | None:
        asked.append((query, seconds))
        return 3 if seconds == totals.ASIDE_SECONDS else None

    monkeypatch.setattr(stored, "count_within", count)
    counts = Totals(stored)
    counts.of(Query(Level.STUDY))
    end = time.monotonic() + 20
    while counts.of(Query(Level.STUDY)) is None and time.monotonic() < end:
        time.sleep(0.01)
    assert counts.of(Query(Level.STUDY)) == 3
    assert [seconds for _, seconds in asked] == [totals.COUNT_SECONDS, totals.ASIDE_SECONDS]
    assert counts.of(_named("a*")) is None
    assert counts.of(_named("a*")) is None
    assert len(asked) == 3
