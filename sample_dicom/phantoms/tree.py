"""Branching trees that fill a region (vessels, airways), and their sections drawn in batches.

The tree is grown by halving: the points to be supplied are split in two across their widest axis again and again, and
each half gets a branch towards its centre. The radius follows the number of points supplied (Murray's law, exponent
about 3), which gives the calibres and angles that one expects of lung vessels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sample_dicom.noise import Random
from sample_dicom.phantoms.canvas import Grid, Image, Point

_PIECE = 5.0
"""Longest piece in mm: short pieces have small footprints in a slice, so that they can be drawn as equal patches."""


@dataclass(frozen=True)
class Branches:
    """Tapered pieces of tubes: ends `a`, `b` of shape (n, 3) in mm and radii `ra`, `rb` of shape (n,) in mm."""

    a: Image
    b: Image
    ra: Image
    rb: Image

    def near(self, z: float) -> Branches:
        """Those that a plane at `z` can touch."""
        reach = np.maximum(self.ra, self.rb) + np.float32(0.4)
        low, high = np.minimum(self.a[:, 2], self.b[:, 2]), np.maximum(self.a[:, 2], self.b[:, 2])
        return self._where((low - reach < z) & (z < high + reach))

    def split(self, radius: float) -> tuple[Branches, Branches]:
        """(those up to `radius` wide, the wider ones)."""
        narrow = np.maximum(self.ra, self.rb) <= np.float32(radius)
        return self._where(narrow), self._where(~narrow)

    def _where(self, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Branches:
        return Branches(self.a[chosen], self.b[chosen], self.ra[chosen], self.rb[chosen])

    @classmethod
    def joined(cls, *parts: Branches) -> Branches:
        """All pieces of several trees."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("a", "b", "ra", "rb")))


def scatter(random: Random, count: int, low: Point, high: Point, inside: Callable[[Point], bool]) -> list[Point]:
    """`count` points of a box that lie `inside`."""
    points: list[Point] = []
    while len(points) < count:
        point = (
            random.uniform(low[0], high[0]),
            random.uniform(low[1], high[1]),
            random.uniform(low[2], high[2]),
        )
        if inside(point):
            points.append(point)
    return points


def grow(root: Point, targets: list[Point], radius: float, exponent: float = 3.0, reach: float = 0.5) -> Branches:
    """A tree from `root` to all `targets`; `radius` in mm at the root. `reach`: how far a branch runs to its centre."""
    pieces: list[tuple[Point, Point, float, float]] = []
    _grow(root, targets, radius, len(targets), exponent, reach, pieces)
    array = np.array([(*a, *b, ra, rb) for a, b, ra, rb in pieces], np.float32)
    return Branches(array[:, :3], array[:, 3:6], array[:, 6], array[:, 7])


def _grow(
    start: Point,
    targets: list[Point],
    radius: float,
    total: int,
    exponent: float,
    reach: float,
    pieces: list[tuple[Point, Point, float, float]],
) -> None:
    width = _width(radius, len(targets), total, exponent)
    if len(targets) == 1:
        _cut(start, targets[0], width, width * 0.6, pieces)
        return
    centre = _centre(targets)
    end = (
        start[0] + (centre[0] - start[0]) * reach,
        start[1] + (centre[1] - start[1]) * reach,
        start[2] + (centre[2] - start[2]) * reach,
    )
    halves = _halve(targets)
    _cut(start, end, width, _width(radius, max(map(len, halves)), total, exponent), pieces)
    for half in halves:
        _grow(end, half, radius, total, exponent, reach, pieces)


def _width(radius: float, count: int, total: int, exponent: float) -> float:
    return radius * float((count / total) ** (1 / exponent))


def _centre(points: list[Point]) -> Point:
    count = len(points)
    return (sum(p[0] for p in points) / count, sum(p[1] for p in points) / count, sum(p[2] for p in points) / count)


def _halve(points: list[Point]) -> tuple[list[Point], list[Point]]:
    spread = [max(p[i] for p in points) - min(p[i] for p in points) for i in range(3)]
    axis = spread.index(max(spread))
    ordered = sorted(points, key=lambda p: p[axis])
    middle = len(ordered) // 2
    return ordered[:middle], ordered[middle:]


def _cut(a: Point, b: Point, ra: float, rb: float, pieces: list[tuple[Point, Point, float, float]]) -> None:
    length = sum((b[i] - a[i]) ** 2 for i in range(3)) ** 0.5
    count = int(length / _PIECE) + 1
    points = [
        (a[0] + (b[0] - a[0]) * k / count, a[1] + (b[1] - a[1]) * k / count, a[2] + (b[2] - a[2]) * k / count)
        for k in range(count + 1)
    ]
    radii = [ra + (rb - ra) * k / count for k in range(count + 1)]
    pieces.extend(zip(points, points[1:], radii, radii[1:], strict=False))


def section(branches: Branches, grid: Grid, z: float) -> Image:
    """Coverage in [0, 1] of the tree on the plane `z`, shape (rows, columns) float32."""
    field: Image = np.zeros((grid.rows, grid.columns), np.float32)
    rest = branches.near(z)
    for radius in (1.2, 3.0, 6.0, 30.0):
        part, rest = rest.split(radius)
        if len(part.ra):
            _stamp(part, grid, z, field, int((_PIECE / 2 + radius) / grid.spacing) + 2)
    return field


def _stamp(part: Branches, grid: Grid, z: float, field: Image, half: int) -> None:
    """Draw each piece into a square patch of 2 * half + 1 pixels about its middle."""
    middle = (part.a + part.b) * np.float32(0.5)
    column = np.rint((middle[:, 0] - np.float32(grid.left)) / np.float32(grid.spacing)).astype(np.int64)
    row = np.rint((middle[:, 1] - np.float32(grid.top)) / np.float32(grid.spacing)).astype(np.int64)
    seen = (column >= half) & (column < grid.columns - half) & (row >= half) & (row < grid.rows - half)
    part, column, row = part._where(seen), column[seen], row[seen]
    offset = np.arange(-half, half + 1)
    columns, rows = column[:, None, None] + offset[None, None, :], row[:, None, None] + offset[None, :, None]
    x = (grid.left + grid.spacing * columns).astype(np.float32)
    y = (grid.top + grid.spacing * rows).astype(np.float32)
    coverage = np.clip(_distance(part, x, y, z) * np.float32(-1 / grid.spacing) + np.float32(0.5), 0, 1)
    np.maximum.at(field, (np.broadcast_to(rows, coverage.shape), np.broadcast_to(columns, coverage.shape)), coverage)


def _distance(part: Branches, x: Image, y: Image, z: float) -> Image:
    axis = (part.b - part.a)[:, :, None, None]
    length2 = axis[:, 0] * axis[:, 0] + axis[:, 1] * axis[:, 1] + axis[:, 2] * axis[:, 2] + np.float32(1e-6)
    start = part.a[:, :, None, None]
    px, py, pz = x - start[:, 0], y - start[:, 1], np.float32(z) - start[:, 2]
    along = np.clip((px * axis[:, 0] + py * axis[:, 1] + pz * axis[:, 2]) / length2, 0, 1)
    dx, dy, dz = px - along * axis[:, 0], py - along * axis[:, 1], pz - along * axis[:, 2]
    ra, rb = part.ra[:, None, None], part.rb[:, None, None]
    distance: Image = np.sqrt(dx * dx + dy * dy + dz * dz) - (ra + along * (rb - ra))
    return distance
