"""The table of the scanner: mattress, shell, foam, and in the foam a measuring insert of known sizes and values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample_dicom.phantoms.canvas import Canvas


@dataclass(frozen=True)
class Insert:
    """The measuring insert inside the table: known sizes in mm and values in HU, between `bottom` and `top` in z."""

    bottom: float = 80.0
    top: float = 160.0
    rod_left: float = -25.0
    rod_right: float = 25.0
    rod_y: float = 150.0
    rod_thickness: float = 8.0
    rod_hu: float = 950.0
    disc_centre: tuple[float, float] = (60.0, 150.0)
    disc_radius: float = 12.0
    disc_hu: float = 300.0
    block_hu: float = 120.0

    @property
    def rod_length(self) -> float:
        """50.0 mm."""
        return self.rod_right - self.rod_left

    @property
    def disc_area(self) -> float:
        """452.4 mm2."""
        return 3.141592653589793 * self.disc_radius**2


INSERT = Insert()


def paint_table(canvas: Canvas, z: float) -> None:
    """Mattress, carbon shell with foam core and, inside the core, the measuring insert."""
    x, y = canvas.x, canvas.y
    sag = x * x * np.float32(0.00045)
    canvas.blend(canvas.soft(np.maximum(np.abs(y - 126 + sag) - 6, np.abs(x) - 190)), -930.0)
    shell = np.maximum(np.abs(y - np.float32(152) + sag) - np.float32(20), np.abs(x) - np.float32(205))
    canvas.blend(canvas.soft(shell), -280.0)
    canvas.blend(canvas.soft(shell + np.float32(2.2)), -955.0)
    if INSERT.bottom <= z <= INSERT.top:
        canvas.rectangle(-35, 80, 135, 165, INSERT.block_hu)
        half = INSERT.rod_thickness / 2
        canvas.rectangle(INSERT.rod_left, INSERT.rod_right, INSERT.rod_y - half, INSERT.rod_y + half, INSERT.rod_hu)
        canvas.ellipse(INSERT.disc_centre, (INSERT.disc_radius,) * 2, INSERT.disc_hu)
