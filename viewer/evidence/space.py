"""Measurements on planes that are no stored image: in mm of the patient (SCOORD3D, PS3.3 C.18.9). Pure.

Two points do not tell which plane somebody looked at, so a group of TID 1501 (which may be extended) also has the
nearest stored image and a text with the directions of the plane: `row 1 0 0; column 0 0 -1; slab 10 mm maximum`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from viewer.evidence.model import (
    PROJECTIONS,
    SLAB_MAX_MM,
    ImageRef,
    InvalidReading,
    MadePlane,
    Point,
    Vector,
    are_directions,
)

FLAT_MM = 0.05
"""Points that are farther from their plane than this were not drawn on it."""
_NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
_THREE = " ".join([_NUMBER] * 3)
_PLANE = re.compile(rf"row {_THREE}; column {_THREE}; slab {_NUMBER} mm (\w+)")


def on_plane(space: Sequence[Vector], plane: MadePlane) -> tuple[Point, ...]:
    """Return where places of the patient lie on `plane`, in mm along its rows and columns from the first of them.

    Raises:
        InvalidReading: they do not lie on one plane of these directions.
    """
    normal = _cross(plane.row, plane.column)
    found = []
    for place in space:
        offset = _minus(place, space[0])
        if abs(_dot(offset, normal)) > FLAT_MM:
            raise InvalidReading("space: these points do not lie on the plane that is named")
        found.append((_dot(offset, plane.row), _dot(offset, plane.column)))
    return tuple(found)


def in_space(points: Sequence[Point], first: Vector, plane: MadePlane) -> tuple[Vector, ...]:
    """Return the places of the patient of `points`, given as `on_plane` does, which all lie on the plane."""

    def place(point: Point) -> Vector:
        x, y, z = (o + r * point[0] + c * point[1] for o, r, c in zip(first, plane.row, plane.column, strict=True))
        return x, y, z

    return tuple(place(point) for point in points)


def plane_text(plane: MadePlane) -> str:
    """Return a plane in words, as a document keeps it."""
    row, column = (" ".join(f"{part:.9g}" for part in vector) for vector in (plane.row, plane.column))
    return f"row {row}; column {column}; slab {plane.slab_mm:.9g} mm {plane.projection}"


def plane_of(words: str, source: ImageRef) -> MadePlane | None:
    """Return the plane that a document names in words; None where these are not ours, or are none."""
    found = _PLANE.fullmatch(words)
    if found is None:
        return None
    a, b, c, d, e, f, slab = (float(part) for part in found.groups()[:7])
    if not are_directions((a, b, c), (d, e, f)) or not 0 <= slab <= SLAB_MAX_MM or found[8] not in PROJECTIONS:
        return None
    return MadePlane(source, (a, b, c), (d, e, f), slab, found[8])


def _dot(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _minus(one: Vector, other: Vector) -> Vector:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def _cross(one: Vector, other: Vector) -> Vector:
    (a, b, c), (d, e, f) = one, other
    return b * f - c * e, c * d - a * f, a * e - b * d
