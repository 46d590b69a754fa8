"""The light view as a person uses it, on a desktop and on a phone."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.support.light import drawn, settled
from tests.support.slices import DESKTOP, PHONE, SIDE, SLICES, STUDY, slice_values

OpenPage = Callable[..., Page]


def open_study(open_page: OpenPage, screen: dict[str, object] = DESKTOP) -> Page:
    page = open_page(screen, f"/study/{STUDY}/light")
    settled(page)
    return page


def fact(page: Page, name: str) -> str:
    return page.locator("#viewport").get_attribute(f"data-{name}") or ""


def on_screen(page: Page, points: list[tuple[float, float]]) -> list[float]:
    """Grey values of the canvas at fractions of the picture's square, which is in the middle of the viewport."""
    script = """points => {
        const canvas = document.querySelector('#viewport canvas');
        const side = Math.min(canvas.width, canvas.height);
        const context = canvas.getContext('2d');
        return points.map(([x, y]) => context.getImageData(
            Math.floor((canvas.width - side) / 2 + x * side), Math.floor((canvas.height - side) / 2 + y * side), 1, 1
        ).data[0]);
    }"""
    found: list[float] = page.evaluate(script, points)
    return found


POINTS = [((x + 0.5) / SIDE, (y + 0.5) / SIDE) for x in (5, 20, 40, 60) for y in (10, 50)]


def expected(number: int, center: float, width: float) -> list[float]:
    values = slice_values(number)
    greys = np.clip(((values - (center - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)
    return [float(greys[int(y * SIDE), int(x * SIDE)]) for x, y in POINTS]


def assert_shows(page: Page, number: int, center: float, width: float) -> None:
    np.testing.assert_allclose(on_screen(page, POINTS), expected(number, center, width), atol=2)


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_first_image_is_right(open_page: OpenPage, screen: dict[str, object]) -> None:
    page = open_study(open_page, screen)
    assert (fact(page, "slices-total"), fact(page, "slice")) == (str(SLICES), "1")
    assert (fact(page, "window-center"), fact(page, "window-width")) == ("100", "500")
    assert_shows(page, 1, 100, 500)
    expect(page.locator(".corner.top-left")).to_contain_text("Nguyễn Văn Đức")
    expect(page.locator(".corner.bottom-left")).to_contain_text(f"Ảnh 1/{SLICES}")
    expect(page.locator(".corner.bottom-right")).to_contain_text("W 500")
    expect(page.locator("footer")).to_have_text("Không dùng cho chẩn đoán chính")


def test_wheel_keys_and_slider_scroll(open_page: OpenPage) -> None:
    page = open_study(open_page)
    viewport = page.locator("#viewport")
    viewport.hover()
    page.mouse.wheel(0, 100)
    expect(viewport).to_have_attribute("data-slice", "2")
    for key, slice_ in (
        ("ArrowDown", 3), ("ArrowUp", 2), ("End", SLICES), ("Home", 1), ("PageDown", 11), ("PageUp", 1),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(viewport).to_have_attribute("data-slice", str(slice_))
    page.locator("#slider").fill("7")
    expect(viewport).to_have_attribute("data-slice", "7")
    drawn(page)
    settled(page)
    assert_shows(page, 7, 100, 500)


def test_dragging_changes_the_window_as_the_formula_says(open_page: OpenPage) -> None:
    page = open_study(open_page)
    page.mouse.move(700, 400)
    page.mouse.down()
    for step in range(1, 21):
        page.mouse.move(700 + step * 6, 400 - step * 3)
    page.mouse.up()
    drawn(page)
    settled(page)
    center, width = float(fact(page, "window-center")), float(fact(page, "window-width"))
    assert center < 90
    assert width > 550
    assert_shows(page, 1, center, width)
    expect(page.locator(".corner.bottom-right")).to_contain_text(f"W {width:.0f}")


def test_typing_and_presets_and_invert(open_page: OpenPage) -> None:
    page = open_study(open_page)
    page.fill("#width", "80")
    page.fill("#center", "40")
    page.keyboard.press("Enter")
    expect(page.locator("#viewport")).to_have_attribute("data-window-center", "40")
    expect(page.locator("#viewport")).to_have_attribute("data-window-width", "80")
    drawn(page)
    settled(page)
    assert_shows(page, 1, 40, 80)
    page.locator("#viewport").focus()
    page.keyboard.press("1")
    expect(page.locator("#viewport")).to_have_attribute("data-window-width", "1500")
    page.select_option("#presets", "ct:2")
    expect(page.locator("#viewport")).to_have_attribute("data-window-width", "2500")
    page.keyboard.press("0")
    expect(page.locator("#viewport")).to_have_attribute("data-window-width", "500")
    drawn(page)
    settled(page)
    before = on_screen(page, POINTS)
    page.keyboard.press("i")
    drawn(page)
    settled(page)
    np.testing.assert_allclose(np.add(on_screen(page, POINTS), before), 255, atol=3)


@pytest.mark.parametrize(
    ("keys", "letters"),
    [
        ("", "RLAP"), ("r", "PARL"), ("R", "APLR"), ("h", "LRAP"), ("v", "RLPA"), ("rh", "APRL"), ("rr", "LRPA"),
    ],
)  # fmt: skip
def test_letters_turn_with_the_picture(open_page: OpenPage, keys: str, letters: str) -> None:
    page = open_study(open_page)
    for key in keys:
        page.keyboard.press(key)
    for edge, letter in zip(("left", "right", "top", "bottom"), letters, strict=True):
        expect(page.locator(f".letter.{edge}")).to_have_text(letter)


def test_the_picture_itself_turns(open_page: OpenPage) -> None:
    page = open_study(open_page)
    upright = on_screen(page, POINTS)
    page.keyboard.press("r")
    drawn(page)
    turned = on_screen(page, [(1 - y, x) for x, y in POINTS])
    np.testing.assert_allclose(turned, upright, atol=2)
    page.keyboard.press("h")
    drawn(page)
    np.testing.assert_allclose(on_screen(page, [(y, x) for x, y in POINTS]), upright, atol=2)


def test_the_scale_bar_keeps_its_promise_under_zoom(open_page: OpenPage) -> None:
    page = open_study(open_page)

    def pixels_per_mm() -> float:
        length = page.locator(".bar i").bounding_box()
        assert length is not None
        return length["width"] / float(page.locator(".bar").get_attribute("data-mm") or 0)

    box = page.locator("#viewport").bounding_box()
    assert box is not None
    fit = min(box["width"], box["height"]) / SIDE
    assert pixels_per_mm() == pytest.approx(fit, rel=0.02)
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    drawn(page)
    zoom = re.search(r"(\d+)%", page.locator(".corner.bottom-right").inner_text())
    assert zoom is not None
    assert int(zoom[1]) > 130
    assert pixels_per_mm() == pytest.approx(fit * int(zoom[1]) / 100, rel=0.02)
    page.keyboard.press("r")
    drawn(page)
    assert pixels_per_mm() == pytest.approx(fit * int(zoom[1]) / 100, rel=0.02)


def test_the_value_under_the_pointer(open_page: OpenPage) -> None:
    page = open_study(open_page)
    box = page.locator("#viewport").bounding_box()
    assert box is not None
    side = min(box["width"], box["height"])
    row, column = 50, 20
    page.mouse.move(
        box["x"] + (box["width"] - side) / 2 + (column + 0.5) / SIDE * side,
        box["y"] + (box["height"] - side) / 2 + (row + 0.5) / SIDE * side,
    )
    value = slice_values(1)[row, column]
    expect(page.locator(".corner.bottom-right")).to_contain_text(f"({column}, {row})  {value} HU")


def test_cine_plays_and_stops(open_page: OpenPage) -> None:
    page = open_study(open_page)
    page.fill("#rate", "30")
    page.locator("#viewport").focus()
    page.keyboard.press(" ")
    seen: set[str] = set()
    end = time.monotonic() + 60
    while time.monotonic() < end and len(seen) < 6:
        seen.add(fact(page, "slice"))
        page.wait_for_timeout(20)
    assert len(seen) >= 6
    page.keyboard.press(" ")
    settled(page)
    stopped = fact(page, "slice")
    page.wait_for_timeout(300)
    assert fact(page, "slice") == stopped


def test_a_finger_scrolls_and_two_fingers_zoom(open_page: OpenPage) -> None:
    page = open_study(open_page, PHONE)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        named = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": named})

    send("touchStart", (180, 300))
    for y in range(305, 400, 5):
        send("touchMove", (180, y))
    send("touchEnd")
    settled(page)  # the slice that is told is the one on the screen, which comes over the network
    assert int(fact(page, "slice")) > 3
    slice_before = fact(page, "slice")
    send("touchStart", (150, 300))
    send("touchStart", (150, 300), (220, 300))
    for step in range(1, 15):
        send("touchMove", (150 - step * 4, 300), (220 + step * 4, 300))
    send("touchEnd")
    settled(page)
    zoom = re.search(r"(\d+)%", page.locator(".corner.bottom-right").inner_text())
    assert zoom is not None
    assert int(zoom[1]) > 150
    assert fact(page, "slice") == slice_before


def test_an_old_quick_answer_never_covers_the_exact_one(open_page: OpenPage) -> None:
    page = open_study(open_page)
    held: list[Route] = []
    asked: list[str] = []

    def hold_the_first_quick(route: Route) -> None:
        asked.append(route.request.url)
        if "quality=85" in route.request.url and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/image?*", hold_the_first_quick)
    page.fill("#width", "80")
    page.keyboard.press("Enter")
    expect(page.locator("#viewport")).not_to_have_attribute("data-quality", "exact")
    page.wait_for_timeout(400)
    page.keyboard.press("i")
    settled(page)
    shows = on_screen(page, POINTS)
    rendered = fact(page, "rendered")
    with contextlib.suppress(Error):  # dropped by the page by now, as it should be
        held[0].continue_()
    page.wait_for_timeout(400)
    assert fact(page, "quality") == "exact"
    assert fact(page, "rendered") == rendered
    assert on_screen(page, POINTS) == shows
    np.testing.assert_allclose(shows, np.subtract(255, expected(1, 100, 80)), atol=2)
    assert any("format=png" in url and "invert=1" in url for url in asked)


def test_exact_is_said_when_it_is_drawn_and_not_before(open_page: OpenPage) -> None:
    page = open_study(open_page)
    # A busy machine draws late: frames of the screen are held until the test lets them go.
    page.evaluate("""() => {
        const held = [];
        const draw = window.requestAnimationFrame;
        window.requestAnimationFrame = (how) => held.push(how);
        window.letGo = () => { window.requestAnimationFrame = draw; held.splice(0).forEach((how) => draw(how)); };
    }""")
    before = on_screen(page, POINTS)
    with page.expect_response(lambda answer: "format=png" in answer.url and "invert=1" in answer.url):
        page.keyboard.press("i")
    page.wait_for_timeout(300)
    assert fact(page, "quality") != "exact"
    assert on_screen(page, POINTS) == before
    page.evaluate("window.letGo()")
    settled(page)
    np.testing.assert_allclose(np.add(on_screen(page, POINTS), before), 255, atol=3)


def test_a_failure_is_words_and_not_a_black_box(open_page: OpenPage, site: object) -> None:
    page = open_study(open_page)
    page.route("**/image?*", lambda route: route.fulfill(status=422, json={"error": "Words.", "detail": "Reason."}))
    page.keyboard.press("End")
    expect(page.locator(".message")).to_have_text("Words. Reason.")
    page.unroute("**/image?*")
    page.keyboard.press("Home")
    expect(page.locator(".message")).to_be_hidden()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_sticks_out(open_page: OpenPage, screen: dict[str, object]) -> None:
    page = open_study(open_page, screen)
    wide, high = page.evaluate(
        "[document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
    )
    assert wide <= 0
    assert high <= 0
