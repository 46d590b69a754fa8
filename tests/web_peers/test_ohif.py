"""OHIF as it is built, mounted at `/ohif/`, in a real browser: each kind of study is opened, pixels are looked for."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from storage.archive import Archive
from storage.attributes import Level
from storage.model import Study
from storage.query import Query
from storage.settings import ArchiveSettings
from tests.support.browser import chromium, watch
from tests.support.ohif import faults
from tests.support.web import PASSWORD, Server, running
from tests.support.web_peers import OHIF, Samples, fetched

SECONDS = 90.0
VIEWPORT = ".cornerstone-viewport-element canvas"


@pytest.fixture(scope="module")
def ohif(filled: Samples) -> Iterator[Server]:
    """A server with OHIF beside our pages."""
    with running(filled.data, "--ohif", str(fetched(OHIF) / "dist"), "--minimum-free-bytes", "0") as server:
        yield server


@pytest.fixture(scope="module")
def page(ohif: Server) -> Iterator[Page]:
    """A browser that has signed in on our page; OHIF itself knows nothing of that."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(f"{ohif.address}/login")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", PASSWORD)
        page.click("button.primary")
        page.wait_for_url(f"{ohif.address}/")
        page.goto("about:blank")  # what our page still had under way ends here
        yield page


@pytest.fixture(scope="module")
def wrong(page: Page) -> list[str]:
    """What went wrong in the page; emptied by each test."""
    found = watch(page)
    page.on("requestfailed", lambda request: found.append(f"failed: {request.url} {request.failure}"))
    return found


@pytest.fixture(scope="module")
def studies(filled: Samples) -> list[Study]:
    """What there is to see."""
    with Archive.open(ArchiveSettings(filled.data)) as archive:
        return archive.studies(Query(Level.STUDY))


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen in {SECONDS:.0f} s")


def _has_pixels(page: Page) -> bool:
    """Tell whether each viewport shows a picture: some of it bright, some of it dark, not all alike."""
    canvases = page.query_selector_all(VIEWPORT)
    shots = [np.asarray(Image.open(io.BytesIO(one.screenshot())).convert("L"), dtype=float) for one in canvases]
    return bool(shots) and all(shot.std() > 12 and (shot > 60).mean() > 0.02 for shot in shots)


def _quiet(page: Page) -> None:
    """Wait for what is still under way: also an image that nobody has scrolled to yet may not fail."""
    page.wait_for_load_state("networkidle", timeout=SECONDS * 1000)


def _leave(page: Page, wrong: list[str]) -> None:
    """Leave the page of the test before: what that cuts off is no failure of the next one."""
    page.goto("about:blank")
    page.wait_for_timeout(100)
    wrong.clear()


def _open(page: Page, server: Server, study: Study) -> None:
    page.goto(f"{server.address}/ohif/viewer?StudyInstanceUIDs={study.study_instance_uid}")


def test_the_study_list(page: Page, ohif: Server, studies: list[Study], wrong: list[str]) -> None:
    _leave(page, wrong)
    page.goto(f"{ohif.address}/ohif/")
    page.wait_for_selector("[data-cy=study-list-results]", timeout=SECONDS * 1000)
    _until(lambda: page.locator("[data-cy=study-list-results] tr").count() >= len(studies), "the list")
    text = page.inner_text("[data-cy=study-list-results]")
    for study in studies:
        assert study.study_description in text
    assert faults(wrong) == []


def _of(studies: list[Study], *modalities: str, frames: str = "") -> Study:
    return next(s for s in studies if set(modalities) <= set(s.modalities) and frames in s.study_description)


@pytest.mark.parametrize("name", ["CT", "MR", "US", "PT", "DX", "MG"])
def test_images_are_on_screen(page: Page, ohif: Server, studies: list[Study], wrong: list[str], name: str) -> None:
    _leave(page, wrong)
    _open(page, ohif, _of(studies, name))
    _until(lambda: _has_pixels(page), "pixels")
    _quiet(page)
    assert faults(wrong) == []


def test_an_enhanced_ct_is_on_screen(page: Page, ohif: Server, filled: Samples, wrong: list[str]) -> None:
    with Archive.open(ArchiveSettings(filled.data)) as archive:
        enhanced = next(
            i
            for i in archive.matching_instances(Query(Level.INSTANCE))
            if (i.number_of_frames or 1) > 1 and i.bits_allocated == 16
        )
        study = archive.study(enhanced.study_instance_uid)
    _leave(page, wrong)
    _open(page, ohif, study)
    _until(lambda: _has_pixels(page), "pixels")
    _quiet(page)
    assert faults(wrong) == []


def _show_document(page: Page, modality: str) -> None:
    thumbnail = f"[data-cy=study-browser-thumbnail-no-image]:has-text('{modality}')"
    page.wait_for_selector(thumbnail, timeout=SECONDS * 1000)
    page.dblclick(thumbnail)


def test_a_report_is_read(page: Page, ohif: Server, studies: list[Study], wrong: list[str]) -> None:
    _leave(page, wrong)
    _open(page, ohif, _of(studies, "SR"))
    _show_document(page, "SR")
    _until(lambda: "Kết luận" in page.inner_text("body") or "Conclusion" in page.inner_text("body"), "the report")
    assert faults(wrong) == []


def test_a_pdf_is_shown(page: Page, ohif: Server, studies: list[Study], wrong: list[str]) -> None:
    _leave(page, wrong)
    answers: list[tuple[int, str | None]] = []
    # Before the study is opened: OHIF may fetch the document at once, and not again when it is asked for.
    page.on("response", lambda r: answers.append((r.status, r.headers.get("content-type"))))
    _open(page, ohif, _of(studies, "DOC"))
    _show_document(page, "DOC")
    page.wait_for_selector("object[type='application/pdf']", timeout=SECONDS * 1000)

    def has_come() -> bool:
        page.wait_for_timeout(50)  # answers are told only while Playwright is at work
        # Whole, in a range, or unchanged since the strip showed it.
        return any(kind == "application/pdf" and status in (200, 206, 304) for status, kind in answers)

    _until(has_come, "the PDF")
    page.wait_for_timeout(500)
    assert faults(wrong) == []
