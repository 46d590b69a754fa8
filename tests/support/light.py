"""The light view as tests wait for it."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def drawn(page: Page) -> None:
    """Wait for the drawing that the last key, wheel or move asked for: the view draws with the screen's next frame."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def settled(page: Page) -> None:
    """Wait until the exact image is on the screen, in the look that was wanted last."""
    viewport = page.locator("#viewport")
    expect(viewport).not_to_have_attribute("data-rendered", "0")
    # A change takes the word back as soon as it is known, which for the mouse is with the screen's next frame.
    drawn(page)
    expect(viewport).to_have_attribute("data-quality", "exact")
