"""The tables of the DICOM conformance statement, made from the code: `python -m pacs.conformance` rewrites them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom._uid_dict import UID_dictionary

from pacs.contexts import is_storage, supported_services, transfer_syntaxes
from pacs.identifier import LEVEL_NAMES
from pacs.status import Status
from storage.answers import COMPUTED
from storage.attributes import ATTRIBUTES, Level
from storage.optional_keys import FROM_OBJECTS, MATCHED_IN_SERIES, STAND_FOR

_LEVEL_NAMES = {level: name for name, level in LEVEL_NAMES.items()}
_MARK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def storage_classes() -> Iterator[str]:
    """List every storage SOP class of the dictionary."""
    yield from _uids(uid for uid, entry in UID_dictionary.items() if entry[1] == "SOP Class" and is_storage(uid))


def syntaxes() -> Iterator[str]:
    """List every accepted transfer syntax."""
    yield from _uids(transfer_syntaxes())


def services() -> Iterator[str]:
    """List the SOP classes that are no storage."""
    yield from _uids(supported_services())


def statuses() -> Iterator[str]:
    """List the statuses that are answered."""
    yield "| Status | Name |"
    yield "|---|---|"
    for status in sorted(Status):
        yield f"| {status:04X} | {status.name.replace('_', ' ').capitalize()} |"


def attributes() -> Iterator[str]:
    """List the indexed attributes."""
    yield "| Level | Attribute | Tag | VR | Matching |"
    yield "|---|---|---|---|---|"
    for a in ATTRIBUTES:
        tag = f"({a.tag >> 16:04X},{a.tag & 0xFFFF:04X})"
        yield f"| {a.level.name.capitalize()} | {a.keyword} | {tag} | {a.vr} | {a.matching.value} |"


def computed_keys() -> Iterator[str]:
    """List the optional keys that are answered beside the indexed attributes, and where they come from."""
    yield "| Key | Levels of the query | Matching |"
    yield "|---|---|---|"
    for keyword in dict.fromkeys(keyword for known in COMPUTED.values() for keyword in known):
        levels = ", ".join(_LEVEL_NAMES[level] for level, known in COMPUTED.items() if keyword in known)
        yield f"| {keyword} | {levels} | {'as ' + STAND_FOR[keyword] if keyword in STAND_FOR else 'universal'} |"
    for level, keywords in FROM_OBJECTS.items():
        for keyword in sorted(keywords):
            matching = "sequence" if keyword in MATCHED_IN_SERIES and level is Level.SERIES else "universal"
            yield f"| {keyword} | {_LEVEL_NAMES[level]}, from its first object | {matching} |"
    yield "| every other attribute but pixel data | IMAGE, from the object | as its VR allows; sequences, too |"


def _uids(uids: Iterator[str] | frozenset[str]) -> Iterator[str]:
    yield "| Name | UID |"
    yield "|---|---|"
    for uid in sorted(uids, key=lambda u: [int(part) for part in u.split(".")]):
        name, _, _, retired, _ = UID_dictionary[uid]
        yield f"| {name}{' (retired)' if retired else ''} | {uid} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "storage": storage_classes,
    "syntaxes": syntaxes,
    "services": services,
    "statuses": statuses,
    "attributes": attributes,
    "computed": computed_keys,
}


def filled(text: str) -> str:
    """Return the statement's text with every marked table made anew."""
    return _MARK.sub(lambda m: m[1] + "\n".join(TABLES[m[2]]()) + "\n" + m[3], text)


def main() -> None:
    """Rewrite the file named on the command line."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/conformance.md")
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
