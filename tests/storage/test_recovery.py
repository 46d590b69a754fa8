"""After a stop of any kind."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
import time
from datetime import datetime
from pathlib import Path

import pytest

from storage import recovery, walk
from storage.archive import INDEX_NAME, Archive
from storage.attributes import Level
from storage.errors import IndexFailed, OutOfSpace
from storage.index import Index
from storage.model import Instance
from storage.query import Query
from storage.recovery import Recovered, advance_mark, recover
from storage.settings import ArchiveSettings
from tests.support.faults import Disk
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, files_below, store

DAY = 86_400


def all_instances(archive: Archive) -> list[Instance]:
    return [i for _, i in archive.index.walk(0, 10_000, archive.data)]


def forget(archive: Archive, *uids: str) -> None:
    """Let the index lose rows, as a power cut or a kill before the commit does."""
    with sqlite3.connect(archive.data / INDEX_NAME) as db:
        for uid in uids:
            db.execute("DELETE FROM instance WHERE sop_instance_uid = ?", (uid,))
    db.close()


def move_to_day(archive: Archive, day: str, *, age: float) -> Path:
    """Put the one object of the archive into the folder of another day, as old as that."""
    (path,) = files_below(archive.data / "archive")
    target = archive.data / "archive" / day / Path(*path.parts[-3:])
    target.parent.mkdir(parents=True)
    path.rename(target)
    then = time.time() - age
    os.utime(target.parent, (then, then))
    return target


def test_nothing_to_do_is_nothing_done(archive: Archive) -> None:
    assert recover(archive) == Recovered(0, 0, 0, ())
    store(archive, ct())
    before = all_instances(archive)
    assert recover(archive) == Recovered(0, 0, 0, ())
    assert all_instances(archive) == before


def test_a_file_that_the_index_missed_is_indexed_as_it_would_have_been(archive: Archive) -> None:
    store(archive, ct())
    before = all_instances(archive)
    study = archive.study(STUDY)
    archive.index.close()
    for name in (INDEX_NAME, f"{INDEX_NAME}-wal", f"{INDEX_NAME}-shm"):
        (archive.data / name).unlink(missing_ok=True)
    with Archive.open(archive.settings) as again:
        assert recover(again) == Recovered(0, 1, 0, ())
        assert all_instances(again) == before
        assert again.study(STUDY).received_at == study.received_at
        assert recover(again).indexed == 0


def test_a_study_over_two_days_is_one_study_after_recovery_too(archive: Archive) -> None:
    store(archive, ct(SOPInstanceUID="1.1"))
    forget(archive, "1.1")
    first = move_to_day(archive, "2026/01/01", age=0)
    store(archive, ct(SOPInstanceUID="1.2"))
    forget(archive, "1.2")
    assert recover(archive).indexed == 2
    assert {i.path for i in archive.instances(SERIES)} == {first, *files_below(archive.data / "archive")}
    assert archive.count(Query(Level.STUDY)) == 1


def test_only_folders_touched_since_the_mark_are_listed(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for study in range(3):
        for series in range(3):
            uids = {"StudyInstanceUID": f"1.{study}", "SeriesInstanceUID": f"1.{study}.{series}"}
            store(archive, ct(**uids, SOPInstanceUID=f"1.{study}.{series}.1"))
    assert recover(archive).indexed == 0
    long_ago = time.time() - 2 * recovery.MARGIN_SECONDS
    for folder in (archive.data / "archive").glob("*/*/*/*/*"):
        os.utime(folder, (long_ago, long_ago))
    archive.index.set_mark(recovery._MARK, repr(time.time()))
    store(archive, ct(StudyInstanceUID="1.0", SeriesInstanceUID="1.0.0", SOPInstanceUID="1.0.0.2"))
    forget(archive, "1.0.0.2")
    listed: list[str] = []
    files_of = walk.files_of

    def counted(series: Path) -> list[tuple[Path, os.stat_result]]:
        listed.append(series.name)
        return files_of(series)

    monkeypatch.setattr(walk, "files_of", counted)
    assert recover(archive).indexed == 1
    assert listed == ["1.0.0"]


def test_folders_of_old_days_are_not_even_looked_into(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    store(archive, ct())
    forget(archive, INSTANCE)
    old = move_to_day(archive, "2020/01/01", age=0)
    archive.index.set_mark(recovery._MARK, repr(time.time()))
    looked: list[str] = []
    series_of = walk.series_of
    monkeypatch.setattr(walk, "series_of", lambda day: looked.append(day.name) or series_of(day))  # type: ignore[func-returns-value]
    assert recover(archive).indexed == 0
    assert str(old.parent.parent.parent) not in looked
    assert "2020" not in "".join(str(p) for p in looked)


def test_the_day_before_is_looked_into_since_the_zone_may_have_changed(archive: Archive) -> None:
    store(archive, ct())
    forget(archive, INSTANCE)
    yesterday = datetime.fromtimestamp(time.time() - DAY).strftime("%Y/%m/%d")
    move_to_day(archive, yesterday, age=0)
    archive.index.set_mark(recovery._MARK, repr(time.time()))
    assert recover(archive).indexed == 1


def test_a_mark_from_the_future_is_not_believed(archive: Archive) -> None:
    store(archive, ct())
    forget(archive, INSTANCE)
    archive.index.set_mark(recovery._MARK, repr(time.time() + 30 * DAY))
    assert recover(archive).indexed == 1


def test_the_mark_advances_only_when_the_index_is_on_the_disk(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert advance_mark(archive)
    mark = archive.index.mark(recovery._MARK)
    monkeypatch.setattr(Index, "checkpoint", lambda self: False)
    assert not advance_mark(archive)
    recover(archive)
    assert archive.index.mark(recovery._MARK) == mark

    def full(self: Index) -> bool:
        raise OutOfSpace("full")

    monkeypatch.setattr(Index, "checkpoint", full)
    assert not advance_mark(archive)  # whoever calls this each minute must not end because of it
    monkeypatch.undo()
    assert advance_mark(archive)
    assert archive.index.mark(recovery._MARK) != mark


def test_rows_whose_files_are_gone_are_reported(archive: Archive) -> None:
    store(archive, ct(SOPInstanceUID="1.1"))
    store(archive, ct(SOPInstanceUID="1.2"))
    archive.instance("1.1").path.unlink()
    assert recover(archive).missing == ("1.1",)
    assert archive.count(Query(Level.INSTANCE)) == 2


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda b: b[:-3], "truncated"),
        (lambda b: b[:-3] + b"abc", "hash differs"),
        (lambda b: b"", "prefix"),
        (lambda b: b[:200], "cut off|truncated"),
    ],
)
def test_a_damaged_file_goes_to_quarantine(archive: Archive, damage: object, reason: str) -> None:
    store(archive, ct())
    forget(archive, INSTANCE)
    (path,) = files_below(archive.data / "archive")
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert recover(archive).quarantined == 1
    (kept,) = archive.quarantined(9)
    assert re.search(reason, kept.detail)
    assert files_below(archive.data / "archive") == []
    assert recover(archive) == Recovered(0, 0, 0, ())


def test_a_file_at_the_place_of_another_goes_to_quarantine(archive: Archive) -> None:
    store(archive, ct())
    path = archive.instance(INSTANCE).path
    shutil.copy(path, path.with_name("1.9.dcm"))
    assert recover(archive).quarantined == 1
    assert "place of another object" in archive.quarantined(1)[0].detail
    assert path.exists()


def test_of_two_copies_one_stays_and_never_none(archive: Archive) -> None:
    store(archive, ct())
    path = archive.instance(INSTANCE).path
    copy = archive.data / "archive" / "2026" / "01" / "01" / Path(*path.parts[-3:])
    copy.parent.mkdir(parents=True)
    shutil.copy(path, copy)
    archive.index.set_mark(recovery._MARK, "0")
    recover(archive)
    assert files_below(archive.data / "archive") == [path]
    # Now the row points at nothing, and the copy is all there is.
    copy.parent.mkdir(parents=True, exist_ok=True)
    path.rename(copy)
    archive.index.set_mark(recovery._MARK, "0")
    assert recover(archive).missing == ()
    assert archive.instance(INSTANCE).path == copy
    assert copy.exists()


def test_other_content_under_a_known_uid_goes_to_quarantine(archive: Archive, tmp_path: Path) -> None:
    store(archive, ct())
    with Archive.open(ArchiveSettings(tmp_path / "other", minimum_free_bytes=0)) as other:
        store(other, ct(PixelData=bytes(128), StudyInstanceUID="1.7"))
        shutil.copytree(other.data / "archive", archive.data / "archive", dirs_exist_ok=True)
    assert recover(archive).quarantined == 1
    assert [q.reason for q in archive.quarantined(9)] == ["conflict"]
    assert archive.instance(INSTANCE).path.exists()


def test_a_row_whose_file_has_another_header_than_it_says_is_brought_in_line(archive: Archive) -> None:
    store(archive, ct())
    with sqlite3.connect(archive.data / INDEX_NAME) as db:
        db.execute("UPDATE instance SET size = 1, dataset_offset = 1")
    db.close()
    assert recover(archive).indexed == 1
    instance = archive.instance(INSTANCE)
    assert instance.size == instance.path.stat().st_size
    assert instance.dataset_offset > 300


def test_one_bad_sector_does_not_keep_the_archive_down(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for uid in ("1.1", "1.2", "1.3"):
        store(archive, ct(SOPInstanceUID=uid))
    forget(archive, "1.1", "1.2", "1.3")
    mark = archive.index.mark(recovery._MARK)
    disk = Disk(monkeypatch)
    disk.fail("pread", errno.EIO, where="1.2.dcm")
    assert recover(archive).indexed == 2
    assert "1.2.dcm: cannot read 1.2.dcm" in caplog.text
    assert archive.index.mark(recovery._MARK) == mark
    disk.heal()
    assert recover(archive).indexed == 1


def test_an_index_that_cannot_be_written_stops_a_start(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    store(archive, ct())
    forget(archive, INSTANCE)

    def broken(*_: object) -> bool:
        raise IndexFailed("cannot write the index")

    monkeypatch.setattr(archive.index, "add", broken)
    with pytest.raises(IndexFailed):
        recover(archive)
    monkeypatch.undo()
    assert recover(archive).indexed == 1


def test_what_lies_about_is_passed_over(archive: Archive) -> None:
    store(archive, ct())
    root = archive.data / "archive"
    (root / "note.txt").write_text("")
    (root / "2026").mkdir(exist_ok=True)
    (root / "2026" / "note.txt").write_text("")
    path = archive.instance(INSTANCE).path
    (path.parents[1] / "note.txt").write_text("")
    (path.parent / "folder").mkdir()
    (path.parent / "link.dcm").symlink_to("/nowhere")
    (path.parents[1] / "loop").symlink_to(path.parents[1])
    assert recover(archive) == Recovered(0, 0, 0, ())


def test_a_file_that_vanishes_meanwhile_is_passed_over(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    store(archive, ct())
    forget(archive, INSTANCE)
    (path,) = files_below(archive.data / "archive")
    original = recovery.adopt
    monkeypatch.setattr(recovery, "adopt", lambda a, p: path.unlink() or original(a, p))  # type: ignore[func-returns-value]
    assert recover(archive) == Recovered(0, 0, 0, ())
