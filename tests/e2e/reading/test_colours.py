"""Grey images in colours: as the server paints them, with a bar that says the values, and laid over their source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from sample_dicom import studies_folder
from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support import special
from tests.support.objects import store
from tests.support.reading import Reader, need_built_app, reader, study_of
from tests.support.web import PASSWORD, Server, running


@pytest.fixture(scope="module")
def maps_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    need_built_app()
    data: Path = tmp_path_factory.mktemp("maps")
    with Records.open(data) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for ds in (*special.slices(), special.parametric_map()):
            store(archive, ds)
    with running(data) as started:
        yield started


@pytest.fixture
def maps_room(browser: Browser, maps_server: Server) -> Iterator[Reader]:
    with reader(browser, maps_server) as at_desk:
        yield at_desk
        assert at_desk.wrong == []


def colour(room: Reader, name: str) -> None:
    """Choose the colours of the series in hand, the panel open or not."""
    if not room.page.locator(".side-panel[data-panel=layers]").count():
        room.press("j")
    room.page.locator(".maps").first.locator(f"[data-map={name}]").click()
    room.still()


@pytest.mark.parametrize("name", ["hot", "rainbow", "viridis", "poles"])
def test_the_screen_has_the_colours_of_the_server(room: Reader, name: str) -> None:
    room.open(study_of(studies_folder() / "ct-head"), whole=False)
    colour(room, name)
    room.press("j", "i")
    room.matches_server()


def test_colours_are_taken_out_with_the_picture(room: Reader) -> None:
    room.open(study_of(studies_folder() / "ct-head"), whole=False)
    colour(room, "hot")
    room.press("d")
    address = str(room.page.locator(".links a", has_text="PNG").get_attribute("href"))
    picture = room.rendered(address)
    assert np.ptp(picture.astype(int), axis=2).max() > 200
    room.press("j")
    colour(room, "none")
    room.press("d")
    picture = room.rendered(str(room.page.locator(".links a", has_text="PNG").get_attribute("href")))
    assert np.ptp(picture.astype(int), axis=2).max() == 0


def test_the_bar_follows_the_window_and_grey_has_none(room: Reader) -> None:
    room.open(study_of(studies_folder() / "ct-head"), whole=False)
    expect(room.viewport.locator(".colour-bar")).to_have_count(0)
    colour(room, "rainbow")
    room.press("2")
    bar = room.viewport.locator(".colour-bar")
    center, width = room.window()
    lower, upper = center - width / 2, center + width / 2
    labels = [float(text) for text in bar.locator(".labels span").all_inner_texts()]
    assert labels == pytest.approx([upper, center, lower], abs=1)
    expect(bar).to_contain_text("HU")
    colour(room, "none")
    expect(bar).to_have_count(0)
    assert np.ptp(room.canvas().astype(int), axis=2).max() == 0


def test_planes_keep_the_colours_of_their_series_and_another_series_has_its_own(room: Reader) -> None:
    room.open(study_of(studies_folder() / "mr-brain"), whole=False)
    colour(room, "viridis")
    room.press("Shift+U")
    for number in range(4):
        expect(room.page.locator(".viewport").nth(number).locator(".colour-bar")).to_have_count(1)
    room.page.locator(".series-card").nth(1).click()
    room.still()
    expect(room.page.locator(".viewport").first.locator(".colour-bar")).to_have_count(0)


def test_a_parametric_map_says_what_it_measures(maps_room: Reader) -> None:
    maps_room.open(special.STUDY, f"?series={special.STUDY}.6")
    colour(maps_room, "rainbow")
    bar = maps_room.viewport.locator(".colour-bar")
    expect(bar.locator(".heading")).to_have_text(["ADC", "um2/s"])
    labels = [float(text) for text in bar.locator(".labels span").all_inner_texts()]
    assert labels == pytest.approx([2000, 1000, 0])
    box = maps_room.viewport.bounding_box()
    assert box is not None
    maps_room.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(maps_room.viewport.locator(".readout")).to_have_text("2000 um2/s")


def test_where_a_map_has_no_number_there_is_black_and_none_is_read(maps_room: Reader) -> None:
    maps_room.open(special.STUDY, f"?series={special.STUDY}.6")
    maps_room.press("i")
    box = maps_room.viewport.bounding_box()
    assert box is not None
    shown = maps_room.canvas()
    for share, grey, told in ((0.02, 255, "0 um2/s"), (0.98, 0, "-")):
        assert (shown[round(share * shown.shape[0]), shown.shape[1] // 2] == grey).all()
        maps_room.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + share * box["height"])
        expect(maps_room.viewport.locator(".readout")).to_have_text(told)


def test_a_parametric_map_lies_over_its_source(maps_room: Reader) -> None:
    maps_room.open(special.STUDY)
    maps_room.loaded_beside(f"{special.STUDY}.6")
    maps_room.press("j")
    maps_room.page.select_option("[name=fuse]", label="6 ADC")
    fusion = maps_room.viewport.locator("canvas.fusion")
    expect(fusion).to_be_attached()
    maps_room.still()
    expect(maps_room.viewport.locator(".colour-bar .heading")).to_have_text(["ADC", "um2/s"])
    alpha = fusion.evaluate(
        "c => { const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);"
        " const on = (share, size) => Math.round(share * (size - 1));"
        " const at = (x, y) => data[4 * (on(y, c.height) * c.width + on(x, c.width)) + 3];"
        " return [at(0.5, 0.02), at(0.35, 0.5)]; }"
    )
    assert alpha[0] == 0, "what is at the lower end lets the picture through"
    assert alpha[1] > 100
    maps_room.page.select_option("[name=fuse]", label="6 ADC")
    maps_room.page.locator(".series-card", has_text="ADC").click()
    maps_room.still()
    expect(maps_room.page.locator(".side-panel [role=status]")).to_be_visible()


@pytest.mark.parametrize("locale", ["vi-VN", "en-GB"])
def test_the_bar_is_beside_the_letters(browser: Browser, samples: Server, locale: str) -> None:
    """On a phone too: nothing lies on anything else."""
    with reader(browser, samples, width=390, height=844, phone=True, locale=locale) as phone:
        phone.open(study_of(studies_folder() / "ct-head"), whole=False)
        phone.page.locator("[data-action=layers]").click()
        phone.page.locator(".maps").first.locator("[data-map=hot]").click()
        phone.still()
        boxes = [phone.viewport.locator(one).bounding_box() for one in (".colour-bar", ".letter.left", ".corner.nw")]
        bar, letter, corner = (box for box in boxes if box)
        assert letter["x"] + letter["width"] <= bar["x"]
        assert corner["y"] + corner["height"] <= bar["y"]
