"""What became of each instance of a store request, and the answer that says so (PS3.18 10.5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from pydicom.dataset import Dataset

from storage.errors import (
    ClassMismatch,
    DuplicateConflict,
    OutOfSpace,
    Rejected,
    StorageError,
    WriteFailed,
)
from storage.model import Stored


class FailureReason(IntEnum):
    """Values of Failure Reason (0008,1197): PS3.18 table 10.5.3-2, and PS3.7 annex C for what it leaves open."""

    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NOT_AUTHORIZED = 0x0124
    """It was rejected here (IHE IOCM): whoever wants it back restores it."""
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000


_REASONS: tuple[tuple[type[StorageError], FailureReason], ...] = (
    (OutOfSpace, FailureReason.OUT_OF_RESOURCES),
    (WriteFailed, FailureReason.OUT_OF_RESOURCES),
    (ClassMismatch, FailureReason.DATA_SET_DOES_NOT_MATCH),
    (Rejected, FailureReason.NOT_AUTHORIZED),
    (DuplicateConflict, FailureReason.DUPLICATE_SOP_INSTANCE),
)


@dataclass(frozen=True, slots=True)
class Failed:
    """An instance that was not stored, and why; UIDs are empty where the instance does not tell them."""

    reason: FailureReason
    sentence: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


Outcome = Stored | Failed


def failed(error: StorageError, sop_class_uid: str = "", sop_instance_uid: str = "") -> Failed:
    """Return the outcome that stands for an error of the archive."""
    reason = next((r for kind, r in _REASONS if isinstance(error, kind)), FailureReason.CANNOT_UNDERSTAND)
    return Failed(reason, str(error), sop_class_uid, sop_instance_uid)


def status_of(outcomes: Sequence[Outcome]) -> int:
    """Return the status for a request that was read to its end (PS3.18 table 10.5.3-1)."""
    stored = sum(isinstance(one, Stored) for one in outcomes)
    if stored == len(outcomes):
        return 200
    return 202 if stored else 409


def response(outcomes: Sequence[Outcome], studies_url: str) -> Dataset:
    """Return the store instances response (PS3.18 table I.1-1); `studies_url` is where studies are retrieved."""
    ds = Dataset()
    studies = {one.study_instance_uid for one in outcomes if isinstance(one, Stored)}
    if len(studies) == 1:
        ds.RetrieveURL = f"{studies_url}/{studies.pop()}"
    stored = [_referenced(one, studies_url) for one in outcomes if isinstance(one, Stored)]
    told = [one for one in outcomes if isinstance(one, Failed) and one.sop_instance_uid]
    untold = [one for one in outcomes if isinstance(one, Failed) and not one.sop_instance_uid]
    if stored:
        ds.ReferencedSOPSequence = stored
    if told:
        ds.FailedSOPSequence = [_failed_item(one) for one in told]
    if untold:
        ds.OtherFailuresSequence = [_failed_item(one) for one in untold]
    return ds


def _referenced(one: Stored, studies_url: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = one.sop_class_uid
    item.ReferencedSOPInstanceUID = one.sop_instance_uid
    place = f"{one.study_instance_uid}/series/{one.series_instance_uid}/instances/{one.sop_instance_uid}"
    item.RetrieveURL = f"{studies_url}/{place}"
    return item


def _failed_item(one: Failed) -> Dataset:
    item = Dataset()
    if one.sop_instance_uid:
        item.ReferencedSOPClassUID = one.sop_class_uid
        item.ReferencedSOPInstanceUID = one.sop_instance_uid
    item.FailureReason = int(one.reason)
    return item
