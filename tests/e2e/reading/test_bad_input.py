"""Series that are not what they should be, and networks and sessions that end: the rest stays usable, in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Route, expect
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from storage.archive import Archive
from storage.records import Records, Role
from storage.rejection import Reason, Target
from storage.settings import ArchiveSettings
from tests.support.objects import STUDY, ct, store
from tests.support.reading import Reader, frames_asked, need_built_app, reader
from tests.support.web import PASSWORD, Server, running

SIDE = 64
FRAMES = 8000
NAMES = (
    "gap",
    "sizes",
    "directions",
    "corrupt",
    "nowhere",
    "single",
    "many",
    "large",
    "uneven",
    "mixed",
    "phases",
    "changing",
)


def uid(name: str) -> str:
    return f"{STUDY}.{NAMES.index(name) + 1}"


def slice_of(name: str, number: int, **attributes: object) -> Dataset:
    pixels = np.full((SIDE, SIDE), 100 * number, "<i2")
    given: dict[str, object] = {
        "Rows": SIDE,
        "Columns": SIDE,
        "PixelData": pixels.tobytes(),
        "WindowCenter": 500,
        "WindowWidth": 1000,
        "PixelSpacing": [1, 1],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, 5 * number],
    }
    return ct(
        StudyInstanceUID=uid(name),
        SeriesInstanceUID=uid(name) + ".1",
        SOPInstanceUID=f"{uid(name)}.1.{number}",
        InstanceNumber=number,
        **{keyword: value for keyword, value in {**given, **attributes}.items() if value is not None},
    )


def put_odd_series(archive: Archive) -> None:
    for number in (1, 2, 3, 5, 6):
        store(archive, slice_of("gap", number))
    for number in (1, 2, 3):
        store(archive, slice_of("sizes", number))
        store(archive, slice_of("directions", number))
        store(
            archive,
            slice_of("nowhere", number, PixelSpacing=None, ImagePositionPatient=None, ImageOrientationPatient=None),
        )
    small = {"Rows": 32, "Columns": 48, "PixelData": np.full((32, 48), 400, "<i2").tobytes()}
    store(archive, slice_of("sizes", 4, **small))
    store(archive, slice_of("directions", 4, ImageOrientationPatient=[0, 1, 0, 0, 0, -1]))
    for number in (1, 2, 4):
        store(archive, slice_of("corrupt", number))
    broken = slice_of("corrupt", 3, PixelData=encapsulate([b"\xff\x4f\xff\x51 no image"]))
    broken["PixelData"].is_undefined_length = True
    store(archive, broken, transfer_syntax_uid=JPEG2000Lossless)
    store(archive, slice_of("single", 1))
    for number, z in enumerate((0, 5, 12, 17, 24, 29), 1):
        store(archive, slice_of("uneven", number, ImagePositionPatient=[0, 0, z]))
    many = {
        "Rows": 8,
        "Columns": 8,
        "NumberOfFrames": FRAMES,
        "PixelData": np.arange(64 * FRAMES, dtype="<u2").tobytes(),
    }
    store(archive, slice_of("many", 1, **many))
    colour = {
        "SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB", "BitsAllocated": 8,
        "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "PixelData": bytes([200, 100, 50]) * SIDE * SIDE,
    }  # fmt: skip
    for number in range(1, 5):
        store(archive, slice_of("mixed", number, **(colour if number % 2 else {})))
    for number in range(1, 9):
        phase, place = divmod(number - 1, 4)
        where = [0, 0, 5 * place]
        store(archive, slice_of("phases", number, ImagePositionPatient=where, TemporalPositionIdentifier=phase + 1))
    for number in (1, 2):
        store(archive, slice_of("changing", number))
    # Noise, which takes its time over a slow network also when it is packed.
    big = np.random.default_rng(1).bytes(512 * 512 * 2)
    for number in range(1, 61):
        store(archive, slice_of("large", number, Rows=512, Columns=512, PixelData=big))
    for number in range(1, 4):
        other = slice_of("large", number)
        other.SeriesInstanceUID, other.SeriesNumber = uid("large") + ".2", 2
        other.SOPInstanceUID = f"{uid('large')}.2.{number}"
        store(archive, other)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def odd(data: Path) -> Iterator[Server]:
    need_built_app()
    with Records.open(data) as records:
        records.users.add("radiologist", Role.RADIOLOGIST, PASSWORD)
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        put_odd_series(archive)
    with running(data) as started:
        yield started


@pytest.fixture
def room(browser: Browser, odd: Server) -> Iterator[Reader]:
    with reader(browser, odd) as at_desk:
        yield at_desk


def middle(room: Reader) -> int:
    """The grey in the middle of the canvas."""
    canvas = room.canvas()
    return int(canvas[canvas.shape[0] // 2, canvas.shape[1] // 2, 0])


def test_a_missing_slice_is_named(room: Reader) -> None:
    room.open(uid("gap"))
    expect(room.page.locator(".flaw")).to_contain_text("thiếu một lát cắt sau ảnh 3")
    assert room.wrong == []


def test_mixed_sizes_are_said_and_every_image_shows(room: Reader) -> None:
    room.open(uid("sizes"))
    expect(room.page.locator(".flaw")).to_contain_text("kích thước khác nhau")
    room.press("End")
    expect(room.viewport).to_have_attribute("data-slice", "4")
    assert abs(middle(room) - 102) <= 1
    assert room.wrong == []


def test_mixed_directions_are_said_and_letters_follow_each_image(room: Reader) -> None:
    room.open(uid("directions"))
    expect(room.page.locator(".flaw")).to_contain_text("khác hướng")
    assert room.viewport.locator(".letter.right").inner_text() == "L"
    room.press("End")
    assert room.viewport.locator(".letter.right").inner_text() == "P"
    assert room.wrong == []


def test_uneven_spacing_is_said_with_its_numbers(room: Reader) -> None:
    room.open(uid("uneven"))
    expect(room.page.locator(".flaw")).to_contain_text("khoảng cách lát không đều: 5,00 đến 7,00 mm")
    assert room.wrong == []


def test_one_corrupt_frame_is_told_and_the_others_are_read(room: Reader) -> None:
    room.page.goto(f"{room.server.address}/study/{uid('corrupt')}")
    expect(room.viewport).to_have_attribute("data-slice", "1")
    expect(room.viewport).to_have_attribute("data-slices-loaded", "3")
    room.press("ArrowDown", "ArrowDown")
    expect(room.page.locator(".message")).to_contain_text("Không thể hiển thị ảnh này.")
    expect(room.page.locator(".picture")).to_have_css("visibility", "hidden")
    room.press("ArrowDown")
    assert room.data("slice") == "4"
    expect(room.page.locator(".message")).to_have_count(0)
    assert abs(middle(room) - 102) <= 1


def test_without_geometry_there_are_no_letters_no_mm_and_no_warning(room: Reader) -> None:
    room.open(uid("nowhere"))
    expect(room.page.locator(".bar")).to_contain_text("không có tỉ lệ mm")
    assert room.viewport.locator(".letter.left").inner_text() == ""
    assert room.page.locator(".flaw").count() == 0
    room.press("End")
    assert room.data("slice") == "3"
    assert room.wrong == []


def test_colour_and_grey_in_one_series(room: Reader) -> None:
    asked: Counter[int] = Counter()
    room.page.on("request", lambda request: asked.update(frames_asked(request.url)))
    room.open(uid("mixed"))
    assert tuple(room.canvas()[room.canvas().shape[0] // 2, room.canvas().shape[1] // 2]) == (200, 100, 50)
    room.press("ArrowDown")
    assert abs(middle(room) - 51) <= 1
    assert max(asked.values()) <= 2, asked
    assert room.wrong == []


def test_phases_of_one_place_are_said_and_seen_by_themselves(room: Reader) -> None:
    room.open(uid("phases"))
    choice = room.viewport.locator("select.phases")
    expect(choice).to_have_attribute("title", "Có 2 ảnh ở mỗi vị trí")
    room.press("ArrowDown", ".")
    assert (room.data("slices-total"), room.data("slice")) == ("4", "2")
    assert abs(middle(room) - 600 * 255 / 1000) <= 1
    room.press(",")
    assert abs(middle(room) - 200 * 255 / 1000) <= 1
    room.press(".", "u")
    room.page.click("[data-plane=coronal]")
    expect(room.viewport.locator(".made")).to_contain_text("pha 2")
    room.still()
    assert abs(middle(room) - 650 * 255 / 1000) <= 16
    assert room.wrong == []


def test_no_picture_ever_stands_under_the_name_of_another_series(room: Reader) -> None:
    # Before anything is opened: the other series is asked for as soon as this one is here.
    room.page.route("**/series/*.2/stream?*", lambda route: None)
    room.open(uid("large"), whole=False)
    room.page.locator(".series-card").nth(1).click()
    room.page.keyboard.press("i")
    room.page.set_viewport_size({"width": 1100, "height": 700})
    room.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert room.data("slice") == "0"
    expect(room.page.locator(".picture")).to_have_css("visibility", "hidden")
    expect(room.viewport.locator(".waiting")).to_be_visible()


def test_a_picture_that_the_graphics_cannot_hold_is_told(browser: Browser, odd: Server) -> None:
    with reader(browser, odd) as small:
        small.page.add_init_script(
            "const ask = WebGL2RenderingContext.prototype.getParameter;"
            "WebGL2RenderingContext.prototype.getParameter = function (name) {"
            " return name === this.MAX_TEXTURE_SIZE ? 256 : ask.call(this, name); };"
        )
        small.page.goto(f"{small.server.address}/study/{uid('large')}")
        expect(small.page.locator(".message")).to_contain_text("512")


def test_a_series_that_is_refused_is_told_and_not_asked_for_without_end(room: Reader) -> None:
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404, json={"error": "Gone", "detail": "withdrawn"})

    room.open(uid("large"))
    room.page.route("**/series/*.2/**", refuse)
    room.page.reload()
    room.page.locator(".series-card").nth(1).click()
    expect(room.viewport.locator(".message")).to_contain_text("withdrawn")
    room.page.locator(".series-card").nth(0).click()
    room.loaded()
    assert len(asked) <= 8


def test_a_single_image(room: Reader) -> None:
    room.open(uid("single"))
    assert room.data("slices-total") == "1"
    room.press("ArrowDown", "End", " ")
    assert room.data("slice") == "1"
    expect(room.page.locator('[data-action="play"]')).to_be_disabled()
    assert room.wrong == []


def test_eight_thousand_frames(room: Reader) -> None:
    room.open(uid("many"), whole=False)
    assert room.data("slices-total") == str(FRAMES)
    room.press("End")
    expect(room.viewport).to_have_attribute("data-slice", str(FRAMES))
    room.loaded()
    assert room.wrong == []


def test_a_network_that_fails_halfway_and_returns(browser: Browser, odd: Server) -> None:
    with reader(browser, odd) as away:
        page = away.page
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        slow = {"offline": False, "latency": 0, "downloadThroughput": 2e5, "uploadThroughput": 1e6}
        held: list[Route] = []
        asked: list[str] = []

        def hold_the_rest(route: Route) -> None:
            asked.append(route.request.url)
            if len(asked) == 1:
                route.continue_()
            else:
                held.append(route)

        page.route("**/stream?*", hold_the_rest)
        away.open(uid("large"), whole=False)
        while not held:
            page.wait_for_timeout(20)
        # Thirty megabytes are two minutes on their way from here on, so that they have not come when it fails.
        session.send("Network.emulateNetworkConditions", slow)
        for route in held:
            with page.expect_response(route.request.url):
                route.continue_()
        page.unroute("**/stream?*")
        session.send("Network.emulateNetworkConditions", {**slow, "offline": True})
        page.keyboard.press("End")
        expect(page.locator(".trouble")).to_contain_text("Mất kết nối")
        page.keyboard.press("Home")
        expect(away.viewport).to_have_attribute("data-slice", "1")
        session.send("Network.emulateNetworkConditions", {**slow, "downloadThroughput": -1})
        away.loaded()
        expect(page.locator(".trouble")).to_have_count(0)
        away.press("End")
        assert away.data("slice") == "60"


def test_a_session_that_ends_while_reading(browser: Browser, odd: Server) -> None:
    with reader(browser, odd) as expired:
        page = expired.page
        # The second series waits until the session is over.
        page.route("**/series/*.2/**", lambda route: route.abort())
        expired.open(uid("large"))
        page.context.clear_cookies()
        page.unroute_all()
        page.locator(".series-card").nth(1).click()
        told = page.locator(".trouble")
        expect(told).to_contain_text("Phiên đăng nhập đã hết")
        expect(told.get_by_role("link")).to_have_attribute(
            "href", re.compile(re.escape(f"/login?next=%2Fstudy%2F{uid('large')}"))
        )
        page.locator(".series-card").nth(0).click()
        expired.press("End")
        assert expired.data("slice") == "60"


def test_a_study_that_changes_while_it_is_read(browser: Browser, odd: Server, data: Path) -> None:
    study, looks = uid("changing"), "document.dispatchEvent(new Event('visibilitychange'))"
    with (
        Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive,
        reader(browser, odd) as reading,
    ):
        page, told = reading.page, reading.page.locator("[data-news]")
        reading.open(study)
        with page.expect_response(f"**/study/{study}/series") as asked:
            page.evaluate(looks)
        assert asked.value.request.headers["x-watching"] == "1", "an open page does not keep a session alive"
        expect(told).to_have_count(0)
        store(archive, slice_of("changing", 3))
        page.evaluate(looks)
        expect(told).to_contain_text("vừa có thêm ảnh")
        told.get_by_role("button").click()
        expect(reading.viewport).to_have_attribute("data-slices-loaded", "3")
        expect(told).to_have_count(0)
        archive.rejections.reject(Target(study, f"{study}.1", f"{study}.1.2"), Reason.QUALITY, "admin")
        page.evaluate(looks)
        expect(told).to_contain_text("bị loại bỏ hoặc thu hồi")
        expect(reading.viewport).to_be_visible()
        archive.rejections.reject(Target(study), Reason.PATIENT_SAFETY, "admin")
        page.evaluate(looks)
        expect(told).to_contain_text("không còn trong kho ảnh")
        expect(reading.viewport).to_be_hidden()
