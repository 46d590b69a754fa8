"""The DICOM JSON Model of a stranger, looked through before an object is made of it (PS3.18 F.2). Pure.

pydicom reads it, and is lenient: it takes a broken Base64 for an empty value, cuts 1.5 to 1 where a whole number
belongs, and writes "?" for letters that a sequence item's own character set does not have. An archive must not, so such
an instance is refused. The text of JSON and XML is Unicode, so what an item says of its character set means nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from typing import Any

from storage.errors import InvalidObject
from viewer.dicomweb.elements import MAX_DEPTH

NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
"""The codes of `struct` for a value of these VRs."""
_INTEGERS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_FORMS = ("Value", "InlineBinary", "BulkDataURI")
_TAG = re.compile("[0-9A-Fa-f]{8}")
_CHARACTER_SET = "00080005"

Json = dict[str, Any]


def without_repeats(pairs: list[tuple[str, Any]]) -> Json:
    """Return a JSON object, for `json.loads`; raises `ValueError` where a name is in it twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is twice in one object")
    return found


def checked(attributes: Mapping[str, Any], depth: int = 0) -> Json:
    """Return the attributes of an object or item as they can be read without loss, items without character sets.

    Raises:
        InvalidObject: something in them would be lost or changed; the text says what.
    """
    if depth > MAX_DEPTH:
        raise InvalidObject(f"sequences are nested deeper than {MAX_DEPTH}")
    found: Json = {}
    for tag, facts in attributes.items():
        if depth and tag == _CHARACTER_SET:
            continue
        name = tag.upper() if _TAG.fullmatch(tag) else tag
        if name in found:
            raise InvalidObject(f"{name} is there twice")
        found[name] = _checked_facts(name, facts, depth) if isinstance(facts, dict) else facts
    return found


def _checked_facts(tag: str, facts: Json, depth: int) -> Json:
    forms = [form for form in _FORMS if form in facts]
    if len(forms) > 1:
        raise InvalidObject(f"{tag[:32]} has {' and '.join(forms)}")
    vr, values = facts.get("vr"), facts.get("Value")
    if "InlineBinary" in facts:
        _check_base64(tag, facts["InlineBinary"])
    if not isinstance(values, list):
        return facts
    if vr == "SQ":
        items = [checked(item, depth + 1) if isinstance(item, dict) else item for item in values]
        return {**facts, "Value": items}
    if vr in _INTEGERS and any(isinstance(value, float) and not value.is_integer() for value in values):
        raise InvalidObject(f"{tag[:32]} is no whole number")
    if vr == "AT" and not all(value is None or (isinstance(value, str) and _TAG.fullmatch(value)) for value in values):
        raise InvalidObject(f"{tag[:32]} holds what is no tag")
    return facts


def _check_base64(tag: str, text: Any) -> None:
    try:
        # PS3.18 F.4 shows it in a list, and lines may be broken.
        one = text[0] if isinstance(text, list) and len(text) == 1 else text
        base64.b64decode("".join(one.split()), validate=True)
    except (binascii.Error, AttributeError, ValueError):
        raise InvalidObject(f"the InlineBinary of {tag[:32]} is no Base64") from None


def from_bulk(tag: str, vr: str, raw: bytes) -> Any:
    """Return bulk data (little endian, PS3.18 8.7.3.3) as a value that pydicom writes.

    Raises:
        InvalidObject: the bytes are no values of the VR.
    """
    code = NUMBERS.get(vr)
    if code is None:
        return raw
    try:
        values = [value for (value,) in struct.iter_unpack(f"<{code}", raw)]
    except struct.error:
        raise InvalidObject(
            f"the bulk data of {tag} has {len(raw)} bytes, which is no number of values of {vr}"
        ) from None
    return values[0] if len(values) == 1 else values
