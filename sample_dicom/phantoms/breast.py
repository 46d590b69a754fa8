"""A compressed breast seen from above, chest wall on the left: fat, glandular tissue, a mass, calcifications."""

from __future__ import annotations

import numpy as np

from sample_dicom.noise import Random, Texture, smooth
from sample_dicom.phantoms.canvas import Canvas, Grid, Image, ramp

MASS = (46.0, -14.0)
"""Centre of the mass in mm: distance from the chest wall, and upwards negative."""
CLUSTER = (62.0, 18.0)


def mammogram(grid: Grid) -> Image:
    """Presentation values 0..4095; x of `grid` counts from the chest wall, y from the middle."""
    canvas = Canvas(grid, 0.0)
    x, y = canvas.x, canvas.y
    level = np.sqrt(x * x * np.float32(1 / 104**2) + y * y * np.float32(1 / 92**2))
    edge = (level - 1) * np.float32(92)
    dense = _gland(x, y, level)
    tissue = 900 + 520 * ramp(-edge, 2, 40) + dense
    canvas.blend(canvas.soft(edge), 1250.0)
    canvas.blend(canvas.soft(edge + np.float32(1.4)), tissue)
    canvas.ellipse((104.0, 0.0), (3.5, 5.0), 1700.0)
    _paint_mass(canvas)
    _paint_calcifications(canvas)
    grain = smooth(Random("breast grain").field((grid.rows, grid.columns))) * 60
    image: Image = np.clip(smooth(canvas.image) + 30 + grain * np.clip(canvas.image / 900, 0.06, 1), 0, 4095)
    return image


def _gland(x: Image, y: Image, level: Image) -> Image:
    """Glandular cone towards the nipple, cloudy at several scales, with ducts and strands."""
    clouds = np.zeros((y.shape[0], x.shape[1]), np.float32)
    for name, scale, weight in (("a", 21.0, 300.0), ("b", 9.0, 210.0), ("c", 4.0, 120.0), ("d", 1.7, 60.0)):
        clouds += np.float32(weight) * Texture(f"breast {name}", scale).at(x, y, 0.0)
    strands = np.zeros_like(clouds)
    for name, scale in (("e", 14.0), ("f", 7.0)):
        ridge = np.abs(Texture(f"breast {name}", scale).at(x, y, 0.0))
        strands += 200 * (1 - ramp(ridge, 0.0, 0.16))
    cone = ramp(1 - level, 0.06, 0.3) * ramp(x, 4, 26) * (1 - ramp(np.abs(y), 34, 74))
    gland: Image = cone * np.clip(620 + clouds, 0, None) + strands * ramp(1 - level, 0.03, 0.2) * np.float32(0.6)
    return gland


def _paint_mass(canvas: Canvas) -> None:
    random = Random("breast mass")
    u, v = (canvas.x - MASS[0]) / np.float32(9), (canvas.y - MASS[1]) / np.float32(7.5)
    cloud = np.float32(0.8) + np.float32(0.2) * Texture("breast mass", 2.5).at(canvas.x, canvas.y, 0.0)
    canvas.image += np.float32(800) * np.sqrt(np.clip((1 - u * u - v * v) * cloud, 0, None))
    for _ in range(22):
        dx, dy = random.uniform(-1, 1), random.uniform(-1, 1)
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        reach = random.uniform(8, 14)
        tip = (MASS[0] + dx / length * reach, MASS[1] + dy / length * reach, 0.0)
        canvas.path([(*MASS, 0.0), tip], [0.6, 0.2], 0.0, 2050.0)


def _paint_calcifications(canvas: Canvas) -> None:
    random = Random("breast calcifications")
    for _ in range(14):
        place = (CLUSTER[0] + random.uniform(-5, 5), CLUSTER[1] + random.uniform(-4, 4))
        size = random.uniform(0.2, 0.42)
        canvas.ellipse(place, (size, size * random.uniform(0.6, 1.0)), 3900.0)
