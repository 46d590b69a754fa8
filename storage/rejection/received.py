"""Rejection notes that others send, read (IHE RAD TF-3 4.66; PS3.3 A.35.4, C.17.6.2.1).

A note is a Key Object Selection document whose title is a reason to reject. What it rejects is listed in the Current
Requested Procedure Evidence Sequence, by study and series; the content tree says the same once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import KeyObjectSelectionDocumentStorage

from storage.errors import InvalidObject
from storage.model import Instance
from storage.rejection.model import Reason

SOP_CLASS = str(KeyObjectSelectionDocumentStorage)
READ_MAX = 32 << 20
"""Bytes of the largest note that is read: a hundred thousand objects."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a note says: why, and the SOP Instance UIDs that it names in each study."""

    reason: Reason
    instances: dict[str, frozenset[str]]


def read_note(instance: Instance) -> Note | None:
    """Return what a rejection note says; None for any other object.

    Raises:
        InvalidObject: it cannot be read.
    """
    if instance.sop_class_uid != SOP_CLASS or instance.size > READ_MAX:
        return None
    try:
        ds = dcmread(instance.path)
        reason = _reason(ds)
        return None if reason is None else Note(reason, _named(ds))
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidObject(f"the note {instance.sop_instance_uid} cannot be read: {error}") from error


def _reason(ds: Dataset) -> Reason | None:
    titles = ds.get("ConceptNameCodeSequence") or []
    if not titles or titles[0].get("CodingSchemeDesignator") != "DCM":
        return None
    value = str(titles[0].get("CodeValue", ""))
    return next((reason for reason in Reason if reason.value == value), None)


def _named(ds: Dataset) -> dict[str, frozenset[str]]:
    named: dict[str, set[str]] = {}
    for study in ds.get("CurrentRequestedProcedureEvidenceSequence") or []:
        uids = named.setdefault(str(study.StudyInstanceUID), set())
        for series in study.get("ReferencedSeriesSequence") or []:
            uids |= {str(one.ReferencedSOPInstanceUID) for one in series.get("ReferencedSOPSequence") or []}
    return {study: frozenset(uids) for study, uids in named.items()}
