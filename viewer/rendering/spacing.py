"""How many millimetres a pixel is, and how far that can be believed (PS3.3 10.7).

- Cross-sections: Pixel Spacing is measured in the patient.
- Projections: Imager Pixel Spacing is measured at the detector, where things look larger than they are. Pixel Spacing
  that differs from it was calibrated (10.7.1.3), by known geometry or an object of known size; equal to it, it was not.
- Digitised film: Nominal Scanned Pixel Spacing is measured on the film.
- Ultrasound: each region has its own scale, in Physical Delta X and Y (C.8.5.5).
No scale at all is common and must look like that: never a 0, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from pydicom.dataset import Dataset

from viewer.rendering.attributes import integer, items, macro, number, numbers, text

PATIENT = "patient"
CALIBRATED = "calibrated"
DETECTOR = "detector"
FILM = "film"
REGION = "region"
UNKNOWN = "unknown"

_PROJECTIONS = {"CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG"}
_CENTIMETRES = 3


@dataclass(frozen=True, slots=True)
class Spacing:
    """Millimetres between rows and between columns, None where unknown, and what they are true of.

    `status`: 'patient' (in the patient), 'calibrated' (a projection, corrected), 'detector' (a projection, not
    corrected for magnification), 'film' (on the scanned film), 'region' (ultrasound, inside its region), 'unknown'.
    `calibration` is Pixel Spacing Calibration Type (GEOMETRY, FIDUCIAL) where stated.
    """

    row_mm: float | None = None
    column_mm: float | None = None
    status: str = UNKNOWN
    calibration: str = ""


@dataclass(frozen=True, slots=True)
class Region:
    """An ultrasound region with a spatial scale: its bounds in pixels, both ends included, and mm a pixel."""

    left: int
    top: int
    right: int
    bottom: int
    row_mm: float
    column_mm: float


def read_spacing(ds: Dataset, index: int) -> Spacing:
    """The scale of frame `index`."""
    measured = _pair(macro(ds, index, "PixelMeasuresSequence"), "PixelSpacing")
    detector = _pair(ds, "ImagerPixelSpacing")
    if measured and (detector or text(ds, "Modality") in _PROJECTIONS):
        return _projection(ds, measured, detector)
    if measured:
        return Spacing(*measured, PATIENT, text(ds, "PixelSpacingCalibrationType"))
    if detector:
        return Spacing(*detector, DETECTOR)
    if film := _pair(ds, "NominalScannedPixelSpacing"):
        return Spacing(*film, FILM)
    regions = {(region.row_mm, region.column_mm) for region in read_regions(ds)}
    return Spacing(*regions.pop(), REGION) if len(regions) == 1 else Spacing()


def _projection(ds: Dataset, measured: tuple[float, float], detector: tuple[float, float] | None) -> Spacing:
    """Pixel Spacing of a projection is calibrated where it says so or differs from the detector's (10.7.1.3)."""
    calibration = text(ds, "PixelSpacingCalibrationType")
    same = detector is None or all(isclose(a, b, rel_tol=1e-4) for a, b in zip(measured, detector, strict=True))
    return Spacing(*measured, DETECTOR if same and not calibration else CALIBRATED, calibration)


def read_regions(ds: Dataset) -> tuple[Region, ...]:
    """Ultrasound regions whose two axes are both lengths; others (Doppler, M-mode) have no spatial scale."""
    regions = (_region(item) for item in items(ds, "SequenceOfUltrasoundRegions"))
    return tuple(region for region in regions if region is not None)


def _region(item: Dataset) -> Region | None:
    units = {integer(item, f"PhysicalUnits{axis}Direction") for axis in "XY"}
    across, down = number(item, "PhysicalDeltaX"), number(item, "PhysicalDeltaY")
    bounds = [integer(item, f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    left, top, right, bottom = bounds
    if units != {_CENTIMETRES} or not across or not down:
        return None
    if left is None or top is None or right is None or bottom is None:
        return None
    return Region(left, top, right, bottom, abs(down) * 10, abs(across) * 10)


def read_aspect(ds: Dataset, index: int) -> float:
    """Height of a pixel over its width: from the scale, else from Pixel Aspect Ratio (C.7.6.3.1.7); 1 if unsaid."""
    spacing = read_spacing(ds, index)
    if spacing.row_mm and spacing.column_mm:
        return _sane(spacing.row_mm / spacing.column_mm)
    ratio = _pair(ds, "PixelAspectRatio")
    return _sane(ratio[0] / ratio[1]) if ratio else 1.0


def _sane(aspect: float) -> float:
    """Beyond 1 to 20 a ratio is a mistake, and would make pictures of absurd size."""
    return aspect if 0.05 <= aspect <= 20 else 1.0


def _pair(ds: Dataset, keyword: str) -> tuple[float, float] | None:
    """Two positive numbers (between rows, between columns), or None."""
    values = numbers(ds, keyword)
    return (values[0], values[1]) if len(values) == 2 and min(values) > 0 else None
