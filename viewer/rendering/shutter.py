"""Display shutters (PS3.3 C.7.6.11): what of the picture is covered. Rows and columns count from 1 in the object.

A shutter of a frame stands in its functional groups (PS3.3 C.7.6.16.2.16), else at the top level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.rendering.attributes import integer, macro, numbers, texts

_SIDES = {"left": "LeftVerticalEdge", "right": "RightVerticalEdge", "top": "UpperHorizontalEdge",
          "bottom": "LowerHorizontalEdge"}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Shutter:
    """What is covered: True in `covered` (rows, columns); `level` is its grey on the screen, 0 to 255."""

    covered: NDArray[np.bool_]
    level: int


def read_shutter(ds: Dataset, index: int) -> dict[str, Any] | None:
    """Return the shapes that leave frame `index` open, in pixels from the object's 1; None where there is no shutter.

    `rectangle`: {left, right, top, bottom}, pixels on the edges are open. `circle`: {row, column, radius}. `polygon`:
    [[row, column], ...]. With several shapes only what lies in all of them is open (C.7.6.11.1). `grey` is 0 to 1.
    """
    source = macro(ds, index, "FrameDisplayShutterSequence")
    shapes = set(texts(source, "ShutterShape"))
    found: dict[str, Any] = {}
    if "RECTANGULAR" in shapes:
        sides = {name: integer(source, "Shutter" + keyword) for name, keyword in _SIDES.items()}
        if None not in sides.values():
            found["rectangle"] = sides
    if "CIRCULAR" in shapes:
        centre, radius = numbers(source, "CenterOfCircularShutter"), integer(source, "RadiusOfCircularShutter")
        if len(centre) == 2 and radius:
            found["circle"] = {"row": centre[0], "column": centre[1], "radius": radius}
    if "POLYGONAL" in shapes:
        flat = numbers(source, "VerticesOfThePolygonalShutter")
        if len(flat) >= 6 and len(flat) % 2 == 0:
            found["polygon"] = [list(flat[i : i + 2]) for i in range(0, len(flat), 2)]
    if not found:
        return None
    return {**found, "grey": (integer(source, "ShutterPresentationValue") or 0) / 0xFFFF}


def shutter_of(ds: Dataset, index: int, rows: int, columns: int) -> Shutter | None:
    """Return what the shutter of frame `index` covers of a picture of that size; None where it covers nothing."""
    told = read_shutter(ds, index)
    if told is None:
        return None
    is_open = np.ones((rows, columns), np.bool_)
    if "rectangle" in told:
        is_open &= _inside_rectangle(rows, columns, told["rectangle"])
    if "circle" in told:
        is_open &= _inside_circle(rows, columns, told["circle"])
    if "polygon" in told:
        is_open &= _inside_polygon(rows, columns, told["polygon"])
    covered = ~is_open
    return Shutter(covered, round(told["grey"] * 255)) if covered.any() else None


def _inside_rectangle(rows: int, columns: int, sides: dict[str, int]) -> NDArray[np.bool_]:
    row, column = np.arange(1, rows + 1)[:, None], np.arange(1, columns + 1)
    inside: NDArray[np.bool_] = (row >= sides["top"]) & (row <= sides["bottom"])
    return inside & (column >= sides["left"]) & (column <= sides["right"])


def _inside_circle(rows: int, columns: int, circle: dict[str, float]) -> NDArray[np.bool_]:
    row, column = np.arange(1, rows + 1)[:, None], np.arange(1, columns + 1)
    inside: NDArray[np.bool_] = (row - circle["row"]) ** 2 + (column - circle["column"]) ** 2 <= circle["radius"] ** 2
    return inside


def _inside_polygon(rows: int, columns: int, corners: list[list[float]]) -> NDArray[np.bool_]:
    """Even-odd: a pixel is inside where edges cross its row an odd number of times to the right of its centre."""
    inside = np.zeros((rows, columns), np.bool_)
    row, column = np.arange(1, rows + 1), np.arange(1, columns + 1)
    for (y1, x1), (y2, x2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        met = (row >= min(y1, y2)) & (row < max(y1, y2))
        if met.any():
            crossing = x1 + (row[met] - y1) * (x2 - x1) / (y2 - y1)
            inside[met] ^= column < crossing[:, None]
    return inside
