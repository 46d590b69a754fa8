"""The study list as a person uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from storage.archive import Archive
from storage.rejection import Reason, Target
from tests.support.days import SPELLINGS
from tests.support.slices import DESKTOP, PHONE, SLICES, STUDY, put_slices

OpenPage = Callable[..., Page]


def test_a_new_study_appears_by_itself_and_its_count_climbs(open_page: OpenPage, live_archive: Archive) -> None:
    page = open_page(DESKTOP)
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.evaluate("window.stillTheSamePage = true")
    study = f"{STUDY}1"
    put_slices(live_archive, study, slices=3, PatientName="Mới^Đến", PatientID="MOI1")
    expect(page.locator(f'tr.study[data-uid="{study}"] [data-fact="images"]')).to_have_text("3")
    put_slices(live_archive, study, slices=5, PatientName="Mới^Đến", PatientID="MOI1")
    expect(page.locator(f'tr.study[data-uid="{study}"] [data-fact="images"]')).to_have_text("5")
    assert page.evaluate("window.stillTheSamePage")


def test_a_rejected_study_leaves_the_open_list_and_comes_back(open_page: OpenPage, live_archive: Archive) -> None:
    study = f"{STUDY}2"
    put_slices(live_archive, study, slices=2, PatientName="Sai^Phim", PatientID="SAI1")
    page = open_page(DESKTOP)
    row = page.locator(f'tr.study[data-uid="{study}"]')
    expect(row).to_be_visible()
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.evaluate("window.stillTheSamePage = true")
    rejection = live_archive.rejections.reject(Target(study), Reason.WRONG_WORKLIST_ENTRY, "admin")
    expect(row).to_have_count(0)
    live_archive.rejections.restore(rejection.identifier)
    expect(row).to_be_visible()
    live_archive.rejections.reject(Target(study), Reason.QUALITY, "admin")
    expect(row).to_have_count(0)
    assert page.evaluate("window.stillTheSamePage")


def test_search_while_typing_and_keys(open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.keyboard.press("/")
    page.keyboard.type("duc nguyen")
    expect(page).to_have_url("/?q=duc+nguyen")
    expect(page.locator("tr.study")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    card = page.locator(".series-row .series-card")
    expect(card).to_contain_text("Nhu mô phổi")
    expect(card).to_contain_text(f"{SLICES} ảnh")
    expect(card.locator("img")).to_have_js_property("naturalWidth", 64)
    page.keyboard.press("ArrowLeft")
    expect(card).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"/study/{STUDY}")


def test_nothing_found_and_back(open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    expect(page.locator("#live")).to_have_attribute("data-state", "on")
    page.fill("#q", "không ai cả")
    expect(page.locator(".empty h2")).to_have_text("Không tìm thấy")
    page.fill("#q", "")
    expect(page.locator(f'tr.study[data-uid="{STUDY}"]')).to_be_visible()


def test_dates_are_typed_as_they_are_shown_and_chosen_in_a_calendar(open_page: OpenPage) -> None:
    page = open_page(DESKTOP, language="en-US")
    expect(page.locator("#live")).to_have_attribute("data-state", "on")  # the scripts listen
    first, last = page.get_by_role("textbox", name="From date"), page.get_by_role("textbox", name="To date")
    for typed, day in SPELLINGS.items():
        first.fill(typed)
        first.press("Tab")
        expect(first).to_have_value(f"{day:%d/%m/%Y}" if day else typed)
        expect(first).to_have_accessible_description("" if day else re.compile("This is not a date"))
        expect(page).to_have_url("/?" + urlencode({"from": day.isoformat() if day else typed}))
    first.fill("2/1/26")
    last.fill("1/1/26")
    last.press("Enter")
    expect(page).to_have_url("/?from=2026-01-02&to=2026-01-01")
    expect(last).to_have_accessible_description(re.compile("before the first one"))
    page.get_by_role("button", name="To date: calendar").click()
    native = page.locator("#to ~ .native")
    expect(native).to_have_value("2026-01-01")
    page.keyboard.press("Escape")
    native.evaluate("field => { field.value = '2026-12-31'; field.dispatchEvent(new Event('change')); }")
    expect(last).to_have_value("31/12/2026")
    expect(last).to_have_accessible_description("")
    expect(page).to_have_url("/?from=2026-01-02&to=2026-12-31")
    page.reload()
    expect(last).to_have_value("31/12/2026")


def test_the_language_is_switched(open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    expect(page.locator("nav a[aria-current]")).to_have_text("Ca chụp")
    page.click('.language button[value="en"]')
    expect(page.locator("nav a[aria-current]")).to_have_text("Studies")


def test_signing_out_ends_it(open_page: OpenPage) -> None:
    page = open_page(DESKTOP)
    page.click('form[action="/logout"] button')
    expect(page).to_have_url("/login")
    page.goto("/")
    expect(page).to_have_url("/login")


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_sticks_out(open_page: OpenPage, screen: dict[str, object]) -> None:
    page = open_page(screen)
    page.wait_for_selector("tr.study")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.click(f'tr.study[data-uid="{STUDY}"] a')
    expect(page).to_have_url(f"/study/{STUDY}")
