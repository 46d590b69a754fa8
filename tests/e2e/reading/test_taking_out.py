"""What leaves the room: pictures at true resolution in the window shown, a series as ZIP, a page of chosen images."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from pydicom import dcmread

from sample_dicom import studies_folder
from tests.support.reading import Reader, study_of

CHEST = studies_folder() / "ct-chest"


def chest() -> str:
    return study_of(CHEST)


def downloaded(room: Reader, name: str) -> tuple[str, bytes]:
    """The name and the bytes of what a link of the panel gives."""
    with room.page.expect_download() as download:
        room.page.locator(".side-panel .links a", has_text=name).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


@pytest.mark.parametrize(("name", "kind", "close"), [("PNG", "PNG", 1.0), ("JPEG", "JPEG", 2.5)])
def test_a_picture_is_as_it_is_shown(room: Reader, name: str, kind: str, close: float) -> None:
    room.open(chest(), "?image=20")
    room.press("1", "i", "d")
    file, body = downloaded(room, name)
    picture = Image.open(io.BytesIO(body))
    assert picture.format == kind
    assert picture.size == (384, 384)
    assert "Mẫu" not in file
    room.press("d")
    room.one_to_one(384, 384)
    difference = np.abs(room.picture(384, 384).astype(int) - np.asarray(picture.convert("RGB")).astype(int))
    assert difference.mean() < close


def test_a_series_as_zip_is_whole(room: Reader) -> None:
    room.open(chest(), whole=False)
    room.press("d")
    _, body = downloaded(room, "ZIP")
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        assert packed.testzip() is None
        found = {}
        for name in packed.namelist():
            data = packed.read(name)
            if data[128:132] == b"DICM" and "DICOMDIR" not in name:
                ds = dcmread(io.BytesIO(data))
                found[ds.SOPInstanceUID] = ds
    ours = {ds.SOPInstanceUID: ds for ds in map(dcmread, CHEST.glob("ct*.dcm"))}
    assert set(found) == set(ours)
    assert all(found[uid].PixelData == ours[uid].PixelData for uid in ours)


def test_chosen_images_are_printed_with_a_bar_as_long_as_it_says(room: Reader) -> None:
    uids = [
        ds.SOPInstanceUID
        for ds in (dcmread(path, stop_before_pixels=True) for path in sorted(CHEST.glob("ct*.dcm")))
        if ds.InstanceNumber in (10, 28)
    ]
    page = room.page
    page.goto(f"{room.server.address}/study/{chest()}/print?images={','.join(f'{uid}:1:-600:1500' for uid in uids)}")
    figures = page.locator("figure")
    expect(figures).to_have_count(2)
    expect(page.locator("header")).to_contain_text("Nguyễn Văn Mẫu")
    expect(page.locator("footer")).to_contain_text("Không dùng cho chẩn đoán chính")
    for figure in figures.all():
        expect(figure).to_contain_text("W 1500 L -600")
        words = figure.locator("text").last.text_content() or ""
        millimetres = float(words.split("mm")[0])
        drawn = re.search(r"h([\d.]+)v", figure.locator("path.bar").get_attribute("d") or "")
        assert drawn is not None
        assert float(drawn[1]) / 384 * 400 == pytest.approx(millimetres, rel=0.005)
    shot = np.asarray(Image.open(io.BytesIO(figures.first.screenshot())).convert("L")).astype(float)
    assert shot.std() > 30, "the picture is there"
    sheets = page.pdf(format="A4", print_background=True)
    assert sheets.startswith(b"%PDF")


def test_key_images_go_on_paper_in_the_window_they_were_marked_in(room: Reader) -> None:
    room.open(chest())
    room.press("q", "ArrowDown", "1", "q")
    address = str(
        room.page.locator(".side-panel a", has=room.page.locator("use[href='#i-print']")).get_attribute("href")
    )
    plain, lung = address.split("images=")[1].split(",")
    assert plain.count(":") == 1, "its own window is the object's to tell"
    assert lung.endswith(":1:-600:1500")
    room.page.goto(room.server.address + address)
    expect(room.page.locator("figcaption").nth(1)).to_contain_text("W 1500 L -600")
