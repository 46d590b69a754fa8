"""Looking pixels up in a table, and the arithmetic that stands in for it where it gives the same."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewer.rendering import View, Window, prepare
from viewer.rendering import lookup as lookup_module
from viewer.rendering.lookup import look_up
from viewer.rendering.render import pixels
from viewer.rendering.voi import apply_voi

CODES = np.random.default_rng(1).integers(0, 200, (64, 64), np.uint16)
RISING = np.arange(200, dtype=np.uint8)


@given(st.integers(2, 256), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.sampled_from([np.uint8, np.uint16]))
def test_it_is_the_table_whatever_the_line_says(entries, first, last, kind):
    codes = (CODES % entries).astype(kind)
    near = np.clip(np.linspace(first, last, entries) + 0.5, 0, 255).astype(np.uint8)
    for table in (near, near[::-1].copy(), RISING[np.arange(entries) % 200]):
        np.testing.assert_array_equal(look_up(table, codes, (first, last)), table[codes])


@pytest.fixture
def rescaled(opened):
    """Stored values 0 to 999, meaning -1024 to 974, and the frame with them, by photometric interpretation."""
    stored = np.random.default_rng(2).integers(0, 1000, (128, 128), np.uint16)
    facts = {"RescaleSlope": 2, "RescaleIntercept": -1024}
    grey = ("MONOCHROME1", "MONOCHROME2")
    return stored, {one: prepare(opened(stored, PhotometricInterpretation=one, **facts), 0) for one in grey}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it is only read
@given(
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    invert=st.booleans(),
    center=st.integers(-1200, 1200),
    width=st.integers(2, 3000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT"]),
)
def test_a_window_shows_what_its_formula_says(rescaled, photometric, invert, center, width, function):
    stored, prepared = rescaled
    window = Window(center, width, function)
    levels = apply_voi(stored * 2.0 - 1024, window)
    inverse = (photometric == "MONOCHROME1") != invert
    expected = ((1 - levels if inverse else levels) * 255 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(pixels(prepared[photometric], View(window=window, invert=invert)), expected)


def test_most_windows_need_no_looking_up(rescaled, monkeypatch):
    looked_up = []
    take = np.take
    monkeypatch.setattr(lookup_module.np, "take", lambda *args, **more: looked_up.append(1) or take(*args, **more))
    prepared = rescaled[1]["MONOCHROME2"]
    for center in range(100):
        pixels(prepared, View(window=Window(center, 400 + 3 * center)))
    assert len(looked_up) < 10


def test_a_table_that_is_no_line_is_looked_up():
    dented = RISING.copy()
    dented[100] = 7
    np.testing.assert_array_equal(look_up(dented, CODES, (0, 199)), dented[CODES])
    colours = np.stack([RISING, RISING[::-1], RISING], axis=-1)
    assert look_up(colours, CODES, (0, 199)).shape == (64, 64, 3)
