"""Which studies a remote node has: what a person types, asked so that most archives find it."""

from __future__ import annotations

import unicodedata

from pydicom.dataset import Dataset

from pacs.identifier import repaired
from pacs.remote import find
from pacs.remote.calls import Remote
from pacs.requestor import Requestor
from storage.names import tokens
from storage.records.remote import QueryReport, RemoteQuery, RemoteStudy
from storage.uid import is_valid

LIMIT = 500
_RETURN_KEYS = (
    "StudyInstanceUID", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)  # fmt: skip


def query(remote: Remote, asked: RemoteQuery, limit: int = LIMIT) -> QueryReport:
    """Ask a node; raises as `find.find`.

    Many archives compare names letter by letter. So one is asked for as typed, with capitals as names have them, and
    without diacritics as old devices store it; each study is told once.
    """
    studies: dict[str, RemoteStudy] = {}
    is_cut = False
    with remote.associate([find.PROPOSAL]) as assoc:
        for name in names(asked.patient_name):
            found = find.find(remote, assoc, _identifier(asked, name), limit, _study)
            is_cut = is_cut or found.is_cut
            for study in found.answers:
                if is_valid(study.study_instance_uid):
                    studies.setdefault(study.study_instance_uid, study)
    newest = sorted(studies.values(), key=lambda s: (s.study_date, s.study_time), reverse=True)
    return QueryReport(tuple(newest[:limit]), is_cut or len(newest) > limit)


def names(typed: str) -> tuple[str, ...]:
    """Return the patterns to ask for a name: each word anywhere, in the order given (PS3.4 C.2.2.2.4)."""
    words = unicodedata.normalize("NFC", typed).replace("^", " ").replace("\\", " ").split()
    if not words:
        return ("",)
    plain = tokens(typed)
    spellings = (words, [w.title() for w in words], [w.title() for w in plain], [w.upper() for w in plain])
    return tuple(dict.fromkeys("*".join(("", *spelling, "")) for spelling in spellings))


def _identifier(asked: RemoteQuery, name: str) -> Dataset:
    keys = {
        "PatientName": name,
        "PatientID": asked.patient_id,
        "AccessionNumber": asked.accession_number,
        "StudyDate": _dates(asked.first, asked.last),
        "ModalitiesInStudy": asked.modality,
    }
    return find.identifier("STUDY", _RETURN_KEYS, **{k: v for k, v in keys.items() if v})


def _dates(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def _study(ds: Dataset) -> RemoteStudy:
    def value(keyword: str) -> str:
        return repaired(find.text(ds, keyword))

    return RemoteStudy(
        study_instance_uid=value("StudyInstanceUID"),
        patient_name=value("PatientName"),
        patient_id=value("PatientID"),
        patient_birth_date=value("PatientBirthDate"),
        patient_sex=value("PatientSex"),
        study_date=value("StudyDate"),
        study_time=value("StudyTime"),
        accession_number=value("AccessionNumber"),
        study_description=value("StudyDescription"),
        modalities=find.several(ds, "ModalitiesInStudy"),
        number_of_series=_number(value("NumberOfStudyRelatedSeries")),
        number_of_instances=_number(value("NumberOfStudyRelatedInstances")),
    )


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def count(remote: Remote, assoc: Requestor, patient_id: str) -> int:
    """Ask how many studies a patient has there, up to a few; raises as `find.find`."""
    asked = find.identifier("STUDY", ("StudyInstanceUID",), PatientID=patient_id)
    return len(find.find(remote, assoc, asked, 3, lambda ds: find.text(ds, "StudyInstanceUID")).answers)
