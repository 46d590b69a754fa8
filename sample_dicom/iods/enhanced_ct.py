"""Enhanced CT Image Storage: one object with many frames and functional groups (PS3.3 A.38, C.7.6.16)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID, EnhancedCTImageStorage, ExplicitVRLittleEndian

from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import Code, Series, acquired, decimal, grey_pixels, instance, shift, stored, window
from sample_dicom.iods.ct import Scan
from sample_dicom.phantoms.canvas import Image
from sample_dicom.uids import uid


def enhanced_ct(
    series: Series,
    frames: Sequence[Image],
    heights: Sequence[float],
    scan: Scan,
    anatomy: Code,
    transfer_syntax_uid: UID = ExplicitVRLittleEndian,
) -> Dataset:
    """One volume: `frames` in HU, each at its height z in mm."""
    ds = enhanced_ct_header(series, heights, scan, anatomy)
    values = [stored(np.asarray(frame) + 1024, 0, 4095) for frame in frames]
    return with_pixels(ds, values, transfer_syntax_uid)


def enhanced_ct_header(series: Series, heights: Sequence[float], scan: Scan, anatomy: Code) -> Dataset:
    """Everything but the pixel data."""
    ds = instance(series, EnhancedCTImageStorage, 1)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    acquired(ds)
    ds.AcquisitionDateTime = f"{ds.AcquisitionDate}{ds.AcquisitionTime}{series.study.timezone}"
    del ds.AcquisitionDate, ds.AcquisitionTime
    ds.AcquisitionDuration = 0.5 * len(heights)
    ds.PixelPresentation, ds.VolumetricProperties, ds.VolumeBasedCalculationTechnique = "MONOCHROME", "VOLUME", "NONE"
    ds.ContentQualification, ds.BurnedInAnnotation, ds.LossyImageCompression = "RESEARCH", "NO", "00"
    ds.PresentationLUTShape = "IDENTITY"
    ds.AcquisitionContextSequence = []
    ds.MultienergyCTAcquisition = "NO"
    ds.NumberOfFrames = len(heights)
    grey_pixels(ds, (scan.grid.rows, scan.grid.columns), 12)
    ds.DimensionOrganizationSequence, ds.DimensionIndexSequence = _dimensions(series)
    ds.SharedFunctionalGroupsSequence = [_shared(ds, scan, anatomy)]
    ds.PerFrameFunctionalGroupsSequence = [_frame(ds, scan, k, z) for k, z in enumerate(heights, 1)]
    return ds


def _dimensions(series: Series) -> tuple[list[Dataset], list[Dataset]]:
    """Frames are indexed by stack and position in the stack (PS3.3 C.7.6.17)."""
    organization = Dataset()
    organization.DimensionOrganizationUID = uid(series.study.key, series.key, "dimensions")
    indexes = []
    for pointer in ("StackID", "InStackPositionNumber"):
        index = Dataset()
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionIndexPointer = Tag(pointer)
        index.FunctionalGroupPointer = Tag("FrameContentSequence")
        index.DimensionDescriptionLabel = pointer
        indexes.append(index)
    return [organization], indexes


def group(**values: object) -> list[Dataset]:
    """A sequence of one item with these attributes."""
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def _shared(ds: Dataset, scan: Scan, anatomy: Code) -> Dataset:
    shared = Dataset()
    shared.CTImageFrameTypeSequence = group(
        FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    shared.PixelMeasuresSequence = group(
        PixelSpacing=[decimal(scan.grid.spacing)] * 2,
        SliceThickness=decimal(scan.thickness),
        SpacingBetweenSlices=decimal(scan.spacing),
    )
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.FrameAnatomySequence = group(FrameLaterality="U", AnatomicRegionSequence=[anatomy.item()])
    shared.PixelValueTransformationSequence = group(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")
    voi = Dataset()
    window(voi, *((centre, width, name.replace(" ", "_")) for centre, width, name in scan.windows))
    shared.FrameVOILUTSequence = [voi]
    _technique(ds, shared, scan)
    return shared


def _technique(ds: Dataset, shared: Dataset, scan: Scan) -> None:
    """The CT functional groups (PS3.3 C.8.15.3)."""
    shared.CTAcquisitionTypeSequence = group(AcquisitionType="SEQUENCED", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")
    shared.CTAcquisitionDetailsSequence = group(
        RotationDirection="CW",
        RevolutionTime=0.5,
        SingleCollimationWidth=0.625,
        TotalCollimationWidth=40.0,
        TableHeight=126.0,
        GantryDetectorTilt=0.0,
        DataCollectionDiameter=500.0,
    )
    shared.IrradiationEventIdentificationSequence = group(IrradiationEventUID=uid(ds.SOPInstanceUID, "irradiation"))
    shared.CTTableDynamicsSequence = group()
    shared.CTGeometrySequence = group(DistanceSourceToDetector=950.0, DistanceSourceToDataCollectionCenter=540.0)
    shared.CTReconstructionSequence = group(
        ReconstructionAlgorithm="FILTER_BACK_PROJ",
        ConvolutionKernel=scan.kernel,
        ConvolutionKernelGroup="SOFT_TISSUE",
        ReconstructionDiameter=scan.grid.spacing * scan.grid.columns,
        ReconstructionPixelSpacing=[scan.grid.spacing] * 2,
        ReconstructionAngle=360.0,
        ImageFilter="NONE",
    )
    shared.CTExposureSequence = group(
        ExposureTimeInms=500.0,
        XRayTubeCurrentInmA=float(scan.current),
        ExposureInmAs=scan.current / 2,
        ExposureModulationType="NONE",
    )
    shared.CTXRayDetailsSequence = group(KVP=scan.kvp, FocalSpots=[1.2], FilterType="BOWTIE", FilterMaterial="ALUMINUM")


def _frame(ds: Dataset, scan: Scan, number: int, z: float) -> Dataset:
    frame = Dataset()
    start = f"{ds.ContentDate}{shift(str(ds.ContentTime), 0.5 * number)}{ds.TimezoneOffsetFromUTC}"
    frame.FrameContentSequence = group(
        FrameAcquisitionNumber=1,
        FrameReferenceDateTime=start,
        FrameAcquisitionDateTime=start,
        FrameAcquisitionDuration=500.0,
        StackID="1",
        InStackPositionNumber=number,
        DimensionIndexValues=[1, number],
    )
    position = [decimal(scan.grid.left), decimal(scan.grid.top), decimal(z)]
    frame.CTPositionSequence = group(
        TablePosition=z,
        DataCollectionCenterPatient=[0.0, 0.0, z],
        ReconstructionTargetCenterPatient=[0.0, 20.0, z],
    )
    frame.PlanePositionSequence = group(ImagePositionPatient=position)
    return frame
