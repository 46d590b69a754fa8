"""Overlay planes (PS3.3 C.9): graphics in groups 6000-601E, one bit a pixel, and in old objects in unused high bits.

Overlay Origin is the image's row and column, from 1, that the overlay's top left covers; it may lie outside. Overlays
may have frames of their own, from image frame Image Frame Origin on; one without frames lies over every frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from storage.pixels import PixelObject

_GROUPS = range(0x6000, 0x6020, 2)
# Element numbers in a repeating group have no keyword that names one group.
_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _FRAME_ORIGIN = 0x0010, 0x0011, 0x0015, 0x0050, 0x0051
_BITS_ALLOCATED, _BIT_POSITION, _DATA = 0x0100, 0x0102, 0x3000


@dataclass(frozen=True, slots=True)
class _Plane:
    """One overlay group. `data` is None where the plane is inside the pixel data, at `bit_position`."""

    rows: int
    columns: int
    frames: int
    frame_origin: int
    origin: tuple[int, int]
    bit_position: int
    data: bytes | None

    def bits(self, number: int) -> NDArray[np.bool_]:
        """Frame `number` of this plane, from 0; bits follow each other without gaps, the lowest of a byte first."""
        size = self.rows * self.columns
        first = number * size
        packed = np.frombuffer(self.data or b"", np.uint8)[first // 8 : (first + size + 7) // 8]
        bits = np.unpackbits(packed, bitorder="little")[first % 8 : first % 8 + size]
        return bits.reshape(self.rows, self.columns).astype(np.bool_)


def overlay_mask(obj: PixelObject, index: int) -> NDArray[np.bool_] | None:
    """All overlay planes of frame `index` in one, shape (rows, columns), True where drawn; None where nothing is.

    A plane without size or with too little data is left out: graphics that are broken must not hide the picture.
    """
    description = obj.description
    mask = np.zeros((description.rows, description.columns), np.bool_)
    for group in _GROUPS:
        plane = _read_plane(obj.ds, group)
        if plane is not None:
            _draw(obj, index, plane, mask)
    return mask if mask.any() else None


def has_overlay(ds: Dataset) -> bool:
    """Whether there is an overlay plane of which something may be drawn."""
    return any(_read_plane(ds, group) is not None for group in _GROUPS)


def _read_plane(ds: Dataset, group: int) -> _Plane | None:
    if (group, _ROWS) not in ds and (group, _BIT_POSITION) not in ds:
        return None
    rows, columns = _integers(ds, group, _ROWS, 0)[0], _integers(ds, group, _COLUMNS, 0)[0]
    data = _bytes(ds, group)
    if data is not None and (rows < 1 or columns < 1):
        return None
    if data is None and _integers(ds, group, _BITS_ALLOCATED, 1)[0] == 1:
        return None
    origin = (*_integers(ds, group, _ORIGIN, 1), 1)
    return _Plane(
        rows=rows,
        columns=columns,
        frames=max(1, _integers(ds, group, _FRAMES, 1)[0]),
        frame_origin=_integers(ds, group, _FRAME_ORIGIN, 1)[0],
        origin=(origin[0], origin[1]),
        bit_position=_integers(ds, group, _BIT_POSITION, 0)[0],
        data=data,
    )


def _integers(ds: Dataset, group: int, element: int, default: int) -> tuple[int, ...]:
    try:
        value = ds[group, element].value
        values = tuple(int(item) for item in (value if isinstance(value, list | tuple) or _many(value) else [value]))
    except (KeyError, TypeError, ValueError):
        return (default,)
    return values or (default,)


def _many(value: object) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes)


def _bytes(ds: Dataset, group: int) -> bytes | None:
    """Overlay Data as bytes in little endian order; 16-bit words of a big endian data set are turned round."""
    if (group, _DATA) not in ds:
        return None
    element = ds[group, _DATA]
    data = bytes(element.value or b"")
    if ds.original_encoding[1] is False and element.VR == "OW":
        data = np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap().tobytes()
    return data


def _draw(obj: PixelObject, index: int, plane: _Plane, mask: NDArray[np.bool_]) -> None:
    number = index + 1 - plane.frame_origin if plane.frames > 1 else 0
    if not 0 <= number < plane.frames:
        return
    if plane.data is None:
        if obj.description.samples_per_pixel == 1 and plane.bit_position < obj.description.bits_allocated:
            mask |= obj.overlay_bit(index, plane.bit_position)
    elif len(plane.data) * 8 >= (number + 1) * plane.rows * plane.columns:
        _paste(plane.bits(number), plane.origin, mask)


def _paste(bits: NDArray[np.bool_], origin: tuple[int, int], mask: NDArray[np.bool_]) -> None:
    """Or `bits` into `mask` with its top left at `origin`, counted from 1; what lies outside is cut off."""
    top, left = origin[0] - 1, origin[1] - 1
    inside = bits[max(0, -top) : max(0, mask.shape[0] - top), max(0, -left) : max(0, mask.shape[1] - left)]
    top, left = max(0, top), max(0, left)
    mask[top : top + inside.shape[0], left : left + inside.shape[1]] |= inside
