"""Segmentations: which segments there are, and which mask lies over which image (PS3.3 A.51, C.8.20).

A frame of a segmentation names the image it was derived from. Where it does not, or where images are of another size,
its place in the patient decides: the nearest plane of the same frame of reference with the same grid.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.errors import PixelError
from storage.model import Instance
from storage.pixels import PixelObject, open_object
from viewer.evidence.grid import NEAR_MM, Plane, instances_in, planes_of
from viewer.evidence.model import ImageRef
from viewer.evidence.palette import distinct, recommended
from viewer.rendering.attributes import integer, items, macro, text

CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation, and Label Map Segmentation."""
FRAMES_MAX = 20_000


def describe(archive: Archive, instance: Instance) -> dict[str, Any]:
    """Return `segments`, `frames` (each `frame` from 1, `segment`, `image` or None) and whether it is a `labelmap`.

    In a label map a frame holds all segments: `segment` is 0, and the mask of each is asked for by its number.
    """
    with open_object(instance.path) as obj:
        if instance.sop_class_uid not in CLASSES:
            raise PixelError("this object is no segmentation")
        ds, count = obj.ds, min(obj.number_of_frames, FRAMES_MAX)
        is_labelmap = text(ds, "SegmentationType") == "LABELMAP"
        segments = [_segment(item) for item in items(ds, "SegmentSequence")]
        frames = [_frame(ds, index, is_labelmap) for index in range(count)]
    _place(archive, instance, frames)
    return {"segments": segments, "frames": frames, "is_labelmap": is_labelmap}


def mask(instance: Instance, frame: int, segment: int) -> bytes:
    """Return a mask of frame `frame` (from 1) as PNG of one channel: 255 inside, less where the segment is fractional.

    `segment` chooses from a label map and is not looked at otherwise. Raises `PixelError` and `NotFound`.
    """
    with open_object(instance.path) as obj:
        values = obj.frame(frame - 1).values
        alpha = _alpha(obj, values, segment)
    out = io.BytesIO()
    Image.fromarray(alpha).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _alpha(obj: PixelObject, values: Any, segment: int) -> Any:
    if values.ndim != 2:
        raise PixelError("a segmentation has one sample by pixel")
    match text(obj.ds, "SegmentationType"):
        case "LABELMAP":
            return np.where(values == segment, np.uint8(255), np.uint8(0))
        case "FRACTIONAL":
            most = integer(obj.ds, "MaximumFractionalValue") or 255
            return np.clip(values.astype(np.float64) * 255 / most, 0, 255).astype(np.uint8)
        case _:
            return np.where(values > 0, np.uint8(255), np.uint8(0))


def _segment(item: Dataset) -> dict[str, Any]:
    number = integer(item, "SegmentNumber") or 0
    kind = items(item, "SegmentedPropertyTypeCodeSequence")
    return {
        "number": number,
        "label": text(item, "SegmentLabel") or (text(kind[0], "CodeMeaning") if kind else str(number)),
        "type": text(kind[0], "CodeMeaning") if kind else "",
        "algorithm": text(item, "SegmentAlgorithmType"),
        "color": recommended(item) or distinct(max(1, number)),
    }


def _frame(ds: Dataset, index: int, is_labelmap: bool) -> dict[str, Any]:
    identification = macro(ds, index, "SegmentIdentificationSequence")
    segment = 0 if is_labelmap else integer(identification, "ReferencedSegmentNumber") or 1
    return {"frame": index + 1, "segment": segment, "image": _source(ds, index)}


def _source(ds: Dataset, index: int) -> dict[str, Any] | None:
    for derivation in items(macro(ds, index, "DerivationImageSequence"), "SourceImageSequence"):
        uid = text(derivation, "ReferencedSOPInstanceUID")
        if uid:
            return {"instance": uid, "frame": integer(derivation, "ReferencedFrameNumber") or 1}
    return None


def _place(archive: Archive, instance: Instance, frames: list[dict[str, Any]]) -> None:
    """Give frames without an image the one at their place."""
    lost = [frame for frame in frames if frame["image"] is None]
    if not lost:
        return
    own = {plane.image.frame: plane for plane in planes_of([instance])}
    with open_object(instance.path) as obj:
        uid = text(obj.ds, "FrameOfReferenceUID")
    around = [i for i in instances_in(archive, instance.study_instance_uid, uid) if i.sop_class_uid not in CLASSES]
    same_size = [i for i in around if (i.rows, i.columns) == (instance.rows, instance.columns)]
    planes = planes_of(same_size)
    for frame in lost:
        here = own.get(frame["frame"])
        found = _nearest(here, planes) if here else None
        frame["image"] = None if found is None else {"instance": found.instance, "frame": found.frame}


def _nearest(here: Plane, planes: list[Plane]) -> ImageRef | None:
    """The plane with the same first pixel; a shifted or turned grid is another grid."""
    for plane in planes:
        moved = sum((p - q) ** 2 for p, q in zip(here.position, plane.position, strict=True)) ** 0.5
        turned = sum(abs(p - q) for p, q in zip((*here.row, *here.column), (*plane.row, *plane.column), strict=True))
        if moved < NEAR_MM and turned < 0.01:
            return plane.image
    return None
