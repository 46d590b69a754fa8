"""The rejection note: a Key Object Selection document that names what was rejected and why (PS3.3 A.35.4, TID 2010)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from pydicom.dataset import Dataset
from pydicom.uid import UID, KeyObjectSelectionDocumentStorage, generate_uid

from storage.model import Instance, Study
from storage.rejection.model import Reason

_NOT_IMAGES = ("Waveform", "SR Storage", "Document", "Presentation State", "Raw Data", "Registration", "Plan")


def write_note(study: Study, instances: Sequence[Instance], reason: Reason, by: str, comment: str) -> Dataset:
    """Return a note for instances of one study, without meta information."""
    ds = _header(study)
    ds.CurrentRequestedProcedureEvidenceSequence = [_evidence(study, instances)]
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [_code(reason.value, reason.meaning)]
    ds.ContentTemplateSequence = [_item(MappingResource="DCMR", TemplateIdentifier="2010")]
    texts = [_text("113012", "Key Object Description", comment)] if comment else []
    observer = _item(
        RelationshipType="HAS OBS CONTEXT",
        ValueType="PNAME",
        ConceptNameCodeSequence=[_code("121008", "Person Observer Name")],
        PersonName=by,
    )
    ds.ContentSequence = [observer, *texts, *(_reference(instance) for instance in instances)]
    return ds


def _header(study: Study) -> Dataset:
    now = datetime.now(UTC)
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = KeyObjectSelectionDocumentStorage, generate_uid(None)
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = study.study_date, study.study_time, study.accession_number
    ds.ContentDate, ds.ContentTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    ds.TimezoneOffsetFromUTC = "+0000"
    ds.Modality, ds.Manufacturer = "KO", "Filmless"
    ds.ReferringPhysicianName, ds.ReferencedPerformedProcedureStepSequence = "", []
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = study.patient_name, study.patient_id, study.patient_birth_date
    ds.PatientSex = study.patient_sex
    if study.issuer_of_patient_id:
        ds.IssuerOfPatientID = study.issuer_of_patient_id
    ds.StudyInstanceUID, ds.StudyID = study.study_instance_uid, study.study_id
    ds.SeriesInstanceUID, ds.SeriesNumber, ds.InstanceNumber = generate_uid(None), 1, 1
    return ds


def _evidence(study: Study, instances: Sequence[Instance]) -> Dataset:
    by_series = groupby(sorted(instances, key=_series), key=_series)
    series = [
        _item(SeriesInstanceUID=uid, ReferencedSOPSequence=[_sop(instance) for instance in members])
        for uid, members in by_series
    ]
    return _item(StudyInstanceUID=study.study_instance_uid, ReferencedSeriesSequence=series)


def _series(instance: Instance) -> str:
    return instance.series_instance_uid


def _reference(instance: Instance) -> Dataset:
    kind = _value_type(UID(instance.sop_class_uid).name)
    return _item(RelationshipType="CONTAINS", ValueType=kind, ReferencedSOPSequence=[_sop(instance)])


def _value_type(sop_class: str) -> str:
    if "Waveform" in sop_class:
        return "WAVEFORM"
    return "COMPOSITE" if any(word in sop_class for word in _NOT_IMAGES) else "IMAGE"


def _sop(instance: Instance) -> Dataset:
    return _item(ReferencedSOPClassUID=instance.sop_class_uid, ReferencedSOPInstanceUID=instance.sop_instance_uid)


def _text(code: str, meaning: str, text: str) -> Dataset:
    return _item(
        RelationshipType="CONTAINS", ValueType="TEXT", ConceptNameCodeSequence=[_code(code, meaning)], TextValue=text
    )


def _code(value: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning=meaning)


def _item(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds
