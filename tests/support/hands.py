"""Hands in the reading room: drags on the picture, tools and values of the panel of measurements."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.support.reading import Reader


def drag(room: Reader, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press at one place of the screen, let go at another."""
    mouse = room.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move(*end, steps=4)
    mouse.up()


def tool(room: Reader, kind: str) -> None:
    """Take a tool in the open panel."""
    room.page.click(f".side-panel [data-kind={kind}]")


def amount(room: Reader, name: str, row: int = 0) -> float:
    """A value in the panel."""
    entry = room.page.locator(".side-panel li.row").nth(row).locator("dl > div", has_text=name).locator("dd")
    found = re.search(r"-?[\d.,]+", entry.inner_text())
    assert found is not None
    return float(found[0].replace(",", "."))


def fine_after(page: Page, drawings: int) -> int:
    """Wait until the body in three dimensions was drawn again, coarsely and then fine; return how often it has been."""
    drawn = page.wait_for_function(
        """before => {
            const solid = document.querySelector('.solid'), now = Number(solid?.dataset.drawings);
            return now > before && solid.querySelector('canvas').width > 500 && now;
        }""",
        arg=drawings,
    )
    return int(drawn.json_value())


def styled(room: Reader, rules: str) -> None:
    """Lay CSS rules over the page, past its policy against inline styles."""
    room.page.evaluate(
        "rules => { const sheet = new CSSStyleSheet(); sheet.replaceSync(rules);"
        " document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]; }",
        rules,
    )
