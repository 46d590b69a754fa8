"""The index: group commit, conflicts, counts."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage import index as index_module
from storage.attributes import BY_KEYWORD, Level
from storage.batch import Entry
from storage.errors import IndexFailed, InvalidObject, NotFound, OutOfSpace, StorageError
from storage.index import Index
from storage.query import OneOf, Query
from tests.support.entries import entry


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index(tmp_path / "index.sqlite3")
    yield opened
    opened.close()


def add_from_threads(index: Index, entries: list[Entry]) -> list[bool | BaseException]:
    """Add each entry in a thread of its own while the writer is held up, so that one commit takes them all."""
    outcomes: list[bool | BaseException] = [False] * len(entries)

    def add(n: int) -> None:
        try:
            outcomes[n] = index.add(entries[n])
        except BaseException as e:  # whatever it is, the test looks at it
            outcomes[n] = e

    threads = [threading.Thread(target=add, args=(n,)) for n in range(len(entries))]
    with index._commit_lock:
        for thread in threads:
            thread.start()
        while len(index._pending) < len(entries):
            pass
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return outcomes


def test_many_senders_share_one_commit(index: Index) -> None:
    before = index.revision()
    assert add_from_threads(index, [entry(n) for n in range(20)]) == [True] * 20
    assert index.totals() == (1, 1, 20, 20_000)
    assert index.revision() > before
    assert len({s.revision for s in index.studies(Query(Level.STUDY))}) == 1


def test_one_of_twins_in_a_commit_is_new(index: Index) -> None:
    outcomes = add_from_threads(index, [entry(1) for _ in range(8)])
    assert sorted(map(bool, outcomes)) == [False] * 7 + [True]
    assert index.totals()[2] == 1


@pytest.mark.parametrize("value", [10**20, "\ud800"])
def test_an_entry_that_cannot_be_held_harms_no_other(index: Index, value: int | str) -> None:
    bad = (
        entry(99, InstanceNumber=value)
        if isinstance(value, int)
        else entry(99, StationName=value, SeriesInstanceUID="1.9")
    )
    outcomes = add_from_threads(index, [entry(1), bad, entry(2)])
    assert [outcomes[0], outcomes[2]] == [True, True]
    assert isinstance(outcomes[1], InvalidObject)
    assert index.totals() == (1, 1, 2, 2000)
    assert index.add(entry(3))


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (sqlite3.OperationalError("disk I/O error"), IndexFailed),
        (sqlite3.DatabaseError("database disk image is malformed"), IndexFailed),
        (sqlite3.IntegrityError("UNIQUE constraint failed"), IndexFailed),
        (OutOfSpace("full"), OutOfSpace),
    ],
)
def test_a_failing_commit_is_told_to_all_and_the_next_one_works(
    index: Index, monkeypatch: pytest.MonkeyPatch, failure: Exception, expected: type[StorageError]
) -> None:
    original = index_module.transaction

    @contextmanager
    def failing(connection: sqlite3.Connection) -> Iterator[None]:
        with original(connection):
            yield
            raise failure

    monkeypatch.setattr(index_module, "transaction", failing)
    outcomes = add_from_threads(index, [entry(n) for n in range(5)])
    assert {type(o) for o in outcomes} == {expected}
    monkeypatch.undo()
    assert index.totals() == (0, 0, 0, 0)
    assert index.add(entry(1))


def test_whatever_is_raised_leaves_nobody_waiting(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(BaseException):
        pass

    def odd(entries: list[Entry]) -> list[bool]:
        raise Odd

    monkeypatch.setattr(index, "_write", odd)
    outcomes = add_from_threads(index, [entry(n) for n in range(5)])
    assert {type(o) for o in outcomes} == {Odd, IndexFailed}
    monkeypatch.undo()
    assert index.add(entry(1))


def test_more_than_a_batch_is_more_than_one_commit(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "MAX_BATCH", 4)
    assert add_from_threads(index, [entry(n) for n in range(30)]) == [True] * 30
    assert index.totals()[2] == 30


def test_reading_from_a_damaged_index_is_an_error_of_the_archive(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index._database.connection().execute("DROP TABLE mark")
    with pytest.raises(IndexFailed, match="cannot read the index: no such table"):
        index.mark("x")


def test_counts_and_bytes_of_parents(index: Index) -> None:
    index.add_many([entry(1, size=1), entry(2, size=2), entry(3, size=4, SeriesInstanceUID="1.2.3.2", Modality="SR")])
    index.add_many([entry(4, size=8), entry(1, size=99)])
    (study,) = index.studies(Query(Level.STUDY))
    assert (study.number_of_series, study.number_of_instances, study.modalities) == (2, 4, ("CT", "SR"))
    assert [s.number_of_instances for s in index.series(Query(Level.SERIES))] == [3, 1]
    assert index.totals() == (1, 2, 4, 15)


def test_one_series_uid_in_two_studies_is_two_series(index: Index) -> None:
    index.add_many([entry(1), entry(2, StudyInstanceUID="1.9")])
    assert index.totals() == (2, 2, 2, 2000)


def test_relocating_changes_place_and_bytes(index: Index, tmp_path: Path) -> None:
    index.add(entry(1, size=10))
    index.relocate(entry(1, day="2026/02/01", size=7))
    instance = index.instance("1.2.3.1.1", tmp_path)
    assert (instance.size, instance.path.parts[-6:-3]) == (7, ("2026", "02", "01"))
    assert index.totals()[3] == 7


def test_patients_are_told_apart_by_id_and_issuer_whatever_these_hold(index: Index) -> None:
    pairs = [("A", "B"), ("A\\B", ""), ("A", "\\B"), ("A B", ""), ("A", ""), ("", "A"), ("1 A", ""), ("study 1.4", "")]
    for n, (patient_id, issuer) in enumerate(pairs):
        index.add(
            entry(n, StudyInstanceUID=f"1.{n}", PatientID=patient_id, IssuerOfPatientID=issuer, PatientName=f"N{n}")
        )
    assert index.patient_conflicts(100, 0) == []


def test_a_third_study_under_a_disputed_identity_is_flagged_too(index: Index) -> None:
    for n, name in enumerate(["A", "B", "A"]):
        index.add(entry(n, StudyInstanceUID=f"1.{n}", PatientID="1", PatientName=name))
    assert [s.in_conflict for s in index.studies(Query(Level.STUDY))] == [True] * 3


def test_a_value_that_the_first_study_lacked_is_compared_from_then_on(index: Index) -> None:
    for n, (name, born) in enumerate([("", ""), ("A", ""), ("A", "19700101"), ("B", "19700102")]):
        index.add(entry(n, StudyInstanceUID=f"1.{n}", PatientID="1", PatientName=name, PatientBirthDate=born))
    conflicts = {c.keyword: c.values for c in index.patient_conflicts(10, 0)}
    assert conflicts == {"PatientName": ("A", "B"), "PatientBirthDate": ("19700101", "19700102")}


def test_another_patient_id_within_one_study_is_a_conflict(index: Index) -> None:
    index.add_many([entry(1, PatientID="1", PatientName="A"), entry(2, PatientID="2", PatientName="B")])
    assert {c.keyword for c in index.patient_conflicts(10, 0)} == {"PatientName", "PatientID"}


def test_two_first_objects_of_one_patient_at_once_are_one_patient(index: Index) -> None:
    add_from_threads(index, [entry(n, StudyInstanceUID=f"1.{n}", PatientID="P") for n in range(10)])
    rows = index._database.connection().execute("SELECT count(*) FROM patient").fetchone()
    assert rows[0] == 1


def test_what_was_received_lately_is_found_whatever_the_order_of_rows(index: Index, tmp_path: Path) -> None:
    index.add_many([entry(1, day="2026/02/01"), entry(2, day="2026/02/02"), entry(3, day="2025/12/31")])
    found = [i.instance_number for i in index.received_since("2026/02/01", tmp_path)]
    assert found == [1, 2]


def test_walking_in_pieces_meets_everything_once(index: Index, tmp_path: Path) -> None:
    index.add_many(entry(n) for n in range(25))
    seen: list[str] = []
    after = 0
    while piece := index.walk(after, 10, tmp_path):
        seen += [i.sop_instance_uid for _, i in piece]
        after = piece[-1][0]
    assert seen == [f"1.2.3.1.{n}" for n in range(25)]
    assert index.rows_up_to(after) == 25


def test_a_checkpoint_that_a_reader_stops_is_not_done_and_keeps_no_writer_waiting(index: Index, tmp_path: Path) -> None:
    index.add(entry(1))
    reader = index._database.open()
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM study").fetchone()
    index.add(entry(2))
    other = Index(tmp_path / "index.sqlite3")  # as in another process
    done: list[bool] = []
    keeper = threading.Thread(target=lambda: done.append(index.checkpoint()))
    began = time.monotonic()
    keeper.start()
    time.sleep(0.1)
    assert other.add(entry(3))
    assert index.add(entry(4))
    keeper.join(60)
    assert done == [False]
    assert time.monotonic() - began < 25  # it was 30, with a workstation that reads its answers slowly
    reader.execute("COMMIT")
    assert index.checkpoint()
    other.close()


def test_a_checkpoint_outlives_a_reader_of_a_moment(index: Index) -> None:
    index.add(entry(1))
    reader = index._database.open()
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM study").fetchone()
    index.add(entry(2))
    end = threading.Timer(0.05, reader.execute, ("COMMIT",))
    end.start()
    assert index.checkpoint()
    end.join()


def test_revisions_rise_over_a_rebuild(index: Index, tmp_path: Path) -> None:
    for n in range(5):
        index.add(entry(n))
    rebuilt = Index(tmp_path / "other.sqlite3")
    rebuilt.add_many(entry(n) for n in range(5))
    assert rebuilt.revision() >= index.revision()
    rebuilt.close()


def test_an_unknown_instance_is_not_found(index: Index, tmp_path: Path) -> None:
    index.add(entry(1))
    for uid in ("", "1.2.3.1", "1.2.3.1.1\0", "%", "x" * 10_000):
        with pytest.raises(NotFound):
            index.instance(uid, tmp_path)
    assert index.count(Query(Level.INSTANCE, (OneOf(BY_KEYWORD["SOPInstanceUID"], ("1.2.3.1.1",)),))) == 1
