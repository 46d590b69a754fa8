"""Contours of an RT Structure Set, in the pixels of the images they were drawn on (PS3.3 C.8.8.5, C.8.8.6)."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.errors import PixelError
from storage.model import Instance
from viewer.evidence.document import load
from viewer.evidence.grid import NEAR_MM, Plane, instances_in, planes_of
from viewer.evidence.palette import distinct
from viewer.rendering.attributes import integer, items, numbers, text

STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
CONTOURS_MAX = 50_000


def describe(archive: Archive, instance: Instance) -> dict[str, Any]:
    """Return `structures` (number, name, color, type) and `contours` (structure, image, closed, points), and how many
    contours lie on no image of the study (`unplaced`); `PixelError` where the object is no structure set.
    """
    if instance.sop_class_uid != STORAGE:
        raise PixelError("this object is no structure set")
    ds = load(instance)
    planes = planes_of(_images(archive, instance, ds))
    by_uid = {plane.image.instance: plane for plane in planes if plane.image.frame == 1}
    names = {integer(item, "ROINumber"): text(item, "ROIName") for item in items(ds, "StructureSetROISequence")}
    types = {
        integer(item, "ReferencedROINumber"): text(item, "RTROIInterpretedType")
        for item in items(ds, "RTROIObservationsSequence")
    }
    structures: list[dict[str, Any]] = []
    contours: list[dict[str, Any]] = []
    unplaced = 0
    for item in items(ds, "ROIContourSequence"):
        number = integer(item, "ReferencedROINumber") or 0
        structures.append(_structure(item, number, names.get(number, ""), types.get(number, "")))
        for contour in items(item, "ContourSequence"):
            placed = _contour(contour, number, planes, by_uid)
            if placed is None or len(contours) == CONTOURS_MAX:
                unplaced += 1
            else:
                contours.append(placed)
    return {"structures": structures, "contours": contours, "unplaced": unplaced}


def _structure(item: Dataset, number: int, name: str, kind: str) -> dict[str, Any]:
    color = [max(0, min(255, int(part))) for part in numbers(item, "ROIDisplayColor")]
    return {
        "number": number,
        "name": name or str(number),
        "type": kind,
        "color": color if len(color) == 3 else distinct(max(1, number)),
    }


def _contour(contour: Dataset, number: int, planes: list[Plane], by_uid: dict[str, Plane]) -> dict[str, Any] | None:
    data = numbers(contour, "ContourData")
    places = list(zip(data[::3], data[1::3], data[2::3], strict=False))
    if not places:
        return None
    plane = _plane(contour, places, planes, by_uid)
    if plane is None:
        return None
    points = [[round(value, 2) for value in plane.point(place)] for place in places]
    image = {"instance": plane.image.instance, "frame": plane.image.frame}
    is_closed = text(contour, "ContourGeometricType") not in ("POINT", "OPEN_PLANAR", "OPEN_NONPLANAR")
    return {"structure": number, "image": image, "closed": is_closed, "points": points}


def _plane(
    contour: Dataset, places: list[tuple[float, float, float]], planes: list[Plane], by_uid: dict[str, Plane]
) -> Plane | None:
    """The image that the contour names, if the study has it; else the plane that all of its points lie in."""
    for reference in items(contour, "ContourImageSequence"):
        named = by_uid.get(text(reference, "ReferencedSOPInstanceUID"))
        if named is not None:
            return named
    nearest = min(planes, key=lambda plane: plane.distance(places[0]), default=None)
    return nearest if nearest and all(nearest.distance(place) < NEAR_MM for place in places) else None


def _images(archive: Archive, instance: Instance, ds: Dataset) -> list[Instance]:
    """The images of the frame of reference that the set was drawn in."""
    uids = [text(item, "FrameOfReferenceUID") for item in items(ds, "ReferencedFrameOfReferenceSequence")]
    uids += [text(item, "ReferencedFrameOfReferenceUID") for item in items(ds, "StructureSetROISequence")]
    found: dict[str, Instance] = {}
    for uid in dict.fromkeys(uids):
        for image in instances_in(archive, instance.study_instance_uid, uid):
            found[image.sop_instance_uid] = image
    return list(found.values())
