"""DICOM JSON to the Native DICOM Model in XML (PS3.19 A.1). Pure.

Private attributes name their creator, and the digits of their tag that only point at it are zero (PS3.19 A.1.5).
XML 1.0 has no form for control characters, so they become U+FFFD; a carriage return is written as a reference, since
readers take it for the end of a line otherwise (XML 1.0 2.11). Numbers keep the digits that they have in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

Attributes = Mapping[str, Mapping[str, Any]]


def from_json(document: bytes | Attributes) -> bytes:
    """Return the XML document of one DICOM JSON object."""
    attributes: Attributes = _read(document) if isinstance(document, bytes) else document
    body = "".join(_attributes(attributes))
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}<NativeDicomModel xml:space="preserve" xmlns="{_NAMESPACE}">{body}</NativeDicomModel>'.encode()


def _read(document: bytes) -> Attributes:
    found: Attributes = json.loads(document, parse_float=str, parse_int=str)
    return found


def _attributes(attributes: Attributes) -> Iterator[str]:
    creators: dict[str, str] = {}
    for tag, attribute in attributes.items():
        is_private = int(tag[3], 16) % 2 == 1
        if is_private and tag[4:6] == "00":
            creators[tag[:4] + tag[6:]] = next(iter(attribute.get("Value") or [""])) or ""
        creator = creators.get(tag[:6]) if is_private else None
        yield from _attribute(tag, attribute, creator)


def _attribute(tag: str, attribute: Mapping[str, Any], creator: str | None) -> Iterator[str]:
    vr = attribute["vr"]
    keyword = keyword_for_tag(int(tag, 16))
    shown = f"{tag[:4]}00{tag[6:]}" if creator else tag
    named = f" keyword={quoteattr(keyword)}" if keyword else ""
    owned = f" privateCreator={quoteattr(_legal(creator))}" if creator else ""
    yield f'<DicomAttribute tag="{shown}" vr="{vr}"{named}{owned}>'
    if "BulkDataURI" in attribute:
        yield f"<BulkData uri={quoteattr(attribute['BulkDataURI'])}/>"
    elif "InlineBinary" in attribute:
        yield f"<InlineBinary>{attribute['InlineBinary']}</InlineBinary>"
    for number, value in enumerate(attribute.get("Value", ()), 1):
        yield from _value(vr, number, value)
    yield "</DicomAttribute>"


def _value(vr: str, number: int, value: Any) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value)
        yield "</Item>"
    elif value is None:
        yield f'<Value number="{number}"/>'
    elif vr == "PN":
        yield f'<PersonName number="{number}">{"".join(_groups(value))}</PersonName>'
    else:
        yield f'<Value number="{number}">{_escaped(str(value))}</Value>'


def _groups(name: Mapping[str, str]) -> Iterator[str]:
    for group, text in name.items():
        parts = zip(_NAME_PARTS, text.split("^"), strict=False)
        yield f"<{group}>{''.join(f'<{p}>{_escaped(v)}</{p}>' for p, v in parts if v)}</{group}>"


def _escaped(text: str) -> str:
    return escape(_legal(text), {"\r": "&#13;"})


def _legal(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
