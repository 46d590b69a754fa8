"""The Icon Image Sequence of a compressed object, whose pixels may be compressed as those of the object are.

PS3.5 A.4: in an encapsulated transfer syntax, pixel data inside a sequence is encapsulated or native, as the writer
likes. In any other syntax than the object's own a compressed icon would be read wrongly; so it is made native, which is
right everywhere. An icon is a copy in small (PS3.3 C.7.6.1.1.6): one that cannot be decoded is left out, and logged,
rather than that the object cannot be sent.
"""

from __future__ import annotations

import logging
import struct
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence_item

from storage.errors import PixelError
from storage.pixels import DecodeLimits, PixelObject
from storage.pixels.header import UNDEFINED_LENGTH, Header, PixelElement
from storage.pixels.source import MemorySource
from storage.transcode.frames import whole_cells
from storage.transcode.syntaxes import Encoding

ICONS = 0x00880200
_SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_OFFSET_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_log = logging.getLogger("filmless.transcode")


def has_compressed_icon(ds: Dataset) -> bool:
    """Tell whether a header has an icon with encapsulated pixel data."""
    return any(_is_compressed(item) for item in ds.get("IconImageSequence") or ())


def _is_compressed(item: Dataset) -> bool:
    return "PixelData" in item and bool(item["PixelData"].is_undefined_length)


def native_icons(obj: PixelObject, to: Encoding) -> bytes:
    """Return the value of the Icon Image Sequence with native pixels, encoded as `to`; empty when no icon is left."""
    kept = [icon for item in obj.ds.IconImageSequence if (icon := _native(item, obj)) is not None]
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = to.is_implicit, to.is_little
    for icon in kept:
        write_sequence_item(buffer, icon, ["utf-8"])
    return bytes(buffer.getvalue())


def _native(item: Dataset, obj: PixelObject) -> Dataset | None:
    if not _is_compressed(item):
        return item
    encapsulated = bytes(item.PixelData) + _SEQUENCE_END
    element = PixelElement("PixelData", "OB", 0, UNDEFINED_LENGTH)
    header = Header(item, obj.transfer_syntax_uid, True, MemorySource(encapsulated), element)
    try:
        icon = PixelObject(Path(f"icon of {obj.path.name}"), header, DecodeLimits(), None)
        cells = icon.cells(0)
        native = whole_cells(cells, icon)
    except PixelError as e:
        _log.warning("an icon is left out: %s", e)
        return None
    copy = Dataset()
    copy.update({e.tag: e for e in item if e.keyword not in ("PixelData", *_OFFSET_TABLES)})
    copy.PhotometricInterpretation = cells.photometric_interpretation
    if icon.description.samples_per_pixel > 1:
        copy.PlanarConfiguration = 0
    data = native.astype(native.dtype.newbyteorder("<"), copy=False).tobytes()
    copy.add_new("PixelData", "OB" if native.dtype.itemsize == 1 else "OW", data + bytes(len(data) % 2))
    return copy
