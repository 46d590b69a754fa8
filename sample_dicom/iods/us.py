"""Ultrasound images calibrated by regions: in colour with many frames, and one of greys (PS3.3 A.6, A.7, C.8.5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import JPEGBaseline8Bit, UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import Code, Series, acquired, decimal, grey_pixels, instance


def us_cine(
    series: Series, number: int, frames: Sequence[NDArray[np.uint8]], frame_time: float, region: Dataset
) -> Dataset:
    """A cine of RGB `frames` (rows, columns, 3), `frame_time` ms apart, compressed as JPEG baseline 4:2:2."""
    ds = instance(series, UltrasoundMultiFrameImageStorage, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "TTE", "0010"]
    ds.PatientOrientation = None
    acquired(ds)
    ds.SequenceOfUltrasoundRegions = [region]
    ds.AnatomicRegionSequence = [Code("80891009", "SCT", "Heart").item()]
    ds.NumberOfFrames, ds.FrameTime = len(frames), decimal(frame_time)
    ds.FrameIncrementPointer = Tag("FrameTime")
    ds.CineRate = ds.RecommendedDisplayFrameRate = round(1000 / frame_time)
    ds.HeartRate = round(60000 / (frame_time * len(frames)))
    ds.StartTrim, ds.StopTrim = 1, len(frames)
    _colour_pixels(ds, frames[0])
    with_pixels(ds, list[NDArray[Any]](frames), JPEGBaseline8Bit)
    ds.LossyImageCompression, ds.LossyImageCompressionMethod = "01", "ISO_10918_1"
    ds.LossyImageCompressionRatio = decimal(round(sum(f.nbytes for f in frames) / len(ds.PixelData), 1))
    return ds


def us_image(series: Series, number: int, image: NDArray[np.uint8], region: Dataset) -> Dataset:
    """A still picture of greys (rows, columns), calibrated by one region, uncompressed."""
    ds = instance(series, UltrasoundImageStorage, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    ds.PatientOrientation = None
    acquired(ds)
    ds.SequenceOfUltrasoundRegions = [region]
    ds.UltrasoundColorDataPresent = 0
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    grey_pixels(ds, (image.shape[0], image.shape[1]), 8)
    return with_pixels(ds, [image])


def _colour_pixels(ds: Dataset, frame: NDArray[np.uint8]) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "YBR_FULL_422", 0
    ds.Rows, ds.Columns = frame.shape[:2]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.BurnedInAnnotation = "NO"
    ds.UltrasoundColorDataPresent = 1


def tissue_region(box: tuple[int, int, int, int], origin: tuple[int, int], spacing_mm: float) -> Dataset:
    """A 2D region in cm (PS3.3 C.8.5.5.1): `box` is left, top, right, bottom, `origin` the reference pixel in it."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = box[:2]
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = box[2:]
    region.ReferencePixelX0, region.ReferencePixelY0 = origin[0] - box[0], origin[1] - box[1]
    region.ReferencePixelPhysicalValueX = region.ReferencePixelPhysicalValueY = 0.0
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = spacing_mm / 10
    return region
