"""Lengths, angles and areas of points on one picture. Pure; points as in `viewer.evidence`.

Millimetres only where the standard gives them (PS3.3 10.7): in an ultrasound image a scale holds inside its region only
(C.8.5.5), and where nothing is stated, lengths are in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import acos, degrees, hypot, pi

from viewer.evidence.model import Point
from viewer.rendering import Region, Spacing

PIXELS, SQUARE_PIXELS = "{pixels}", "{pixels}2"
MM, SQUARE_MM, DEGREES, NO_UNIT = "mm", "mm2", "deg", "1"


@dataclass(frozen=True, slots=True)
class Scale:
    """What one pixel is: height and width in mm (`is_mm`) or in its own width, and what that is true of."""

    height: float
    width: float
    is_mm: bool
    status: str

    @property
    def length_unit(self) -> str:
        """The UCUM unit of lengths."""
        return MM if self.is_mm else PIXELS

    @property
    def area_unit(self) -> str:
        """The UCUM unit of areas."""
        return SQUARE_MM if self.is_mm else SQUARE_PIXELS

    def place(self, point: Point) -> Point:
        """Return a point in the unit of lengths."""
        return point[0] * self.width, point[1] * self.height


def scale_for(points: Sequence[Point], spacing: Spacing, regions: Sequence[Region], aspect: float) -> Scale:
    """Return the scale that holds at all of `points`; pixels where there is none that does.

    `aspect` is pixel height over width: angles and ratios need it even where no length is known.
    """
    if regions:
        around = [region for region in regions if all(_is_inside(point, region) for point in points)]
        if len({(region.row_mm, region.column_mm) for region in around}) == 1:
            return Scale(around[0].row_mm, around[0].column_mm, is_mm=True, status="region")
        return Scale(aspect, 1.0, is_mm=False, status="unknown")
    if spacing.row_mm and spacing.column_mm:
        return Scale(spacing.row_mm, spacing.column_mm, is_mm=True, status=spacing.status)
    return Scale(aspect, 1.0, is_mm=False, status="unknown")


def _is_inside(point: Point, region: Region) -> bool:
    # The bounds are pixels, both included; points count from the corner of the first pixel.
    return region.left <= point[0] <= region.right + 1 and region.top <= point[1] <= region.bottom + 1


def distance(a: Point, b: Point, scale: Scale) -> float:
    """Return the length from `a` to `b`."""
    (ax, ay), (bx, by) = scale.place(a), scale.place(b)
    return hypot(bx - ax, by - ay)


def angle(a: Point, vertex: Point, b: Point, scale: Scale) -> float:
    """Return the angle at `vertex` in degrees, 0 to 180; 0 where an arm has no length."""
    (ax, ay), (vx, vy), (bx, by) = scale.place(a), scale.place(vertex), scale.place(b)
    return _between((ax - vx, ay - vy), (bx - vx, by - vy))


def lines_angle(first: Sequence[Point], second: Sequence[Point], scale: Scale) -> float:
    """Return the smaller angle between two lines in degrees, 0 to 90, whichever way they were drawn (Cobb)."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = (scale.place(point) for point in (*first, *second))
    found = _between((x2 - x1, y2 - y1), (x4 - x3, y4 - y3))
    return min(found, 180 - found)


def _between(a: Point, b: Point) -> float:
    size = hypot(*a) * hypot(*b)
    if size == 0:
        return 0.0
    return degrees(acos(max(-1.0, min(1.0, (a[0] * b[0] + a[1] * b[1]) / size))))


def polygon_area(points: Sequence[Point], scale: Scale) -> float:
    """Return the area inside a closed outline (the shoelace formula)."""
    placed = [scale.place(point) for point in points]
    pairs = zip(placed, [*placed[1:], placed[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def ellipse_area(points: Sequence[Point], scale: Scale) -> float:
    """Return the area of the ellipse with these ends of its two axes."""
    return pi / 4 * distance(points[0], points[1], scale) * distance(points[2], points[3], scale)
