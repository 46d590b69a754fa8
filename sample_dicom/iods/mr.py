"""MR Image Storage (PS3.3 A.4)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import Series, acquired, decimal, grey_pixels, instance, plane, stored, window
from sample_dicom.phantoms.canvas import Grid, Image


@dataclass(frozen=True)
class Sequence:
    """A spin echo sequence; times in ms, `thickness` and `spacing` in mm."""

    name: str
    grid: Grid
    thickness: float
    spacing: float
    repetition_time: float
    echo_time: float
    echo_train: int
    window: tuple[float, float, str]


def mr_image(
    series: Series,
    number: int,
    z: float,
    signal: Image,
    sequence: Sequence,
    transfer_syntax_uid: UID = ExplicitVRLittleEndian,
) -> Dataset:
    """One axial slice at `z` mm, `signal` of shape (rows, columns) from 0 to 4095."""
    ds = instance(series, MRImageStorage, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    acquired(ds, 1, 2.5 * number)
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "SK", "PFP"
    ds.MRAcquisitionType, ds.SequenceName = "2D", sequence.name
    ds.RepetitionTime, ds.EchoTime = decimal(sequence.repetition_time), decimal(sequence.echo_time)
    ds.EchoTrainLength, ds.EchoNumbers, ds.NumberOfAverages = sequence.echo_train, 1, 2
    ds.MagneticFieldStrength, ds.ImagingFrequency, ds.ImagedNucleus = decimal(1.5), decimal(63.87), "1H"
    ds.FlipAngle, ds.PercentSampling, ds.PercentPhaseFieldOfView = 90, 100, 100
    ds.PixelBandwidth, ds.InPlanePhaseEncodingDirection = 130, "ROW"
    grid = sequence.grid
    plane(ds, (grid.left, grid.top, z), (1, 0, 0, 0, 1, 0), (grid.spacing,) * 2, sequence.thickness)
    ds.SliceLocation, ds.SpacingBetweenSlices = decimal(z), decimal(sequence.spacing)
    grey_pixels(ds, signal.shape[:2], 12)
    window(ds, sequence.window)
    return with_pixels(ds, [stored(signal, 0, 4095)], transfer_syntax_uid)
