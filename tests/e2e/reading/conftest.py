"""A server with the sample studies and a browser, shared by the tests of one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sample_dicom import studies_folder
from storage.records import Records, Role
from tests.support.browser import chromium
from tests.support.reading import Reader, import_files, need_built_app, reader
from tests.support.web import PASSWORD, Server, running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while Playwright runs in a thread, nothing else there may have an event loop.
    need_built_app()
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def samples_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the sample studies, with a radiologist and a clinician."""
    data: Path = tmp_path_factory.mktemp("samples")
    with Records.open(data) as records:
        for role in (Role.RADIOLOGIST, Role.CLINICIAN):
            records.users.add(role.value, role, PASSWORD)
    import_files(data, sorted(studies_folder().rglob("*.dcm")))
    return data


@pytest.fixture(scope="session")
def samples(samples_data: Path) -> Iterator[Server]:
    """The sample studies behind a running server."""
    need_built_app()
    with running(samples_data) as started:
        yield started


@pytest.fixture
def room(browser: Browser, samples: Server) -> Iterator[Reader]:
    """A radiologist at a desk."""
    with reader(browser, samples) as at_desk:
        yield at_desk
        assert at_desk.wrong == []
