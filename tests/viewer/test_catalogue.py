"""Every text that a person can see is translated, in templates, Python and scripts."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from viewer import catalogue, language

SCRIPTS = Path(language.__file__).parent / "static" / "js"
TEMPLATES = Path(language.__file__).parent / "templates"


def texts(catalog: catalogue.Catalog) -> set[str]:
    return {str(message.id) for message in catalog if message.id}


def test_every_marked_text_is_in_the_catalogue_and_nothing_else() -> None:
    assert texts(catalogue.extracted()) == texts(catalogue.translated()), "run python -m viewer.catalogue"


def test_every_text_is_translated() -> None:
    assert catalogue.untranslated(catalogue.translated()) == []


def test_the_compiled_catalogue_is_fresh() -> None:
    assert catalogue.MO.read_bytes() == catalogue.compiled(catalogue.translated()), "run python -m viewer.catalogue"


def test_placeholders_survive_translation() -> None:
    for message in catalogue.translated():
        wanted = sorted(re.findall(r"%\(\w+\)s|\{\w+\}", str(message.id)))
        assert sorted(re.findall(r"%\(\w+\)s|\{\w+\}", str(message.string))) == wanted, message.id


def test_scripts_get_exactly_the_texts_they_mark(app: Flask) -> None:
    from_scripts = {
        str(message.id)
        for message in catalogue.extracted()
        if message.id and any(path.endswith(".js") for path, _ in message.locations)
    }
    assert set(language.marked_in_scripts()) == from_scripts
    with app.test_request_context("/", headers={"Accept-Language": "vi"}):
        assert language.script_words()["Loading…"] == "Đang tải…"
    with app.test_request_context("/", headers={"Accept-Language": "en"}):
        assert language.script_words()["Loading…"] == "Loading…"


def test_templates_hold_no_unmarked_text() -> None:
    names = {"Filmless", "SOP Class", "W", "L", "I", "R", "H", "V", "F", "Enter", "Esc", "PgUp", "PgDn", "Home", "End",
             "Ctrl", "Shift", "mm"}  # fmt: skip
    for path in TEMPLATES.glob("*.html"):
        page = re.sub(r"block (?:body_class|viewport) %\}[^{]*", "", path.read_text("utf-8"))
        source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "\0", page, flags=re.DOTALL)
        visible = re.sub(r"<[^>]*>", "\0", source)
        words = {piece.strip(" \n·–.,:…") for piece in visible.split("\0")}
        left = {word for word in words if re.search(r"[^\W\d_]", word)} - names
        assert not left, (path.name, left)
        for attribute in re.findall(r'(?:title|placeholder|aria-label|alt)="([^"\0]*[A-Za-z][^"\0]*)"', source):
            assert attribute in names, (path.name, attribute)


def test_scripts_show_no_unmarked_text() -> None:
    for path in SCRIPTS.rglob("*.js"):
        source = path.read_text("utf-8")
        for shown in re.findall(r'(?:textContent|title|innerText)\s*=\s*"([^"]+)"|\.say\("([^"]+)"\)', source):
            assert not any(shown), (path.name, shown)
