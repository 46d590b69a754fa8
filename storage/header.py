"""From the bytes of a received object to what is checked and indexed about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    MPEGTransferSyntaxes,
)

from storage import scan, text
from storage.attributes import ATTRIBUTES, Attribute, Matching
from storage.errors import InvalidObject
from storage.uid import checked
from storage.window import DeflatedWindow, FileWindow, Window

_SPECIFIC_CHARACTER_SET = 0x00080005
_SAMPLES_PER_PIXEL = 0x00280002
_PHOTOMETRIC_INTERPRETATION = 0x00280004
_PIXEL_DATA_PROVIDER_URL = 0x00287FE0
_SHORTS = frozenset({"US", "SS"})
_WANTED = frozenset(
    {a.tag for a in ATTRIBUTES}
    | {_SPECIFIC_CHARACTER_SET, _SAMPLES_PER_PIXEL, _PHOTOMETRIC_INTERPRETATION, _PIXEL_DATA_PROVIDER_URL}
)
_MANDATORY = ("SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID")
MAX_INFLATED = 8 << 30
_REMEMBERED_BYTES = 256
# PS3.5 A.5, A.6, A.7 and their HTJ2K twin: the whole data set is one deflated stream.
DEFLATED = frozenset({str(DeflatedExplicitVRLittleEndian), "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})

Value = str | int | None


@dataclass(frozen=True, slots=True)
class Header:
    """The indexed values of one object by column, and where its pixels are."""

    values: Mapping[str, Value]
    pixels: scan.Pixels | None

    def text(self, column: str) -> str:
        """Return a text value; empty when the object has none."""
        value = self.values[column]
        return "" if value is None else str(value)

    def number(self, column: str) -> int | None:
        """Return a number; None when the object has none."""
        value = self.values[column]
        return value if isinstance(value, int) else None


def read_header(fd: int, start: int, end: int, transfer_syntax_uid: str) -> Header:
    """Walk the data set at `start` to `end` of an open file once, and check that it is whole.

    Raises:
        InvalidObject: truncated, malformed, without its UIDs, or with less pixel data than its size asks for.
        UnsafeUID: a UID that may not form a path.
    """
    if start == end:
        raise InvalidObject("the data set is empty")
    window = _window(fd, start, end, transfer_syntax_uid)
    found = scan.scan(window, encoding_of(transfer_syntax_uid), _WANTED)
    header = Header(MappingProxyType(_values(found, transfer_syntax_uid)), found.pixels)
    _check_uids(header)
    _check_pixels(header, found, transfer_syntax_uid)
    return header


def encoding_of(transfer_syntax_uid: str) -> scan.Encoding:
    """Return how elements are laid out; all but three transfer syntaxes are explicit little endian (PS3.5 A.4)."""
    if transfer_syntax_uid == ImplicitVRLittleEndian:
        return scan.IMPLICIT_LITTLE
    if transfer_syntax_uid == ExplicitVRBigEndian:
        return scan.EXPLICIT_BIG
    return scan.EXPLICIT_LITTLE


def _window(fd: int, start: int, end: int, transfer_syntax_uid: str) -> Window:
    if transfer_syntax_uid in DEFLATED:
        return DeflatedWindow(fd, start, end, MAX_INFLATED)
    return FileWindow(fd, start, end)


def _values(found: scan.Scan, transfer_syntax_uid: str) -> dict[str, Value]:
    codecs = text.encodings(found.values.get(_SPECIFIC_CHARACTER_SET, b""))
    order = "little" if encoding_of(transfer_syntax_uid).little_endian else "big"
    values = dict(_ABSENT)
    for tag, raw in found.values.items():
        if (known := _BY_TAG.get(tag)) is not None:
            column, kind = known
            read = _remembered_value if len(raw) <= _REMEMBERED_BYTES else _value
            values[column] = read(kind, raw, codecs, order)
    return values


class _Kind(Enum):
    """How the raw value of an indexed element is read."""

    TEXT = 0
    PERSON_NAME = 1
    SHORT = 2
    INTEGER = 3


def _kind(a: Attribute) -> _Kind:
    if a.vr in _SHORTS:
        return _Kind.SHORT
    if a.matching is Matching.NUMBER:
        return _Kind.INTEGER
    return _Kind.PERSON_NAME if a.vr == "PN" else _Kind.TEXT


def _value(kind: _Kind, raw: bytes, codecs: tuple[str, ...], order: str) -> Value:
    if kind is _Kind.SHORT:
        return _short(raw, order)
    if kind is _Kind.INTEGER:
        return text.integer(raw)
    return text.decode(raw, codecs, person_name=kind is _Kind.PERSON_NAME)


# The objects of a series share most of their values.
_remembered_value = lru_cache(maxsize=4096)(_value)


def _short(raw: bytes | None, order: str) -> int | None:
    return int.from_bytes(raw[:2], "little" if order == "little" else "big") if raw and len(raw) >= 2 else None


def _check_uids(header: Header) -> None:
    for keyword in _MANDATORY:
        value = header.text(_COLUMN[keyword])
        if not value:
            raise InvalidObject(f"{keyword} is missing or empty")
        checked(keyword, value)


def _check_pixels(header: Header, found: scan.Scan, transfer_syntax_uid: str) -> None:
    pixels = found.pixels
    if pixels is None:
        _check_needs_none(header, found)
        return
    frames = header.number("number_of_frames") or 1
    if pixels.length is not None:
        _check_native(header, found, frames, pixels.length, transfer_syntax_uid)
    elif pixels.fragments < frames and UID(transfer_syntax_uid) not in MPEGTransferSyntaxes:
        # PS3.5 A.4: a fragment never holds more than one frame, except in the video syntaxes.
        raise InvalidObject(f"truncated: {pixels.fragments} fragments of pixel data for {frames} frames")


def _check_needs_none(header: Header, found: scan.Scan) -> None:
    """An image that was cut off between two elements lacks nothing but its end, so its end is asked for."""
    has_size = all(header.number(c) for c in ("rows", "columns", "bits_allocated"))
    # Every class of that name mandates pixels, in the object or at the address of a provider (PS3.3 A.1.4, C.7.6.3).
    is_image = has_size or "Image Storage" in UID(header.text("sop_class_uid")).name
    if is_image and not found.values.get(_PIXEL_DATA_PROVIDER_URL):
        raise InvalidObject("truncated: an image without pixel data")


def _check_native(header: Header, found: scan.Scan, frames: int, length: int, transfer_syntax_uid: str) -> None:
    rows, columns, bits = (header.number(c) or 0 for c in ("rows", "columns", "bits_allocated"))
    order = "little" if encoding_of(transfer_syntax_uid).little_endian else "big"
    samples = _short(found.values.get(_SAMPLES_PER_PIXEL), order) or 1
    photometric = found.values.get(_PHOTOMETRIC_INTERPRETATION, b"").strip(b" \0")
    per_frame = rows * columns * samples * bits
    if photometric in (b"YBR_FULL_422", b"YBR_PARTIAL_422"):
        per_frame = per_frame * 2 // 3  # PS3.3 C.7.6.3.1.2: two chrominance samples for every two pixels
    # PS3.5 8.1.1: frames follow each other without padding, so only the end is rounded up to a byte.
    expected = (per_frame * frames + 7) // 8
    if length < expected:
        raise InvalidObject(
            f"truncated: {length} bytes of pixel data where {frames} x {rows} x {columns} x {samples} samples "
            f"of {bits} bits need {expected}"
        )


_BY_TAG = {a.tag: (a.column, _kind(a)) for a in ATTRIBUTES}
_ABSENT: dict[str, Value] = {a.column: None if a.matching is Matching.NUMBER else "" for a in ATTRIBUTES}
_COLUMN = {a.keyword: a.column for a in ATTRIBUTES}
