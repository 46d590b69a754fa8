"""One frame in another transfer syntax, as DICOMweb and viewers ask for it (PS3.18 10.4.1.1.6).

An uncompressed frame has the layout that the whole object would have in explicit little endian: native ones keep their
planes and chroma as they are; compressed ones become colour by pixel with full chroma (see `frames`). Bits of one-bit
frames begin at the first bit, though in the object they follow each other without a gap (PS3.5 8.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.errors import PixelError
from storage.pixels import PixelObject
from storage.transcode import syntaxes
from storage.transcode.frames import compressed, whole_cells


@dataclass(frozen=True, slots=True)
class FrameBytes:
    """One frame's bytes, and the Photometric Interpretation that they have now."""

    data: bytes
    photometric_interpretation: str


def frame_in(obj: PixelObject, index: int, target: str) -> FrameBytes:
    """Return frame `index` (from 0) in the transfer syntax `target`.

    Raises:
        NotFound: there is no such frame.
        PixelError: it cannot be decoded, or `target` cannot be made of it without loss.
    """
    stored, photometric = obj.transfer_syntax_uid, obj.description.photometric_interpretation
    if syntaxes.is_encapsulated(stored) and syntaxes.is_the_same(stored, target):
        return FrameBytes(obj.encoded_frame(index), photometric)
    if target in (syntaxes.EXPLICIT_LITTLE, syntaxes.IMPLICIT_LITTLE):
        if obj.description.bits_allocated == 1:
            return FrameBytes(_packed(obj, index), photometric)
        return _decoded(obj, index) if syntaxes.is_encapsulated(stored) else _native(obj, index)
    if target not in syntaxes.COMPRESSED:
        raise PixelError(f"a frame cannot be given as {target}")
    given = obj.cells(index)
    return FrameBytes(compressed(obj, index, target, given), given.photometric_interpretation)


def _decoded(obj: PixelObject, index: int) -> FrameBytes:
    given = obj.cells(index)
    cells = whole_cells(given, obj)
    data = cells.astype(cells.dtype.newbyteorder("<"), copy=False).tobytes()
    return FrameBytes(data, given.photometric_interpretation)


def _native(obj: PixelObject, index: int) -> FrameBytes:
    return FrameBytes(obj.native_frame(index), obj.description.photometric_interpretation)


def _packed(obj: PixelObject, index: int) -> bytes:
    bits = obj.cells(index).values.reshape(-1).astype(np.uint8)
    return np.packbits(bits, bitorder="little").tobytes()
