"""Fixtures that every part of the tests may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pydicom.config
import pytest
from hypothesis import settings

from storage.archive import Archive
from storage.settings import ArchiveSettings

# A law holds however long a busy machine takes over one example.
settings.register_profile("filmless", deadline=None)
settings.load_profile("filmless")

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder of real DICOM files beside the project; tests that read it say so in their names."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("no folder ../shared/data")
    return _SHARED_DATA


@pytest.fixture(autouse=True)
def pydicom_settings() -> Iterator[None]:
    """Put back what a command that ran inside a test has set for its whole process (`pacs.logs.quiet_libraries`)."""
    mode = pydicom.config.settings.reading_validation_mode
    yield
    pydicom.config.settings.reading_validation_mode = mode


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An empty archive in a temporary folder."""
    with Archive.open(ArchiveSettings(tmp_path / "data", minimum_free_bytes=0)) as opened:
        yield opened


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where everything must be there, a test that was skipped is a failure: nobody looks at a green run twice."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") == "true" and skipped and exitstatus == 0:
        session.exitstatus = 1
