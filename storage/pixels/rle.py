"""RLE Lossless (PS3.5 Annex G).

A 64-byte header gives the number of segments and their offsets; each segment is one byte plane, most significant byte
of the first sample first, packed with PackBits. One-bit frames are one segment of packed bits.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from storage.errors import PixelError
from storage.pixels.description import PixelDescription
from storage.pixels.native import unpack_bits

_HEADER = 64


def decode_rle(data: bytes, description: PixelDescription) -> NDArray[Any]:
    """Samples of one RLE frame, unsigned, in the frame's shape; `PixelError` where a segment is wrong."""
    if description.bits_allocated == 1:
        (packed,) = _segments(data, 1)
        return unpack_bits(_unpack(packed, (description.samples + 7) // 8), 0, description)
    width = description.bits_allocated // 8
    samples, pixels = description.samples_per_pixel, description.rows * description.columns
    planes = np.empty((samples, width, pixels), np.uint8)
    for number, segment in enumerate(_segments(data, samples * width)):
        planes[number // width, number % width] = np.frombuffer(_unpack(segment, pixels), np.uint8)
    # (sample, byte, pixel) with the high byte first -> (pixel, sample, byte)
    cells = np.ascontiguousarray(planes.transpose(2, 0, 1)).view(f">u{width}")
    return cells.reshape(description.shape).astype(f"=u{width}")


def _segments(data: bytes, expected: int) -> list[bytes]:
    if len(data) < _HEADER:
        raise PixelError("RLE frame is shorter than its header")
    count, *offsets = struct.unpack("<16L", data[:_HEADER])
    if count != expected:
        raise PixelError(f"RLE frame has {count} segments, {expected} are needed")
    bounds = [*offsets[:count], len(data)]
    if bounds[0] < _HEADER or any(a > b for a, b in pairwise(bounds)):
        raise PixelError("RLE segment offsets are wrong")
    return [data[a:b] for a, b in pairwise(bounds)]


def _unpack(segment: bytes, length: int) -> bytes:
    """Undo PackBits into exactly `length` bytes; what comes after them is padding."""
    out = bytearray(length)
    try:
        unpacked = imagecodecs.packbits_decode(segment, out=out)
    except Exception as error:
        raise PixelError(f"RLE segment is corrupt: {error}") from error
    if len(unpacked) < length:
        raise PixelError(f"RLE segment is truncated: {len(unpacked)} of {length} bytes")
    return bytes(out)
