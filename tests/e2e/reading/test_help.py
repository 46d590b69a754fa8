"""The help of the reading room: it names every key, and says what this browser keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from sample_dicom import studies_folder
from tests.support.reading import reader, study_of
from tests.support.web import Server

SOURCES = Path(__file__).parents[3] / "viewer" / "web" / "src"
NAMED = {
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "Home": "Home",
    "End": "End",
    "PageUp": "PgUp",
    "PageDown": "PgDn",
    "-": "−",
    "=": "+",
    " ": "space bar",
    "Ctrl z": "Ctrl Z",
    "Delete": "Del",
    "Escape": "Esc",
}


def bound() -> set[str]:
    """Every key that the sources bind, as the help writes it."""
    table = (SOURCES / "keyboard" / "keyboard.ts").read_text("utf-8").split("const KEYS")[1].split("\n};")[0]
    keys = {one or other for one, other in re.findall(r'^  (?:"([^"]+)"|(\w+)):', table, re.MULTILINE)}
    for source in SOURCES.rglob("index.ts"):
        keys |= set(re.findall(r'addKey\("([^"]+)"', source.read_text("utf-8")))
    assert {"w", "U", "Delete", "?"} <= keys
    return {NAMED.get(key) or (f"Shift {key}" if key.isupper() else key.upper()) for key in keys}


def test_the_help_names_every_key(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, locale="en-GB") as room:
        room.open(study_of(studies_folder() / "ct-head"), whole=False)
        room.page.keyboard.press("?")
        named = set(room.page.locator("dialog.help kbd").all_inner_texts())
        assert bound() <= named
        assert {"1", "9", "Tab"} <= named


@pytest.mark.parametrize(("locale", "words"), [("vi-VN", "nhiều nhất 2048 MB"), ("en-GB", "at most 2048 MB")])
def test_the_help_says_what_this_browser_keeps(browser: Browser, samples: Server, locale: str, words: str) -> None:
    with reader(browser, samples, locale=locale) as room:
        room.open(study_of(studies_folder() / "ct-head"), whole=False)
        room.page.keyboard.press("?")
        expect(room.page.locator("dialog.help .keeping")).to_contain_text(words)


def test_the_help_fits_a_small_screen(browser: Browser, samples: Server) -> None:
    with reader(browser, samples) as room:
        room.open(study_of(studies_folder() / "ct-head"), whole=False)
        room.page.keyboard.press("?")
        dialog = room.page.locator("dialog.help")
        sizes = dialog.evaluate("one => [one.scrollHeight, one.clientHeight, one.scrollWidth, one.clientWidth]")
        assert sizes[0] <= sizes[1]
        assert sizes[2] <= sizes[3]
