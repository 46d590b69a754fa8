"""What somebody meets who is new here: fields that speak the reader's units, and failures with a way on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Route, expect

from sample_dicom import studies_folder
from tests.support.reading import reader, study_of
from tests.support.web import Server


def test_the_window_of_a_pet_is_in_suv(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, locale="en-GB") as room:
        room.open(study_of(studies_folder() / "pet-ct"), whole=False)
        room.press("]")
        room.press("2")
        width, centre = room.page.get_by_label("Window width"), room.page.get_by_label("Window centre")
        expect(width).to_have_value("10")
        expect(centre).to_have_value("5")
        width.fill("6")
        width.press("Enter")
        centre.fill("3")
        centre.press("Enter")
        expect(room.viewport.locator(".corner.se")).to_contain_text("SUV 0 – 6")
        expect(centre).to_have_value("3")
        factor = room.page.evaluate("() => window.filmless.cell.facts.suv_factor")
        assert room.window()[1] * factor == pytest.approx(6)


def test_a_document_that_did_not_come_is_asked_for_again(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, locale="en-GB") as room:
        room.open(study_of(studies_folder() / "ct-chest"))
        room.page.route("**/documents", lambda route: route.abort())
        room.page.locator(".series-card", has_text="Kết quả").click()
        panel = room.page.locator(".documents")
        expect(panel.locator("[role=alert]")).to_have_text("No connection to the server.")
        room.page.unroute("**/documents")
        panel.get_by_role("button", name="Try again").click()
        expect(panel).to_contain_text("13 mm")


def test_a_key_image_that_was_marked_at_once_stays_marked(browser: Browser, samples: Server) -> None:
    """Also where the list of what is kept already comes after it."""
    with reader(browser, samples, locale="en-GB") as room:
        held: list[Route] = []
        room.page.route("**/key-images", lambda route: held.append(route))
        with room.page.expect_request("**/key-images"):
            room.open(study_of(studies_folder() / "ct-head"), whole=False)
        room.press("q")
        marks = room.page.locator(".side-panel .image")
        expect(marks).to_have_count(1)
        with room.page.expect_response("**/key-images"):
            held[0].continue_()
        room.still()
        expect(marks).to_have_count(1)
        expect(room.page.locator("[data-action=save-keys]")).to_be_enabled()


@pytest.mark.parametrize("lost", ["begin-", "main-"])
def test_tools_that_do_not_come_are_told(browser: Browser, samples: Server, lost: str) -> None:
    """At once where the first script knows it; otherwise the page says so by itself after a while."""
    with reader(browser, samples, locale="en-GB") as room:
        room.page.route(f"**/assets/{lost}*.js", lambda route: route.abort())
        room.page.goto(f"{samples.address}/study/{study_of(studies_folder() / 'ct-chest')}")
        words = room.page.get_by_text("The tools have not come yet.")
        expect(words).to_be_visible(timeout=20_000)
        expect(room.page.get_by_role("link", name="Light view")).to_be_visible()
        room.page.unroute_all()
        room.open(study_of(studies_folder() / "ct-chest"), whole=False)
        expect(words).to_have_count(0)
