"""Radiographs of the chest phantom: parallel projections of its slices, processed as a digital detector does it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sample_dicom.noise import Random, smooth
from sample_dicom.phantoms.canvas import Grid, Image
from sample_dicom.phantoms.chest import PLAIN, Chest

STEP = 0.8
"""Sampling of the phantom in mm; the images have twice as many pixels."""


@dataclass(frozen=True)
class Projections:
    """Water-equivalent path in mm: `frontal` (rows from head to feet, columns to the patient's left) and `lateral`
    (columns to the back), both sampled at `STEP`."""

    frontal: Image
    lateral: Image


def project_chest(top: float = 304.0, bottom: float = -40.0) -> Projections:
    """Project the plain chest with arms out of the way from both sides, slice by slice."""
    phantom = Chest(PLAIN, table=False, arms_down=True)
    grid = Grid.centred(344, 540, STEP, 0.0, 0.0)
    frontal, lateral = [], []
    for row in range(int((top - bottom) / STEP)):
        density = _attenuation(phantom.slice(grid, top - STEP * row))
        frontal.append(density.sum(axis=0))
        lateral.append(density.sum(axis=1))
    return Projections(_to_mm(frontal), _to_mm(lateral))


def _attenuation(hu: Image) -> NDArray[np.int64]:
    """Attenuation in thousandths of water, as integers so that their sum does not depend on its order."""
    bone = np.clip(hu - 130, 0, None)
    return np.rint(np.clip(hu + 1000, 0, None) + np.float32(0.45) * bone).astype(np.int64)


def _to_mm(rows: list[NDArray[np.int64]]) -> Image:
    return (np.stack(rows) * (STEP / 1000)).astype(np.float32)


def develop(path: Image, name: str, noise: float = 5.0) -> Image:
    """Presentation values 0..4095 (dense = bright) at twice the sampling: contrast equalised, edges raised, noise."""
    fine = smooth(enlarge(path))
    broad = _broad(path)
    detail = fine - enlarge(broad)
    edge = fine - smooth(fine, 6)
    tone = np.sqrt(np.clip(enlarge(broad), 0, None) * np.float32(1 / 230)) * np.float32(1750)
    image = tone + detail * np.float32(19) + edge * np.float32(22)
    image = image * np.clip(fine * np.float32(1 / 12), 0, 1)
    grain = smooth(Random(name).field((image.shape[0], image.shape[1]))) * np.float32(8 / 3 * noise)
    values: Image = np.clip(image + 60 + grain, 0, 4095).astype(np.float32)
    return values


def enlarge(image: Image) -> Image:
    """Twice the rows and columns, by repetition; smooth afterwards."""
    return np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)


def _broad(image: Image) -> Image:
    """A very wide blur: reduced by eight, smoothed, and brought back to the same shape."""
    rows, columns = (-image.shape[0]) % 8, (-image.shape[1]) % 8
    padded = np.pad(image, ((0, rows), (0, columns)), mode="edge")
    small = np.zeros((padded.shape[0] // 8, padded.shape[1] // 8), np.float32)
    for i in range(8):
        for j in range(8):
            small += padded[i::8, j::8] * np.float32(1 / 64)
    small = smooth(small, 4)
    for _ in range(3):
        small = smooth(enlarge(small), 2)
    broad: Image = small[: image.shape[0], : image.shape[1]]
    return broad
