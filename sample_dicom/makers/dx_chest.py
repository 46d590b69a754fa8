"""Radiographs of the chest, three days before the CT of the same patient: PA, and left lateral in MONOCHROME1."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1

from sample_dicom import people
from sample_dicom.iods.common import Code, Series, Study
from sample_dicom.iods.dx import View, dx_image
from sample_dicom.makers import devices
from sample_dicom.phantoms.radiograph import STEP, develop, project_chest

STUDY = Study("dx-chest", people.MAU, "20251031", "071540", "X-quang ngực thẳng, nghiêng", "DX2510310042")
CHEST = Code("43799004", "SCT", "Chest")

PA = View(
    "PA", Code("399348003", "SCT", "postero-anterior"), ("L", "F"), CHEST, "U", STEP / 2, ((1400, 2400, "NORMAL"),)
)
LATERAL = View(
    "LL",
    Code("399198007", "SCT", "left lateral"),
    ("P", "F"),
    CHEST,
    "U",
    STEP / 2,
    ((2595, 3000, "NORMAL"),),
    inverse=True,
    exposure=8,
)


def datasets() -> Iterator[Dataset]:
    """Yield the two images, each a series of its own."""
    projections = project_chest()
    frontal = develop(projections.frontal, "dx frontal")
    yield dx_image(_series("pa", 1, "Ngực thẳng PA"), 1, frontal, PA, JPEG2000Lossless)
    lateral = develop(projections.lateral, "dx lateral")
    yield dx_image(_series("lateral", 2, "Ngực nghiêng trái"), 1, lateral, LATERAL, JPEGLosslessSV1)


def _series(key: str, number: int, description: str) -> Series:
    return Series(STUDY, key, number, "DX", description, devices.DX, body_part="CHEST")
