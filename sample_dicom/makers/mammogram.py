"""A mammogram of the left breast from above (CC); the patient's name needs Latin-1."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from sample_dicom import people
from sample_dicom.iods.common import Code, Series, Study
from sample_dicom.iods.dx import View, mg_image
from sample_dicom.makers import devices
from sample_dicom.phantoms.breast import mammogram
from sample_dicom.phantoms.canvas import Grid

STUDY = Study(
    "mammogram",
    people.MUSTER,
    "20251022",
    "101500",
    "Mammographie links, Früherkennung",
    "DE25102201",
    people.GERMAN_HOSPITAL,
    timezone="+0200",
)
SERIES = Series(STUDY, "lcc", 1, "MG", "L CC", devices.MG, body_part="BREAST")
GRID = Grid(1024, 640, 0.2, 0.1, -102.3)
VIEW = View(
    "CC",
    Code("399162004", "SCT", "cranio-caudal"),
    ("A", "R"),
    Code("76752008", "SCT", "Breast"),
    "L",
    GRID.spacing,
    ((1900, 2600, "NORMAL"), (2100, 1800, "HARDER")),
    kvp=29,
    exposure=90,
)


def datasets(transfer_syntax_uid: UID = ExplicitVRLittleEndian) -> Iterator[Dataset]:
    """Yield the one image."""
    yield mg_image(SERIES, 1, mammogram(GRID), VIEW, transfer_syntax_uid)
