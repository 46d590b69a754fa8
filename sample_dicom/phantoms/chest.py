"""A chest: axial slices in HU of a man lying on his back, z from 0 (upper abdomen) to 290 mm (root of the neck).

The organs are closed formulas in x (to the left), y (to the back) and z (to the head), so that a slice can be made at
any z and any resolution without holding a volume. Below the mattress lies a measuring insert; see `table`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample_dicom.noise import Random, Texture
from sample_dicom.phantoms.canvas import Canvas, Grid, Image, Point, ramp, rounded
from sample_dicom.phantoms.table import paint_table
from sample_dicom.phantoms.tree import Branches, grow, scatter, section


@dataclass(frozen=True)
class Nodule:
    """A solid round nodule in the right upper lobe."""

    centre: Point = (-82.0, -8.0, 196.0)
    radius: float = 6.5
    hu: float = 40.0


NODULE = Nodule()


@dataclass(frozen=True)
class Tissue:
    """Values in HU that differ between a plain and a contrast-enhanced scan."""

    blood: float
    artery: float
    myocardium: float
    liver: float
    spleen: float


PLAIN = Tissue(blood=42, artery=42, myocardium=45, liver=58, spleen=48)
ENHANCED = Tissue(blood=165, artery=230, myocardium=105, liver=100, spleen=118)

AIR, LUNG, FAT, MUSCLE, WATER = -1000.0, -865.0, -105.0, 55.0, 0.0

_CAGE = (136.0, 90.0)
_RIB_SPACING = 27.0
_CARINA = (2.0, 14.0, 178.0)
_HILUM_Z = 158.0


def _dome_height(x: float, y: float) -> float:
    """Height in mm of the diaphragm; the right side stands higher."""
    right = 52 - (((x + 68) / 78) ** 2 + ((y + 8) / 82) ** 2) * 46
    left = 42 - (((x - 72) / 76) ** 2 + ((y + 5) / 82) ** 2) * 46
    return max(right, left)


def _cage_scale(z: float) -> float:
    if z < 165:
        return 1.0
    t = min((z - 165) / 142, 0.97)
    return float((1 - t * t) ** 0.5)


def _cage(z: float) -> tuple[float, float, float]:
    """Half width, half depth and centre y of the outer surface of the rib cage at `z`."""
    scale = _cage_scale(z)
    return _CAGE[0] * scale, _CAGE[1] * (0.35 + 0.65 * scale), -2 + 24 * (1 - scale)


def _in_lung(p: Point) -> bool:
    x, y, z = p
    a, b, cy = _cage(z)
    u, v = x / (a - 16), (y - cy) / (b - 16)
    return u * u + v * v < 1 and abs(x) > 34 - 12 * (y < -40) and z > _dome_height(x, y) + 6 and not _in_heart(p)


def _in_heart(p: Point) -> bool:
    x, y, z = p
    return ((x - 22) / 62) ** 2 + ((y + 24) / 46) ** 2 + ((z - 88) / 58) ** 2 < 1


class Chest:
    """The phantom with its grown vessels and airways; `slice` paints one plane."""

    def __init__(self, tissue: Tissue = ENHANCED, *, table: bool = True, arms_down: bool = False) -> None:
        self.tissue = tissue
        self._table = table
        self._arms_down = arms_down
        self._coarse = Texture("chest coarse", 23.0)
        self._fine = Texture("chest fine", 3.1, 48)
        self._vessels = Branches.joined(*(self._lung_vessels(side) for side in (-1, 1)))
        self._airways = self._bronchi()

    def slice(self, grid: Grid, z: float) -> Image:
        """HU without noise on the plane `z`, float32 of shape (grid.rows, grid.columns)."""
        canvas = Canvas(grid, AIR)
        texture = self._fine.at(canvas.x, canvas.y, z), self._coarse.at(canvas.x, canvas.y, z)
        if self._table:
            paint_table(canvas, z)
        wall = self._paint_wall(canvas, z, texture)
        cavity = self._paint_cavity(canvas, z, texture, wall)
        self._paint_abdomen(canvas, z, cavity, texture)
        self._paint_spine(canvas, z, texture)
        self._paint_great_vessels(canvas, z)
        self._paint_heart(canvas, z)
        self._paint_lung_vessels(canvas, z, wall)
        canvas.ellipsoid(NODULE.centre, (NODULE.radius,) * 3, z, NODULE.hu)
        self._paint_shoulder(canvas, z)
        return canvas.image

    def _lung_vessels(self, side: int) -> Branches:
        random = Random(f"lung {side}")
        low, high = sorted((side * 34.0, side * 124.0))
        trees = []
        for name, count, radius, y in (("artery", 1100, 8.5, 6.0), ("vein", 800, 7.5, 0.0)):
            targets = scatter(random, count, (low, -80.0, 8.0), (high, 82.0, 282.0), _in_lung)
            root = (side * 33.0, y, _HILUM_Z - (18 if name == "vein" else 0))
            trees.append(grow(root, targets, radius, 2.7, 0.45))
        return Branches.joined(*trees)

    def _bronchi(self) -> Branches:
        trees = []
        for side in (-1, 1):
            random = Random(f"airway {side}")
            low, high = sorted((side * 40.0, side * 105.0))
            targets = scatter(random, 18, (low, -45.0, 60.0), (high, 55.0, 235.0), _in_lung)
            trees.append(grow((side * 28.0, 12.0, 160.0), targets, 5.6, 2.6, 0.4))
        return Branches.joined(*trees)

    def _paint_wall(self, canvas: Canvas, z: float, texture: tuple[Image, Image]) -> Image:
        """Skin, fat, muscles and ribs; returns the signed distance in mm to the outer surface of the rib cage."""
        x, y = canvas.x, canvas.y
        wide = 172 + 26 * _ease(z, 195, 255) - 14 * _ease(-z, -110, 20)
        deep, squareness = 114.0, 0.35
        if self._arms_down:
            neck = _ease(z, 258, 318)
            wide, deep, squareness = wide - (wide - 64) * neck, deep - 52 * neck, squareness - 0.2 * neck
        body = (rounded(x / wide, (y - 2 - 0.1 * (114 - deep)) / deep, squareness) - 1) * np.float32(min(wide, deep))
        canvas.blend(canvas.soft(body), 20.0)
        canvas.blend(canvas.soft(body + 2), FAT + 9 * texture[1] + 6 * texture[0])
        a, b, cy = _cage(z)
        wall = (rounded(x / a, (y - cy) / b, 0.3) - 1) * np.float32(min(a, b))
        self._paint_muscles(canvas, z, wall, body, texture)
        canvas.blend(canvas.soft(wall), MUSCLE - 15 + 5 * texture[0])
        self._paint_ribs(canvas, z, wall, cy, texture[0])
        return wall

    def _paint_muscles(self, canvas: Canvas, z: float, wall: Image, body: Image, texture: tuple[Image, Image]) -> None:
        angle = _around(canvas, 0.0)
        high = max(0.0, min((z - 120) / 90, 1))
        thick = 6 + 9 * ramp(angle, 0.1, 0.7) + np.float32(4 + 12 * high) * ramp(-angle, 0.15, 0.45)
        thick = thick * (1 - ramp(-angle, 0.86, 0.97)) + np.float32(40 * max(0.0, min((z - 200) / 60, 1)))
        depth = np.minimum(thick - wall, -(body + 9))
        muscle = MUSCLE + 4 * texture[0] + 5 * texture[1]
        canvas.blend(canvas.soft(-depth), muscle)
        layer = np.abs(wall - thick * np.float32(0.45) - 2 * texture[1]) - np.float32(0.6)
        canvas.blend(canvas.soft(layer) * np.float32(0.8) * (depth > 2), FAT + 30)
        for side in (-1, 1):
            canvas.ellipse((side * 27.0, 88.0), (24.0, 15.0), MUSCLE)
        canvas.ellipse((0.0, 103.0), (2.0, 9.0), FAT + 25)

    def _paint_ribs(self, canvas: Canvas, z: float, wall: Image, cy: float, fine: Image) -> None:
        """Ribs run down from the spine to the front: their height falls with the angle about the body."""
        angle = _around(canvas, cy)
        slope = np.float32(46 if z < 200 else 46 * (0.5 + 0.5 * _cage_scale(z)))
        phase = (np.float32(z) + slope * (1 - angle)) / np.float32(_RIB_SPACING)
        dz = (phase - np.floor(phase) - np.float32(0.5)) * np.float32(_RIB_SPACING)
        dr = wall + np.float32(4.2)
        level = np.sqrt(dz * dz * np.float32(1 / 6.2**2) + dr * dr * np.float32(1 / 3.9**2))
        cartilage = ramp(-angle, 0.6, 0.72)
        near_mid = np.abs(canvas.x) > 17
        shell, marrow = canvas.soft((level - 1) * 4.0), canvas.soft((level - np.float32(0.62)) * 4.0)
        shell = shell * near_mid
        canvas.blend(shell, 760 * (1 - cartilage) + 110 * cartilage)
        canvas.blend(marrow * near_mid, (240 + 60 * fine) * (1 - cartilage) + 95 * cartilage)
        if 95 < z < 238:
            half = 17.0 + 8 * max(0.0, (z - 212) / 26)
            front = cy - _cage(z)[1] + 2.5
            canvas.ellipse((0.0, front), (half, 7.0), 620.0)
            canvas.ellipse((0.0, front), (half - 2.2, 4.8), 190.0)

    def _paint_cavity(self, canvas: Canvas, z: float, texture: tuple[Image, Image], wall: Image) -> Image:
        """Mediastinal fat and the lungs; returns the coverage of the whole thoracic cavity."""
        x, y = canvas.x, canvas.y
        cavity = canvas.soft(wall + 9)
        canvas.blend(cavity, FAT + 12 + 6 * texture[1])
        upper = max(0.0, min((z - 185) / 35, 1))
        half = 27 - 15 * ramp(-y, 30, 62) * np.float32(1 - 0.8 * upper) - 9 * ramp(y, -10, 20) * ramp(-y, -50, -36)
        half = half - 5 * ramp(y, 62, 74) + np.float32(2.5) * texture[1] + 5 * ramp(canvas.x, 0, 1) * ramp(y, 0, 30)
        dome = self._dome(canvas)
        lung = np.maximum(np.maximum(wall + 10, half - np.abs(x)), (dome - np.float32(z)) * np.float32(0.7))
        coverage = canvas.soft(lung)
        gradient = np.float32(0.32) * (y - 10)
        parenchyma = LUNG + gradient + 16 * texture[0] + 11 * texture[1]
        canvas.blend(coverage, parenchyma)
        self._paint_fissures(canvas, z, coverage)
        return cavity

    def _dome(self, canvas: Canvas) -> Image:
        x, y = canvas.x, canvas.y
        ry, ly = (y + 8) / np.float32(82), (y + 5) / np.float32(82)
        rx, lx = (x + 68) / np.float32(78), (x - 72) / np.float32(76)
        dome: Image = np.maximum(52 - (rx * rx + ry * ry) * 46, 42 - (lx * lx + ly * ly) * 46)
        return dome

    def _paint_fissures(self, canvas: Canvas, z: float, lung: Image) -> None:
        """The oblique fissures: thin sheets from high at the back to low in front."""
        x, y = canvas.x, canvas.y
        place = np.float32((z - 128) * 0.72) + np.float32(0.0012) * (np.abs(x) - 70) * (np.abs(x) - 70) - 6
        sheet = canvas.soft(np.abs(y - place) - np.float32(0.35))
        canvas.blend(sheet * lung * np.float32(0.55), -640.0)

    def _paint_abdomen(self, canvas: Canvas, z: float, cavity: Image, texture: tuple[Image, Image]) -> None:
        if z > 56:
            return
        below = canvas.soft((np.float32(z) + 3 - self._dome(canvas)) * np.float32(0.7)) * cavity
        x, y = canvas.x, canvas.y
        canvas.blend(below, FAT + 5 * texture[1])
        liver = canvas.soft(np.maximum(x - 30 - np.float32(0.35) * (-y), (rounded(x / 124, y / 78, 0.3) - 1) * 78))
        canvas.blend(below * liver, self.tissue.liver + 3 * texture[0] + 3 * texture[1])
        canvas.ellipsoid((4, -38, 8), (62, 34, 36), z, self.tissue.liver)
        canvas.ellipsoid((88, 38, 10), (26, 34, 34), z, self.tissue.spleen)
        canvas.ellipsoid((62, -22, 6), (42, 38, 32), z, 35.0)
        canvas.ellipsoid((60, -34, 8), (34, 22, 26), z, AIR + 8)
        for side_vein in ((-70, 8, -60, -30), (-62, 10, -95, 20), (-58, 6, -40, 30)):
            p, q = (side_vein[0], side_vein[1], -5.0), (side_vein[2], side_vein[3], 38.0)
            canvas.path([(-18, 22, 40.0), p, q], [5.5, 4.0, 2.0], z, self.tissue.liver + 55)

    def _paint_spine(self, canvas: Canvas, z: float, texture: tuple[Image, Image]) -> None:
        phase = (z % 25.0) / 25.0
        disc = phase < 0.22
        waist = 1 - 0.07 * min(abs(phase - 0.61) / 0.39, 1) if not disc else 1.0
        canvas.ellipse((0, 54), (17.5 / waist * 0.95, 14.5 / waist * 0.95), 95.0 if disc else 640.0)
        if not disc:
            spongy = canvas.soft((rounded(canvas.x / 15.4, (canvas.y - 54) / 12.4, 0.1) - 1) * 12)
            canvas.blend(spongy, 190 + 55 * texture[0])
        arch = 0.3 < phase < 0.85
        if arch:
            for side in (-1, 1):
                canvas.path([(side * 12.0, 64, z), (side * 12.5, 76, z), (side * 3, 88, z)], [4.6, 3.8, 3.2], z, 560)
                canvas.path([(side * 13.0, 78, z), (side * 33.0, 84, z)], [4.4, 4.0], z, 480)
                canvas.path([(side * 13.0, 78, z), (side * 32.0, 84, z)], [2.4, 2.2], z, 220)
        canvas.path([(0, 88, z + 3), (0, 106, z - 3)], [2.6, 3.2], z, 520 if arch or phase > 0.6 else 300)
        canvas.ellipse((0, 76), (9.5, 8.5), -20.0)
        canvas.ellipse((0, 76), (7.6, 6.8), 10.0)
        canvas.ellipse((0, 76), (4.8, 3.9), 42.0)

    def _paint_great_vessels(self, canvas: Canvas, z: float) -> None:
        t = self.tissue
        canvas.path([(0, 33, 290), (4, 33, 150), (12, 28, 60), (16, 20, 30)], [6.5, 6, 6, 7], z, 42)
        canvas.ellipse((3 if z > 150 else 8, 32), (1.8, 1.3), -300.0 if 120 < z % 170 < 150 else 45.0)
        canvas.path([(-22, -12, 215), (-26, -8, 150), (-28, 0, 118)], [8.5, 9.5, 11], z, t.blood + 20)
        canvas.path([(-22, -12, 212), (22, -34, 226), (35, -38, 240)], [6.5, 6, 5.5], z, t.blood + 20)
        canvas.path([(-22, -12, 212), (-33, -28, 242)], [7, 6], z, t.blood + 20)
        canvas.path([(-24, 14, 70), (-20, 12, 20), (-18, 20, -20)], [12, 11, 11], z, t.blood - 10)
        aorta: list[Point] = [(4, -14, 112), (-6, -24, 150), (-2, -20, 184), (10, -4, 200), (22, 18, 200)]
        aorta += [(27, 36, 184), (26, 42, 150), (20, 42, 80), (12, 40, 0), (8, 40, -60)]
        self._tube(canvas, aorta, [15, 15.5, 14.5, 13.5, 13, 12.5, 12, 11.5, 11, 10.5], z, t.artery, 1.3)
        for branch in (
            [(-4, -12, 200), (-18, -8, 240), (-30, 0, 285)],
            [(8, -2, 204), (14, 2, 245), (24, 6, 290)],
            [(20, 16, 204), (28, 20, 240), (36, 10, 272)],
        ):
            canvas.path(branch, [6.5, 5, 4.2], z, t.artery)
        trunk = [(16, -42, 118), (18, -34, 150), (22, -8, 166)]
        canvas.path(trunk, [14, 14.5, 13], z, t.artery - 15)
        canvas.path([(20, -10, 165), (-8, 2, 158), (-36, 6, 156)], [11.5, 10.5, 8], z, t.artery - 15)
        canvas.path([(22, -8, 166), (36, 12, 168), (40, 22, 156)], [11.5, 10, 8], z, t.artery - 15)
        canvas.path([(10, 30, 120), (6, 36, 60), (4, 38, 0)], [2.5, 2.5, 2.5], z, t.blood)

    def _tube(
        self, canvas: Canvas, points: list[Point], radii: list[float], z: float, value: float, wall: float
    ) -> None:
        canvas.path(points, [r + wall for r in radii], z, 48.0)
        canvas.path(points, radii, z, value)

    def _paint_heart(self, canvas: Canvas, z: float) -> None:
        t = self.tissue
        turn = (0.79, 0.61)
        if z < 140:
            canvas.ellipsoid((22, -24, 86), (64, 46, 60), z, -88.0, turn)
        canvas.ellipsoid((24, -24, 84), (58, 41, 54), z, t.myocardium, turn)
        canvas.ellipsoid((44, -14, 78), (36, 20, 40), z, t.blood + 25, turn)
        canvas.ellipsoid((-2, -38, 84), (34, 17, 42), z, t.blood, (0.87, 0.5))
        canvas.ellipsoid((-26, -16, 92), (22, 24, 34), z, t.blood)
        canvas.ellipsoid((12, 16, 112), (32, 17, 26), z, t.blood + 15)
        canvas.path([(4, -14, 114), (18, -14, 96)], [13, 11], z, t.artery)
        for side in (-1, 1):
            for dz in (-4.0, -26.0):
                canvas.path([(12 + side * 18, 16, 116), (side * 42.0, 10, 138 + dz)], [7, 5.5], z, t.blood + 15)
        canvas.ellipse((-20, -57), (1.6, 1.4), t.artery if 60 < z < 115 else -88.0)
        for point in ((30.0, -63.0, 118.0), (36.0, -60.0, 112.0)):
            canvas.ellipsoid(point, (2.2, 1.6, 3), z, 520)

    def _paint_lung_vessels(self, canvas: Canvas, z: float, wall: Image) -> None:
        inside = canvas.soft(wall + 11)
        canvas.blend(section(self._vessels, canvas.grid, z) * inside, self.tissue.blood + 10)
        tubes = [
            ([(2, 12, 300), (2, 13, 230), _CARINA], [9.2, 9.2, 9.4]),
            ([_CARINA, (-16, 13, 166), (-28, 12, 160)], [8.2, 7.2, 6.2]),
            ([_CARINA, (20, 16, 164), (36, 17, 156)], [7.8, 6.8, 5.6]),
        ]
        outer = Branches(
            self._airways.a,
            self._airways.b,
            self._airways.ra * np.float32(1.1) + np.float32(0.6),
            self._airways.rb * np.float32(1.1) + np.float32(0.6),
        )
        canvas.blend(section(outer, canvas.grid, z) * inside * np.float32(0.75), -60.0)
        for points, radii in tubes:
            canvas.path(points, [r + 1.5 for r in radii], z, 40)
        canvas.blend(section(self._airways, canvas.grid, z) * inside, AIR + 5)
        for points, radii in tubes:
            canvas.path(points, radii, z, AIR + 3)

    def _paint_shoulder(self, canvas: Canvas, z: float) -> None:
        """Clavicles, first part of the arms' girdle and the shoulder blades."""
        for s in (-1, 1):
            clavicle = [(s * 17.0, -58, 240), (s * 60.0, -62, 256), (s * 110.0, -28, 264), (s * 150.0, -8, 270)]
            canvas.path(clavicle, [8, 6, 5.5, 6], z, 720)
            canvas.path(clavicle, [5, 3.2, 3, 3.4], z, 230)
            blade = [(s * 92.0, 97, 120.0), (s * 96.0, 99, 190.0), (s * 104.0, 88, 250.0)]
            canvas.path(blade, [2.5, 3, 3], z, 560)
            if 125 < z < 262:
                inner = s * (93.0 + 0.08 * (z - 120))
                reach = 8 + (z - 125) * 0.33
                canvas.path(
                    [(inner, 97 - (z > 200) * (z - 200) * 0.18, z), (inner + s * reach, 92 - reach * 0.85, z)],
                    [2.2, 2.8],
                    z,
                    540,
                )
            if z > 225:
                canvas.path([(s * 142.0, 40, 236), (s * 152.0, 20, 262)], [11, 12], z, 520)
                canvas.path([(s * 142.0, 40, 236), (s * 152.0, 20, 262)], [8.5, 9.5], z, 240)


def _ease(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, smooth between."""
    t = max(0.0, min((value - low) / (high - low), 1.0))
    return t * t * (3 - 2 * t)


def _around(canvas: Canvas, cy: float) -> Image:
    """A monotone stand-in for the angle about the body: -1 in front, 0 at the sides, +1 at the back."""
    x, y = canvas.x, canvas.y - np.float32(cy)
    angle: Image = y / (np.abs(x) + np.abs(y) + np.float32(1e-3))
    return angle


def quantum_noise(grid: Grid, name: str, level: float, image: Image) -> Image:
    """One slice as a scanner gives it: noise, and -1024 HU outside the reconstruction circle.

    `level` is the standard deviation in HU within the patient; the air around has little noise.
    """
    noise = Random(name).soft_field((grid.rows, grid.columns))
    strength = np.where(image < -985, np.float32(0.15), np.float32(1.0)) * np.float32(level)
    noisy: Image = image + noise * strength
    x = grid.x - np.float32(grid.left + grid.spacing * (grid.columns - 1) / 2)
    y = grid.y - np.float32(grid.top + grid.spacing * (grid.rows - 1) / 2)
    noisy[x * x + y * y > np.float32((grid.spacing * grid.columns / 2) ** 2)] = -1024
    return noisy
