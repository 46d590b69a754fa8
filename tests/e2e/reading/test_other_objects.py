"""Other objects on the screen: contours and segments where they belong, an ECG on its paper, a video, a plan."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Locator, expect
from pydicom import dcmread

from sample_dicom import studies_folder
from storage.archive import Archive
from storage.importing import import_file
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support import special
from tests.support.hands import styled
from tests.support.objects import store
from tests.support.reading import Reader, need_built_app, reader, study_of
from tests.support.web import PASSWORD, Server, running

MM = 96 / 25.4
"""CSS pixels of a millimetre."""
PICTURE_ONLY = ".viewport > :not(.picture):not(.layer) { visibility: hidden !important; }"
PLAN = "1.2.840.10008.5.1.4.1.1.481.5"


@pytest.fixture(scope="module")
def special_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data: Path = tmp_path_factory.mktemp("special")
    with Records.open(data) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    plan = special.structure_set()
    plan.SOPClassUID, plan.Modality, plan.SeriesInstanceUID = PLAN, "RTPLAN", f"{special.STUDY}.5"
    plan.SOPInstanceUID = f"{special.STUDY}.5.1"
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for ds in (*special.slices(), special.structure_set(), special.segmentation(), special.square_wave(), plan):
            store(archive, ds)
    return data


@pytest.fixture(scope="module")
def special_server(special_data: Path) -> Iterator[Server]:
    need_built_app()
    with running(special_data) as started:
        yield started


@pytest.fixture
def room(browser: Browser, special_server: Server) -> Iterator[Reader]:
    with reader(browser, special_server) as at_desk:
        yield at_desk
        assert at_desk.wrong == []


Picture = NDArray[np.int_]


def seen(place: Locator) -> Picture:
    """What is on the screen there, (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(place.screenshot())).convert("RGB")).astype(int)


def is_bright(picture: Picture) -> NDArray[np.bool_]:
    return np.asarray(picture.min(axis=2) > 128)


def is_coloured(picture: Picture) -> NDArray[np.bool_]:
    return np.asarray(picture.max(axis=2) - picture.min(axis=2) > 60)


def bounds(mask: NDArray[np.bool_]) -> NDArray[np.int_]:
    """First row and column, last row and column."""
    found = np.argwhere(mask)
    assert len(found)
    return np.concatenate([found.min(axis=0), found.max(axis=0)])


def show_only(room: Reader, name: str) -> None:
    """Open the panel of layers, and show only those of the object with that title."""
    room.press("j")
    rows = room.page.locator(".side-panel .structure")
    expect(rows).to_have_count(2)
    titles = room.page.locator(".side-panel .title").all_inner_texts()
    rows.nth(1 - titles.index(name)).locator("input").uncheck()
    room.press("Home", "ArrowDown")


@pytest.mark.parametrize("pose", ["", "r", "h", "v++"])
def test_a_contour_lies_round_what_it_was_drawn_round(room: Reader, pose: str) -> None:
    room.open(special.STUDY)
    for key in pose:
        room.press(key)
    show_only(room, "RTSTRUCT")
    styled(room, PICTURE_ONLY)
    expect(room.viewport.locator(".contours path")).to_have_count(1)
    drawn = bounds(is_coloured(seen(room.viewport)))
    styled(room, ".contours { visibility: hidden; }")
    block = bounds(is_bright(seen(room.viewport)))
    # A line of 1.8 pixels, its middle on the block's edge.
    assert np.abs(drawn - (block + np.array([-1, -1, 1, 1]))).max() <= 1
    room.press("ArrowDown")
    expect(room.viewport.locator(".contours path")).to_have_count(0)


@pytest.mark.parametrize("pose", ["", "r", "h", "v++"])
def test_a_segment_covers_what_it_means(room: Reader, pose: str) -> None:
    room.open(special.STUDY)
    for key in pose:
        room.press(key)
    show_only(room, "SEG")
    styled(room, PICTURE_ONLY)
    expect(room.viewport.locator("canvas[data-masks='1']")).to_be_attached()
    room.page.wait_for_function("() => document.querySelector('canvas[data-masks]')?.style.width.startsWith('160')")
    covered = is_coloured(seen(room.viewport))
    styled(room, "canvas[data-masks] { visibility: hidden; }")
    block = is_bright(seen(room.viewport))
    assert np.abs(bounds(covered) - bounds(block)).max() <= 1
    assert (covered & block).sum() / (covered | block).sum() > 0.98
    room.press("ArrowDown")
    expect(room.viewport.locator("canvas[data-masks]")).to_have_count(0)


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_an_ecg_has_the_millimetres_of_its_paper(browser: Browser, special_server: Server, phone: bool) -> None:
    """A square wave of 1 mV and half a second: 10 mm high, 12.5 mm long, as the line above it says."""
    width, height = (390, 844) if phone else (1366, 768)
    with reader(browser, special_server, width=width, height=height, phone=phone) as room:
        room.open(special.STUDY)
        room.page.locator(".series-card", has_text="ECG").click()
        drawing = room.page.locator(".documents .paper img")
        expect(drawing).to_have_js_property("complete", True)
        expect(room.page.locator(".documents")).to_contain_text("25 mm/s, 10 mm/mV")
        told = drawing.evaluate("one => [one.naturalWidth, one.getBoundingClientRect().width]")
        assert told[0] == pytest.approx((14 + 4 * 25 + 4) * MM, abs=2)
        assert told[1] == pytest.approx(told[0], abs=1), "shown at another scale than is said"
        # A canvas of four pixels to a CSS pixel says where the ink is.
        ink = drawing.evaluate(
            """one => {
                const canvas = document.createElement('canvas');
                [canvas.width, canvas.height] = [one.naturalWidth * 4, one.naturalHeight * 4];
                const context = canvas.getContext('2d');
                context.drawImage(one, 0, 0, canvas.width, canvas.height);
                const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
                const dark = [];
                for (let y = 0; y < canvas.height; y++) for (let x = canvas.width / 5; x < canvas.width; x++) {
                    x = Math.floor(x);
                    if (data[4 * (y * canvas.width + x)] < 100) dark.push([y, x]);
                }
                const first = dark.filter(([y]) => y < canvas.height / 2);
                const rows = first.map(([y]) => y);
                return [Math.min(...rows) / 4, Math.max(...rows) / 4, first.map(([y, x]) => [y / 4, x / 4])];
            }"""
        )
        top, bottom, first = ink
        assert (bottom - top) / MM == pytest.approx(10, abs=0.4)
        steps = sorted({round(x) for y, x in first if abs(y - (top + bottom) / 2) < 0.5})
        gaps = [b - a for a, b in pairwise(steps) if b - a > 3]
        assert gaps
        assert np.array(gaps) / MM == pytest.approx([12.5] * len(gaps), abs=0.4)
        assert room.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert room.wrong == []


def test_a_report_reads_as_text_beside_its_images(browser: Browser, samples: Server) -> None:
    with reader(browser, samples) as room:
        room.open(study_of(studies_folder() / "ct-chest"), whole=False)
        room.page.locator(".series-card", has_text="SR").click()
        told = room.page.locator(".documents")
        expect(told.locator("h3").first).to_be_visible()
        expect(told).to_contain_text("phổi")
        expect(room.viewport).not_to_have_attribute("data-slice", "0")
        box, panel = told.bounding_box(), room.page.locator(".side-panel").bounding_box()
        assert box is not None
        assert panel is not None
        assert box["width"] <= panel["width"] + 1
        assert room.wrong == []


def test_a_report_leads_to_the_image_it_speaks_of(browser: Browser, samples: Server) -> None:
    with reader(browser, samples) as room:
        room.open(study_of(studies_folder() / "ct-chest"), whole=False)
        room.page.locator(".series-card", has_text="SR").click()
        link = room.page.locator(".documents a[data-image]").first
        told = re.search(r"\d+", link.inner_text())
        assert told is not None
        series, address = room.data("series"), str(link.get_attribute("href"))
        assert told[0] != room.data("slice")
        room.page.evaluate("window.isSamePage = true")
        link.click()
        expect(room.viewport).to_have_attribute("data-slice", told[0])
        assert room.data("series") == series
        assert room.page.evaluate("window.isSamePage"), "without loading the page again"
        room.page.goto(room.server.address + address)
        expect(room.viewport).to_have_attribute("data-slice", told[0])
        assert room.wrong == []


def test_a_pdf_opens(browser: Browser, samples: Server) -> None:
    with reader(browser, samples) as room:
        room.open(study_of(studies_folder() / "mr-brain"), whole=False)
        with room.page.expect_response(lambda answer: "/pdf" in answer.url) as shown:
            room.page.locator(".series-card", has_text="DOC").click()
        assert shown.value.ok
        link = room.page.locator(".documents a[target=_blank]")
        address = str(link.get_attribute("href"))
        answer = room.page.request.get(room.server.address + address)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.body().startswith(b"%PDF")
        assert room.wrong == []


def test_what_cannot_be_shown_says_so_and_offers_the_file(room: Reader) -> None:
    room.open(special.STUDY)
    room.page.locator(".series-card", has_text="RTPLAN").click()
    told = room.page.locator(".documents")
    expect(told).to_contain_text("không thể hiển thị")
    expect(told).to_contain_text(PLAN)
    with room.page.expect_download() as download:
        told.get_by_role("link", name="Tải tệp DICOM").click()
    assert dcmread(download.value.path()).SOPInstanceUID == f"{special.STUDY}.5.1"


def test_a_video_plays_shared_data(browser: Browser, special_data: Path, shared_data: Path) -> None:
    """H.264 in MP4: a white box that moves over 50 frames."""
    file = shared_data / "video" / "h264_mp4_102.dcm"
    with Archive.open(ArchiveSettings(special_data, minimum_free_bytes=0)) as archive:
        assert list(import_file(archive, file))
    study = str(dcmread(file, stop_before_pixels=True).StudyInstanceUID)
    with running(special_data) as server, reader(browser, server) as room:
        room.page.goto(f"{server.address}/study/{study}")
        video = room.page.locator("video")
        if not video.count():
            room.page.locator(".series-card").first.click()
        expect(video).to_be_visible()
        frames = video.evaluate(
            """async video => {
                const taken = () => {
                    const canvas = document.createElement('canvas');
                    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
                    const context = canvas.getContext('2d');
                    context.drawImage(video, 0, 0);
                    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
                    let white = 0, sum = 0;
                    for (let i = 0; i < data.length; i += 4) if (Math.min(data[i], data[i + 1], data[i + 2]) > 200) {
                        white += 1;
                        sum += (i / 4) % canvas.width;
                    }
                    return [video.videoWidth, video.videoHeight, white, white ? sum / white : 0];
                };
                video.muted = true;
                await video.play();
                await new Promise((done) => video.requestVideoFrameCallback(done));
                const first = taken();
                await new Promise((done) => (video.onended = done));
                return [first, taken(), video.duration];
            }"""
        )
        (width, height, white, at), (_, _, _, later), seconds = frames
        assert (width, height) == (640, 480)
        assert white > 100
        assert abs(later - at) > 50, "the box has moved"
        assert seconds > 1
        box = video.bounding_box()
        panel = room.page.locator(".side-panel").bounding_box()
        assert box is not None
        assert panel is not None
        assert box["x"] >= panel["x"]
        assert box["x"] + box["width"] <= panel["x"] + panel["width"] + 1, "nothing is cut off"
        assert room.wrong == []
