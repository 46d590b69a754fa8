"""Known sizes in the committed CT, measured: a rod of 50.0 mm and a disc of known area and HU, right to 0.5 %."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from werkzeug.test import TestResponse

from sample_dicom import studies_folder
from sample_dicom.phantoms.table import INSERT
from storage.archive import Archive
from tests.support.evidence import sent
from tests.support.reading import import_files

WITHIN = 0.005
Post = Callable[..., TestResponse]


@pytest.fixture
def slice_path() -> Path:
    """A slice through the measuring insert."""

    def candidates() -> Iterator[Path]:
        for path in sorted((studies_folder() / "ct-chest").glob("ct*.dcm")):
            z = float(dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])
            if INSERT.bottom + 10 < z < INSERT.top - 10:
                yield path

    return next(candidates())


def pixel(ds: Dataset, x: float, y: float) -> list[float]:
    """Where a place of the patient lies in an axial picture, from the outer corner of its first pixel."""
    left, top, _ = (float(value) for value in ds.ImagePositionPatient)
    row_mm, column_mm = (float(value) for value in ds.PixelSpacing)
    return [(x - left) / column_mm + 0.5, (y - top) / row_mm + 0.5]


def measured(post: Post, ds: Dataset, kind: str, points: list[list[float]]) -> dict[str, float]:
    body = {"measurements": [sent(str(ds.SOPInstanceUID), kind, points)], "based_on": None}
    answer = post(f"/study/{ds.StudyInstanceUID}/measurements", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()["documents"][0]["measurements"][0]
    return {value["name"]: value["value"] for value in found["values"]}


def edges(ds: Dataset) -> tuple[float, float]:
    """The rod's ends in columns, found in the pixels where they are half as dense as it, to a part of a pixel."""
    values = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    row = round(pixel(ds, 0, INSERT.rod_y)[1] - 0.5)
    profile = values[row - 1 : row + 2].mean(axis=0)
    middle = round(pixel(ds, 0, INSERT.rod_y)[0] - 0.5)
    half = (INSERT.rod_hu + INSERT.block_hu) / 2
    ends = []
    for step in (-1, 1):
        column = middle
        while profile[column] > half:
            column += step
        inside, outside = profile[column - step], profile[column]
        ends.append(column - step * (half - outside) / (inside - outside) + 0.5)
    return ends[0], ends[1]


def test_the_rod_is_fifty_millimetres(post: Post, archive: Archive, data: Path, slice_path: Path) -> None:
    import_files(data, [slice_path])
    ds = dcmread(slice_path)
    (left, right), row = edges(ds), pixel(ds, 0, INSERT.rod_y)[1]
    found = measured(post, ds, "length", [[left, row], [right, row]])
    assert found["length"] == pytest.approx(INSERT.rod_length, rel=WITHIN)


def test_the_disc_has_its_area(post: Post, archive: Archive, data: Path, slice_path: Path) -> None:
    import_files(data, [slice_path])
    ds = dcmread(slice_path)
    x, y = INSERT.disc_centre

    def ends(radius: float) -> list[list[float]]:
        across, down = np.array([radius, 0]), np.array([0, radius])
        return [pixel(ds, *(np.array([x, y]) + offset)) for offset in (-across, across, -down, down)]

    assert measured(post, ds, "ellipse", ends(INSERT.disc_radius))["area"] == pytest.approx(
        INSERT.disc_area, rel=WITHIN
    )


def test_the_disc_has_its_hu(post: Post, archive: Archive, data: Path, slice_path: Path) -> None:
    import_files(data, [slice_path])
    ds = dcmread(slice_path)
    x, y = INSERT.disc_centre
    inside = INSERT.disc_radius - 2
    points = [pixel(ds, x - inside, y), pixel(ds, x + inside, y), pixel(ds, x, y - inside), pixel(ds, x, y + inside)]
    found = measured(post, ds, "ellipse", points)
    assert found["mean"] == pytest.approx(INSERT.disc_hu, rel=WITHIN)
    assert found["deviation"] < 25
