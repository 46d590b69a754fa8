"""One decoder for each transfer syntax, all of one shape: bytes of a frame in, samples out.

`imagecodecs` does the entropy decoding. Compared over every readable object of pydicom's wheel and a wider collection,
it gives the same samples as pydicom's plug-ins (lossy ones within 1), and also decodes what those refuse (12-bit JPEG
with other Bits Stored, the retired JPEG processes, JPEG XL). What it writes goes into an array that we made and
cleared, of the size that the header promises: nothing decodes past it, and a picture that ends early never shows old
memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from storage.errors import PixelError
from storage.pixels.codestream import Codestream, looks_whole, read_jpeg, read_jpeg2000
from storage.pixels.description import PixelDescription
from storage.pixels.header import inflate
from storage.pixels.native import native_cells
from storage.pixels.rle import decode_rle

_PREFIX = "1.2.840.10008.1.2."


@dataclass(frozen=True, slots=True)
class Cells:
    """Samples as they came from a decoder, before Bits Stored is applied.

    `values` has the frame's shape; `precision` is the number of bits that were encoded; `photometric_interpretation` is
    that of `values`.
    """

    values: NDArray[Any]
    precision: int
    photometric_interpretation: str


Decoder = Callable[[bytes, PixelDescription], Cells]


def decoder_for(transfer_syntax_uid: str) -> Decoder:
    """The decoder of encapsulated frames of this transfer syntax; `PixelError` where there is none."""
    decoder = _DECODERS.get(transfer_syntax_uid)
    if decoder is not None:
        return decoder
    kind = _NOT_PICTURES.get(transfer_syntax_uid, "cannot be decoded")
    raise PixelError(f"transfer syntax {transfer_syntax_uid} {kind}")


def is_compressed(transfer_syntax_uid: str) -> bool:
    """Whether pixel data of this transfer syntax has to be encapsulated."""
    return transfer_syntax_uid in _DECODERS or transfer_syntax_uid in _NOT_PICTURES


def _decode_jpeg(data: bytes, description: PixelDescription) -> Cells:
    """JPEG, every process of ISO 10918-1 with Huffman coding: baseline, extended, progressive, lossless."""
    stream = read_jpeg(data)
    _check(stream, data, description)
    space = "YCBCR" if stream.samples == 3 else None  # the same on both sides: samples as encoded, not converted
    out = _cleared(stream)
    _run(imagecodecs.jpeg8_decode, data, colorspace=space, outcolorspace=space, out=out)
    return Cells(out, stream.precision, _jpeg_colour(stream, description))


def _jpeg_colour(stream: Codestream, description: PixelDescription) -> str:
    """Colour space of the upsampled components: the codestream's word, else DICOM's."""
    if stream.samples != 3:
        return description.photometric_interpretation
    if stream.colour:
        return stream.colour
    declared = description.photometric_interpretation
    return "YBR_FULL" if declared.startswith("YBR") else declared


def _decode_jpeg_ls(data: bytes, description: PixelDescription) -> Cells:
    stream = read_jpeg(data)
    _check(stream, data, description)
    out = _cleared(stream)
    if stream.is_planar:
        planes = np.ascontiguousarray(out.transpose(2, 0, 1))
        _run(imagecodecs.jpegls_decode, data, out=planes)
        out = np.ascontiguousarray(planes.transpose(1, 2, 0))
    else:
        _run(imagecodecs.jpegls_decode, data, out=out)
    return Cells(out, stream.precision, description.photometric_interpretation)


def _decode_jpeg2000(data: bytes, description: PixelDescription) -> Cells:
    """JPEG 2000, its high-throughput form included, by OpenJPEG.

    OpenJPH takes half the time for the latter, but through imagecodecs 2026.3.6 it returns corrupt pictures without an
    error, and wraps lossy samples round instead of clamping them.
    """
    stream = read_jpeg2000(data)
    _check(stream, data, description)
    out = _cleared(stream)
    _run(imagecodecs.jpeg2k_decode, data, out=out, numthreads=1)
    return Cells(out, stream.precision, stream.colour or _untransformed(description))


def _untransformed(description: PixelDescription) -> str:
    """YBR_RCT and YBR_ICT name a transform; where none was applied, the samples are RGB (PS3.5 8.2.4)."""
    declared = description.photometric_interpretation
    return "RGB" if declared in ("YBR_RCT", "YBR_ICT") else declared


def _decode_jpeg_xl(data: bytes, description: PixelDescription) -> Cells:
    """JPEG XL, which carries its colour space and always decodes to grey or RGB."""
    precision = 8 if description.bits_allocated <= 8 else 16
    out = np.zeros(description.shape, np.uint8 if precision == 8 else np.uint16)
    _run(imagecodecs.jpegxl_decode, data, out=out, numthreads=1)
    colour = "RGB" if description.samples_per_pixel == 3 else description.photometric_interpretation
    return Cells(out, precision, colour)


def _decode_rle(data: bytes, description: PixelDescription) -> Cells:
    return Cells(decode_rle(data, description), description.bits_allocated, _full(description))


def _decode_deflated(data: bytes, description: PixelDescription) -> Cells:
    """Deflated Image Frame Compression: each frame is native bytes, deflated (PS3.5 A.4)."""
    native = inflate(data, (description.native_bits + 7) // 8 + 1)
    return Cells(native_cells(native, 0, description, True), description.bits_allocated, _full(description))


def _full(description: PixelDescription) -> str:
    """The name after chroma was brought to full resolution."""
    declared = description.photometric_interpretation
    return "YBR_FULL" if declared == "YBR_FULL_422" else declared


def _check(stream: Codestream, data: bytes, description: PixelDescription) -> None:
    """Refuse a codestream that is not the picture that the data set describes, before memory is taken for it."""
    encoded = (stream.rows, stream.columns, stream.samples)
    described = (description.rows, description.columns, description.samples_per_pixel)
    if encoded != described:
        sizes = [" x ".join(map(str, size)) for size in (encoded, described)]
        raise PixelError(f"the compressed picture is {sizes[0]}, but the header says {sizes[1]}")
    if not looks_whole(data):
        raise PixelError("the compressed picture is truncated: its end marker is missing")


def _cleared(stream: Codestream) -> NDArray[Any]:
    shape = (stream.rows, stream.columns) if stream.samples == 1 else (stream.rows, stream.columns, stream.samples)
    size = 1 if stream.precision <= 8 else 2 if stream.precision <= 16 else 4
    return np.zeros(shape, np.dtype(f"{'i' if stream.is_signed else 'u'}{size}"))


def _run(decode: Callable[..., Any], data: bytes, **options: Any) -> None:
    try:
        decode(data, **options)
    except Exception as error:
        # Each codec has its own error classes and some raise plain RuntimeError or ValueError: all mean "corrupt".
        raise PixelError(f"the compressed picture is corrupt: {error}") from error


_DECODERS: dict[str, Decoder] = {
    **{_PREFIX + f"4.{number}": _decode_jpeg for number in (50, 51, 52, 53, 54, 55, 56, 57, 58, 70)},
    **{_PREFIX + f"4.{number}": _decode_jpeg_ls for number in (80, 81)},
    **{_PREFIX + f"4.{number}": _decode_jpeg2000 for number in (90, 91, 92, 93, 201, 202, 203)},
    **{_PREFIX + f"4.{number}": _decode_jpeg_xl for number in (110, 111, 112)},
    _PREFIX + "5": _decode_rle,
    _PREFIX + "8.1": _decode_deflated,
}

_NOT_PICTURES = {
    **{_PREFIX + f"4.{number}": "is video, which is played and not decoded by frame" for number in range(100, 109)},
    **{_PREFIX + f"4.{number}": "keeps its pixel data at another address (JPIP)" for number in (94, 95, 204, 205)},
}
