"""Raw element values to Python values, tolerant of what devices send (PS3.5 6.1, 6.2).

What cannot be decoded by the declared character set is decoded by a guess and never lost: the file keeps the bytes.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

from pydicom import charset

_ESCAPE = b"\x1b"
_DEFAULT = "iso8859"  # what pydicom calls the default repertoire (ISO_IR 6)
_KNOWN = frozenset(charset.python_encoding.values())
_PN_DELIMITERS = {0x5E, 0x3D, 0x5C}  # ^ = \
_TEXT_DELIMITERS = {0x5C, 0x0D, 0x0A, 0x09, 0x0C}


@lru_cache(maxsize=256)
def encodings(specific_character_set: bytes) -> tuple[str, ...]:
    """Return the Python codecs for a raw (0008,0005) value; an unknown term stands for the default repertoire."""
    terms = specific_character_set.decode("ascii", "replace").replace("\0", " ").strip().split("\\")
    with warnings.catch_warnings():
        # A misspelt term is repaired or replaced by pydicom with a warning; the file keeps what was sent.
        warnings.simplefilter("ignore")
        found = charset.convert_encodings([term.strip() for term in terms])
    # pydicom takes any name of a Python codec as well, such as utf_7; no object may choose one.
    return tuple(codec if codec in _KNOWN else _DEFAULT for codec in found)


def decode(raw: bytes, codecs: tuple[str, ...], *, person_name: bool = False, keep_space: bool = False) -> str:
    """Decode a text value and strip its padding; several values stay joined by a backslash.

    With `keep_space`, as for LT, ST, UR and UT (PS3.5 6.2), it is one value and only what follows it is padding.
    A NUL inside a value becomes U+FFFD: C programs and SQLite's GLOB take it for the end.
    """
    if _ESCAPE in raw:
        text = _with_escapes(raw, codecs, person_name)
    elif raw.isascii() and codecs[0] != "shift_jis":
        text = raw.decode("ascii")
    elif codecs[0] == _DEFAULT:
        text = _undeclared(raw)
    else:
        text = raw.decode(codecs[0], "replace")
    if keep_space:
        return text.rstrip(" \0").replace("\0", "\ufffd")
    bare = "\\".join(value.strip(" \0") for value in text.split("\\")) if "\\" in text else text.strip(" \0")
    return bare.replace("\0", "\ufffd")


def _undeclared(raw: bytes) -> str:
    """Bytes beyond ASCII without a declared character set: UTF-8 when they are that, Latin-1 otherwise."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _with_escapes(raw: bytes, codecs: tuple[str, ...], person_name: bool) -> str:
    delimiters = _PN_DELIMITERS if person_name else _TEXT_DELIMITERS
    with warnings.catch_warnings():
        # An escape to a set that was not declared is decoded by replacement, with a warning; see the module's top.
        warnings.simplefilter("ignore")
        return charset.decode_bytes(raw, list(codecs), delimiters)


def integer(raw: bytes) -> int | None:
    """Read an IS value; None for none, for what is no number, and for one out of the range of IS (PS3.5 6.2)."""
    try:
        value = int(float(raw.split(b"\\")[0].strip(b" \0") or b"nan"))
    except (ValueError, OverflowError):
        return None
    return value if -(1 << 31) <= value < 1 << 31 else None
