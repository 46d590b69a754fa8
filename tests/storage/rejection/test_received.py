"""Rejection notes that others send: what they name is taken out of use, nothing else is, and it can be undone."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
)

from storage.archive import Archive
from storage.errors import InvalidObject
from storage.model import Instance
from storage.rejection import Reason, Target, received
from storage.rejection.note import write_note
from tests.support.objects import STUDY, store
from tests.support.rejecting import OTHER

SERIES = (f"{STUDY}.1", f"{STUDY}.2")


def _note(archive: Archive, *uids: str, reason: Reason = Reason.QUALITY) -> Dataset:
    instances = [archive.instance(uid) for uid in uids]
    return write_note(archive.study(instances[0].study_instance_uid), instances, reason, "Quality station", "")


def _sent(archive: Archive, note: Dataset) -> Instance:
    return archive.instance(store(archive, note).sop_instance_uid)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    ("uids", "target"),
    [
        ((f"{SERIES[0]}.1",), Target(STUDY, SERIES[0], f"{SERIES[0]}.1")),
        ((f"{SERIES[0]}.1", f"{SERIES[0]}.2"), Target(STUDY, SERIES[0])),
        (tuple(f"{series}.{number}" for series in SERIES for number in (1, 2)), Target(STUDY)),
    ],
    ids=["instance", "series", "study"],
)
def test_what_a_note_names_is_taken_out_of_use(
    filled: Archive, reason: Reason, uids: tuple[str, ...], target: Target
) -> None:
    note = _sent(filled, _note(filled, *uids, reason=reason))
    (rejection,) = filled.rejections.obey(note, "QA")
    assert (rejection.target, rejection.reason, rejection.by) == (target, reason, "QA")
    assert rejection.instances == len(uids)
    assert note.sop_instance_uid in rejection.comment
    left = {f"{series}.{number}" for series in SERIES for number in (1, 2)} - set(uids)
    assert filled.study(STUDY).number_of_instances == len(left) + 1, "the note stays"
    filled.rejections.restore(rejection.identifier)
    assert filled.study(STUDY).number_of_instances == 5


def test_a_note_does_nothing_twice(filled: Archive) -> None:
    note = _sent(filled, _note(filled, f"{SERIES[0]}.1"))
    assert len(filled.rejections.obey(note, "QA")) == 1
    assert filled.rejections.obey(note, "QA") == []
    assert filled.rejections.count() == 1


def test_what_is_not_here_or_elsewhere_is_passed_over(filled: Archive) -> None:
    ds = _note(filled, f"{SERIES[0]}.1")
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    unknown, wrong = Dataset(), Dataset()
    for made, uid in ((unknown, "1.2.3"), (wrong, OTHER)):
        made.StudyInstanceUID = uid
        made.ReferencedSeriesSequence = study.ReferencedSeriesSequence
    ds.CurrentRequestedProcedureEvidenceSequence = [unknown, wrong, study]
    (rejection,) = filled.rejections.obey(_sent(filled, ds), "QA")
    assert (rejection.target.study_instance_uid, rejection.instances) == (STUDY, 1)
    assert filled.study(OTHER).number_of_instances == 1


@pytest.mark.parametrize(
    ("value", "scheme"), [("113000", "DCM"), ("113001", "99LOCAL"), ("", "DCM"), ("113002", "DCM")]
)
def test_other_key_objects_reject_nothing(filled: Archive, value: str, scheme: str) -> None:
    ds = _note(filled, f"{SERIES[0]}.1")
    ds.ConceptNameCodeSequence[0].CodeValue = value
    ds.ConceptNameCodeSequence[0].CodingSchemeDesignator = scheme
    assert filled.rejections.obey(_sent(filled, ds), "QA") == []


def test_other_objects_reject_nothing(filled: Archive) -> None:
    ds = _note(filled, f"{SERIES[0]}.1")
    del ds.ConceptNameCodeSequence
    assert filled.rejections.obey(_sent(filled, ds), "QA") == []
    assert filled.rejections.obey(filled.instance(f"{SERIES[0]}.1"), "QA") == []
    ds = _note(filled, f"{SERIES[0]}.1")
    ds.SOPInstanceUID = "1.2.3.9"
    del ds.CurrentRequestedProcedureEvidenceSequence
    assert ds.SOPClassUID == KeyObjectSelectionDocumentStorage
    assert filled.rejections.obey(_sent(filled, ds), "QA") == []


def test_a_note_that_is_too_large_is_said_to_reject_nothing(
    filled: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    note = _sent(filled, _note(filled, f"{SERIES[0]}.1"))
    monkeypatch.setattr(received, "READ_MAX", note.size - 1)
    with pytest.raises(InvalidObject, match="larger than"):
        filled.rejections.obey(note, "QA")
    assert note.sop_instance_uid in caplog.text
    assert "nothing is rejected" in caplog.text
    assert filled.rejections.count() == 0
    assert filled.study(STUDY).number_of_instances == 5


def test_key_images_may_be_as_large_as_they_like(filled: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    ds = _note(filled, f"{SERIES[0]}.1")
    ds.ConceptNameCodeSequence[0].CodeValue = "113000"
    sent = _sent(filled, ds)
    monkeypatch.setattr(received, "READ_MAX", sent.size - 1)
    assert filled.rejections.obey(sent, "QA") == []


def test_a_small_note_that_inflates_to_a_large_one_is_not_read(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = _note(filled, f"{SERIES[0]}.1")
    ds.ContentSequence[0].add_new(0x0040A160, "UT", "x" * 1_000_000)
    sent = filled.instance(store(filled, ds, transfer_syntax_uid=DeflatedExplicitVRLittleEndian).sop_instance_uid)
    monkeypatch.setattr(received, "READ_MAX", 100_000)
    assert sent.size < 100_000
    with pytest.raises(InvalidObject, match="more than 100000 bytes"):
        filled.rejections.obey(sent, "QA")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_note_is_read_in_every_syntax(filled: Archive, syntax: str) -> None:
    sent = filled.instance(store(filled, _note(filled, f"{SERIES[0]}.1"), transfer_syntax_uid=syntax).sop_instance_uid)
    (rejection,) = filled.rejections.obey(sent, "QA")
    assert rejection.target == Target(STUDY, SERIES[0], f"{SERIES[0]}.1")


def test_what_it_says_of_each_object_need_not_be_readable(filled: Archive) -> None:
    """The list of what is meant comes before the content tree, which may be nested deeply."""
    ds = _note(filled, f"{SERIES[0]}.1")
    inner = ds.ContentSequence[0]
    for _ in range(50):
        outer = Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    ds.ContentSequence = [inner]
    (rejection,) = filled.rejections.obey(_sent(filled, ds), "QA")
    assert rejection.instances == 1


def test_a_note_whose_list_is_damaged_is_said_to_be_unreadable(filled: Archive) -> None:
    ds = _note(filled, f"{SERIES[0]}.1")
    del ds.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID
    with pytest.raises(InvalidObject, match="cannot be read"):
        filled.rejections.obey(_sent(filled, ds), "QA")
    assert filled.rejections.count() == 0
