"""One server with the sample studies for all clients that only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from storage.records import Records, Role
from tests.support.browser import chromium
from tests.support.reading import need_built_app
from tests.support.web import PASSWORD, Server, running
from tests.support.web_peers import OHIF, Samples, fetched, samples


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """The sample studies."""
    return samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session")
def sample_server(filled: Samples) -> Iterator[Server]:
    """A server that shows them."""
    with running(filled.data, "--minimum-free-bytes", "0") as server:
        yield server


@pytest.fixture(scope="module")
def chest_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The chest with a radiologist, OHIF beside our pages."""
    need_built_app()
    data: Path = tmp_path_factory.mktemp("measured")
    samples(data, only=["ct-chest"])
    with Records.open(data) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    with running(data, "--ohif", str(fetched(OHIF) / "dist"), "--minimum-free-bytes", "0") as started:
        yield started


@pytest.fixture(scope="module")
def reading_page(chest_server: Server) -> Iterator[Page]:
    """A radiologist, signed in there."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1366, "height": 768}, locale="vi-VN")
        page.goto(f"{chest_server.address}/login")
        page.fill("[name=username]", "radiologist")
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{chest_server.address}/")
        yield page
