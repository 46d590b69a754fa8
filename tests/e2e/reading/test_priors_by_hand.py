"""A study of a year ago beside that of today: the series that goes with it, its slices at the same height."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.objects import STUDY, ct, store
from tests.support.reading import Reader, need_built_app, reader
from tests.support.web import PASSWORD, Server, running

SIDE = 64
NOW, BEFORE = f"{STUDY}.81", f"{STUDY}.82"
STEP_NOW, STEP_BEFORE = 2.5, 5.0
AXIAL, CORONAL = [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1]


def slices(
    study: str, number: int, count: int, step: float, modality: str, orientation: list[int], start: float = 0.0
) -> list[Dataset]:
    """A stack from z = `start` up, or from y = `start` back."""
    axis = 2 if orientation == AXIAL else 1
    found = []
    for i in range(count):
        position = [0.0, 0.0, 0.0]
        position[axis] = start + step * i
        found.append(
            ct(
                StudyInstanceUID=study,
                SeriesInstanceUID=f"{study}.{number}",
                SOPInstanceUID=f"{study}.{number}.{i}",
                FrameOfReferenceUID=f"{study}.9",
                StudyDate="20260110" if study == NOW else "20250110",
                Modality=modality,
                BodyPartExamined="CHEST",
                SeriesNumber=number,
                SeriesDescription=f"{modality} {number}",
                InstanceNumber=i + 1,
                Rows=SIDE,
                Columns=SIDE,
                PixelData=np.full((SIDE, SIDE), 10 * i, "<i2").tobytes(),
                WindowCenter=100,
                WindowWidth=400,
                PixelSpacing=[1, 1],
                ImageOrientationPatient=orientation,
                ImagePositionPatient=position,
            )
        )
    return found


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    need_built_app()
    data: Path = tmp_path_factory.mktemp("priors")
    with Records.open(data) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    objects = [
        *slices(NOW, 1, 40, STEP_NOW, "CT", AXIAL),
        *slices(NOW, 2, 10, STEP_BEFORE, "CT", AXIAL, start=30),
        *slices(BEFORE, 1, 3, 5, "MR", AXIAL),
        *slices(BEFORE, 2, 20, STEP_BEFORE, "CT", CORONAL),
        *slices(BEFORE, 3, 20, STEP_BEFORE, "CT", AXIAL),
    ]
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for ds in objects:
            store(archive, ds)
    with running(data) as started:
        yield started


@pytest.fixture
def room(browser: Browser, patient: Server) -> Iterator[Reader]:
    with reader(browser, patient) as at_desk:
        yield at_desk
        assert at_desk.wrong == []


def test_the_series_that_goes_with_it_opens_beside_and_scrolls_along(room: Reader) -> None:
    room.open(NOW)
    room.press("c")
    prior = room.page.locator(".prior")
    expect(prior).to_have_count(1)
    expect(prior).to_contain_text("10/01/2025")
    prior.click()
    beside = room.page.locator(".viewport").nth(1)
    expect(beside).to_have_attribute("data-series", f"{BEFORE}.3")
    expect(room.page.locator(".side-panel [role=alert]")).to_have_count(0)
    expect(beside).to_have_attribute("data-slice", "1")
    room.viewport.focus()
    room.press("PageDown")
    assert room.data("slice") == "11"
    # 25 mm up from where both began: ten slices here, five there.
    expect(beside).to_have_attribute("data-slice", "6")
    beside.hover()
    room.page.mouse.wheel(0, 120)
    expect(beside).to_have_attribute("data-slice", "7")
    expect(room.viewport).to_have_attribute("data-slice", "13")
    room.page.locator(".side-panel .link input").uncheck()
    beside.hover()
    room.page.mouse.wheel(0, 120)
    expect(beside).to_have_attribute("data-slice", "8")
    expect(room.viewport).to_have_attribute("data-slice", "13")


def test_the_window_chosen_here_is_that_of_the_study_beside(room: Reader) -> None:
    room.open(NOW)
    room.press("1", "c")
    room.page.locator(".prior").click()
    beside = room.page.locator(".viewport").nth(1)
    expect(beside).to_have_attribute("data-window-width", "1500")
    expect(beside).to_have_attribute("data-window-center", "-600")


def test_what_is_opened_beside_begins_at_the_slice_that_is_shown(room: Reader) -> None:
    room.open(NOW, "?image=21")
    room.press("c")
    room.page.locator(".prior").click()
    beside = room.page.locator(".viewport").nth(1)
    # Both stacks begin at the same height: 50 mm up are twenty slices here, and ten there.
    expect(beside).to_have_attribute("data-slice", "11")
    expect(room.viewport).to_have_attribute("data-slice", "21")
    room.page.wait_for_function("place => location.search.includes(place)", arg=f"{BEFORE}.3:11")
    # Another series of the same space is dragged in beside it; its first image is at 30 mm.
    room.page.locator(".series-card", has_text="CT 2").drag_to(beside)
    expect(beside).to_have_attribute("data-series", f"{NOW}.2")
    expect(beside).to_have_attribute("data-slice", "5")
    room.page.wait_for_function("place => location.search.includes(place)", arg=f"{NOW}.2:5")
