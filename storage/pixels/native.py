"""Native (uncompressed) frames: bytes to samples, and samples to stored values (PS3.5 8.1, PS3.3 C.7.6.3.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import PixelError
from storage.pixels.description import INTEGER, PixelDescription


def native_cells(data: bytes, bit_offset: int, description: PixelDescription, little: bool) -> NDArray[Any]:
    """Samples of one native frame in the frame's shape, unsigned or float, in this machine's byte order."""
    if len(data) * 8 < bit_offset + description.native_bits:
        raise PixelError(f"native frame is truncated: {len(data)} bytes, {description.native_bits // 8} are needed")
    if description.bits_allocated == 1:
        return unpack_bits(data, bit_offset, description)
    width = description.bits_allocated // 8
    kind = "u" if description.element == INTEGER else "f"
    dtype = np.dtype(f"{'<' if little else '>'}{kind}{width}")
    cells = np.frombuffer(data, dtype, description.native_bits // description.bits_allocated)
    return _arrange(cells.astype(dtype.newbyteorder("="), copy=False), description)


def unpack_bits(data: bytes, bit_offset: int, description: PixelDescription) -> NDArray[Any]:
    """One-bit samples, least significant bit first (PS3.5 8.1.1)."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return bits[bit_offset : bit_offset + description.samples].reshape(description.shape)


def _arrange(cells: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    """Bring samples to colour-by-pixel order and full chroma resolution."""
    rows, columns, samples = description.rows, description.columns, description.samples_per_pixel
    if description.is_subsampled:
        return _upsample_422(cells, rows, columns)
    if samples > 1 and description.planar_configuration == 1:
        return np.ascontiguousarray(cells.reshape(samples, rows, columns).transpose(1, 2, 0))
    return cells.reshape(description.shape)


def _upsample_422(cells: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """Y1 Y2 Cb Cr for two pixels beside each other -> Y Cb Cr for each (PS3.3 C.7.6.3.1.2)."""
    if columns % 2:
        raise PixelError(f"a 4:2:2 picture needs an even number of columns, this has {columns}")
    pairs = cells.reshape(rows, columns // 2, 4)
    values = np.empty((rows, columns, 3), cells.dtype)
    values[:, 0::2, 0], values[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    values[..., 1] = np.repeat(pairs[..., 2], 2, axis=1)
    values[..., 2] = np.repeat(pairs[..., 3], 2, axis=1)
    return values


def stored_values(cells: NDArray[Any], precision: int, description: PixelDescription) -> NDArray[Any]:
    """Keep the stored bits of each cell and extend the sign, so that each element is a true stored value.

    `precision` is the number of bits that a codec encoded; fewer than Bits Stored means that the sign bit is there.
    The result has the smallest of 8, 16, 32 or 64 bits that the cells need, signed where the header says so.
    """
    if description.element != INTEGER:
        return cells
    stored = min(precision, description.bits_stored) if precision else description.bits_stored
    width = cells.dtype.itemsize * 8
    if cells.dtype.kind == "i" and description.is_signed:
        return cells
    shift = description.high_bit + 1 - description.bits_stored
    bits = cells.view(f"u{cells.dtype.itemsize}")
    if description.is_signed:
        signed: NDArray[Any] = np.left_shift(bits, max(0, width - shift - stored)).view(f"i{cells.dtype.itemsize}")
        extended: NDArray[Any] = np.right_shift(signed, max(0, width - stored))
        return extended
    if shift == 0 and stored >= width:
        return bits
    masked: NDArray[Any] = np.right_shift(bits, shift) & bits.dtype.type(2**stored - 1)
    return masked
