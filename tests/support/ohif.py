"""OHIF beside our pages, as tests read what was measured in them there."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.browser import watch
from tests.support.reading import Reader

VIEWPORT = ".cornerstone-viewport-element"


def save_measurements(room: Reader) -> None:
    """Save what was drawn in the open panel."""
    room.page.click(".side-panel .save")
    expect(room.page.locator(".side-panel .notice-line")).to_have_text("Đã lưu.")


def open_report(room: Reader, study: str) -> list[str]:
    """Leave the reading room for OHIF, show its first report of measurements; returns what goes wrong from then on."""
    wrong = watch(room.page)
    room.page.goto(f"{room.server.address}/ohif/viewer?StudyInstanceUIDs={study}")
    room.page.locator("[data-cy=study-browser-thumbnail-no-image]", has_text="Measurements").dblclick()
    expect(take_over(room.page)).to_be_visible()
    return wrong


def take_over(page: Page) -> Locator:
    """The button that makes measurements of the report OHIF's own."""
    return page.get_by_role("button", name="Yes")


def listed(page: Page) -> Locator:
    """OHIF's list of its own measurements, opened."""
    take_over(page).click()
    page.locator("[data-cy=trackedMeasurements-btn]").click()
    # There are two panels of that name, an empty one for what belongs to no study here among them.
    return page.locator("[data-cy=trackedMeasurements-panel]", has=page.locator("[data-cy=data-row]"))


def drawn(page: Page, words: re.Pattern[str]) -> Locator:
    """Texts that are drawn beside measurements in the first viewport."""
    return page.locator(VIEWPORT).first.locator("svg text").filter(has_text=words)


def faults(wrong: list[str]) -> list[str]:
    """What went wrong, but for what OHIF does to itself: on a busy computer it draws on a viewport that it has just
    replaced, and says so, with every request answered."""
    return [one for one in wrong if "viewport has been destroyed" not in one]
