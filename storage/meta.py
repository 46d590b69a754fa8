"""The file meta information that stands before a stored data set (PS3.10 7.1)."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from storage.errors import InvalidObject
from storage.model import Source
from storage.scan import EXPLICIT_LITTLE, LONG_VRS, scan
from storage.window import BytesWindow, FileWindow

IMPLEMENTATION_CLASS_UID = "2.25.219337046154107394208306425180930372609"
IMPLEMENTATION_VERSION_NAME = "FILMLESS_01"
PRIVATE_INFORMATION_CREATOR_UID = f"{IMPLEMENTATION_CLASS_UID}.1"
DIGEST_SIZE = 32
PREAMBLE = 128
MAGIC = b"DICM"
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x00020002, 0x00020003, 0x00020010
_CREATOR, _PRIVATE_INFORMATION = 0x00020100, 0x00020102
_WANTED = frozenset({_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX, _CREATOR, _PRIVATE_INFORMATION})
# A meta group is a few hundred bytes; private information (0002,0102) may add to it, an attack would add more.
_MAX_META = 1 << 20
_USUAL_META = 1 << 12
_MAX_TEXT = 64


def encode(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source: Source) -> bytes:
    """Return preamble, prefix and meta group for a data set; the preamble is zeros, so nothing else hides in it.

    The last 32 bytes are left for the SHA-256 of the data set, in Private Information (0002,0102): a file carries the
    proof of its own content, whatever becomes of the index.
    """
    elements = b"".join(
        [
            _named(sop_class_uid, sop_instance_uid, transfer_syntax_uid),
            _text(0x0016, b"AE", source.aet[:16]) if source.aet else b"",
            _text(0x0100, b"UI", PRIVATE_INFORMATION_CREATOR_UID),
            struct.pack("<HH2s2xI", 0x0002, 0x0102, b"OB", DIGEST_SIZE),
            bytes(DIGEST_SIZE),
        ]
    )
    return _file_head(elements)


def encode_derived(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return preamble, prefix and meta group for a data set that was made from a stored one: it proves nothing."""
    return _file_head(_named(sop_class_uid, sop_instance_uid, transfer_syntax_uid))


def _named(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    return b"".join(
        [
            struct.pack("<HH2s2xI2s", 0x0002, 0x0001, b"OB", 2, b"\x00\x01"),
            _text(0x0002, b"UI", sop_class_uid),
            _text(0x0003, b"UI", sop_instance_uid),
            _text(0x0010, b"UI", transfer_syntax_uid),
            _text(0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
            _text(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
        ]
    )


def _file_head(elements: bytes) -> bytes:
    length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(elements))
    return bytes(PREAMBLE) + MAGIC + length + elements


def _text(element: int, vr: bytes, value: str) -> bytes:
    # What is announced is the sender's: an over-long value is cut here, and refused by its length elsewhere.
    raw = value[:_MAX_TEXT].encode("ascii", "replace")
    raw += (b"\0" if vr == b"UI" else b" ") * (len(raw) % 2)
    return struct.pack("<HH2sH", 0x0002, element, vr, len(raw)) + raw


@dataclass(frozen=True, slots=True)
class Meta:
    """What the meta group of a file says."""

    data_set_offset: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset_sha256: bytes | None
    """As this application recorded it; None in files of others."""


def read(fd: int, size: int) -> Meta:
    """Read the meta group of an open file of `size` bytes.

    Raises:
        InvalidObject: no prefix, or a meta group that cannot be read or names no transfer syntax.
    """
    start = data_set_offset(fd, size)
    return _read(FileWindow(fd, PREAMBLE + len(MAGIC), start), start)


def _read(group: FileWindow, start: int) -> Meta:
    values = scan(group, EXPLICIT_LITTLE, _WANTED).values
    texts = {tag: values.get(tag, b"").decode("ascii", "replace").strip(" \0") for tag in values}
    if not texts.get(_TRANSFER_SYNTAX):
        raise InvalidObject("the file meta information names no transfer syntax")
    ours = texts.get(_CREATOR) == PRIVATE_INFORMATION_CREATOR_UID
    return Meta(
        data_set_offset=start,
        sop_class_uid=texts.get(_SOP_CLASS, ""),
        sop_instance_uid=texts.get(_SOP_INSTANCE, ""),
        transfer_syntax_uid=texts[_TRANSFER_SYNTAX],
        dataset_sha256=values.get(_PRIVATE_INFORMATION) if ours else None,
    )


def of_head(head: bytes) -> Meta:
    """Read the meta group from the first bytes of an object, which hold all of it (see `is_whole`).

    A bare data set, as old devices write, is recognised by its first element.

    Raises:
        InvalidObject: neither a meta group that can be read nor a bare data set.
    """
    if head[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC:
        start = _end_of_group(head)
        if start > len(head):
            raise InvalidObject("truncated: the file meta information is cut off")
        return _read(BytesWindow(head[PREAMBLE + len(MAGIC) : start]), start)
    # Group 0008 comes first in any composite object; bytes 4 and 5 are a VR in explicit encodings.
    if len(head) < 8 or head[:2] != b"\x08\x00" or head[3] != 0:
        raise InvalidObject("not a DICOM file: the prefix 'DICM' is missing")
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    return Meta(0, "", "", str(syntax), None)


def is_whole(head: bytes) -> bool:
    """Tell whether so many first bytes hold the whole meta group, or so many that it is none worth reading."""
    if len(head) < PREAMBLE + len(MAGIC):
        return False
    is_file = head[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC
    return not is_file or _end_of_group(head) + 2 <= len(head) or len(head) >= _MAX_META


def has_prefix(fd: int) -> bool:
    """Tell whether an open file begins as a DICOM file does."""
    return os.pread(fd, len(MAGIC), PREAMBLE) == MAGIC


def data_set_offset(fd: int, size: int) -> int:
    """Return where group 0002 ends: by walking it, since its group length is wrong or missing in real files.

    Raises:
        InvalidObject: the file does not begin as PS3.10 7.1 says.
    """
    head = os.pread(fd, min(size, _USUAL_META), 0)
    if head[PREAMBLE : PREAMBLE + 4] != MAGIC:
        raise InvalidObject("not a DICOM file: the prefix 'DICM' is missing")
    at = _end_of_group(head)
    if at + 2 > len(head) < size:
        head = os.pread(fd, min(size, _MAX_META), 0)
        at = _end_of_group(head)
    if at > len(head):
        raise InvalidObject("truncated: the file meta information is cut off")
    return at


def _end_of_group(head: bytes) -> int:
    """Return where group 0002 ends; past the end of `head` where that is beyond it."""
    at = PREAMBLE + len(MAGIC)
    while head[at : at + 2] == b"\x02\x00":
        vr = head[at + 4 : at + 6]
        form, skip = ("<I", 8) if vr in LONG_VRS else ("<H", 6)
        value = at + skip + struct.calcsize(form)
        if value > len(head):
            return value
        at = value + int(struct.unpack_from(form, head, at + skip)[0])
    return at
