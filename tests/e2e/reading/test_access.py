"""The reading room for everybody: rules of WCAG AA as axe-core checks them, keys alone, a phone held upright."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from sample_dicom import studies_folder
from tests.support.access import broken_rules
from tests.support.reading import Reader, reader, study_of
from tests.support.web import Server

CT = "ct-chest"
LEAST_TARGET = 24
"""CSS pixels of whatever is pressed (WCAG 2.5.8)."""


@pytest.mark.parametrize("locale", ["vi-VN", "en-GB"])
def test_the_room_keeps_the_rules_of_accessibility(browser: Browser, samples: Server, locale: str) -> None:
    with reader(browser, samples, locale=locale) as room:
        room.open(study_of(studies_folder() / CT), "?layout=1x2")
        assert broken_rules(room.page) == []
        names = room.page.eval_on_selector_all(
            '.tools button[aria-pressed="false"][data-action]', "all => all.map((one) => one.dataset.action)"
        )
        assert len(names) > 3
        for name in names:
            room.page.locator(f'.tools [data-action="{name}"]').first.click()
        assert broken_rules(room.page) == []


def test_a_phone_keeps_them_too_and_nothing_is_out_of_reach(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, width=390, height=844, phone=True) as room:
        room.open(study_of(studies_folder() / CT))
        assert broken_rules(room.page) == []
        assert room.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = room.viewport.bounding_box()
        assert box is not None
        assert box["width"] >= 380
        assert box["height"] >= 844 / 2, "the picture has the larger part of the screen"
        small = room.page.evaluate(
            """(least) => [...document.querySelectorAll('button, select, a, input')]
              .map((one) => [one, one.getBoundingClientRect()])
              .filter(([, box]) => box.width && (box.width < least || box.height < least))
              .map(([one, box]) => `${one.outerHTML.slice(0, 90)} ${box.width} x ${box.height}`)""",
            LEAST_TARGET,
        )
        assert small == []


def test_two_fingers_enlarge_the_picture(browser: Browser, samples: Server) -> None:
    with reader(browser, samples, width=390, height=844, phone=True) as room:
        room.open(study_of(studies_folder() / CT))
        before = room.page.evaluate("() => window.filmless.cell.placement.zoom")
        slice_before = room.data("slice")
        session = room.page.context.new_cdp_session(room.page)
        box = room.viewport.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind, apart in (("touchStart", 30), ("touchMove", 50), ("touchMove", 80), ("touchMove", 120)):
            points = [{"x": x, "y": y - apart, "id": 1}, {"x": x, "y": y + apart, "id": 2}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        room.still()
        assert room.page.evaluate("() => window.filmless.cell.placement.zoom") > 2 * before
        assert room.data("slice") == slice_before, "a pinch is no scroll"
        assert room.page.evaluate("() => visualViewport.scale") == 1, "the picture grows, not the page"


def test_every_control_is_reached_by_keys_and_shows_where_one_is(room: Reader) -> None:
    room.open(study_of(studies_folder() / CT), "?layout=1x2")
    page = room.page
    page.evaluate("() => document.activeElement?.blur()")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, select, input, .viewport')]
          .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0).length"""
    )
    reached, unseen = set(), []
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
              const at = document.activeElement;
              if (!at || at === document.body) return null;
              const style = getComputedStyle(at);
              const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
              window.__seen ??= new Map();
              if (!window.__seen.has(at)) window.__seen.set(at, window.__seen.size);
              return [window.__seen.get(at), ring || style.boxShadow !== 'none', at.outerHTML.slice(0, 100)];
            }"""
        )
        if told is None:
            continue
        reached.add(told[0])
        if not told[1]:
            unseen.append(told[2])
    assert len(reached) >= wanted
    assert unseen == []
    page.evaluate("() => document.activeElement?.blur()")
    while page.evaluate("() => !document.activeElement?.matches('.viewport')"):
        page.keyboard.press("Tab")
    room.press("ArrowDown")
    assert room.data("slice") == "2"
