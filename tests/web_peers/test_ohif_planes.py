"""What is measured on a plane that is no stored image is listed, found and measured alike in OHIF."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from sample_dicom import studies_folder
from sample_dicom.phantoms.chest import INSERT
from tests.support.browser import watch
from tests.support.hands import drag, tool
from tests.support.reading import Reader, study_of
from tests.support.web import Server

ANSWER_MS = 60_000
CHEST = studies_folder() / "ct-chest"


def test_ohif_goes_to_what_was_measured_on_a_made_plane(reading_page: Page, chest_server: Server) -> None:
    """A length on a coronal plane (SCOORD3D): OHIF lists it, finds a slice that it lies in, and measures the same."""
    page, server = reading_page, chest_server
    room = Reader(page, [], server)
    room.open(study_of(CHEST))
    room.press("u")
    page.click("[data-plane=coronal]")
    expect(room.viewport.locator(".made")).to_have_count(1)
    # The plane through the rod, in its middle the height of the slice with the insert.
    ends: list[list[float]] = page.evaluate(
        """([y, from, to]) => {
            const room = window.filmless, { cell } = room;
            const away = cell.series.facts.map((facts) => Math.abs(facts.position[1] - y));
            room.go(cell, away.indexOf(Math.min(...away)));
            const { facts, matrix: m } = cell, row = (facts.position[2] - 118) / facts.spacing.row_mm + 0.5;
            return [from, to].map((x) => {
                const column = (x - facts.position[0]) / facts.spacing.column_mm + 0.5;
                return [m.a * column + m.b * row + m.e, m.c * column + m.d * row + m.f];
            });
        }""",
        [INSERT.rod_y, INSERT.rod_left, INSERT.rod_right],
    )
    room.still()
    room.press("m")
    box = room.viewport.bounding_box()
    assert box is not None
    tool(room, "length")
    start, end = ((box["x"] + x, box["y"] + y) for x, y in ends)
    drag(room, start, end)
    page.click(".side-panel .save")
    expect(page.locator(".side-panel .notice-line")).to_have_text("Đã lưu.", timeout=ANSWER_MS)

    wrong = watch(page)
    page.goto(f"{server.address}/ohif/viewer?StudyInstanceUIDs={study_of(CHEST)}")
    report = page.locator("[data-cy=study-browser-thumbnail-no-image]", has_text="Measurements")
    report.dblclick(timeout=ANSWER_MS)
    hydrate = page.get_by_role("button", name="Yes")
    expect(hydrate).to_be_visible(timeout=ANSWER_MS)
    expect(page.get_by_text("(1/48)").first).to_be_visible(timeout=ANSWER_MS)
    assert wrong == []
    hydrate.click()
    page.locator("[data-cy=trackedMeasurements-btn]").click()
    rows = page.locator("[data-cy=data-row]")
    expect(rows).to_have_count(1, timeout=ANSWER_MS)
    expect(rows.first).to_contain_text("Length")
    rows.first.click()
    texts = page.locator(".cornerstone-viewport-element").first.locator("svg text")
    near = re.compile(r"\b(49\.[5-9]|50\.[0-5])\d* mm")
    expect(texts.filter(has_text=near).first).to_be_visible(timeout=ANSWER_MS)
    # On a busy computer OHIF draws on a viewport that it has just replaced, and says so; every request was answered.
    assert [one for one in wrong if "viewport has been destroyed" not in one] == []
