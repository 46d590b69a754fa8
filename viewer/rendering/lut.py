"""Lookup tables of the Modality LUT and VOI LUT modules (PS3.3 C.11.1.1, C.11.2.1.1).

LUT Descriptor: number of entries (0 means 65,536), first input value mapped, bits per entry. Inputs below the first and
above the last take the first and last entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from storage.errors import PixelError
from viewer.rendering.attributes import numbers, text, value_of


@dataclass(frozen=True, slots=True)
class LookupTable:
    """`entries[0]` is the output for input `first`; entries have `bits` bits."""

    first: int
    entries: NDArray[np.uint16]
    bits: int
    explanation: str = ""

    def apply(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Outputs for inputs of any number type; fractions are cut off, as inputs are whole numbers by definition."""
        places = np.clip(np.floor(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        outputs: NDArray[np.float64] = self.entries[places].astype(np.float64)
        return outputs


def read_table(item: Dataset, signed_input: bool, little_endian: bool) -> LookupTable:
    """Read LUT Descriptor, Data and Explanation from a sequence item; `PixelError` where they make no table."""
    count, first, bits = descriptor(item, "LUTDescriptor", signed_input)
    entries = words(item, "LUTData", count, little_endian)
    return LookupTable(first, entries, bits if 1 <= bits <= 16 else 16, text(item, "LUTExplanation"))


def descriptor(item: Dataset, keyword: str, signed_input: bool) -> tuple[int, int, int]:
    """Entries, first value, bits. The first value shares its VR with the inputs, but is often written as the other."""
    values = [int(value) for value in numbers(item, keyword)]
    if len(values) != 3:
        raise PixelError(f"{keyword} has {len(values)} values instead of 3")
    count, first, bits = values
    if signed_input and first >= 0x8000:
        first -= 0x10000
    if not signed_input and first < 0:
        first += 0x10000
    return (count & 0xFFFF) or 0x10000, first, bits


def words(item: Dataset, keyword: str, count: int, little_endian: bool) -> NDArray[np.uint16]:
    """`count` entries from bytes (OW, 16-bit or packed 8-bit) or from numbers (US, SS)."""
    value = value_of(item, keyword)
    if isinstance(value, MultiValue | list | int):
        entries = (np.atleast_1d(np.array(value, np.int64)) & 0xFFFF).astype(np.uint16)
    elif isinstance(value, bytes) and len(value) >= 2 * count:
        entries = np.frombuffer(value, "<u2" if little_endian else ">u2", count).astype(np.uint16)
    elif isinstance(value, bytes):
        entries = np.frombuffer(value, np.uint8).astype(np.uint16)
        if not little_endian:
            entries = entries[: len(entries) // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()
    else:
        entries = np.zeros(0, np.uint16)
    if len(entries) < count:
        raise PixelError(f"{keyword} has {len(entries)} entries, its descriptor announces {count}")
    return entries[:count]
