"""MR of the brain: axial T1 and T2 on the same slices, in one frame of reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless

from sample_dicom import people
from sample_dicom.iods.common import Series, Study
from sample_dicom.iods.mr import Sequence, mr_image
from sample_dicom.makers import devices
from sample_dicom.noise import Random
from sample_dicom.phantoms import head
from sample_dicom.phantoms.canvas import Grid, Image

STUDY = Study("mr-brain", people.MO_PHONG, "20251105", "093120", "Cộng hưởng từ sọ não", "MR2511050003")
GRID = Grid.centred(192, 192, 1.2, 0.0, 2.0)
SPACING, SLICES, FIRST = 7.5, 17, 4.0


@dataclass(frozen=True)
class Weighting:
    """One series: its sequence, tissue values and transfer syntax."""

    series: Series
    sequence: Sequence
    palette: head.Palette
    transfer_syntax_uid: UID


def _series(key: str, number: int, description: str) -> Series:
    return Series(
        STUDY,
        key,
        number,
        "MR",
        description,
        devices.MR,
        "BRAIN",
        frame="scan",
        patient_position="HFS",
        protocol=description,
    )


WEIGHTINGS = (
    Weighting(
        _series("t1", 2, "T1 SE axial"),
        Sequence("*se2d1", GRID, 6.0, SPACING, 500, 12, 1, (480, 960, "T1")),
        head.T1,
        JPEG2000Lossless,
    ),
    Weighting(
        _series("t2", 3, "T2 TSE axial"),
        Sequence("*tse2d1_13", GRID, 6.0, SPACING, 4200, 98, 13, (480, 960, "T2")),
        head.T2,
        JPEGLSLossless,
    ),
)


def datasets() -> Iterator[Dataset]:
    """Yield T1, then T2, from the skull base up."""
    for weighting in WEIGHTINGS:
        phantom = head.Head(weighting.palette, "brain")
        for number in range(1, SLICES + 1):
            z = FIRST + SPACING * (number - 1)
            signal = _receive(phantom.slice(GRID, z), f"{weighting.series.key} noise {number}")
            yield mr_image(weighting.series, number, z, signal, weighting.sequence, weighting.transfer_syntax_uid)


def _receive(signal: Image, name: str) -> Image:
    """Signal as a coil gives it: brighter towards the edge, magnitude noise (Rician)."""
    x, y = GRID.x / np.float32(110), GRID.y / np.float32(110)
    shaded = signal * (np.float32(0.94) + np.float32(0.14) * (x * x + y * y))
    random = Random(name)
    shape = (GRID.rows, GRID.columns)
    real, imaginary = shaded + 6 * random.soft_field(shape), 6 * random.soft_field(shape)
    magnitude: Image = np.sqrt(real * real + imaginary * imaginary)
    return magnitude
