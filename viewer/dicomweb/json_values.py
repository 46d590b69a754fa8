"""One value field as the members of a DICOM JSON attribute (PS3.18 F.2). Pure: bytes in, JSON text out.

Rules this rests on:
- F.2.2, F.2.5: `Value` holds all values, `null` for an empty one; an attribute without any value has `vr` alone.
- F.2.3: IS and DS may be numbers or texts. They are numbers, digits as the device wrote them, where JSON and the
  reader can take them as such; a text otherwise. 64-bit numbers beyond 2**53 are texts, as a browser would round them.
- JSON has no NaN and no infinities: they are the texts `NaN`, `Infinity` and `-Infinity`, which `Number()` of
  JavaScript and `float()` of Python read back.
- F.2.7: binary values are base64 of little endian.
"""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring as quoted
from math import isfinite, isinf

from storage import text

BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_SEVERAL = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UC", "UI"})
_SINGLE = frozenset({"LT", "ST", "UR", "UT"})
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"}
_WIDTHS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_LIKE_A_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
EXACT = 1 << 53
"""Whole numbers up to here are kept by the numbers of JavaScript."""


def members(vr: str, raw: bytes, codecs: tuple[str, ...], order: str = "<") -> str:
    """Return `,"Value":[...]` or `,"InlineBinary":"..."` for a value field; empty for no value.

    `codecs` are those of `storage.text.encodings`, `order` is `<` or `>` as in `struct`.
    """
    if not raw:
        return ""
    if vr in BINARY:
        return f',"InlineBinary":"{b64encode(little_endian(vr, raw, order)).decode("ascii")}"'
    values = _values(vr, raw, codecs, order)
    return "" if all(value == "null" for value in values) else f',"Value":[{",".join(values)}]'


def little_endian(vr: str, raw: bytes, order: str) -> bytes:
    """Return a binary value with the bytes of each word in little endian order."""
    width = _WIDTHS.get(vr, 1)
    if order == "<" or width == 1 or len(raw) % width:
        return raw
    count = len(raw) // width
    code = {2: "H", 4: "I", 8: "Q"}[width]
    return struct.pack(f"<{count}{code}", *struct.unpack(f">{count}{code}", raw))


def _values(vr: str, raw: bytes, codecs: tuple[str, ...], order: str) -> Sequence[str]:
    if vr in _NUMBERS:
        return _numbers(_NUMBERS[vr], raw, order)
    if vr == "AT":
        pairs = struct.unpack(f"{order}{len(raw) // 4 * 2}H", raw[: len(raw) // 4 * 4])
        return [f'"{group:04X}{element:04X}"' for group, element in zip(pairs[::2], pairs[1::2], strict=True)]
    return text_values(vr, text.decode(raw, codecs, person_name=vr == "PN", keep_space=vr in _SINGLE))


def text_values(vr: str, decoded: str) -> list[str]:
    """Return the JSON of each value of a text, several joined by a backslash; `null` for an empty one."""
    if vr in _SINGLE:
        return [_text(decoded)]
    write = _WRITERS.get(vr, _text)
    return [write(value) for value in decoded.split("\\")]


def _text(value: str) -> str:
    return quoted(value) if value else "null"


def _numbers(code: str, raw: bytes, order: str) -> list[str]:
    width = struct.calcsize(f"{order}{code}")
    values = struct.unpack(f"{order}{len(raw) // width}{code}", raw[: len(raw) // width * width])
    if code in "fd":
        return [_float(value) for value in values]
    return [str(value) if -EXACT <= value <= EXACT else f'"{value}"' for value in values]


def _float(value: float) -> str:
    if isfinite(value):
        return repr(value)
    return f'"{"-" if value < 0 else ""}Infinity"' if isinf(value) else '"NaN"'


def _decimal(value: str) -> str:
    if _LIKE_A_NUMBER.match(value) is None or not isfinite(float(value)):
        return _text(value)
    return value if _JSON_NUMBER.match(value) else repr(float(value))


def _integer(value: str) -> str:
    if _LIKE_A_NUMBER.match(value) is None or len(value) > 16 or not float(value).is_integer():
        return _text(value)
    number = int(float(value))
    return str(number) if -EXACT <= number <= EXACT else _text(value)


def _person_name(name: str) -> str:
    groups = [group.strip() for group in name.split("=")]
    filled = [f'"{key}":{quoted(group)}' for key, group in zip(_GROUPS, groups, strict=False) if group.strip("^ ")]
    return f"{{{','.join(filled)}}}" if filled else "null"


_WRITERS: dict[str, Callable[[str], str]] = {"DS": _decimal, "IS": _integer, "PN": _person_name}
