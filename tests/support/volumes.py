"""Values between the pixels of a stack of slices, by the geometry of its files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset


def sampled(series: list[Dataset], volume: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """HU at places (..., 3) of the patient in mm, linear between pixels and slices; NaN outside."""
    first = np.array([float(value) for value in series[0].ImagePositionPatient])
    gap = float(series[1].ImagePositionPatient[2]) - first[2]
    down, across = (float(value) for value in series[0].PixelSpacing)
    at = ((places - first) / (across, down, gap))[..., ::-1]
    most = np.array(volume.shape) - 1
    outside = ((at < -1e-6) | (at > most + 1e-6)).any(axis=-1)
    base = np.clip(np.floor(at).astype(int), 0, most - 1)
    share = at - base
    found = np.zeros(outside.shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner) == 1, share, 1 - share), axis=-1)
        found += weight * volume[tuple((base + corner)[..., axis] for axis in range(3))]
    return np.where(outside, np.nan, found)
