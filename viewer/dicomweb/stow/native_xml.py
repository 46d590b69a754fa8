"""The Native DICOM Model (PS3.19 A.1) to and from the DICOM JSON model (PS3.18 F.2): two ways to write one thing.

Elements are told apart by their local names, as clients get the namespace wrong. A document type is refused, so that
there are no entities to expand.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from pydicom.datadict import keyword_for_tag

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
DEPTH_MAX = 64
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_INTEGERS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_DECIMALS = frozenset({"DS", "FL", "FD"})

Json = dict[str, Any]


class NotNative(ValueError):
    """The text is no Native DICOM Model; `str()` is one sentence."""


def encode(attributes: Mapping[str, Any]) -> bytes:
    """Write attributes of the JSON model as XML."""
    root = ElementTree.Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    _write_all(root, attributes)
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def _write_all(parent: ElementTree.Element, attributes: Mapping[str, Any]) -> None:
    for tag, facts in attributes.items():
        names = {"tag": tag, "vr": facts["vr"]}
        if keyword := keyword_for_tag(int(tag, 16)):
            names["keyword"] = keyword
        element = ElementTree.SubElement(parent, "DicomAttribute", names)
        for number, value in enumerate(facts.get("Value", ()), 1):
            _write_value(element, facts["vr"], {"number": str(number)}, value)


def _write_value(parent: ElementTree.Element, vr: str, number: dict[str, str], value: Any) -> None:
    if vr == "SQ":
        _write_all(ElementTree.SubElement(parent, "Item", number), value)
    elif value is not None:
        ElementTree.SubElement(parent, "Value", number).text = str(value)


def decode(text: bytes) -> Json:
    """Read XML as attributes of the JSON model.

    Raises:
        NotNative: it is no XML, has a document type, or is not of this model.
    """
    root = _parsed(text)
    if _name(root) != "NativeDicomModel":
        raise NotNative(f"the XML begins with {_name(root)[:64]}, not with NativeDicomModel")
    return _attributes(root, 0)


def _parsed(text: bytes) -> ElementTree.Element:
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")

    def refuse(*_: Any) -> None:
        raise NotNative("the XML has a document type, which is not taken")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.buffer_text = True
    try:
        parser.Parse(text, True)
        return builder.close()
    except (expat.ExpatError, AssertionError) as e:
        raise NotNative(f"the XML cannot be read: {e}") from None


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _attributes(parent: ElementTree.Element, depth: int) -> Json:
    if depth > DEPTH_MAX:
        raise NotNative(f"sequences are nested more than {DEPTH_MAX} deep")
    found: Json = {}
    private: list[tuple[str, str, Json]] = []
    for element in parent:
        if _name(element) == "DicomAttribute":
            tag, vr, creator = element.get("tag", "").upper(), element.get("vr", ""), element.get("privateCreator")
            if len(tag) != 8 or not all(c in "0123456789ABCDEF" for c in tag) or len(vr) != 2:
                raise NotNative(f"an attribute has no tag and VR that can be read: {tag[:16]!r}, {vr[:16]!r}")
            facts = {"vr": vr, **_content(element, vr, depth)}
            if creator and tag[4:6] == "00":
                private.append((tag, creator, facts))
            elif tag in found:
                raise NotNative(f"the attribute {tag} is there twice")
            else:
                found[tag] = facts
    for tag, creator, facts in private:
        whole = f"{tag[:4]}{_block(found, tag[:4], creator)}{tag[6:]}"
        if whole in found:
            raise NotNative(f"the attribute {tag} of {creator[:64]} is there twice")
        found[whole] = facts
    return found


def _block(found: Json, group: str, creator: str) -> str:
    """Return the two digits by which the private attributes of a creator are known, which are reserved if need be.

    A tag does not tell them (PS3.19 A.1.5): they are those of the element that names the creator (PS3.5 7.8.1).
    """
    blocks = [f"{number:02X}" for number in range(0x10, 0x100)]
    named = {block: found[f"{group}00{block}"].get("Value") for block in blocks if f"{group}00{block}" in found}
    for block, value in named.items():
        if value and str(value[0]).strip() == creator.strip():
            return block
    free = next((block for block in blocks if block not in named), None)
    if free is None:
        raise NotNative(f"group {group} has more private creators than there is room for")
    found[f"{group}00{free}"] = {"vr": "LO", "Value": [creator]}
    return free


def _content(element: ElementTree.Element, vr: str, depth: int) -> Json:
    values: list[Any] = []
    for child in element:
        match _name(child):
            case "Value":
                values.append(_value(child.text or "", vr))
            case "Item":
                values.append(_attributes(child, depth + 1))
            case "PersonName":
                values.append(_person(child))
            case "InlineBinary":
                return {"InlineBinary": _checked_base64("".join((child.text or "").split()))}
            case "BulkData":
                return {"BulkDataURI": child.get("uri") or child.get("uuid") or ""}
    return {"Value": values} if values else {}


def _value(text: str, vr: str) -> Any:
    if not text:
        return None
    try:
        if vr in _INTEGERS:
            return int(text)
        return float(text) if vr in _DECIMALS else text
    except ValueError:
        raise NotNative(f"{text[:32]!r} is no value of {vr}") from None


def _person(element: ElementTree.Element) -> Json:
    groups: Json = {}
    for group in element:
        if _name(group) in _GROUPS:
            parts = {_name(part): part.text or "" for part in group}
            groups[_name(group)] = "^".join(parts.get(name, "") for name in _COMPONENTS).rstrip("^")
    return groups


def _checked_base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as e:
        raise NotNative(f"an InlineBinary is no Base64: {e}") from None
    return text
