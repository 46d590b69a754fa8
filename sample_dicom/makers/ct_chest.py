"""CT of the chest with contrast: one axial series, from head to feet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from sample_dicom import people
from sample_dicom.iods.common import Series, Study
from sample_dicom.iods.ct import BONE, LUNG, SOFT, Scan, ct_image
from sample_dicom.makers import devices
from sample_dicom.phantoms.canvas import Grid
from sample_dicom.phantoms.chest import Chest, quantum_noise

EXTENT = 288.0
"""Length of the scan in mm, from z = 0 upwards."""
FIELD_OF_VIEW = 400.0
"""Side of the image in mm."""
NOISE = 7.0
"""Standard deviation in HU within the patient."""

STUDY = Study("ct-chest", people.MAU, "20251103", "083012", "CLVT ngực có tiêm thuốc cản quang", "CT2511030007")
SERIES = Series(
    STUDY,
    "axial",
    2,
    "CT",
    "Ngực 6 mm, thì động mạch",
    devices.CT,
    body_part="CHEST",
    frame="scan",
    patient_position="HFS",
    protocol="CHEST CONTRAST",
)


@dataclass(frozen=True)
class Size:
    """How much to make: number of slices over `EXTENT`, and rows = columns."""

    slices: int = 48
    matrix: int = 384

    @property
    def spacing(self) -> float:
        """Distance in mm between slices."""
        return round(EXTENT / self.slices, 4)

    @property
    def grid(self) -> Grid:
        """The image grid, with the patient a little above its middle to show the table."""
        return Grid.centred(self.matrix, self.matrix, FIELD_OF_VIEW / self.matrix, 0.0, 20.0)


STANDARD = Size()
"""The size of the committed series."""


def series_of(size: Size) -> Series:
    """The committed series, or another one (other UIDs) for any other size."""
    if size == STANDARD:
        return SERIES
    study = replace(STUDY, key=f"ct-chest-{size.slices}-{size.matrix}")
    return replace(SERIES, study=study, description=f"Ngực {size.spacing:g} mm")


def datasets(size: Size = STANDARD, transfer_syntax_uid: UID = ExplicitVRLittleEndian) -> Iterator[Dataset]:
    """Yield the slices, highest first, one in memory at a time."""
    series, grid, phantom = series_of(size), size.grid, Chest()
    scan = Scan(grid, size.spacing, size.spacing, (SOFT, LUNG, BONE), contrast="IOHEXOL 300")
    for number in range(1, size.slices + 1):
        z = EXTENT - size.spacing * (number - 0.5)
        name = f"{series.study.key} noise {number}"
        hu = quantum_noise(grid, name, NOISE, phantom.slice(grid, z))
        yield ct_image(series, number, z, hu, scan, transfer_syntax_uid)
