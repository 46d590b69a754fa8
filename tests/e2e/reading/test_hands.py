"""What hands do: zoom, move, scroll by dragging, fill the screen, lay out cells, choose and keep windows."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from sample_dicom import studies_folder
from tests.support.hands import drag
from tests.support.reading import Reader, reader, study_of
from tests.support.web import Server


def study(name: str) -> str:
    return study_of(studies_folder() / name)


def middle(room: Reader) -> tuple[float, float]:
    box = room.viewport.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def matrix(room: Reader) -> dict[str, float]:
    found: dict[str, float] = room.page.evaluate("() => ({ ...window.filmless.cell.matrix })")
    return found


def test_zoom_and_move_by_hand_and_fit_again(room: Reader) -> None:
    room.open(study("ct-head"), whole=False)
    x, y = middle(room)
    fitted = matrix(room)
    room.page.mouse.move(x, y)
    room.page.mouse.down(button="right")
    room.page.mouse.move(x, y - 100, steps=4)
    room.page.mouse.up(button="right")
    room.still()
    enlarged = matrix(room)
    assert enlarged["a"] > 1.5 * fitted["a"]
    room.page.keyboard.down("Shift")
    drag(room, (x, y), (x + 60, y + 40))
    room.page.keyboard.up("Shift")
    room.still()
    moved = matrix(room)
    assert (moved["e"] - enlarged["e"], moved["f"] - enlarged["f"]) == pytest.approx((60, 40), abs=1)
    room.page.keyboard.down("Control")
    room.page.mouse.wheel(0, -120)
    room.page.keyboard.up("Control")
    room.still()
    assert matrix(room)["a"] > moved["a"]
    assert room.page.evaluate("visualViewport.scale") == 1
    room.page.mouse.dblclick(x, y)
    room.still()
    assert matrix(room) == pytest.approx(fitted)


def test_dragging_scrolls_while_that_tool_is_in_the_hand(room: Reader) -> None:
    room.open(study("ct-chest"))
    room.press("s")
    x, y = middle(room)
    window = room.window()
    drag(room, (x, y - 200), (x, y + 200))
    room.still()
    assert int(room.data("slice")) > 30
    assert room.window() == window
    room.press("w")
    expect(room.page.locator('[data-tool="window"]')).to_have_attribute("aria-pressed", "true")


def test_the_whole_screen_and_back(room: Reader) -> None:
    room.open(study("ct-head"), whole=False)
    room.page.keyboard.press("Shift+F")
    room.page.wait_for_function("() => document.fullscreenElement !== null")
    room.page.keyboard.press("Shift+F")
    room.page.wait_for_function("() => document.fullscreenElement === null")


def test_every_layout_up_to_three_by_three(room: Reader) -> None:
    room.open(study("ct-head"), whole=False)
    layouts = room.page.locator("select.layouts option").all_inner_texts()
    assert {"1 × 1", "3 × 3"} <= set(layouts)
    assert len(layouts) >= 6
    for name in layouts:
        rows, columns = (int(part) for part in name.split("×"))
        room.page.locator("select.layouts").select_option(label=name)
        expect(room.page.locator(".viewport")).to_have_count(rows * columns)
        boxes = [one.bounding_box() for one in room.page.locator(".viewport").all()]
        assert all(box and box["width"] > 150 and box["height"] > 150 for box in boxes), name
        assert len({round(box["x"]) for box in boxes if box}) == columns
    room.page.wait_for_url("**layout=3x3**")


CT_WINDOWS = {"1": (-600, 1500), "2": (40, 80), "3": (480, 2500), "4": (40, 350), "5": (40, 350), "6": (300, 600)}
"""Centre and width: lung, brain, bone, abdomen, chest, vessels."""


def test_windows_that_radiologists_know_by_number(room: Reader) -> None:
    room.open(study("ct-chest"), whole=False)
    for key, window in CT_WINDOWS.items():
        room.press(key)
        assert room.window() == window, key


def test_the_keys_of_pet_are_suv(room: Reader) -> None:
    room.open(study("pet-ct"))
    room.page.locator(".series-card", has_text="PT").click()
    room.loaded()
    factor = room.page.evaluate("() => window.filmless.cell.facts.suv_factor")
    for key, top in (("1", 5), ("2", 10), ("3", 20)):
        room.press(key)
        assert room.window() == pytest.approx((top / 2 / factor, top / factor))
        expect(room.viewport.locator(".corner.se")).to_contain_text(f"SUV 0 – {top}")


def test_a_window_of_ones_own_is_kept_and_has_a_key(room: Reader) -> None:
    room.open(study("ct-chest"), whole=False)
    field = room.page.get_by_label("Độ rộng cửa sổ")
    field.fill("777")
    field.press("Enter")
    presets = room.page.locator("select.presets")
    presets.select_option(value="-2")
    room.open(study("ct-head"), whole=False)
    room.viewport.focus()
    room.press("7")
    assert room.window()[1] == 777
    presets.select_option(value="-3")
    room.press("0", "7")
    assert room.window()[1] != 777


def test_windows_go_together_where_that_is_asked_for(room: Reader) -> None:
    room.open(study("mr-brain"))
    room.page.select_option(".layouts", label="1 × 2")
    second = room.page.locator(".viewport").nth(1)
    expect(second).to_have_attribute("data-slice", "1")
    before = second.get_attribute("data-window-width")
    room.viewport.focus()
    x, y = middle(room)
    drag(room, (x, y), (x + 80, y))
    room.still()
    assert second.get_attribute("data-window-width") == before
    room.press("Shift+Y")
    drag(room, (x, y), (x + 80, y))
    expect(second).to_have_attribute("data-window-width", room.data("window-width"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ct-chest", ("kV", "mA", "Nguyễn Văn Mẫu", "25-000142", "03/11/2025")),
        ("mr-brain", ("TR", "TE", "1,5 T", "Trần Thị Mô Phỏng")),
        ("dx-chest", ("PA", "kV", "mAs", "31/10/2025")),
        ("mammogram", ("L", "CC", "kV", "Käthe")),
        ("us-cine", ("Đặng Thị Ví Dụ", "06/11/2025")),
    ],
)
def test_corners_tell_what_that_kind_of_image_needs(room: Reader, name: str, words: tuple[str, ...]) -> None:
    room.open(study(name), whole=False)
    told = " ".join(room.viewport.locator(".corner").all_inner_texts())
    for word in words:
        assert word in told, told


@pytest.mark.parametrize(
    ("locale", "phone", "words"),
    [("vi-VN", False, "Không dùng cho chẩn đoán chính"), ("en-GB", True, "Not for primary diagnosis")],
)
def test_the_notice_is_in_sight_on_every_page(
    browser: Browser, samples: Server, locale: str, phone: bool, words: str
) -> None:
    width, height = (390, 844) if phone else (1366, 768)
    with reader(browser, samples, width=width, height=height, phone=phone, locale=locale) as room:
        head = study("ct-head")
        for address in ("/", f"/study/{head}", f"/study/{head}/light", f"/study/{head}/print"):
            room.page.goto(samples.address + address)
            notice = room.page.get_by_text(words).last
            expect(notice).to_be_visible()
            if "print" not in address:
                expect(notice).to_be_in_viewport(ratio=0.9)
        room.open(head)
        for panel in "mucd":
            room.page.keyboard.press(panel)
            expect(room.page.get_by_text(words).last).to_be_in_viewport(ratio=0.9)


# What a person could press there: in sight, and covered by nothing.
UNREACHABLE = """() => [...document.querySelectorAll('.tools button, .tools select, .tools input')].filter((one) => {
  const { left, top, right, bottom } = one.getBoundingClientRect();
  const found = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  const isInside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
  return one.checkVisibility() && !(isInside && found && (one.contains(found) || found.contains(one)));
}).map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("locale", ["vi-VN", "en-GB"])
def test_every_tool_is_in_sight_on_a_small_desk(browser: Browser, samples: Server, locale: str) -> None:
    with reader(browser, samples, locale=locale) as room:
        room.open(study("ct-chest"), "?layout=2x2", whole=False)
        for panel in ("", *"mucd#"):
            if panel:
                room.page.keyboard.press(panel)
                expect(room.page.locator(".side-panel")).to_be_visible()
            assert room.page.evaluate(UNREACHABLE) == [], panel
            assert room.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), panel
            cells = [one.bounding_box() for one in room.page.locator(".viewport").all()]
            assert all(cell and cell["width"] > 250 and cell["height"] > 250 for cell in cells), panel


def test_the_magnifier_shows_what_lies_under_it_two_and_a_half_times_as_large(room: Reader) -> None:
    room.open(study("ct-head"), whole=False)
    room.press("g")
    x, y = (round(place) for place in middle(room))
    room.page.mouse.move(x, y)
    plain = np.asarray(Image.open(io.BytesIO(room.page.screenshot())).convert("L"))
    room.page.mouse.down()
    lens = room.viewport.locator(".lens")
    expect(lens).to_be_visible()
    room.page.mouse.move(x + 5, y)
    room.still()
    shown = np.asarray(Image.open(io.BytesIO(room.page.screenshot())).convert("L"))[y - 50 : y + 50, x - 45 : x + 55]
    under = Image.fromarray(plain[y - 20 : y + 20, x - 15 : x + 25]).resize((100, 100), Image.Resampling.BILINEAR)
    assert np.asarray(under).std() > 10, "there is something to be seen"
    np.testing.assert_allclose(shown.mean(), np.asarray(under).mean(), atol=4)
    assert np.corrcoef(shown.ravel(), np.asarray(under).ravel())[0, 1] > 0.9
    box = lens.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (224, 224)
    room.page.mouse.up()
    expect(lens).to_have_count(0)
