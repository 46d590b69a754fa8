"""Display shutters (PS3.3 C.7.6.11): the server covers what the reading room covers."""

import io

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from viewer.rendering import Pose, View, Window, prepare, render, thumbnail
from viewer.rendering.render import pixels
from viewer.rendering.shutter import read_shutter

PLAIN = View()
BRIGHT = np.full((40, 60), 200, np.uint8)
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 11,
    "ShutterRightVerticalEdge": 50,
    "ShutterUpperHorizontalEdge": 6,
    "ShutterLowerHorizontalEdge": 35,
}
CIRCLE = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [20, 30], "RadiusOfCircularShutter": 15}
TRIANGLE = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [1, 1, 1, 60, 40, 1]}


def shown(obj, view=PLAIN, index=0):
    return pixels(prepare(obj, index), view)


def test_pixels_on_the_edges_of_a_rectangle_are_open(opened):
    wanted = np.zeros((40, 60), np.uint8)
    wanted[5:35, 10:50] = 200
    np.testing.assert_array_equal(shown(opened(BRIGHT, **RECTANGLE)), wanted)


def test_a_circle_reaches_as_far_as_its_radius(opened):
    open_ = shown(opened(BRIGHT, **CIRCLE)) > 0
    assert open_.sum() == pytest.approx(np.pi * 15**2, rel=0.02)
    assert np.flatnonzero(open_[19]).tolist() == list(range(14, 45))
    assert np.flatnonzero(open_[:, 29]).tolist() == list(range(4, 35))


def test_a_polygon_is_open_inside(opened):
    picture = shown(opened(BRIGHT, **TRIANGLE))
    assert picture[1, 1] == picture[5, 45] == picture[35, 3] == 200
    assert picture[39, 59] == picture[30, 40] == picture[20, 35] == 0
    assert (picture > 0).sum() == pytest.approx(40 * 60 / 2, rel=0.03)


def test_of_several_shapes_only_what_lies_in_all_is_open(opened):
    both = {**RECTANGLE, **CIRCLE, "ShutterShape": ["RECTANGULAR", "CIRCULAR"], "ShutterLeftVerticalEdge": 30}
    picture = shown(opened(BRIGHT, **both))
    assert picture[19, 28] == 0
    assert picture[19, 29] == 200
    assert picture[19, 45] == 0


def test_it_keeps_its_grey_whatever_the_window_and_lies_over_overlays(opened):
    obj = opened(BRIGHT, ShutterPresentationValue=0x8000, **RECTANGLE)
    for view in (View(), View(invert=True), View(window=Window(10, 20)), View(overlays=False)):
        assert set(shown(obj, view)[0]) == {128}


def test_colour_is_covered_and_left_as_it_was(opened):
    values = np.full((40, 60, 3), 90, np.uint8)
    prepared = prepare(opened(values, **RECTANGLE), 0)
    picture = pixels(prepared, View())
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[20, 20].tolist() == [90, 90, 90]
    assert (prepared.rgb == 90).all(), "the decoded picture is shared"


def test_every_frame_has_the_shutter_of_its_functional_group(opened, made):
    ds = made(np.stack([BRIGHT, BRIGHT]), frames=2)
    frames = []
    for left in (11, 21):
        shutter, frame = Dataset(), Dataset()
        for keyword, value in {**RECTANGLE, "ShutterLeftVerticalEdge": left}.items():
            setattr(shutter, keyword, value)
        frame.FrameDisplayShutterSequence = Sequence([shutter])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    obj = opened(ds)
    assert [int(np.flatnonzero(shown(obj, index=i)[20])[0]) for i in (0, 1)] == [10, 20]
    assert [read_shutter(obj.ds, i)["rectangle"]["left"] for i in (0, 1)] == [11, 21]


def test_it_turns_and_shrinks_with_the_picture(opened):
    obj = opened(BRIGHT, **RECTANGLE)
    turned = np.asarray(Image.open(io.BytesIO(render(obj, 0, View(pose=Pose(90), format="png")).data)))
    assert np.argwhere(turned).min(axis=0).tolist() == [10, 5]
    small = np.asarray(Image.open(io.BytesIO(thumbnail(prepare(obj, 0), 30).data)))
    assert small[0].max() < 20
    assert small[10, 15] > 180


def test_one_that_covers_nothing_costs_nothing(opened):
    whole = {**RECTANGLE, "ShutterLeftVerticalEdge": 1, "ShutterRightVerticalEdge": 60}
    whole |= {"ShutterUpperHorizontalEdge": 0, "ShutterLowerHorizontalEdge": 41}
    assert prepare(opened(BRIGHT, **whole), 0).shutter is None
    assert prepare(opened(BRIGHT, ShutterShape="RECTANGULAR"), 0).shutter is None
