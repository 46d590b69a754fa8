"""The object that a test sends: tiny, named so that nobody takes it for a patient, and the same each time.

Its UIDs follow from our AE title: a node that is tested a hundred times still keeps one object, and may delete it.
"""

from __future__ import annotations

import uuid

from pydicom.dataset import Dataset
from pydicom.uid import UID, SecondaryCaptureImageStorage

PATIENT_ID = "FILMLESS-TEST"
SOP_CLASS = str(SecondaryCaptureImageStorage)
_ROWS = 8
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "filmless connection test")


def make(own_aet: str) -> Dataset:
    """Return a secondary capture of 8 x 8 grey pixels (PS3.3 A.8.1)."""
    ds = Dataset()
    ds.SOPClassUID = SOP_CLASS
    ds.SOPInstanceUID = _uid(own_aet, "object")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = _uid(own_aet, "study"), _uid(own_aet, "series")
    ds.PatientName, ds.PatientID = "FILMLESS^CONNECTION TEST", PATIENT_ID
    ds.PatientBirthDate = ds.PatientSex = ds.ReferringPhysicianName = ds.AccessionNumber = ds.StudyID = ""
    ds.StudyDate, ds.StudyTime = "20000101", "000000"
    ds.StudyDescription = "Connection test, may be deleted"
    ds.SeriesDescription = "Connection test, may be deleted"
    ds.Modality, ds.ConversionType, ds.SeriesNumber, ds.InstanceNumber = "OT", "SYN", 1, 1
    ds.Manufacturer, ds.PatientOrientation = "Filmless", ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = _ROWS
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.PixelData = bytes(range(0, 4 * _ROWS * _ROWS, 4))
    ds["PixelData"].VR = "OW"
    return ds


def _uid(own_aet: str, what: str) -> UID:
    # PS3.5 B.2: a UUID as a decimal number below 2.25.
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{own_aet} {what}').int}")
