"""Planes through a volume, priors beside, key images and views kept, attributes, pictures to take out."""

from __future__ import annotations

import io
import re
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import expect
from pydicom import Dataset, dcmread

from sample_dicom import studies_folder
from tests.support.reading import Reader, study_of
from tests.support.volumes import sampled

CHEST = studies_folder() / "ct-chest"
AXES = (("L", "R"), ("P", "A"), ("H", "F"))


def chest() -> str:
    return study_of(CHEST)


@pytest.fixture(scope="module")
def series() -> list[Dataset]:
    """The CT with its pixels, from the feet up."""
    found = [dcmread(path) for path in CHEST.glob("ct*.dcm")]
    return sorted(found, key=lambda ds: float(ds.ImagePositionPatient[2]))


@pytest.fixture(scope="module")
def volume(series: list[Dataset]) -> NDArray[np.float64]:
    """HU by (slice, row, column)."""
    return np.stack([ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for ds in series])


def hu_at(series: list[Dataset], volume: NDArray[np.float64], place: list[float]) -> float:
    """HU at a place of the patient in mm, linear between the eight pixels around it."""
    left, top, low = (float(value) for value in series[0].ImagePositionPatient)
    step = float(series[1].ImagePositionPatient[2]) - low
    at = np.array([
        (place[2] - low) / step,
        (place[1] - top) / float(series[0].PixelSpacing[0]),
        (place[0] - left) / float(series[0].PixelSpacing[1]),
    ])  # fmt: skip
    base = np.clip(np.floor(at).astype(int), 0, np.array(volume.shape) - 2)
    part = at - base
    corner = volume[tuple(slice(b, b + 2) for b in base)]
    for share in part:
        corner = corner[0] * (1 - share) + corner[1] * share
    return float(corner)


def letter(direction: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return AXES[axis][0 if direction[axis] > 0 else 1]


SHOWN = """() => {
  const cell = window.filmless.cell, f = cell.facts, m = cell.matrix, p = cell.series.picture(cell.position);
  return { matrix: { ...m }, orientation: [...f.orientation], position: [...f.position], rows: f.rows,
    columns: f.columns, spacing: [f.spacing.row_mm, f.spacing.column_mm], box: { ...cell.box } };
}"""


def check(room: Reader, series: list[Dataset], volume: NDArray[np.float64], random: Random) -> None:
    """Letters, millimetres and values of what the active cell shows, against the geometry of the files."""
    room.still()
    shown: dict[str, Any] = room.page.evaluate(SHOWN)
    m = shown["matrix"]
    forward = np.array([[m["a"], m["b"]], [m["c"], m["d"]]])
    row, down = (np.array(shown["orientation"][part : part + 3]) for part in (0, 3))
    row_mm, column_mm = shown["spacing"]
    backward = np.linalg.inv(forward)

    def patient(x: float, y: float) -> NDArray[np.float64]:
        column, line = backward @ np.array([x - m["e"], y - m["f"]])
        return np.array(shown["position"]) + row * (column - 0.5) * column_mm + down * (line - 0.5) * row_mm

    box = shown["box"]
    middle = (box["width"] / 2, box["height"] / 2)
    cell = room.page.locator(".viewport.active, .cells:not(.many) .viewport").first
    # Letters are those of a step to each side of the screen.
    for side, (dx, dy) in {"right": (1, 0), "left": (-1, 0), "top": (0, -1), "bottom": (0, 1)}.items():
        step = patient(middle[0] + dx, middle[1] + dy) - patient(*middle)
        assert cell.locator(f".letter.{side}").inner_text()[:1] == letter(step), side
    # Millimetres are alike in all directions, and those of the scale bar.
    across = np.linalg.norm(patient(middle[0] + 100, middle[1]) - patient(*middle))
    upward = np.linalg.norm(patient(middle[0], middle[1] + 100) - patient(*middle))
    assert across == pytest.approx(upward, rel=1e-6)
    bar = cell.locator(".bar")
    pixels = float(bar.locator("svg").get_attribute("width") or 0)
    assert float(bar.locator("span").inner_text().split()[0]) == pytest.approx(pixels * across / 100, rel=0.005)
    # The value under a pixel is that of the patient there.
    x, y = middle[0] + random.uniform(-40, 40), middle[1] + random.uniform(-40, 40)
    column, line = (int(v) for v in np.floor(backward @ np.array([x - m["e"], y - m["f"]])))
    if 0 <= column < shown["columns"] and 0 <= line < shown["rows"]:
        value = room.page.evaluate(
            "([c, r]) => { const cell = window.filmless.cell;"
            " return cell.series.picture(cell.position).values[r * cell.facts.columns + c]; }",
            [column, line],
        )
        centre = np.array(shown["position"]) + row * column * column_mm + down * line * row_mm
        if value > -2000:
            assert value == pytest.approx(hu_at(series, volume, list(centre)), abs=1.01)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_sequence_of_turns_planes_and_layouts_parts_picture_and_patient(
    room: Reader, series: list[Dataset], volume: NDArray[np.float64], seed: int
) -> None:
    room.open(chest())
    room.press("u")
    random = Random(seed)
    keys = ["r", "R", "h", "v", "ArrowDown", "PageDown", "PageDown", "+", "-", "0"]
    for _ in range(10):
        step = random.choice(["key", "key", "key", "plane", "layout"])
        if step == "key":
            room.page.keyboard.press(random.choice(keys))
        elif step == "plane":
            room.page.click(f"[data-plane={random.choice(['axial', 'coronal', 'sagittal'])}]")
        else:
            room.page.locator("select.layouts").select_option(random.choice(["0", "1", "3"]))
        check(room, series, volume, random)


def test_three_planes_and_a_slab(room: Reader) -> None:
    room.open(chest())
    room.press("u")
    room.page.click("[data-action=mpr]")
    expect(room.page.locator(".viewport")).to_have_count(4)
    marks = room.page.locator(".viewport .made")
    expect(marks).to_have_text(["MPR Ngang", "MPR Vành (đứng ngang)", "MPR Đứng dọc"])
    room.page.locator(".viewport").nth(1).click()
    room.page.locator("[name=slab]").fill("20")
    expect(marks.nth(1)).to_have_text("MPR Vành (đứng ngang) · MIP 20 mm")
    room.page.locator("[name=tilt]").fill("30")
    expect(marks.nth(1)).to_contain_text("chếch 30°/0°")
    letters = room.page.locator(".viewport").nth(1).locator(".letter.top")
    expect(letters).to_have_text("HA")
    room.page.wait_for_url(re.compile(r"~coronal~30~0:\d+:maximum:20"))
    room.page.reload()
    expect(marks.nth(1)).to_have_text("MPR Vành (đứng ngang) · chếch 30°/0° · MIP 20 mm", timeout=60_000)
    expect(marks).to_have_count(3, timeout=60_000)


PLANE = """() => {
  const { facts, series, position } = window.filmless.cell;
  return { at: [...facts.position], row: facts.orientation.slice(0, 3), column: facts.orientation.slice(3),
    rows: facts.rows, columns: facts.columns, spacing: [facts.spacing.row_mm, facts.spacing.column_mm],
    values: Array.from(series.picture(position).values) };
}"""


GATHERED = {"maximum": ("MIP", np.max), "minimum": ("MinIP", np.min), "mean": ("Trung bình", np.mean)}


def test_a_slab_holds_what_lies_within_its_thickness(
    room: Reader, series: list[Dataset], volume: NDArray[np.float64]
) -> None:
    """Oblique slabs of 12 mm against the same in numpy, taken twice as finely from the files."""
    thickness = 12.0
    room.open(chest())
    room.press("u")
    room.page.click("[data-plane=coronal]")
    room.page.locator("[name=tilt]").fill("20")
    room.page.locator("[name=slab]").fill(str(int(thickness)))
    for projection, (words, gather) in GATHERED.items():
        room.page.click(f"[data-projection={projection}]")
        expect(room.viewport.locator(".made")).to_have_text(f"MPR Vành (đứng ngang) · chếch 20°/0° · {words} 12 mm")
        room.still()
        shown = room.page.evaluate(PLANE)
        row, column = np.array(shown["row"]), np.array(shown["column"])
        lines, places = np.mgrid[20 : shown["rows"] - 20 : 9, 20 : shown["columns"] - 20 : 9]
        at = np.array(shown["at"]) + places[..., None] * shown["spacing"][1] * row
        at = at + lines[..., None] * shown["spacing"][0] * column
        offsets = np.linspace(-thickness / 2, thickness / 2, 49)
        values = sampled(series, volume, at[None] + offsets[:, None, None, None] * np.cross(row, column))
        inside = ~np.isnan(values).any(axis=0)
        assert inside.mean() > 0.3
        values = values[:, inside]
        made = np.array(shown["values"]).reshape(shown["rows"], shown["columns"])[lines, places][inside]
        difference = np.abs(made - gather(values, axis=0))
        assert difference.mean() < 0.03 * np.ptp(values, axis=0).mean(), projection
        assert np.median(difference) < 3, projection


def test_handles_turn_planes_by_mouse_and_keyboard(room: Reader) -> None:
    room.open(chest())
    room.press("Shift+U")
    marks = room.page.locator(".viewport .made")
    expect(marks).to_have_count(3)
    handle = room.page.locator(".viewport").first.locator("[data-turns='1']").first
    box = handle.bounding_box()
    cell = room.page.locator(".viewport").first.bounding_box()
    assert box is not None
    assert cell is not None
    before = room.page.evaluate("() => ({ ...window.filmless.point.at })")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    room.page.mouse.move(x, y)
    room.page.mouse.down()
    room.page.mouse.move(x, y - 40, steps=5)
    room.page.mouse.up()
    expect(marks.nth(1)).to_contain_text("chếch 0°/")
    turned = marks.nth(1).inner_text()
    assert room.page.evaluate("() => ({ ...window.filmless.point.at })") == before, "the crosshair stays"
    handle = room.page.locator(".viewport").first.locator("[data-turns='1']").first
    handle.focus()
    room.page.keyboard.press("ArrowRight")
    expect(marks.nth(1)).not_to_have_text(turned)
    room.page.keyboard.press("Home")
    expect(marks.nth(1)).to_have_text("MPR Vành (đứng ngang)")
    made = "() => [...window.filmless.library.series.keys()].filter(uid => uid.includes('~')).length"
    assert room.page.evaluate(made) == 3, "planes that nobody looks at are let go of"


def test_sliders_and_buttons_work_by_keyboard(room: Reader) -> None:
    room.open(chest())
    room.press("u")
    room.page.click("[data-plane=coronal]")
    room.still()
    slice_before = room.data("slice")
    room.page.locator("[name=slab]").focus()
    room.page.keyboard.press("ArrowRight")
    room.page.keyboard.press("ArrowRight")
    expect(room.page.locator("[name=slab]")).to_have_value("2")
    assert room.data("slice") == slice_before
    room.page.keyboard.press("Tab")
    room.page.keyboard.press("Tab")
    room.page.keyboard.press("Space")
    expect(room.page.locator("[data-projection=minimum]")).to_have_attribute("aria-pressed", "true")
    assert room.page.evaluate("() => window.filmless.cell.playing") is False


def test_what_is_measured_on_another_study_is_kept_with_that(room: Reader) -> None:
    room.open(chest())
    room.press("c")
    room.page.locator(".prior").first.click()
    beside = room.page.locator(".viewport").nth(1)
    expect(beside).to_have_attribute("data-slice", "1")
    other = str(room.page.locator(".prior").first.get_attribute("data-study"))
    room.press("m")
    room.page.click(".side-panel [data-kind=length]")
    room.still()  # nothing can be drawn on an image that has not come
    box = beside.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    room.page.mouse.move(x - 60, y)
    room.page.mouse.down()
    room.page.mouse.move(x + 60, y, steps=4)
    room.page.mouse.up()
    expect(room.page.locator(".side-panel li.row .words")).to_have_text("Trên ca khác của bệnh nhân, và lưu ở đó.")
    room.page.click(".side-panel .save")
    expect(room.page.locator(".side-panel .notice-line")).to_have_text("Đã lưu.")

    def kept() -> int:
        answer = room.page.request.get(f"{room.server.address}/study/{other}/measurements")
        return sum(len(document["measurements"]) for document in answer.json()["documents"])

    assert kept() == 1
    room.page.locator(".side-panel li.row").last.get_by_role("button", name="Xóa").click()
    room.page.click(".side-panel .save")
    expect(room.page.locator(".side-panel .unsaved")).to_have_count(0)
    assert kept() == 0


def test_a_radiograph_is_no_volume_and_says_so(room: Reader) -> None:
    room.open(study_of(studies_folder() / "dx-chest"))
    room.press("u")
    room.page.click("[data-plane=coronal]")
    expect(room.page.locator(".side-panel [role=alert]")).to_be_visible()


def test_a_prior_stands_beside_and_goes_along(room: Reader) -> None:
    """The sample patient has a radiograph three days before the CT: another kind of image, said so, but shown."""
    room.open(chest())
    room.press("c")
    room.page.locator(".prior").first.click()
    expect(room.page.locator(".viewport")).to_have_count(2)
    beside = room.page.locator(".viewport").nth(1)
    expect(beside.locator(".other")).to_have_text("Ca khác: 31/10/2025")
    expect(beside.locator(".corner.ne")).to_contain_text("31/10/2025")
    expect(room.page.locator(".side-panel [role=alert]")).to_contain_text("Không có chuỗi nào")


def test_key_images_and_views_are_kept(room: Reader) -> None:
    room.open(chest())
    room.press("PageDown", "q")
    panel = room.page.locator(".side-panel")
    panel.locator("[data-action=save-keys]").click()
    expect(panel.locator(".notice-line")).to_have_text("Đã lưu ảnh khóa.")
    room.press("1", "r")
    panel.locator("form input").fill("Nhu mô phổi")
    panel.locator("form button").click()
    expect(panel.locator(".notice-line")).to_have_text("Đã lưu khung nhìn.")
    room.open(chest(), whole=False)
    room.press("d")
    room.page.locator(".side-panel .view", has_text="Nhu mô phổi").click()
    room.still()
    assert room.data("slice") == "11"
    assert room.window() == (-600, 1500)
    assert room.page.evaluate("() => window.filmless.cell.placement.pose.rotate") == 90
    expect(room.viewport.locator(".key")).to_be_visible()
    page = room.page.request.get(f"{room.server.address}/study/{chest()}/print")
    assert "<figure>" in page.text()
    # Withdrawn again, for the tests after this one.
    room.page.locator(".side-panel [data-action=key]").click()
    room.page.locator(".side-panel [data-action=save-keys]").click()
    expect(room.viewport.locator(".key")).to_have_count(0)


def test_a_picture_is_taken_out_at_true_resolution(room: Reader, series: list[Dataset]) -> None:
    room.open(chest(), whole=False)
    room.press("d")
    address = room.page.locator(".links a", has_text="PNG").get_attribute("href")
    answer = room.page.request.get(room.server.address + str(address))
    image = Image.open(io.BytesIO(answer.body()))
    assert image.size == (series[0].Columns, series[0].Rows)
    assert answer.headers["x-window"].startswith("40,400")


def test_attributes_are_found(room: Reader) -> None:
    room.open(chest(), whole=False)
    room.press("#")
    room.page.fill("[name=tags]", "nguyen van mau")
    expect(room.page.locator(".side-panel .element")).to_have_count(1)
    expect(room.page.locator(".side-panel .element")).to_contain_text("Nguyễn^Văn Mẫu")
