"""Known phantoms measured by hand in the browser, by what is seen of them: radiograph, ultrasound, PET."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect
from pydicom import Dataset, dcmread

from sample_dicom import studies_folder
from sample_dicom.encode import write
from sample_dicom.makers import measuring
from sample_dicom.phantoms.chest import NODULE
from storage.records import Records, Role
from tests.support.hands import amount, drag, tool
from tests.support.reading import Reader, import_files, need_built_app, reader, study_of
from tests.support.web import PASSWORD, Server, running

WITHIN = 0.005
ZOOM = 2.5
CASES = {"DX": (1, measuring.RADIOGRAPH), "US": (2, measuring.ECHO)}


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    need_built_app()
    folder: Path = tmp_path_factory.mktemp("phantoms")
    files = [write(ds, folder / "files" / f"{ds.Modality}.dcm") for ds in measuring.datasets()]
    with Records.open(folder) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    import_files(folder, files)
    with running(folder) as started:
        yield started


@pytest.fixture
def room(browser: Browser, phantoms: Server) -> Iterator[Reader]:
    with reader(browser, phantoms) as at_desk:
        yield at_desk
        assert at_desk.wrong == []


def open_phantom(room: Reader, modality: str) -> Dataset:
    made = {ds.Modality: ds for ds in measuring.datasets()}[modality]
    room.open(str(made.StudyInstanceUID), f"?series={made.SeriesInstanceUID}&image=1")
    room.press("m")
    return made


def bring_to_the_middle(room: Reader, height_mm: float) -> None:
    """Enlarge what lies so far below the middle of the picture."""
    room.page.evaluate(
        """([mm, zoom]) => {
            const c = window.filmless.cell, f = c.facts;
            c.place({ ...c.placement, zoom, pan: { x: 0, y: 0 } });
            const row = f.rows / 2 + mm / f.spacing.row_mm;
            const y = c.matrix.c * f.columns / 2 + c.matrix.d * row + c.matrix.f;
            c.place({ ...c.placement, pan: { x: 0, y: c.box.height / 2 - y } });
        }""",
        [height_mm, ZOOM],
    )
    room.still()


def ends(profile: NDArray[np.float64]) -> tuple[float, float]:
    """Where greys along a line through the middle pass half their range, out from the middle; in CSS pixels."""
    half = (profile.min() + profile.max()) / 2
    middle = len(profile) // 2
    above = profile > half
    last = middle + int(np.argmin(above[middle:]))
    first = middle - int(np.argmin(above[middle::-1]))
    return _between(profile, first, half), _between(profile, last - 1, half)


def _between(profile: NDArray[np.float64], at: int, half: float) -> float:
    a, b = profile[at], profile[at + 1]
    return float(at + 0.5 + (half - a) / (b - a))


def seen_box(room: Reader) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is bright in the middle of the cell, on the screen."""
    canvas = room.canvas()[:, :, 0].astype(float)
    rows, columns = canvas.shape
    left, right = ends(canvas[rows // 2])
    top, bottom = ends(canvas[:, columns // 2])
    box = room.viewport.bounding_box()
    assert box is not None
    return box["x"] + left, box["y"] + top, box["x"] + right, box["y"] + bottom


@pytest.mark.parametrize("modality", CASES)
def test_a_rod_has_its_length(room: Reader, modality: str) -> None:
    sizes = CASES[modality][1]
    open_phantom(room, modality)
    bring_to_the_middle(room, sizes.rod_y)
    left, top, right, bottom = seen_box(room)
    middle = (top + bottom) / 2
    tool(room, "length")
    drag(room, (left, middle), (right, middle))
    assert amount(room, "Khoảng cách") == pytest.approx(sizes.rod_length, rel=WITHIN)


@pytest.mark.parametrize("modality", CASES)
def test_a_disc_has_its_area(room: Reader, modality: str) -> None:
    sizes = CASES[modality][1]
    open_phantom(room, modality)
    bring_to_the_middle(room, sizes.disc_y)
    left, top, right, bottom = seen_box(room)
    tool(room, "ellipse")
    drag(room, (left, top), (right, bottom))
    assert amount(room, "Diện tích") == pytest.approx(sizes.disc_area, rel=WITHIN)


def test_beside_its_region_an_ultrasound_image_has_no_millimetres(room: Reader) -> None:
    open_phantom(room, "US")
    box = room.viewport.bounding_box()
    assert box is not None
    matrix = room.page.evaluate("() => ({ ...window.filmless.cell.matrix })")
    x, y = (box["x"] + matrix["a"] * 5 + matrix["e"], box["y"] + matrix["d"] * 100 + matrix["f"])
    tool(room, "length")
    drag(room, (x, y), (x, y + 60))
    entry = room.page.locator(".side-panel li.row dd").first
    expect(entry).to_contain_text("px")


def test_pet_is_read_in_suv_by_body_weight(browser: Browser, samples: Server) -> None:
    """The hottest pixel of the nodule by the formula of QIBA, under the pointer and in a region."""
    found = [dcmread(path) for path in (studies_folder() / "pet-ct").glob("pt*.dcm")]
    ds = min(found, key=lambda one: abs(float(one.ImagePositionPatient[2]) - NODULE.centre[2]))
    tracer = ds.RadiopharmaceuticalInformationSequence[0]
    waited = _seconds(ds.SeriesTime) - _seconds(tracer.RadiopharmaceuticalStartTime)
    dose = float(tracer.RadionuclideTotalDose) * 2 ** (-waited / float(tracer.RadionuclideHalfLife))
    suv = ds.pixel_array * float(ds.RescaleSlope) * float(ds.PatientWeight) * 1000 / dose
    row, column = np.unravel_index(int(suv.argmax()), suv.shape)
    with reader(browser, samples) as room:
        room.open(study_of(studies_folder() / "pet-ct"), f"?series={ds.SeriesInstanceUID}&image={ds.InstanceNumber}")
        room.press("m")
        matrix = room.page.evaluate("() => ({ ...window.filmless.cell.matrix })")
        box = room.viewport.bounding_box()
        assert box is not None

        def at(c: float, r: float) -> tuple[float, float]:
            return box["x"] + matrix["a"] * c + matrix["e"], box["y"] + matrix["d"] * r + matrix["f"]

        room.page.mouse.move(*at(column + 0.5, row + 0.5))
        readout = room.viewport.locator(".readout")
        expect(readout).to_contain_text("SUV")
        shown = float(readout.inner_text().split("SUV")[1].strip().split()[0].replace(",", "."))
        assert shown == pytest.approx(suv.max(), rel=WITHIN)
        tool(room, "rectangle")
        drag(room, at(column - 2.9, row - 2.9), at(column + 3.9, row + 3.9))
        assert amount(room, "SUV lớn nhất") == pytest.approx(suv.max(), abs=0.06)
        assert room.wrong == []


def _seconds(time: str) -> float:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])
