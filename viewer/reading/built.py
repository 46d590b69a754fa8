"""The built browser app: where it lies, what a page must load of it, and the texts that it may show.

Vite writes `manifest.json`: for each entry the file with its content's hash, its style sheets and the chunks that it
imports, at once or later. What the entry itself imports later is the app, which the page fetches ahead. A checkout that
was never built has none; pages then show the light view.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "static" / "reading"
ENTRY = "src/main.ts"


@dataclass(frozen=True, slots=True)
class BuiltApp:
    """Names below `FOLDER`: the entry script, the app's scripts, their style sheets; and the texts it may show."""

    script: str
    imports: tuple[str, ...]
    styles: tuple[str, ...]
    texts: tuple[str, ...]


def built_app(folder: Path = FOLDER) -> BuiltApp | None:
    """Return the app as built last, None where it was not built."""
    manifest = folder / "manifest.json"
    try:
        changed = manifest.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _read(folder, changed)


@cache
def _read(folder: Path, changed: int) -> BuiltApp:
    """Read the manifest; `changed` makes a new build a new answer."""
    chunks: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    entry = chunks[ENTRY]
    loaded = _closure(chunks, ENTRY, *entry.get("dynamicImports", ()))
    return BuiltApp(
        script=entry["file"],
        imports=tuple(chunks[name]["file"] for name in loaded if name != ENTRY),
        styles=tuple(style for name in loaded for style in chunks[name].get("css", ())),
        texts=tuple(json.loads((folder / "words.json").read_text("utf-8"))),
    )


def _closure(chunks: dict[str, Any], *names: str) -> list[str]:
    """The chunks and all that they import statically, each once, themselves first."""
    found, waiting = [], [*names]
    while waiting:
        at = waiting.pop(0)
        if at not in found and at in chunks:
            found.append(at)
            waiting += chunks[at].get("imports", ())
    return found
