"""Rejected objects: found by nobody, restored whole, removed after a while; whatever stops in between."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread

from storage.archive import Archive
from storage.attributes import Level
from storage.batch import Entry
from storage.entries import entry_of
from storage.errors import (
    AlreadyExists,
    DuplicateConflict,
    IndexFailed,
    NotFound,
    Rejected,
    UnsafeUID,
    WriteFailed,
)
from storage.model import Outcome
from storage.query import Query, condition
from storage.recovery import recover
from storage.rejection import Reason, Target
from storage.rejection.rejections import FOLDER
from storage.settings import ArchiveSettings
from storage.verify import reindex, verify
from tests.support.objects import STUDY, ct, store

OTHER = "1.2.826.0.1.3680043.10.999.2"


def _fill(archive: Archive) -> None:
    """A study of two series (CT, MR) with two instances each, and another study of the same patient."""
    for series, modality in ((1, "CT"), (2, "MR")):
        for number in (1, 2):
            uid = f"{STUDY}.{series}"
            store(archive, ct(SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{number}", Modality=modality))
    store(archive, ct(StudyInstanceUID=OTHER, SeriesInstanceUID=f"{OTHER}.1", SOPInstanceUID=f"{OTHER}.1.1"))


@pytest.fixture
def filled(archive: Archive) -> Archive:
    _fill(archive)
    return archive


def _seen(archive: Archive) -> dict[str, object]:
    """Everything that queries of all levels tell, but for revisions."""
    words = Query(Level.STUDY, tuple(c for c in (condition("PatientName", "*duc*"),) if c))
    levels = {level.name: [a.values for a in archive.find(Query(level), _KEYS[level])] for level in Level}
    by_modality = {m: archive.count(Query(Level.STUDY, (condition("Modality", m),))) for m in ("CT", "MR")}  # type: ignore[arg-type]
    health = archive.health()
    return {
        **{name: sorted(map(str, found)) for name, found in levels.items()},
        "named": sorted(s.study_instance_uid for s in archive.studies(words)),
        "modalities": by_modality,
        "totals": (health.studies, health.series, health.instances, health.stored_bytes),
        "conflicts": archive.patient_conflicts(10),
    }


_KEYS = {
    Level.PATIENT: ("PatientID", "NumberOfPatientRelatedInstances"),
    Level.STUDY: ("StudyInstanceUID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"),
    Level.SERIES: ("SeriesInstanceUID", "NumberOfSeriesRelatedInstances"),
    Level.INSTANCE: ("SOPInstanceUID",),
}


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (Target(STUDY), (1, 1, 1)),
        (Target(STUDY, f"{STUDY}.2"), (2, 2, 3)),
        (Target(STUDY, f"{STUDY}.1", f"{STUDY}.1.2"), (2, 3, 4)),
    ],
)
def test_what_is_rejected_is_found_by_nobody_and_comes_back_as_it_was(
    filled: Archive, target: Target, left: tuple[int, int, int]
) -> None:
    before, revision = _seen(filled), filled.revision()
    rejection = filled.rejections.reject(target, Reason.QUALITY, "admin", "motion")
    health = filled.health()
    assert (health.studies, health.series, health.instances) == left
    assert rejection.instances == 5 - left[2]
    assert filled.revision() > revision
    uid = target.sop_instance_uid or f"{target.series_instance_uid or STUDY + '.1'}.1"
    with pytest.raises(Rejected):
        filled.instance(uid)
    assert uid not in str(_seen(filled)["INSTANCE"])
    middle = filled.revision()
    filled.rejections.restore(rejection.identifier)
    assert _seen(filled) == before
    assert filled.revision() > middle
    assert filled.is_intact(filled.instance(uid))
    assert filled.rejections.count() == 0


def test_when_a_study_goes_is_known_also_of_the_last_one(filled: Archive) -> None:
    seen = [filled.revision()]
    assert filled.removed_at() == 0
    filled.rejections.reject(Target(STUDY, f"{STUDY}.1"), Reason.QUALITY, "admin")
    assert filled.removed_at() == 0  # its row tells what is left of it
    for study in (STUDY, OTHER):
        seen.append(filled.revision())
        rejection = filled.rejections.reject(Target(study), Reason.QUALITY, "admin")
        assert filled.removed_at() == filled.revision() > seen[-1]
    seen.append(filled.revision())
    filled.rejections.restore(rejection.identifier)
    assert filled.revision() > seen[-1]
    assert seen == sorted(seen)


def test_a_study_that_is_gone_is_not_found(filled: Archive) -> None:
    filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    with pytest.raises(NotFound):
        filled.study(STUDY)
    with pytest.raises(NotFound):
        filled.series(STUDY)
    assert filled.instances(f"{STUDY}.1") == []
    assert filled.count(Query(Level.STUDY, (condition("PatientID", "BN001"),))) == 1  # type: ignore[arg-type]


def test_the_files_stay_for_whoever_reads_them(filled: Archive) -> None:
    instance = filled.instance(f"{STUDY}.1.1")
    with instance.path.open("rb") as f:
        filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
        assert f.read(132)[128:] == b"DICM"
    assert instance.path.exists()


def test_the_last_patient_goes_with_the_last_study(archive: Archive) -> None:
    store(archive, ct())
    identifier = archive.rejections.reject(Target(STUDY), Reason.PATIENT_SAFETY, "admin").identifier
    assert archive.count(Query(Level.PATIENT)) == 0
    revision = archive.revision()
    archive.rejections.restore(identifier)
    assert archive.count(Query(Level.PATIENT)) == 1
    assert archive.revision() > revision


def test_a_conflict_goes_with_the_study_that_made_it(archive: Archive) -> None:
    _fill(archive)
    third = f"{OTHER}.9"
    wrong = ct(StudyInstanceUID=third, SeriesInstanceUID=f"{third}.1", SOPInstanceUID=f"{third}.1.1")
    wrong.PatientName = "Someone^Else"
    store(archive, wrong)
    assert archive.study(OTHER).in_conflict
    rejection = archive.rejections.reject(Target(third), Reason.WRONG_WORKLIST_ENTRY, "admin")
    assert not archive.study(OTHER).in_conflict
    assert archive.patient_conflicts(10) == []
    archive.rejections.restore(rejection.identifier)
    assert archive.study(OTHER).in_conflict


def test_numbers_of_rows_that_are_gone_do_no_harm_to_those_that_take_them(archive: Archive) -> None:
    store(archive, ct())
    archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    new = ct(StudyInstanceUID=OTHER, SeriesInstanceUID=f"{OTHER}.1", SOPInstanceUID=f"{OTHER}.1.1")
    new.PatientName, new.PatientID, new.AccessionNumber, new.Modality = "Lê^Hoa", "BN777", "X9", "US"
    store(archive, new)
    for keyword, value, count in (
        ("PatientName", "*duc*", 0), ("PatientName", "*hoa*", 1), ("PatientID", "*N00*", 0), ("PatientID", "*N77*", 1),
        ("Modality", "CT", 0), ("Modality", "US", 1),
    ):  # fmt: skip
        assert archive.count(Query(Level.STUDY, (condition(keyword, value),))) == count  # type: ignore[arg-type]


def test_the_note_is_a_key_object_selection_of_what_was_rejected(filled: Archive) -> None:
    rejection = filled.rejections.reject(Target(STUDY, f"{STUDY}.2"), Reason.PATIENT_SAFETY, "Trần Bình", "wrong side")
    note = dcmread(rejection.note)
    assert (note.Modality, note.SOPClassUID.name) == ("KO", "Key Object Selection Document Storage")
    title = note.ConceptNameCodeSequence[0]
    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113037", "DCM")
    (evidence,) = note.CurrentRequestedProcedureEvidenceSequence
    assert evidence.StudyInstanceUID == note.StudyInstanceUID == STUDY
    (series,) = evidence.ReferencedSeriesSequence
    assert [s.ReferencedSOPInstanceUID for s in series.ReferencedSOPSequence] == [f"{STUDY}.2.1", f"{STUDY}.2.2"]
    assert [item.ValueType for item in note.ContentSequence] == ["PNAME", "TEXT", "IMAGE", "IMAGE"]
    assert note.ContentSequence[1].TextValue == "wrong side"
    assert note.PatientName == "Nguyễn^Văn^Đức"
    assert (rejection.by, rejection.comment, rejection.patient_id) == ("Trần Bình", "wrong side", "BN001")


# ---- what arrives meanwhile


def test_the_same_object_sent_again_is_refused_and_not_kept_twice(filled: Archive) -> None:
    sent = ct(SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=f"{STUDY}.1.1")
    filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    with pytest.raises(Rejected, match="is rejected"):
        store(filled, sent)
    assert filled.quarantined_count() == 0
    assert not list((filled.data / "incoming").rglob("*.part"))


def test_other_content_of_a_rejected_uid_is_kept_in_quarantine(filled: Archive) -> None:
    filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    with pytest.raises(DuplicateConflict, match="rejected"):
        store(filled, ct(SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=f"{STUDY}.1.1", StudyDescription="other"))
    assert filled.quarantined_count() == 1


def test_a_new_object_of_a_rejected_study_is_a_new_object(filled: Archive) -> None:
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    new = ct(SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=f"{STUDY}.1.9")
    assert store(filled, new).outcome is Outcome.STORED
    assert filled.study(STUDY).number_of_instances == 1
    filled.rejections.restore(identifier)
    assert filled.study(STUDY).number_of_instances == 5


# ---- removal


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


# ---- the truth is in the files


def _reopened(archive: Archive) -> Archive:
    archive.close()
    return Archive.open(ArchiveSettings(archive.data, minimum_free_bytes=0))


def test_a_rejection_survives_a_reindex(filled: Archive) -> None:
    identifier = filled.rejections.reject(Target(STUDY, f"{STUDY}.1"), Reason.QUALITY, "admin").identifier
    before = _seen(filled)
    filled.close()
    list(reindex(filled.data))
    with _reopened(filled) as again:
        assert _seen(again) == before
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
    with _reopened(filled) as again:
        assert again.health().studies == 2
        recover(again)
        assert again.health().studies == 1
        recover(again)
        assert again.rejections.count() == 1


def test_a_restore_that_was_cut_is_finished_at_the_next_start(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _seen(filled)
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "unhide", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            filled.rejections.restore(identifier)
    with _reopened(filled) as again:
        recover(again)
        assert _seen(again) == before


def test_a_rejection_half_written_is_none(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(Exception, match="No space left"):
            filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    assert filled.health().studies == 2
    assert filled.rejections.count() == 0
    assert list((filled.data / FOLDER).iterdir()) == []


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


def test_of_two_who_reject_a_study_at_once_one_does(filled: Archive) -> None:
    before, ready = _seen(filled), threading.Barrier(4)
    outcomes: list[int] = []

    def reject() -> None:
        ready.wait(10)
        try:
            outcomes.append(filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").instances)
        except NotFound:
            outcomes.append(0)

    threads = [threading.Thread(target=reject) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [0, 0, 0, 4]
    (rejection,) = filled.rejections.page(10)
    filled.rejections.restore(rejection.identifier)
    assert _seen(filled) == before


def test_what_a_rejection_only_names_is_not_removed_with_it(filled: Archive) -> None:
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    shutil.copytree(filled.data / FOLDER / identifier, filled.data / FOLDER / "20200101T000000000000Z-00000000")
    filled.rejections.restore(identifier)
    filled.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
    assert filled.rejections.count() == 0
    assert all(i.path.exists() for n in (1, 2) for i in filled.instances(f"{STUDY}.{n}"))
    assert filled.study(STUDY).number_of_instances == 4


def test_a_rejection_that_was_cut_is_finished_before_the_next_one(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _seen(filled)
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "hide", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    with pytest.raises(NotFound):
        filled.rejections.reject(Target(STUDY), Reason.PATIENT_SAFETY, "admin")
    (rejection,) = filled.rejections.page(10)
    assert rejection.reason is Reason.QUALITY
    filled.rejections.restore(rejection.identifier)
    assert _seen(filled) == before


def test_a_rejection_of_which_was_told_that_it_failed_does_not_come_later(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _seen(filled)
    with monkeypatch.context() as patch:
        patch.setattr(filled.index, "hide", lambda *_: (_ for _ in ()).throw(IndexFailed("busy")))
        with pytest.raises(IndexFailed):
            filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    assert filled.rejections.count() == 0
    with _reopened(filled) as again:
        recover(again)
        assert _seen(again) == before


def _unreadable(path: Path) -> Entry:
    if path.name.endswith(".1.2.dcm"):
        raise WriteFailed(f"cannot read {path.name}: Input/output error") from OSError(5, "Input/output error")
    return entry_of(path)


def test_nothing_is_restored_while_a_file_cannot_be_read(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _seen(filled)
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    with monkeypatch.context() as patch:
        patch.setattr("storage.rejection.rejections.entry_of", _unreadable)
        with pytest.raises(WriteFailed, match="Input/output"):
            filled.rejections.restore(identifier)
    assert filled.rejections.count() == 1
    with pytest.raises(Rejected):
        filled.instance(f"{STUDY}.1.2")
    filled.rejections.restore(identifier)
    assert _seen(filled) == before


def test_a_cut_restore_whose_file_cannot_be_read_is_tried_again_at_the_next_start(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _seen(filled)
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    (filled.data / FOLDER / identifier).rename(filled.data / FOLDER / f".{identifier}")
    with monkeypatch.context() as patch:
        patch.setattr("storage.rejection.rejections.entry_of", _unreadable)
        recover(filled)
    assert filled.health().studies == 1
    recover(filled)
    assert _seen(filled) == before


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
    with _reopened(filled) as again:
        recover(again)
        assert again.index.hidden() == set()
        sent = ct(SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=f"{STUDY}.1.1")
        assert store(again, sent).outcome is Outcome.STORED
        recover(again)
        again.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
        assert again.is_intact(again.instance(f"{STUDY}.1.1"))


# ---- bad input


@pytest.mark.parametrize("target", [Target("1.2.3"), Target(STUDY, "1.2.3"), Target(OTHER, f"{STUDY}.1"), Target("")])
def test_what_is_not_there_cannot_be_rejected(filled: Archive, target: Target) -> None:
    with pytest.raises(NotFound):
        filled.rejections.reject(target, Reason.QUALITY, "admin")
    assert filled.rejections.count() == 0


def test_uids_and_identifiers_form_no_paths(filled: Archive) -> None:
    with pytest.raises(UnsafeUID):
        filled.rejections.reject(Target("../.."), Reason.QUALITY, "admin")
    for identifier in ("..", "../rejected", "", "20260101T000000000000Z-00000000/../x"):
        with pytest.raises(NotFound):
            filled.rejections.restore(identifier)
