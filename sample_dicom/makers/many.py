"""Many small studies with varied patients, modalities and dates, to fill an archive for benchmarks.

Only the headers vary: the images are tiny. Names are put together at random from common parts, so that no combination
is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)

from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import Device, Series, Study, acquired, grey_pixels, instance, plane, window
from sample_dicom.makers import devices
from sample_dicom.noise import Random
from sample_dicom.people import Patient

FAMILY = (
    *("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ"),
    *("Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý"),
)
MIDDLE_F = ("Thị", "Ngọc", "Thu", "Thanh", "Bích")
MIDDLE_M = ("Văn", "Đức", "Hữu", "Quốc", "Minh")
GIVEN_F = ["Anh", "Phượng", "Hường", "Yến", "Đào", "Thủy", "Nhã", "Quỳnh", "Vân", "Hằng", "Mỹ", "Uyên"]
GIVEN_M = ["Anh", "Đạt", "Dũng", "Hưng", "Khải", "Nghĩa", "Phước", "Sơn", "Thắng", "Tuấn", "Vượng", "Ý"]


@dataclass(frozen=True)
class Kind:
    """A modality with its SOP class, devices and the examinations it is used for."""

    modality: str
    sop_class_uid: str
    device: Device
    examinations: tuple[tuple[str, str], ...]


KINDS = (
    Kind("CT", CTImageStorage, devices.CT, (("CLVT sọ não", "HEAD"), ("CLVT ngực", "CHEST"), ("CLVT bụng", "ABDOMEN"))),
    Kind(
        "MR", MRImageStorage, devices.MR, (("Cộng hưởng từ cột sống", "SPINE"), ("Cộng hưởng từ tiểu khung", "PELVIS"))
    ),
    Kind("US", UltrasoundImageStorage, devices.US, (("Siêu âm bụng", "ABDOMEN"), ("Siêu âm tuyến giáp", "THYROID"))),
    Kind("OT", SecondaryCaptureImageStorage, devices.DOCUMENTS, (("Nội soi dạ dày", "STOMACH"),)),
)


def datasets(studies: int, images: int = 1, matrix: int = 16) -> Iterator[Dataset]:
    """Yield `images` instances of each of `studies` studies; the same numbers always give the same objects."""
    random = Random("many")
    patients: list[Patient] = []
    for number in range(1, studies + 1):
        patient = _patient(random, patients)
        series = _series(random, patient, number)
        kind = next(k for k in KINDS if k.modality == series.modality)
        for image in range(1, images + 1):
            yield _image(series, kind, image, matrix)


def _patient(random: Random, known: list[Patient]) -> Patient:
    """Mostly somebody new, at times one of the earlier patients again."""
    if known and random.uniform() < 0.25:
        return known[random.pick(len(known))]
    female = random.uniform() < 0.52
    middle, given = (MIDDLE_F, GIVEN_F) if female else (MIDDLE_M, GIVEN_M)
    name = f"{FAMILY[random.pick(len(FAMILY))]}^{middle[random.pick(5)]} {given[random.pick(len(given))]}"
    born = f"{1935 + random.pick(85)}{1 + random.pick(12):02d}{1 + random.pick(28):02d}"
    patient = Patient(name, f"THU-{len(known) + 1:07d}", born, "F" if female else "M")
    known.append(patient)
    return patient


def _series(random: Random, patient: Patient, number: int) -> Series:
    kind = KINDS[min(random.pick(5), 3)]
    description, body_part = kind.examinations[random.pick(len(kind.examinations))]
    date = f"{2021 + random.pick(5)}{1 + random.pick(12):02d}{1 + random.pick(28):02d}"
    time = f"{6 + random.pick(15):02d}{random.pick(60):02d}{random.pick(60):02d}"
    accession = f"{kind.modality}{date[2:]}{number:07d}"
    study = Study(f"many {number}", patient, date, time, description, accession)
    frame, position = ("scan", "HFS") if kind.modality in ("CT", "MR") else ("", "")
    return Series(study, "1", 1, kind.modality, description, kind.device, body_part, frame, position)


def _image(series: Series, kind: Kind, number: int, matrix: int) -> Dataset:
    ds = instance(series, kind.sop_class_uid, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    acquired(ds)
    if series.frame:
        plane(ds, (0, 0, 5 * (number - 1)), (1, 0, 0, 0, 1, 0), (1, 1), 5)
    else:
        ds.PatientOrientation = None
    grey_pixels(ds, (matrix, matrix), 8 if kind.modality in ("US", "OT") else 12)
    window(ds, (2 ** (ds.BitsStored - 1), 2**ds.BitsStored, "FULL"))
    _required(ds, kind.modality)
    values = np.arange(matrix * matrix).reshape(matrix, matrix) * (2**ds.BitsStored - 1) // (matrix * matrix)
    return with_pixels(ds, [values])


def _required(ds: Dataset, modality: str) -> None:
    """What the modality's own module cannot do without (PS3.3 C.8.2.1, C.8.3.1, C.8.6.1)."""
    if modality == "CT":
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.KVP, ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 120, -1024, 1, "HU"
    elif modality == "MR":
        ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions, ds.MRAcquisitionType = "SE", "NONE", "", "2D"
        ds.RepetitionTime, ds.EchoTime, ds.EchoTrainLength = 500, 12, 1
    elif modality == "OT":
        ds.ConversionType = "WSD"
