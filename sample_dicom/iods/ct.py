"""CT Image Storage (PS3.3 A.3) from an image in HU."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import Series, acquired, decimal, grey_pixels, instance, plane, stored, window
from sample_dicom.phantoms.canvas import Grid, Image

SOFT = (40.0, 400.0, "SOFT TISSUE")
LUNG = (-600.0, 1500.0, "LUNG")
BONE = (480.0, 2500.0, "BONE")
BRAIN = (40.0, 80.0, "BRAIN")


@dataclass(frozen=True)
class Scan:
    """Technique of an axial CT series; `thickness` and `spacing` (between slices) in mm."""

    grid: Grid
    thickness: float
    spacing: float
    windows: tuple[tuple[float, float, str], ...]
    kernel: str = "STANDARD"
    kvp: int = 120
    current: int = 180
    contrast: str = ""
    signed: bool = False
    """True: 16-bit signed HU with intercept 0; False: 12-bit unsigned with intercept -1024."""


def ct_image(
    series: Series, number: int, z: float, hu: Image, scan: Scan, transfer_syntax_uid: UID = ExplicitVRLittleEndian
) -> Dataset:
    """One axial slice at `z` mm of `series`, its values `hu` of shape (rows, columns)."""
    ds = instance(series, CTImageStorage, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    acquired(ds, 1, 0.1 * number)
    _technique(ds, scan)
    plane(ds, (scan.grid.left, scan.grid.top, z), (1, 0, 0, 0, 1, 0), (scan.grid.spacing,) * 2, scan.thickness)
    ds.SliceLocation, ds.SpacingBetweenSlices = decimal(z), decimal(scan.spacing)
    if scan.signed:
        grey_pixels(ds, hu.shape[:2], 16, signed=True)
        values, intercept = stored(hu, -1024, 3071), 0
    else:
        grey_pixels(ds, hu.shape[:2], 12)
        values, intercept = stored(hu + 1024, 0, 4095), -1024
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = intercept, 1, "HU"
    window(ds, *scan.windows)
    return with_pixels(ds, [values], transfer_syntax_uid)


def _technique(ds: Dataset, scan: Scan) -> None:
    ds.KVP, ds.XRayTubeCurrent, ds.ExposureTime = scan.kvp, scan.current, 500
    ds.Exposure = scan.current // 2
    ds.ConvolutionKernel, ds.GantryDetectorTilt = scan.kernel, 0
    ds.ReconstructionDiameter = decimal(scan.grid.spacing * scan.grid.columns)
    ds.DataCollectionDiameter, ds.RotationDirection = 500, "CW"
    ds.FilterType, ds.TableHeight = "BODY FILTER", decimal(126)
    if scan.contrast:
        ds.ContrastBolusAgent, ds.ContrastBolusRoute, ds.ContrastBolusVolume = scan.contrast, "IV", 80
