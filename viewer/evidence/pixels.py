"""Grey values inside a shape. A pixel belongs to it when its centre does; padding is never counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from viewer.evidence.model import Point
from viewer.rendering.prepare import Grey

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture: `rows` and `columns`, ends excluded, and the mask of that part."""

    rows: slice
    columns: slice
    mask: Mask


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of modality values: `deviation` is that of the whole population; `count` in pixels."""

    mean: float
    deviation: float
    minimum: float
    maximum: float
    count: int


def polygon(points: Sequence[Point], rows: int, columns: int) -> Window:
    """Return the pixels inside a closed outline (even-odd rule), cut to the picture."""
    top, bottom, left, right = _bounds(points, rows, columns)
    y = np.arange(top, bottom)[:, None] + 0.5
    x = np.arange(left, right)[None, :] + 0.5
    inside = np.zeros((bottom - top, right - left), bool)
    for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
        if y1 == y2:
            continue
        crosses = (y1 > y) != (y2 > y)
        inside ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return Window(slice(top, bottom), slice(left, right), inside)


def ellipse(points: Sequence[Point], rows: int, columns: int) -> Window:
    """Return the pixels inside the ellipse with these ends of its two axes, cut to the picture."""
    p = np.array(points, float)
    centre, first, second = p.mean(axis=0), (p[1] - p[0]) / 2, (p[3] - p[2]) / 2
    # The half axes span the ellipse also where pixels are not square, so that they are not square to each other.
    determinant = float(first[0] * second[1] - first[1] * second[0])
    reach = np.hypot(first, second)
    low, high = centre - reach, centre + reach
    top, bottom, left, right = _bounds([(low[0], low[1]), (high[0], high[1])], rows, columns)
    if determinant == 0:
        return Window(slice(top, top), slice(left, left), np.zeros((0, 0), bool))
    y = np.arange(top, bottom)[:, None] + 0.5 - centre[1]
    x = np.arange(left, right)[None, :] + 0.5 - centre[0]
    u = (x * second[1] - y * second[0]) / determinant
    v = (y * first[0] - x * first[1]) / determinant
    return Window(slice(top, bottom), slice(left, right), u * u + v * v <= 1)


def statistics(grey: Grey, window: Window) -> Statistics | None:
    """Return what the modality values inside `window` are; None where there is no pixel to count."""
    values = _values(grey, window)
    if not values.size:
        return None
    return Statistics(
        float(values.mean()), float(values.std()), float(values.min()), float(values.max()), int(values.size)
    )


def _values(grey: Grey, window: Window) -> NDArray[np.float64]:
    if grey.codes is None:
        values = grey.values[window.rows, window.columns]
        padding = None if grey.padding is None else grey.padding[window.rows, window.columns]
    else:
        codes = grey.codes[window.rows, window.columns]
        values = grey.values[codes]
        padding = None if grey.padding is None else grey.padding[codes]
    return values[window.mask if padding is None else window.mask & ~padding]


def _bounds(points: Sequence[Point], rows: int, columns: int) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right), ends excluded, cut to the picture."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    top, left = min(rows, max(0, floor(min(ys)))), min(columns, max(0, floor(min(xs))))
    return top, max(top, min(rows, ceil(max(ys)))), left, max(left, min(columns, ceil(max(xs))))
