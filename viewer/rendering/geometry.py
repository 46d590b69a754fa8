"""Directions and lengths on a picture, and how they turn with it. Pure functions.

Patient coordinates are LPS: x to the left, y to the back, z to the head (PS3.3 C.7.6.2.1.1). The first three cosines of
Image Orientation (Patient) point along a row, to the right of the picture; the last three down a column. Patient
Orientation says the same in letters (C.7.6.1.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from viewer.rendering.attributes import macro, numbers, texts
from viewer.rendering.view import Pose

_AXES = (("L", "R"), ("P", "A"), ("H", "F"))
_OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}
# A direction gets a second letter from about 12 degrees of obliquity on.
_OBLIQUE = 0.2


@dataclass(frozen=True, slots=True)
class Letters:
    """What lies towards each edge of the picture: L, R, A, P, H, F or two or three of them; all empty if unknown."""

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""

    def under(self, pose: Pose) -> Letters:
        """The letters at the edges of the screen when the picture lies in `pose`."""
        left, right, top, bottom = self.left, self.right, self.top, self.bottom
        if pose.flip_h:
            left, right = right, left
        for _ in range(pose.rotate // 90):
            left, right, top, bottom = bottom, top, left, right
        return Letters(left, right, top, bottom)


def read_letters(ds: Dataset, index: int) -> Letters:
    """Letters of frame `index` as stored: from Image Orientation (Patient), else from Patient Orientation."""
    cosines = read_cosines(ds, index)
    if cosines:
        return letters_of(direction_letters(cosines[:3]), direction_letters(cosines[3:]))
    stated = texts(ds, "PatientOrientation")
    if len(stated) == 2 and all(stated) and set("".join(stated)) <= set(_OPPOSITE):
        return letters_of(*stated)
    return Letters()


def letters_of(row: str, column: str) -> Letters:
    """Letters from the direction of a row (to the right edge) and of a column (to the bottom edge)."""
    return Letters(opposite(row), row, opposite(column), column)


def read_cosines(ds: Dataset, index: int) -> tuple[float, ...]:
    """Image Orientation (Patient) of frame `index`, six cosines; empty where absent or no two unit vectors."""
    cosines = numbers(macro(ds, index, "PlaneOrientationSequence"), "ImageOrientationPatient")
    lengths = [sum(c * c for c in cosines[part : part + 3]) for part in (0, 3)]
    return cosines if len(cosines) == 6 and all(0.9 < length < 1.1 for length in lengths) else ()


def read_position(ds: Dataset, index: int) -> tuple[float, ...]:
    """Image Position (Patient) of frame `index` in mm; empty where absent."""
    position = numbers(macro(ds, index, "PlanePositionSequence"), "ImagePositionPatient")
    return position if len(position) == 3 else ()


def direction_letters(vector: tuple[float, ...]) -> str:
    """Letters of a direction, the strongest first: (1, 0, 0) is L, (0.8, 0.6, 0) is LP."""
    parts = sorted(zip(vector, _AXES, strict=True), key=lambda part: -abs(part[0]))
    names = [names[0] if part > 0 else names[1] for part, names in parts if abs(part) >= _OBLIQUE]
    return "".join(names)


def opposite(letters: str) -> str:
    """The direction the other way: L for R, AF for PH."""
    return "".join(_OPPOSITE[letter] for letter in letters)


def screen_spacing(row_mm: float, column_mm: float, pose: Pose) -> tuple[float, float]:
    """(vertical, horizontal) mm between neighbouring pixels on the screen, from (row, column) spacing as stored."""
    return (column_mm, row_mm) if pose.rotate in (90, 270) else (row_mm, column_mm)


def image_point(x: float, y: float, pose: Pose) -> tuple[float, float]:
    """Where a point of the screen lies in the stored picture; both as (x, y) fractions of width and height, 0 to 1."""
    for _ in range(pose.rotate // 90):
        x, y = y, 1 - x
    return (1 - x if pose.flip_h else x), y


def screen_point(x: float, y: float, pose: Pose) -> tuple[float, float]:
    """Where a point of the stored picture lies on the screen: the inverse of `image_point`."""
    if pose.flip_h:
        x = 1 - x
    for _ in range(pose.rotate // 90):
        x, y = 1 - y, x
    return x, y
