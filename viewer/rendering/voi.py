"""Values of interest: modality values to display values (PS3.3 C.11.2).

LINEAR (C.11.2.1.2.1), with y from 0 to 1:
    x <= c - 0.5 - (w - 1) / 2: 0        x > c - 0.5 + (w - 1) / 2: 1        else (x - (c - 0.5)) / (w - 1) + 0.5
LINEAR_EXACT (C.11.2.1.3.2):
    x <= c - w / 2: 0                    x > c + w / 2: 1                    else (x - c) / w + 0.5
SIGMOID (C.11.2.1.3.1): 1 / (1 + exp(-4 (x - c) / w))
Where an object has several windows or tables they are alternatives, of which one is applied (C.11.2.1.2).
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.rendering.attributes import items, macro, numbers, text, texts
from viewer.rendering.lut import LookupTable, read_table
from viewer.rendering.view import FUNCTIONS, LINEAR, LINEAR_EXACT, SIGMOID, Window

Voi = Window | LookupTable


def read_voi(ds: Dataset, index: int, signed: bool, little_endian: bool, floating: bool = False) -> tuple[Voi, ...]:
    """All that the object offers for frame `index`: tables first, made for the very picture, then windows."""
    source = macro(ds, index, "FrameVOILUTSequence")
    tables = (read_table(item, signed, little_endian) for item in items(source, "VOILUTSequence"))
    return (*tables, *read_windows(source, floating))


def read_windows(source: Dataset, floating: bool) -> tuple[Window, ...]:
    """The windows with a width that can be applied; others (0 is common) are as good as absent.

    Where no function is stated it is LINEAR (C.11.2.1.3), whose half-pixel shift is made for whole numbers: on float
    pixels a window from 0 to 1 would become a threshold at 0, so that those get LINEAR_EXACT.
    """
    stated = text(source, "VOILUTFunction")
    function = stated if stated in FUNCTIONS else LINEAR_EXACT if floating else LINEAR
    pairs = zip(numbers(source, "WindowCenter"), numbers(source, "WindowWidth"), strict=False)
    names = texts(source, "WindowCenterWidthExplanation")
    windows = (_window(pair, function, name or "") for pair, name in zip_longest(pairs, names) if pair)
    return tuple(window for window in windows if window is not None)


def _window(pair: tuple[float, float], function: str, explanation: str) -> Window | None:
    try:
        return Window(*pair, function=function, explanation=explanation)
    except ValueError:
        return None


def full_range(low: float, high: float, whole_numbers: bool) -> Window:
    """The window that spreads `low` to `high` over all greys, for objects that name none."""
    if whole_numbers:
        return Window((low + high + 1) / 2, high - low + 1)
    return Window((low + high) / 2, (high - low) or 1.0, LINEAR_EXACT)


def apply_voi(values: NDArray[Any], voi: Voi) -> NDArray[np.float64]:
    """Display values from 0 to 1 (float64) for modality values of any shape."""
    if isinstance(voi, LookupTable):
        return voi.apply(values) / float((1 << voi.bits) - 1)
    line = on_line(values, voi)
    if line is not None:
        return np.clip(line, 0, 1)
    x = values.astype(np.float64, copy=False)
    if voi.function == SIGMOID:
        exponent: NDArray[np.float64] = np.clip(-4 * (x - voi.center) / voi.width, -700, 700)
        return 1 / (1 + np.exp(exponent))
    return (x > voi.center - 0.5).astype(np.float64)


def on_line(values: NDArray[Any], voi: Voi) -> NDArray[np.float64] | None:
    """Display values (float64) before they are cut off at 0 and 1; None where they make no straight line."""
    if isinstance(voi, LookupTable) or voi.function == SIGMOID or (voi.function == LINEAR and voi.width == 1):
        return None
    x = values.astype(np.float64, copy=False)
    if voi.function == LINEAR_EXACT:
        exact: NDArray[np.float64] = (x - voi.center) / voi.width + 0.5
        return exact
    linear: NDArray[np.float64] = (x - (voi.center - 0.5)) / (voi.width - 1) + 0.5
    return linear
