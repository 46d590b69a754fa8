"""Files and index compared both ways, and the index made anew."""

from __future__ import annotations

import re
import shutil
import time
from itertools import islice
from pathlib import Path

import pytest

from storage import verify as verify_module
from storage.archive import INDEX_NAME, Archive
from storage.attributes import Level
from storage.errors import IndexFailed, WriteFailed
from storage.index import Index
from storage.model import Instance
from storage.query import Query
from storage.recovery import Recovered, recover
from storage.settings import ArchiveSettings
from storage.verify import Fault, Finding, reindex, verify
from tests.support.objects import INSTANCE, ct, files_below, store


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "_PIECE", 4)
    monkeypatch.setattr(verify_module, "_ON_THE_WAY_SECONDS", 0.05)


def fill(archive: Archive, n: int, *, apart: float = 0.0) -> None:
    for i in range(n):
        time.sleep(apart)
        uids = {"StudyInstanceUID": f"1.{i % 3}", "SeriesInstanceUID": f"1.{i % 3}.{i % 2}"}
        store(archive, ct(**uids, SOPInstanceUID=f"1.5.{n - i}", PatientID=f"P{i % 3}", InstanceNumber=i))


def findings(archive: Archive, *, resume: bool = True) -> list[Finding]:
    return [f for step in verify(archive, resume=resume) for f in step.findings]


def rows(archive: Archive) -> list[Instance]:
    return [i for _, i in archive.index.walk(0, 10_000, archive.data)]


def test_a_sound_archive_has_no_findings_and_progress_ends_at_all(archive: Archive) -> None:
    assert findings(archive) == []
    fill(archive, 10)
    steps = list(verify(archive))
    assert [s.done for s in steps][:3] == [4, 8, 10]
    assert {s.total for s in steps} == {10}
    assert not any(s.findings for s in steps)


def test_each_fault_is_found_and_nothing_is_changed(archive: Archive) -> None:
    fill(archive, 6)
    paths = {i.sop_instance_uid: i.path for i in rows(archive)}
    paths["1.5.1"].unlink()
    data = bytearray(paths["1.5.2"].read_bytes())
    data[-1] ^= 1
    paths["1.5.2"].write_bytes(data)
    paths["1.5.3"].write_bytes(b"")
    stray = paths["1.5.4"].with_name("1.9.dcm")
    shutil.copy(paths["1.5.4"], stray)
    before = {p: p.read_bytes() for p in files_below(archive.data / "archive")}
    expected = {
        Finding(Fault.MISSING, "1.5.1", paths["1.5.1"]),
        Finding(Fault.CHANGED, "1.5.2", paths["1.5.2"]),
        Finding(Fault.UNREADABLE, "1.5.3", paths["1.5.3"]),
        Finding(Fault.UNKNOWN, "1.9", stray),
    }
    for _ in range(2):
        found = findings(archive)
        assert set(found) == expected
        assert len(found) == 4
    assert {p: p.read_bytes() for p in files_below(archive.data / "archive")} == before


def test_an_interrupted_run_goes_on_where_it_stopped(archive: Archive) -> None:
    fill(archive, 10)
    list(islice(verify(archive), 1))
    assert [s.done for s in verify(archive)][:2] == [8, 10]
    list(islice(verify(archive), 1))
    assert [s.done for s in verify(archive, resume=False)][:3] == [4, 8, 10]


def test_a_file_on_its_way_into_the_index_is_no_finding(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(archive, 3)
    late = archive.instance("1.5.1")
    known = verify_module._is_known
    asked: list[Path] = []

    def slow(opened: Archive, path: Path) -> bool:
        asked.append(path)
        return asked.count(path) > 1 if path == late.path else known(opened, path)

    monkeypatch.setattr(verify_module, "_is_known", slow)
    assert findings(archive) == []
    assert asked.count(late.path) == 2


def close_and_reindex(archive: Archive) -> tuple[int, tuple[tuple[Path, str], ...]]:
    archive.index.close()
    *_, last = reindex(archive.data)
    return last.indexed, last.failed


def test_a_rebuilt_index_is_as_the_old_one_was(archive: Archive) -> None:
    fill(archive, 23, apart=0.01)  # a file system's clock ticks every few milliseconds
    before = rows(archive), archive.studies(Query(Level.STUDY)), archive.index.totals(), archive.patient_conflicts(9)
    revision = archive.revision()
    assert close_and_reindex(archive) == (23, ())
    with Archive.open(archive.settings) as again:
        after = rows(again), again.studies(Query(Level.STUDY)), again.index.totals(), again.patient_conflicts(9)
        assert _without_revisions(after) == _without_revisions(before)
        assert again.revision() >= revision
        assert float(again.index.mark("indexed until") or 0) > 0  # so that the next start reads not all files again
        assert recover(again) == Recovered(0, 0, 0, ())
    assert [p.name for p in archive.data.iterdir() if ".new" in p.name and not p.name.endswith(".turn")] == []


def _without_revisions(told: tuple[object, ...]) -> str:
    return re.sub(r"revision=\d+", "", repr(told))


def test_damaged_files_and_second_copies_are_told_with_their_reasons(archive: Archive) -> None:
    fill(archive, 5)
    paths = {i.sop_instance_uid: i.path for i in rows(archive)}
    paths["1.5.1"].write_bytes(b"")
    copy = archive.data / "archive" / "2020" / "01" / "01" / Path(*paths["1.5.2"].parts[-3:])
    copy.parent.mkdir(parents=True)
    shutil.copy(paths["1.5.2"], copy)
    wrong = paths["1.5.3"].with_name("1.9.dcm")
    shutil.copy(paths["1.5.3"], wrong)
    indexed, failed = close_and_reindex(archive)
    assert indexed == 4
    assert {path: reason[:20] for path, reason in failed} == {
        paths["1.5.1"]: "not a DICOM file: th",
        paths["1.5.2"]: "another file of the ",  # the copy of the earlier day came first
        wrong: "the file stands at t",
    }
    with Archive.open(archive.settings) as again:
        assert again.instance("1.5.2").path == copy


def test_garbage_in_the_place_of_the_index_is_replaced(archive: Archive) -> None:
    store(archive, ct())
    archive.index.close()
    for suffix in ("", "-wal", "-shm"):
        (archive.data / f"{INDEX_NAME}{suffix}").write_bytes(b"garbage" * 1000)
    assert close_and_reindex(archive) == (1, ())
    with Archive.open(archive.settings) as again:
        assert again.instance(INSTANCE).path.exists()


def test_a_rebuild_that_fails_leaves_the_old_index(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(archive, 9)

    def fail(*_: object) -> list[bool]:
        raise IndexFailed("cannot write the index")

    monkeypatch.setattr(Index, "add_many", fail)
    with pytest.raises(IndexFailed):
        list(reindex(archive.data))
    monkeypatch.undo()
    assert len(rows(archive)) == 9


def test_a_stop_in_the_middle_of_the_exchange_is_healed_by_the_next_start(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(archive, 9)
    before = {i.sop_instance_uid for i in rows(archive)}
    archive.index.close()

    def stop(self: Path, target: Path) -> None:
        raise OSError(5, "stopped here")

    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(WriteFailed, match="cannot put the new index"):
        list(reindex(archive.data))
    monkeypatch.undo()
    with Archive.open(archive.settings) as again:
        assert recover(again).indexed == 9
        assert {i.sop_instance_uid for i in rows(again)} == before
    *_, last = reindex(archive.data)
    assert last.indexed == 9


def test_an_empty_archive_is_rebuilt_too(tmp_path: Path) -> None:
    settings = ArchiveSettings(tmp_path / "data")
    Archive.open(settings).close()
    *_, last = reindex(settings.data)
    assert (last.indexed, last.failed) == (0, ())
    with Archive.open(settings) as again:
        assert again.count(Query(Level.STUDY)) == 0
