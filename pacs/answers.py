"""Answers of C-FIND from the index as bytes, without a data set in between.

A query may have ten thousand answers, all with the same keys. What is the same in all of them is encoded once; each
answer then costs little more than its values. Where objects were read, or the transfer syntax is a rare one, answers go
the long way over `identifier.answer`, which says the same (a test compares the two).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.charset import python_encoding
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs import data_sets, identifier
from pacs.identifier import Request
from storage.answers import Answer, Value

_EXPLICIT = struct.Struct("<HH2sH")
_IMPLICIT = struct.Struct("<HHI")
_TEXTS = frozenset({"LO", "SH", "PN", "LT", "ST"})

_SYNTAXES = frozenset({str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)})
_CHARACTER_SET, _LEVEL, _RETRIEVE_AET, _AVAILABILITY = 0x00080005, 0x00080052, 0x00080054, 0x00080056
_LONGEST = 0xFFFE


@dataclass(frozen=True, slots=True)
class _Element:
    """One element of every answer: of a keyword's value, or with the same value in all."""

    tag: int
    vr: str
    keyword: str
    constant: str = ""


class Encoder:
    """Encodes the answers to one request."""

    def __init__(self, request: Request, retrieve_aet: str, transfer_syntax_uid: str) -> None:
        self._request = request
        self._retrieve_aet = retrieve_aet
        self._syntax = transfer_syntax_uid
        self._is_implicit = transfer_syntax_uid == ImplicitVRLittleEndian
        elements = [_Element(tag, vr, keyword_for_tag(tag)) for tag, vr in request.keys]
        elements += [
            _Element(_LEVEL, "CS", "", request.level_name),
            _Element(_RETRIEVE_AET, "AE", "", retrieve_aet),
            _Element(_AVAILABILITY, "CS", "", "ONLINE"),
        ]
        self._elements = tuple(sorted(elements, key=lambda e: e.tag))
        self._is_plain = (
            transfer_syntax_uid in _SYNTAXES
            and not request.from_object
            and self._elements[0].tag > _CHARACTER_SET
            and all(e.vr in _TEXTS or e.vr in identifier.ASCII_ONLY or e.vr == "US" for e in self._elements)
        )

    def encode(self, found: Answer, from_object: Dataset) -> bytes:
        """Return the data set of one answer."""
        return (self._short(found.values) if self._is_plain else None) or self._long(found, from_object)

    def _long(self, found: Answer, from_object: Dataset) -> bytes:
        ds = identifier.answer(self._request, found, from_object, self._retrieve_aet)
        return data_sets.encode(ds, self._syntax)

    def _short(self, values: Mapping[str, Value]) -> bytes | None:
        """Encode by hand; None for a value that is too long for a short length field."""
        parts = [_raw(e, values) for e in self._elements]
        texts = [part for part in parts if isinstance(part, str)]
        character_set = identifier.character_set(self._request.character_set, texts)
        codec = python_encoding[character_set] if character_set else "ascii"
        encoded = [self._encoded(_CHARACTER_SET, "CS", character_set.encode())] if character_set else []
        for e, part in zip(self._elements, parts, strict=True):
            raw = part if isinstance(part, bytes) else part.encode(codec if e.vr in _TEXTS else "ascii", "replace")
            if len(raw) > _LONGEST:
                return None
            encoded.append(self._encoded(e.tag, e.vr, raw))
        return b"".join(encoded)

    def _encoded(self, tag: int, vr: str, raw: bytes) -> bytes:
        if len(raw) % 2:
            raw += b"\0" if vr == "UI" else b" "
        if self._is_implicit:
            return _IMPLICIT.pack(tag >> 16, tag & 0xFFFF, len(raw)) + raw
        return _EXPLICIT.pack(tag >> 16, tag & 0xFFFF, vr.encode(), len(raw)) + raw


def _raw(e: _Element, values: Mapping[str, Value]) -> str | bytes:
    value = values.get(e.keyword) if e.keyword else e.constant
    if value is None:
        return ""
    if e.vr == "US":
        return struct.pack("<H", value) if isinstance(value, int) and 0 <= value <= 0xFFFF else ""
    text = str(value)
    # PS3.5 6.2.1.2: no delimiters after the last component group.
    return "\\".join(name.rstrip("=") for name in text.split("\\")) if e.vr == "PN" and "=" in text else text
