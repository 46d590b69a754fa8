"""A study whose pixels are known, and the screens it is looked at on."""

from __future__ import annotations

import numpy as np

from storage.archive import Archive
from tests.support.objects import ct, store

SIDE = 64
SLICES = 12
STUDY = "1.2.826.0.1.3680043.10.999.50"

DESKTOP: dict[str, object] = {"viewport": {"width": 1366, "height": 768}}
PHONE: dict[str, object] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


def slice_values(number: int) -> np.ndarray:
    """Stored values of slice `number` (from 1), in HU: a ramp across, a step down, brighter by 10 each slice."""
    columns, rows = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    return (columns * 8 + np.where(rows < SIDE // 2, 0, 400) + number * 10 - 200).astype("<i2")


def put_slices(archive: Archive, study: str = STUDY, slices: int = SLICES, **attributes: object) -> None:
    for number in range(1, slices + 1):
        more = {
            "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.{number}",
            "InstanceNumber": number, "Rows": SIDE, "Columns": SIDE, "PixelData": slice_values(number).tobytes(),
            "WindowCenter": 100, "WindowWidth": 500, "RescaleSlope": 1, "RescaleIntercept": 0,
            "PixelSpacing": [1, 1], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "ImagePositionPatient": [0, 0, number * 5], "SliceLocation": number * 5, "SliceThickness": 5,
        }  # fmt: skip
        store(archive, ct(**{**more, **attributes}))
