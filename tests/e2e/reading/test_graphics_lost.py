"""The graphics driver stops and comes back, or does not: words on the screen, and everything as it was."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from sample_dicom import studies_folder
from tests.support.hands import drag, fine_after
from tests.support.reading import Reader, reader, study_of
from tests.support.web import Server

STOPPED = "Trình điều khiển đồ họa đã dừng"
KEEP = """
for (const { prototype } of [HTMLCanvasElement, OffscreenCanvas]) {
  const get = prototype.getContext;
  prototype.getContext = function (kind, ...more) {
    const found = get.call(this, kind, ...more);
    if (kind === 'webgl2' && found) (window.taken ??= new Set()).add(found);
    return found;
  };
}"""
# Pictures that were handed over are gone with the driver, as they are when it really stops.
LOSE = """() => {
  window.losses = [...window.taken].map((gl) => gl.getExtension('WEBGL_lose_context')).filter((one) => one);
  for (const loss of window.losses) loss.loseContext();
  for (const canvas of document.querySelectorAll('canvas')) {
    canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(null);
  }
}"""
RESTORE = "() => { for (const loss of window.losses) loss.restoreContext(); }"


def chest() -> str:
    return study_of(studies_folder() / "ct-chest")


@pytest.fixture
def room(browser: Browser, samples: Server) -> Iterator[Reader]:
    with reader(browser, samples) as at_desk:
        at_desk.page.add_init_script(KEEP)
        yield at_desk
        # Chromium itself tells of a lost context; nothing else may go wrong.
        assert [one for one in at_desk.wrong if "CONTEXT_LOST_WEBGL" not in one] == []


def lose(page: Page) -> None:
    page.evaluate(LOSE)


def pictures(page: Page) -> list[np.ndarray]:
    """What is on the canvas of each cell."""
    found = page.locator(".viewport .picture canvas").evaluate_all("all => all.map((c) => c.toDataURL('image/png'))")
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one.split(",")[1]))).convert("L")) for one in found]


def shot(place: Locator) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(place.screenshot())).convert("L")).astype(int)


def check_dark(page: Page, cells: int) -> None:
    """Every cell and the page say what happened; nothing is passed off as a picture."""
    expect(page.locator(".viewport .message")).to_have_text([f"{STOPPED}."] * cells)
    expect(page.locator(".trouble")).to_contain_text(STOPPED)
    for cell in page.locator(".viewport").all():
        expect(cell).to_have_attribute("data-slice", "0")
        expect(cell.locator(".picture")).to_have_css("visibility", "hidden")


def test_a_stack_comes_back_as_it_was(room: Reader) -> None:
    page = room.page
    room.open(chest(), "?image=28")
    box = room.viewport.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    room.press("1", "+", "+", "r", "l")
    drag(room, (x - 60, y), (x + 60, y + 30))
    measured = room.viewport.locator(".measure text").text_content()
    assert measured
    before, window, place = pictures(page)[0], room.window(), page.evaluate("() => window.filmless.cell.placement")
    assert before.std() > 20

    lose(page)
    check_dark(page, 1)
    expect(room.viewport.locator(".measure")).to_have_count(0)
    page.evaluate(RESTORE)
    expect(room.viewport).to_have_attribute("data-slice", "28")
    expect(page.locator(".trouble, .viewport .message")).to_have_count(0)
    np.testing.assert_array_equal(pictures(page)[0], before)
    assert (room.window(), page.evaluate("() => window.filmless.cell.placement")) == (window, place)
    assert room.viewport.locator(".measure text").text_content() == measured

    # What is wished for meanwhile is there afterwards; a curve is a texture of its own and comes again, too.
    room.press("ArrowDown", "4")
    wanted = pictures(page)[0]
    room.press("ArrowUp", "1")
    lose(page)
    check_dark(page, 1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("4")
    page.evaluate(RESTORE)
    expect(room.viewport).to_have_attribute("data-slice", "29")
    room.still()
    np.testing.assert_array_equal(pictures(page)[0], wanted)
    room.press("ArrowUp", "1")
    np.testing.assert_array_equal(pictures(page)[0], before)


def test_planes_come_back_in_every_cell(room: Reader) -> None:
    page = room.page
    room.open(chest())
    room.press("Shift+U")
    expect(page.locator(".viewport .made")).to_have_count(3)
    room.still()
    before, places = pictures(page), page.locator(".viewport").evaluate_all("all => all.map((c) => c.dataset.slice)")
    lose(page)
    check_dark(page, 4)
    page.evaluate(RESTORE)
    for cell, place in zip(page.locator(".viewport").all(), places, strict=True):
        expect(cell).to_have_attribute("data-slice", place)
    expect(page.locator(".trouble")).to_have_count(0)
    for now, then in zip(pictures(page), before, strict=True):
        assert then.std() > 5
        np.testing.assert_array_equal(now, then)


def test_the_magnifier_is_no_black_disc(room: Reader) -> None:
    page = room.page
    room.open(study_of(studies_folder() / "ct-head"), whole=False)
    box = room.viewport.bounding_box()
    assert box is not None
    room.press("g")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    lens = room.viewport.locator(".lens")
    expect(lens.locator("canvas")).to_be_attached()
    room.still()
    before = shot(lens)
    assert before.std() > 20
    lose(page)
    check_dark(page, 1)
    expect(lens).to_have_count(0)
    page.evaluate(RESTORE)
    expect(room.viewport).to_have_attribute("data-slice", "1")
    expect(lens.locator("canvas")).to_be_attached()
    room.still()
    np.testing.assert_array_equal(shot(lens), before)
    page.mouse.up()


def test_a_body_in_three_dimensions_comes_back(room: Reader) -> None:
    page = room.page
    room.open(chest())
    room.press("u")
    page.click("[data-action=solid]")
    solid = page.locator(".solid")
    drawings = fine_after(page, 0)
    solid.locator("[data-preset=skin]").click()
    drawings = fine_after(page, drawings)
    before = shot(solid.locator("canvas"))
    lose(page)
    told = solid.locator(".message[role=alert]")
    expect(told).to_contain_text(STOPPED)
    page.evaluate(RESTORE)
    expect(told).to_have_count(0)
    fine_after(page, drawings)
    after = shot(solid.locator("canvas"))
    assert (after > 30).mean() > 0.02
    assert np.abs(after - before).mean() < 1
    page.keyboard.press("Escape")
    expect(solid).to_have_count(0)
    expect(room.viewport).to_have_attribute("data-slice", "1")


def test_one_that_does_not_come_back_is_done_without(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, locale="en-GB") as room:
        page = room.page
        page.add_init_script(KEEP)
        room.open(chest(), "?image=21")
        room.still()
        before = pictures(page)[0]
        lose(page)
        expect(room.viewport.locator(".message")).to_have_text("The graphics driver has stopped.")
        told = page.locator(".trouble")
        expect(told).to_contain_text("does not come back")
        room.page.keyboard.press("ArrowDown")
        light = told.get_by_role("link", name="Light view")
        expect(light).to_be_visible()
        # A new start is a context of its own: also one that the browser would not give back serves again.
        told.get_by_role("button", name="Try again").click()
        expect(told).to_have_count(0)
        expect(room.viewport).to_have_attribute("data-slice", "22")
        room.press("ArrowUp")
        assert room.data("slice") == "21"
        np.testing.assert_array_equal(pictures(page)[0], before)
        lose(page)
        expect(told).to_contain_text("does not come back")
        page.evaluate(
            "() => { OffscreenCanvas.prototype.getContext = HTMLCanvasElement.prototype.getContext = () => null; }"
        )
        told.get_by_role("button", name="Try again").click()
        expect(told).to_contain_text("does not come back")
        light.click()
        expect(page.locator("#viewport")).to_have_attribute("data-slice", "21")


def test_the_drivers_own_process_dies(browser: Browser, room: Reader) -> None:
    page = room.page
    room.open(study_of(studies_folder() / "ct-head"), whole=False)
    room.press("PageDown", "r")
    before, drawings = pictures(page)[0], int(room.data("rendered"))
    assert before.std() > 20
    browser.new_browser_cdp_session().send("Browser.crashGpuProcess")
    page.wait_for_function("before => window.filmless.cell.drawings > before", arg=drawings)
    expect(room.viewport).to_have_attribute("data-slice", "11")
    expect(page.locator(".trouble")).to_have_count(0)
    np.testing.assert_array_equal(pictures(page)[0], before)
