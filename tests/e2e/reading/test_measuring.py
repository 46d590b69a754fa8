"""Measuring in the browser: by hand on known phantoms, kept as DICOM, shown again, right wherever the picture lies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import highdicom
import pytest
from playwright.sync_api import Browser, expect
from pydicom import Dataset, dcmread

from sample_dicom import studies_folder
from sample_dicom.phantoms.table import INSERT
from tests.support.hands import amount, drag, tool
from tests.support.reading import Reader, reader, study_of
from tests.support.web import PASSWORD, Server

CHEST = studies_folder() / "ct-chest"
WITHIN = 0.005


def chest() -> str:
    return study_of(CHEST)


def slices() -> list[Dataset]:
    found = [dcmread(path, stop_before_pixels=True) for path in CHEST.glob("ct*.dcm")]
    return sorted(found, key=lambda ds: int(ds.InstanceNumber))


def go_to_insert(room: Reader) -> Dataset:
    """Show a slice through the measuring insert, enlarged with the insert in sight; return its header."""
    series = slices()
    number = next(
        i for i, ds in enumerate(series) if INSERT.bottom + 10 < float(ds.ImagePositionPatient[2]) < INSERT.top - 10
    )
    room.open(chest())
    room.page.evaluate("place => { const room = window.filmless; room.go(room.cell, place); }", number)
    # Three times as large, the insert in the middle: the hand sets points to a twentieth of a millimetre.
    room.page.evaluate(
        "() => { const c = window.filmless.cell; c.place({ ...c.placement, zoom: 3, pan: { x: 0, y: -600 } }); }"
    )
    room.still()
    return series[number]


def on_screen(room: Reader, ds: Dataset, x: float, y: float) -> tuple[float, float]:
    """Where a place of the patient is on the screen."""
    left, top, _ = (float(value) for value in ds.ImagePositionPatient)
    row_mm, column_mm = (float(value) for value in ds.PixelSpacing)
    matrix: dict[str, float] = room.page.evaluate("() => ({ ...window.filmless.cell.matrix })")
    column, row = (x - left) / column_mm + 0.5, (y - top) / row_mm + 0.5
    box = room.viewport.bounding_box()
    assert box is not None
    return (
        box["x"] + matrix["a"] * column + matrix["b"] * row + matrix["e"],
        box["y"] + matrix["c"] * column + matrix["d"] * row + matrix["f"],
    )


@pytest.mark.parametrize("turns", ["", "r", "h", "rrv"])
def test_known_sizes_are_right_however_the_picture_lies(room: Reader, turns: str) -> None:
    ds = go_to_insert(room)
    for key in turns:
        room.press(key)
    # A turn moves the insert out of sight: bring its middle to the middle.
    x, y = on_screen(room, ds, 20, INSERT.rod_y)
    box = room.viewport.bounding_box()
    assert box is not None
    by = {"x": box["x"] + box["width"] / 2 - x, "y": box["y"] + box["height"] / 2 - y}
    room.page.evaluate(
        "by => { const c = window.filmless.cell, p = c.placement;"
        " c.place({ ...p, pan: { x: p.pan.x + by.x, y: p.pan.y + by.y } }); }",
        by,
    )
    room.press("m")
    tool(room, "length")
    drag(room, on_screen(room, ds, INSERT.rod_left, INSERT.rod_y), on_screen(room, ds, INSERT.rod_right, INSERT.rod_y))
    assert amount(room, "Khoảng cách") == pytest.approx(INSERT.rod_length, rel=WITHIN)
    tool(room, "ellipse")
    cx, cy = INSERT.disc_centre
    r = INSERT.disc_radius
    drag(room, on_screen(room, ds, cx - r, cy - r), on_screen(room, ds, cx + r, cy + r))
    assert amount(room, "Diện tích", 1) == pytest.approx(INSERT.disc_area, rel=0.01)
    inside = r - 2
    # With the panel open the tool stays in the hand.
    drag(room, on_screen(room, ds, cx - inside, cy - inside), on_screen(room, ds, cx + inside, cy + inside))
    assert amount(room, "Trung bình", 2) == pytest.approx(INSERT.disc_hu, rel=WITHIN)


def newest_report(server_data: Path) -> Any:
    found = [path for path in server_data.rglob("*.dcm") if b"Filmless" in path.read_bytes()[:4000]]
    reports = [path for path in found if dcmread(path, stop_before_pixels=True).Modality == "SR"]
    return highdicom.sr.srread(max(reports, key=lambda path: path.stat().st_mtime))


def test_what_is_drawn_is_kept_and_shown_again(room: Reader, samples_data: Path) -> None:
    ds = go_to_insert(room)
    room.press("m")
    before = room.page.locator(".side-panel li.row").count()
    tool(room, "length")
    drag(room, on_screen(room, ds, -20, INSERT.rod_y), on_screen(room, ds, 20, INSERT.rod_y))
    tool(room, "angle")
    corner = on_screen(room, ds, 0, INSERT.rod_y)
    drag(room, on_screen(room, ds, -20, INSERT.rod_y), corner)
    room.page.mouse.move(corner[0], corner[1] - 60)
    room.page.mouse.down()
    room.page.mouse.up()
    tool(room, "text")
    room.page.mouse.click(*on_screen(room, ds, 10, INSERT.rod_y - 20))
    room.page.keyboard.type("Thanh đo")
    room.page.keyboard.press("Enter")
    rows = room.page.locator(".side-panel li.row")
    expect(rows).to_have_count(before + 3)
    room.page.click(".side-panel .save")
    expect(room.page.locator(".side-panel .notice-line")).to_have_text("Đã lưu.")
    report = newest_report(samples_data)
    values = [m.value for group in report.content.get_image_measurement_groups() for m in group.get_measurements()]
    assert any(value == pytest.approx(40, rel=WITHIN) for value in values)
    assert any(value == pytest.approx(90, abs=1) for value in values)

    room.open(chest(), whole=False)
    room.press("m")
    expect(rows).to_have_count(before + 3)
    rows.nth(before).locator(".jump").click()
    room.still()
    expect(room.viewport.locator(".measure")).to_have_count(before + 3)
    rows.nth(before).get_by_role("button", name="Xóa").click()
    expect(rows).to_have_count(before + 2)
    room.page.click(".side-panel .save")
    expect(room.page.locator(".side-panel .notice-line")).to_have_text("Đã lưu.")


def test_what_was_measured_outlives_the_session(room: Reader) -> None:
    """Signed out behind one's back, signed in again in another tab: nothing is drawn twice."""
    ds = go_to_insert(room)
    room.press("m")
    rows, panel = room.page.locator(".side-panel li.row"), room.page.locator(".side-panel")
    before = rows.count()
    tool(room, "length")
    drag(room, on_screen(room, ds, -20, INSERT.rod_y), on_screen(room, ds, 20, INSERT.rod_y))
    room.page.context.clear_cookies()
    panel.locator(".save").click()
    expect(panel.locator(".notice-line.bad")).to_be_visible()
    expect(rows).to_have_count(before + 1)
    other = room.page.context.new_page()
    other.goto(room.server.address + "/login")
    other.fill("input[name=username]", "radiologist")
    other.fill("input[name=password]", PASSWORD)
    other.keyboard.press("Enter")
    other.wait_for_url(room.server.address + "/")
    other.close()
    panel.locator(".save").click()
    expect(panel.locator(".notice-line")).to_have_text("Đã lưu.")
    room.open(chest(), whole=False)
    room.press("m")
    expect(rows).to_have_count(before + 1)
    # Taken back, for the tests after this one.
    rows.nth(before).get_by_role("button", name="Xóa").click()
    panel.locator(".save").click()
    expect(panel.locator(".notice-line")).to_have_text("Đã lưu.")
    room.wrong[:] = [one for one in room.wrong if not re.search(r"401|403", one)]


def test_a_shape_is_moved_by_its_ends(room: Reader) -> None:
    ds = go_to_insert(room)
    room.press("m")
    before = room.page.locator(".side-panel li.row").count()
    tool(room, "length")
    drag(room, on_screen(room, ds, -20, INSERT.rod_y), on_screen(room, ds, 20, INSERT.rod_y))
    room.page.keyboard.press("Escape")
    window = room.window()
    drag(room, on_screen(room, ds, 20, INSERT.rod_y), on_screen(room, ds, 10, INSERT.rod_y))
    assert room.window() == window, "the hand had the shape, not the window"
    assert amount(room, "Khoảng cách", before) == pytest.approx(30, rel=0.01)
    room.page.keyboard.press("Delete")
    expect(room.page.locator(".side-panel li.row")).to_have_count(before)


def test_a_radiograph_without_calibration_says_so(room: Reader) -> None:
    """The detector's spacing is larger than the patient's: mm stand with a warning; a ratio needs none."""
    room.open(study_of(studies_folder() / "mammogram"))
    room.press("m")
    box = room.viewport.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tool(room, "length")
    drag(room, (x - 60, y), (x + 60, y))
    status = room.page.evaluate("() => window.filmless.cell.facts.spacing.status")
    label = room.viewport.locator(".measure text").last.text_content() or ""
    assert ("≈" in label) == (status in ("detector", "film"))


def test_who_may_not_save_may_measure(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, who="clinician") as room:
        room.open(chest(), whole=False)
        room.press("m")
        expect(room.page.locator(".side-panel .kinds")).to_be_visible()
        expect(room.page.locator(".side-panel .save")).to_have_count(0)
        assert room.wrong == []


def test_fingers_measure_on_a_phone(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, width=390, height=844, phone=True) as room:
        room.open(chest(), whole=False)
        room.page.evaluate("() => window.filmless.take('length')")
        box = room.viewport.bounding_box()
        assert box is not None
        x, y = box["x"] + 120, box["y"] + box["height"] / 2
        touch = room.page.context.new_cdp_session(room.page)
        for kind, at in (("touchStart", x), ("touchMove", x + 60), ("touchMove", x + 120)):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(room.viewport.locator(".measure[data-kind=length]").last).to_be_attached()
        assert room.wrong == []
