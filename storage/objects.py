"""Attributes that are not in the index, read from the stored objects and compared as PS3.4 C.2.2.2 says."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from storage.names import a_group_matches, fold, fold_pattern, pattern_matches
from storage.pixels.header import read_header
from storage.pixels.limits import DecodeLimits

MAXIMUM_VALUE = 1 << 16
"""Longer binary values (look-up tables, overlays, waveforms) are left out of answers; in bytes."""
_LIMITS = DecodeLimits(inflated_bytes=1 << 26)
_RANGES = frozenset({"DA", "TM", "DT"})
_WILD = frozenset({"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT"})
_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})


def attributes(path: Path, tags: Iterable[int]) -> Dataset:
    """Return the attributes of these tags that an object has, without its pixel data and longer binary values.

    Raises:
        PixelError: the object cannot be read.
        NotFound: its file is gone.
    """
    header = read_header(path, _LIMITS)
    header.source.close()
    found = Dataset()
    for tag in tags:
        if tag in header.ds:
            element = header.ds[tag]
            if not isinstance(element.value, bytes) or len(element.value) <= MAXIMUM_VALUE:
                found.add(element)
    return found


def matches(ds: Dataset, keys: Dataset) -> bool:
    """Tell whether an object, or an item of a sequence, matches every key; an empty key matches all."""
    return all(_matches(ds.get(key.tag), key) for key in keys)


def _matches(element: DataElement | None, key: DataElement) -> bool:
    if key.VR == "SQ":
        return _matches_sequence(element, key)
    wanted = texts(key)
    if not any(value not in ("", "*") for value in wanted):
        return True
    if element is None:
        return False
    # A key for numbers is text, too; what it is compared with has the VR.
    vr = element.VR if element.VR in _NUMBERS else key.VR
    return any(_is_like(value, one, vr) for value in texts(element) for one in wanted)


def _matches_sequence(element: DataElement | None, key: DataElement) -> bool:
    """PS3.4 C.2.2.2.6: one item of keys; some item of the object has to match all of them."""
    if not key.value or not _asks(key.value[0]):
        return True
    items = element.value if element is not None and element.VR == "SQ" else ()
    return any(matches(item, key.value[0]) for item in items)


def _asks(item: Dataset) -> bool:
    return any(_asks(e.value[0]) if e.VR == "SQ" and e.value else any(texts(e)) for e in item)


def texts(element: DataElement) -> Sequence[str]:
    """Return the values of an element as text; empty for none."""
    value = element.value
    if value is None or element.VR == "SQ" or isinstance(value, bytes):
        return ()
    # A PersonName can be iterated over, too, by its characters.
    several = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [str(one).strip(" \0") for one in several]


def _is_like(value: str, key: str, vr: str) -> bool:
    if vr == "PN":
        pattern = fold_pattern(key)
        return a_group_matches(value, pattern) or a_group_matches(fold(value), pattern)
    if vr in _RANGES and "-" in key:
        first, _, last = key.partition("-")
        return bool(value) and first <= value and (not last or value <= last + ("\U0010ffff" if vr != "DA" else ""))
    if vr in _WILD and ("*" in key or "?" in key):
        return pattern_matches(key, value)
    return value == key or (vr in _NUMBERS and _is_same_number(value, key, vr))


def _is_same_number(value: str, key: str, vr: str) -> bool:
    """Tell whether both are one number, however written: `120` is `120.0`. PS3.4 C.2.2.2.1 leaves that open."""
    try:
        if vr == "FL":
            # 0.1 as it is stored in 32 bits is another decimal number than in words.
            return struct.pack("<f", float(value)) == struct.pack("<f", float(key))
        return Decimal(value) == Decimal(key)
    except (InvalidOperation, OverflowError, ValueError):
        return False
