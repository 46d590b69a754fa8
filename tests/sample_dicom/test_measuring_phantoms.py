"""The measuring phantoms hold what they say, in valid objects."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import Dataset, dcmread

from sample_dicom.cli import main
from sample_dicom.makers import measuring


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder: Path = tmp_path_factory.mktemp("measuring")
    assert CliRunner().invoke(main, ["measuring", str(folder)], catch_exceptions=False).exit_code == 0
    return {str(dcmread(path).Modality): path for path in folder.rglob("*.dcm")}


def scale(ds: Dataset) -> tuple[float, float]:
    """Millimetres between rows and between columns."""
    if ds.Modality == "DX":
        return float(ds.PixelSpacing[0]), float(ds.PixelSpacing[1])
    region = ds.SequenceOfUltrasoundRegions[0]
    return 10 * region.PhysicalDeltaY, 10 * region.PhysicalDeltaX


@pytest.mark.parametrize(("modality", "sizes"), [("DX", measuring.RADIOGRAPH), ("US", measuring.ECHO)])
def test_rod_and_disc_have_their_sizes(made: dict[str, Path], modality: str, sizes: measuring.Sizes) -> None:
    ds = dcmread(made[modality])
    row_mm, column_mm = scale(ds)
    values = ds.pixel_array.astype(float)
    share = (values - values.min()) / (values.max() - values.min())
    middle = values.shape[0] / 2
    at = round(middle + sizes.rod_y / row_mm)
    assert share[at].sum() * column_mm == pytest.approx(sizes.rod_length, rel=0.002)
    disc = share[round(middle + (sizes.disc_y - sizes.disc_radius) / row_mm) - 2 :]
    assert disc.sum() * row_mm * column_mm == pytest.approx(sizes.disc_area, rel=0.002)


def test_the_radiograph_is_calibrated_for_its_magnification(made: dict[str, Path]) -> None:
    ds = dcmread(made["DX"])
    magnification = float(ds.ImagerPixelSpacing[0]) / float(ds.PixelSpacing[0])
    assert magnification == pytest.approx(float(ds.EstimatedRadiographicMagnificationFactor))
    assert magnification == pytest.approx(ds.DistanceSourceToDetector / ds.DistanceSourceToPatient)


def test_no_file_has_an_error_for_dciodvfy(made: dict[str, Path], dciodvfy: str) -> None:
    for path in made.values():
        run = subprocess.run([dciodvfy, path], capture_output=True, text=True, errors="replace", check=False)
        assert [line for line in (run.stdout + run.stderr).splitlines() if "Error" in line] == []


def test_made_again_they_are_the_same(made: dict[str, Path]) -> None:
    for again in measuring.datasets():
        assert np.array_equal(again.pixel_array, dcmread(made[again.Modality]).pixel_array)
