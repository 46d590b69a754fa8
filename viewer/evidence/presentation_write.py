"""A view as a Softcopy Presentation State: grayscale, or colour for colour images (PS3.3 A.33.1, A.33.2).

Facts: Image Rotation is clockwise and comes before Image Horizontal Flip (C.10.6), the other way round than in our
poses. The corners of the Displayed Area are the pixels that lie at the corners of the screen after both, named by where
they are before them, counted from 1 (C.10.4). A state says all: without rescale values the image's own do not apply
(PS3.4 N.2.1.1), so they are copied.
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ImageCms
from pydicom.dataset import Dataset

from storage.model import Instance
from storage.pixels import PixelObject
from viewer.evidence import codes
from viewer.evidence.document import CHARACTER_SET, MANUFACTURER, Place, inherit, stand_in
from viewer.evidence.model import Measurement, Value
from viewer.evidence.presentation import View
from viewer.evidence.report_write import graphic
from viewer.rendering import Pose, image_point
from viewer.rendering.attributes import value_of
from viewer.rendering.modality import read_modality
from viewer.rendering.prepare import is_inverse

if TYPE_CHECKING:
    from highdicom.pr import GraphicObject, TextObject

SERIES_NUMBER = 9102
MODALITY = "PR"
LABEL = "VIEW"
SOFTWARE = "1"


def write_view(
    view: View, measurements: tuple[Measurement, ...], image: Instance, obj: PixelObject, place: Place
) -> Dataset:
    """Return the presentation state of `view` on `image`, opened as `obj`, with `measurements` drawn on it."""
    from highdicom.pr import ColorSoftcopyPresentationState, GrayscaleSoftcopyPresentationState

    reference = stand_in(image)
    reference.Rows, reference.Columns = obj.description.rows, obj.description.columns
    is_grey = obj.description.samples_per_pixel == 1
    reference.SamplesPerPixel = obj.description.samples_per_pixel
    given: dict[str, Any] = {
        "referenced_images": [reference],
        "series_instance_uid": place.series_instance_uid,
        "series_number": place.series_number,
        "sop_instance_uid": place.sop_instance_uid,
        "instance_number": place.instance_number,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": SOFTWARE,
        "device_serial_number": SOFTWARE,
        "content_label": LABEL,
        "content_description": view.name or None,
        "content_creator_name": f"{place.author}^",
        "series_description": "Views",
        "specific_character_set": CHARACTER_SET,
        **_drawn(measurements, reference, image),
    }
    if is_grey:
        ds: Dataset = GrayscaleSoftcopyPresentationState(**given, **_grey(view, obj))
    else:
        ds = ColorSoftcopyPresentationState(**given, icc_profile=_profile(obj.ds))
    _turn(ds, view)
    _choose_area(ds, view)
    # It says all of the polarity: that of the image is ignored (PS3.4 N.2.1.4).
    if is_grey and view.invert != is_inverse(obj.ds, obj.description):
        ds.PresentationLUTShape = "INVERSE"
    _name_frames(ds, view, image)
    ds.Laterality = None  # of type 2C in the series of a presentation state
    return inherit(ds, image, place)


def _grey(view: View, obj: PixelObject) -> dict[str, Any]:
    from highdicom import ModalityLUTTransformation
    from highdicom.pr import SoftcopyVOILUTTransformation

    found: dict[str, Any] = {}
    frame = view.images[0].frame - 1
    little = obj.ds.original_encoding[1] is not False
    modality = read_modality(obj.ds, frame, obj.description.is_signed, little)
    if modality.table is None and (not modality.is_identity or modality.unit):
        found["modality_lut_transformation"] = ModalityLUTTransformation(
            rescale_intercept=modality.intercept, rescale_slope=modality.slope, rescale_type=modality.unit[:16] or "US"
        )
    if view.window is not None:
        found["voi_lut_transformations"] = [
            SoftcopyVOILUTTransformation(
                window_center=float(f"{view.window.center:.9g}"),
                window_width=float(f"{view.window.width:.9g}"),
                voi_lut_function=view.window.function,
            )
        ]
    return found


def _profile(ds: Dataset) -> bytes:
    """The image's own colours; sRGB where it names none, as screens take it to be.

    DICOM wants the profile of an input device (PS3.3 C.11.15.1.1). A display's that is made of a matrix, as sRGB is,
    has all that one of an input device has to have (ICC.1 8.3.3): only its class differs, the four bytes from 12.
    """
    own = value_of(ds, "ICCProfile")
    if isinstance(own, bytes) and own[12:16] in (b"scnr", b"spac"):
        return own
    standard = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return standard[:12] + b"scnr" + standard[16:]


def _turn(ds: Dataset, view: View) -> None:
    ds.ImageRotation = (360 - view.rotation) % 360 if view.flip else view.rotation
    ds.ImageHorizontalFlip = "Y" if view.flip else "N"


def _choose_area(ds: Dataset, view: View) -> None:
    area = ds.DisplayedAreaSelectionSequence[0]
    if "PixelOriginInterpretation" in area:
        del area.PixelOriginInterpretation
    last = [int(value) for value in area.DisplayedAreaBottomRightHandCorner]
    left, top, right, bottom = view.area or (0.0, 0.0, float(last[0]), float(last[1]))
    columns, rows = (floor(left) + 1, ceil(right)), (floor(top) + 1, ceil(bottom))
    pose = Pose(rotate=view.rotation, flip_h=view.flip)
    corners = [image_point(x, x, pose) for x in (0, 1)]
    first, second = ([columns[round(x)], rows[round(y)]] for x, y in corners)
    area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner = first, second
    area.PresentationSizeMode = "SCALE TO FIT"


def _drawn(measurements: tuple[Measurement, ...], reference: Dataset, image: Instance) -> dict[str, Any]:
    from highdicom.pr import GraphicAnnotation, GraphicLayer

    if not measurements:
        return {}
    layer = GraphicLayer("MEASUREMENTS", 1, "Measurements")
    frame = measurements[0].image.frame if measurements[0].image and image.number_of_frames is not None else None
    annotation = GraphicAnnotation(
        referenced_images=[reference],
        graphic_layer=layer,
        referenced_frame_number=frame,
        graphic_objects=[item for one in measurements for item in _shapes(one)] or None,
        text_objects=[item for one in measurements for item in _words(one)] or None,
    )
    return {"graphic_annotations": [annotation], "graphic_layers": [layer]}


def _shapes(measurement: Measurement) -> list[GraphicObject]:
    from highdicom.pr import GraphicObject

    names = [value.name for value in measurement.values] or [""]
    distinct = dict.fromkeys(graphic(measurement, name) for name in names)
    return [
        GraphicObject(
            kind,
            np.array(points, np.float64).reshape(-1, 2),
            units="PIXEL",
            tracking_id=measurement.kind.value,
            tracking_uid=measurement.uid,
        )
        for kind, points in distinct
    ]


def _words(measurement: Measurement) -> list[TextObject]:
    from highdicom.pr import TextObject

    words = "\n".join(filter(None, [measurement.name, *map(_said, measurement.values)]))
    if not words:
        return []
    x, y = measurement.points[-1]
    return [
        TextObject(words[:1024], units="PIXEL", anchor_point=(max(x, 0.0), max(y, 0.0)), anchor_point_visible=False)
    ]


def _said(value: Value) -> str:
    return f"{value.value:.4g} {codes.UNIT_SIGNS.get(value.unit, value.unit)}".strip()


def _name_frames(ds: Dataset, view: View, image: Instance) -> None:
    if image.number_of_frames is None:
        return
    for series in ds.ReferencedSeriesSequence:
        for item in series.ReferencedImageSequence:
            item.ReferencedFrameNumber = view.images[0].frame
