"""Every page for everybody: WCAG 2.2 AA as axe-core checks it, in both languages, at a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.access import broken_rules
from tests.support.browser import ANSWER_MS
from tests.support.slices import DESKTOP, PHONE, STUDY
from tests.support.web import PASSWORD, Server

PAGES = (
    "/",
    "/?from=31/02/2026&to=1/3/26",
    f"/study/{STUDY}/light",
    f"/study/{STUDY}/print",
    "/peers",
    "/peers/add",
    "/remote",
    "/transfers",
    "/upload",
    "/quarantine",
    "/rejected",
    f"/rejected/ask?study={STUDY}",
    f"/send?study={STUDY}",
    "/study/1.2.3.4",
)
SCREENS = {"desk": DESKTOP, "phone": PHONE}


@pytest.fixture(params=[(language, screen) for language in ("vi-VN", "en-GB") for screen in SCREENS], ids="-".join)
def page(request: pytest.FixtureRequest, browser: Browser, site: Server) -> Iterator[Page]:
    """A page before anybody signed in."""
    language, screen = request.param
    context = browser.new_context(base_url=site.address, locale=language, **SCREENS[screen])
    opened = context.new_page()
    opened.set_default_timeout(ANSWER_MS)
    yield opened
    context.close()


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.fill("#username", "admin")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/")


def test_every_page_keeps_the_rules(page: Page) -> None:
    page.goto("/login")
    broken = {"/login": broken_rules(page)}
    sign_in(page)
    for address in PAGES:
        page.goto(address)
        if address.endswith("/light"):
            expect(page.locator("#viewport")).to_have_attribute("data-quality", "exact")
        broken[address] = broken_rules(page)
        sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if sideways > 0:
            broken[address].append(f"scrolls sideways by {sideways}")
    assert {address: rules for address, rules in broken.items() if rules} == {}


def test_what_opens_in_the_list_keeps_them_too(page: Page) -> None:
    sign_in(page)
    page.locator(f'tr.study[data-uid="{STUDY}"] .expand').click()
    expect(page.locator(".series-row .series-card")).to_have_count(1)
    assert broken_rules(page) == []
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert broken_rules(page) == []


def test_the_light_views_help_keeps_them_too(page: Page) -> None:
    sign_in(page)
    page.goto(f"/study/{STUDY}/light")
    expect(page.locator("#viewport")).to_have_attribute("data-quality", "exact")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert broken_rules(page) == []
