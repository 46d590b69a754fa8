"""Digital X-Ray and Digital Mammography X-Ray Image Storage - For Presentation (PS3.3 A.26, A.27)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from sample_dicom.encode import with_pixels
from sample_dicom.iods.common import Code, Series, acquired, decimal, grey_pixels, instance, stored, window
from sample_dicom.phantoms.canvas import Image


@dataclass(frozen=True)
class View:
    """How a radiograph was taken; `orientation`: where a row and a column lead (PS3.3 C.7.6.1.1.1)."""

    position: str
    code: Code
    orientation: tuple[str, str]
    anatomy: Code
    laterality: str
    spacing: float
    windows: tuple[tuple[float, float, str], ...]
    inverse: bool = False
    """True: MONOCHROME1, low values are bright."""
    kvp: float = 120.0
    exposure: int = 3


def dx_image(
    series: Series, number: int, image: Image, view: View, transfer_syntax_uid: UID = ExplicitVRLittleEndian
) -> Dataset:
    """One radiograph; `image` holds presentation values 0..4095, dense parts high."""
    ds = _projection(series, DigitalXRayImageStorageForPresentation, number, view)
    ds.ViewPosition, ds.PatientOrientation = view.position, list(view.orientation)
    ds.BodyPartThickness = 230
    return _pixels(ds, image, view, transfer_syntax_uid)


def mg_image(
    series: Series, number: int, image: Image, view: View, transfer_syntax_uid: UID = ExplicitVRLittleEndian
) -> Dataset:
    """One mammogram; `image` holds presentation values 0..4095, dense tissue high."""
    ds = _projection(series, DigitalMammographyXRayImageStorageForPresentation, number, view)
    ds.ViewPosition, ds.PatientOrientation = view.position, list(view.orientation)
    ds.OrganExposed, ds.BreastImplantPresent, ds.PartialView = "BREAST", "NO", "NO"
    ds.AnodeTargetMaterial, ds.FilterMaterial = "TUNGSTEN", "RHODIUM"
    ds.CompressionForce, ds.BodyPartThickness = 95, 52
    ds.PositionerType, ds.PositionerPrimaryAngle = "MAMMOGRAPHIC", 0
    del ds.DistanceSourceToPatient
    return _pixels(ds, image, view, transfer_syntax_uid)


def _projection(series: Series, sop_class_uid: str, number: int, view: View) -> Dataset:
    ds = instance(series, sop_class_uid, number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.PresentationIntentType = "FOR PRESENTATION"
    acquired(ds, number, 30.0 * number)
    _detector(ds, view)
    ds.ImageLaterality = view.laterality
    ds.AnatomicRegionSequence = [view.anatomy.item()]
    code = view.code.item()
    code.ViewModifierCodeSequence = []
    ds.ViewCodeSequence = [code]
    ds.AcquisitionContextSequence = []
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    return ds


def _detector(ds: Dataset, view: View) -> None:
    ds.KVP, ds.Exposure, ds.ExposureTime, ds.XRayTubeCurrent = decimal(view.kvp), view.exposure, 10, 320
    ds.DistanceSourceToDetector = 1800 if view.anatomy.meaning == "Chest" else 650
    ds.DistanceSourceToPatient = 1650 if view.anatomy.meaning == "Chest" else 630
    ds.DetectorType, ds.DetectorConfiguration, ds.DetectorID = "SCINTILLATOR", "AREA", ds.DeviceSerialNumber
    ds.DetectorTemperature = 28
    ds.ImagerPixelSpacing = [decimal(view.spacing)] * 2
    ds.PixelSpacing = [decimal(view.spacing)] * 2
    ds.PixelSpacingCalibrationType = "GEOMETRY"
    ds.PixelSpacingCalibrationDescription = "Parallel projection"
    ds.PositionerType = "NONE"


def _pixels(ds: Dataset, image: Image, view: View, transfer_syntax_uid: UID) -> Dataset:
    values = stored(4095 - image if view.inverse else image, 0, 4095)
    grey_pixels(ds, values.shape[:2], 12, photometric="MONOCHROME1" if view.inverse else "MONOCHROME2")
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", 1 if view.inverse else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = 0, 1, "US"
    ds.PresentationLUTShape = "INVERSE" if view.inverse else "IDENTITY"
    window(ds, *view.windows)
    return with_pixels(ds, [values], transfer_syntax_uid)
