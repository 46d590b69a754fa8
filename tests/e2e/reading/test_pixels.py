"""Pixels on the canvas are those that the server renders for the same window, for every kind of image."""

from __future__ import annotations

import pytest

from sample_dicom import studies_folder
from tests.support.reading import Reader, study_of

STUDIES = ("ct-chest", "ct-head", "mr-brain", "dx-chest", "mammogram", "us-cine", "enhanced-ct", "pet-ct")


@pytest.mark.parametrize("name", STUDIES)
def test_the_canvas_shows_what_the_server_renders(room: Reader, name: str) -> None:
    room.open(study_of(studies_folder() / name))
    room.matches_server()
