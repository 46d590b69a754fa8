"""Measuring phantoms of a radiograph and of an ultrasound image: a rod and a disc of known size on plain ground.

They are no part of the committed set. The radiograph is calibrated for its magnification, so that the spacing at the
detector would give other lengths; the ultrasound image has pixels that are not square, and none beside its region has a
scale.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from sample_dicom import people
from sample_dicom.iods.common import Code, Series, Study, decimal
from sample_dicom.iods.dx import View, dx_image
from sample_dicom.iods.us import tissue_region, us_image
from sample_dicom.makers import devices
from sample_dicom.phantoms.canvas import Canvas, Grid, Image

STUDY = Study("measuring", people.VI_DU, "20251107", "091000", "Vật thử đo", "DX2511070001")


@dataclass(frozen=True)
class Sizes:
    """What is in a picture, in mm from its middle; `rod_y` and `disc_y` are the heights of their middles."""

    rod_length: float
    rod_thickness: float
    rod_y: float
    disc_radius: float
    disc_y: float

    @property
    def disc_area(self) -> float:
        """In mm2."""
        return 3.141592653589793 * self.disc_radius**2


RADIOGRAPH = Sizes(rod_length=50.0, rod_thickness=6.0, rod_y=-25.0, disc_radius=15.0, disc_y=12.0)
ECHO = Sizes(rod_length=50.0, rod_thickness=5.0, rod_y=-30.0, disc_radius=18.0, disc_y=15.0)
GROUND, BODY = 1000.0, 3000.0

DETECTOR_MM, MAGNIFICATION = 0.2, 1.25
SOURCE_TO_DETECTOR, SOURCE_TO_OBJECT = 1800, 1440
RADIOGRAPH_GRID = Grid.centred(600, 600, DETECTOR_MM / MAGNIFICATION)

ECHO_ROWS, ECHO_COLUMNS = 360, 480
ECHO_ROW_MM, ECHO_COLUMN_MM = 0.4, 0.3
ECHO_REGION = (20, 10, 459, 349)
"""Left, top, right and bottom of what has a scale."""
_FINE_MM = 0.1


def datasets() -> Iterator[Dataset]:
    """Yield the radiograph, then the ultrasound image."""
    yield radiograph()
    yield echo()


def radiograph() -> Dataset:
    """A radiograph 1.25 times as large at the detector as the object is, calibrated by its geometry."""
    view = View("PA", Code("399348003", "SCT", "postero-anterior"), ("L", "F"), Code("43799004", "SCT", "Chest"), "U",
                RADIOGRAPH_GRID.spacing, ((2000, 3000, "NORMAL"),))  # fmt: skip
    series = Series(STUDY, "radiograph", 1, "DX", "Thanh 50 mm và đĩa", devices.DX, body_part="CHEST")
    ds = dx_image(series, 1, _paint(RADIOGRAPH_GRID, RADIOGRAPH), view)
    ds.ImagerPixelSpacing = [decimal(DETECTOR_MM)] * 2
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = SOURCE_TO_DETECTOR, SOURCE_TO_OBJECT
    ds.EstimatedRadiographicMagnificationFactor = decimal(MAGNIFICATION)
    ds.PixelSpacingCalibrationDescription = "Distances of source, object and detector"
    return ds


def echo() -> Dataset:
    """An ultrasound image with pixels of 0.4 mm by 0.3 mm within its region."""
    rows, columns = (round(n * mm / _FINE_MM) for n, mm in ((ECHO_ROWS, ECHO_ROW_MM), (ECHO_COLUMNS, ECHO_COLUMN_MM)))
    fine = _paint(Grid.centred(rows, columns, _FINE_MM), ECHO)
    down, across = rows // ECHO_ROWS, columns // ECHO_COLUMNS
    image = fine.reshape(ECHO_ROWS, down, ECHO_COLUMNS, across).mean(axis=(1, 3)) * (255 / 4095)
    region = tissue_region(ECHO_REGION, (ECHO_COLUMNS // 2, ECHO_REGION[1]), ECHO_ROW_MM)
    region.PhysicalDeltaX = ECHO_COLUMN_MM / 10
    series = Series(STUDY, "echo", 2, "US", "Thanh 50 mm và đĩa", devices.US, body_part="HEART")
    return us_image(series, 1, np.rint(image).astype(np.uint8), region)


def _paint(grid: Grid, sizes: Sizes) -> Image:
    canvas = Canvas(grid, GROUND)
    half = sizes.rod_thickness / 2
    canvas.rectangle(-sizes.rod_length / 2, sizes.rod_length / 2, sizes.rod_y - half, sizes.rod_y + half, BODY)
    canvas.ellipse((0, sizes.disc_y), (sizes.disc_radius, sizes.disc_radius), BODY)
    return canvas.image
