"""Views out of Softcopy Presentation States, ours and others'."""

from __future__ import annotations

from dataclasses import replace

from pydicom.dataset import Dataset

from viewer.evidence.model import ImageRef, Point
from viewer.evidence.presentation import Graphic, View, Voi, Words
from viewer.rendering.attributes import integer, items, number, numbers, text, value_of

GRAPHICS_MAX = 2000


def read_state(ds: Dataset) -> View:
    """Return the view that a presentation state describes, as far as views go here."""
    rotation = (integer(ds, "ImageRotation") or 0) % 360
    flip = text(ds, "ImageHorizontalFlip") == "Y"
    rotation = rotation if rotation % 90 == 0 else 0
    annotations = items(ds, "GraphicAnnotationSequence")
    return View(
        name=text(ds, "ContentDescription") or text(ds, "ContentLabel"),
        images=_images(ds),
        window=_window(ds),
        invert=text(ds, "PresentationLUTShape") == "INVERSE",
        rotation=(360 - rotation) % 360 if flip else rotation,
        flip=flip,
        area=_area(ds),
        graphics=tuple(g for a in annotations for g in map(_graphic, items(a, "GraphicObjectSequence")))[:GRAPHICS_MAX],
        texts=tuple(w for a in annotations for w in map(_words, items(a, "TextObjectSequence")))[:GRAPHICS_MAX],
    )


def on_image(view: View, state: Dataset, is_inverse: bool) -> View:
    """Return the view of a state with `invert` as it is meant here: against the polarity that the image has by itself.

    A grey state says all of it: Photometric Interpretation of the image is ignored (PS3.4 N.2.1.4), so that INVERSE is
    how an image that `is_inverse` is meant to look.
    """
    says_all = text(state, "PresentationLUTShape") in ("IDENTITY", "INVERSE")
    return replace(view, invert=not view.invert) if says_all and is_inverse else view


def _images(ds: Dataset) -> tuple[ImageRef, ...]:
    found: list[ImageRef] = []
    for series in items(ds, "ReferencedSeriesSequence"):
        for item in items(series, "ReferencedImageSequence"):
            frames = numbers(item, "ReferencedFrameNumber") or (1,)
            found += [ImageRef(text(item, "ReferencedSOPInstanceUID"), max(1, int(frame))) for frame in frames]
    return tuple(found)


def _window(ds: Dataset) -> Voi | None:
    for item in items(ds, "SoftcopyVOILUTSequence"):
        center, width = number(item, "WindowCenter"), number(item, "WindowWidth")
        if center is not None and width is not None and width > 0:
            return Voi(center, width, text(item, "VOILUTFunction") or "LINEAR")
    return None


def _area(ds: Dataset) -> tuple[float, float, float, float] | None:
    for item in items(ds, "DisplayedAreaSelectionSequence"):
        first = numbers(item, "DisplayedAreaTopLeftHandCorner")
        second = numbers(item, "DisplayedAreaBottomRightHandCorner")
        if len(first) == len(second) == 2:
            left, right = sorted((first[0], second[0]))
            top, bottom = sorted((first[1], second[1]))
            return left - 1, top - 1, right, bottom
    return None


def _graphic(item: Dataset) -> Graphic:
    is_on_image = text(item, "GraphicAnnotationUnits") != "DISPLAY"
    filled = text(item, "GraphicFilled") == "Y"
    return Graphic(text(item, "GraphicType"), _pairs(numbers(item, "GraphicData")), filled, is_on_image)


def _words(item: Dataset) -> Words:
    value = value_of(item, "UnformattedTextValue")
    words = "" if value is None else str(value).strip()
    anchor = numbers(item, "AnchorPoint")
    if len(anchor) == 2:
        return Words(words, _pairs(anchor), text(item, "AnchorPointAnnotationUnits") != "DISPLAY")
    corners = (*numbers(item, "BoundingBoxTopLeftHandCorner"), *numbers(item, "BoundingBoxBottomRightHandCorner"))
    return Words(words, _pairs(corners), text(item, "BoundingBoxAnnotationUnits") != "DISPLAY")


def _pairs(values: tuple[float, ...]) -> tuple[Point, ...]:
    return tuple(zip(values[::2], values[1::2], strict=False))
