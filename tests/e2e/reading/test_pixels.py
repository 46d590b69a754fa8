"""Pixels on the canvas are those that the server renders for the same window, for every kind of image."""

from __future__ import annotations

import numpy as np
import pytest

from sample_dicom import studies_folder
from tests.support.reading import Reader, study_of

STUDIES = ("ct-chest", "ct-head", "mr-brain", "dx-chest", "mammogram", "us-cine", "enhanced-ct", "pet-ct")


def compare(room: Reader, slack: float = 1.0) -> None:
    """The canvas against the server's picture of the same image, window and sense."""
    facts = room.page.evaluate("() => window.filmless.cell.facts")
    shown = room.page.evaluate(
        "() => { const c = window.filmless.cell; return {w: c.window, i: c.inverted, t: c.voi?.kind} }"
    )
    rows, columns = facts["rows"], facts["columns"]
    assert abs(facts["aspect"] - 1) < 1e-6
    room.one_to_one(rows, columns)
    study = room.page.url.split("/study/")[1].split("?")[0]
    query = "format=png&overlays=0"
    if shown["w"] is not None:
        query += f"&center={shown['w']['center']}&width={shown['w']['width']}&function={shown['w']['function']}"
    if shown["i"]:
        query += "&invert=1"
    wanted = room.rendered(f"/study/{study}/instances/{facts['sop']}/frames/{facts['frame_number']}/image?{query}")
    got = room.picture(rows, columns)
    difference = np.abs(got.astype(int) - wanted.astype(int))
    assert difference.mean() < slack, (difference.mean(), difference.max())
    assert (difference > 2).mean() < 0.002, (difference > 2).mean()


@pytest.mark.parametrize("name", STUDIES)
def test_the_canvas_shows_what_the_server_renders(room: Reader, name: str) -> None:
    room.open(study_of(studies_folder() / name))
    compare(room)
