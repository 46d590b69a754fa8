"""What an object says of its look holds on the canvas as on the server: tables, sigmoid, overlays, shutters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.objects import STUDY, ct, store
from tests.support.reading import Reader, need_built_app, reader
from tests.support.web import PASSWORD, Server, running

SIDE = 256
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 31,
    "ShutterRightVerticalEdge": 200,
    "ShutterUpperHorizontalEdge": 41,
    "ShutterLowerHorizontalEdge": 230,
    "ShutterPresentationValue": 0x4000,
}
CIRCLE = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [128, 120], "RadiusOfCircularShutter": 100}
POLYGON = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [20, 128, 200, 20, 200, 236]}
NAMES = ("sigmoid", "exact", "table", "overlay", "rectangle", "circle", "polygon", "frames")


def uid(name: str) -> str:
    return f"{STUDY}.{90 + NAMES.index(name)}"


WINDOW = {"WindowCenter": 500, "WindowWidth": 900}


def picture(name: str, **attributes: object) -> Dataset:
    """A slope from 0 across to 1020."""
    values = np.tile((np.arange(SIDE) * 4).astype("<i2"), (SIDE, 1))
    return ct(
        StudyInstanceUID=uid(name),
        SeriesInstanceUID=f"{uid(name)}.1",
        SOPInstanceUID=f"{uid(name)}.1.1",
        Rows=SIDE,
        Columns=SIDE,
        PixelData=values.tobytes(),
        **attributes,
    )


def objects() -> Iterator[Dataset]:
    yield picture("sigmoid", **WINDOW, VOILUTFunction="SIGMOID")
    yield picture("exact", **WINDOW, VOILUTFunction="LINEAR_EXACT")
    yield _with_table()
    yield _with_overlay()
    yield picture("rectangle", **WINDOW, **RECTANGLE)
    yield picture("circle", **WINDOW, **CIRCLE)
    yield picture("polygon", **WINDOW, **POLYGON)
    yield _with_frames()


def _with_table() -> Dataset:
    ds = picture("table")
    table = Dataset()
    # Up and down again: no window does that.
    entries = np.concatenate([np.linspace(0, 255, 512), np.linspace(255, 60, 512)]).astype(np.uint16)
    table.add_new("LUTDescriptor", "US", [1024, 0, 8])
    table.add_new("LUTData", "US", entries.tolist())
    table.LUTExplanation = "UP AND DOWN"
    ds.VOILUTSequence = [table]
    return ds


def _with_overlay() -> Dataset:
    ds = picture("overlay", **WINDOW)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[50:60, 30:200] = 1
    mask[100:200, 64] = 1
    ds.add_new(0x60000010, "US", SIDE)
    ds.add_new(0x60000011, "US", SIDE)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60000102, "US", 0)
    ds.add_new(0x60003000, "OW", np.packbits(mask.ravel(), bitorder="little").tobytes())
    return ds


def _with_frames() -> Dataset:
    """Two frames, each with a shutter of its own in its functional groups."""
    ds = picture("frames", NumberOfFrames=2, **WINDOW)
    ds.PixelData = ds.PixelData * 2
    frames = []
    for left in (31, 101):
        frame, shutter = Dataset(), Dataset()
        for keyword, value in {**RECTANGLE, "ShutterLeftVerticalEdge": left}.items():
            setattr(shutter, keyword, value)
        frame.FrameDisplayShutterSequence = [shutter]
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = frames
    return ds


@pytest.fixture(scope="module")
def odd_looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    need_built_app()
    data: Path = tmp_path_factory.mktemp("looks")
    with Records.open(data) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for ds in objects():
            store(archive, ds)
    with running(data) as started:
        yield started


@pytest.fixture
def room(browser: Browser, odd_looks: Server) -> Iterator[Reader]:
    with reader(browser, odd_looks) as at_desk:
        yield at_desk
        assert at_desk.wrong == []


def compared(room: Reader, name: str, frame: int = 1) -> np.ndarray:
    """How far the canvas is from what the server renders, by pixel."""
    room.one_to_one(SIDE, SIDE)
    address = f"/study/{uid(name)}/instances/{uid(name)}.1.1/frames/{frame}/image?format=png"
    return np.abs(room.picture(SIDE, SIDE).astype(int) - room.rendered(address).astype(int)).max(axis=2)


@pytest.mark.parametrize("name", ["sigmoid", "exact", "table", "overlay", "rectangle"])
def test_the_canvas_looks_as_the_server_says(room: Reader, name: str) -> None:
    room.open(uid(name))
    difference = compared(room, name)
    assert difference.mean() < 1
    assert (difference > 2).mean() < 0.002


@pytest.mark.parametrize("name", ["circle", "polygon"])
def test_round_and_slanting_shutters_differ_at_their_soft_edge_only(room: Reader, name: str) -> None:
    room.open(uid(name))
    difference = compared(room, name)
    assert (difference > 2).mean() < 0.02
    canvas = room.picture(SIDE, SIDE)
    assert (canvas[:5] == 0).all()
    assert canvas[128, 128].max() > 60


def test_each_frame_has_its_own_shutter(room: Reader) -> None:
    room.open(uid("frames"))
    for frame, left in ((1, 30), (2, 100)):
        assert (compared(room, "frames", frame) > 2).mean() < 0.002
        line = room.picture(SIDE, SIDE)[128, :, 0].astype(int)
        assert (line[:left] == 64).all()
        room.press("ArrowDown")


def test_an_overlay_is_taken_away_and_comes_back(room: Reader) -> None:
    room.open(uid("overlay"))
    room.one_to_one(SIDE, SIDE)
    assert room.picture(SIDE, SIDE)[55, 40].tolist() == [255, 255, 255]
    room.press("o")
    assert room.picture(SIDE, SIDE)[55, 40].max() < 100
    room.press("o")
    assert room.picture(SIDE, SIDE)[55, 40].tolist() == [255, 255, 255]
