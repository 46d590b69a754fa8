"""What is rejected, why, by whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from storage.attributes import Level


class Reason(Enum):
    """Titles of a rejection note, as code values of DCM (PS3.16 CID 7011, IHE RAD TF-3 4.66.4.1.3)."""

    QUALITY = "113001"
    PATIENT_SAFETY = "113037"
    WRONG_WORKLIST_ENTRY = "113038"
    RETENTION_EXPIRED = "113039"

    @property
    def meaning(self) -> str:
        """The meaning of the code."""
        return _MEANINGS[self]


_MEANINGS = {
    Reason.QUALITY: "Rejected for Quality Reasons",
    Reason.PATIENT_SAFETY: "Rejected for Patient Safety Reasons",
    Reason.WRONG_WORKLIST_ENTRY: "Incorrect Modality Worklist Entry",
    Reason.RETENTION_EXPIRED: "Data Retention Policy Expired",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A study, or a series of it, or an instance of that series."""

    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def level(self) -> Level:
        """What is meant as a whole."""
        if self.sop_instance_uid:
            return Level.INSTANCE
        return Level.SERIES if self.series_instance_uid else Level.STUDY


@dataclass(frozen=True, slots=True)
class Rejection:
    """One act of rejecting, with what people have to see to recognise it."""

    identifier: str
    target: Target
    reason: Reason
    by: str
    at: str
    """ISO 8601 in UTC."""
    comment: str
    patient_name: str
    patient_id: str
    study_date: str
    study_description: str
    modalities: tuple[str, ...]
    instances: int
    size: int
    """Bytes of the files."""
    note: Path
    """The rejection note."""
    is_being_removed: bool
    """Its files are being removed for good: too late to restore it."""


Told = Callable[[Rejection], object]
"""Hears of each rejection once it is done or removed, whatever fails after it."""
