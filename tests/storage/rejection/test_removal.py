"""Rejected objects removed for good: when their time is over, nothing else with them, whatever fails on the way."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.errors import AlreadyExists, WriteFailed
from storage.model import Outcome
from storage.recovery import recover
from storage.rejection import Reason, Target
from storage.rejection.folders import FOLDER
from tests.support.objects import STUDY, ct, store
from tests.support.rejecting import OTHER, reopened


def test_after_the_retention_time_files_and_rows_are_gone(filled: Archive) -> None:
    kept = filled.instance(f"{OTHER}.1.1").path
    paths = [i.path for uid in (1, 2) for i in filled.instances(f"{STUDY}.{uid}")]
    filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    assert filled.rejections.remove_older_than(datetime.now(UTC) - timedelta(days=1)) == []
    (removed,) = filled.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
    assert removed.target == Target(STUDY)
    assert not any(path.exists() for path in paths)
    assert not paths[0].parent.parent.exists()
    assert kept.exists()
    assert filled.rejections.count() == 0
    sent = ct(SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=f"{STUDY}.1.1")
    assert store(filled, sent).outcome is Outcome.STORED


def test_a_removal_that_failed_goes_on_and_is_not_restored(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    later = datetime.now(UTC) + timedelta(days=1)
    unlink = Path.unlink

    def fail_once(path: Path, missing_ok: bool = False) -> None:
        if path.name.endswith(".2.2.dcm"):
            raise OSError(5, "Input/output error")
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail_once)
        with pytest.raises(WriteFailed):
            filled.rejections.remove_older_than(later)
    assert filled.rejections.get(identifier).is_being_removed
    with pytest.raises(AlreadyExists, match="too late"):
        filled.rejections.restore(identifier)
    filled.rejections.remove_older_than(later)
    assert filled.rejections.count() == 0


def test_what_a_rejection_only_names_is_not_removed_with_it(filled: Archive) -> None:
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    shutil.copytree(filled.data / FOLDER / identifier, filled.data / FOLDER / "20200101T000000000000Z-00000000")
    filled.rejections.restore(identifier)
    filled.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
    assert filled.rejections.count() == 0
    assert all(i.path.exists() for n in (1, 2) for i in filled.instances(f"{STUDY}.{n}"))
    assert filled.study(STUDY).number_of_instances == 4


def test_a_damaged_list_keeps_no_other_rejection_from_being_seen_or_removed(filled: Archive) -> None:
    damaged = filled.rejections.reject(Target(STUDY, f"{STUDY}.1"), Reason.QUALITY, "admin").identifier
    other = filled.rejections.reject(Target(STUDY, f"{STUDY}.2"), Reason.QUALITY, "admin").identifier
    (filled.data / FOLDER / damaged / "facts.json").write_text("{")
    assert [one.identifier for one in filled.rejections.page(10)] == [other]
    removed = filled.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
    assert [one.identifier for one in removed] == [other]
    assert filled.rejections.count() == 1


def test_a_removal_that_was_cut_at_its_end_hides_nothing_that_comes_later(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "forget", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            filled.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
    with reopened(filled) as again:
        recover(again)
        assert again.index.hidden() == set()
        sent = ct(SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=f"{STUDY}.1.1")
        assert store(again, sent).outcome is Outcome.STORED
        recover(again)
        again.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
        assert again.is_intact(again.instance(f"{STUDY}.1.1"))


def test_one_that_cannot_be_removed_keeps_no_other_from_going(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = filled.rejections.reject(Target(STUDY, f"{STUDY}.1"), Reason.QUALITY, "admin").identifier
    filled.rejections.reject(Target(STUDY, f"{STUDY}.2"), Reason.QUALITY, "admin")
    unlink = Path.unlink

    def fail(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == f"{STUDY}.1":
            raise OSError(1, "Operation not permitted")
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
        with pytest.raises(WriteFailed, match="not permitted"):
            filled.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
    assert [one.identifier for one in filled.rejections.page(10)] == [stuck]
