"""Where the pixels of stored images lie in the patient, to lay other objects over them (PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.archive import Archive
from storage.errors import NotFound, PixelError
from storage.model import Instance
from storage.pixels import open_object
from viewer.evidence.model import ImageRef, Point
from viewer.rendering.geometry import read_cosines, read_position
from viewer.rendering.spacing import PATIENT, read_spacing

Vector = tuple[float, float, float]
# A contour or mask belongs to a slice that is nearer than this to it, in mm.
NEAR_MM = 0.5


@dataclass(frozen=True, slots=True)
class Plane:
    """A frame's place: centre of its first pixel, directions of a row and of a column, spacing in mm."""

    image: ImageRef
    position: Vector
    row: Vector
    column: Vector
    row_mm: float
    column_mm: float

    @property
    def normal(self) -> Vector:
        """At right angles to the plane, of length 1."""
        (a, b, c), (d, e, f) = self.row, self.column
        return b * f - c * e, c * d - a * f, a * e - b * d

    def point(self, place: Sequence[float]) -> Point:
        """Return where a place of the patient (mm) lies in the picture."""
        offset = [p - o for p, o in zip(place, self.position, strict=True)]
        x = sum(o * r for o, r in zip(offset, self.row, strict=True)) / self.column_mm
        y = sum(o * c for o, c in zip(offset, self.column, strict=True)) / self.row_mm
        return x + 0.5, y + 0.5

    def distance(self, place: Sequence[float]) -> float:
        """Return how far a place of the patient is from the plane, in mm."""
        offset = (p - o for p, o in zip(place, self.position, strict=True))
        return abs(sum(o * n for o, n in zip(offset, self.normal, strict=True)))


def planes_of(instances: Iterable[Instance]) -> list[Plane]:
    """Return the planes of all frames that have one."""
    found: list[Plane] = []
    for instance in instances:
        if not instance.has_pixels:
            continue
        try:
            with open_object(instance.path) as obj:
                for index in range(max(1, instance.number_of_frames or 1)):
                    cosines, position = read_cosines(obj.ds, index), read_position(obj.ds, index)
                    spacing = read_spacing(obj.ds, index)
                    if cosines and position and spacing.status == PATIENT and spacing.row_mm and spacing.column_mm:
                        ref = ImageRef(instance.sop_instance_uid, index + 1)
                        found.append(_plane(ref, position, cosines, spacing.row_mm, spacing.column_mm))
        except (PixelError, NotFound):
            continue  # it cannot be shown either, and says so in its cell
    return found


def _plane(
    ref: ImageRef, position: tuple[float, ...], cosines: tuple[float, ...], row_mm: float, column_mm: float
) -> Plane:
    (x, y, z), (a, b, c, d, e, f) = position, cosines
    return Plane(ref, (x, y, z), (a, b, c), (d, e, f), row_mm, column_mm)


def instances_in(archive: Archive, study_instance_uid: str, frame_of_reference_uid: str) -> list[Instance]:
    """Return the images of a study that share a frame of reference."""
    return [
        instance
        for series in archive.series(study_instance_uid)
        if frame_of_reference_uid and series.frame_of_reference_uid == frame_of_reference_uid
        for instance in archive.instances(series.series_instance_uid, study_instance_uid)
        if instance.has_pixels
    ]
