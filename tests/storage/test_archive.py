"""The archive's promises, seen through its door."""

from __future__ import annotations

import hashlib

import pytest

from storage.archive import Archive
from storage.attributes import Level
from storage.errors import ClassMismatch, DuplicateConflict, InvalidObject, NotFound, OutOfSpace
from storage.model import Outcome
from storage.query import Query, condition
from tests.support import objects
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode, files_below, store


def test_a_stored_object_is_found_and_its_bytes_are_those_received(archive: Archive) -> None:
    sent = encode(ct())
    assert store(archive, sent).outcome is Outcome.STORED
    instance = archive.instance(INSTANCE)
    kept = instance.path.read_bytes()
    assert kept[instance.dataset_offset :] == sent
    assert instance.dataset_sha256 == hashlib.sha256(sent).digest()
    assert [s.patient_name for s in archive.studies(Query(Level.STUDY))] == ["Nguyễn^Văn^Đức"]
    assert [s.number_of_instances for s in archive.series(STUDY)] == [1]
    assert archive.instances(SERIES) == [instance]
    assert files_below(archive.data / "incoming") == []


def test_the_pixel_data_offset_points_at_the_pixels(archive: Archive) -> None:
    ds = ct()
    store(archive, ds)
    instance = archive.instance(INSTANCE)
    assert instance.pixel_data_offset is not None
    assert instance.path.read_bytes()[instance.pixel_data_offset :] == ds.PixelData


def test_the_same_bytes_twice_are_stored_once(archive: Archive) -> None:
    store(archive, ct())
    assert store(archive, ct()).outcome is Outcome.ALREADY_STORED
    assert len(files_below(archive.data / "archive")) == 1
    assert archive.quarantined_count() == 0


def test_other_bytes_under_a_known_uid_go_to_quarantine_and_the_first_stays(archive: Archive) -> None:
    store(archive, ct())
    first = archive.instance(INSTANCE).path.read_bytes()
    with pytest.raises(DuplicateConflict, match="the first one stays"):
        store(archive, ct(PixelData=bytes(128)))
    assert archive.instance(INSTANCE).path.read_bytes() == first
    (kept,) = archive.quarantined(10)
    assert (kept.reason, kept.sop_instance_uid, kept.source.aet) == ("conflict", INSTANCE, "TEST")
    assert kept.path.read_bytes().endswith(bytes(128))


def test_the_same_uid_in_another_study_conflicts(archive: Archive) -> None:
    store(archive, ct())
    with pytest.raises(DuplicateConflict):
        store(archive, ct(StudyInstanceUID=STUDY + ".9"))
    assert archive.count(Query(Level.STUDY)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"StudyInstanceUID": None}, "StudyInstanceUID is missing"),
        ({"SeriesInstanceUID": None}, "SeriesInstanceUID is missing"),
        ({"StudyInstanceUID": "../../etc"}, "not a valid UID"),
        ({"SeriesInstanceUID": "1." * 40 + "1"}, "not a valid UID"),
        ({"PixelData": bytes(126)}, "126 bytes of pixel data .* need 128"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.filterwarnings("ignore:The value length")
def test_what_cannot_be_kept_as_a_normal_object_is_kept_in_quarantine_with_its_reason(
    archive: Archive, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidObject, match=reason):
        store(archive, ct(**changes))
    assert files_below(archive.data / "archive") == []
    (kept,) = archive.quarantined(10)
    assert kept.detail
    assert archive.count(Query(Level.STUDY)) == 0


def test_an_object_of_another_class_than_announced_is_refused(archive: Archive) -> None:
    with pytest.raises(ClassMismatch, match="SOPClassUID is"):
        store(archive, encode(ct()), sop_class_uid="1.2.840.10008.5.1.4.1.1.4")
    assert [q.reason for q in archive.quarantined(10)] == ["class-mismatch"]


def test_below_the_free_space_mark_nothing_is_taken_and_it_recovers_by_itself(archive: Archive) -> None:
    object.__setattr__(archive.settings, "minimum_free_bytes", 1 << 62)
    with pytest.raises(OutOfSpace, match="bytes are free"):
        store(archive, ct())
    assert not archive.health().accepting
    object.__setattr__(archive.settings, "minimum_free_bytes", 0)
    archive._space_checked = float("-inf")
    assert store(archive, ct()).outcome is Outcome.STORED


def test_leaving_without_keep_leaves_nothing(archive: Archive) -> None:
    with archive.receive(objects.Announced("", "", "1.2.840.10008.1.2.1"), objects.Source()) as incoming:
        incoming.write(b"half")
    assert files_below(archive.data / "incoming") == []
    assert files_below(archive.data / "quarantine") == []


def test_an_unknown_study_or_instance_is_not_found(archive: Archive) -> None:
    with pytest.raises(NotFound, match="no study"):
        archive.study("1.2.3")
    with pytest.raises(NotFound, match="no study"):
        archive.series("1.2.3")
    with pytest.raises(NotFound, match="no instance"):
        archive.instance("1.2.3")


def test_two_names_under_one_identity_are_both_kept_and_flagged(archive: Archive) -> None:
    store(archive, ct())
    store(
        archive,
        ct(PatientName="Lê^Thị^Hoa", StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1", SOPInstanceUID="1.2.3.1.1"),
    )
    assert [s.in_conflict for s in archive.studies(Query(Level.STUDY))] == [True, True]
    (conflict,) = archive.patient_conflicts(10)
    assert conflict.keyword == "PatientName"
    assert conflict.values == ("Nguyễn^Văn^Đức", "Lê^Thị^Hoa")
    assert conflict.study_instance_uids == (STUDY, "1.2.3")


def test_a_name_without_diacritics_is_no_conflict(archive: Archive) -> None:
    store(archive, ct())
    store(
        archive,
        ct(
            PatientName="NGUYEN^VAN^DUC",
            StudyInstanceUID="1.2.3",
            SeriesInstanceUID="1.2.3.1",
            SOPInstanceUID="1.2.3.1.1",
        ),
    )
    assert archive.patient_conflicts(10) == []


def test_patients_without_an_id_are_not_one_patient(archive: Archive) -> None:
    store(archive, ct(PatientID=""))
    store(
        archive,
        ct(
            PatientID="",
            PatientName="Khác",
            StudyInstanceUID="1.2.3",
            SeriesInstanceUID="1.2.3.1",
            SOPInstanceUID="1.2",
        ),
    )
    assert archive.patient_conflicts(10) == []


def test_the_revision_rises_with_each_change(archive: Archive) -> None:
    before = archive.revision()
    store(archive, ct())
    after = archive.revision()
    assert after > before
    assert [s.study_instance_uid for s in archive.studies_changed_since(before, 10)] == [STUDY]
    assert archive.studies_changed_since(after, 10) == []


def test_a_row_whose_file_went_away_gets_it_back_from_the_next_sender(archive: Archive) -> None:
    store(archive, ct())
    archive.instance(INSTANCE).path.unlink()
    assert store(archive, ct()).outcome is Outcome.STORED
    assert archive.instance(INSTANCE).path.exists()


def test_modalities_in_study_are_those_of_its_series(archive: Archive) -> None:
    store(archive, ct())
    store(archive, ct(Modality="SR", SeriesInstanceUID="1.2.3.2", SOPInstanceUID="1.2.3.2.1"))
    assert archive.study(STUDY).modalities == ("CT", "SR")
    query = Query(Level.STUDY, tuple(c for c in [condition("Modality", "SR")] if c))
    assert archive.count(query) == 1
