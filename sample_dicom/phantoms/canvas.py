"""One slice of a phantom being painted: a regular grid in mm and soft-edged shapes blended into it.

Every shape is a *coverage* in [0, 1] per pixel, made of an approximate signed distance to the edge, so that edges are
antialiased: the half-way value lies at the true edge, and a length measured between half-way points is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating[Any]]
"""Arrays of float32 (the checker cannot see that float32 with a Python number stays float32)."""
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Grid:
    """An axial (or any plane) grid; `left` and `top` are the centre of the first pixel in mm."""

    rows: int
    columns: int
    spacing: float
    left: float
    top: float

    @classmethod
    def centred(cls, rows: int, columns: int, spacing: float, x: float = 0.0, y: float = 0.0) -> Grid:
        """A grid whose middle lies at (x, y)."""
        return cls(rows, columns, spacing, x - spacing * (columns - 1) / 2, y - spacing * (rows - 1) / 2)

    @property
    def x(self) -> Image:
        """Column centres, shape (1, columns)."""
        x: Image = (self.left + self.spacing * np.arange(self.columns)).astype(np.float32).reshape(1, -1)
        return x

    @property
    def y(self) -> Image:
        """Row centres, shape (rows, 1)."""
        y: Image = (self.top + self.spacing * np.arange(self.rows)).astype(np.float32).reshape(-1, 1)
        return y


class Canvas:
    """A float32 image on a `Grid` into which shapes are blended one after the other."""

    def __init__(self, grid: Grid, background: float) -> None:
        self.grid = grid
        self.x = grid.x
        self.y = grid.y
        self.image: Image = np.full((grid.rows, grid.columns), background, np.float32)

    def soft(self, distance: Image) -> Image:
        """Coverage of a signed distance in mm (negative inside)."""
        step = np.float32(-1.0 / self.grid.spacing)
        coverage: Image = np.clip(distance * step + np.float32(0.5), 0, 1).astype(np.float32, copy=False)
        return coverage

    def blend(self, coverage: Image, value: Image | float) -> None:
        """Mix `value` into the whole image by `coverage`."""
        self.image += coverage * (value - self.image)

    def ellipse(
        self, centre: tuple[float, float], radii: tuple[float, float], value: float, turn: tuple[float, float] = (1, 0)
    ) -> None:
        """Blend a filled ellipse; `turn` is (cos, sin) of its rotation."""
        reach = max(radii) + 2 * self.grid.spacing
        box = self._box(centre[0] - reach, centre[0] + reach, centre[1] - reach, centre[1] + reach)
        dx, dy = self.x[:, box[1]] - centre[0], self.y[box[0]] - centre[1]
        u = (dx * turn[0] + dy * turn[1]) / radii[0]
        v = (dy * turn[0] - dx * turn[1]) / radii[1]
        self._blend_box(box, (np.sqrt(u * u + v * v) - 1) * min(radii), value)

    def ellipsoid(
        self, centre: Point, radii: Point, z: float, value: float, turn: tuple[float, float] = (1, 0)
    ) -> None:
        """Blend the section at `z` of an ellipsoid that is turned about the z axis."""
        t = (z - centre[2]) / radii[2]
        if abs(t) < 1:
            shrink = (1 - t * t) ** 0.5
            self.ellipse(centre[:2], (radii[0] * shrink, radii[1] * shrink), value, turn)

    def rectangle(self, left: float, right: float, top: float, bottom: float, value: float) -> None:
        """Blend an axis-parallel rectangle, exact in its partly covered pixels."""
        half = self.grid.spacing / 2
        box = self._box(left - 2 * half, right + 2 * half, top - 2 * half, bottom + 2 * half)
        x, y = self.x[:, box[1]], self.y[box[0]]
        across = np.clip(np.minimum(x + half, right) - np.maximum(x - half, left), 0, None)
        down = np.clip(np.minimum(y + half, bottom) - np.maximum(y - half, top), 0, None)
        coverage = across * down / np.float32(self.grid.spacing**2)
        self.image[box] += coverage * (value - self.image[box])

    def path(self, points: Sequence[Point], radii: Sequence[float], z: float, value: float) -> None:
        """Blend the section at `z` of a round tube along `points` whose radius changes along `radii`."""
        for a, b, ra, rb in zip(points, points[1:], radii, radii[1:], strict=False):
            reach = max(ra, rb)
            if min(a[2], b[2]) - reach < z < max(a[2], b[2]) + reach:
                self._capsule(a, b, ra, rb, z, value)

    def _capsule(self, a: Point, b: Point, ra: float, rb: float, z: float, value: float) -> None:
        reach = max(ra, rb) + 2 * self.grid.spacing
        box = self._box(
            min(a[0], b[0]) - reach, max(a[0], b[0]) + reach, min(a[1], b[1]) - reach, max(a[1], b[1]) + reach
        )
        d = capsule_distance(self.x[:, box[1]], self.y[box[0]], z, a, b, ra, rb)
        self._blend_box(box, d, value)

    def _box(self, left: float, right: float, top: float, bottom: float) -> tuple[slice, slice]:
        g = self.grid
        columns = slice(max(0, int((left - g.left) / g.spacing)), max(0, int((right - g.left) / g.spacing) + 2))
        rows = slice(max(0, int((top - g.top) / g.spacing)), max(0, int((bottom - g.top) / g.spacing) + 2))
        return rows, columns

    def _blend_box(self, box: tuple[slice, slice], distance: Image, value: float) -> None:
        part = self.image[box]
        part += self.soft(distance) * (np.float32(value) - part)


def capsule_distance(x: Image, y: Image, z: float, a: Point, b: Point, ra: float, rb: float) -> Image:
    """Signed distance in mm from the points (x, y, z) to a tapered round-ended tube from `a` to `b`."""
    ax, ay, az = (b[i] - a[i] for i in range(3))
    length2 = ax * ax + ay * ay + az * az or 1e-9
    px, py, pz = x - np.float32(a[0]), y - np.float32(a[1]), z - a[2]
    along = np.clip((px * np.float32(ax) + py * np.float32(ay) + np.float32(pz * az)) / np.float32(length2), 0, 1)
    dx, dy, dz = px - along * np.float32(ax), py - along * np.float32(ay), np.float32(pz) - along * np.float32(az)
    distance: Image = np.sqrt(dx * dx + dy * dy + dz * dz) - (np.float32(ra) + along * np.float32(rb - ra))
    return distance


def rounded(u: Image, v: Image, squareness: float = 0.45) -> Image:
    """Level of a closed outline between an ellipse (0) and a squarish oval (1); the outline itself is at 1."""
    u2, v2 = u * u, v * v
    level: Image = np.float32(1 - squareness) * np.sqrt(u2 + v2) + np.float32(squareness) * np.sqrt(
        np.sqrt(u2 * u2 + v2 * v2)
    )
    return level


def ramp(value: Image, low: float, high: float) -> Image:
    """0 up to `low`, 1 from `high` on, linear between."""
    part: Image = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1).astype(np.float32, copy=False)
    return part
