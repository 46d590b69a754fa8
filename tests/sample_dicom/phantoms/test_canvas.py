from __future__ import annotations

import numpy as np
import pytest

from sample_dicom.phantoms.canvas import Canvas, Grid
from sample_dicom.phantoms.tree import grow, section


def test_grid_is_centred_on_its_middle() -> None:
    grid = Grid.centred(4, 6, 0.5, 1.0, -2.0)
    assert grid.x.mean() == pytest.approx(1.0)
    assert grid.y.mean() == pytest.approx(-2.0)
    assert grid.x[0, 1] - grid.x[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("shift", [0.0, 0.21, 0.5])
def test_rectangle_covers_exactly_its_area(shift: float) -> None:
    canvas = Canvas(Grid.centred(64, 64, 0.7), 0.0)
    canvas.rectangle(-10 + shift, 10 + shift, -4, 4, 1.0)
    assert canvas.image.sum() * 0.7**2 == pytest.approx(160.0, rel=1e-5)


def test_ellipse_covers_its_area() -> None:
    canvas = Canvas(Grid.centred(128, 128, 0.5), 0.0)
    canvas.ellipse((1.3, -2.1), (12, 12), 1.0)
    assert canvas.image.sum() * 0.25 == pytest.approx(np.pi * 144, rel=0.002)


def test_ellipsoid_is_absent_beyond_its_poles() -> None:
    canvas = Canvas(Grid.centred(16, 16, 1.0), 0.0)
    canvas.ellipsoid((0, 0, 0), (5, 5, 5), 5.1, 1.0)
    assert canvas.image.max() == 0


def test_shape_across_the_border_is_cut() -> None:
    canvas = Canvas(Grid.centred(16, 16, 1.0), 0.0)
    canvas.ellipse((-8, -8), (4, 4), 1.0)
    canvas.ellipse((100, 100), (4, 4), 1.0)
    assert canvas.image[0, 0] == 1
    assert canvas.image[8:, 8:].max() == 0


def test_tube_is_cut_as_a_circle() -> None:
    canvas = Canvas(Grid.centred(64, 64, 0.5), 0.0)
    canvas.path([(0, 0, -20), (0, 0, 20)], [6, 6], 0.0, 1.0)
    assert canvas.image.sum() * 0.25 == pytest.approx(np.pi * 36, rel=0.01)


def test_tree_reaches_its_targets_and_narrows() -> None:
    targets = [(20.0, 0.0, 0.0), (-20.0, 5.0, 0.0), (10.0, 20.0, 0.0)]
    tree = grow((0.0, -20.0, 0.0), targets, 4.0)
    image = section(tree, Grid.centred(128, 128, 0.5), 0.0)
    for x, y, _ in targets:
        assert image[round((y + 31.75) / 0.5), round((x + 31.75) / 0.5)] > 0.5
    assert tree.ra.max() == 4.0
    assert tree.rb.min() < 3.0
