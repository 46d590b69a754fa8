"""One object on its way in: every step may fail, and anyone may come at the same time."""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from storage import files
from storage import index as index_module
from storage.archive import Archive
from storage.attributes import Level
from storage.errors import ClassMismatch, DuplicateConflict, InvalidObject, OutOfSpace, StorageError, WriteFailed
from storage.incoming import Announced, Incoming
from storage.index import Index
from storage.model import Outcome, Source, Stored
from storage.query import Query
from storage.recovery import recover
from tests.support.faults import FAILURES, Disk
from tests.support.objects import INSTANCE, ct, encode, files_below, store

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


def whole(archive: Archive) -> None:
    """Files and index tell the same, and nothing is left on the way."""
    known = {i.path for _, i in archive.index.walk(0, 10_000, archive.data)}
    assert known == set(files_below(archive.data / "archive"))
    assert files_below(archive.data / "incoming") == []
    assert len(files_below(archive.data / "quarantine")) == 2 * archive.quarantined_count()


@pytest.mark.parametrize("code", FAILURES)
@pytest.mark.parametrize(
    ("call", "where"),
    [
        ("write", "incoming"),
        ("pwrite", "incoming"),
        ("fdatasync", "incoming"),
        ("mkdir", "archive"),
        ("fsync", "archive"),
        ("rename", "archive"),
    ],
)
def test_whatever_the_disk_refuses_nothing_is_half_kept_and_the_next_one_works(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, call: str, where: str, code: int
) -> None:
    store(archive, ct(SOPInstanceUID="1.5", StudyInstanceUID="1.6"))
    disk = Disk(monkeypatch)
    disk.fail(call, code, where=where)
    with pytest.raises(OutOfSpace if code == errno.ENOSPC else WriteFailed):
        store(archive, ct())
    assert disk.failed
    disk.heal()
    whole(archive)
    assert archive.count(Query(Level.INSTANCE)) == 1
    assert store(archive, ct()).outcome is Outcome.STORED
    whole(archive)


def test_a_folder_that_cannot_be_synced_after_the_move_takes_the_object_back(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(archive, ct(SOPInstanceUID="1.5"))  # the folders are there and synced
    disk = Disk(monkeypatch)
    disk.fail("fsync", errno.EIO, where="archive")
    with pytest.raises(WriteFailed):
        store(archive, ct())
    disk.heal()
    whole(archive)


@pytest.mark.parametrize(
    "failure", [sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("malformed"), OutOfSpace("full")]
)
def test_an_object_that_the_index_refuses_is_not_kept(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    original = index_module.transaction

    @contextmanager
    def failing(connection: sqlite3.Connection) -> Iterator[None]:
        with original(connection):
            yield
            raise failure

    monkeypatch.setattr(index_module, "transaction", failing)
    with pytest.raises((WriteFailed, OutOfSpace)):
        store(archive, ct())
    monkeypatch.undo()
    whole(archive)
    assert store(archive, ct()).outcome is Outcome.STORED


def test_an_index_that_cannot_even_be_read_keeps_the_file_for_the_next_start(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[sqlite3.Row]:
        raise index_module.IndexFailed("cannot read the index")

    placed = archive.files.place

    def place(*args: object) -> None:
        placed(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(archive.index, "_rows", broken)
        monkeypatch.setattr(archive.index, "_write", broken)

    monkeypatch.setattr(archive.files, "place", place)
    with pytest.raises(WriteFailed):
        store(archive, ct())
    monkeypatch.undo()
    assert archive.count(Query(Level.INSTANCE)) == 0
    assert recover(archive).indexed == 1
    whole(archive)


def test_where_even_taking_back_fails_a_whole_file_stays_for_the_next_start(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store(archive, ct(SOPInstanceUID="1.5"))
    disk = Disk(monkeypatch)
    disk.fail("fsync", errno.EIO, where="archive")
    disk.fail("unlink", errno.EIO, where=INSTANCE)
    with pytest.raises(WriteFailed):
        store(archive, ct())
    disk.heal()
    assert "cannot take back" in caplog.text
    assert recover(archive).indexed == 1
    whole(archive)


# ---- twins: what happens between the look, the move and the index


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[object, str, Callable[[], object]], None]:
    """Let something happen once, just before a method is called."""

    def hook(holder: object, name: str, happen: Callable[[], object]) -> None:
        original = getattr(holder, name)

        def call(*args: object, **kwargs: object) -> object:
            monkeypatch.setattr(holder, name, original)
            happen()
            return original(*args, **kwargs)

        monkeypatch.setattr(holder, name, call)

    return hook


def test_a_twin_that_meets_the_file_before_it_is_indexed(archive: Archive, between: Callable[..., None]) -> None:
    """Both are told that it is kept, so it has to be: the first one must not take the only file away."""
    outcomes: list[Outcome] = []
    between(archive.index, "add", lambda: outcomes.append(store(archive, ct()).outcome))
    outcomes.append(store(archive, ct()).outcome)
    assert outcomes == [Outcome.ALREADY_STORED, Outcome.ALREADY_STORED]
    assert archive.instance(INSTANCE).path.exists()
    whole(archive)


def test_a_twin_that_finds_the_lost_file_back_in_its_place_answers_for_it_too(
    archive: Archive, between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever put it back may not have synced the folder yet, so the twin does before it says that it is kept."""
    store(archive, ct())
    archive.instance(INSTANCE).path.unlink()
    disk = Disk(monkeypatch)

    def twin() -> None:
        assert store(archive, ct()).outcome is Outcome.STORED
        disk.fail("fsync", errno.EIO, where="archive")

    between(archive.files, "place", twin)
    with pytest.raises(WriteFailed):
        store(archive, ct())
    disk.heal()
    assert store(archive, ct()).outcome is Outcome.ALREADY_STORED
    whole(archive)


def test_a_twin_indexed_elsewhere_between_the_look_and_the_move(
    archive: Archive, between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def yesterday() -> None:
        from storage import incoming

        with monkeypatch.context() as m:
            m.setattr(incoming, "relative_path", lambda day, *uids: original("2026/01/01", *uids))
            m.setattr(Incoming, "_entry", lambda self, header, day: entry(self, header, "2026/01/01"))
            store(archive, ct())

    from storage.rows import relative_path as original

    entry = Incoming._entry
    between(archive.files, "place", yesterday)
    assert store(archive, ct()).outcome is Outcome.ALREADY_STORED
    assert archive.instance(INSTANCE).path.parts[-6:-3] == ("2026", "01", "01")
    whole(archive)


def test_another_content_under_the_uid_between_the_look_and_the_move(
    archive: Archive, between: Callable[..., None]
) -> None:
    between(archive.files, "place", lambda: store(archive, ct()))
    with pytest.raises(DuplicateConflict, match="stays"):
        store(archive, ct(PixelData=bytes(128)))
    assert archive.instance(INSTANCE).path.read_bytes().endswith(bytes(ct().PixelData))
    assert [q.reason for q in archive.quarantined(9)] == ["conflict"]
    whole(archive)


def test_another_content_in_another_study_between_the_look_and_the_move(
    archive: Archive, between: Callable[..., None]
) -> None:
    between(archive.files, "place", lambda: store(archive, ct(StudyInstanceUID="1.9")))
    with pytest.raises(DuplicateConflict, match="stays"):
        store(archive, ct())
    assert archive.instance(INSTANCE).study_instance_uid == "1.9"
    whole(archive)


def test_a_twin_whose_file_is_taken_back_while_it_is_met(
    archive: Archive, between: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one's commit fails just when the second one meets its file: the second one stores its own."""
    failed = threading.Event()
    outcomes: list[object] = []
    original = Index.add

    def add(self: Index, entry: object) -> bool:
        if not failed.is_set():
            failed.set()
            second.start()
            second.join(0.2)  # it meets the file, and waits for nobody or for us
            raise WriteFailed("the first commit fails")
        return original(self, entry)  # type: ignore[arg-type]

    def run() -> None:
        outcomes.append(store(archive, ct()).outcome)

    second = threading.Thread(target=run)
    monkeypatch.setattr(Index, "add", add)
    with pytest.raises(WriteFailed):
        store(archive, ct())
    second.join(20)
    assert len(outcomes) == 1
    assert archive.instance(INSTANCE).path.exists()
    whole(archive)


def test_recovery_that_comes_between_placing_and_indexing(archive: Archive, between: Callable[..., None]) -> None:
    between(archive.index, "add", lambda: recover(archive))
    assert store(archive, ct()).outcome is Outcome.ALREADY_STORED
    whole(archive)


def test_a_file_that_comes_and_goes_is_refused_in_the_end(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: object) -> None:
        raise FileExistsError

    monkeypatch.setattr(archive.files, "place", taken)
    with pytest.raises(WriteFailed, match="send it again"):
        store(archive, ct())
    monkeypatch.undo()
    whole(archive)


@pytest.mark.parametrize("senders", [2, 12])
def test_many_threads_with_the_same_and_with_other_objects(archive: Archive, senders: int) -> None:
    start = threading.Barrier(senders)
    outcomes: list[Stored | StorageError] = []

    def send(n: int) -> None:
        start.wait(20)
        for i in range(6):
            try:
                outcomes.append(store(archive, ct(SOPInstanceUID=f"1.5.{i}")))
                outcomes.append(store(archive, ct(SOPInstanceUID=f"1.6.{n}.{i}")))
            except StorageError as e:
                outcomes.append(e)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(isinstance(o, Stored) for o in outcomes), outcomes
    assert archive.count(Query(Level.INSTANCE)) == 6 + senders * 6
    assert archive.quarantined_count() == 0
    whole(archive)


# ---- what is announced, sizes, space


@pytest.mark.parametrize("pad", ["", " ", "\0"])
def test_padding_of_what_is_announced_does_not_count(archive: Archive, pad: str) -> None:
    assert store(archive, encode(ct()), sop_instance_uid=INSTANCE + pad).outcome is Outcome.STORED


@pytest.mark.parametrize("uid", ["1" * 100_000, "é", "1.2\0.3", "../x"])
def test_no_announced_uid_can_do_more_than_mismatch(archive: Archive, uid: str) -> None:
    with pytest.raises(ClassMismatch):
        store(archive, encode(ct()), sop_instance_uid=uid)
    whole(archive)


@pytest.mark.parametrize("syntax", ["", "x", "1.2/3", "\0"])
def test_a_transfer_syntax_that_is_no_uid_is_refused(archive: Archive, syntax: str) -> None:
    with pytest.raises(InvalidObject, match="transfer syntax"):
        store(archive, encode(ct()), transfer_syntax_uid=syntax)
    whole(archive)


def test_what_is_too_large_is_refused_before_it_is_written(archive: Archive) -> None:
    object.__setattr__(archive.settings, "maximum_object_bytes", 100)
    with pytest.raises(OutOfSpace, match="larger than 100 bytes"):
        store(archive, ct())
    whole(archive)


def test_a_large_object_stops_at_the_free_space_mark(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage import incoming

    monkeypatch.setattr(incoming, "_LOOK_AT_SPACE_EVERY", 1000)
    with archive.receive(Announced(CT, INSTANCE, EXPLICIT), Source()) as i:
        i.write(bytes(1500))
        monkeypatch.setattr(files.FileStore, "free_bytes", lambda self: -1)
        i.write(bytes(900))
        with pytest.raises(OutOfSpace, match="bytes are free"):
            i.write(bytes(200))
    whole(archive)


def test_the_time_of_receipt_is_that_of_the_file(archive: Archive) -> None:
    from datetime import UTC, datetime

    store(archive, ct())
    written = archive.instance(INSTANCE).path.stat().st_mtime
    (study,) = archive.studies(Query(Level.STUDY))
    assert study.received_at == datetime.fromtimestamp(written, UTC).isoformat(timespec="milliseconds")
