"""A scanner pushes a study, a doctor opens it in a browser: real processes all the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from pacs.requestor import Node
from pacs.sender import describe, send
from tests.support.browser import chromium, watch
from tests.support.light import settled
from tests.support.objects import STUDY, ct, write_file
from tests.support.peers import run_tool
from tests.support.server import PASSWORD, USER, Serving, serving

SIZE = 256
QUADRANTS = (-400, 0, 60, 300)  # HU: upper left, upper right, lower left, lower right
SLICES = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Slices of four flat quadrants of known HU, one millimetre a pixel."""
    folder = tmp_path_factory.mktemp("scanner")
    half = SIZE // 2
    pixels = np.empty((SIZE, SIZE), dtype="<i2")
    for value, (row, column) in zip(QUADRANTS, [(0, 0), (0, half), (half, 0), (half, half)], strict=True):
        pixels[row : row + half, column : column + half] = value + 1024
    return [write_file(folder / f"{i}.dcm", _slice(i, pixels)) for i in range(1, SLICES + 1)]


def _slice(number: int, pixels: np.ndarray) -> object:
    return ct(
        SOPInstanceUID=f"{STUDY}.1.{number}",
        InstanceNumber=number,
        Rows=SIZE,
        Columns=SIZE,
        PixelData=pixels.tobytes(),
        RescaleSlope=1,
        RescaleIntercept=-1024,
        WindowCenter=40,
        WindowWidth=400,
        PixelSpacing=[1, 1],
        SliceThickness=2,
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[0, 0, 2 * number],
        FrameOfReferenceUID=STUDY + ".7",
    )


def _sign_in(page: Page, server: Serving) -> None:
    page.goto(server.address)
    page.fill("input[name=username]", USER)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(server.address + "/")


def _levels(page: Page) -> list[int]:
    """Read a grey level in the middle of each quadrant as it is on the screen's canvas."""
    levels = page.evaluate(
        """() => {
            const canvas = document.querySelector('#viewport canvas');
            const context = canvas.getContext('2d');
            const side = Math.min(canvas.width, canvas.height) / 2;
            return [[-1, -1], [1, -1], [-1, 1], [1, 1]].map(([x, y]) => context.getImageData(
                Math.round(canvas.width / 2 + x * side / 2),
                Math.round(canvas.height / 2 + y * side / 2), 1, 1).data[0]);
        }"""
    )
    return list(levels)


def _expected(center: float, width: float) -> list[int]:
    """PS3.3 C.11.2.1.2.1, the LINEAR function."""
    out = []
    for x in QUADRANTS:
        y = ((x - (center - 0.5)) / (width - 1) + 0.5) * 255
        out.append(round(min(max(y, 0), 255)))
    return out


def _window(page: Page) -> tuple[float, float]:
    viewport = page.locator("#viewport")
    center = viewport.get_attribute("data-window-center")
    width = viewport.get_attribute("data-window-width")
    assert center is not None
    assert width is not None
    return float(center), float(width)


def _assert_pixels_follow_the_formula(page: Page) -> None:
    center, width = _window(page)
    # A JPEG of quality 90 may be off by a few levels even where it is flat.
    assert np.abs(np.subtract(_levels(page), _expected(center, width))).max() <= 3, (_levels(page), center, width)


def test_a_study_is_pushed_appears_and_is_read(server: Serving, browser: Browser, slices: list[Path]) -> None:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="vi-VN")
    page = context.new_page()
    wrong = watch(page)
    _sign_in(page, server)
    expect(page.locator(f'tr[data-uid="{STUDY}"]')).to_have_count(0)

    run_tool("storescu", "-aec", "FILMLESS", "127.0.0.1", server.dicom_port, *slices[:2])
    row = page.locator(f'tr[data-uid="{STUDY}"]')
    expect(row).to_have_count(1)
    expect(row).to_contain_text("Nguyễn Văn Đức")
    expect(row.locator('[data-fact="images"]')).to_have_text("2")
    run_tool("storescu", "-aec", "FILMLESS", "127.0.0.1", server.dicom_port, *slices[2:])
    expect(row.locator('[data-fact="images"]')).to_have_text(str(SLICES))

    page.goto(f"{server.address}/study/{STUDY}/light")
    viewport = page.locator("#viewport")
    expect(viewport).to_have_attribute("data-slices-total", str(SLICES))
    settled(page)
    assert _window(page) == (40, 400)
    _assert_pixels_follow_the_formula(page)

    first = viewport.get_attribute("data-slice")
    viewport.hover()
    page.mouse.wheel(0, 120)
    expect(viewport).not_to_have_attribute("data-slice", first or "")
    page.keyboard.press("End")
    expect(viewport).to_have_attribute("data-slice", re.compile(rf"^({SLICES}|{SLICES - 1})$"))

    box = viewport.bounding_box()
    assert box is not None
    page.locator('[data-tool="window"]').click()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 30, steps=6)
    page.mouse.up()
    settled(page)
    assert _window(page) != (40, 400)
    _assert_pixels_follow_the_formula(page)

    page.keyboard.press("i")
    settled(page)
    center, width = _window(page)
    inverted = [255 - level for level in _expected(center, width)]
    assert np.abs(np.subtract(_levels(page), inverted)).max() <= 3
    assert wrong == []
    context.close()


def test_the_study_is_read_on_a_phone_in_english(server: Serving, browser: Browser, slices: list[Path]) -> None:
    run_tool("storescu", "-aec", "FILMLESS", "127.0.0.1", server.dicom_port, *slices)
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="en-GB", has_touch=True, is_mobile=True, device_scale_factor=2
    )
    # This person prefers the light view; the reading room has tests of its own.
    context.add_cookies([{"name": "filmless_view", "value": "light", "url": server.address}])
    page = context.new_page()
    wrong = watch(page)
    _sign_in(page, server)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.locator(f'tr[data-uid="{STUDY}"] a').first.tap()
    viewport = page.locator("#viewport")
    expect(viewport).to_have_attribute("data-slices-total", str(SLICES))
    settled(page)
    _assert_pixels_follow_the_formula(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
    assert wrong == []
    context.close()


def test_a_broken_object_is_seen_in_quarantine_with_its_reason(
    server: Serving, browser: Browser, tmp_path: Path
) -> None:
    broken = ct(SOPInstanceUID=STUDY + ".9.9")
    path = write_file(tmp_path / "broken.dcm", broken)
    path.write_bytes(path.read_bytes()[:-40])
    # storescu would find the file broken itself; a scanner with a bad disk does not.
    (sent,) = send(Node("FILMLESS", "127.0.0.1", server.dicom_port), "SCANNER", describe([path]))
    assert sent.status == 0xC000
    assert "truncated" in sent.comment
    context = browser.new_context(locale="vi-VN")
    page = context.new_page()
    _sign_in(page, server)
    page.goto(f"{server.address}/quarantine")
    expect(page.locator("body")).to_contain_text(STUDY + ".9.9")
    expect(page.locator("body")).to_contain_text("truncated")
    context.close()
