"""One frame in another transfer syntax, as DICOMweb and viewers ask for it (PS3.18 10.4.1.1.6).

An uncompressed frame has the layout that the whole object would have in explicit little endian: native ones keep their
planes and chroma as they are; compressed ones become colour by pixel with full chroma (see `frames`). Bits of one-bit
frames begin at the first bit, though in the object they follow each other without a gap (PS3.5 8.1.1).
"""

from __future__ import annotations

import numpy as np

from storage.errors import PixelError
from storage.pixels import PixelObject
from storage.transcode import syntaxes
from storage.transcode.frames import compressed, whole_cells


def frame_in(obj: PixelObject, index: int, target: str) -> bytes:
    """Return frame `index` (from 0) in the transfer syntax `target`.

    Raises:
        NotFound: there is no such frame.
        PixelError: it cannot be decoded, or `target` cannot be made of it without loss.
    """
    stored = obj.transfer_syntax_uid
    if syntaxes.is_encapsulated(stored) and syntaxes.is_the_same(stored, target):
        return obj.encoded_frame(index)
    if target in (syntaxes.EXPLICIT_LITTLE, syntaxes.IMPLICIT_LITTLE):
        return _decoded(obj, index) if syntaxes.is_encapsulated(stored) else _native(obj, index)
    if target not in syntaxes.COMPRESSED:
        raise PixelError(f"a frame cannot be given as {target}")
    return compressed(obj, index, target)


def _decoded(obj: PixelObject, index: int) -> bytes:
    if obj.description.bits_allocated == 1:
        return _packed(obj, index)
    cells = whole_cells(obj.cells(index), obj)
    return cells.astype(cells.dtype.newbyteorder("<"), copy=False).tobytes()


def _native(obj: PixelObject, index: int) -> bytes:
    if obj.description.bits_allocated == 1:
        return _packed(obj, index)
    return obj.native_frame(index)


def _packed(obj: PixelObject, index: int) -> bytes:
    bits = obj.cells(index).values.reshape(-1).astype(np.uint8)
    return np.packbits(bits, bitorder="little").tobytes()
