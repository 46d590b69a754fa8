"""All attributes of an object as a tree for people: bounded, with long values cut, private ones included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import dictionary_description, dictionary_has_tag, keyword_for_tag, private_dictionary_description
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from storage.model import Instance
from storage.names import fold
from storage.pixels import open_object

NODES_MAX = 5000
DEPTH_MAX = 12
TEXT_MAX = 400
_UNREADABLE = (TypeError, ValueError, OverflowError, NotImplementedError, AttributeError, KeyError)


@dataclass(slots=True)
class _Budget:
    left: int = NODES_MAX
    is_cut: bool = field(default=False)

    def take(self) -> bool:
        self.left -= 1
        self.is_cut |= self.left < 0
        return self.left >= 0


def tag_tree(instance: Instance, wanted: str = "") -> dict[str, Any]:
    """Return `nodes` and whether they were cut (`is_cut`); `PixelError` where the object cannot be read.

    A node has `tag`, `vr`, `name`, `keyword`, and `value` or `items` (a list of nodes each). `wanted` leaves only nodes
    that hold it in tag, name, keyword or value, and those above them; without case and diacritics.
    """
    with open_object(instance.path) as obj:
        budget = _Budget()
        key = fold(wanted)
        meta = getattr(obj.ds, "file_meta", Dataset())
        nodes = [*_nodes(meta, key, budget, 0), *_nodes(obj.ds, key, budget, 0)]
        if obj.has_pixels and not key:
            nodes.append(_pixels(obj.transfer_syntax_uid))
    return {"nodes": nodes, "is_cut": budget.is_cut}


def _pixels(syntax: str) -> dict[str, Any]:
    name = "Pixel Data"
    return {"tag": "(7FE0,0010)", "vr": "", "name": name, "keyword": "PixelData", "value": syntax, "is_binary": True}


def _nodes(ds: Dataset, key: str, budget: _Budget, depth: int) -> list[dict[str, Any]]:
    found = []
    for element in _elements(ds):
        node = _node(element, key, budget, depth)
        if node is not None:
            if not budget.take():
                break
            found.append(node)
    return found


def _elements(ds: Dataset) -> Iterator[DataElement | str]:
    """Elements that can be read; of one that cannot be, what is wrong with it."""
    for tag in sorted(ds.keys()):
        try:
            yield ds[tag]
        except _UNREADABLE as error:
            yield f"({tag >> 16:04X},{tag & 0xFFFF:04X})\n{error}"


def _node(element: DataElement | str, key: str, budget: _Budget, depth: int) -> dict[str, Any] | None:
    if isinstance(element, str):
        tag, _, problem = element.partition("\n")
        return None if key else {"tag": tag, "vr": "", "name": "", "keyword": "", "value": "", "problem": problem[:200]}
    node = _named(element)
    matches = not key or any(key in fold(str(node[part])) for part in ("tag", "name", "keyword"))
    if element.VR == "SQ":
        below = "" if matches else key
        deep = depth < DEPTH_MAX
        node["items"] = [_nodes(item, below, budget, depth + 1) for item in element.value or ()] if deep else []
        return node if matches or any(node["items"]) else None
    node["value"], node["is_binary"] = _value(element)
    return node if matches or key in fold(node["value"]) else None


def _named(element: DataElement) -> dict[str, Any]:
    tag = element.tag
    return {
        "tag": f"({tag.group:04X},{tag.element:04X})",
        "vr": str(element.VR),
        "name": _name(element),
        "keyword": keyword_for_tag(tag) if dictionary_has_tag(tag) else "",
    }


def _name(element: DataElement) -> str:
    tag = element.tag
    if dictionary_has_tag(tag):
        return dictionary_description(tag)
    if tag.is_private_creator:
        return "Private Creator"
    try:
        return private_dictionary_description(tag, element.private_creator or "")
    except KeyError:
        return ""


def _value(element: DataElement) -> tuple[str, bool]:
    """Return the value as text, and whether it is bytes, of which only the number is told."""
    value = element.value
    if isinstance(value, bytes):
        return str(len(value)), True
    if value is None:
        return "", False
    several = value if isinstance(value, list | tuple) or element.VM > 1 else [value]
    text = "\\".join(str(one) for one in several)
    return (f"{text[:TEXT_MAX]}…" if len(text) > TEXT_MAX else text), False
