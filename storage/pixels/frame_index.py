"""Where each frame's bytes are, found once and then read by position.

Facts this rests on (PS3.5 A.4, PS3.3 C.7.6.3.1.8):
- Native frames follow each other without gaps; 1-bit frames need not begin on a byte.
- Encapsulated: the first item is the Basic Offset Table, empty or one 32-bit offset a frame, counted from the first
  byte after that item. Each further item is a fragment; a frame is one or more whole fragments; a delimiter ends them.
- The Extended Offset Table gives 64-bit offsets, counted the same way, and lengths; then a frame is one fragment.
- Offset tables in the field are wrong often enough (zeros, offsets past 4 GB wrapped, counted from elsewhere) that each
  is believed only after it was found to point at items. Without a table, the start-of-image markers tell frames apart.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from pydicom.dataset import Dataset

from storage.errors import NotFound, PixelError
from storage.pixels.description import PixelDescription, attribute
from storage.pixels.header import PixelElement
from storage.pixels.source import Source

_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"
_RLE = "1.2.840.10008.1.2.5"
# JPEG and JPEG-LS, JPEG 2000 codestream, JP2 box, JPEG XL codestream and box
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bytes in the source."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Positions of all frames of one object; small, immutable and picklable, so that callers may keep it.

    Native: `start` and `frame_bits`. Encapsulated: `fragments`, for each frame its spans in order.
    """

    number_of_frames: int
    start: int = 0
    frame_bits: int = 0
    fragments: tuple[tuple[Span, ...], ...] | None = None

    @property
    def is_encapsulated(self) -> bool:
        """Whether frames are made of fragments."""
        return self.fragments is not None

    def spans(self, index: int) -> tuple[Span, ...]:
        """The bytes that hold frame `index`, counted from 0; `NotFound` outside, `PixelError` where it is missing."""
        if not 0 <= index < self.number_of_frames:
            raise NotFound(f"frame {index + 1} of {self.number_of_frames} was asked for")
        if self.fragments is None:
            first, last = index * self.frame_bits, (index + 1) * self.frame_bits
            return (Span(self.start + first // 8, (last + 7) // 8 - first // 8),)
        if index >= len(self.fragments):
            raise PixelError(
                f"frame {index + 1} is missing: {len(self.fragments)} of {self.number_of_frames} are there"
            )
        return self.fragments[index]

    def bit_offset(self, index: int) -> int:
        """Bits to skip in the first byte of native frame `index`."""
        return index * self.frame_bits % 8


def native_index(element: PixelElement, description: PixelDescription) -> FrameIndex:
    """Index of native frames; `PixelError` where the declared length cannot hold them."""
    frames, frame_bits = description.number_of_frames, description.native_bits
    needed = (frames * frame_bits + 7) // 8
    if element.length < needed:
        size = f"{description.rows} x {description.columns} x {description.samples_per_pixel}"
        raise PixelError(
            f"pixel data holds {element.length} bytes, but {frames} frame(s) of {size} samples need {needed}"
        )
    return FrameIndex(frames, element.offset, frame_bits)


def encapsulated_index(
    source: Source, element: PixelElement, ds: Dataset, frames: int, transfer_syntax_uid: str
) -> FrameIndex:
    """Index of encapsulated frames, from the first table that proves right, else from the fragments themselves."""
    table, first = _basic_offset_table(source, element.offset)
    extended = _extended_frames(source, ds, first, frames)
    if extended is not None:
        return FrameIndex(frames, fragments=extended)
    fragments = _walk(source, first)
    if not fragments:
        raise PixelError("encapsulated pixel data has no fragments")
    return FrameIndex(frames, fragments=_group(source, fragments, table, first, frames, transfer_syntax_uid))


def _basic_offset_table(source: Source, offset: int) -> tuple[tuple[int, ...], int]:
    """Offsets in the Basic Offset Table, and the position after it."""
    span = _item(source, offset)
    if span is None:
        raise PixelError("encapsulated pixel data does not begin with an offset table item (PS3.5 A.4)")
    data = source.read(span.offset, span.length)
    return struct.unpack(f"<{span.length // 4}L", data[: span.length // 4 * 4]), span.offset + span.length


def _item(source: Source, offset: int) -> Span | None:
    """The value of the item at `offset`, None where there is no item of defined length."""
    if offset + 8 > source.size:
        return None
    head = source.read(offset, 8)
    length: int = struct.unpack("<L", head[4:])[0]
    return Span(offset + 8, length) if head[:4] == _ITEM and length != 0xFFFFFFFF else None


def _extended_frames(source: Source, ds: Dataset, first: int, frames: int) -> tuple[tuple[Span, ...], ...] | None:
    """Frames by the Extended Offset Table, None where it is absent or does not point at items."""
    offsets = _unsigned_64(attribute(ds, "ExtendedOffsetTable"))
    lengths = _unsigned_64(attribute(ds, "ExtendedOffsetTableLengths"))
    if not len(offsets) == len(lengths) == frames:
        return None
    spans = []
    for offset, length in zip(offsets, lengths, strict=True):
        item = _item(source, first + offset)
        if item is None or length > item.length:
            return None
        spans.append((Span(item.offset, length),))
    return tuple(spans)


def _unsigned_64(value: object) -> tuple[int, ...]:
    return struct.unpack(f"<{len(value) // 8}Q", value) if isinstance(value, bytes) and len(value) % 8 == 0 else ()


def _walk(source: Source, position: int) -> tuple[Span, ...]:
    """All fragments from `position` to the delimiter, or to where the object breaks off."""
    fragments = []
    while (item := _item(source, position)) is not None:
        fragments.append(item)
        position = item.offset + item.length
    return tuple(fragments)


def _group(
    source: Source, fragments: tuple[Span, ...], table: tuple[int, ...], first: int, frames: int, syntax: str
) -> tuple[tuple[Span, ...], ...]:
    """Sort fragments into frames."""
    if frames == 1:
        return (fragments,)
    if len(fragments) == frames or syntax == _RLE:  # one RLE frame is one fragment, PS3.5 A.4.2
        return tuple((fragment,) for fragment in fragments[:frames])
    starts = _starts_by_table(fragments, table, first, frames) or _starts_by_marker(source, fragments)
    if len(starts) > frames:
        raise PixelError(f"{len(starts)} pictures were found in the fragments, but NumberOfFrames is {frames}")
    return tuple(fragments[a:b] for a, b in pairwise([*starts, len(fragments)]))


def _starts_by_table(fragments: tuple[Span, ...], table: tuple[int, ...], first: int, frames: int) -> list[int] | None:
    """Number of the first fragment of each frame, by the Basic Offset Table; None where that cannot be true."""
    places = {fragment.offset - 8 - first: number for number, fragment in enumerate(fragments)}
    starts = [places.get(offset, -1) for offset in table]
    ascending = all(a < b for a, b in pairwise(starts))
    return starts if len(starts) == frames and starts[0] == 0 and ascending else None


def _starts_by_marker(source: Source, fragments: tuple[Span, ...]) -> list[int]:
    """Number of each fragment that begins a picture."""
    heads = [source.read(f.offset, min(12, f.length, max(0, source.size - f.offset))) for f in fragments]
    starts = [number for number, head in enumerate(heads) if head.startswith(_STARTS)]
    if not starts or starts[0] != 0:
        raise PixelError(f"{len(fragments)} fragments cannot be told apart into frames: no usable offset table")
    return starts
