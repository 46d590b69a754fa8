"""Objects that are no plain images, built in code, over a stack of oblique slices with a bright block in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.support.objects import ct

STUDY = "1.2.826.0.1.3680043.10.999.70"
FRAME = f"{STUDY}.9"
ROWS, COLUMNS, SLICES = 120, 160, 3
ROW_MM, COLUMN_MM, STEP_MM = 1.0, 0.5, 5.0
"""Between rows, between columns, between slices; a pixel is twice as high as wide."""
ALONG, DOWN = np.array([0.8, 0.6, 0.0]), np.array([0.0, 0.0, -1.0])
ORIGIN = np.array([-30.0, 12.0, 200.0])
TOP, BOTTOM, LEFT, RIGHT = 40, 80, 30, 90
"""The block: its first row and column, and those after its last."""
SEGMENTATION, STRUCTURES = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.3"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
ECG, VIDEO = "1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1"


def place(number: int, row: float, column: float) -> list[float]:
    """A pixel's place in the patient (PS3.3 C.7.6.2.1.1); rows and columns count from 0 in the middle of pixels."""
    normal = np.cross(ALONG, DOWN)
    at = ORIGIN + normal * STEP_MM * number + ALONG * COLUMN_MM * column + DOWN * ROW_MM * row
    return [round(float(value), 6) for value in at]


def slices() -> list[Dataset]:
    """The stack: the block is 1000, the ground 0."""
    pixels = np.zeros((ROWS, COLUMNS), "<i2")
    pixels[TOP:BOTTOM, LEFT:RIGHT] = 1000
    return [
        ct(
            StudyInstanceUID=STUDY,
            SeriesInstanceUID=f"{STUDY}.1",
            SOPInstanceUID=f"{STUDY}.1.{number}",
            InstanceNumber=number + 1,
            FrameOfReferenceUID=FRAME,
            Rows=ROWS,
            Columns=COLUMNS,
            PixelData=pixels.tobytes(),
            WindowCenter=500,
            WindowWidth=1000,
            PixelSpacing=[ROW_MM, COLUMN_MM],
            ImageOrientationPatient=[*ALONG, *DOWN],
            ImagePositionPatient=place(number, 0, 0),
        )
        for number in range(SLICES)
    ]


def _other(sop_class_uid: str, modality: str, number: int) -> Dataset:
    ds = ct(PixelData=None, Rows=None, Columns=None, SamplesPerPixel=None, PhotometricInterpretation=None)
    for keyword in ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, keyword)
    ds.SOPClassUID, ds.Modality, ds.SeriesNumber = sop_class_uid, modality, number
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, f"{STUDY}.{number}"
    ds.SOPInstanceUID, ds.SeriesDescription = f"{STUDY}.{number}.1", modality
    return ds


def structure_set() -> Dataset:
    """One structure round the block of the middle slice, in mm; no contour says which image it lies on."""
    ds = _other(STRUCTURES, "RTSTRUCT", 2)
    frame, roi, contours, contour = Dataset(), Dataset(), Dataset(), Dataset()
    frame.FrameOfReferenceUID = FRAME
    ds.ReferencedFrameOfReferenceSequence = [frame]
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "Khối", FRAME
    top, bottom, left, right = TOP - 0.5, BOTTOM - 0.5, LEFT - 0.5, RIGHT - 0.5
    corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
    contour.ContourData = [value for row, column in corners for value in place(1, row, column)]
    contours.ReferencedROINumber, contours.ROIDisplayColor, contours.ContourSequence = 1, [255, 0, 0], [contour]
    ds.StructureSetROISequence, ds.ROIContourSequence = [roi], [contours]
    return ds


def segmentation() -> Dataset:
    """The block of the middle slice as a segment, placed by its plane alone."""
    ds = _other(SEGMENTATION, "SEG", 3)
    ds.FrameOfReferenceUID, ds.SegmentationType, ds.NumberOfFrames = FRAME, "BINARY", 1
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.Rows, ds.Columns = 1, "MONOCHROME2", ROWS, COLUMNS
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 1, 1, 0, 0
    segment, shared, frame = Dataset(), Dataset(), Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "Khối", "MANUAL"
    ds.SegmentSequence = [segment]
    measures, orientation, position, identification = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [ROW_MM, COLUMN_MM]
    orientation.ImageOrientationPatient = [*ALONG, *DOWN]
    position.ImagePositionPatient = place(1, 0, 0)
    identification.ReferencedSegmentNumber = 1
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    frame.PlanePositionSequence, frame.SegmentIdentificationSequence = [position], [identification]
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = [shared], [frame]
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[TOP:BOTTOM, LEFT:RIGHT] = 1
    ds.PixelData = np.packbits(mask.ravel(), bitorder="little").tobytes()
    return ds


def square_wave(seconds: int = 4, rate: int = 200, leads: int = 2) -> Dataset:
    """An ECG whose leads step between 0 and 1 mV every half second."""
    ds = _other(ECG, "ECG", 4)
    group = Dataset()
    group.ChannelDefinitionSequence = [_lead(number) for number in range(1, leads + 1)]
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = leads, seconds * rate
    group.SamplingFrequency, group.WaveformBitsAllocated, group.WaveformSampleInterpretation = rate, 16, "SS"
    wave: NDArray[np.int16] = np.tile(np.repeat(np.array([0, 100], "<i2"), rate // 2), seconds)
    group.WaveformData = np.repeat(wave[:, None], leads, axis=1).astype("<i2").tobytes()
    ds.WaveformSequence = [group]
    return ds


def _lead(number: int) -> Dataset:
    channel, source, unit = Dataset(), Dataset(), Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    source.CodeValue, source.CodingSchemeDesignator = f"2:{number}", "MDC"
    source.CodeMeaning = f"Lead {'I' * number}"
    channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [unit]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = 10, 1, 0
    channel.WaveformBitsStored = 16
    return channel


def parametric_map() -> Dataset:
    """Floats over the stack: the block is 2000 um2/s, the ground 500; above it no diffusion, below it no number."""
    ds = _other(PARAMETRIC_MAP, "MR", 6)
    ds.SeriesDescription, ds.FrameOfReferenceUID, ds.NumberOfFrames = "ADC", FRAME, SLICES
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.Rows, ds.Columns = 1, "MONOCHROME2", ROWS, COLUMNS
    ds.BitsAllocated = 32
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, orientation.ImageOrientationPatient = [ROW_MM, COLUMN_MM], [*ALONG, *DOWN]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    real, unit, quantity, concept = Dataset(), Dataset(), Dataset(), Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "um2/s", "UCUM", "square micrometer per second"
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "113041", "DCM", "ADC"
    quantity.ConceptCodeSequence = [concept]
    real.MeasurementUnitsCodeSequence, real.QuantityDefinitionSequence, real.LUTLabel = [unit], [quantity], "ADC"
    real.RealWorldValueSlope, real.RealWorldValueIntercept = 1.0, 0.0
    shared.RealWorldValueMappingSequence = [real]
    frames = [Dataset() for _ in range(SLICES)]
    for number, frame in enumerate(frames):
        position = Dataset()
        position.ImagePositionPatient = place(number, 0, 0)
        frame.PlanePositionSequence = [position]
    ds.SharedFunctionalGroupsSequence, ds.PerFrameFunctionalGroupsSequence = [shared], frames
    values = np.full((SLICES, ROWS, COLUMNS), 500, "<f4")
    values[:, :10], values[:, -10:] = 0, np.nan
    values[:, TOP:BOTTOM, LEFT:RIGHT] = 2000
    ds.add_new(0x7FE00008, "OF", values.tobytes())
    return ds
