"""What stands before and after the pixels of a stored object, read or mapped, never the pixels.

Facts this rests on:
- The index knows where the value of the pixel data element begins; its header stands right before it, 12 bytes with a
  VR and 8 without (PS3.5 7.1.2, 7.1.3).
- Elements after the pixels are rare (digital signatures, padding), but belong to the object (PS3.3 C.12.1.1.3).
- A deflated data set is one stream and has to be inflated whole (PS3.5 A.5); how much is bounded.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from dataclasses import dataclass

from storage.errors import InvalidObject, NotFound
from storage.header import DEFLATED, encoding_of
from storage.model import Instance
from storage.scan import Encoding
from viewer.dicomweb.elements import ITEM, SEQUENCE_END, UNDEFINED, Block, Element, element_at

READ_BYTES = 1 << 20
"""A head up to here is read; a larger one is mapped, so that values in it cost no memory unless they are looked at."""
INFLATED_MAX = 1 << 29
TAIL_MAX = 1 << 26


@dataclass(frozen=True, slots=True)
class Head:
    """The elements of an object but its top-level pixel data."""

    block: Block
    start: int
    """Where the elements begin in `block`."""
    encoding: Encoding
    pixels: Element | None = None
    """The pixel data element, its offset that in the file; None where there is none, or it is in `block`."""
    tail: bytes = b""
    """The elements after the pixels."""


def read_head(instance: Instance) -> Head:
    """Read the head of an object.

    Raises:
        NotFound: its file is gone.
        InvalidObject: it breaks off.
    """
    try:
        descriptor = os.open(instance.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"the file of {instance.sop_instance_uid} is gone") from None
    try:
        return _read(descriptor, instance)
    except struct.error as error:
        raise InvalidObject(f"{instance.path.name} breaks off: {error}") from None
    finally:
        os.close(descriptor)


def _read(descriptor: int, instance: Instance) -> Head:
    block: Block
    encoding = encoding_of(instance.transfer_syntax_uid)
    if instance.transfer_syntax_uid in DEFLATED:
        return Head(_inflated(descriptor, instance), 0, encoding)
    if instance.pixel_data_offset is None:
        return Head(*_bytes(descriptor, instance.dataset_offset, instance.size), encoding)
    size = 12 if encoding.explicit else 8
    end = instance.pixel_data_offset
    if end - instance.dataset_offset <= READ_BYTES:
        raw = os.pread(descriptor, end - instance.dataset_offset, instance.dataset_offset)
        block, start, last = raw[:-size], 0, raw[-size:]
    else:
        block, start = _bytes(descriptor, instance.dataset_offset, end - size)
        last = os.pread(descriptor, size, end - size)
    element = element_at(last, 0, encoding)
    pixels = Element(element.tag, element.vr or "OW", instance.pixel_data_offset, element.length)
    return Head(block, start, encoding, pixels, _tail(descriptor, instance, pixels, encoding))


def _bytes(descriptor: int, start: int, end: int) -> tuple[Block, int]:
    if end - start <= READ_BYTES:
        return os.pread(descriptor, end - start, start), 0
    # Objects are never changed in place, so what is mapped stays as it is.
    return mmap.mmap(descriptor, end, prot=mmap.PROT_READ), start


def _inflated(descriptor: int, instance: Instance) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    raw = os.pread(descriptor, instance.size - instance.dataset_offset, instance.dataset_offset)
    try:
        block = inflate.decompress(raw, INFLATED_MAX)
    except zlib.error as error:
        raise InvalidObject(f"{instance.path.name} cannot be inflated: {error}") from None
    if not inflate.eof:
        raise InvalidObject(f"{instance.path.name} inflates to more than {INFLATED_MAX} bytes, or breaks off")
    return block


def _tail(descriptor: int, instance: Instance, pixels: Element, encoding: Encoding) -> bytes:
    if pixels.length == UNDEFINED:
        end = _end_of_fragments(descriptor, instance, encoding)
    else:
        end = pixels.value + pixels.length
    return os.pread(descriptor, min(instance.size - end, TAIL_MAX), end) if end < instance.size else b""


def _end_of_fragments(descriptor: int, instance: Instance, encoding: Encoding) -> int:
    last = element_at(os.pread(descriptor, 8, instance.size - 8), 0, encoding)
    if last.tag == SEQUENCE_END and last.length == 0:
        return instance.size
    at = instance.pixel_data_offset or 0
    while True:
        item = element_at(os.pread(descriptor, 8, at), 0, encoding)
        at += 8
        if item.tag != ITEM:
            return at
        at += item.length
