"""PET/CT of the trunk with FDG: CT and PET in one frame of reference; a hot nodule of known uptake."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEGLSLossless

from sample_dicom import people
from sample_dicom.iods.common import Series, Study
from sample_dicom.iods.ct import LUNG, SOFT, Scan, ct_image
from sample_dicom.iods.pet import Emission, Tracer, pet_image
from sample_dicom.makers import devices
from sample_dicom.noise import Random, smooth
from sample_dicom.phantoms.canvas import Canvas, Grid, Image
from sample_dicom.phantoms.chest import NODULE, PLAIN, Chest, quantum_noise

STUDY = Study("pet-ct", people.GIA_DINH, "20251110", "100500", "PET/CT toàn thân F-18 FDG", "PT2511100002")
CT = Series(
    STUDY,
    "ct",
    2,
    "CT",
    "CT hiệu chỉnh suy giảm",
    devices.PET,
    "CHEST",
    frame="scan",
    patient_position="HFS",
    protocol="PETCT",
)
PET = Series(STUDY, "pet", 3, "PT", "PET đã hiệu chỉnh", devices.PET, "CHEST", frame="scan")

SPACING, SLICES, FIRST = 12.0, 24, 6.0
CT_GRID = Grid.centred(160, 160, 2.6, 0.0, 15.0)
PET_GRID = Grid.centred(96, 96, 5.0, 0.0, 15.0)
EMISSION = Emission(PET_GRID, SPACING, SLICES, Tracer())
NODULE_SUV = 9.0


def datasets() -> Iterator[Dataset]:
    """Yield the CT, then the PET, from the head down on the same heights."""
    phantom = Chest(PLAIN)
    scan = Scan(CT_GRID, SPACING, SPACING, (SOFT, LUNG), current=60)
    heights = [FIRST + SPACING * (SLICES - k) for k in range(1, SLICES + 1)]
    for number, z in enumerate(heights, 1):
        hu = quantum_noise(CT_GRID, f"pet-ct ct noise {number}", 10.0, phantom.slice(CT_GRID, z))
        yield ct_image(CT, number, z, hu, scan, JPEGLSLossless)
    for number, z in enumerate(heights, 1):
        yield pet_image(PET, number, z, uptake(phantom, z, number), EMISSION, ImplicitVRLittleEndian)


def uptake(phantom: Chest, z: float, number: int) -> Image:
    """SUV on the plane `z`: background by tissue density, warm organs, a hot nodule; blurred and noisy."""
    density = np.clip((phantom.slice(PET_GRID, z) + 1000) / np.float32(1000), 0, 1.1)
    canvas = Canvas(PET_GRID, 0.0)
    canvas.image = (density * density * np.float32(0.85)).astype(np.float32)
    canvas.image[canvas.y.reshape(-1) > 116] = 0
    canvas.ellipsoid((-62, -4, -10), (62, 60, 56), z, 2.3)
    canvas.ellipsoid((88, 38, 10), (24, 32, 32), z, 1.9)
    canvas.ellipsoid((38, -18, 80), (40, 27, 44), z, 4.6, (0.79, 0.61))
    canvas.ellipsoid((44, -14, 78), (27, 16, 36), z, 1.7, (0.79, 0.61))
    canvas.path(
        [(-6, -24, 150), (-2, -20, 184), (22, 18, 200), (26, 42, 150), (12, 40, 0)], [14, 13, 13, 12, 11], z, 1.7
    )
    canvas.ellipse((0, 54), (15, 12), 1.5)
    blurred = smooth(canvas.image, 2)
    noise = smooth(Random(f"pet noise {number}").field((PET_GRID.rows, PET_GRID.columns)))
    blurred = blurred * (1 + np.float32(0.25) * noise)
    _paint_nodule(canvas, blurred, z)
    suv: Image = np.clip(blurred, 0, None)
    return suv


def _paint_nodule(canvas: Canvas, image: Image, z: float) -> None:
    """A smooth spot over the nodule's place, with `NODULE_SUV` at its centre."""
    cx, cy, cz = NODULE.centre
    distance2 = (canvas.x - cx) * (canvas.x - cx) + (canvas.y - cy) * (canvas.y - cy) + np.float32((z - cz) ** 2)
    spot = np.clip(1 - distance2 * np.float32(1 / 16.0**2), 0, 1)
    np.maximum(image, np.float32(NODULE_SUV) * spot * spot, out=image)
