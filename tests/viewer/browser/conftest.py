"""A real browser on a real server, with a study whose pixels are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.support.objects import ct, store
from tests.support.peers import require_tool
from tests.viewer.conftest import PASSWORD, Server, running

FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
SIDE = 64
SLICES = 12
STUDY = "1.2.826.0.1.3680043.10.999.50"

DESKTOP: dict[str, object] = {"viewport": {"width": 1366, "height": 768}}
PHONE: dict[str, object] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


def slice_values(number: int) -> np.ndarray:
    """Stored values of slice `number` (from 1), in HU: a ramp across, a step down, brighter by 10 each slice."""
    columns, rows = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    return (columns * 8 + np.where(rows < SIDE // 2, 0, 400) + number * 10 - 200).astype("<i2")


def put_slices(archive: Archive, study: str = STUDY, slices: int = SLICES, **attributes: object) -> None:
    for number in range(1, slices + 1):
        more = {
            "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.{number}",
            "InstanceNumber": number, "Rows": SIDE, "Columns": SIDE, "PixelData": slice_values(number).tobytes(),
            "WindowCenter": 100, "WindowWidth": 500, "RescaleSlope": 1, "RescaleIntercept": 0,
            "PixelSpacing": [1, 1], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "ImagePositionPatient": [0, 0, number * 5], "SliceLocation": number * 5, "SliceThickness": 5,
        }  # fmt: skip
        store(archive, ct(**{**more, **attributes}))


@pytest.fixture(scope="module")
def live_archive(tmp_path_factory: pytest.TempPathFactory, users: Path) -> Iterator[Archive]:
    import shutil

    folder = tmp_path_factory.mktemp("browser") / "data"
    folder.mkdir()
    shutil.copy(users, folder)
    with Archive.open(ArchiveSettings(folder, minimum_free_bytes=0)) as archive:
        put_slices(archive)
        yield archive


@pytest.fixture(scope="module")
def site(live_archive: Archive) -> Iterator[Server]:
    require_tool("chromium")
    with running(live_archive.data) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = require_tool("chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield started
        started.close()


def _is_problem(said: ConsoleMessage) -> bool:
    # 422 is what a test of refused images provokes; what is missing is told with its address.
    return said.type == "error" and not any(status in said.text for status in ("422", "404"))


@pytest.fixture
def open_page(browser: Browser, site: Server) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a signed-in page; a script error or a refused resource fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_as(screen: dict[str, object], path: str = "/", language: str = "vi-VN") -> Page:
        context = browser.new_context(base_url=site.address, locale=language, **screen)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if _is_problem(said) else None)
        page.on(
            "response",
            lambda answer: problems.append(f"{answer.status} {answer.url}") if answer.status == 404 else None,
        )
        page.goto(f"/login?next={path.replace('?', '%3F')}")
        page.fill("#username", "radiologist")
        page.fill("#password", PASSWORD)
        page.click("button.primary")
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert problems == []
