"""Display shutters (PS3.3 C.7.6.11): what of the picture is covered. Rows and columns count from 1 in the object."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from viewer.rendering.attributes import integer, items, numbers, texts

_SIDES = {"left": "LeftVerticalEdge", "right": "RightVerticalEdge", "top": "UpperHorizontalEdge",
          "bottom": "LowerHorizontalEdge"}  # fmt: skip


def read_shutter(ds: Dataset, index: int) -> dict[str, Any] | None:
    """Return the shapes that leave the picture open, in pixels from the object's 1; None where there is no shutter.

    `rectangle`: {left, right, top, bottom}, pixels on the edges are open. `circle`: {row, column, radius}. `polygon`:
    [[row, column], ...]. With several shapes only what lies in all of them is open (C.7.6.11.1). `grey` is 0 to 1.
    """
    source = next(iter(items(ds, "FrameDisplayShutterSequence")), ds)
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
