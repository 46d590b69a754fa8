"""What the archive answers with: patients' studies, series and instances, frozen.

Text is Unicode as decoded from the object; dates and times are as DICOM gives them (`YYYYMMDD`, `HHMMSS.FFFFFF`),
empty strings where the object has none; several values of one attribute are joined by a backslash.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True)
class Study:
    """A study with the patient as named in it, its counts and when it last changed."""

    study_instance_uid: str
    patient_name: str
    patient_id: str
    issuer_of_patient_id: str
    patient_birth_date: str
    patient_sex: str
    patient_age: str
    study_date: str
    study_time: str
    accession_number: str
    study_id: str
    study_description: str
    referring_physician_name: str
    institution_name: str
    modalities: tuple[str, ...]
    number_of_series: int
    number_of_instances: int
    received_at: str
    """When its first object was stored, ISO 8601 in UTC."""
    revision: int
    """Rises with every change in the archive; the newest change has the highest."""
    in_conflict: bool
    """The same patient identity carries another name or birth date somewhere in the archive."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series of one study."""

    series_instance_uid: str
    study_instance_uid: str
    modality: str
    series_number: int | None
    series_date: str
    series_time: str
    series_description: str
    body_part_examined: str
    protocol_name: str
    laterality: str
    frame_of_reference_uid: str
    manufacturer: str
    manufacturer_model_name: str
    station_name: str
    number_of_instances: int
    revision: int


@dataclass(frozen=True, slots=True)
class Instance:
    """One stored object and where its bytes are."""

    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    content_date: str
    content_time: str
    rows: int | None
    columns: int | None
    bits_allocated: int | None
    number_of_frames: int | None
    """As the object says; None where it has none (a single frame, or no image)."""
    path: Path
    size: int
    """Bytes of the file."""
    dataset_offset: int
    """Where the data set as received begins in the file."""
    dataset_sha256: bytes
    """SHA-256 of the data set as received."""
    pixel_data_offset: int | None
    """Where the value of the pixel data element begins in the file; None where it has none, or is deflated whole."""

    @property
    def has_pixels(self) -> bool:
        """Whether there is pixel data; of a deflated object (PS3.5 A.5) its size tells."""
        is_deflated = self.transfer_syntax_uid == _DEFLATED
        return self.pixel_data_offset is not None or bool(is_deflated and self.rows and self.columns)

    @property
    def data_set(self) -> DataSetSpan:
        """The data set as received."""
        return DataSetSpan(self.path, self.dataset_offset, self.size - self.dataset_offset)


@dataclass(frozen=True, slots=True)
class DataSetSpan:
    """The bytes of a data set without file meta information: `size` bytes from `offset` of a file."""

    path: Path
    offset: int
    size: int


class Outcome(Enum):
    """What became of an object that was handed to the archive and accepted."""

    STORED = "stored"
    ALREADY_STORED = "already stored"


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to an object that was accepted."""

    outcome: Outcome
    sop_instance_uid: str
    study_instance_uid: str
    size: int
    series_instance_uid: str = ""
    sop_class_uid: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Who handed an object over, for logs, quarantine and the file's meta information."""

    aet: str = ""
    """Calling AE title of the sender, empty for other ways in."""
    address: str = ""
    """Host of the sender, or the file's path for an import."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An object that was refused or conflicts, kept with its reason."""

    identifier: str
    reason: str
    detail: str
    received_at: str
    source: Source
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    size: int
    path: Path


@dataclass(frozen=True, slots=True)
class PatientConflict:
    """One patient identity under which different names or birth dates arrived."""

    patient_id: str
    issuer_of_patient_id: str
    keyword: str
    values: tuple[str, ...]
    study_instance_uids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """What an operator has to know at a glance."""

    studies: int
    series: int
    instances: int
    stored_bytes: int
    quarantined: int
    free_bytes: int
    accepting: bool
    """False while free space is below the mark and new objects are refused."""
