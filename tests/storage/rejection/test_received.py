"""Rejection notes that others send: what they name is taken out of use, nothing else is, and it can be undone."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from storage.archive import Archive
from storage.model import Instance
from storage.rejection import Reason, Target
from storage.rejection.note import write_note
from tests.support.objects import STUDY, ct, store

OTHER = "1.2.826.0.1.3680043.10.999.2"
SERIES = (f"{STUDY}.1", f"{STUDY}.2")


@pytest.fixture
def filled(archive: Archive) -> Archive:
    """A study of two series with two instances each, and another study."""
    for series in SERIES:
        for number in (1, 2):
            store(archive, ct(SeriesInstanceUID=series, SOPInstanceUID=f"{series}.{number}"))
    store(archive, ct(StudyInstanceUID=OTHER, SeriesInstanceUID=f"{OTHER}.1", SOPInstanceUID=f"{OTHER}.1.1"))
    return archive


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
