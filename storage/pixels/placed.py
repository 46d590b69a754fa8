"""Where the frames of a stored instance are, from what the index knows, without parsing its header where possible.

Facts this rests on (PS3.5 7.1.2, 7.1.3, A.4):
- The four bytes before the value of a pixel data element are its length, in implicit form and in the long explicit one.
- Frames of one sample for each pixel need Rows x Columns x Bits Allocated. A longer value means several samples, or a
  header that does not fit: then the header is read.
- Fragments are found from the pixel data alone; only an Extended Offset Table would need the header.
"""

from __future__ import annotations

import struct
from contextlib import closing

from pydicom.dataset import Dataset

from storage.errors import NotFound, PixelError
from storage.model import Instance
from storage.pixels.description import INTEGER
from storage.pixels.frame_index import FrameIndex, Span, encapsulated_index
from storage.pixels.header import UNDEFINED_LENGTH, PixelElement
from storage.pixels.reader import open_object
from storage.pixels.source import FileSource

_NATIVE_LITTLE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")
_NOT_IN_PLACE = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2")
_TAGS = frozenset({b"\xe0\x7f\x10\x00", b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00"})
_HEAD = 12


def frames_of(instance: Instance) -> FrameIndex:
    """Return where each frame's bytes are, in the instance's file; of a deflated object, in what it inflates to.

    Raises:
        NotFound: there are no pixels in this object, or its file is gone.
        PixelError: the frames cannot be found.
    """
    if not instance.has_pixels:
        raise NotFound(f"there are no frames in {instance.sop_instance_uid}")
    if instance.transfer_syntax_uid not in _NOT_IN_PLACE:
        with closing(FileSource(instance.path)) as source:
            found = _native(instance, source) or _encapsulated(instance, source)
        if found is not None:
            return found
    with open_object(instance.path) as obj:
        return obj.frame_index


def stream_of(instance: Instance) -> tuple[Span, ...]:
    """Return where the bytes of a video are: all fragments in order are one stream (PS3.5 8.2.5 to 8.2.8).

    Raises:
        NotFound: there are no pixels in this object, or its file is gone.
        PixelError: they are not encapsulated.
    """
    if instance.pixel_data_offset is None:
        raise NotFound(f"there is no video in {instance.sop_instance_uid}")
    element = PixelElement(INTEGER, "OB", instance.pixel_data_offset, UNDEFINED_LENGTH)
    with closing(FileSource(instance.path)) as source:
        return encapsulated_index(source, element, Dataset(), 1, instance.transfer_syntax_uid).spans(0)


def _native(instance: Instance, source: FileSource) -> FrameIndex | None:
    bits = (instance.rows or 0) * (instance.columns or 0) * (instance.bits_allocated or 0)
    if instance.transfer_syntax_uid not in _NATIVE_LITTLE or not bits or bits % 8:
        return None
    assert instance.pixel_data_offset is not None
    head = source.read(instance.pixel_data_offset - _HEAD, _HEAD)
    length = struct.unpack("<I", head[8:])[0]
    is_element = head[:4] in _TAGS or head[4:8] in _TAGS
    frames = max(instance.number_of_frames or 1, 1)
    needed = frames * bits // 8
    # One padding byte, or what little some writers leave behind; never as much as a frame more.
    fits = is_element and needed <= length < needed + max(2, bits // 8)
    if not fits or instance.pixel_data_offset + needed > source.size:
        return None
    return FrameIndex(frames, instance.pixel_data_offset, bits)


def _encapsulated(instance: Instance, source: FileSource) -> FrameIndex | None:
    if instance.transfer_syntax_uid in _NATIVE_LITTLE:
        return None
    assert instance.pixel_data_offset is not None
    element = PixelElement(INTEGER, "OB", instance.pixel_data_offset, UNDEFINED_LENGTH)
    frames = max(instance.number_of_frames or 1, 1)
    try:
        return encapsulated_index(source, element, Dataset(), frames, instance.transfer_syntax_uid)
    except PixelError:
        # An Extended Offset Table may still tell.
        return None
