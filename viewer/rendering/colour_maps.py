"""Colour maps for grey pictures: from a display value, 0 to 255, to RGB.

`viewer/web/src/palettes/maps.ts` has the same tables; a test compares what both paint.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

COLOUR_MAPS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "grey": ((0, 0, 0), (255, 255, 255)),
    "hot": ((0, 0, 0), (255, 0, 0), (255, 255, 0), (255, 255, 255)),
    "rainbow": (
        (0, 0, 127.5),
        (0, 0, 255),
        (0, 127.5, 255),
        (0, 255, 255),
        (127.5, 255, 127.5),
        (255, 255, 0),
        (255, 127.5, 0),
        (255, 0, 0),
        (127.5, 0, 0),
    ),
    "viridis": (
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ),
    "poles": ((20, 60, 170), (90, 150, 230), (240, 240, 240), (230, 110, 80), (160, 10, 30)),
}
"""Colours at even steps from the lowest to the highest display value, straight lines between them."""


@cache
def colour_table(name: str) -> NDArray[np.uint8]:
    """The colours of the 256 display values, (256, 3). What is at or below the window stays black, as in grey."""
    colours = np.asarray(COLOUR_MAPS[name], dtype=np.float64)
    places = np.arange(256) / 255 * (len(colours) - 1)
    steps = np.arange(len(colours))
    table = np.stack([np.interp(places, steps, colours[:, channel]) for channel in range(3)], axis=1)
    table[0] = 0
    return (table + 0.5).astype(np.uint8)
