"""What is measured in our reading room is listed and drawn in OHIF, from the report that the archive keeps."""

from __future__ import annotations

import io
import re

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from sample_dicom import studies_folder
from tests.support.hands import drag, tool
from tests.support.ohif import VIEWPORT, drawn, faults, listed, open_report, save_measurements
from tests.support.reading import Reader, study_of
from tests.support.web import Server

CHEST = studies_folder() / "ct-chest"
IMAGE = 28
"""A slice through the measuring insert: a rod of 50.0 mm, a disc of 452.4 mm2 (sample_dicom/README.md)."""
ROD, DISC = ((-25, 150), (25, 150)), ((48, 138), (72, 162))


def at(room: Reader, place: tuple[float, float]) -> tuple[float, float]:
    """Where a place of the patient, x and y in mm, is on the screen."""
    found: list[float] = room.page.evaluate(
        """([x, y]) => {
            const { facts, matrix: m } = window.filmless.cell;
            const column = (x - facts.position[0]) / facts.spacing.column_mm + 0.5;
            const row = (y - facts.position[1]) / facts.spacing.row_mm + 0.5;
            return [m.a * column + m.e, m.d * row + m.f];
        }""",
        list(place),
    )
    box = room.viewport.bounding_box()
    assert box is not None
    return box["x"] + found[0], box["y"] + found[1]


def test_ohif_lists_and_draws_what_was_measured_here(reading_page: Page, chest_server: Server) -> None:
    page, room = reading_page, Reader(reading_page, [], chest_server)
    room.open(study_of(CHEST), f"?image={IMAGE}")
    page.evaluate(
        "() => { const c = window.filmless.cell; c.place({ ...c.placement, zoom: 3, pan: { x: 0, y: -600 } }); }"
    )
    room.press("m")
    for kind, (start, end) in (("length", ROD), ("ellipse", DISC)):
        tool(room, kind)
        drag(room, at(room, start), at(room, end))
    save_measurements(room)
    wrong = open_report(room, study_of(CHEST))
    length = r"(49\.[89]|50\.[0-2])\d* mm"
    expect(drawn(page, re.compile(rf"\b{length}"))).to_have_count(1)
    expect(drawn(page, re.compile(r"Area: 45[0-5]\.\d+ mm"))).to_have_count(1)
    shot = np.asarray(Image.open(io.BytesIO(page.locator(VIEWPORT).first.screenshot())).convert("RGB")).astype(int)
    coloured = (shot.max(axis=2) - shot.min(axis=2)) > 100
    assert coloured.sum() > 200, "lines and texts in colour"
    assert faults(wrong) == []
    own = listed(page)
    expect(own).to_contain_text(re.compile(length))
    # What was given no name is called by its kind.
    expect(own).to_contain_text("Length")
    expect(own).to_contain_text("Ellipse")
    expect(own).not_to_contain_text("(empty)")
    # Of an ellipse OHIF counts the pixels, those on the rim included: its own area is larger than the stored one.
    expect(own).to_contain_text(re.compile(r"\d+ mm²"))
    assert faults(wrong) == []
