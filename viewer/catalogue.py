"""The catalogue of texts: `python -m viewer.catalogue` brings `translations/` up to date after texts changed.

It collects what templates, Python and scripts mark, merges it into `vi/LC_MESSAGES/messages.po`, and compiles that. The
compiled file is committed, so that a clone runs without a build step; a test compares all three.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from viewer import language

PACKAGE = Path(__file__).parent
PO = PACKAGE / "translations" / "vi" / "LC_MESSAGES" / "messages.po"
MO = PO.with_suffix(".mo")
WEB = PACKAGE / "web" / "src"

_METHODS = [
    ("**/templates/**.html", "jinja2"),
    ("**/static/**.js", "javascript"),
    ("**.py", "python"),
]
_NO_FIELDS = (b"-Date:", b"Report-Msgid", b"Last-Translator", b"Language-Team", b"Generated-By", b"Project-Id")
_NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
_KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "t": None}


def extracted() -> Catalog:
    """Return all marked texts."""
    catalog = Catalog(project="Filmless", charset="utf-8")
    found = extract_from_dir(str(PACKAGE), method_map=_METHODS, keywords=_KEYWORDS, directory_filter=_is_ours)
    for path, _line, text, comments, context in sorted(found, key=lambda entry: (entry[0], entry[1])):
        # File names without line numbers: a moved line is no change of the catalogue.
        catalog.add(text, locations=[(path, 0)], auto_comments=comments, context=context)
    for source in sorted(WEB.rglob("*")):
        if source.suffix in (".ts", ".svelte") and not source.name.endswith(".test.ts"):
            for marked in sorted(set(language.marked(source.read_text("utf-8")))):
                catalog.add(marked, locations=[(source.relative_to(PACKAGE).as_posix(), 0)])
    return catalog


def _is_ours(folder: str) -> bool:
    """Leave out the browser app: its sources are read by our own rule, the rest is installed or built."""
    return Path(folder).name != "web" and Path(folder) != PACKAGE / "static" / "reading"


def translated() -> Catalog:
    """Return the Vietnamese catalogue as committed."""
    with PO.open("rb") as file:
        return read_po(file, locale="vi", domain="messages")


def compiled(catalog: Catalog) -> bytes:
    """Return `catalog` in the form that programs read, the same bytes for the same texts."""
    catalog.creation_date = catalog.revision_date = _NO_DATE
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """Return the texts of `catalog` that have no translation, or only a guessed one."""
    return [str(message.id) for message in catalog if message.id and (not message.string or message.fuzzy)]


def main() -> int:
    """Merge, write and compile; name what still waits for a translation."""
    catalog = translated()
    catalog.update(extracted(), no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=120, sort_output=True, include_lineno=False)
    # Dates would change the file at every run, and empty fields say nothing.
    lines = buffer.getvalue().splitlines(True)
    PO.write_bytes(b"".join(line for line in lines if not any(field in line for field in _NO_FIELDS)))
    MO.write_bytes(compiled(translated()))
    waiting = untranslated(translated())
    for text in waiting:
        print(f"not translated: {text}")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
