"""One walk over an encoded data set: is it whole, where are the pixels, and what do the indexed elements hold.

Facts the walk rests on (PS3.5):
- 7.1: an element is tag, (VR), length, value. Explicit VR has two bytes of length, or two reserved and four for the
  long VRs (7.1.2); implicit VR always four. Items and delimiters (FFFE,xxxx) never carry a VR (7.5).
- 7.5: a sequence or item has a defined length, or FFFFFFFFH and a delimiter. Defined ones are stepped over whole;
  undefined ones are walked with a stack of our own, so that depth costs no recursion.
- 6.2.2 note 4: UN of undefined length holds a sequence in implicit VR little endian, whatever is around it.
- A.4: pixel data of undefined length is a run of fragments, the first of them the offset table.

Nothing is decoded here and values are stepped over, so the cost is that of the number of elements, not of the size.
Nearly all elements are plain ones of a defined length that lie whole in what is buffered; a tight loop (`_run`) takes
these in little endian, and leaves everything else, and every error, to the careful path (`_element`).
Reading is tolerant where devices err harmlessly (tags out of order, zero padding at the end), and strict where bytes
are missing: a value that ends past the end of the data is `InvalidObject`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from storage.errors import InvalidObject
from storage.window import Window

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009
UNDEFINED = 0xFFFFFFFF
_DELIMITERS = 0xFFFE
_PIXELS = frozenset({PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA})
LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split(),
)
_VR_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# For the tight loop: a VR as the number that its two bytes are in little endian.
_SHORT_VR_NUMBERS = frozenset(int.from_bytes(vr, "little") for vr in _SHORT_VRS)
_LONG_VR_NUMBERS = frozenset(int.from_bytes(vr, "little") for vr in LONG_VRS)
_unpack_explicit = struct.Struct("<IHH").unpack_from
_unpack_implicit = struct.Struct("<II").unpack_from
_unpack_length = struct.Struct("<I").unpack_from


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a data set is walked before it is taken for an attack."""

    elements: int = 5_000_000
    depth: int = 64
    value_bytes: int = 4096
    """Of a wanted value, at most so much is handed out; the file keeps all."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Where the value of the top-level pixel data element is."""

    tag: int
    offset: int
    """Of the value (native) or of the first item (encapsulated), from the start of the data set."""
    length: int | None
    """Bytes of a native value; None for encapsulated pixel data."""
    fragments: int
    """Number of fragments, the offset table not counted; 0 for native pixel data."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What one walk found."""

    values: dict[int, bytes]
    """Raw values of the wanted top-level elements that are present."""
    pixels: Pixels | None


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are laid out: VR written or not, and the byte order (PS3.5 A.1 to A.5)."""

    explicit: bool
    little_endian: bool


IMPLICIT_LITTLE = Encoding(explicit=False, little_endian=True)
EXPLICIT_LITTLE = Encoding(explicit=True, little_endian=True)
EXPLICIT_BIG = Encoding(explicit=True, little_endian=False)


def scan(window: Window, encoding: Encoding, wanted: frozenset[int], limits: Limits = Limits()) -> Scan:
    """Walk the data set in `window` to its end.

    Raises:
        InvalidObject: an element runs past the end, a delimiter is out of place, or a limit is passed.
    """
    return _Walk(window, encoding, wanted, limits).run()


class _Walk:
    """The state of one walk: a position in the window and the stack of open sequences and items."""

    def __init__(self, window: Window, encoding: Encoding, wanted: frozenset[int], limits: Limits) -> None:
        self._window = window
        self._wanted = wanted
        self._wanted_numbers = _numbers(wanted)
        self._limits = limits
        self._values: dict[int, bytes] = {}
        self._pixels: Pixels | None = None
        # Each open undefined-length sequence or item: (its tag, the encoding to go back to).
        self._open: list[tuple[int, Encoding]] = []
        self._count = 0
        self._use(encoding)

    def _use(self, encoding: Encoding) -> None:
        order = "<" if encoding.little_endian else ">"
        self._encoding = encoding
        self._unpack_tag_long = struct.Struct(order + "HHI").unpack_from
        self._unpack_short = struct.Struct(order + "H").unpack_from
        self._unpack_long = struct.Struct(order + "I").unpack_from

    def run(self) -> Scan:
        window = self._window
        while window.has(8):
            if self._encoding.little_endian:
                self._run()
            if window.has(8):
                self._element()
            self._counted(1)
        if window.remaining_is_zeros():
            return self._finish()
        raise InvalidObject(f"{window.remaining()} stray bytes at the end, at offset {window.position}")

    def _counted(self, n: int) -> None:
        self._count += n
        if self._count > self._limits.elements:
            raise InvalidObject(f"more than {self._limits.elements} elements")

    def _run(self) -> None:
        """Step over plain elements as long as they lie whole in what is buffered; stop before the first other one.

        All names are local and calls are few, since this is where the time of a walk goes.
        """
        block, at = self._window.buffered()
        end, explicit, most = len(block), self._encoding.explicit, self._limits.value_bytes
        wanted = {} if self._open else self._wanted_numbers
        count = 0
        while at + 12 <= end:
            if explicit:
                number, vr, length = _unpack_explicit(block, at)
                value = at + 8
                if vr not in _SHORT_VR_NUMBERS:
                    if vr not in _LONG_VR_NUMBERS:
                        break
                    length = _unpack_length(block, value)[0]
                    value += 4
            else:
                number, length = _unpack_implicit(block, at)
                value = at + 8
            after = value + length
            # An undefined length (all ones) is past any block, so it stops here as well.
            if after > end or number in _NOT_PLAIN or number & 0xFFFF == _DELIMITERS:
                break
            if number in wanted:
                self._values[wanted[number]] = block[value : min(after, value + most)]
            at = after
            count += 1
        self._window.advance(at)
        self._counted(count)

    def _finish(self) -> Scan:
        if self._open:
            tag = self._open[-1][0]
            raise InvalidObject(f"truncated: {_name(tag)} is not closed at the end of the data")
        return Scan(self._values, self._pixels)

    def _element(self) -> None:
        window = self._window
        at = window.position
        buffer, offset = window.take(8)
        group, element, length = self._unpack_tag_long(buffer, offset)
        tag = group << 16 | element
        if group == _DELIMITERS:
            self._delimiter(tag, length, at)
            return
        if tag == 0 and length == 0 and not self._open and window.remaining_is_zeros():
            window.skip(window.remaining())
            return
        vr = b""
        if self._encoding.explicit:
            vr = bytes(buffer[offset + 4 : offset + 6])
            length = self._explicit_length(vr, buffer, offset, tag, at)
        self._value(tag, vr, length, at)

    def _explicit_length(self, vr: bytes, buffer: bytes, offset: int, tag: int, at: int) -> int:
        if vr in _SHORT_VRS:
            return int(self._unpack_short(buffer, offset + 6)[0])
        if vr in LONG_VRS or _VR_LETTERS.issuperset(vr):
            # PS3.5 7.1.2: any VR to come uses the long form.
            more, at_long = self._window.take(4)
            return int(self._unpack_long(more, at_long)[0])
        raise InvalidObject(f"{_name(tag)} at offset {at} has no valid VR ({vr!r})")

    def _value(self, tag: int, vr: bytes, length: int, at: int) -> None:
        window, top = self._window, not self._open
        if length == UNDEFINED:
            self._undefined(tag, vr, at)
            return
        if length > window.remaining():
            missing = length - window.remaining()
            raise InvalidObject(f"truncated: {_name(tag)} at offset {at} lacks {missing} of its {length} bytes")
        if top and tag in _PIXELS:
            self._pixels = Pixels(tag, window.position, length, 0)
        elif top and tag in self._wanted:
            self._values[tag] = window.read(min(length, self._limits.value_bytes))
            length -= len(self._values[tag])
        window.skip(length)

    def _undefined(self, tag: int, vr: bytes, at: int) -> None:
        if tag in _PIXELS and vr in (b"", b"OB", b"OW", b"UN"):
            fragments = self._fragments(tag)
            if not self._open and fragments:
                self._pixels = Pixels(tag, fragments[0], None, fragments[1])
            return
        if vr not in (b"", b"SQ", b"UN"):
            raise InvalidObject(f"{_name(tag)} at offset {at} of VR {vr.decode()} may not have undefined length")
        self._push(tag)
        if vr == b"UN":
            self._use(IMPLICIT_LITTLE)

    def _push(self, tag: int) -> None:
        if len(self._open) >= self._limits.depth:
            raise InvalidObject(f"sequences nested deeper than {self._limits.depth}")
        self._open.append((tag, self._encoding))

    def _fragments(self, tag: int) -> tuple[int, int] | None:
        """Step over fragments up to the delimiter; answer with where they begin and how many hold data."""
        window = self._window
        start, count = window.position, -1
        while window.has(8):
            at = window.position
            buffer, offset = window.take(8)
            group, element, length = self._unpack_tag_long(buffer, offset)
            kind = group << 16 | element
            if kind == SEQUENCE_END:
                return (start, max(count, 0))
            if kind != ITEM or length == UNDEFINED:
                raise InvalidObject(f"{_name(tag)}: no fragment at offset {at}")
            if length > window.remaining():
                raise InvalidObject(f"truncated: a fragment of {_name(tag)} at offset {at} is cut off")
            count += 1
            self._counted(1)
            window.skip(length)
        raise InvalidObject(f"truncated: {_name(tag)} is not closed at the end of the data")

    def _delimiter(self, tag: int, length: int, at: int) -> None:
        inside = self._open[-1][0] if self._open else None
        if tag == ITEM and inside not in (None, ITEM):
            if length == UNDEFINED:
                self._push(ITEM)
            elif length > self._window.remaining():
                raise InvalidObject(f"truncated: an item at offset {at} lacks bytes")
            else:
                self._window.skip(length)
        elif (tag == ITEM_END and inside == ITEM) or (tag == SEQUENCE_END and inside not in (None, ITEM)):
            self._use(self._open.pop()[1])
        else:
            raise InvalidObject(f"{_name(tag)} at offset {at} is out of place")


@lru_cache(maxsize=8)
def _numbers(wanted: frozenset[int]) -> dict[int, int]:
    """For the tight loop: tags by the numbers that their four bytes are in little endian."""
    return {_swapped(tag): tag for tag in wanted}


def _swapped(tag: int) -> int:
    return tag >> 16 | (tag & 0xFFFF) << 16


# Zero padding, and pixel data, whose place is wanted.
_NOT_PLAIN = frozenset(_swapped(tag) for tag in (0, *_PIXELS))


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
