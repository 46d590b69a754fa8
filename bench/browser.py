"""Chromium without a GPU, a fresh profile each time, with a clock inside the page that is the same for every viewer.

The clock starts with the navigation (`performance.now()`), once the browser has done with its own start, as it has on a
reader's screen. The first picture whose canvas is not black counts.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import CDPSession, Page, ViewportSize, sync_playwright

from bench.places import new_folder

FLAGS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
SCREEN: ViewportSize = {"width": 1366, "height": 768}
SLOW_LINK = {"latency": 40, "downloadThroughput": 20e6 / 8, "uploadThroughput": 20e6 / 8}
"""20 Mbit/s and 40 ms, as the devtools protocol wants it: bytes per second and milliseconds."""

_START_SECONDS = 15.0
_LOOK_SECONDS = 0.5
_REST_SHARE = 0.04

_CLOCK = """
(() => {
  // OHIF's tour for newcomers lies over the picture and takes the mouse.
  if (location.protocol.startsWith('http')) localStorage.setItem('shownTours', '["basicViewerTour"]');
  const bench = { light: 0, drawn: 0, drawings: 0, canvases: 0, images: 0, all: 0, moves: 0 };
  window.__bench = bench;
  const small = new OffscreenCanvas(16, 16).getContext('2d', { willReadFrequently: true });
  const isBright = (canvas) => {
    small.drawImage(canvas, 0, 0, 16, 16);
    const data = small.getImageData(0, 0, 16, 16).data;
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] + data[i + 1] + data[i + 2] > 60) count += 1;
    return count > 8;
  };
  const seen = new Set();
  const painted = (element) => {
    bench.drawings += 1;
    if (seen.size === 3) return;
    const canvas = element.querySelector('canvas');
    if (!canvas || seen.has(canvas) || !isBright(canvas)) return;
    seen.add(canvas);
    bench.canvases = seen.size;
    bench.drawn ||= performance.now();
    if (seen.size === 3) bench.three = performance.now();
  };
  // Cornerstone tells of each picture by an event; our flat pictures are counted in an attribute.
  document.addEventListener('CORNERSTONE_IMAGE_RENDERED', (event) => painted(event.target), true);
  new MutationObserver((changes) => changes.forEach((change) => painted(change.target)))
    .observe(document, { subtree: true, attributeFilter: ['data-rendered'] });
  document.addEventListener('pointermove', () => (bench.moves += 1), true);
  document.addEventListener('mousemove', () => (bench.mousemoves = (bench.mousemoves ?? 0) + 1), true);
  // A picture that the server made counts from the frame after it was decoded.
  const watch = () => {
    const image = document.querySelector('#first-light');
    if (image?.complete && image.naturalWidth) requestAnimationFrame(() => (bench.light = performance.now()));
    else if (!bench.drawn) requestAnimationFrame(watch);
  };
  requestAnimationFrame(watch);
  const loaded = () => {
    const ours = document.querySelector('.viewport[data-slices-total]');
    if (ours) bench.images = Number(ours.dataset.slicesLoaded);
    if (bench.images >= (window.__expected ?? Infinity) && !bench.all) bench.all = performance.now();
    if (!bench.all) setTimeout(loaded, 20);
  };
  loaded();
  const ids = new Set();
  let cornerstone;
  Object.defineProperty(window, 'cornerstone', {
    configurable: true,
    get: () => cornerstone,
    set: (value) => {
      cornerstone = value;
      value?.eventTarget?.addEventListener('CORNERSTONE_IMAGE_LOADED', (event) => {
        ids.add(event.detail.image.imageId);
        bench.images = ids.size;
      });
    },
  });
})();
"""


@dataclass(slots=True)
class Tab:
    """A page in a browser of its own, with its devtools session and the processes of that browser."""

    page: Page
    devtools: CDPSession
    profile: Path
    requests: int = 0
    received: int = 0

    def clock(self, name: str) -> float:
        """Return a figure of the page's clock: milliseconds, or a count."""
        return float(self.page.evaluate(f"() => window.__bench?.{name} ?? 0"))

    def wait(self, condition: str, seconds: float = 180) -> None:
        """Wait until a JavaScript expression is true."""
        self.page.wait_for_function(f"() => {condition}", timeout=seconds * 1000, polling=100)

    def memory(self) -> int:
        """Return the proportional set size of all of the browser's processes after a collection, in bytes."""
        for _ in range(2):
            self.devtools.send("HeapProfiler.collectGarbage")
        time.sleep(1)
        return sum(_pss(process) for process in self._processes())

    def slow(self) -> None:
        """Put the page behind the slow link."""
        self.devtools.send("Network.emulateNetworkConditions", {"offline": False, **SLOW_LINK})

    def come_to_rest(self) -> None:
        """Wait until the browser's processes have next to nothing to do any more."""
        end, before = time.monotonic() + _START_SECONDS, -1.0
        while time.monotonic() < end:
            now = sum(sum(process.cpu_times()[:2]) for process in self._processes())
            if before >= 0 and now - before < _REST_SHARE * _LOOK_SECONDS:
                return
            before = now
            time.sleep(_LOOK_SECONDS)

    def screenshot(self, path: Path) -> None:
        """Keep what is to be seen."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    def _processes(self) -> list[psutil.Process]:
        mark = f"--user-data-dir={self.profile}"
        mine = [p for p in psutil.Process().children(recursive=True) if mark in _command(p)]
        return [*{p.pid: p for parent in mine for p in (parent, *parent.children(recursive=True))}.values()]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


@contextmanager
def tab(cookies: list[dict[str, Any]] | None = None, *, expected: int = 0, slow: bool = False) -> Iterator[Tab]:
    """Start a browser with an empty profile; `expected` is how many images make a series whole."""
    profile = new_folder()
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=shutil.which("chromium"), args=list(FLAGS), viewport=SCREEN
        )
        try:
            context.add_cookies(cookies or [])  # type: ignore[arg-type]
            page = context.pages[0]
            page.add_init_script(f"window.__expected = {expected or 'Infinity'};{_CLOCK}")
            devtools = context.new_cdp_session(page)
            devtools.send("Network.enable")
            opened = Tab(page, devtools, profile)
            devtools.on("Network.requestWillBeSent", lambda _: _count(opened))
            devtools.on("Network.loadingFinished", lambda event: _received(opened, event))
            if slow:
                opened.slow()
            opened.come_to_rest()
            yield opened
        finally:
            context.close()


def _count(opened: Tab) -> None:
    opened.requests += 1


def _received(opened: Tab, event: dict[str, Any]) -> None:
    opened.received += int(event["encodedDataLength"])
