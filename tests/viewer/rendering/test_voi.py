"""Numbers worked out by hand from PS3.3 C.11.2.1.2 and C.11.2.1.3."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from viewer.rendering import View, Window, prepare
from viewer.rendering.lut import LookupTable
from viewer.rendering.render import pixels
from viewer.rendering.voi import apply_voi, full_range, read_voi, read_windows


def shown(prepared, view=None):
    return pixels(prepared, view or View())


def levels(window, *values):
    return apply_voi(np.array(values, float), window)


@pytest.mark.parametrize(
    ("center", "width", "value", "level"),
    [
        # The standard's own examples in C.11.2.1.2.1: c=2048, w=4096 maps 0..4095 to the full range.
        (2048, 4096, 0, 0.0),
        (2048, 4096, 4095, 1.0),
        (2048, 4096, 2047, 2047 / 4095),
        # c=2048, w=1 is a threshold: up to 2047 black, from 2048 white.
        (2048, 1, 2047, 0.0),
        (2048, 1, 2047.5, 0.0),
        (2048, 1, 2048, 1.0),
        # c=0, w=100 maps -50..49.
        (0, 100, -50, 0.0),
        (0, 100, 49, 1.0),
        (0, 100, -0.5, 0.5),
        # c=0, w=1: up to -1 black, from 0 white.
        (0, 1, -1, 0.0),
        (0, 1, 0, 1.0),
        (40, 400, -1000, 0.0),
        (40, 400, 3000, 1.0),
    ],
)
def test_linear(center, width, value, level):
    assert levels(Window(center, width), value) == pytest.approx([level])


@pytest.mark.parametrize(
    ("center", "width", "value", "level"),
    [(2048, 4096, 0, 0.0), (2048, 4096, 4096, 1.0), (0, 100, 0, 0.5), (0, 100, 25, 0.75), (0.5, 0.2, 0.45, 0.25)],
)
def test_linear_exact(center, width, value, level):
    assert levels(Window(center, width, "LINEAR_EXACT"), value) == pytest.approx([level])


def test_sigmoid():
    got = levels(Window(100, 40, "SIGMOID"), 100, 110, 90, 1e9, -1e9)
    assert got == pytest.approx([0.5, 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 1, 0])


@pytest.mark.parametrize(
    ("center", "width", "function"),
    [(0, 0, "LINEAR"), (0, 0.5, "LINEAR"), (0, 0, "SIGMOID"), (0, -1, "LINEAR_EXACT"), (float("nan"), 1, "LINEAR")],
)
def test_widths_that_a_function_does_not_allow(center, width, function):
    with pytest.raises(ValueError, match=r"width|finite"):
        Window(center, width, function)


def test_an_unknown_function_is_refused():
    with pytest.raises(ValueError, match="none of LINEAR"):
        Window(1, 1, "CUBIC")


def test_all_windows_of_an_object_are_read():
    ds = Dataset()
    ds.WindowCenter, ds.WindowWidth = [40, 400, 0], [80, 2000, 0]
    ds.WindowCenterWidthExplanation = ["BRAIN", "BONE", "BROKEN"]
    windows = (Window(40, 80, explanation="BRAIN"), Window(400, 2000, explanation="BONE"))
    assert read_windows(ds, floating=False) == windows


def test_the_function_of_the_object_is_used():
    ds = Dataset()
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 40, 80, "SIGMOID"
    assert read_windows(ds, floating=False) == (Window(40, 80, "SIGMOID"),)


def test_float_pixels_without_a_function_are_exact():
    ds = Dataset()
    ds.WindowCenter, ds.WindowWidth = 0.5, 1
    assert read_windows(ds, floating=True) == (Window(0.5, 1, "LINEAR_EXACT"),)
    assert read_windows(ds, floating=False) == (Window(0.5, 1),)


def test_the_frames_own_window_goes_before_the_shared_one_and_the_top_level():
    def voi(center):
        item = Dataset()
        item.WindowCenter, item.WindowWidth = center, 10
        group = Dataset()
        group.FrameVOILUTSequence = Sequence([item])
        return group

    ds = Dataset()
    ds.WindowCenter, ds.WindowWidth = 3, 10
    ds.SharedFunctionalGroupsSequence = Sequence([voi(2)])
    ds.PerFrameFunctionalGroupsSequence = Sequence([Dataset(), voi(1)])
    assert [read_voi(ds, index, False, True)[0].center for index in (0, 1)] == [2, 1]


def test_a_voi_table_is_used_before_windows(opened, made):
    ds = made(np.array([[99, 100, 101, 102, 103]], np.uint16), WindowCenter=100, WindowWidth=10)
    item = Dataset()
    item.LUTDescriptor, item.LUTExplanation = [3, 100, 12], "NORMAL"
    item["LUTDescriptor"].VR = "US"
    item.add_new("LUTData", "US", [0, 2047, 4095])
    ds.VOILUTSequence = Sequence([item])
    prepared = prepare(opened(ds), 0)
    assert isinstance(prepared.voi[0], LookupTable)
    np.testing.assert_array_equal(shown(prepared), [[0, 0, 127, 255, 255]])
    np.testing.assert_array_equal(shown(prepared, View(voi_index=1)), shown(prepared, View(window=Window(100, 10))))


def test_without_any_window_the_values_of_the_frame_fill_the_range(opened):
    prepared = prepare(opened(np.array([[-100, 0, 155]], np.int16)), 0)
    assert not prepared.stated_voi
    np.testing.assert_array_equal(shown(prepared), [[0, 100, 255]])


def test_small_unsigned_values_are_shown_as_they_are(opened):
    np.testing.assert_array_equal(shown(prepare(opened(np.array([[10, 200]], np.uint8)), 0)), [[10, 200]])


def test_a_window_of_width_zero_is_as_good_as_none(opened):
    values = np.array([[0, 1000]], np.int16)
    prepared = prepare(opened(values, WindowCenter=40, WindowWidth=0), 0)
    np.testing.assert_array_equal(shown(prepared), [[0, 255]])


@pytest.mark.parametrize(("low", "high", "whole"), [(-3, 900, True), (0, 1, True), (0.25, 0.75, False)])
def test_full_range_takes_the_lowest_to_black_and_the_highest_to_white(low, high, whole):
    assert levels(full_range(low, high, whole), low, high) == pytest.approx([0, 1])


@pytest.mark.parametrize("value", [7, 1.5])
def test_full_range_of_one_value_can_be_applied(value):
    assert 0 <= levels(full_range(value, value, isinstance(value, int)), value)[0] <= 1
