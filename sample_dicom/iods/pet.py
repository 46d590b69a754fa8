"""Positron Emission Tomography Image Storage whose SUV by body weight can be computed (PS3.3 A.21, C.8.9)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import (
    Code,
    Series,
    acquired,
    decimal,
    grey_pixels,
    instance,
    plane,
    shift,
    stored,
    window,
)
from sample_dicom.phantoms.canvas import Grid, Image

HALF_LIFE = 6586.2
"""Of fluorine-18, in seconds."""


@dataclass(frozen=True)
class Tracer:
    """The injection: `dose` in Bq at the time of injection, `wait` in seconds until the series began."""

    dose: float = 260e6
    wait: float = 3600.0

    def bq_per_ml(self, weight: float) -> float:
        """Activity concentration in Bq/ml that corresponds to an SUV of 1; `weight` in kg.

        Pixels are corrected to the start of the series (DecayCorrection START), and so is the dose.
        """
        return float(self.dose * 2 ** (-self.wait / HALF_LIFE) / (weight * 1000))


@dataclass(frozen=True)
class Emission:
    """Geometry of the series: `spacing` between slices in mm, `slices` in number."""

    grid: Grid
    spacing: float
    slices: int
    tracer: Tracer


def pet_image(
    series: Series, number: int, z: float, suv: Image, emission: Emission, syntax: UID = ExplicitVRLittleEndian
) -> Dataset:
    """One axial slice at `z` mm from an image in SUV (g/ml)."""
    ds = instance(series, PositronEmissionTomographyImageStorage, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    acquired(ds)
    _series(ds, emission, series.study.patient.weight)
    _image(ds, number)
    unit = emission.tracer.bq_per_ml(series.study.patient.weight)
    slope = float(decimal(max(float(suv.max()), 0.1) * unit / 32767))
    grid = emission.grid
    plane(ds, (grid.left, grid.top, z), (1, 0, 0, 0, 1, 0), (grid.spacing,) * 2, emission.spacing)
    ds.SliceLocation = decimal(z)
    grey_pixels(ds, suv.shape[:2], 16, signed=True)
    ds.RescaleIntercept, ds.RescaleSlope = 0, decimal(slope)
    window(ds, (3 * unit, 6 * unit, "SUV 0-6"))
    return with_pixels(ds, [stored(suv * (unit / slope), 0, 32767)], syntax)


def _series(ds: Dataset, emission: Emission, weight: float) -> None:
    ds.Units, ds.CountsSource, ds.SeriesType = "BQML", "EMISSION", ["WHOLE BODY", "IMAGE"]
    ds.NumberOfSlices = emission.slices
    ds.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"]
    ds.DecayCorrection, ds.CollimatorType = "START", "NONE"
    ds.RandomsCorrectionMethod, ds.AttenuationCorrectionMethod = "DLYD", "measured, CT"
    ds.ScatterCorrectionMethod, ds.ReconstructionMethod = "Model-based", "OSEM 3i 21s"
    ds.RadiopharmaceuticalInformationSequence = [_tracer(ds, emission.tracer)]
    ds.PatientOrientationCodeSequence = [Code("102538003", "SCT", "recumbent").item()]
    ds.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = [
        Code("40199007", "SCT", "supine").item()
    ]
    ds.PatientGantryRelationshipCodeSequence = [Code("102540008", "SCT", "headfirst").item()]


def _tracer(ds: Dataset, tracer: Tracer) -> Dataset:
    item = Dataset()
    item.Radiopharmaceutical = "FDG"
    item.RadiopharmaceuticalRoute = "IV"
    start = shift(str(ds.SeriesTime), -tracer.wait)
    item.RadiopharmaceuticalStartTime = start
    item.RadiopharmaceuticalStartDateTime = f"{ds.SeriesDate}{start}{ds.TimezoneOffsetFromUTC}"
    item.RadionuclideTotalDose = decimal(tracer.dose)
    item.RadionuclideHalfLife, item.RadionuclidePositronFraction = decimal(HALF_LIFE), decimal(0.967)
    item.RadionuclideCodeSequence = [Code("77004003", "SCT", "^18^Fluorine").item()]
    item.RadiopharmaceuticalCodeSequence = [Code("35321007", "SCT", "Fluorodeoxyglucose F^18^").item()]
    return item


def _image(ds: Dataset, number: int) -> None:
    """All slices carry the start of the series as their acquisition time: one bed position."""
    ds.AcquisitionTime = ds.SeriesTime
    ds.FrameReferenceTime, ds.ActualFrameDuration = decimal(90000.0), 180000
    ds.DecayFactor, ds.DoseCalibrationFactor, ds.ScatterFractionFactor = decimal(1.0095), 1, decimal(0.34)
    ds.ImageIndex = number
