"""CT of the head without contrast: a small bleed in the right basal ganglia. Signed HU; the patient is Japanese."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from sample_dicom import people
from sample_dicom.iods.common import Series, Study
from sample_dicom.iods.ct import BONE, BRAIN, Scan, ct_image
from sample_dicom.makers import devices
from sample_dicom.noise import Random
from sample_dicom.phantoms import head
from sample_dicom.phantoms.canvas import Grid

STUDY = Study(
    "ct-head", people.SHIKEN, "20251104", "214503", "頭部CT", "JP25110419", people.JAPANESE_HOSPITAL, timezone="+0900"
)
SERIES = Series(
    STUDY, "axial", 1, "CT", "頭部 単純", devices.CT, "HEAD", frame="scan", patient_position="HFS", protocol="HEAD"
)
GRID = Grid.centred(256, 256, 0.9, 0.0, 2.0)
SPACING, SLICES, FIRST = 7.0, 19, 132.0


def datasets(transfer_syntax_uid: UID = ExplicitVRLittleEndian) -> Iterator[Dataset]:
    """Yield the slices from the vertex down."""
    phantom = head.Head(head.CT)
    scan = Scan(GRID, SPACING, SPACING, (BRAIN, BONE), kernel="BRAIN", current=260, signed=True)
    for number in range(1, SLICES + 1):
        z = FIRST - SPACING * (number - 1)
        image = phantom.slice(GRID, z)
        level = 2.6 * (image > -990) + 0.8 * (image <= -990)
        hu = image + level * Random(f"ct-head noise {number}").soft_field((GRID.rows, GRID.columns))
        yield ct_image(SERIES, number, z, hu, scan, transfer_syntax_uid)
