"""Read a header up to the pixel data, and find where the pixel data element begins.

Facts this rests on:
- Pixel data is (7FE0,0010), (7FE0,0008) Float or (7FE0,0009) Double Float; everything needed to decode comes before it,
  Extended Offset Table (7FE0,0001) included, since elements are in ascending order (PS3.5 7.1).
- A Deflated Explicit VR data set is one zlib stream without header after the file meta (PS3.5 A.5).
- Length FFFFFFFF means encapsulated fragments (PS3.5 A.4).
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.errors import PixelError
from storage.pixels.description import DOUBLE, FLOAT, INTEGER
from storage.pixels.limits import DecodeLimits
from storage.pixels.source import FileSource, MemorySource, Source

UNDEFINED_LENGTH = 0xFFFFFFFF

_ELEMENTS = {0x7FE00010: INTEGER, 0x7FE00008: FLOAT, 0x7FE00009: DOUBLE}
_LONG_FORM = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN", b"UC", b"UR", b"UT", b"SQ"}


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where a pixel data element's value is: byte offset in its source, and length as declared."""

    keyword: str
    vr: str
    offset: int
    length: int

    @property
    def is_encapsulated(self) -> bool:
        """Whether the value is a sequence of fragments of undefined length (PS3.5 A.4)."""
        return self.length == UNDEFINED_LENGTH


@dataclass(frozen=True, slots=True)
class Header:
    """A data set without pixel data, the bytes behind it, and its pixel data element where it has one."""

    ds: Dataset
    transfer_syntax_uid: str
    is_little_endian: bool
    source: Source
    element: PixelElement | None


def read_header(path: Path, limits: DecodeLimits) -> Header:
    """Parse `path` up to its pixel data; `PixelError` where it is not readable as DICOM, `NotFound` where absent."""
    source = FileSource(path)
    try:
        with path.open("rb") as stream:
            if _is_deflated(stream):
                return _read_deflated(stream, source, limits)
            stream.seek(0)
            ds = dcmread(stream, stop_before_pixels=True, force=True)
            return _header(ds, source, stream.tell())
    except PixelError:
        source.close()
        raise
    except Exception as error:
        # A header of unknown origin can fail in pydicom with almost any exception; for the caller they are one thing.
        source.close()
        raise PixelError(f"the header cannot be read: {type(error).__name__}: {error}") from error


def _is_deflated(stream: BinaryIO) -> bool:
    """Whether the file meta announces a deflated data set; leaves `stream` where the data set begins."""
    if stream.read(132)[128:] != b"DICM":
        return False
    meta = read_dataset(stream, False, True, stop_when=_past_file_meta)
    return bool(meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian)


def _past_file_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _read_deflated(stream: BinaryIO, source: Source, limits: DecodeLimits) -> Header:
    inflated = inflate(stream.read(), limits.inflated_bytes)
    source.close()
    buffer = io.BytesIO(inflated)
    ds = read_dataset(buffer, False, True, stop_when=_at_pixel_data)
    ds.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return _header(ds, MemorySource(inflated), buffer.tell())


def inflate(data: bytes, limit: int) -> bytes:
    """Undo raw deflate (RFC 1951), giving at most `limit` bytes; `PixelError` past it or where corrupt."""
    try:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = inflater.decompress(data, limit)
    except zlib.error as error:
        raise PixelError(f"deflated data is corrupt: {error}") from error
    if not inflater.eof:
        reason = f"more than {limit} bytes when inflated" if len(inflated) >= limit else "truncated"
        raise PixelError(f"deflated data is {reason}")
    return inflated


def _at_pixel_data(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag in _ELEMENTS


def _header(ds: Dataset, source: Source, position: int) -> Header:
    implicit, little = ds.original_encoding
    implicit, little = bool(implicit), little is not False
    element = _pixel_element(source, position, implicit, little)
    return Header(ds, _transfer_syntax(ds, implicit, little), little, source, element)


def _transfer_syntax(ds: Dataset, implicit: bool, little: bool) -> str:
    """As the file meta says; where it does not, the native syntax the data set was found to be in."""
    stated = str(getattr(ds, "file_meta", Dataset()).get("TransferSyntaxUID") or "")
    if stated:
        return stated
    if not little:
        return str(ExplicitVRBigEndian)
    return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)


def _pixel_element(source: Source, position: int, implicit: bool, little: bool) -> PixelElement | None:
    """Decode the element header at `position` (PS3.5 7.1.2, 7.1.3); None at the end or at another element."""
    if source.size < position + 8:
        return None
    order = "<" if little else ">"
    head = source.read(position, min(12, source.size - position))
    group, number = struct.unpack(order + "HH", head[:4])
    keyword = _ELEMENTS.get(group << 16 | number)
    if keyword is None:
        return None
    if implicit or not head[4:6].isalpha():  # some writers put one implicit element into an explicit data set
        vr, start, length = "OW", 8, struct.unpack(order + "L", head[4:8])[0]
    elif head[4:6] in _LONG_FORM:
        if len(head) < 12:
            return None
        vr, start, length = head[4:6].decode("ascii"), 12, struct.unpack(order + "L", head[8:12])[0]
    else:
        vr, start, length = head[4:6].decode("latin-1"), 8, struct.unpack(order + "H", head[6:8])[0]
    return PixelElement(keyword, vr, position + start, length)
