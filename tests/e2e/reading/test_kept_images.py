"""Images of visited studies come from the browser's own store: on plain HTTP, for one person, only what is valid."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from storage.archive import Archive
from storage.records import Records, Role
from storage.rejection import Reason, Target
from storage.settings import ArchiveSettings
from tests.support.browser import ANSWER_MS, chromium
from tests.support.objects import STUDY, ct, store
from tests.support.reading import Reader, frames_asked, need_built_app, reader
from tests.support.web import PASSWORD, Server, running

HOST = "pacs.example"
SIDE = 256
FRAME = SIDE * SIDE * 2
FIRST = {0}
"""The image that a page begins with may be asked for before anything is looked up: not so over a slow link."""
ALL = {0, 1, 2, 3}
NAMES = ("plain", "changing", "first", "second", "out")

_KEPT = """async () => {
  const found = (await indexedDB.databases()).some((one) => one.name === 'filmless-frames');
  if (!found) return {};
  const asked = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const db = await asked(indexedDB.open('filmless-frames'));
  try {
    const blocks = db.transaction('blocks').objectStore('blocks');
    const [keys, values] = await Promise.all([asked(blocks.getAllKeys()), asked(blocks.getAll())]);
    const sums = {};
    keys.forEach(([series], i) => {
      for (const frame of values[i]) sums[series] = (sums[series] ?? 0) + frame.data.byteLength;
    });
    return sums;
  } finally {
    db.close();
  }
}"""

_PUT = "() => window.filmless.library.shelving.shelf.put('1.2', '1/0', [])"

_VALUES = """() => {
  const { series } = window.filmless.cell;
  return Array.from({ length: series.total }, (_, i) => series.picture(i)?.values[0]);
}"""


def uid(name: str) -> str:
    return f"{STUDY}.{NAMES.index(name) + 1}"


def series_of(name: str) -> str:
    return uid(name) + ".1"


def put(archive: Archive, name: str, *numbers: int) -> None:
    for number in numbers:
        store(
            archive,
            ct(
                StudyInstanceUID=uid(name),
                SeriesInstanceUID=series_of(name),
                SOPInstanceUID=f"{series_of(name)}.{number}",
                InstanceNumber=number,
                Rows=SIDE,
                Columns=SIDE,
                PixelData=np.full((SIDE, SIDE), number, "<i2").tobytes(),
                WindowCenter=5,
                WindowWidth=10,
            ),
        )


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    need_built_app()
    data: Path = tmp_path_factory.mktemp("kept")
    with Records.open(data) as records:
        for role in (Role.RADIOLOGIST, Role.CLINICIAN):
            records.users.add(role.value, role, PASSWORD)
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as opened:
        for name in NAMES:
            put(opened, name, 1, 2, 4, 5)
        yield opened


@contextmanager
def by_name(archive: Archive, *more: str) -> Iterator[Server]:
    """A server under a name of its own, so that its pages are no secure context, as on a hospital's network."""
    with running(archive.data, *more) as started:
        yield replace(started, host=HOST)


@pytest.fixture(scope="module")
def pacs(archive: Archive) -> Iterator[Server]:
    with by_name(archive) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need_built_app()
    with chromium(f"--host-resolver-rules=MAP {HOST} 127.0.0.1") as opened:
        yield opened


@pytest.fixture
def room(browser: Browser, pacs: Server) -> Iterator[Reader]:
    with reader(browser, pacs) as at_desk:
        yield at_desk


def kept(page: Page) -> dict[str, int]:
    found: dict[str, int] = page.evaluate(_KEPT)
    return found


def wrong(room: Reader) -> list[str]:
    """What went wrong, but for what Chromium says of every page without HTTPS."""
    return [one for one in room.wrong if "Cross-Origin-Opener-Policy header has been ignored" not in one]


def wait_until_kept(page: Page, wanted: dict[str, int]) -> None:
    """Wait until what is kept of these series is so many bytes; for {}, until nothing is kept at all."""
    end = time.monotonic() + ANSWER_MS / 1000
    while (found := kept(page)) != wanted and not (wanted and wanted.items() <= found.items()):
        assert time.monotonic() < end, (found, wanted)
        page.wait_for_timeout(100)


def visited(room: Reader, name: str, frames: int = 4) -> set[int]:
    """Open a study, wait until all of it is kept; the places of the images that were asked for over the network.

    Whether they travel packed, and how many of them together, is as the link seems to be.
    """
    asked: set[int] = set()

    def note(request: Request) -> None:
        asked.update(frames_asked(request.url))

    room.page.on("request", note)
    room.open(uid(name))
    wait_until_kept(room.page, {series_of(name): frames * FRAME})
    room.page.remove_listener("request", note)
    return asked


def test_the_second_visit_needs_no_network_for_images_on_plain_http(room: Reader) -> None:
    assert visited(room, "plain") == ALL
    assert room.page.evaluate("[isSecureContext, 'caches' in window]") == [False, False]
    assert visited(room, "plain") <= FIRST
    assert room.page.evaluate(_VALUES) == [1, 2, 4, 5]
    room.press("End")
    canvas = room.canvas()
    # 5 in a window around 5: PS3.3 C.11.2.1.2.1 puts it half a step above the middle grey.
    assert abs(int(canvas[canvas.shape[0] // 2, canvas.shape[1] // 2, 0]) - 142) <= 1
    assert wrong(room) == []


def test_only_what_the_archive_still_has_is_shown(room: Reader, archive: Archive) -> None:
    name = "changing"
    visited(room, name)
    put(archive, name, 3)
    assert visited(room, name, 5) | FIRST == {*FIRST, 2}
    assert room.page.evaluate(_VALUES) == [1, 2, 3, 4, 5]
    archive.rejections.reject(Target(uid(name), series_of(name), f"{series_of(name)}.2"), Reason.QUALITY, "admin")
    assert visited(room, name, 4) <= FIRST
    assert room.page.evaluate(_VALUES) == [1, 3, 4, 5]
    assert wrong(room) == []
    archive.rejections.reject(Target(uid(name)), Reason.QUALITY, "admin")
    answer = room.page.goto(f"{room.server.address}/study/{uid(name)}")
    assert answer is not None
    assert answer.status == 404
    assert room.page.locator(".viewport").count() == 0


def test_signing_out_forgets_everything_also_under_an_open_page(room: Reader) -> None:
    visited(room, "out")
    other = room.page.context.new_page()
    other.goto(room.server.address + "/")
    other.locator('form[action="/logout"] button').click()
    expect(other).to_have_url(room.server.address + "/login")
    wait_until_kept(other, {})
    # The page that is still open keeps nothing any more.
    assert room.page.evaluate(_PUT) is False
    assert room.page.evaluate("localStorage.getItem('filmless.kept-for')") is None
    assert kept(room.page) == {}


def test_another_person_finds_nothing(room: Reader) -> None:
    visited(room, "plain")
    before = room.page.evaluate("localStorage.getItem('filmless.kept-for')")
    # The session of the one before ran out; somebody else takes the chair.
    room.page.context.add_cookies([{"name": "filmless_session", "value": "gone", "url": room.server.address}])
    room.page.goto(room.server.address + "/login")
    assert room.page.evaluate("localStorage.getItem('filmless.kept-for')") == before
    room.page.fill("input[name=username]", "clinician")
    room.page.fill("input[name=password]", PASSWORD)
    room.page.keyboard.press("Enter")
    room.page.wait_for_url(room.server.address + "/")
    wait_until_kept(room.page, {})
    assert visited(room, "plain") == ALL
    assert room.page.evaluate("localStorage.getItem('filmless.kept-for')") != before


def test_the_hospital_may_forbid_it(browser: Browser, room: Reader, archive: Archive) -> None:
    with by_name(archive, "--browser-cache-mb", "0") as server, reader(browser, server) as forbidden:
        forbidden.open(uid("plain"))
        assert forbidden.page.evaluate("() => window.filmless.library.shelving") is None
        assert kept(forbidden.page) == {}
        assert forbidden.page.evaluate("localStorage.length") == 0
        assert wrong(forbidden) == []


def test_there_is_a_limit_and_the_oldest_goes_first(browser: Browser, archive: Archive) -> None:
    # Four frames of 128 KiB are half a MiB: two studies fit, three do not.
    with by_name(archive, "--browser-cache-mb", "1") as server, reader(browser, server) as narrow:
        visited(narrow, "first")
        visited(narrow, "second")
        assert visited(narrow, "first") <= FIRST
        visited(narrow, "plain")
        assert kept(narrow.page) == {series_of("first"): 4 * FRAME, series_of("plain"): 4 * FRAME}
        assert visited(narrow, "second") == ALL
