"""What is measured on a plane that is no stored image is listed, found and measured alike in OHIF."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from sample_dicom import studies_folder
from sample_dicom.phantoms.table import INSERT
from tests.support.hands import drag, tool
from tests.support.ohif import drawn, faults, listed, open_report, save_measurements
from tests.support.reading import Reader, study_of
from tests.support.web import Server

CHEST = studies_folder() / "ct-chest"


def test_ohif_goes_to_what_was_measured_on_a_made_plane(reading_page: Page, chest_server: Server) -> None:
    """A length on a coronal plane (SCOORD3D): OHIF lists it, finds a slice that it lies in, and measures the same."""
    page, room = reading_page, Reader(reading_page, [], chest_server)
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
    save_measurements(room)
    wrong = open_report(room, study_of(CHEST))
    expect(page.get_by_text("(1/48)").first).to_be_visible()
    assert faults(wrong) == []
    rows = listed(page).locator("[data-cy=data-row]")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Length")
    rows.first.click()
    expect(drawn(page, re.compile(r"\b(49\.[5-9]|50\.[0-5])\d* mm")).first).to_be_visible()
    assert faults(wrong) == []
