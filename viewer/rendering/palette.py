"""PALETTE COLOR (PS3.3 C.7.6.3.1.5, C.7.9) and Supplemental Palette Color (C.7.6.19): stored value to RGB.

Three descriptors (entries, first value mapped, bits) and three tables, plain or segmented (C.7.9.2). A value below the
first takes the first entry, one past the end the last. Entries of 16 bits use the whole range, so that the high byte is
the 8-bit colour; tables of 16-bit words that only use the low byte are found in the field and are taken as 8-bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from storage.errors import PixelError
from viewer.rendering.attributes import value_of
from viewer.rendering.lut import descriptor, words

_COLOURS = ("Red", "Green", "Blue")
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Palette:
    """`colours[0]` (8-bit RGB) belongs to stored value `first`."""

    first: int
    colours: NDArray[np.uint8]

    def apply(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """RGB with one more axis than `values`."""
        places = np.clip(values.astype(np.int64) - self.first, 0, len(self.colours) - 1)
        return self.colours[places]


def has_palette(ds: Dataset) -> bool:
    """Whether the object carries a palette."""
    return value_of(ds, "RedPaletteColorLookupTableDescriptor") is not None


def read_palette(ds: Dataset, signed: bool, little_endian: bool) -> Palette:
    """The object's palette as 8-bit RGB; `PixelError` where it is missing or incomplete."""
    tables, firsts = [], []
    for colour in _COLOURS:
        count, first, bits = descriptor(ds, f"{colour}PaletteColorLookupTableDescriptor", signed)
        tables.append(_to_8_bits(_table(ds, colour, count, bits, little_endian), bits))
        firsts.append(first)
    size = min(map(len, tables))
    return Palette(firsts[0], np.stack([table[:size] for table in tables], axis=-1))


def _table(ds: Dataset, colour: str, count: int, bits: int, little_endian: bool) -> NDArray[np.uint16]:
    segmented = f"Segmented{colour}PaletteColorLookupTableData"
    value = value_of(ds, segmented)
    if not isinstance(value, bytes):
        return words(ds, f"{colour}PaletteColorLookupTableData", count, little_endian)
    width = "u1" if bits <= 8 else "<u2" if little_endian else ">u2"
    data = np.frombuffer(value, width, len(value) // np.dtype(width).itemsize)
    return expand_segments([int(word) for word in data], count)


def expand_segments(data: list[int], count: int) -> NDArray[np.uint16]:
    """Undo the segments of C.7.9.2: discrete runs, straight lines, and repeats of earlier segments."""
    entries: list[int] = []
    position = 0
    while position + 2 <= len(data) and len(entries) < count:
        position += _expand_one(data, position, entries)
    if len(entries) < count:
        raise PixelError(f"segmented palette gives {len(entries)} entries, its descriptor announces {count}")
    return np.array(entries[:count], np.uint16)


def _expand_one(data: list[int], position: int, entries: list[int]) -> int:
    """Append one segment to `entries`; the number of words it took."""
    kind, length = data[position], data[position + 1]
    if kind == _DISCRETE:
        entries.extend(data[position + 2 : position + 2 + length])
        return 2 + length
    if kind == _LINEAR and entries and position + 2 < len(data):
        start, end = entries[-1], data[position + 2]
        entries.extend(round(start + (end - start) * step / length) for step in range(1, length + 1))
        return 3
    if kind == _INDIRECT and position + 3 < len(data):
        _repeat(data, position, entries)
        return 4
    raise PixelError(f"segmented palette has an impossible segment of type {kind}")


def _repeat(data: list[int], position: int, entries: list[int]) -> None:
    """An indirect segment: so many segments again, from a byte offset that is given as two words, low first."""
    count, low, high = data[position + 1 : position + 4]
    place = low | high << 16
    for _ in range(count):
        if place + 2 > position or data[place] == _INDIRECT:
            raise PixelError("segmented palette refers to a segment that is not before it")
        place += _expand_one(data, place, entries)


def _to_8_bits(table: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    if bits <= 8 or int(table.max(initial=0)) < 256:
        return table.astype(np.uint8)
    return (table >> 8).astype(np.uint8)
