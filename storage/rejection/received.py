"""Rejection notes that others send, read (IHE RAD TF-3 4.66; PS3.3 A.35.4, C.17.6.2.1).

A note is a Key Object Selection document whose title is a reason to reject. What it rejects is listed in the Current
Requested Procedure Evidence Sequence, by study and series; the content tree says the same once more, and is not read.
Elements are in ascending order (PS3.5 7.1), so that the title comes first: other documents are read no further.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage

from storage.errors import InvalidObject, WriteFailed
from storage.model import Instance
from storage.pixels.header import inflate
from storage.rejection.model import Reason

_log = logging.getLogger("filmless.archive")
SOP_CLASS = str(KeyObjectSelectionDocumentStorage)
READ_MAX = 32 << 20
"""Bytes of the largest note that is read, inflated: a hundred thousand objects."""
_TITLE, _EVIDENCE = 0x0040A043, 0x0040A375


@dataclass(frozen=True, slots=True)
class Note:
    """What a note says: why, and the SOP Instance UIDs that it names in each study."""

    reason: Reason
    instances: dict[str, frozenset[str]]


def read_note(instance: Instance) -> Note | None:
    """Return what a rejection note says; None for any other object.

    Raises:
        InvalidObject: it cannot be read, or is larger than is read; whoever sent it is not to take it for obeyed.
        WriteFailed: the disk does not let it be read.
    """
    if instance.sop_class_uid != SOP_CLASS:
        return None
    try:
        reason = _reason(_elements(instance, _TITLE))
        if reason is None:
            return None
        if instance.size <= READ_MAX:
            return Note(reason, _named(_elements(instance, _EVIDENCE)))
    except OSError as error:
        raise WriteFailed(f"cannot read the note {instance.sop_instance_uid}: {error.strerror or error}") from error
    except Exception as error:
        # A document of unknown origin can fail in pydicom with almost any exception; for the caller they are one thing.
        raise InvalidObject(f"the note {instance.sop_instance_uid} cannot be read: {error}") from error
    said = f"the note {instance.sop_instance_uid} is larger than {READ_MAX} bytes"
    _log.error("%s: it is kept, and nothing is rejected", said)
    raise InvalidObject(f"{said}; nothing is rejected")


def _elements(instance: Instance, last: int) -> Dataset:
    """Return the elements of a document up to the tag `last`."""
    uid = UID(instance.transfer_syntax_uid)
    with instance.path.open("rb") as file:
        file.seek(instance.dataset_offset)
        is_deflated = uid == DeflatedExplicitVRLittleEndian
        stream = io.BytesIO(inflate(file.read(READ_MAX), READ_MAX)) if is_deflated else file
        return read_dataset(stream, uid.is_implicit_VR, uid.is_little_endian, stop_when=lambda tag, *_: tag > last)


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
