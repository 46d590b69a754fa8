"""Pixel data for the other syntax: frames decoded to native form, or compressed without loss, one at a time.

Native cells keep what the decoder gave: stored values at their High Bit with the sign extended, for RLE the cells as
they are, with whatever was in unused bits. Colour is named as decoding leaves it: RGB after a colour transform was
undone, YBR_FULL where chroma was brought to full resolution (PS3.5 8.2, PS3.3 C.7.6.3.1.2).

A compressed frame is decoded again and compared before it goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import rle
from numpy.typing import NDArray

from storage.errors import PixelError
from storage.pixels import PixelDescription, PixelObject
from storage.pixels.codecs import Cells, decoder_for
from storage.pixels.native import stored_values
from storage.transcode import charls, syntaxes
from storage.transcode.elements import Changes, NewPixels

_PHOTOMETRIC, _PLANAR, _LOSSY = 0x00280004, 0x00280006, 0x00282110
_OFFSET_TABLES = frozenset({0x7FE00001, 0x7FE00002})
_MAX_LENGTH = 0xFFFFFFFE
# These keep every bit of a cell, so that unused ones are kept, too.
_WHOLE_CELLS = frozenset({syntaxes.RLE, "1.2.840.10008.1.2.8.1"})


def changes_for(obj: PixelObject, target: str) -> Changes:
    """Return what has to change in an object with pixel data of integers, so that it is right in `target`.

    Raises:
        PixelError: it cannot be done without loss; also while the frames are taken.
    """
    description = obj.description
    first = obj.cells(0)
    values = {_PHOTOMETRIC: (b"CS", _even(first.photometric_interpretation))}
    if description.samples_per_pixel > 1:
        values[_PLANAR] = (b"US", b"\0\0")
    if obj.transfer_syntax_uid in syntaxes.LOSSY:
        values[_LOSSY] = (b"CS", b"01")
    if syntaxes.is_encapsulated(target):
        pixels = NewPixels(_compressed(obj, target), None, 1)
    else:
        pixels = NewPixels(_native(obj), _native_length(description), max(description.bits_allocated // 8, 1))
    return Changes(values, _OFFSET_TABLES, pixels)


def _even(text: str) -> bytes:
    raw = text.encode("ascii")
    return raw + b" " * (len(raw) % 2)


def _native_length(description: PixelDescription) -> int:
    bits = description.samples * description.bits_allocated * description.number_of_frames
    length = (bits + 7) // 8
    if length > _MAX_LENGTH:
        raise PixelError(f"uncompressed, the pixel data has {length} bytes; an element holds {_MAX_LENGTH}")
    return length


def _native(obj: PixelObject) -> Iterator[bytes]:
    if obj.description.bits_allocated == 1:
        yield from _packed(obj)
        return
    for index in range(obj.number_of_frames):
        cells = whole_cells(obj.cells(index), obj)
        yield cells.astype(cells.dtype.newbyteorder("<"), copy=False).tobytes()


def _packed(obj: PixelObject) -> Iterator[bytes]:
    """Bits follow each other from frame to frame without a gap (PS3.5 8.1.1)."""
    left: NDArray[np.uint8] = np.zeros(0, np.uint8)
    for index in range(obj.number_of_frames):
        bits = np.concatenate([left, obj.cells(index).values.reshape(-1).astype(np.uint8)])
        whole = len(bits) // 8 * 8
        yield np.packbits(bits[:whole], bitorder="little").tobytes()
        left = bits[whole:]
    if len(left):
        yield np.packbits(left, bitorder="little").tobytes()


def whole_cells(cells: Cells, obj: PixelObject) -> NDArray[Any]:
    """Return the native cells of a decoded frame: unsigned, Bits Allocated wide.

    Raises:
        PixelError: more bits were encoded than a cell has.
    """
    description = obj.description
    width = description.bits_allocated // 8
    if not syntaxes.is_encapsulated(obj.transfer_syntax_uid) or obj.transfer_syntax_uid in _WHOLE_CELLS:
        return np.ascontiguousarray(cells.values)
    if cells.precision > description.bits_allocated:
        raise PixelError(f"{cells.precision} bits were encoded, but Bits Allocated is {description.bits_allocated}")
    values = stored_values(cells.values, cells.precision, description)
    shift = description.high_bit + 1 - description.bits_stored
    return np.ascontiguousarray(np.left_shift(values.astype(f"u{width}"), shift))


def _compressed(obj: PixelObject, target: str) -> Iterator[bytes]:
    for index in range(obj.number_of_frames):
        yield compressed(obj, index, target, obj.cells(index))


def compressed(obj: PixelObject, index: int, target: str, given: Cells) -> bytes:
    """Return frame `index` (from 0), decoded to `given`, compressed without loss to one of `syntaxes.COMPRESSED`.

    Raises:
        PixelError: it does not come back from `target` unchanged.
    """
    description = replace(
        obj.description, photometric_interpretation=given.photometric_interpretation, planar_configuration=0
    )
    cells = whole_cells(given, obj)
    try:
        encoded = _ENCODERS[target](cells, description)
    except PixelError:
        raise
    except Exception as error:
        # Each codec has its own errors; all mean that this picture is not for it.
        raise PixelError(f"frame {index + 1} cannot be compressed to {target}: {error}") from error
    _compare(encoded, cells, description, target, index)
    return encoded


def _compare(encoded: bytes, cells: NDArray[Any], description: PixelDescription, target: str, index: int) -> None:
    back = decoder_for(target)(encoded, description)
    if target == syntaxes.RLE:
        same = np.array_equal(back.values, cells)
    else:
        again = stored_values(back.values, back.precision, description)
        width = cells.dtype.itemsize
        # Unused bits that hold something would be lost: an overlay, most likely (PS3.3 C.9.2, retired).
        same = np.array_equal(again.astype(f"u{width}"), cells)
    same = same and back.photometric_interpretation == description.photometric_interpretation
    if not same:
        raise PixelError(f"frame {index + 1} does not survive {target} unchanged")


def _signed(cells: NDArray[Any], description: PixelDescription) -> NDArray[Any]:
    return cells.view(f"i{cells.dtype.itemsize}") if description.is_signed else cells


def _integers(description: PixelDescription, widest: int) -> None:
    if description.is_float or not 8 <= description.bits_allocated <= widest:
        raise PixelError(f"pixel data of {description.bits_allocated} bits is not for this compression")


def _jpeg2000(cells: NDArray[Any], description: PixelDescription) -> bytes:
    _integers(description, 16)
    return bytes(
        imagecodecs.jpeg2k_encode(
            _signed(cells, description),
            codecformat="j2k",
            reversible=True,
            mct=False,
            bitspersample=description.bits_stored,
            numthreads=1,
        )
    )


def _htj2k(cells: NDArray[Any], description: PixelDescription) -> bytes:
    _integers(description, 16)
    return bytes(imagecodecs.htj2k_encode(_signed(cells, description), reversible=True))


def _jpeg_ls(cells: NDArray[Any], description: PixelDescription) -> bytes:
    """With the precision of Bits Stored where that is all there is in a cell: the codec adapts sooner to fewer bits."""
    _integers(description, 16)
    bits = description.bits_stored
    is_narrow = not description.is_signed and 8 < bits < description.bits_allocated and not int(cells.max()) >> bits
    if is_narrow and description.samples_per_pixel == 1:
        return charls.encode(cells.astype(np.uint16, copy=False), bits)
    return bytes(imagecodecs.jpegls_encode(cells, level=0))


def _jpeg_lossless(cells: NDArray[Any], description: PixelDescription) -> bytes:
    _integers(description, 16)
    space = "GRAYSCALE" if description.samples_per_pixel == 1 else "RGB"
    return bytes(
        imagecodecs.jpeg8_encode(
            cells,
            colorspace=space,
            outcolorspace=space,
            lossless=True,
            predictor=1,
            bitspersample=description.bits_allocated,
        )
    )


def _rle(cells: NDArray[Any], description: PixelDescription) -> bytes:
    if description.bits_allocated == 1:
        raise PixelError("pixel data of 1 bit is not compressed to RLE")
    little = cells.astype(cells.dtype.newbyteorder("<"), copy=False).tobytes()
    # The plug-in wants colour by plane or by pixel to be named; cells here are always by pixel.
    return b"".join(
        rle.utils.encode_pixel_data(
            little,
            rows=description.rows,
            columns=description.columns,
            samples_per_pixel=description.samples_per_pixel,
            bits_allocated=description.bits_allocated,
            bits_stored=description.bits_stored,
            number_of_frames=1,
            planar_configuration=0,
            photometric_interpretation=description.photometric_interpretation,
            transfer_syntax_uid=syntaxes.RLE,
            byteorder="<",
            pixel_representation=int(description.is_signed),
        )
        for _ in range(1)
    )


_ENCODERS: dict[str, Callable[[NDArray[Any], PixelDescription], bytes]] = {
    syntaxes.JPEG_2000_LOSSLESS: _jpeg2000,
    syntaxes.JPEG_LS_LOSSLESS: _jpeg_ls,
    syntaxes.JPEG_LOSSLESS: _jpeg_lossless,
    syntaxes.HTJ2K_LOSSLESS: _htj2k,
    syntaxes.RLE: _rle,
}
