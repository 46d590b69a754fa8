from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from sample_dicom import catalogue
from sample_dicom.catalogue import write_study
from sample_dicom.noise import Random, Texture
from sample_dicom.phantoms.canvas import Grid
from sample_dicom.uids import uid


@pytest.mark.parametrize(
    ("study", "count"),
    [("ct-chest", 6), ("ct-head", 4), ("mr-brain", 3), ("mammogram", 1), ("enhanced-ct", 1), ("pet-ct", 26)],
)
def test_committed_files_come_out_again_bit_for_bit(studies: Path, tmp_path: Path, study: str, count: int) -> None:
    made = list(islice(write_study(study, tmp_path), count))
    assert len(made) == count
    for path in made:
        assert path.read_bytes() == (studies / study / path.name).read_bytes(), path.name


def test_report_and_pdf_come_out_again_bit_for_bit(studies: Path, tmp_path: Path) -> None:
    for name, make in (("ct-chest", catalogue.documents.chest_report), ("mr-brain", catalogue.documents.brain_pdf)):
        for ds in make():
            path = catalogue.write(ds, tmp_path / f"{ds.Modality.lower()}9-0001.dcm")
            assert path.read_bytes() == (studies / name / path.name).read_bytes()


def test_uid_depends_on_every_name() -> None:
    assert uid("a", 1) == uid("a", 1) == "2.25.50381821565885266840307186872336763851"
    assert len({uid("a", 1), uid("a", 2), uid("b", 1)}) == 3


def test_noise_is_normal_and_named() -> None:
    a = Random("x").field((300, 300))
    assert np.array_equal(a, Random("x").field((300, 300)))
    assert not np.array_equal(a, Random("y").field((300, 300)))
    assert a.dtype == np.float32
    assert a.mean() == pytest.approx(0, abs=0.02)
    assert a.std() == pytest.approx(1, abs=0.02)
    assert Random("x").soft_field((300, 300)).std() == pytest.approx(1, abs=0.03)


def test_texture_is_continuous_between_slices() -> None:
    texture, grid = Texture("t", 10.0), Grid.centred(32, 32, 1.0)
    near, far = texture.at(grid.x, grid.y, 5.0), texture.at(grid.x, grid.y, 5.01)
    assert np.abs(near - far).max() < 0.02
    assert np.array_equal(texture.at(grid.x, grid.y, 10.0), texture.at(grid.x, grid.y, 330.0)), (
        "the lattice is periodic"
    )
