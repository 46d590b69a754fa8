"""Encoded data sets to the DICOM JSON Model (PS3.18 F.2), without a data set object in between. Pure.

Facts this rests on:
- The objects of a series have most elements in common, byte for byte. So the JSON of an element is kept by its bytes,
  and nearly all of an object is put together from what is known: about half a microsecond for an element.
- What an element's bytes mean depends on the character set, on Pixel Representation (for US or SS without a VR) and,
  for private ones without a VR, on the private creator. What is known is kept apart by these.
- F.2.2: attributes are in ascending order and group lengths are left out. PS3.5 7.1 asks for the order as well, so
  sorting finds nothing to do but in broken files.
- F.2: the text is UTF-8, and Specific Character Set says so.
- Pixel data, and binary values over a threshold, are left out: their place is said as an address (`BulkDataURI`), made
  of tags and item numbers from 1, as in `00880200/1/7FE00010`.

What is stored has been walked once when it came (`storage.scan`), so lengths and depth are known to be sound; a file
that was damaged since gives `InvalidObject`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storage import text
from storage.errors import InvalidObject
from storage.scan import IMPLICIT_LITTLE, LONG_VRS, Encoding
from viewer.dicomweb.elements import (
    ITEM,
    ITEM_END,
    MAX_DEPTH,
    PIXELS,
    SEQUENCE_END,
    UNDEFINED,
    Block,
    Element,
    element_at,
    end_of,
    looked_up_vr,
)
from viewer.dicomweb.json_values import BINARY, members

BULK_BYTES = 1024
"""Binary values longer than this are given as an address."""
LARGE_BYTES = 1 << 20
"""Values of other VRs longer than this are, too."""
KNOWN_MAX = 20_000
"""So many different elements are remembered before all are forgotten."""
_REUSED_BYTES = 1 << 14
_CHARACTER_SET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103
_LONG_VRS = frozenset(int.from_bytes(vr, "little") for vr in LONG_VRS)
# VRs without bulk data in F.2.2, however long.
_NEVER_BULK = frozenset({"AE", "AS", "AT", "CS", "DA", "DT", "LO", "PN", "SH", "SQ", "TM", "UI", "UR"})
_NAME_LENGTH = len('"GGGGEEEE"')
_UTF8 = b'"00080005":{"vr":"CS","Value":["ISO_IR 192"]}'
_unpack_explicit = struct.Struct("<IHH").unpack_from
_unpack_implicit = struct.Struct("<II").unpack_from
_unpack_length = struct.Struct("<I").unpack_from

Addresses = Callable[[str], str]
"""From a path of tags and items to the address of that value."""


@dataclass(frozen=True, slots=True)
class _Context:
    """What the meaning of an element's bytes depends on, and what is known under it."""

    encoding: Encoding
    codecs: tuple[str, ...]
    pixel_representation: int
    known: dict[bytes, bytes]
    sequences: dict[int, tuple[bytes, bytes]]
    """The last sequence of undefined length by tag: its bytes and its JSON."""


def document(fragments: Sequence[bytes]) -> bytes:
    """Return a JSON object of `attributes`; its character set is UTF-8, and said to be where it matters."""
    body = b",".join(fragments)
    if not body.isascii() and not any(f.startswith(_UTF8[:11]) for f in fragments):
        body = b",".join(sorted([*fragments, _UTF8]))
    return b"{%b}" % body


def in_order(fragments: list[bytes]) -> list[bytes]:
    """Return the attributes of one data set in ascending order, each of them once.

    PS3.5 7.1 forbids an element to be there twice. Where one is, the last counts, as for the index and for pydicom:
    readers of JSON do not agree on which of two equal names they take.
    """
    if len({fragment[:_NAME_LENGTH] for fragment in fragments}) < len(fragments):
        fragments = list({fragment[:_NAME_LENGTH]: fragment for fragment in fragments}.values())
    fragments.sort()
    return fragments


def bulk_fragment(tag: int, vr: str, address: str) -> bytes:
    """Return the attribute of a value that is fetched from an address."""
    return f'"{tag:08X}":{{"vr":"{vr}","BulkDataURI":"{address}"}}'.encode("ascii")


class Encoder:
    """Makes JSON of the objects of one series, one after the other; what they have in common is made once.

    For one thread at a time.
    """

    def __init__(self, bulk_bytes: int = BULK_BYTES) -> None:
        self._bulk_bytes = bulk_bytes
        self._contexts: dict[tuple[Encoding, tuple[str, ...], int], _Context] = {}
        self._private: dict[tuple[str, bytes], bytes] = {}
        self._address: Addresses = str
        self._path: list[str] = []
        self._is_own = False

    def attributes(self, block: Block, encoding: Encoding, address: Addresses, start: int = 0) -> list[bytes]:
        """Return `"GGGGEEEE":{...}` for each element of the data set in `block` from `start`, in ascending order.

        Raises:
            InvalidObject: it breaks off, or holds what cannot be walked.
        """
        self._address = address
        self._path.clear()
        if len(self._private) > KNOWN_MAX:
            self._private.clear()
        try:
            out, end = self._elements(block, start, len(block), self._context(encoding, text.encodings(b""), 0))
        except struct.error as error:
            raise InvalidObject(f"the data set breaks off: {error}") from None
        if block[end:].strip(b"\0"):
            raise InvalidObject(f"the data set cannot be walked past offset {end}")
        return in_order(out)

    def _context(self, encoding: Encoding, codecs: tuple[str, ...], pixel_representation: int) -> _Context:
        key = (encoding, codecs, pixel_representation)
        found = self._contexts.get(key)
        if found is None:
            found = self._contexts[key] = _Context(encoding, codecs, pixel_representation, {}, {})
        elif len(found.known) > KNOWN_MAX:
            found.known.clear()
        return found

    def _elements(self, block: Block, at: int, end: int, context: _Context) -> tuple[list[bytes], int]:
        """Walk from `at` to `end` or the end of an item; return the JSON of each element, and where the walk ended."""
        out: list[bytes] = []
        creators: dict[int, str] = {}
        is_plain_explicit = context.encoding.explicit and context.encoding.little_endian
        is_implicit = not context.encoding.explicit
        known, append, most = context.known, out.append, self._bulk_bytes
        while at + 8 <= end:
            # The short way, for elements whose bytes were seen before: this is where the time goes.
            if is_plain_explicit:
                _, vr, length = _unpack_explicit(block, at)
                value = at + 8
                if vr in _LONG_VRS:
                    length = _unpack_length(block, value)[0]
                    value += 4
            elif is_implicit:
                length = _unpack_implicit(block, at)[1]
                value = at + 8
            else:
                length, value = UNDEFINED, at
            if length <= most:
                fragment = known.get(block[at : value + length])
                if fragment is not None:
                    append(fragment)
                    at = value + length
                    continue
            element = element_at(block, at, context.encoding)
            if element.is_delimiter:
                if element.tag != ITEM_END:
                    raise InvalidObject(f"a delimiter is out of place at offset {at}")
                return out, element.value
            if element.length != UNDEFINED and element.value + element.length > end:
                raise InvalidObject(f"{element.tag:08X} runs past the end")
            fragment, after = self._element(block, at, element, context, creators)
            if fragment:
                append(fragment)
            if element.tag in (_CHARACTER_SET, _PIXEL_REPRESENTATION) and element.length != UNDEFINED:
                context = self._changed(context, element.tag, block[element.value : after])
                known = context.known
            at = after
        return out, at

    def _changed(self, context: _Context, tag: int, raw: bytes) -> _Context:
        if tag == _CHARACTER_SET:
            return self._context(context.encoding, text.encodings(raw), context.pixel_representation)
        order = "little" if context.encoding.little_endian else "big"
        return self._context(context.encoding, context.codecs, int.from_bytes(raw[:2], order))  # type: ignore[arg-type]

    def _element(
        self, block: Block, at: int, element: Element, context: _Context, creators: dict[int, str]
    ) -> tuple[bytes, int]:
        """Return the JSON of an element that the short way does not know, and the offset after it."""
        tag, length = element.tag, element.length
        if tag & 0xFFFF == 0:
            return b"", end_of(block, element, context.encoding)
        if length == UNDEFINED:
            reused = self._reused(block, at, element, context)
            if reused is not None:
                return reused
        is_creator = bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF
        if is_creator and length != UNDEFINED:
            creators[tag >> 16 << 8 | tag & 0xFF] = text.decode(
                block[element.value : element.value + length], context.codecs
            )
        key, creator = b"", ""
        is_unnamed = element.vr in ("", "UN")
        if tag & 0x10000 and is_unnamed:
            creator = creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF, "")
        if length <= self._bulk_bytes and tag not in _NOTED and not is_creator:
            # The bytes alone do not tell what a private element without VR is, so the short way shall not meet it.
            mark = creator.encode() + b"\0" if tag & 0x10000 and is_unnamed else b""
            key = mark + block[at : element.value + length]
            if mark and key in context.known:
                return context.known[key], element.value + length
        was_own, self._is_own = self._is_own, False
        vr = looked_up_vr(tag, creator, context.pixel_representation) if is_unnamed else element.vr
        fragment, after = self._made(block, element, vr, context)
        if not self._is_own:
            if key:
                context.known[key] = fragment
            elif length == UNDEFINED and after - at <= _REUSED_BYTES:
                context.sequences[tag] = block[at:after], fragment
        self._is_own |= was_own
        return fragment, after

    def _reused(self, block: Block, at: int, element: Element, context: _Context) -> tuple[bytes, int] | None:
        raw, fragment = context.sequences.get(element.tag, (b"", b""))
        return (fragment, at + len(raw)) if raw and block[at : at + len(raw)] == raw else None

    def _made(self, block: Block, element: Element, vr: str, context: _Context) -> tuple[bytes, int]:
        """Make the JSON of an element of this VR; return it and the offset after the element."""
        tag, length = element.tag, element.length
        if tag not in PIXELS and (vr == "SQ" or (vr == "UN" and length == UNDEFINED)):
            values, after = self._items(block, element, context)
            return b'"%08X":{"vr":"SQ"%b}' % (tag, b',"Value":[%b]' % b",".join(values) if values else b""), after
        after = end_of(block, element, context.encoding)
        if length and self._is_bulk(tag, vr, length):
            self._is_own = True
            return bulk_fragment(tag, vr, self._address("/".join([*self._path, f"{tag:08X}"]))), after
        raw = block[element.value : after]
        if tag == _CHARACTER_SET:
            return (_UTF8 if raw.strip(b" \0") else b'"00080005":{"vr":"CS"}'), after
        order = "<" if context.encoding.little_endian or element.vr == "UN" else ">"
        return f'"{tag:08X}":{{"vr":"{vr}"{members(vr, raw, context.codecs, order)}}}'.encode("utf-8", "replace"), after

    def _is_bulk(self, tag: int, vr: str, length: int) -> bool:
        if tag in PIXELS or length == UNDEFINED:
            return True
        return length > (self._bulk_bytes if vr in BINARY else LARGE_BYTES) and vr not in _NEVER_BULK

    def _items(self, block: Block, sequence: Element, context: _Context) -> tuple[list[bytes], int]:
        """Return the JSON of each item, and the offset after the sequence."""
        if sequence.vr == "UN":
            context = self._context(IMPLICIT_LITTLE, context.codecs, context.pixel_representation)
        if len(self._path) > 2 * MAX_DEPTH:
            raise InvalidObject(f"sequences are nested deeper than {MAX_DEPTH}")
        at, out = sequence.value, list[bytes]()
        is_open = sequence.length == UNDEFINED
        end = len(block) if is_open else at + sequence.length
        self._path += (f"{sequence.tag:08X}", "")
        while at + 8 <= end:
            item = element_at(block, at, context.encoding)
            at = item.value
            if item.tag == SEQUENCE_END:
                break
            if item.tag != ITEM:
                raise InvalidObject(f"{sequence.tag:08X} holds {item.tag:08X} in place of an item")
            self._path[-1] = str(len(out) + 1)
            stop = end if item.length == UNDEFINED else at + item.length
            if stop > end:
                raise InvalidObject(f"an item of {sequence.tag:08X} runs past the end")
            fragments, at = self._elements(block, at, stop, context)
            out.append(b"{%b}" % b",".join(in_order(fragments)))
            at = at if item.length == UNDEFINED else stop
        del self._path[-2:]
        return out, at


_NOTED = frozenset({_CHARACTER_SET, _PIXEL_REPRESENTATION})
