"""Colour ultrasound of the heart: one beat as a cine."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from sample_dicom import people
from sample_dicom.iods.common import Series, Study
from sample_dicom.iods.us import tissue_region, us_cine
from sample_dicom.makers import devices
from sample_dicom.phantoms import echo

STUDY = Study("us-cine", people.VI_DU, "20251106", "140210", "Siêu âm tim Doppler màu", "US2511060021")
SERIES = Series(STUDY, "cine", 1, "US", "Mặt cắt bốn buồng", devices.US, body_part="HEART")
FRAMES = 16
FRAME_TIME = 50.0


def datasets() -> Iterator[Dataset]:
    """Yield the one cine."""
    scene = echo.Echo()
    frames = [scene.frame(k / FRAMES) for k in range(FRAMES)]
    box = (40, echo.APEX[1], echo.COLUMNS - 40, echo.ROWS - 1)
    yield us_cine(SERIES, 1, frames, FRAME_TIME, tissue_region(box, echo.APEX, echo.SPACING))
