"""Objects whose pictures are known by formula, and what an answer shows of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from tests.support.objects import ct

ROWS, COLUMNS = 40, 60
SOURCE = np.arange(ROWS * COLUMNS, dtype="<i2").reshape(ROWS, COLUMNS)
WHOLE = {"WindowCenter": "1200.5", "WindowWidth": "2400"}


def picture(answer) -> Image.Image:  # type: ignore[no-untyped-def]
    assert answer.status_code == 200, answer.data
    image = Image.open(io.BytesIO(answer.data))
    image.load()
    assert Image.MIME[image.format] == answer.mimetype
    return image


def expected(source: np.ndarray, center: float = 1200.5, width: float = 2400) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1."""
    return np.clip((source - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255


def close_to(image: Image.Image, values: np.ndarray, tolerance: float = 1) -> bool:
    found = np.asarray(image.convert("L"), float)
    return found.shape == values.shape and np.abs(found - values).max() <= tolerance


def no_image(**attributes: str) -> Dataset:
    return ct(PixelData=None, Rows=None, Columns=None, BitsAllocated=None, **attributes)
