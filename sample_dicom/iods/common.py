"""Modules that every object has: patient, study, series, equipment, SOP common, plane, pixels (PS3.3 C.7, C.12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from sample_dicom.people import PROVINCIAL, Hospital, Patient
from sample_dicom.uids import uid


@dataclass(frozen=True)
class Code:
    """A coded concept (PS3.3 Table 8.8-1)."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        """As an item of a code sequence."""
        ds = Dataset()
        ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = self.value, self.scheme, self.meaning
        return ds


@dataclass(frozen=True)
class Study:
    """A study; `key` names it for the UIDs, `date` and `time` are YYYYMMDD and HHMMSS at +07:00."""

    key: str
    patient: Patient
    date: str
    time: str
    description: str
    accession: str
    hospital: Hospital = PROVINCIAL
    timezone: str = "+0700"

    @property
    def study_instance_uid(self) -> str:
        """Derived from the key."""
        return uid(self.key, "study")


@dataclass(frozen=True)
class Device:
    """General and Enhanced General Equipment (PS3.3 C.7.5)."""

    manufacturer: str
    model: str
    serial: str
    station: str
    software: str = "1.0"


@dataclass(frozen=True)
class Series:
    """A series; `frame` names its frame of reference (several series may share one)."""

    study: Study
    key: str
    number: int
    modality: str
    description: str
    device: Device
    body_part: str = ""
    frame: str = ""
    patient_position: str = ""
    protocol: str = ""
    laterality: str = ""
    extra: tuple[tuple[str, object], ...] = field(default=())

    @property
    def series_instance_uid(self) -> str:
        """Derived from the keys of study and series."""
        return uid(self.study.key, "series", self.key)

    @property
    def frame_of_reference_uid(self) -> str:
        """Derived from the study's key and the frame's name."""
        return uid(self.study.key, "frame", self.frame)

    def instance_uid(self, number: int) -> str:
        """SOP Instance UID of the instance with that number."""
        return uid(self.study.key, "series", self.key, "instance", number)


def instance(series: Series, sop_class_uid: str, number: int) -> Dataset:
    """A dataset with everything but the object's own modules."""
    ds = Dataset()
    _sop_common(ds, series, sop_class_uid, number)
    _patient(ds, series.study.patient)
    _study(ds, series.study)
    _series(ds, series)
    _equipment(ds, series)
    for keyword, value in series.extra:
        setattr(ds, keyword, value)
    return ds


def _sop_common(ds: Dataset, series: Series, sop_class_uid: str, number: int) -> None:
    sets = series.study.patient.character_set
    ds.SpecificCharacterSet = sets[0] if len(sets) == 1 else list(sets)
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class_uid, series.instance_uid(number)
    ds.InstanceCreationDate, ds.InstanceCreationTime = series.study.date, series.study.time
    ds.TimezoneOffsetFromUTC = series.study.timezone
    ds.InstanceNumber = number


def _patient(ds: Dataset, patient: Patient) -> None:
    ds.PatientName, ds.PatientID = patient.name, patient.patient_id
    ds.IssuerOfPatientID = patient.issuer
    ds.PatientBirthDate, ds.PatientSex = patient.birth_date, patient.sex
    ds.PatientSize, ds.PatientWeight = patient.size, patient.weight
    if patient.citizen_id:
        other = Dataset()
        other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = patient.citizen_id, "CCCD", "TEXT"
        ds.OtherPatientIDsSequence = [other]


def _study(ds: Dataset, study: Study) -> None:
    ds.StudyInstanceUID, ds.StudyID = study.study_instance_uid, study.accession[-4:]
    ds.StudyDate, ds.StudyTime = study.date, study.time
    ds.StudyDescription, ds.AccessionNumber = study.description, study.accession
    ds.ReferringPhysicianName = study.hospital.referring
    if study.patient.birth_date:
        ds.PatientAge = age(study.patient.birth_date, study.date)


def _series(ds: Dataset, series: Series) -> None:
    ds.Modality, ds.SeriesNumber = series.modality, series.number
    ds.SeriesInstanceUID, ds.SeriesDescription = series.series_instance_uid, series.description
    ds.SeriesDate, ds.SeriesTime = series.study.date, shift(series.study.time, 60 * series.number)
    ds.OperatorsName = series.study.hospital.operator
    if series.body_part:
        ds.BodyPartExamined = series.body_part
    if series.laterality:
        ds.Laterality = series.laterality
    if series.patient_position:
        ds.PatientPosition = series.patient_position
    if series.protocol:
        ds.ProtocolName = series.protocol
    if series.frame:
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = series.frame_of_reference_uid, ""


def _equipment(ds: Dataset, series: Series) -> None:
    device, hospital = series.device, series.study.hospital
    ds.Manufacturer, ds.ManufacturerModelName = device.manufacturer, device.model
    ds.DeviceSerialNumber, ds.SoftwareVersions = device.serial, device.software
    ds.StationName = device.station
    ds.InstitutionName, ds.InstitutionAddress = hospital.institution, hospital.address
    ds.InstitutionalDepartmentName = hospital.department


def acquired(ds: Dataset, number: int = 1, seconds: float = 0.0) -> None:
    """Content and acquisition date and time, `seconds` after the series began."""
    ds.AcquisitionNumber = number
    ds.ContentDate = ds.AcquisitionDate = ds.SeriesDate
    ds.ContentTime = ds.AcquisitionTime = shift(str(ds.SeriesTime), seconds)


def shift(time: str, seconds: float) -> str:
    """A DICOM time later by `seconds`, within the same day."""
    total = int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:]) + seconds
    whole = int(total) % 86400
    text = f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}"
    part = round((total % 1) * 1000)
    return f"{text}.{part:03d}" if part else text


def age(birth_date: str, on: str) -> str:
    """Patient's Age in years as an age string (PS3.5 6.2, AS)."""
    return f"{int(on[:4]) - int(birth_date[:4]) - (on[4:] < birth_date[4:8]):03d}Y"


def plane(
    ds: Dataset, position: Sequence[float], orientation: Sequence[float], spacing: tuple[float, float], thickness: float
) -> None:
    """Image Plane (PS3.3 C.7.6.2); `spacing` is (between rows, between columns) in mm."""
    ds.ImagePositionPatient = [decimal(v) for v in position]
    ds.ImageOrientationPatient = [decimal(v) for v in orientation]
    ds.PixelSpacing = [decimal(v) for v in spacing]
    ds.SliceThickness = decimal(thickness)


def decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 6.2, DS)."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if value else "0"


def grey_pixels(
    ds: Dataset, shape: tuple[int, int], bits: int = 12, *, signed: bool = False, photometric: str = "MONOCHROME2"
) -> None:
    """Image Pixel (PS3.3 C.7.6.3) of one grey sample, `bits` stored in 8 or 16."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, photometric
    ds.Rows, ds.Columns = shape
    ds.BitsAllocated = 8 if bits <= 8 else 16
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)


def window(ds: Dataset, *settings: tuple[float, float, str]) -> None:
    """VOI LUT windows (PS3.3 C.11.2) as (centre, width, explanation)."""
    several = len(settings) > 1
    centres, widths = [decimal(s[0]) for s in settings], [decimal(s[1]) for s in settings]
    names = [s[2] for s in settings]
    ds.WindowCenter = centres if several else centres[0]
    ds.WindowWidth = widths if several else widths[0]
    ds.WindowCenterWidthExplanation = names if several else names[0]


def reference(ds: Dataset) -> Dataset:
    """An item that references `ds` by class and instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    return item


def stored(image: NDArray[np.float32], low: int, high: int) -> NDArray[np.int32]:
    """Values rounded to integers and clipped to `low`..`high`."""
    result: NDArray[np.int32] = np.clip(np.rint(image), low, high).astype(np.int32)
    return result
