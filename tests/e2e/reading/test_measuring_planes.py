"""Measuring on planes that are no stored image: right, kept in the patient's space, shown again where it was drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import highdicom
import numpy as np
import pytest
from playwright.sync_api import expect
from pydicom import dcmread

from sample_dicom import studies_folder
from sample_dicom.phantoms.table import INSERT
from tests.support.hands import amount, drag, tool
from tests.support.reading import Reader, study_of

CHEST = studies_folder() / "ct-chest"
WITHIN = 0.005
HEIGHT = 118.0
"""In the middle of the insert."""
ROD = ((INSERT.rod_left, HEIGHT), (INSERT.rod_right, HEIGHT))
PLANE = "MPR Vành (đứng ngang)"


def show_coronal(room: Reader) -> None:
    """Show the coronal plane through the rod, enlarged with the rod in the middle."""
    room.press("u")
    room.page.click("[data-plane=coronal]")
    expect(room.viewport.locator(".made")).to_have_text(PLANE)
    room.page.evaluate(
        """y => {
            const room = window.filmless, places = room.cell.series.facts.map(f => Math.abs(f.position[1] - y));
            room.go(room.cell, places.indexOf(Math.min(...places)));
        }""",
        INSERT.rod_y,
    )
    room.still()
    enlarge(room)


def enlarge(room: Reader) -> None:
    """Three times as large, the rod in the middle: the hand sets points to a twentieth of a millimetre."""
    room.page.evaluate("() => { const c = window.filmless.cell; c.place({ ...c.placement, zoom: 3 }); }")
    x, y = on_screen(room, 0, HEIGHT)
    box = room.viewport.bounding_box()
    assert box is not None
    by = {"x": box["x"] + box["width"] / 2 - x, "y": box["y"] + box["height"] / 2 - y}
    room.page.evaluate(
        "by => { const c = window.filmless.cell, p = c.placement; c.place({ ...p, pan: { x: by.x, y: by.y } }); }", by
    )
    room.still()


def on_screen(room: Reader, x: float, z: float) -> tuple[float, float]:
    """Where a place of the patient is on the screen, in a coronal plane."""
    found: list[float] = room.page.evaluate(
        """([x, z]) => {
            const { facts, matrix: m } = window.filmless.cell;
            const column = (x - facts.position[0]) / facts.spacing.column_mm + 0.5;
            const row = (facts.position[2] - z) / facts.spacing.row_mm + 0.5;
            return [m.a * column + m.b * row + m.e, m.c * column + m.d * row + m.f];
        }""",
        [x, z],
    )
    box = room.viewport.bounding_box()
    assert box is not None
    return box["x"] + found[0], box["y"] + found[1]


def save(room: Reader) -> None:
    room.page.click(".side-panel .save")
    expect(room.page.locator(".side-panel .notice-line")).to_have_text("Đã lưu.")


def newest_report(data: Path) -> Any:
    found = [path for path in data.rglob("*.dcm") if dcmread(path, stop_before_pixels=True).Modality == "SR"]
    return cast(Any, highdicom.sr.srread(max(found, key=lambda path: path.stat().st_mtime)))


def test_a_length_on_a_coronal_plane_is_kept_and_shown_again(room: Reader, samples_data: Path) -> None:
    room.open(study_of(CHEST))
    show_coronal(room)
    room.press("m")
    rows = room.page.locator(".side-panel li.row")
    before = rows.count()
    tool(room, "length")
    drag(room, on_screen(room, *ROD[0]), on_screen(room, *ROD[1]))
    tool(room, "ellipse")
    drag(room, on_screen(room, 51, HEIGHT + 9), on_screen(room, 69, HEIGHT - 9))
    expect(rows).to_have_count(before + 2)
    assert amount(room, "Khoảng cách", before) == pytest.approx(INSERT.rod_length, rel=WITHIN)
    # Inside the disc, which is a rod seen from the end: one value all over.
    assert amount(room, "Trung bình", before + 1) == pytest.approx(INSERT.disc_hu, rel=0.02)
    mean = amount(room, "Trung bình", before + 1)
    expect(rows.nth(before).locator(".plane")).to_have_text(PLANE)
    save(room)

    report = newest_report(samples_data)
    groups = report.content.get_image_measurement_groups()
    (length,) = [m for group in groups for m in group.get_measurements() if m.value == pytest.approx(50, rel=WITHIN)]
    (places,) = length.referenced_coordinates
    assert np.allclose(places.value[:, 1], INSERT.rod_y, atol=0.5)
    assert np.allclose(places.value[:, 0], [INSERT.rod_left, INSERT.rod_right], atol=0.2)

    room.open(study_of(CHEST))
    room.press("m")
    expect(rows).to_have_count(before + 2)
    assert amount(room, "Khoảng cách", before) == pytest.approx(INSERT.rod_length, rel=WITHIN)
    assert amount(room, "Trung bình", before + 1) == mean
    expect(room.viewport.locator(".made")).to_have_count(0)
    rows.nth(before).locator(".jump").click()
    expect(room.viewport.locator(".made")).to_have_text(PLANE)
    drawn = room.viewport.locator(".measure")
    expect(drawn).to_have_count(2)
    expect(drawn.first.locator("text")).to_have_text("50,0 mm")
    # It lies where it was set, and nowhere else.
    place = room.page.evaluate("() => window.filmless.cell.facts.position[1]")
    assert place == pytest.approx(INSERT.rod_y, abs=0.5)
    room.press("ArrowDown", "ArrowDown")
    expect(drawn).to_have_count(0)
    room.press("ArrowUp", "ArrowUp")
    expect(drawn).to_have_count(2)

    hide = rows.nth(before).get_by_role("button", name="Ẩn")
    hide.click()
    expect(drawn).to_have_count(1)
    hide.click()
    rows.nth(before).locator(".name").fill("Thanh đo")
    rows.nth(before).locator(".name").press("Enter")
    expect(drawn.first.locator("text")).to_contain_text("Thanh đo")
    enlarge(room)
    room.press("Escape")
    drag(room, on_screen(room, *ROD[1]), on_screen(room, 15, HEIGHT))
    assert amount(room, "Khoảng cách", before) == pytest.approx(40, rel=0.01)
    for _ in range(2):
        rows.nth(before).get_by_role("button", name="Xóa").click()
    expect(rows).to_have_count(before)
    save(room)
