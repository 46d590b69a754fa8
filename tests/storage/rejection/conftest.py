"""An archive with something to reject."""

from __future__ import annotations

import pytest

from storage.archive import Archive
from tests.support.rejecting import fill


@pytest.fixture
def filled(archive: Archive) -> Archive:
    """A study of two series (CT, MR) with two instances each, and another study of the same patient."""
    fill(archive)
    return archive
