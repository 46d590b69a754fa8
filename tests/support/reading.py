"""The reading room as tests see it: an archive of sample studies, a browser in it, and the pixels on its canvas."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, Page
from pydicom import dcmread

from tests.support.browser import ANSWER_MS, watch
from tests.support.web import PASSWORD, Server
from viewer.reading.built import built_app

LOADED = "v => v.dataset.slicesLoaded === v.dataset.slicesTotal && v.dataset.slice !== '0'"
STILL = """(most) => new Promise((done) => {
  const begin = performance.now();
  const isWaiting = (cell) => cell.series && cell.problem === undefined && cell.shown !== cell.position;
  let [frames, since, before] = [0, begin, ''];
  requestAnimationFrame(function look() {
    const cells = window.filmless?.visible ?? [];
    const state = cells.map((cell) => [cell.series?.uid, cell.shown, cell.position, cell.drawings].join()).join();
    const now = performance.now();
    if (state !== before || cells.some(isWaiting)) [frames, since, before] = [0, now, state];
    else frames += 1;
    if ((frames >= 5 && now - since >= 120) || now - begin > most) done();
    else requestAnimationFrame(look);
  });
})"""
SIGN_IN = """async (form) =>
  (await fetch('/login', { method: 'POST', redirect: 'manual', body: new URLSearchParams(form) })).type"""


def need_built_app() -> None:
    """Skip by name where the app was not built, as in a checkout without Node and without a network."""
    if built_app() is None:
        pytest.skip("the reading room is not built (make app)")


def import_files(data: Path, files: list[Path]) -> None:
    """Store files as a receiver does."""
    from storage.archive import Archive
    from storage.settings import ArchiveSettings
    from tests.support.objects import store

    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for file in files:
            ds = dcmread(file)
            body = io.BytesIO()
            syntax = str(ds.file_meta.TransferSyntaxUID)
            meta = dcmread(file, stop_before_pixels=True).file_meta
            with file.open("rb") as source:
                source.seek(132 + 12 + meta.FileMetaInformationGroupLength)
                body.write(source.read())
            store(
                archive,
                body.getvalue(),
                sop_class_uid=str(ds.SOPClassUID),
                sop_instance_uid=str(ds.SOPInstanceUID),
                transfer_syntax_uid=syntax,
            )


def seem_fast(page: Page) -> None:
    """Let pages that are opened from now on know nothing of the link: a busy computer alone makes it seem slow.

    What they fetch begins as over a fast one: the first image alone, as it is stored.
    """
    page.add_init_script("performance.getEntriesByType = () => []")


def frames_asked(url: str) -> set[int]:
    """The places in the series that a page asks for with this address: none where it asks for something else."""
    found: set[int] = set()
    for part in filter(None, parse_qs(urlsplit(url).query).get("frames", [""])[0].split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def study_of(folder: Path) -> str:
    """The Study Instance UID of the first file in a folder."""
    return str(dcmread(next(iter(sorted(folder.glob("*.dcm")))), stop_before_pixels=True).StudyInstanceUID)


@dataclass(frozen=True)
class Reader:
    """A page in the reading room, with what went wrong in it."""

    page: Page
    wrong: list[str]
    server: Server

    @property
    def viewport(self) -> Locator:
        return self.page.locator(".viewport").first

    def open(self, study: str, query: str = "", *, whole: bool = True) -> None:
        """Open a study and wait until the GPU has drawn, and with `whole` until all of the series is here."""
        self.page.goto(f"{self.server.address}/study/{study}{query}")
        self.page.wait_for_selector('.viewport[data-slice]:not([data-slice="0"])')
        if whole:
            self.loaded()

    def loaded(self) -> None:
        """Wait until every image of the first cell's series is here."""
        handle = self.viewport.element_handle()
        self.page.wait_for_function(LOADED, arg=handle)

    def loaded_beside(self, series: str) -> None:
        """Wait until every image of a series is here that comes after that of the first cell."""
        self.page.wait_for_function(
            "uid => { const { series } = window.filmless.library, one = series.get(uid);"
            " return one !== undefined && one.loaded === one.total && one.factsComplete; }",
            arg=series,
        )

    def data(self, name: str) -> str:
        return self.viewport.get_attribute(f"data-{name}") or ""

    def window(self) -> tuple[float, float]:
        return float(self.data("window-center")), float(self.data("window-width"))

    def press(self, *keys: str) -> None:
        """Press keys and wait for the picture that follows."""
        for key in keys:
            self.page.keyboard.press(key)
        self.still()

    def still(self) -> None:
        """Wait until every cell shows the image that is wanted and nothing has been drawn for a few frames."""
        self.page.evaluate(STILL, ANSWER_MS)

    def one_to_one(self, rows: int, columns: int) -> None:
        """Give the cell the size of the picture, so that each stored pixel is one pixel of the canvas."""
        box = self.viewport.bounding_box()
        size = self.page.viewport_size
        assert box is not None
        assert size is not None
        width = size["width"] - round(box["width"]) + max(columns + columns % 2, 800)
        before = int(self.data("rendered"))
        self.page.set_viewport_size({"width": width, "height": size["height"] - round(box["height"]) + rows})
        # On a busy computer the new size is painted later than it is taken for still. The canvas itself does not tell
        # its size: it keeps the one it was made with, whatever picture is handed to it.
        self.page.wait_for_function(
            "([n, before]) => { const { box, drawings } = window.filmless.cell;"
            " return Math.round(box.height) === n && drawings > before; }",
            arg=[rows, before if round(box["height"]) != rows else -1],
        )
        self.still()

    def canvas(self, *, masks: bool = False) -> NDArray[np.uint8]:
        """Pixels of the first cell's canvas, (height, width, 3); with `masks`, what covers it laid over it."""
        shown = self._image(".viewport .picture canvas")
        assert shown is not None
        cover = self._image(".viewport canvas.masks") if masks else None
        if cover is not None:
            shown.alpha_composite(cover)
        return np.asarray(shown.convert("RGB"))

    def _image(self, selector: str) -> Image.Image | None:
        data = self.page.evaluate("s => document.querySelector(s)?.toDataURL('image/png')", selector)
        return Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGBA") if data else None

    def picture(self, rows: int, columns: int) -> NDArray[np.uint8]:
        """The middle of the canvas, where a picture lies that is shown one to one."""
        canvas = self.canvas(masks=True)
        top, left = (canvas.shape[0] - rows) // 2, (canvas.shape[1] - columns) // 2
        return canvas[top : top + rows, left : left + columns]

    def rendered(self, address: str) -> NDArray[np.uint8]:
        """What the server renders at an address, (height, width, 3)."""
        answer = self.page.request.get(self.server.address + address)
        assert answer.ok, answer.status
        return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"))

    def matches_server(self) -> None:
        """Compare the canvas with what the server renders of the same image in the same window and sense."""
        facts = self.page.evaluate("() => window.filmless.cell.facts")
        window, inverted, colours = self.page.evaluate(
            "() => { const { cell } = window.filmless; return [cell.window, cell.inverted, cell.map]; }"
        )
        rows, columns = facts["rows"], facts["columns"]
        assert abs(facts["aspect"] - 1) < 1e-6
        self.one_to_one(rows, columns)
        study = self.page.url.split("/study/")[1].split("?")[0]
        query = f"format=png&overlays=0&invert={int(inverted)}&colours={colours or ''}"
        if window is not None:
            query += f"&center={window['center']}&width={window['width']}&function={window['function']}"
        image = f"/study/{study}/instances/{facts['sop']}/frames/{facts['frame_number']}/image?{query}"
        difference = np.abs(self.picture(rows, columns).astype(int) - self.rendered(image).astype(int))
        assert difference.mean() < 1, (difference.mean(), difference.max())
        assert (difference > 2).mean() < 0.002, (difference > 2).mean()


@contextmanager
def reader(
    browser: Browser,
    server: Server,
    *,
    width: int = 1366,
    height: int = 768,
    locale: str = "vi-VN",
    phone: bool = False,
    who: str = "radiologist",
) -> Iterator[Reader]:
    """A signed-in radiologist's browser, or another person's."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        locale=locale,
        has_touch=phone,
        is_mobile=phone,
        device_scale_factor=2 if phone else 1,
    )
    try:
        context.set_default_timeout(ANSWER_MS)
        page = context.new_page()
        wrong = watch(page)
        page.goto(server.address + "/login")
        # Without following to the list of studies, which costs more than most of what is tested here.
        assert page.evaluate(SIGN_IN, {"username": who, "password": PASSWORD}) == "opaqueredirect"
        yield Reader(page, wrong, server)
    finally:
        context.close()
