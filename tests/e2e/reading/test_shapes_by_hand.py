"""Every other kind of measurement drawn by hand on the measuring insert, checked against the stored pixels."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from math import cos, hypot, pi, radians, sin, tan
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from pydicom import Dataset, dcmread

from sample_dicom import studies_folder
from sample_dicom.phantoms.table import INSERT
from storage.records import Records, Role
from tests.support.hands import amount, drag, tool
from tests.support.reading import Reader, import_files, study_of
from tests.support.web import PASSWORD, Server, running

CHEST = studies_folder() / "ct-chest"
IMAGE = 28
"""An instance through the insert (sample_dicom/README.md)."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The chest alone, in an archive where nobody else has saved what they measured."""
    data: Path = tmp_path_factory.mktemp("chest")
    with Records.open(data) as records:
        records.users.add(Role.RADIOLOGIST.value, Role.RADIOLOGIST, PASSWORD)
    import_files(data, sorted(CHEST.glob("*.dcm")))
    with running(data) as started:
        yield started


@pytest.fixture
def slice_() -> Dataset:
    return next(ds for path in CHEST.glob("ct*.dcm") if int((ds := dcmread(path)).InstanceNumber) == IMAGE)


@pytest.fixture
def insert(room: Reader, slice_: Dataset) -> Reader:
    """The insert enlarged in the middle, the panel open, nothing measured."""
    room.open(study_of(CHEST), f"?image={IMAGE}")
    room.page.evaluate(
        "() => { const c = window.filmless.cell; c.place({ ...c.placement, zoom: 3, pan: { x: 0, y: -600 } }); }"
    )
    room.press("m")
    expect(room.page.locator(".side-panel .kinds")).to_be_visible()
    return room


def on_screen(room: Reader, ds: Dataset, x: float, y: float) -> tuple[float, float]:
    """Where a place of the patient is on the screen."""
    left, top, _ = (float(value) for value in ds.ImagePositionPatient)
    row_mm, column_mm = (float(value) for value in ds.PixelSpacing)
    m: dict[str, float] = room.page.evaluate("() => ({ ...window.filmless.cell.matrix })")
    box = room.viewport.bounding_box()
    assert box is not None
    column, row = (x - left) / column_mm + 0.5, (y - top) / row_mm + 0.5
    return box["x"] + m["a"] * column + m["e"], box["y"] + m["d"] * row + m["f"]


def line(room: Reader, ds: Dataset, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from place to place of the patient, in mm."""
    drag(room, on_screen(room, ds, *start), on_screen(room, ds, *end))


def test_cobbs_angle(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "cobb")
    line(insert, slice_, (-30, 140), (10, 140))
    line(insert, slice_, (-30, 160), (10, 160 - 40 * tan(radians(25))))
    assert amount(insert, "Góc Cobb") == pytest.approx(25, abs=0.3)


def test_two_diameters(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "bidirectional")
    line(insert, slice_, (INSERT.rod_left, INSERT.rod_y), (INSERT.rod_right, INSERT.rod_y))
    assert amount(insert, "Trục dài") == pytest.approx(INSERT.rod_length, rel=0.005)
    assert amount(insert, "Trục ngắn") == pytest.approx(INSERT.rod_length / 2, rel=0.01)


def test_the_cardiothoracic_ratio(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "ratio")
    line(insert, slice_, (-20, 145), (20, 145))
    line(insert, slice_, (-40, 155), (40, 155))
    assert amount(insert, "Tỷ lệ tim/lồng ngực") == pytest.approx(0.5, abs=0.006)


def test_a_rectangle_has_area_mean_deviation_lowest_and_highest(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "rectangle")
    left, right, top, bottom = -33.0, 33.0, 138.0, 162.0
    line(insert, slice_, (left, top), (right, bottom))
    assert amount(insert, "Diện tích") == pytest.approx((right - left) * (bottom - top), rel=0.01)
    hu = slice_.pixel_array * float(slice_.RescaleSlope) + float(slice_.RescaleIntercept)
    x0, y0, _ = (float(value) for value in slice_.ImagePositionPatient)
    x = x0 + np.arange(slice_.Columns) * float(slice_.PixelSpacing[1])
    y = y0 + np.arange(slice_.Rows) * float(slice_.PixelSpacing[0])
    inside = hu[np.ix_((y > top) & (y < bottom), (x > left) & (x < right))]
    assert amount(insert, "Trung bình") == pytest.approx(inside.mean(), rel=0.02)
    assert amount(insert, "Độ lệch chuẩn") == pytest.approx(inside.std(), rel=0.02)
    assert amount(insert, "Nhỏ nhất") == pytest.approx(inside.min(), abs=15)
    assert amount(insert, "Lớn nhất") == pytest.approx(inside.max(), abs=15)
    expect(insert.page.locator(".side-panel li.row svg").last).to_be_visible()


def test_a_histogram_counts_the_pixels_inside(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "rectangle")
    first, last = corners = np.array([[-33.0, 138.0], [31.0, 161.0]])
    line(insert, slice_, (first[0], first[1]), (last[0], last[1]))
    top_left = np.array([float(value) for value in slice_.ImagePositionPatient[:2]])
    down, across = (float(value) for value in slice_.PixelSpacing)
    edges = (corners - top_left) / (across, down)
    assert np.abs(edges - np.round(edges)).min() > 0.05, "no pixel's centre lies on an edge"
    (left, top), (right, bottom) = np.ceil(edges).astype(int)
    hu = slice_.pixel_array.astype(int) * int(slice_.RescaleSlope) + int(slice_.RescaleIntercept)
    inside = hu[top:bottom, left:right].ravel()
    bins, span = 48, int(np.ptp(inside))
    counts = np.bincount(np.minimum((inside - inside.min()) * bins // span, bins - 1), minlength=bins)
    drawing = insert.page.locator(".side-panel figure svg")
    assert (drawing.get_attribute("data-counts") or "").split() == [str(count) for count in counts]
    heights = [
        float(one) for one in re.findall(r"v-([\d.e-]+)|v0", drawing.locator("path").get_attribute("d") or "") if one
    ]
    assert heights == pytest.approx(list(counts[counts > 0] / counts.max() * 24), rel=1e-6)
    told = insert.page.locator(".side-panel figcaption span")
    expect(told).to_have_text([str(inside.min()), f"{inside.size} điểm ảnh", str(inside.max())])
    common = inside.min() + span * counts.argmax() / bins
    said = re.findall(r"-?\d[\d,]*", drawing.get_attribute("aria-label") or "")
    assert [float(number.replace(",", ".")) for number in said] == pytest.approx(
        [common, common + span / bins], abs=0.51
    )


def round_the_disc(insert: Reader, slice_: Dataset, steps: int) -> list[tuple[float, float]]:
    """Places on the edge of the disc, on the screen."""
    (cx, cy), r = INSERT.disc_centre, INSERT.disc_radius
    x, y = on_screen(insert, slice_, cx, cy)
    across, down = (
        abs(end - middle) for end, middle in zip(on_screen(insert, slice_, cx + r, cy + r), (x, y), strict=True)
    )
    return [(x + across * cos(angle), y + down * sin(angle)) for angle in np.linspace(0, 2 * pi, steps + 1)]


def test_a_region_drawn_freely(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "freehand")
    around = round_the_disc(insert, slice_, 64)
    insert.page.mouse.move(*around[0])
    insert.page.mouse.down()
    for place in around[1:]:
        insert.page.mouse.move(*place)
    insert.page.mouse.up()
    assert amount(insert, "Diện tích") == pytest.approx(INSERT.disc_area, rel=0.005)
    assert amount(insert, "Trung bình") == pytest.approx(INSERT.disc_hu, rel=0.03)


def test_a_quick_hand_is_followed_between_two_frames_of_the_screen(insert: Reader, slice_: Dataset) -> None:
    """A busy browser tells of all places since its last frame with one event; each of them is on the outline."""
    tool(insert, "freehand")
    around = round_the_disc(insert, slice_, 400)
    insert.viewport.locator("svg.measures").evaluate(
        """(svg, around) => {
            const made = (kind, [clientX, clientY], more = {}) => new PointerEvent(kind, {
                clientX, clientY, pointerId: 7, pointerType: 'mouse', isPrimary: true, bubbles: true, ...more });
            svg.dispatchEvent(made('pointerdown', around[0], { button: 0, buttons: 1 }));
            for (let i = 1; i < around.length; i += 50) {
                const told = around.slice(i, i + 50);
                const coalescedEvents = told.map((place) => made('pointermove', place, { buttons: 1 }));
                svg.dispatchEvent(made('pointermove', told.at(-1), { buttons: 1, coalescedEvents }));
            }
            svg.dispatchEvent(made('pointerup', around.at(-1)));
        }""",
        around,
    )
    assert amount(insert, "Diện tích") == pytest.approx(INSERT.disc_area, rel=0.005)


def test_an_arrow_is_drawn_named_hidden_and_deleted(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "arrow")
    line(insert, slice_, (20, 140), (0, 150))
    row = insert.page.locator(".side-panel li.row")
    expect(row).to_have_count(1)
    row.locator(".jump").click()
    row.get_by_label("Tên").fill("Mảnh kim loại")
    row.get_by_label("Tên").press("Tab")
    expect(insert.viewport.locator(".measure")).to_contain_text("Mảnh kim loại")
    row.get_by_role("button", name="Ẩn").click()
    expect(insert.viewport.locator(".measure")).to_have_count(0)
    row.get_by_role("button", name="Ẩn").click()
    expect(insert.viewport.locator(".measure")).to_have_count(1)
    insert.page.locator('.bar-row input[type="checkbox"]').uncheck()
    expect(insert.viewport.locator(".measure")).to_have_count(0)
    insert.page.locator('.bar-row input[type="checkbox"]').check()
    row.get_by_role("button", name="Xóa").click()
    expect(row).to_have_count(0)


def corners(room: Reader, ds: Dataset) -> list[tuple[float, float]]:
    """Places of the patient, in mm, at two corners of the cell."""
    box = room.viewport.bounding_box()
    assert box is not None
    m: dict[str, float] = room.page.evaluate("() => ({ ...window.filmless.cell.matrix })")
    left, top, _ = (float(value) for value in ds.ImagePositionPatient)
    row_mm, column_mm = (float(value) for value in ds.PixelSpacing)
    return [
        (left + ((x - m["e"]) / m["a"] - 0.5) * column_mm, top + ((y - m["f"]) / m["d"] - 0.5) * row_mm)
        for x, y in ((0, 0), (box["width"], box["height"]))
    ]


def test_a_view_keeps_its_part_of_the_picture_and_its_drawings(insert: Reader, slice_: Dataset) -> None:
    ends = [(INSERT.rod_left, INSERT.rod_y), (INSERT.rod_right, INSERT.rod_y)]
    tool(insert, "length")
    line(insert, slice_, *ends)
    insert.page.keyboard.press("Escape")
    insert.press("h", "3", "d")
    panel = insert.page.locator(".side-panel")
    panel.locator("form input").fill("Thanh đo")
    before = corners(insert, slice_)
    panel.locator("form button").click()
    expect(panel.locator(".notice-line")).to_have_text("Đã lưu khung nhìn.")
    insert.open(study_of(CHEST), whole=False)
    insert.press("d")
    panel.locator(".view", has_text="Thanh đo").click()
    expect(insert.viewport).to_have_attribute("data-slice", str(IMAGE))
    insert.still()
    assert insert.window() == (480, 2500)
    assert np.abs(np.array(corners(insert, slice_)) - before).max() < 1.5 * float(slice_.PixelSpacing[0])
    expect(insert.viewport.locator(".measure")).to_have_count(0)
    drawing = insert.viewport.locator("svg[role=img]")
    box = insert.viewport.bounding_box()
    assert box is not None
    drawn = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", drawing.locator("path").get_attribute("d") or "")
    for (x, y), end in zip(drawn, ends, strict=True):
        assert (box["x"] + float(x), box["y"] + float(y)) == pytest.approx(on_screen(insert, slice_, *end), abs=2.5)
    expect(drawing.locator("text")).to_have_text(re.compile(r"^(49\.[89]|50)\d* mm$|^50\.[012]\d* mm$"))


def test_what_is_drawn_stays_on_its_slice(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "length")
    line(insert, slice_, (-20, 150), (20, 150))
    insert.page.keyboard.press("Escape")
    expect(insert.viewport.locator(".measure")).to_have_count(1)
    insert.press("ArrowDown")
    expect(insert.viewport.locator(".measure")).to_have_count(0)
    insert.page.locator(".side-panel li.row .jump").click()
    expect(insert.viewport).to_have_attribute("data-slice", str(IMAGE))
    expect(insert.viewport.locator(".measure")).to_have_count(1)


def test_the_line_on_the_screen_ends_where_the_hand_was(insert: Reader, slice_: Dataset) -> None:
    tool(insert, "length")
    start, end = on_screen(insert, slice_, -20, 140), on_screen(insert, slice_, 20, 160)
    drag(insert, start, end)
    insert.page.keyboard.press("Escape")
    insert.page.mouse.move(5, 5)
    box = insert.viewport.locator(".measure path").first.bounding_box()
    assert box is not None
    assert (box["x"], box["y"]) == pytest.approx(start, abs=3)
    assert hypot(box["width"], box["height"]) == pytest.approx(hypot(end[0] - start[0], end[1] - start[1]), abs=5)
    shot = np.asarray(Image.open(io.BytesIO(insert.page.screenshot())).convert("RGB")).astype(int)
    middle = (round((start[1] + end[1]) / 2), round((start[0] + end[0]) / 2))
    around = shot[middle[0] - 3 : middle[0] + 4, middle[1] - 3 : middle[1] + 4]
    assert (around.max(axis=2) - around.min(axis=2)).max() > 60, "a coloured line"
