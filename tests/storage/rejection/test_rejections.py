"""Rejected objects: found by nobody, restored whole, removed after a while; whatever stops in between."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pydicom import dcmread

from storage.archive import Archive
from storage.attributes import Level
from storage.batch import Entry
from storage.errors import DuplicateConflict, NotFound, Rejected, UnsafeUID, WriteFailed
from storage.model import Outcome
from storage.query import Query, condition
from storage.rejection import Reason, Target
from storage.rejection.folders import FOLDER
from tests.support.objects import INSTANCE, STUDY, ct, store
from tests.support.rejecting import OTHER, fill, seen, unreadable


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
    before, revision = seen(filled), filled.revision()
    rejection = filled.rejections.reject(target, Reason.QUALITY, "admin", "motion")
    health = filled.health()
    assert (health.studies, health.series, health.instances) == left
    assert rejection.instances == 5 - left[2]
    assert filled.revision() > revision
    uid = target.sop_instance_uid or f"{target.series_instance_uid or STUDY + '.1'}.1"
    with pytest.raises(Rejected):
        filled.instance(uid)
    assert uid not in str(seen(filled)["INSTANCE"])
    middle = filled.revision()
    filled.rejections.restore(rejection.identifier)
    assert seen(filled) == before
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
    fill(archive)
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


def test_a_file_that_a_slow_twin_placed_is_not_taken_back_once_it_is_rejected(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = archive.index.add

    def add_after_a_quicker_one(entry: Entry) -> bool:
        assert add(entry), "a twin met the file in its place, and indexed it first"
        archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
        return add(entry)

    with monkeypatch.context() as patch:
        patch.setattr(archive.index, "add", add_after_a_quicker_one)
        with pytest.raises(Rejected):
            store(archive, ct())
    (rejection,) = archive.rejections.page(10)
    archive.rejections.restore(rejection.identifier)
    assert archive.is_intact(archive.instance(INSTANCE))


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


def test_of_two_who_reject_a_study_at_once_one_does(filled: Archive) -> None:
    before, ready = seen(filled), threading.Barrier(4)
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
    assert seen(filled) == before


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


def test_nothing_is_restored_while_a_file_cannot_be_read(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    before = seen(filled)
    identifier = filled.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    with monkeypatch.context() as patch:
        patch.setattr("storage.rejection.settling.entry_of", unreadable)
        with pytest.raises(WriteFailed, match="Input/output"):
            filled.rejections.restore(identifier)
    assert filled.rejections.count() == 1
    with pytest.raises(Rejected):
        filled.instance(f"{STUDY}.1.2")
    filled.rejections.restore(identifier)
    assert seen(filled) == before


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
