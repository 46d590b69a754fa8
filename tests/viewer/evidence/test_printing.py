"""The page of chosen images."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from storage.archive import Archive
from storage.model import Instance
from tests.support.evidence import slice_of
from tests.support.objects import STUDY, store
from viewer.pages.printing import scale_bar
from viewer.rendering import Spacing

ADDRESS = f"/study/{STUDY}/print"


def test_key_images_are_printed_with_scale_and_names(
    post: Callable[..., TestResponse], client: FlaskClient, image: Instance
) -> None:
    choice = {"images": [{"instance": image.sop_instance_uid, "frame": 1}], "description": "", "based_on": None}
    assert post(f"/study/{STUDY}/key-images", choice).status_code == 201
    page = client.get(ADDRESS, headers={"Accept": "text/html"}).text
    assert "Nguyễn Văn Đức" in page
    assert f"instances/{image.sop_instance_uid}/frames/1/image?format=png" in page
    # 64 columns of 0.25 mm: 2 mm are the longest round bar within 30 % of 16 mm.
    assert ">2 mm</text>" in re.sub(r"\s+", " ", page)
    assert re.search(r'class="bar" d="M[\d.]+ [\d.]+v[\d.]+h8\.0v', page)


def test_chosen_images_are_printed_in_their_windows(client: FlaskClient, image: Instance) -> None:
    page = client.get(f"{ADDRESS}?images={image.sop_instance_uid}:1:-600:1500").text
    assert "center=-600" in page
    assert "W 1500 L -600" in page


def test_images_in_colours_are_printed_in_them_with_a_bar_of_values(client: FlaskClient, image: Instance) -> None:
    one = f"{image.sop_instance_uid}:1"
    page = client.get(f"{ADDRESS}?images={one}:-600:1500:hot,{one}:40:400").text
    (coloured,) = re.findall(r'href="([^"]*colours=hot[^"]*)"', page)
    picture = np.asarray(Image.open(io.BytesIO(client.get(html.unescape(coloured)).data)).convert("RGB"))
    assert (picture[..., 0] > picture[..., 2]).any()
    assert len(re.findall("linearGradient id=", page)) == 1
    assert re.search(r"<span>-1350</span>.*rgb\(255 255 0\).*<span>150 HU</span>", page, re.DOTALL)
    alone = client.get(f"{ADDRESS}?images={image.sop_instance_uid}:1:viridis").text
    assert "colours=viridis" in alone
    assert client.get(f"{ADDRESS}?images={image.sop_instance_uid}:1:sepia").status_code == 400


def test_without_key_images_the_page_says_so(client: FlaskClient, image: Instance) -> None:
    assert "Chưa chọn ảnh khóa" in client.get(ADDRESS, headers={"Accept-Language": "vi"}).text


@pytest.mark.parametrize("images", ["1.2.3:x", "1.2.3:1:5"])
def test_a_choice_that_cannot_be_read_is_refused(client: FlaskClient, image: Instance, images: str) -> None:
    assert client.get(f"{ADDRESS}?images={images}").status_code == 400


def test_an_image_of_another_study_is_not_printed(archive: Archive, client: FlaskClient, image: Instance) -> None:
    other = slice_of(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1", SOPInstanceUID="1.2.9.1.1")
    uid = store(archive, other).sop_instance_uid
    assert client.get(f"{ADDRESS}?images={uid}").status_code == 404


@pytest.mark.parametrize(
    ("spacing", "width", "length", "pixels"),
    [(0.5, 512, 50, 100), (0.143, 2048, 50, 350), (0.05, 300, 2, 40), (1.0, 10, 2, 2)],
)
def test_a_bar_is_round_and_as_long_as_it_says(spacing: float, width: float, length: float, pixels: float) -> None:
    bar = scale_bar(Spacing(spacing, spacing, "patient"), width)
    assert bar is not None
    assert bar.millimetres == length
    assert bar.pixels == pytest.approx(pixels, rel=0.01)
    assert not bar.is_estimated


def test_no_scale_gives_no_bar_and_a_detectors_is_an_estimate() -> None:
    assert scale_bar(Spacing(), 512) is None
    bar = scale_bar(Spacing(0.2, 0.2, "detector"), 512)
    assert bar is not None
    assert bar.is_estimated
