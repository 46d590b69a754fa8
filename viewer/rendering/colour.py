"""Colour spaces to 8-bit RGB (PS3.3 C.7.6.3.1.2).

YBR_FULL: R = Y + 1.402 Cr', G = Y - 0.344136 Cb' - 0.714136 Cr', B = Y + 1.772 Cb'; Cb' and Cr' count from the middle.
YBR_PARTIAL: Y from 16 to 235 and chroma from 16 to 240 are first stretched to the full range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import PixelError

_PARTIAL = ("YBR_PARTIAL_422", "YBR_PARTIAL_420")
_FULL = ("YBR_FULL", "YBR_FULL_422")
_RGB = ("RGB", "YBR_ICT", "YBR_RCT")


def to_rgb(values: NDArray[Any], photometric_interpretation: str, bits: int) -> NDArray[np.uint8]:
    """8-bit RGB of samples with shape (rows, columns, 3) and `bits` stored bits."""
    samples = to_8_bits(values, bits)
    if photometric_interpretation in _RGB:
        return samples
    if photometric_interpretation in _FULL:
        return _from_ybr(samples, partial=False)
    if photometric_interpretation in _PARTIAL:
        return _from_ybr(samples, partial=True)
    raise PixelError(f"photometric interpretation {photometric_interpretation} cannot be shown")


def to_8_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Scale unsigned samples of `bits` bits to 0..255."""
    if bits == 8:
        scaled = values
    elif bits > 8:
        scaled = values >> (bits - 8)
    else:
        scaled = values.astype(np.uint16) * 255 // ((1 << bits) - 1)
    return scaled.astype(np.uint8, copy=False)


def _from_ybr(samples: NDArray[np.uint8], partial: bool) -> NDArray[np.uint8]:
    """By tables of the 256 possible values each, in 1/65536: exact to rounding, and without floats by pixel."""
    luma, blue, red = (np.ascontiguousarray(samples[..., channel]) for channel in range(3))
    level = np.arange(256)
    stretch_y, stretch_c = (255 / 219, 255 / 224) if partial else (1.0, 1.0)
    brightness = _fixed((level - 16 if partial else level) * stretch_y) + 0x8000
    chroma = (level - 128) * stretch_c
    y = brightness[luma]
    rgb = np.empty(samples.shape, np.uint8)
    rgb[..., 0] = np.clip((y + _fixed(chroma * 1.402)[red]) >> 16, 0, 255)
    rgb[..., 1] = np.clip((y - _fixed(chroma * 0.344136)[blue] - _fixed(chroma * 0.714136)[red]) >> 16, 0, 255)
    rgb[..., 2] = np.clip((y + _fixed(chroma * 1.772)[blue]) >> 16, 0, 255)
    return rgb


def _fixed(numbers: NDArray[Any]) -> NDArray[np.int32]:
    return np.round(numbers * 65536).astype(np.int32)
