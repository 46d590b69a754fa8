"""Views saved as presentation states and read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydicom import dcmread
from werkzeug.test import TestResponse

from storage.archive import Archive
from storage.model import Instance
from tests.support.evidence import one_of_each, sent, slice_of
from tests.support.objects import STUDY, store

Post = Callable[..., TestResponse]
ADDRESS = f"/study/{STUDY}/views"


def view(shown: Instance, **changes: object) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": "Cửa sổ phổi",
        "image": {"instance": shown.sop_instance_uid, "frame": 1},
        "window": {"center": -600, "width": 1500, "function": "LINEAR"},
        "invert": True,
        "rotation": 90,
        "flip": True,
        "area": [8, 16, 40, 48],
        "measurements": one_of_each(shown.sop_instance_uid),
    }
    return {**body, **changes}


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [False, True])
def test_what_is_saved_is_read_again(
    post: Post, client: FlaskClient, image: Instance, rotation: int, flip: bool
) -> None:
    assert post(ADDRESS, view(image, rotation=rotation, flip=flip)).status_code == 201
    found = client.get(ADDRESS).get_json()["documents"][0]
    assert (found["name"], found["author"], found["is_mine"]) == ("Cửa sổ phổi", "radiologist", True)
    assert (found["rotation"], found["flip"], found["invert"]) == (rotation, flip, True)
    assert found["window"] == {"center": -600, "width": 1500, "function": "LINEAR"}
    assert found["area"] == [8, 16, 40, 48]
    assert found["images"] == [{"instance": image.sop_instance_uid, "frame": 1}]
    assert {"type": "ELLIPSE", "points": [[10, 30], [50, 30], [30, 20], [30, 40]], "filled": False,
            "is_on_image": True} in found["graphics"]  # fmt: skip
    assert any(text["text"].startswith("Nốt mờ 1\n10 mm") for text in found["texts"])


@pytest.mark.parametrize(
    ("kind", "invert", "shape"),
    [
        ("MONOCHROME2", False, "IDENTITY"),
        ("MONOCHROME2", True, "INVERSE"),
        ("MONOCHROME1", False, "INVERSE"),
        ("MONOCHROME1", True, "IDENTITY"),
    ],
)
def test_the_state_says_all_of_the_polarity(
    post: Post, client: FlaskClient, archive: Archive, kind: str, invert: bool, shape: str
) -> None:
    """PS3.4 N.2.1.4: others ignore what the image says; here a view is inverted against its image."""
    shown = archive.instance(store(archive, slice_of(PhotometricInterpretation=kind)).sop_instance_uid)
    made = post(ADDRESS, view(shown, invert=invert, measurements=[]))
    assert made.status_code == 201
    (found,) = client.get(ADDRESS).get_json()["documents"]
    assert found["invert"] is invert
    assert dcmread(archive.instance(found["instance"]).path).PresentationLUTShape == shape


@pytest.mark.parametrize(
    ("rotation", "flip", "first", "second"),
    [
        (0, False, [9, 17], [40, 48]),
        (180, False, [40, 48], [9, 17]),
        (0, True, [40, 17], [9, 48]),
        # Turned clockwise by a quarter, the bottom left pixel lies at the top left of the screen.
        (90, False, [9, 48], [40, 17]),
    ],
)
def test_displayed_area_names_the_pixels_at_the_screens_corners(
    post: Post, archive: Archive, image: Instance, rotation: int, flip: bool, first: list[int], second: list[int]
) -> None:
    uid = post(ADDRESS, view(image, rotation=rotation, flip=flip)).get_json()["instance"]
    area = dcmread(archive.instance(uid).path).DisplayedAreaSelectionSequence[0]
    assert area.DisplayedAreaTopLeftHandCorner == first
    assert area.DisplayedAreaBottomRightHandCorner == second


def test_rescale_goes_along_since_a_state_says_all(post: Post, archive: Archive) -> None:
    stored = store(archive, slice_of(RescaleIntercept=-1024))
    image = archive.instance(stored.sop_instance_uid)
    uid = post(ADDRESS, view(image, measurements=[])).get_json()["instance"]
    ds = dcmread(archive.instance(uid).path)
    assert (ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType) == (-1024, 1, "HU")


@pytest.mark.parametrize("with_measurements", [False, True])
def test_the_validator_accepts_the_state(
    post: Post, archive: Archive, image: Instance, validate: Callable[[Path], list[str]], with_measurements: bool
) -> None:
    body = view(image) if with_measurements else view(image, measurements=[], window=None, area=None, name="")
    assert validate(archive.instance(post(ADDRESS, body).get_json()["instance"]).path) == []


def test_a_colour_image_gets_a_colour_state(
    post: Post, archive: Archive, client: FlaskClient, validate: Callable[[Path], list[str]]
) -> None:
    colour = slice_of(
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        PixelData=bytes(64 * 64 * 3),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
    )
    image = archive.instance(store(archive, colour).sop_instance_uid)
    answer = post(ADDRESS, view(image, window=None, invert=False, measurements=[]))
    assert answer.status_code == 201, answer.text
    path = archive.instance(answer.get_json()["instance"]).path
    assert dcmread(path).SOPClassUID == "1.2.840.10008.5.1.4.1.1.11.2"
    assert [line for line in validate(path) if "ICC" not in line] == []
    assert client.get(ADDRESS).get_json()["documents"][0]["rotation"] == 90


def test_views_of_the_same_name_stand_side_by_side(post: Post, client: FlaskClient, image: Instance) -> None:
    for rotation in (0, 90):
        assert post(ADDRESS, view(image, rotation=rotation, measurements=[])).status_code == 201
    assert post(ADDRESS, view(image, name="Xương", measurements=[])).status_code == 201
    found = [(document["name"], document["rotation"]) for document in client.get(ADDRESS).get_json()["documents"]]
    assert found == [("Xương", 90), ("Cửa sổ phổi", 90), ("Cửa sổ phổi", 0)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rotation": 45}, "rotation"),
        ({"flip": 1}, "flip"),
        ({"window": {"center": 1}}, "width"),
        ({"window": {"center": 1, "width": 0}}, "width"),
        ({"window": {"center": 1, "width": 2, "function": "X"}}, "function"),
        ({"area": [4, 4, 2, 8]}, "right"),
        ({"area": "x"}, "area"),
        ({"image": None}, "image"),
        ({"image": {"instance": "1.2.3"}}, "not in this study"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_views_are_refused_with_words(post: Post, image: Instance, changes: dict[str, object], words: str) -> None:
    answer = post(ADDRESS, view(image, measurements=[], **changes))
    assert answer.status_code == 400
    assert words in answer.get_json()["detail"]


def test_measurements_of_another_image_are_not_drawn_on_this_one(post: Post, archive: Archive, image: Instance) -> None:
    other = store(archive, slice_of(SOPInstanceUID="1.2.3.99", InstanceNumber=2)).sop_instance_uid
    answer = post(ADDRESS, view(image, measurements=[sent(other, "length", [[1, 1], [2, 2]])]))
    assert answer.status_code == 400


def test_who_may_not_save_is_refused(post: Post, clinician: FlaskClient, image: Instance) -> None:
    assert post(ADDRESS, view(image), by=clinician).status_code == 403
