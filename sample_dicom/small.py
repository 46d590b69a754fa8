"""Minimal valid datasets for tests: quick to make, small, every UID either given or derived from the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from sample_dicom import people
from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import Series, Study, acquired, grey_pixels, instance, plane, window
from sample_dicom.makers import devices
from sample_dicom.uids import uid


def ct_slice(
    study_uid: str | None = None,
    series_uid: str | None = None,
    sop_uid: str | None = None,
    *,
    number: int = 1,
    rows: int = 64,
    columns: int | None = None,
    patient_name: str = people.MAU.name,
    patient_id: str = people.MAU.patient_id,
    study_date: str = "20251103",
    accession: str = "CT2511030001",
    modality: str = "CT",
    spacing: float = 0.5,
    slice_spacing: float = 1.0,
    pixels: NDArray[np.integer] | None = None,
    transfer_syntax_uid: UID = ExplicitVRLittleEndian,
) -> Dataset:
    """A CT slice of `rows` x `columns` with its file meta information, ready for `pydicom.dcmwrite`.

    `pixels` are stored values 0..4095 (HU + 1024), by default a ramp that depends on `number`. Left out, UIDs follow
    from the patient, the accession number, the modality and `number`, so that slices of one study belong together.
    """
    study = replace(_STUDY, key=f"small {patient_id} {accession}", accession=accession, date=study_date)
    study = replace(study, patient=replace(people.MAU, name=patient_name, patient_id=patient_id))
    series = Series(study, modality, 1, modality, "small", devices.CT, "CHEST", frame="scan", patient_position="HFS")
    ds = instance(series, CTImageStorage, number)
    ds.ImageType, ds.KVP = ["ORIGINAL", "PRIMARY", "AXIAL"], 120
    acquired(ds)
    values = _ramp(rows, columns or rows, number) if pixels is None else pixels
    plane(ds, (0, 0, slice_spacing * (number - 1)), (1, 0, 0, 0, 1, 0), (spacing, spacing), slice_spacing)
    grey_pixels(ds, (values.shape[0], values.shape[1]))
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
    window(ds, (40, 400, "SOFT TISSUE"))
    _identify(ds, study_uid, series_uid, sop_uid, number)
    return with_pixels(ds, [values], transfer_syntax_uid)


_STUDY = Study("small", people.MAU, "20251103", "080000", "CLVT thử", "CT2511030001")


def _identify(ds: Dataset, study_uid: str | None, series_uid: str | None, sop_uid: str | None, number: int) -> None:
    """Lower UIDs are derived from a given higher one, so that two studies never share an instance."""
    if study_uid:
        ds.StudyInstanceUID = study_uid
        ds.SeriesInstanceUID = uid(study_uid, str(ds.Modality))
    if series_uid:
        ds.SeriesInstanceUID = series_uid
    if study_uid or series_uid:
        ds.SOPInstanceUID = uid(str(ds.StudyInstanceUID), str(ds.SeriesInstanceUID), number)
        ds.FrameOfReferenceUID = uid(str(ds.StudyInstanceUID), "frame")
    if sop_uid:
        ds.SOPInstanceUID = sop_uid


def _ramp(rows: int, columns: int, number: int) -> NDArray[np.integer]:
    steps = np.arange(rows).reshape(-1, 1) * 7 + np.arange(columns).reshape(1, -1) * 5 + number * 11
    return (steps % 4096).astype(np.uint16)
