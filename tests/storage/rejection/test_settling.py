"""The truth is in the files: what was cut off is finished, and an index made anew hides the same."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from storage.archive import Archive
from storage.errors import IndexFailed, NotFound
from storage.recovery import recover
from storage.rejection import Reason, Target
from storage.rejection.folders import FOLDER
from storage.verify import reindex, verify
from tests.support.objects import STUDY
from tests.support.rejecting import reopened, seen, unreadable


def test_a_rejection_survives_a_reindex(filled: Archive) -> None:
    identifier = filled.rejections.reject(Target(STUDY, f"{STUDY}.1"), Reason.QUALITY, "admin").identifier
    before = seen(filled)
    filled.close()
    list(reindex(filled.data))
    with reopened(filled) as again:
        assert seen(again) == before
        assert [f for step in verify(again) for f in step.findings] == []
        again.rejections.restore(identifier)
        assert again.health().instances == 5


def test_an_index_that_was_not_told_learns_of_it_at_the_next_start(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "hide", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    with reopened(filled) as again:
        assert again.health().studies == 2
        recover(again)
        assert again.health().studies == 1
        recover(again)
        assert again.rejections.count() == 1


def test_a_restore_that_was_cut_is_finished_at_the_next_start(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    before = seen(filled)
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "unhide", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            filled.rejections.restore(identifier)
    with reopened(filled) as again:
        recover(again)
        assert seen(again) == before


def test_an_old_mark_makes_recovery_look_at_rejected_files_and_leave_them(filled: Archive) -> None:
    filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    filled.index.set_mark("indexed until", "0.0")
    recovered = recover(filled)
    assert (recovered.indexed, recovered.quarantined) == (0, 0)
    assert filled.health().studies == 1


def test_a_folder_that_lost_its_list_is_said_and_harms_nobody(filled: Archive) -> None:
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    (filled.data / FOLDER / identifier / "facts.json").write_text("{")
    with pytest.raises(NotFound):
        filled.rejections.get(identifier)
    shutil.rmtree(filled.data / FOLDER / identifier)
    recover(filled)
    assert filled.health().studies == 2


def test_a_rejection_that_was_cut_is_finished_before_the_next_one(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(filled)
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "hide", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    with pytest.raises(NotFound):
        filled.rejections.reject(Target(STUDY), Reason.PATIENT_SAFETY, "admin")
    (rejection,) = filled.rejections.page(10)
    assert rejection.reason is Reason.QUALITY
    filled.rejections.restore(rejection.identifier)
    assert seen(filled) == before


def test_a_rejection_of_which_was_told_that_it_failed_does_not_come_later(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(filled)
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "hide", lambda *_: (_ for _ in ()).throw(IndexFailed("busy")))
        with pytest.raises(IndexFailed):
            filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    assert filled.rejections.count() == 0
    with reopened(filled) as again:
        recover(again)
        assert seen(again) == before


def test_a_cut_restore_whose_file_cannot_be_read_is_tried_again_at_the_next_start(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen(filled)
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    (filled.data / FOLDER / identifier).rename(filled.data / FOLDER / f".{identifier}")
    with monkeypatch.context() as patch:
        patch.setattr("storage.rejection.settling.entry_of", unreadable)
        recover(filled)
    assert filled.health().studies == 1
    recover(filled)
    assert seen(filled) == before


def test_an_archive_starts_when_somebody_took_the_whole_folder_away(filled: Archive) -> None:
    before = seen(filled)
    filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    shutil.rmtree(filled.data / FOLDER)
    recover(filled)
    assert seen(filled) == before


@pytest.mark.parametrize("text", ["null", "[]", "{}", '{"instances": [["1.2.3"]]}'])
def test_a_list_of_another_form_is_a_damaged_one(filled: Archive, text: str) -> None:
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    (filled.data / FOLDER / identifier / "facts.json").write_text(text)
    with pytest.raises(NotFound):
        filled.rejections.get(identifier)
    assert filled.rejections.page(10) == []
    assert filled.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1)) == []
    filled.close()
    list(reindex(filled.data))
    with reopened(filled) as again:
        assert again.health().studies == 2
