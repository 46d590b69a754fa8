"""An ultrasound sector of a beating heart in four-chamber view, with a colour Doppler box; RGB frames."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sample_dicom.noise import Random, Texture, smooth
from sample_dicom.phantoms.canvas import Canvas, Grid, Image, ramp

ROWS, COLUMNS = 384, 512
SPACING = 0.4
"""mm per pixel in both directions, within the sector."""
APEX = (COLUMNS // 2, 24)
"""Column and row of the transducer."""
DEPTH = 138.0
"""Depth of the sector in mm."""
_SINE = 0.62


def frame_grid() -> Grid:
    """x from the middle, y downwards from the transducer, in mm."""
    return Grid(ROWS, COLUMNS, SPACING, -APEX[0] * SPACING, -APEX[1] * SPACING)


class Echo:
    """The scene; `frame` gives one phase of the beat."""

    def __init__(self) -> None:
        self._grid = frame_grid()
        x, y = self._grid.x, self._grid.y
        self._radius = np.sqrt(x * x + y * y)
        sine = np.abs(x) / (self._radius + np.float32(1e-3))
        self._sector = (sine < _SINE) & (self._radius < DEPTH) & (self._radius > 6) & (y > 0)
        speckle = Random("echo speckle")
        a, b = (smooth(speckle.field((ROWS, COLUMNS)), 3) * np.float32(4.4) for _ in range(2))
        self._speckle = np.sqrt(a * a + b * b) * np.float32(0.8)
        self._shade = Texture("echo shade", 17.0).at(x, y, 0.0)

    def frame(self, phase: float) -> NDArray[np.uint8]:
        """RGB (ROWS, COLUMNS, 3) at `phase` 0..1 of the beat; 0 is the end of diastole."""
        squeeze = 0.5 - 0.5 * math.cos(2 * math.pi * phase)
        echo = self._scene(squeeze)
        far = 1 - np.float32(0.35) * ramp(self._radius, 80, DEPTH)
        grey = np.clip(echo * (1 + np.float32(0.2) * self._shade) * self._speckle * far, 0, 255)
        grey = np.where(self._sector, np.sqrt(grey * np.float32(1 / 255)) * 235, 0)
        rgb = np.repeat(grey[:, :, None], 3, axis=2)
        self._doppler(rgb, phase, echo)
        self._scales(rgb)
        return rgb.astype(np.uint8)

    def _scene(self, squeeze: float) -> Image:
        canvas = Canvas(self._grid, 42.0)
        canvas.blend(canvas.soft(np.abs(self._radius - 12) - np.float32(6)), 120.0)
        s = squeeze
        canvas.ellipse((4, 70), (45, 56), 105.0)
        canvas.ellipse((18 - 2 * s, 58 + 2 * s), (16 - 6 * s, 31 - 6 * s), 4.0, (0.98, -0.2))
        canvas.ellipse((-19 + 2 * s, 62), (12 - 3 * s, 25 - 4 * s), 4.0, (0.98, 0.2))
        canvas.ellipse((18, 106 - 2 * s), (16 + 2 * s, 14 + 2 * s), 4.0)
        canvas.ellipse((-16, 104 - 2 * s), (14 + 2 * s, 13 + 2 * s), 4.0)
        canvas.blend(canvas.soft(np.abs(canvas.y - 124) - np.float32(2)), 170.0)
        opening = 13 * (1 - s)
        for hinge, side in ((33.0, -1), (5.0, 1), (-5.0, -1), (-31.0, 1)):
            end = (hinge + side * (13 - opening * 0.6), 88 - 4 * s - opening, 0.0)
            canvas.path([(hinge, 90 - 4 * s, 0.0), end], [1.4, 0.9], 0.0, 210.0)
        return canvas.image

    def _doppler(self, rgb: Image, phase: float, echo: Image) -> None:
        """Flow through the left valve: towards the probe (red) in diastole, back (blue) in systole."""
        x, y = self._grid.x, self._grid.y
        flow = math.cos(2 * math.pi * phase)
        along = (x - 18) * np.float32(1 / 9.0)
        down = (y - (70 if flow > 0 else 101)) * np.float32(1 / 24.0)
        jet = np.clip(1 - along * along - down * down, 0, 1) * np.float32(abs(flow)) * (echo < 60)
        seen = (jet > 0.12) & self._sector & (y > 44) & (y < 124) & (np.abs(x - 18) < 20)
        strength = jet[seen] * 255
        rgb[seen, 0] = strength if flow > 0 else strength * 0.15
        rgb[seen, 1] = strength * strength / 255 * 0.6
        rgb[seen, 2] = strength * 0.1 if flow > 0 else strength
        frame = (np.abs(np.abs(x - 18) - 20) < 0.3) & (y > 44) & (y < 124)
        frame |= ((np.abs(y - 44) < 0.3) | (np.abs(y - 124) < 0.3)) & (np.abs(x - 18) < 20)
        rgb[frame] = (200.0, 200.0, 90.0)

    def _scales(self, rgb: Image) -> None:
        """Depth ticks every 10 mm on the right, a colour bar on the left."""
        for tick in range(int(DEPTH // 10) + 1):
            row = APEX[1] + round(tick * 10 / SPACING)
            if row < ROWS:
                rgb[row, COLUMNS - 14 - 6 * (tick % 5 == 0) : COLUMNS - 6] = 190
        for row in range(80):
            level = (40 - row) / 40 * 255
            rgb[40 + row, 10:20] = (max(level, 0), abs(level) * 0.4, max(-level, 0))
