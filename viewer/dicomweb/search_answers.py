"""Answers of the index as DICOM JSON (PS3.18 10.6.3.3, F.2), put together from rows. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from json.encoder import encode_basestring as quoted

from pydicom.datadict import dictionary_VR, tag_for_keyword

from storage.answers import Answer, Value
from storage.attributes import Level
from viewer.dicomweb.json_values import text_values
from viewer.dicomweb.search_keys import UNIQUE, Path, Search

_SINGLE = frozenset({"LT", "ST", "UR", "UT"})
_CONSTANT = {0x00080056: '"00080056":{"vr":"CS","Value":["ONLINE"]}'}
_CHARACTER_SET = '"00080005":{"vr":"CS","Value":["ISO_IR 192"]}'
_RETRIEVE_URL = 0x00081190
_STEPS = (("studies", Level.STUDY), ("series", Level.SERIES), ("instances", Level.INSTANCE))

Write = Callable[[Answer], str]


class Writer:
    """Writes the answers of one search; what is the same in all of them is made once."""

    def __init__(self, search: Search, base: str) -> None:
        """`base` is the address of `/dicom-web`, for Retrieve URL (0008,1190)."""
        self._search = search
        writes: dict[int, Write] = {tag: _constant(text) for tag, text in _CONSTANT.items()}
        writes[_RETRIEVE_URL] = _retrieve_url(search.level, base)
        for keyword in search.indexed:
            tag = tag_for_keyword(keyword)
            assert tag is not None
            writes[tag] = _of_value(tag, keyword)
        self._writes = tuple(sorted(writes.items()))
        self._tags = frozenset(writes)

    def fragments(self, found: Answer) -> list[str]:
        """Return `"GGGGEEEE":{...}` for each attribute of an answer, in ascending order."""
        return [write(found) for _, write in self._writes]

    def write(self, found: Answer, from_object: Iterable[bytes] = ()) -> str:
        """Return an answer as a JSON object, with attributes that were read from its object."""
        parts = self.fragments(found)
        more = list(self._chosen(from_object))
        if more:
            parts = sorted([*parts, *more])
        body = ",".join(parts)
        if not body.isascii() and not any(part.startswith(_CHARACTER_SET[:10]) for part in parts):
            body = f"{_CHARACTER_SET},{body}"
        return f"{{{body}}}"

    def _chosen(self, from_object: Iterable[bytes]) -> Iterable[str]:
        for fragment in from_object:
            tag = int(fragment[1:9], 16)
            if tag in self._tags:
                continue
            if self._search.everything or tag >> 16 in self._search.groups or (tag,) in self._search.from_object:
                yield fragment.decode("utf-8")
            elif paths := [path[1:] for path in self._search.from_object if path[0] == tag]:
                yield _narrowed(fragment.decode("utf-8"), paths)


def _constant(text: str) -> Write:
    return lambda found: text


def _of_value(tag: int, keyword: str) -> Write:
    vr = dictionary_VR(tag)
    head = f'"{tag:08X}":{{"vr":"{vr}"'
    # OHIF reads the values of this one unasked, and shows no list at all where one study has none.
    empty = f'{head},"Value":[null]}}' if keyword == "ModalitiesInStudy" else f"{head}}}"

    def write(found: Answer) -> str:
        value: Value = found.values[keyword]
        if value is None or value == "":
            return empty
        if isinstance(value, int):
            return f'{head},"Value":[{value}]}}'
        if vr == "UI" and "\\" not in value:
            return f'{head},"Value":["{value}"]}}'
        values = text_values(vr, value)
        return empty if all(one == "null" for one in values) else f'{head},"Value":[{",".join(values)}]}}'

    return write


def _retrieve_url(level: Level, base: str) -> Write:
    steps = [(name, UNIQUE[of]) for name, of in _STEPS if of <= level]

    def write(found: Answer) -> str:
        place = "".join(f"/{name}/{found.values[keyword]}" for name, keyword in steps)
        return f'"00081190":{{"vr":"UR","Value":[{quoted(base + place)}]}}'

    return write


def _narrowed(fragment: str, paths: Sequence[Path]) -> str:
    """Return a sequence with no more in its items than `paths` lead to."""
    tag, attribute = next(iter(json.loads(f"{{{fragment}}}").items()))
    if attribute["vr"] != "SQ":
        # Only the object could tell that a private attribute is no sequence.
        return f'"{tag}":{{"vr":"{attribute["vr"]}"}}'
    attribute["Value"] = [_narrowed_item(item, paths) for item in attribute.get("Value", ())]
    if not attribute["Value"]:
        del attribute["Value"]
    return f'"{tag}":{json.dumps(attribute, ensure_ascii=False, separators=(",", ":"))}'


def _narrowed_item(item: dict[str, dict[str, object]], paths: Sequence[Path]) -> dict[str, object]:
    kept: dict[str, object] = {}
    for name, attribute in item.items():
        below = [path[1:] for path in paths if path[0] == int(name, 16)]
        if () in below:
            kept[name] = attribute
        elif below and attribute["vr"] == "SQ" and "Value" in attribute:
            items = attribute["Value"]
            assert isinstance(items, list)
            kept[name] = {**attribute, "Value": [_narrowed_item(one, below) for one in items]}
    return kept
