"""Small cells and small screens: every cell has its own place, and texts leave the picture free."""

from __future__ import annotations

from itertools import combinations

import pytest
from playwright.sync_api import Browser, Locator, expect

from sample_dicom import studies_folder
from tests.support.reading import Reader, reader, study_of
from tests.support.web import Server

Box = dict[str, float]


def box_of(place: Locator) -> Box:
    found = place.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def overlap(one: Box, other: Box) -> bool:
    beside = one["x"] + one["width"] <= other["x"] + 0.5 or other["x"] + other["width"] <= one["x"] + 0.5
    below = one["y"] + one["height"] <= other["y"] + 0.5 or other["y"] + other["height"] <= one["y"] + 0.5
    return not (beside or below)


def cells(room: Reader) -> list[Box]:
    return [box_of(one) for one in room.page.locator(".viewport").all()]


@pytest.mark.parametrize("layout", range(1, 7))
def test_cells_share_a_phone_screen(browser: Browser, samples: Server, layout: int) -> None:
    with reader(browser, samples, width=390, height=844, phone=True) as phone:
        phone.open(study_of(studies_folder() / "mr-brain"), whole=False)
        alone = box_of(phone.viewport)
        phone.page.select_option(".layouts", str(layout))
        phone.still()
        found = cells(phone)
        assert len(found) > 1
        assert not any(overlap(one, other) for one, other in combinations(found, 2))
        covered = sum(one["width"] * one["height"] for one in found)
        assert covered == pytest.approx(alone["width"] * alone["height"], rel=0.03)


def test_two_studies_stand_one_below_the_other_on_a_phone(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, width=390, height=844, phone=True) as phone:
        phone.open(study_of(studies_folder() / "ct-chest"), whole=False)
        phone.page.locator("[data-action=compare]").click()
        phone.page.locator(".prior").first.click()
        expect(phone.page.locator(".viewport")).to_have_count(2)
        phone.still()
        upper, lower = cells(phone)
        assert upper["width"] == lower["width"] == 390
        assert lower["y"] >= upper["y"] + upper["height"] - 0.5


@pytest.mark.parametrize(("width", "height", "phone"), [(1366, 768, False), (390, 844, True)], ids=["desk", "phone"])
@pytest.mark.parametrize("layout", ["1", "2", "3", "6"])
def test_texts_in_small_cells_do_not_lie_on_each_other(
    browser: Browser, samples: Server, layout: str, width: int, height: int, phone: bool
) -> None:
    with reader(browser, samples, width=width, height=height, phone=phone) as room:
        room.open(study_of(studies_folder() / "ct-chest"), whole=False)
        room.page.select_option(".layouts", layout)
        room.still()
        cell = room.viewport
        corners = [box_of(cell.locator(f".corner.{corner}")) for corner in ("nw", "ne", "sw", "se")]
        assert not any(overlap(one, other) for one, other in combinations([*corners, box_of(cell.locator(".bar"))], 2))
        assert max(one["height"] for one in corners) < box_of(cell)["height"] / 4
        tools = room.page.locator(".tools")
        hidden = tools.evaluate("element => element.scrollWidth - element.clientWidth")
        assert phone or hidden <= 0, "at a desk every tool is in sight"


def test_a_small_cell_still_says_who_when_and_in_which_window(browser: Browser, samples: Server) -> None:
    with reader(browser, samples) as room:
        room.open(study_of(studies_folder() / "ct-chest"), whole=False)
        expect(room.viewport.locator(".corner.ne")).to_contain_text("Bệnh viện")
        room.page.select_option(".layouts", "6")
        room.still()
        assert room.viewport.locator(".corner.nw > div").all_inner_texts() == ["Nguyễn Văn Mẫu", "25-000142"]
        assert room.viewport.locator(".corner.ne > div").all_inner_texts() == ["03/11/2025 08:30"]
        expect(room.viewport.locator(".corner.se")).to_contain_text("W 400")


def test_a_phone_on_its_side_keeps_room_for_the_picture_and_speaks_of_fingers_first(
    browser: Browser, samples: Server
) -> None:
    with reader(browser, samples, width=640, height=360, phone=True) as phone:
        phone.open(study_of(studies_folder() / "ct-chest"), whole=False)
        page = phone.page
        assert box_of(phone.viewport)["height"] > 360 / 2
        expect(page.locator("[data-tool=scroll]")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("[data-tool=window]")).to_have_attribute("aria-pressed", "false")
        page.locator("[data-tool=window]").tap()
        expect(page.locator("[data-tool=window]")).to_have_attribute("aria-pressed", "true")
        page.locator("[data-action=list]").tap()
        panel = box_of(page.locator(".side-panel"))
        picture = box_of(phone.viewport)
        assert not overlap(panel, picture)
        assert min(panel["height"], picture["height"]) > 360 / 2
        page.locator("[data-action=help]").tap()
        expect(page.locator("dialog.help h3").first).to_have_text("Ngón tay")
        page.locator("dialog.help button").tap()
        page.locator("[data-other-view]").tap()
        expect(page.locator("#viewport")).to_have_attribute("data-slice", "1")
        assert box_of(page.locator("#viewport"))["height"] > 360 / 2
