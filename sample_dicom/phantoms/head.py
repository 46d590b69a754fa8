"""A head: axial slices, z from 0 (skull base) to 140 mm (vertex), painted with one value per tissue.

The same anatomy serves CT (values in HU) and MR (signal): a `Palette` gives the values. Sulci are the zero level of a
smooth three-dimensional noise field, which folds the cortex the way gyri do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample_dicom.noise import Texture
from sample_dicom.phantoms.canvas import Canvas, Grid, Image, Point, ramp, rounded


@dataclass(frozen=True)
class Palette:
    """One value per tissue, and `grain`, the spread of the texture within soft tissue."""

    air: float
    skin: float
    fat: float
    bone: float
    diploe: float
    csf: float
    grey: float
    white: float
    muscle: float
    eye: float
    vessel: float
    blood: float | None
    oedema: float
    grain: float


CT = Palette(-1000, 40, -95, 1150, 420, 6, 39, 30, 55, 12, 48, 70, 20, 1.2)
T1 = Palette(0, 560, 920, 30, 420, 130, 440, 640, 400, 150, 60, None, 0, 14)
T2 = Palette(0, 420, 640, 20, 300, 980, 430, 290, 180, 940, 40, None, 0, 12)

BLEED: Point = (-27.0, -4.0, 66.0)
BLEED_RADII = (8.0, 12.0, 10.0)
VENTRICLE: Point = (10.0, -10.0, 76.0)
"""A place well inside the body of the left lateral ventricle."""


class Head:
    """The phantom for one palette; `slice` paints one plane."""

    def __init__(self, palette: Palette, name: str = "head") -> None:
        self.palette = palette
        self._fold = Texture(f"{name} fold", 8.5)
        self._wave = Texture(f"{name} wave", 5.5)
        self._grain = Texture(f"{name} grain", 3.0, 48)

    def slice(self, grid: Grid, z: float) -> Image:
        """Values without noise on the plane `z`, float32 of shape (grid.rows, grid.columns)."""
        p, canvas = self.palette, Canvas(grid, self.palette.air)
        depth = self._paint_shell(canvas, z)
        brain = canvas.soft(depth + np.float32(14.5))
        canvas.blend(canvas.soft(depth + np.float32(12.2)), p.csf)
        canvas.blend(brain, self._brain(canvas, z, depth))
        self._paint_deep(canvas, z)
        if z < 34:
            self._paint_base(canvas, z)
        return canvas.image

    def _paint_shell(self, canvas: Canvas, z: float) -> Image:
        """Scalp and skull; returns the signed distance in mm to the skin."""
        p = self.palette
        t = max(0.0, (z - 42) / 104)
        scale = (1 - min(t * t, 0.98)) ** 0.5 * (1 - 0.06 * max(0.0, (42 - z) / 42))
        a, b = 75 * scale, 95 * scale
        y = canvas.y - np.float32(2)
        depth = (rounded(canvas.x / a, y / b, 0.25) - 1) * np.float32((a + b) / 2)
        for edge, value in ((0.0, p.skin), (1.8, p.fat), (4.6, p.bone), (6.6, p.diploe), (9.8, p.bone)):
            canvas.blend(canvas.soft(depth + np.float32(edge)), value)
        return depth

    def _brain(self, canvas: Canvas, z: float, depth: Image) -> Image:
        """Grey ribbon, white core and the sulci between, as values."""
        p, x, y = self.palette, canvas.x, canvas.y
        inner = -(depth + np.float32(14.5))
        fold = self._fold.at(x, y, z) + np.float32(0.35) * self._wave.at(x, y, z)
        sheet = np.abs(fold) * np.float32(6.5)
        middle = np.abs(x) + 30 * ramp(24 - np.abs(y + 2), 0, 6) * np.float32(z < 92)
        sheet = np.minimum(sheet + np.float32(0.5) * np.clip(inner - 13, 0, None), middle + np.float32(0.3))
        grey = np.maximum(1 - ramp(inner, 2.4, 4.2), 1 - ramp(sheet, 2.6, 4.2))
        sulcus = 1 - ramp(sheet, 0.5, 1.4)
        value = p.white + grey * (p.grey - p.white) + np.float32(p.grain) * self._grain.at(x, y, z)
        return value + sulcus * (p.csf - value)

    def _paint_deep(self, canvas: Canvas, z: float) -> None:
        p = self.palette
        canvas.path([(0, 6, 66), (0, 14, 40), (0, 22, 10), (0, 30, -20)], [17, 14, 13, 11], z, p.white)
        for s in (-1, 1):
            canvas.ellipsoid((s * 26.0, -4, 62), (7, 17, 11), z, p.grey, (0.96, s * 0.28))
            canvas.ellipsoid((s * 11.0, 12, 64), (9, 14, 10), z, p.grey)
            canvas.ellipsoid((s * 13.0, -22, 70), (5, 9, 10), z, p.grey)
            horn: list[Point] = [(s * 7.0, -34, 66), (s * 8.0, -26, 72), (s * 10.0, -8, 76), (s * 14.0, 16, 76)]
            horn += [(s * 21.0, 34, 68), (s * 30.0, 26, 52), (s * 33.0, 6, 44)]
            canvas.path(horn, [3.5, 5.5, 5, 5.5, 7, 4, 2.5], z, p.csf)
            canvas.ellipsoid((s * 20.0, 34, 69), (1.6, 2.4, 3), z, p.vessel + 4 * p.grain)
        canvas.ellipsoid((0, 6, 60), (2.2, 14, 9), z, p.csf)
        canvas.ellipsoid((0, 40, 26), (6, 5, 9), z, p.csf)
        canvas.ellipsoid((0, -14, 36), (9, 7, 6), z, p.csf)
        if p.blood is not None:
            rx, ry, rz = BLEED_RADII
            canvas.ellipsoid(BLEED, (rx + 5, ry + 5, rz + 5), z, p.oedema)
            canvas.ellipsoid(BLEED, BLEED_RADII, z, p.blood)

    def _paint_base(self, canvas: Canvas, z: float) -> None:
        """Petrous bones, sinuses, orbits and the brain stem's neighbourhood."""
        p = self.palette
        for s in (-1, 1):
            canvas.path([(s * 16.0, 6, 10), (s * 38.0, 22, 12), (s * 55.0, 28, 12)], [6, 10, 11], z, p.bone * 0.9)
            for cell in ((48.0, 29.0, 8.0, 6.0), (54.0, 35.0, 10.0, 5.0), (51.0, 22.0, 14.0, 4.0)):
                canvas.ellipsoid((s * cell[0], cell[1], cell[2]), (cell[3],) * 3, z, p.air + 0.12 * abs(p.air))
            canvas.path([(s * 20.0, -26, 24), (s * 58.0, -40, 26)], [4, 5], z, p.bone * 0.85)
            canvas.ellipsoid((s * 31.0, -55, 8), (20, 27, 19), z, p.bone * 0.7)
            canvas.ellipsoid((s * 31.0, -55, 8), (17.5, 26, 17), z, p.fat)
            canvas.ellipsoid((s * 31.0, -68, 8), (12.2, 12.2, 12.2), z, p.eye)
            canvas.path([(s * 30.0, -58, 8), (s * 16.0, -36, 10)], [2.2, 2.2], z, p.white)
            canvas.path([(s * 43.0, -66, 8), (s * 26.0, -42, 9)], [2.2, 1.6], z, p.muscle)
            canvas.path([(s * 21.0, -66, 8), (s * 18.0, -42, 9)], [2.2, 1.6], z, p.muscle)
        canvas.ellipsoid((0, -26, 4), (17, 13, 13), z, p.bone * 0.8)
        canvas.ellipsoid((0, -28, 3), (14, 10, 10), z, p.air)
        canvas.ellipsoid((0, -62, 2), (10, 22, 16), z, p.air + 0.2 * abs(p.air))
        canvas.path([(0, -84, 4), (0, -40, 4)], [1.2, 1.2], z, p.bone * 0.6)
