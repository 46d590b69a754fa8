"""Reading as a radiologist does it: scroll, window, turn, compare cells, play, look things up."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Route, expect

from sample_dicom import studies_folder
from tests.support.reading import Reader, reader, seem_fast, study_of
from tests.support.web import Server


def study(name: str) -> str:
    return study_of(studies_folder() / name)


def drag(room: Reader, dx: int, dy: int, button: str = "left") -> None:
    box = room.viewport.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    room.page.mouse.move(x, y)
    room.page.mouse.down(button=button)  # type: ignore[arg-type]
    room.page.mouse.move(x + dx, y + dy, steps=5)
    room.page.mouse.up(button=button)  # type: ignore[arg-type]
    room.still()


def letters(room: Reader) -> list[str]:
    """Left, right, top, bottom."""
    return [room.viewport.locator(f".letter.{side}").inner_text() for side in ("left", "right", "top", "bottom")]


def test_the_first_picture_has_computer_and_network_to_itself(room: Reader) -> None:
    asked: list[str] = []
    seem_fast(room.page)
    room.page.on("request", lambda r: asked.append(r.url))
    room.open(study("ct-chest"), "?image=21")
    picture = next(url for url in asked if "/image" in url)
    first, *rest = [url for url in asked if "/stream" in url]
    assert first.endswith("frames=20")
    assert rest
    facts = next(url for url in asked if "/facts" in url)
    measurements = next(url for url in asked if "/measurements" in url)
    assert asked.index(picture) < asked.index(first) < min(asked.index(facts), asked.index(measurements))
    expect(room.page.locator("#room.opening")).to_have_count(0)
    expect(room.page.get_by_role("toolbar")).to_be_visible()


def test_a_line_shows_what_is_still_coming_and_other_series_come_last(room: Reader) -> None:
    asked: list[str] = []
    held: list[Route] = []

    def hold_the_rest(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 2:
            held.append(route)
        else:
            route.continue_()

    seem_fast(room.page)
    room.page.route("**/stream?*", hold_the_rest)
    room.open(study("pet-ct"), whole=False)
    own = room.data("series")
    line = room.viewport.locator("progress.loading")
    expect(line).to_have_js_property("value", 1 / 24)
    box = line.bounding_box()
    assert box is not None
    assert box["height"] <= 3
    while not held:
        room.page.wait_for_timeout(20)
    assert all(own in url for url in asked), "another series was asked for before this one was here"
    held[0].continue_()
    room.loaded()
    expect(line).to_have_count(0)
    room.page.wait_for_function(
        "own => [...window.filmless.library.series.values()].some((s) => s.uid !== own && s.loaded === s.total)",
        arg=own,
    )
    others = [own not in url for url in asked]
    assert others == sorted(others), asked


def test_scroll_window_and_turn(room: Reader) -> None:
    room.open(study("ct-chest"))
    assert room.data("slices-total") == "48"
    room.viewport.hover()
    room.page.mouse.wheel(0, 120)
    room.still()
    assert room.data("slice") == "2"
    room.press("End")
    assert room.data("slice") == "48"
    room.press("Home", "PageDown", "ArrowDown", "ArrowUp")
    assert room.data("slice") == "11"
    assert room.window() == (40, 400)
    requests: list[str] = []
    # The browser itself asks for the page's icon, some time.
    room.page.on("request", lambda r: requests.append(r.url) if "/static/icon" not in r.url else None)
    drag(room, 80, 40)
    center, width = room.window()
    assert width > 400
    assert center > 40
    room.press("1")
    assert room.window() == (-600, 1500)
    assert requests == [], "a window needs nothing of the server"
    assert letters(room) == ["R", "L", "A", "P"]
    room.press("r")
    assert letters(room) == ["P", "A", "R", "L"]
    room.press("h")
    assert letters(room) == ["A", "P", "R", "L"]
    room.press("0")
    assert letters(room) == ["R", "L", "A", "P"]
    assert room.window() == (40, 400)


def test_every_pose_shows_the_pixels_where_they_belong(room: Reader) -> None:
    """Turned and flipped as the keys say, the canvas is the picture turned and flipped the same way."""
    room.open(study("enhanced-ct"), whole=False)
    room.one_to_one(160, 160)
    wanted = plain = room.picture(160, 160)
    for key in "rhrvRhhrvvR":
        room.press(key)
        if key in "rR":
            wanted = np.rot90(wanted, -1 if key == "r" else 1)
        else:
            wanted = wanted[:, ::-1] if key == "h" else wanted[::-1]
        assert np.abs(room.picture(160, 160).astype(int) - wanted.astype(int)).mean() < 1, key
    room.press("0")
    assert np.abs(room.picture(160, 160).astype(int) - plain.astype(int)).mean() < 1


@pytest.mark.parametrize("name", ["ct-chest", "mammogram"])
def test_inverted_it_is_as_on_the_server(room: Reader, name: str) -> None:
    """Padding stays black: the surroundings must not glare."""
    room.open(study(name), whole=False)
    room.press("i")
    expect(room.page.locator('[data-action="invert"]')).to_have_attribute("aria-pressed", "true")
    room.matches_server()


def test_the_first_picture_does_not_jump_when_the_gpu_takes_over(browser: Browser, samples: Server) -> None:
    with reader(browser, samples) as at_desk:
        page = at_desk.page
        # Without the script, what the server drew stays.
        page.route("**/assets/reading/**/*.js", lambda route: route.abort())
        page.goto(f"{samples.address}/study/{study('ct-chest')}")
        page.wait_for_function("() => document.querySelector('#first-light')?.complete")
        first = page.locator(".viewport").first
        before = np.asarray(Image.open(io.BytesIO(first.screenshot())).convert("L")).astype(int)
        box = first.bounding_box()
        page.unroute_all()
        at_desk.open(study("ct-chest"))
        assert first.bounding_box() == box
        page.evaluate(
            "s => { for (const one of document.querySelectorAll(s)) one.style.visibility = 'hidden'; }",
            ".corner, .letter, .bar, .image-slider, .readout, .loading",
        )
        after = np.asarray(Image.open(io.BytesIO(first.screenshot())).convert("L")).astype(int)
        assert np.abs(before - after).mean() < 1
        assert page.locator("#first-light").count() == 0


def test_cells_of_one_patient_space_scroll_together(room: Reader) -> None:
    room.open(study("pet-ct"))
    room.page.select_option(".layouts", label="1 × 2")
    second = room.page.locator(".viewport").nth(1)
    expect(second).to_have_attribute("data-slice", "1")
    room.viewport.hover()
    for _ in range(7):
        room.page.mouse.wheel(0, 120)
    expect(room.viewport).to_have_attribute("data-slice", "8")
    expect(second).to_have_attribute("data-slice", "8")
    second.hover()
    expect(second.locator(".readout")).to_contain_text("SUV")
    room.page.keyboard.press("y")
    room.viewport.hover()
    room.page.mouse.wheel(0, 120)
    expect(room.viewport).to_have_attribute("data-slice", "9")
    expect(second).to_have_attribute("data-slice", "8")


def test_a_series_is_dragged_into_a_cell_and_the_address_names_it(room: Reader) -> None:
    room.open(study("mr-brain"))
    room.page.select_option(".layouts", label="2 × 2")
    third = room.page.locator(".viewport").nth(2)
    room.page.locator(".series-card").nth(1).drag_to(third)
    expect(third).to_have_attribute("data-slice", "1")
    third.hover()
    room.page.mouse.wheel(0, 120)
    expect(third).to_have_attribute("data-slice", "2")
    uid = third.get_attribute("data-series") or ""
    room.page.wait_for_url(re.compile(rf"layout=2x2.*{re.escape(uid)}:2\b"))
    room.page.reload()
    third = room.page.locator(".viewport").nth(2)
    expect(third).to_have_attribute("data-slice", "2")
    expect(room.page.locator(".viewport")).to_have_count(4)


def test_reference_lines_and_the_crosshair_of_slices_that_cross(room: Reader) -> None:
    room.open(study("mr-brain"))
    room.page.select_option(".layouts", label="1 × 2")
    second = room.page.locator(".viewport").nth(1)
    expect(second).to_have_attribute("data-slice", "1")
    room.page.keyboard.press("x")
    room.page.keyboard.press("PageDown")
    # The slice that is drawn is told, not the one that is wanted.
    expect(room.viewport).to_have_attribute("data-slice", "11")
    box = room.viewport.bounding_box()
    assert box is not None
    room.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(room.viewport.locator(".mark")).to_have_count(1)
    expect(second).to_have_attribute("data-slice", "11")
    expect(second.locator(".mark")).to_have_count(1)


def test_the_value_under_the_pointer(room: Reader) -> None:
    """The disc of the measuring insert has 300 HU (see sample_dicom/README.md)."""
    room.open(study("ct-chest"), "?image=28")
    at = room.page.evaluate(
        """() => {
            const { cell } = window.filmless;
            const { position, spacing } = cell.facts;
            const column = (60 - position[0]) / spacing.column_mm + 0.5;
            const row = (150 - position[1]) / spacing.row_mm + 0.5;
            const m = cell.matrix;
            return [m.a * column + m.b * row + m.e, m.c * column + m.d * row + m.f];
        }"""
    )
    box = room.viewport.bounding_box()
    assert box is not None
    room.page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    told = room.viewport.locator(".readout").inner_text()
    value = int(told.removesuffix(" HU"))
    assert abs(value - 300) < 40
    room.page.keyboard.press("b")
    expect(room.viewport.locator(".probe")).to_contain_text("HU")


def test_the_scale_bar_is_as_long_as_it_says(room: Reader) -> None:
    """The rod of the insert is 50.0 mm: measured on the screen with the bar's own scale."""
    room.open(study("ct-chest"), "?image=28")
    told = room.viewport.locator(".bar span").inner_text()
    pixels = float(room.viewport.locator(".bar svg").get_attribute("width") or 0)
    per_mm = pixels / float(told.split(" ")[0])
    scale = room.page.evaluate("() => window.filmless.cell.matrix.a / window.filmless.cell.facts.spacing.column_mm")
    assert per_mm == pytest.approx(scale, rel=0.005)


def test_cine_plays_at_the_rate_of_the_object(room: Reader) -> None:
    room.open(study("us-cine"))
    assert room.page.locator(".rate input").input_value() == "20"
    before = int(room.data("rendered"))
    room.page.keyboard.press(" ")
    room.page.wait_for_function("before => window.filmless.cell.drawings > before + 3", arg=before)
    room.page.keyboard.press(" ")
    room.still()
    stopped = room.data("slice")
    room.still()
    assert room.data("slice") == stopped


def test_help_lists_the_keys_and_closes(room: Reader) -> None:
    room.open(study("ct-head"), whole=False)
    room.page.keyboard.press("?")
    dialog = room.page.locator("dialog.help")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("cuộn đồng bộ")
    room.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_radiograph_says_that_its_scale_is_the_detectors(room: Reader) -> None:
    room.open(study("dx-chest"), whole=False)
    status = room.page.evaluate("() => window.filmless.cell.facts.spacing.status")
    words = {"detector": "tại đầu thu", "calibrated": "đã hiệu chuẩn", "unknown": "không có tỉ lệ mm"}
    expect(room.viewport.locator(".bar")).to_contain_text(words[status])


def test_on_a_phone_one_finger_scrolls_and_a_slider_windows(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, width=390, height=844, phone=True, locale="en-GB") as phone:
        phone.open(study("ct-chest"))
        page = phone.page
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
        box = phone.viewport.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + 80
        session = page.context.new_cdp_session(page)
        touch = lambda kind, points: session.send(  # noqa: E731
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
        )
        touch("touchStart", [{"x": x, "y": y}])
        for step in range(1, 9):
            touch("touchMove", [{"x": x, "y": y + 20 * step}])
        touch("touchEnd", [])
        expect(phone.viewport).not_to_have_attribute("data-slice", "1")
        phone.still()
        assert int(phone.data("slice")) > 5
        contrast = page.get_by_role("slider", name="Contrast")
        contrast.fill("1000")
        phone.still()
        assert phone.window()[1] == pytest.approx(1000, abs=60)
        middle = [{"x": x - 40, "y": 400, "id": 0}, {"x": x + 40, "y": 400, "id": 1}]
        touch("touchStart", middle)
        for spread in range(40, 121, 10):
            touch("touchMove", [{"x": x - spread, "y": 400, "id": 0}, {"x": x + spread, "y": 400, "id": 1}])
        touch("touchEnd", [])
        assert page.evaluate("() => window.filmless.cell.placement.zoom") > 2
        assert phone.wrong == []


def test_without_webgl_the_light_view_opens_and_says_why(browser: Browser, samples: Server) -> None:
    with reader(browser, samples) as plain:
        plain.page.add_init_script(
            "for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {"
            "  const get = prototype.getContext;"
            "  prototype.getContext = function (kind, ...more) {"
            "    return kind.startsWith('webgl') ? null : get.call(this, kind, ...more); };"
            "}"
        )
        plain.page.goto(f"{samples.address}/study/{study('ct-head')}")
        expect(plain.page.locator("#viewport")).to_be_visible()
        expect(plain.page.locator(".reason")).to_contain_text("WebGL")


def test_both_languages_have_every_word(room: Reader) -> None:
    room.open(study("ct-head"), whole=False)
    vietnamese = json.loads(room.page.locator("#words").text_content() or "{}")
    names = {"Viridis"}
    """Colour maps are called alike everywhere."""
    alike = {text for text, words in vietnamese.items() if text == words} - names
    assert not {text for text in alike if re.search(r"[a-z]{4}", text)}, alike


def test_the_light_view_and_the_reading_room_lead_to_each_other_and_the_choice_stays(room: Reader) -> None:
    uid = study("mr-brain")
    room.open(uid)
    room.press("ArrowDown", "ArrowDown")
    room.page.get_by_role("link", name="Bản nhẹ").click()
    room.page.wait_for_url(re.compile(rf"/study/{re.escape(uid)}/light"))
    expect(room.page.locator("#viewport")).to_have_attribute("data-slice", "3")
    room.page.get_by_title("English").click()
    expect(room.page.get_by_role("link", name="Reading room")).to_be_visible()
    expect(room.page.locator("#viewport")).to_have_attribute("data-slice", "3")
    room.page.get_by_title("Tiếng Việt").click()
    # The choice is remembered: the study's own address leads to the light view now, until the other one is chosen.
    room.page.goto(f"{room.server.address}/study/{uid}")
    expect(room.page).to_have_url(re.compile(rf"/study/{re.escape(uid)}/light"))
    expect(room.page.locator("#viewport")).to_have_attribute("data-slice", "1")
    room.page.keyboard.press("ArrowDown")
    room.page.get_by_role("link", name="Phòng đọc").click()
    room.page.wait_for_selector('.viewport[data-slice="2"]', timeout=60_000)
    room.page.get_by_title("English").click()
    expect(room.page.get_by_role("link", name="Light view")).to_be_visible()
    expect(room.viewport).to_have_attribute("data-slice", "2")
    room.open(uid)
