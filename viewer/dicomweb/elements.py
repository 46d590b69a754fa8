"""Elements in the bytes of a data set: their headers, their ends, and the value at a path (PS3.5 7.1, 7.5). Pure."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from storage.errors import InvalidObject
from storage.scan import IMPLICIT_LITTLE, LONG_VRS, Encoding

Block = bytes | mmap.mmap
"""The bytes of a data set: read, or mapped where they are many."""
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
MAX_DEPTH = 64
# Where implicit VR leaves a choice (PS3.5 A.1).
_AMBIGUOUS = {"OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}


@dataclass(frozen=True, slots=True)
class Element:
    """The header of one element; `vr` is empty where none is written."""

    tag: int
    vr: str
    value: int
    """Offset of the value field."""
    length: int

    @property
    def is_delimiter(self) -> bool:
        """An item or an end of one; these carry no VR (PS3.5 7.5)."""
        return self.tag >> 16 == 0xFFFE


def element_at(block: Block, at: int, encoding: Encoding) -> Element:
    """Read the header at an offset.

    Raises:
        struct.error: it is not there whole.
    """
    order = "<" if encoding.little_endian else ">"
    group, number = struct.unpack_from(f"{order}HH", block, at)
    tag = group << 16 | number
    if encoding.explicit and group != 0xFFFE:
        vr = block[at + 4 : at + 6]
        if vr in LONG_VRS:
            return Element(tag, vr.decode("ascii"), at + 12, struct.unpack_from(f"{order}I", block, at + 8)[0])
        return Element(tag, vr.decode("ascii", "replace"), at + 8, struct.unpack_from(f"{order}H", block, at + 6)[0])
    return Element(tag, "", at + 8, struct.unpack_from(f"{order}I", block, at + 4)[0])


def end_of(block: Block, element: Element, encoding: Encoding) -> int:
    """Return the offset after an element's value, walking what has an undefined length.

    Raises:
        InvalidObject: it runs past the end.
    """
    if element.length != UNDEFINED:
        end = element.value + element.length
        if end > len(block):
            raise InvalidObject(f"{element.tag:08X} runs past the end")
        return end
    # Sequences and items are closed in the order of a stack; fragments of pixels are items of defined length.
    inner = IMPLICIT_LITTLE if element.vr == "UN" else encoding
    at, depth = element.value, 1
    while depth:
        found = element_at(block, at, inner)
        at = found.value
        if found.tag in (ITEM_END, SEQUENCE_END):
            depth -= 1
        elif found.length == UNDEFINED:
            depth += 1
        else:
            at += found.length
        if at > len(block) or depth > 2 * MAX_DEPTH:
            raise InvalidObject(f"{element.tag:08X} is not closed")
    return at


def elements(block: Block, at: int, end: int, encoding: Encoding) -> Iterator[Element]:
    """Yield the elements from `at` to `end`, or to the end of the item that they are in.

    Raises:
        InvalidObject: they break off.
    """
    while at + 8 <= end:
        found = element_at(block, at, encoding)
        if found.is_delimiter:
            return
        yield found
        at = end_of(block, found, encoding)


def items(block: Block, sequence: Element, encoding: Encoding) -> Iterator[tuple[int, int]]:
    """Yield where the elements of each item begin, and the last offset at which they may end."""
    at = sequence.value
    end = len(block) if sequence.length == UNDEFINED else sequence.value + sequence.length
    while at + 8 <= end:
        item = element_at(block, at, encoding)
        if item.tag != ITEM:
            return
        at = end_of(block, item, encoding)
        yield item.value, at


def locate(block: Block, encoding: Encoding, path: str, start: int = 0) -> tuple[Element, Encoding] | None:
    """Return the element of a path such as `00880200/1/7FE00010`: tags, and between them item numbers from 1.

    Raises:
        InvalidObject: the data set breaks off.
    """
    steps = path.split("/")
    if len(steps) % 2 == 0 or len(steps) > 2 * MAX_DEPTH or not all(map(_is_step, steps)):
        return None
    try:
        return _located(block, start, len(block), encoding, steps)
    except struct.error as error:
        raise InvalidObject(f"the data set breaks off: {error}") from None


def _located(block: Block, at: int, end: int, encoding: Encoding, steps: list[str]) -> tuple[Element, Encoding] | None:
    tag = int(steps[0], 16)
    found = next((e for e in elements(block, at, end, encoding) if e.tag == tag), None)
    if found is None or len(steps) == 1:
        return None if found is None else (found, encoding)
    inner = IMPLICIT_LITTLE if found.vr == "UN" else encoding
    for number, (start, stop) in enumerate(items(block, found, inner), 1):
        if number == int(steps[1]):
            return _located(block, start, stop, inner, steps[2:])
    return None


def _is_step(step: str) -> bool:
    return step.isascii() and step.isalnum() and len(step) <= 8 and all(c in "0123456789ABCDEFabcdef" for c in step)


@lru_cache(maxsize=4096)
def looked_up_vr(tag: int, creator: str, pixel_representation: int) -> str:
    """Return the VR of an element that is written without one (PS3.5 6.2.2, 7.8.1); UN where nobody knows."""
    try:
        if tag >> 16 & 1:
            if 0x10 <= tag & 0xFFFF <= 0xFF:
                return "LO"
            vr = private_dictionary_VR(tag, creator) if creator else "UN"
        else:
            vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    if vr == "US or SS":
        return "SS" if pixel_representation == 1 else "US"
    return _AMBIGUOUS.get(vr, vr)
