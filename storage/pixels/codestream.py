"""What a compressed picture says about itself, read from its own header.

Needed because a data set and its codestream may disagree: sizes are compared before anything is allocated, and colour
space, sign and precision are taken from where they were really encoded.

- JPEG and JPEG-LS (ISO 10918-1 B.2, ISO 14495-1 C.2): marker segments; SOFn or SOF55 holds precision and size. Whether
  a transform to YCbCr was applied is said by Adobe APP14, implied by JFIF APP0, and else left to DICOM (PS3.5 8.2.1).
- JPEG 2000 and HTJ2K (ISO 15444-1 A.5.1, A.6.1): SIZ holds size, precision and sign; COD whether a multiple component
  transform was applied, which every decoder undoes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from storage.errors import PixelError

_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_JPEG_LS = 0xF7
_SOF = {*range(0xC0, 0xD0), _JPEG_LS} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA


@dataclass(frozen=True, slots=True)
class Codestream:
    """Size, samples and precision as encoded.

    `colour` is 'RGB', 'YBR_FULL' or '' where the codestream is silent; `process` the JPEG SOF marker; `is_planar`
    whether a JPEG-LS picture has one scan for each component (ILV 0).
    """

    rows: int
    columns: int
    samples: int
    precision: int
    is_signed: bool = False
    colour: str = ""
    process: int = 0
    is_planar: bool = False


def read_jpeg(data: bytes) -> Codestream:
    """Header of a JPEG or JPEG-LS picture; `process` is the SOF marker (0xC0 baseline, 0xC3 lossless, 0xF7 LS)."""
    adobe, jfif, position = -1, False, 2
    if data[:2] != b"\xff\xd8":
        raise PixelError("JPEG data does not begin with a start-of-image marker")
    while position + 4 <= len(data):
        marker = data[position + 1]
        if data[position] != 0xFF or marker == _START_OF_SCAN:
            break
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4])
        body = data[position + 4 : position + 2 + length]
        if marker in _SOF:
            stream = _frame_header(marker, body, adobe, jfif)
            return replace(stream, is_planar=_one_component_scan(data, position + 2 + length, stream))
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        jfif = jfif or (marker == 0xE0 and body[:5] == b"JFIF\0")
        position += 2 + length
    raise PixelError("JPEG data has no frame header")


def _frame_header(process: int, body: bytes, adobe: int, jfif: bool) -> Codestream:
    if len(body) < 6 or len(body) < 6 + 3 * body[5]:
        raise PixelError("JPEG frame header is truncated")
    precision, rows, columns, samples = struct.unpack(">BHHB", body[:6])
    identifiers = body[6 : 6 + 3 * samples : 3]
    colour = ""
    if samples == 3 and process != _JPEG_LS:
        if adobe in (0, 1):
            colour = "YBR_FULL" if adobe else "RGB"
        elif identifiers == b"RGB":
            colour = "RGB"
        elif jfif and process != 0xC3:
            colour = "YBR_FULL"
    return Codestream(rows, columns, samples, precision, colour=colour, process=process)


def _one_component_scan(data: bytes, position: int, stream: Codestream) -> bool:
    """Whether the first scan of a JPEG-LS picture of several components holds one of them (ISO 14495-1 C.2.3)."""
    scan = data.find(b"\xff\xda", position)
    return stream.process == _JPEG_LS and stream.samples > 1 and scan >= 0 and data[scan + 4 : scan + 5] == b"\x01"


def read_jpeg2000(data: bytes) -> Codestream:
    """Header of a JPEG 2000 or HTJ2K codestream, bare or in JP2; `colour` is 'RGB' where a transform is undone."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(data) < start + 44:
        raise PixelError("JPEG 2000 data has no codestream header")
    siz = data[start + 4 :]
    x1, y1, x0, y0 = struct.unpack(">4L", siz[4:20])
    samples, depth = struct.unpack(">HB", siz[36:39])
    position = start + 4 + int.from_bytes(siz[:2])
    colour = "RGB" if samples == 3 and _component_transform(data, position) else ""
    return Codestream(y1 - y0, x1 - x0, samples, (depth & 0x7F) + 1, bool(depth & 0x80), colour)


def _component_transform(data: bytes, position: int) -> bool:
    """The multiple component transformation byte of COD, in the main header from `position`."""
    while position + 9 <= len(data) and data[position] == 0xFF and data[position + 1] not in (0x90, 0xD9):
        if data[position + 1] == 0x52:
            return data[position + 8] == 1
        position += 2 + int.from_bytes(data[position + 2 : position + 4])
    return False


def looks_whole(data: bytes) -> bool:
    """Whether the end marker (JPEG EOI, JPEG 2000 EOC) is there; without it decoders invent the missing part."""
    return data.rfind(b"\xff\xd9", max(0, len(data) - 4096)) >= 0
