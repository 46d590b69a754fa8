"""A real browser on a real server, with a study whose pixels are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.support.browser import ANSWER_MS, chromium
from tests.support.peers import require_tool
from tests.support.slices import put_slices
from tests.support.web import PASSWORD, Server, running


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
    with chromium() as started:
        yield started


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
        page.set_default_timeout(ANSWER_MS)
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
