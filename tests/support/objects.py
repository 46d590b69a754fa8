"""Small DICOM objects, built in code."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from storage.archive import Archive
from storage.incoming import Announced
from storage.model import Source, Stored

STUDY, SERIES, INSTANCE = (
    "1.2.826.0.1.3680043.10.999.1",
    "1.2.826.0.1.3680043.10.999.1.1",
    "1.2.826.0.1.3680043.10.999.1.1.1",
)
TEST_SOURCE = Source("TEST", "127.0.0.1")


def ct(**attributes: object) -> Dataset:
    """A CT slice of 8 x 8 pixels that holds all that the archive looks at; keywords set or (None) delete attributes."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = INSTANCE
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.Modality = "20260131", "081500", "A1", "CT"
    ds.StudyDescription, ds.SeriesDescription = "CT ngực", "Nhu mô phổi"
    ds.ReferringPhysicianName = "Trần^Thị^Bình"
    ds.PatientName, ds.PatientID = "Nguyễn^Văn^Đức", "BN001"
    ds.PatientBirthDate, ds.PatientSex = "19700102", "M"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, SERIES
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", 1, 1
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = 8, 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.PixelData = np.arange(64, dtype="<i2").tobytes()
    for keyword, value in attributes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def encode(ds: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """The data set as it travels in a C-STORE: no preamble, no meta group."""
    uid = UID(transfer_syntax_uid)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = uid.is_little_endian, uid.is_implicit_VR
    write_dataset(buffer, ds)
    if uid == DeflatedExplicitVRLittleEndian:
        import zlib

        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return deflate.compress(buffer.getvalue()) + deflate.flush()
    return bytes(buffer.getvalue())


def store(
    archive: Archive,
    ds: Dataset | bytes,
    *,
    sop_class_uid: str = CTImageStorage,
    sop_instance_uid: str = "",
    transfer_syntax_uid: str = ExplicitVRLittleEndian,
    source: Source = TEST_SOURCE,
) -> Stored:
    """Hand one object to the archive as a receiver does; what the message announces is taken from a Dataset itself."""
    if isinstance(ds, Dataset):
        sop_class_uid, sop_instance_uid = str(ds.get("SOPClassUID", "")), str(ds.get("SOPInstanceUID", ""))
        ds = encode(ds, transfer_syntax_uid)
    with archive.receive(Announced(sop_class_uid, sop_instance_uid, transfer_syntax_uid), source) as incoming:
        incoming.write(ds)
        return incoming.keep()


def write_file(path: Path, ds: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> Path:
    """Write a Part 10 file as other programs do."""
    from pydicom.dataset import FileMetaDataset

    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    path.write_bytes(buffer.getvalue())
    return path


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, sorted."""
    return sorted(p for p in folder.rglob("*") if p.is_file())
