"""Reference lines and the crosshair lie where the geometry of the files says, however the pictures are turned.

Two stacks of one body cross at odd angles. The pixels of each are made from the headers by numpy: bright where a chosen
slice of the other stack passes, brightest in the middle of a soft ball. What is drawn over a picture is compared with
what is seen in it.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, expect
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.hands import drag
from tests.support.objects import STUDY, ct, store
from tests.support.reading import Reader, need_built_app, reader
from tests.support.web import PASSWORD, Server, running

Array = NDArray[np.float64]
BODY, PASSING, BALL = 50, 600, 1000
"""Pixel values; in the window of the objects they become 13, 153 and 255."""
ONLY_BALL = 170
"""A grey that nothing else has."""
THICKNESS = 1.6
"""How much of a slice's surroundings is bright, in mm."""
BALL_SIGMA = 3.5
"""Of the Gaussian that the ball is, in mm."""


@dataclass(frozen=True)
class Stack:
    """Parallel slices, in the words of PS3.3 C.7.6.2: all that is known of them is what their headers say."""

    number: int
    row: tuple[float, float, float]
    column: tuple[float, float, float]
    first: tuple[float, float, float]
    spacing: tuple[float, float]
    size: tuple[int, int]
    gap: float
    count: int
    crossed: int
    """The slice (from 0) that passes through the other stack's bright line."""

    @property
    def uid(self) -> str:
        return f"{STUDY}.70.{self.number}"

    @property
    def normal(self) -> Array:
        return np.cross(self.row, self.column)

    def origin(self, slice_: int) -> Array:
        return np.array(self.first) + self.normal * self.gap * slice_

    def places(self, slice_: int) -> Array:
        """The middle of each pixel in the patient, (rows, columns, 3) in mm: equation C.7.6.2.1-1."""
        rows, columns = np.mgrid[: self.size[0], : self.size[1]].astype(float)
        across = columns[..., None] * self.spacing[1] * np.array(self.row)
        down = rows[..., None] * self.spacing[0] * np.array(self.column)
        return np.asarray(self.origin(slice_) + across + down)

    def away(self, slice_: int, places: Array) -> Array:
        """Signed distance of places from a slice in mm."""
        return np.asarray((places - self.origin(slice_)) @ self.normal)

    def pixels(self, slice_: int, places: Array) -> tuple[Array, Array]:
        """Columns and rows of places on a slice, from the outer corner of its first pixel."""
        along = places - self.origin(slice_)
        columns = along @ np.array(self.row) / self.spacing[1] + 0.5
        return columns, along @ np.array(self.column) / self.spacing[0] + 0.5

    def holds(self, slice_: int, places: Array) -> NDArray[np.bool_]:
        """Which places lie beside the picture of a slice, whatever their distance from it."""
        columns, rows = self.pixels(slice_, places)
        return np.asarray((columns > 0) & (columns < self.size[1]) & (rows > 0) & (rows < self.size[0]))


def turned(direction: tuple[float, float, float], about: Array, degrees: float) -> tuple[float, float, float]:
    """Rodrigues' rotation."""
    v, angle = np.array(direction), np.radians(degrees)
    found = v * np.cos(angle) + np.cross(about, v) * np.sin(angle) + about * (about @ v) * (1 - np.cos(angle))
    return (float(found[0]), float(found[1]), float(found[2]))


AXIS = np.array([2.0, 1.0, 2.0]) / 3
AXIAL = Stack(
    1, turned((1, 0, 0), AXIS, 17), turned((0, 1, 0), AXIS, 17), (-40, -62, -30), (1.25, 0.8), (96, 110), 4, 9, 3
)
SAGITTAL = Stack(
    2, turned((0, 1, 0), AXIS, -9), turned((0, 0, -1), AXIS, -9), (-18, -40, 50), (1.5, 1.0), (64, 72), 5, 7, 4
)
STACKS = (AXIAL, SAGITTAL)


def crossing_middle() -> Array:
    """A point on both chosen slices, near the middle of what both show."""
    normals = np.stack([AXIAL.normal, SAGITTAL.normal, np.cross(AXIAL.normal, SAGITTAL.normal)])
    middle = SAGITTAL.places(SAGITTAL.crossed)[SAGITTAL.size[0] // 2, SAGITTAL.size[1] // 2]
    wanted = [normals[0] @ AXIAL.origin(AXIAL.crossed), normals[1] @ SAGITTAL.origin(SAGITTAL.crossed)]
    return np.linalg.solve(normals, np.array([*wanted, normals[2] @ middle]))


def ball_middle() -> Array:
    """On the axial slice, aside of the sagittal one."""
    aside = SAGITTAL.normal - AXIAL.normal * (SAGITTAL.normal @ AXIAL.normal)
    return np.asarray(crossing_middle() - 14 * aside / np.linalg.norm(aside))


CENTRE = ball_middle()


def slices(stack: Stack, other: Stack) -> Iterator[Dataset]:
    for i in range(stack.count):
        places = stack.places(i)
        passes = np.abs(other.away(other.crossed, places)) < THICKNESS / 2
        values = np.where(passes & other.holds(other.crossed, places), PASSING, BODY)
        ball = BALL * np.exp(-(np.linalg.norm(places - CENTRE, axis=2) ** 2) / 2 / BALL_SIGMA**2)
        values = np.maximum(values, ball).astype("<i2")
        yield ct(
            StudyInstanceUID=f"{STUDY}.70",
            SeriesInstanceUID=stack.uid,
            SOPInstanceUID=f"{stack.uid}.{i + 1}",
            FrameOfReferenceUID=f"{STUDY}.70.9",
            SeriesNumber=stack.number,
            InstanceNumber=i + 1,
            Rows=stack.size[0],
            Columns=stack.size[1],
            PixelData=values.tobytes(),
            PixelSpacing=list(stack.spacing),
            SliceThickness=stack.gap,
            ImageOrientationPatient=[round(value, 12) for value in (*stack.row, *stack.column)],
            ImagePositionPatient=[round(float(value), 10) for value in stack.origin(i)],
            WindowCenter=500,
            WindowWidth=1000,
        )


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    need_built_app()
    data: Path = tmp_path_factory.mktemp("crossed")
    with Records.open(data) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for stack, other in (STACKS, STACKS[::-1]):
            for ds in slices(stack, other):
                store(archive, ds)
    with running(data) as started:
        yield started


@pytest.fixture
def room(browser: Browser, crossed: Server) -> Iterator[Reader]:
    """Both stacks side by side, each at the slice that crosses the other's bright line."""
    with reader(browser, crossed) as at_desk:
        cells = ",".join(f"{stack.uid}:{stack.crossed + 1}" for stack in STACKS)
        first = f"series={AXIAL.uid}&image={AXIAL.crossed + 1}"
        at_desk.open(f"{STUDY}.70", f"?{first}&layout=1x2&cells={cells}", whole=False)
        for i, stack in enumerate(STACKS):
            expect(cell(at_desk, i)).to_have_attribute("data-slice", str(stack.crossed + 1))
            expect(cell(at_desk, i)).to_have_attribute("data-slices-loaded", str(stack.count))
        yield at_desk
        assert at_desk.wrong == []


def cell(room: Reader, index: int) -> Locator:
    return room.page.locator(".viewport").nth(index)


def seen(room: Reader, index: int) -> Array:
    """Greys of a cell's canvas, a pixel for each of CSS."""
    data = cell(room, index).locator(".picture canvas").evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("L")).astype(float)


def points(mask: NDArray[np.bool_]) -> Array:
    """(x, y) of the middles of pixels."""
    return np.argwhere(mask)[:, ::-1] + 0.5


def line_on(room: Reader, index: int) -> Array:
    """Both ends of the reference line over a cell, (2, 2) of x and y."""
    lines = cell(room, index).locator(".lines line")
    expect(lines).to_have_count(1)
    found = lines.evaluate("one => ['x1', 'y1', 'x2', 'y2'].map((name) => Number(one.getAttribute(name)))")
    return np.array(found).reshape(2, 2)


def matrix(room: Reader, index: int) -> tuple[Array, Array]:
    """From (column, row) to the cell: what is multiplied, what is added."""
    m = room.page.evaluate("i => ({ ...window.filmless.cells[i].matrix })", index)
    return np.array([[m["a"], m["b"]], [m["c"], m["d"]]]), np.array([m["e"], m["f"]])


def scale(room: Reader, index: int) -> float:
    """Pixels of the screen for a mm."""
    return float(np.sqrt(abs(np.linalg.det(matrix(room, index)[0])) / np.prod(STACKS[index].spacing)))


def ball(room: Reader, index: int) -> Array:
    """Where the middle of the ball is seen in a cell."""
    canvas = seen(room, index)
    rough = points(canvas > ONLY_BALL).mean(axis=0)
    around = points(canvas > 0)
    near = around[np.linalg.norm(around - rough, axis=1) < 1.5 * BALL_SIGMA * scale(room, index)]
    weights = canvas[(near[:, 1] - 0.5).astype(int), (near[:, 0] - 0.5).astype(int)] - BODY / 4
    return np.asarray((near * weights[:, None]).sum(axis=0) / weights.sum())


def visible(room: Reader, index: int, ends: Array, height: int, width: int) -> Array:
    """The part of a line that lies in the cell and over its picture."""
    along = ends[0] + np.linspace(0, 1, 4001)[:, None] * (ends[1] - ends[0])
    multiplied, added = matrix(room, index)
    stored = np.linalg.solve(multiplied, (along - added).T).T
    rows, columns = STACKS[index].size
    inside = ((along >= 0) & (along < (width, height)) & (stored >= 0) & (stored < (columns, rows))).all(axis=1)
    return np.stack([along[inside][0], along[inside][-1]])


def check_line(room: Reader, index: int) -> None:
    """The line over a cell runs through the middle of what is bright, from end to end."""
    canvas = seen(room, index)
    ends = visible(room, index, line_on(room, index), *canvas.shape)
    bright = points(canvas > 83)
    along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    across = np.array([-along[1], along[0]])
    mm = scale(room, index)
    if (canvas > ONLY_BALL).any():
        bright = bright[np.linalg.norm(bright - ball(room, index), axis=1) > 3 * BALL_SIGMA * mm]
    assert len(bright) > 100
    aside = (bright - ends[0]) @ across
    assert np.abs(aside).max() < (THICKNESS / 2 + 1.7 * max(STACKS[index].spacing)) * mm
    beyond = (bright - ends[0]) @ along
    far = np.abs(beyond - beyond.mean()) > 0.25 * np.ptp(beyond)
    for half in (beyond < beyond.mean(), beyond > beyond.mean()):
        assert abs(aside[half & far].mean()) < 0.35 * mm, "beside what it marks, or turned against it"
    tolerance = 1.7 * max(STACKS[index].spacing) * mm
    assert beyond.min() == pytest.approx(0, abs=tolerance)
    assert beyond.max() == pytest.approx(float(np.linalg.norm(ends[1] - ends[0])), abs=tolerance)


@pytest.mark.parametrize("index", [0, 1], ids=["axial", "sagittal"])
def test_a_line_lies_where_the_other_slice_passes(room: Reader, index: int) -> None:
    cell(room, index).focus()
    check_line(room, index)
    box = cell(room, index).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for key in ("r", "h", "+", "v", "R", "+", "R"):
        room.press(key)
        check_line(room, index)
    room.page.keyboard.down("Shift")
    drag(room, (x, y), (x + 70, y - 45))
    room.page.keyboard.up("Shift")
    room.still()
    check_line(room, index)
    room.press("k")
    expect(cell(room, index).locator(".lines")).to_have_count(0)
    room.press("k")
    check_line(room, index)


def test_a_line_follows_the_slice_that_is_scrolled(room: Reader) -> None:
    """Both ends satisfy the equation of the plane that the headers of the new slice give."""
    cell(room, 0).focus()
    for slice_ in (AXIAL.crossed + 1, AXIAL.crossed + 2):
        room.press("ArrowDown")
        expect(cell(room, 0)).to_have_attribute("data-slice", str(slice_ + 1))
        multiplied, added = matrix(room, 1)
        columns, rows = np.linalg.solve(multiplied, (line_on(room, 1) - added).T)
        grid = SAGITTAL.origin(SAGITTAL.crossed)
        across = (columns - 0.5)[:, None] * SAGITTAL.spacing[1] * np.array(SAGITTAL.row)
        down = (rows - 0.5)[:, None] * SAGITTAL.spacing[0] * np.array(SAGITTAL.column)
        places = grid + across + down
        assert np.abs(AXIAL.away(slice_, places)).max() < 0.01
        # The ends are at the edge of the other picture, or where this one ends for it.
        columns, rows = AXIAL.pixels(slice_, places)
        edges = np.stack([columns, columns - AXIAL.size[1], rows, rows - AXIAL.size[0]])
        assert np.abs(edges).min(axis=0).max() < 0.01
    assert cell(room, 1).get_attribute("data-slice") == str(SAGITTAL.crossed + 1), "planes that cross do not go along"


def mark(room: Reader, index: int) -> Array:
    path = cell(room, index).locator(".lines .mark").get_attribute("d") or ""
    found = re.match(r"M([-\d.]+) ([-\d.]+)h9", path)
    assert found is not None
    return np.array([float(found[1]) + 14, float(found[2])])


def test_the_crosshair_finds_the_same_place_in_the_other_stack(room: Reader) -> None:
    cell(room, 0).focus()
    room.press("r", "h", "x")
    at, box = ball(room, 0), cell(room, 0).bounding_box()
    assert box is not None
    room.page.mouse.click(box["x"] + at[0], box["y"] + at[1])
    nearest = int(np.argmin([abs(SAGITTAL.away(i, CENTRE)) for i in range(SAGITTAL.count)]))
    assert nearest != SAGITTAL.crossed, "it has to go somewhere else"
    expect(cell(room, 1)).to_have_attribute("data-slice", str(nearest + 1))
    assert mark(room, 0) == pytest.approx(at, abs=1)
    cell(room, 1).focus()
    for key in ("", "r", "+", "v"):
        if key:
            room.press(key)
        assert mark(room, 1) == pytest.approx(ball(room, 1), abs=1.5), key
    assert "far" not in (cell(room, 1).locator(".lines .mark").get_attribute("class") or "")
    room.press("ArrowDown", "ArrowDown")
    assert "far" in (cell(room, 1).locator(".lines .mark").get_attribute("class") or "")
