"""Read attributes for display: tolerant, since one odd value must not hide a picture, and aware of functional groups.

In a multi-frame object of the enhanced kind an attribute of a frame is in a macro, of that frame (Per-Frame Functional
Groups Sequence) or of all (Shared); elsewhere it stands at the top level (PS3.3 C.7.6.16).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import PersonName

# What pydicom raises when a value cannot be converted to its VR.
_UNREADABLE = (TypeError, ValueError, OverflowError, NotImplementedError, AttributeError, KeyError)


def value_of(ds: Dataset, keyword: str) -> object:
    """The value, or None where it is absent, empty or unreadable."""
    try:
        value = ds.get(keyword)
    except _UNREADABLE:
        return None
    return None if value is None or value == "" else value


def numbers(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """All values as finite floats; empty where any of them is not."""
    value = value_of(ds, keyword)
    items = value if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]
    try:
        result = tuple(float(str(item)) for item in items if item is not None)
    except ValueError:
        return ()
    return result if all(map(isfinite, result)) else ()


def number(ds: Dataset, keyword: str) -> float | None:
    """The first value as a finite float, or None."""
    values = numbers(ds, keyword)
    return values[0] if values else None


def integer(ds: Dataset, keyword: str) -> int | None:
    """The first value as a whole number, or None."""
    value = number(ds, keyword)
    return None if value is None else int(value)


def text(ds: Dataset, keyword: str) -> str:
    """The first value as text without padding; empty where absent."""
    values = texts(ds, keyword)
    return values[0] if values else ""


def texts(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """All values as text."""
    value = value_of(ds, keyword)
    if value is None:
        return ()
    # A person name can be iterated over too, by its characters.
    if isinstance(value, str | PersonName) or not isinstance(value, Iterable):
        return (str(value).strip(),)
    return tuple(str(item).strip() for item in value)


def items(ds: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence, none where it is absent or of another kind."""
    value = value_of(ds, keyword)
    return tuple(value) if isinstance(value, Sequence) else ()


def macro(ds: Dataset, index: int, keyword: str) -> Dataset:
    """The functional group macro `keyword` of frame `index`; the data set itself where there is no such macro."""
    per_frame = items(ds, "PerFrameFunctionalGroupsSequence")
    groups = [*per_frame[index : index + 1], *items(ds, "SharedFunctionalGroupsSequence")[:1]]
    found = (items(group, keyword) for group in groups)
    return next((macro_items[0] for macro_items in found if macro_items), ds)
