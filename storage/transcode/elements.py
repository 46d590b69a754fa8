"""A data set re-encoded element by element, streamed: other VR form, other byte order, other pixel data.

Facts of PS3.5 that this module rests on:
- Values of implicit and explicit little endian are the same bytes; only headers differ (7.1.2, 7.1.3). Big endian turns
  numbers round, by the width that their VR names (7.3); text, UN and OB stay.
- Headers differ in length, so sequences and items are written with undefined length and delimiters (7.5).
- The VR of an element without one is that of the dictionary, LO for private creators and UN for other private ones
  (6.2.2, 7.8.1); of US or SS Pixel Representation decides, and of OB or OW it is OW (A.1). A value too long for the
  short form of its VR is written as UN (6.2.2, note).
- UN of undefined length holds a sequence in implicit little endian, whatever is around it (6.2.2).
- Group lengths are retired and would be wrong; they are left out (7.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from pydicom.datadict import dictionary_VR

from storage.errors import InvalidObject
from storage.transcode.syntaxes import Encoding

UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_REPRESENTATION, _BITS_ALLOCATED = 0x00280103, 0x00280100
_REMEMBERED = frozenset({_PIXEL_REPRESENTATION, _BITS_ALLOCATED})
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_WIDTHS = {
    **dict.fromkeys((b"US", b"SS", b"OW", b"AT"), 2),
    **dict.fromkeys((b"UL", b"SL", b"FL", b"OF", b"OL"), 4),
    **dict.fromkeys((b"FD", b"OD", b"OV", b"SV", b"UV"), 8),
}
_IMPLICIT = Encoding(is_implicit=True, is_little=True)
_MAX_DEPTH = 64
_PIECE = 1 << 20


class Reader(Protocol):
    """Bytes one after the other."""

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        ...


class Writer(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take them all."""
        ...


@dataclass(frozen=True)
class NewPixels:
    """Pixel data to write in place of what is there.

    `length` is that of a native value, None for encapsulated frames; `frames` gives native pieces in little endian, or
    the codestream of each frame; `width` is the number of bytes in a native number.
    """

    frames: Iterator[bytes]
    length: int | None
    width: int


@dataclass(frozen=True)
class Changes:
    """What is to differ at the top level besides the encoding."""

    values: Mapping[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """Tag to VR and little endian value: replaced, or put in."""
    removed: frozenset[int] = frozenset()
    pixels: NewPixels | None = None


@dataclass(frozen=True, slots=True)
class _Header:
    tag: int
    vr: bytes
    length: int


class _Nowhere:
    """Takes bytes and forgets them."""

    def write(self, data: bytes, /) -> None:
        """Forget them."""


class Reencoder:
    """Reads one data set and writes it anew."""

    def __init__(self, source: Reader, sink: Writer, to: Encoding, changes: Changes) -> None:
        self._source = source
        self._sink = sink
        self._to = to
        self._changes = changes
        self._position = 0
        self._known: dict[int, int] = {}
        self._due = sorted(changes.values)
        self._may_copy_fragments = False
        """Inside sequences, too: nobody reads what is written."""

    def run(self, encoding: Encoding) -> None:
        """Re-encode all that is there, read as `encoding`.

        Raises:
            InvalidObject: it breaks off or is nested beyond reason.
        """
        while (tag := self._tag(encoding, may_end=True)) is not None:
            header = self._header(tag, encoding)
            self._put_in(header.tag)
            if header.tag in self._changes.values or header.tag in self._changes.removed:
                self._skip(header, encoding)
            elif header.tag == PIXEL_DATA and self._changes.pixels is not None:
                self._skip(header, encoding)
                self._write_pixels(self._changes.pixels)
            else:
                self._element(header, encoding, 0)
        self._put_in(1 << 32)

    def _put_in(self, before: int) -> None:
        while self._due and self._due[0] <= before:
            tag = self._due.pop(0)
            vr, value = self._changes.values[tag]
            self._write_header(tag, vr, len(value))
            self._sink.write(_swapped(value, self._swap_width(vr, tag)) if not self._to.is_little else value)

    # ---- reading

    def _read(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) != size:
            raise InvalidObject(f"the data set breaks off at byte {self._position + len(data)}")
        self._position += size
        return data

    def _tag(self, encoding: Encoding, *, may_end: bool = False) -> int | None:
        data = self._source.read(4)
        if not data and may_end:
            return None
        if len(data) != 4:
            raise InvalidObject(f"the data set breaks off at byte {self._position + len(data)}")
        self._position += 4
        group, element = struct.unpack("<HH" if encoding.is_little else ">HH", data)
        return int(group << 16 | element)

    def _header(self, tag: int, encoding: Encoding) -> _Header:
        order = "<" if encoding.is_little else ">"
        rest = self._read(4)
        # Delimiters have no VR; nor has the odd implicit element that some writers leave in an explicit data set.
        if encoding.is_implicit or tag >> 16 == 0xFFFE or not rest[:2].isalpha():
            return self._guessed(tag, struct.unpack(order + "I", rest)[0])
        vr = rest[:2]
        if vr in _LONG:
            return _Header(tag, vr, struct.unpack(order + "I", self._read(4))[0])
        return _Header(tag, vr, struct.unpack(order + "H", rest[2:])[0])

    def _guessed(self, tag: int, length: int) -> _Header:
        if length == UNDEFINED and tag != PIXEL_DATA:
            return _Header(tag, b"SQ", length)
        return _Header(tag, self._vr(tag), length)

    def _vr(self, tag: int) -> bytes:
        group, element = tag >> 16, tag & 0xFFFF
        if group % 2:
            return b"LO" if 0x10 <= element <= 0xFF else b"UN"
        if element == 0:
            return b"UL"
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            return b"UN"
        if "OW" in vr:
            return b"OW"
        if vr == "US or SS":
            return b"SS" if self._known.get(_PIXEL_REPRESENTATION) == 1 else b"US"
        return vr.encode() if len(vr) == 2 else b"UN"

    # ---- from one encoding to the other

    def _element(self, header: _Header, encoding: Encoding, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise InvalidObject(f"sequences are nested more than {_MAX_DEPTH} deep")
        if header.vr == b"UN" and encoding.is_little != self._to.is_little:
            # Its bytes stay in implicit little endian, which many readers forget: the true VR is safer.
            header = _Header(header.tag, self._vr(header.tag), header.length)
            if header.vr == b"SQ":
                encoding = _IMPLICIT
        if header.tag & 0xFFFF == 0:
            self._skip(header, encoding)
        elif header.tag == PIXEL_DATA and header.length == UNDEFINED:
            self._fragments(header, depth)
        elif header.vr == b"SQ":
            self._sequence(header, encoding, depth)
        elif header.length == UNDEFINED:
            if header.vr != b"UN":
                raise InvalidObject(f"({header.tag >> 16:04X},{header.tag & 0xFFFF:04X}) has no length")
            self._sequence(header, _IMPLICIT, depth)
        else:
            self._value(header, encoding)

    def _value(self, header: _Header, encoding: Encoding) -> None:
        self._write_header(header.tag, header.vr, header.length)
        width = self._swap_width(header.vr, header.tag) if encoding.is_little != self._to.is_little else 1
        for piece in self._pieces(header.length):
            if header.tag in _REMEMBERED and header.length == 2:
                self._known[header.tag] = int.from_bytes(piece, "little" if encoding.is_little else "big")
            self._sink.write(_swapped(piece, width))

    def _pieces(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self._read(min(length, _PIECE))
            length -= len(piece)
            yield piece

    def _swap_width(self, vr: bytes, tag: int) -> int:
        if tag == PIXEL_DATA and vr == b"OW":
            # Cells of more than 16 bits are turned round as a whole.
            return max(self._known.get(_BITS_ALLOCATED, 16) // 8, 2)
        return _WIDTHS.get(vr, 1)

    def _sequence(self, header: _Header, encoding: Encoding, depth: int) -> None:
        self._write_header(header.tag, b"SQ", UNDEFINED)
        end = None if header.length == UNDEFINED else self._position + header.length
        while end is None or self._position < end:
            tag = self._tag(encoding)
            length = struct.unpack("<I" if encoding.is_little else ">I", self._read(4))[0]
            if tag == _SEQUENCE_END and end is None:
                break
            if tag != _ITEM:
                raise InvalidObject("a sequence holds something else than items")
            self._item(length, encoding, depth + 1)
        self._write_delimiter(_SEQUENCE_END)

    def _item(self, length: int, encoding: Encoding, depth: int) -> None:
        self._write_delimiter(_ITEM, UNDEFINED)
        end = None if length == UNDEFINED else self._position + length
        while end is None or self._position < end:
            tag = self._tag(encoding)
            assert tag is not None
            header = self._header(tag, encoding)
            if tag == _ITEM_END:
                break
            self._element(header, encoding, depth)
        self._write_delimiter(_ITEM_END)

    def _fragments(self, header: _Header, depth: int) -> None:
        """Copy encapsulated pixel data as it is; only where the target encapsulates, too."""
        if depth and not self._may_copy_fragments:
            raise InvalidObject("compressed pixel data inside a sequence is not transcoded")
        self._write_header(header.tag, b"OB", UNDEFINED)
        for tag, length in self._items():
            self._write_delimiter(tag, length)
            for piece in self._pieces(length):
                self._sink.write(piece)
        self._write_delimiter(_SEQUENCE_END)

    def _items(self) -> Iterator[tuple[int, int]]:
        while True:
            group, element, length = struct.unpack("<HHI", self._read(8))
            tag = group << 16 | element
            if tag == _SEQUENCE_END:
                return
            if tag != _ITEM or length == UNDEFINED:
                raise InvalidObject("pixel data holds something else than fragments")
            yield tag, length

    def _skip(self, header: _Header, encoding: Encoding) -> None:
        if header.length != UNDEFINED:
            for _ in self._pieces(header.length):
                pass
        elif header.tag == PIXEL_DATA:
            for _, length in self._items():
                for _ in self._pieces(length):
                    pass
        elif header.vr == b"SQ":
            self._skip_sequence(header, encoding)
        else:
            raise InvalidObject(f"({header.tag >> 16:04X},{header.tag & 0xFFFF:04X}) has no length")

    def _skip_sequence(self, header: _Header, encoding: Encoding) -> None:
        """Read a sequence to its end, wherever that is, and forget it."""
        nowhere = Reencoder(self._source, _Nowhere(), self._to, Changes())
        nowhere._may_copy_fragments = True
        nowhere._position = self._position
        nowhere._sequence(header, encoding, 0)
        self._position = nowhere._position

    # ---- writing

    def _write_header(self, tag: int, vr: bytes, length: int) -> None:
        order = "<" if self._to.is_little else ">"
        where = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        if self._to.is_implicit:
            self._sink.write(where + struct.pack(order + "I", length))
            return
        if vr not in _LONG and length > 0xFFFF:
            vr = b"UN"
        if vr in _LONG:
            self._sink.write(where + vr + struct.pack(order + "2xI", length))
        else:
            self._sink.write(where + vr + struct.pack(order + "H", length))

    def _write_delimiter(self, tag: int, length: int = 0) -> None:
        order = "<" if self._to.is_little else ">"
        self._sink.write(struct.pack(order + "HHI", tag >> 16, tag & 0xFFFF, length))

    def _write_pixels(self, pixels: NewPixels) -> None:
        if pixels.length is None:
            self._write_encapsulated(pixels)
            return
        vr = b"OW" if pixels.width > 1 or self._to.is_implicit else b"OB"
        self._write_header(PIXEL_DATA, vr, pixels.length + pixels.length % 2)
        written = 0
        for piece in pixels.frames:
            self._sink.write(piece if self._to.is_little else _swapped(piece, pixels.width))
            written += len(piece)
        if written != pixels.length:
            raise InvalidObject(f"the frames have {written} bytes instead of {pixels.length}")
        self._sink.write(bytes(written % 2))

    def _write_encapsulated(self, pixels: NewPixels) -> None:
        self._write_header(PIXEL_DATA, b"OB", UNDEFINED)
        self._write_delimiter(_ITEM, 0)  # an empty offset table, and each frame in one fragment
        for frame in pixels.frames:
            padded = frame + bytes(len(frame) % 2)
            self._write_delimiter(_ITEM, len(padded))
            self._sink.write(padded)
        self._write_delimiter(_SEQUENCE_END)


def _swapped(data: bytes, width: int) -> bytes:
    if width == 1 or len(data) % width:
        return data
    return np.frombuffer(data, f"u{width}").byteswap().tobytes()
