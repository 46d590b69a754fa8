"""Key images saved as Key Object Selection and read again."""

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
from tests.support.evidence import slice_of
from tests.support.objects import STUDY, store

Post = Callable[..., TestResponse]
ADDRESS = f"/study/{STUDY}/key-images"


def selection(*refs: tuple[str, int], based_on: str | None = None, description: str = "") -> dict[str, Any]:
    images = [{"instance": uid, "frame": frame} for uid, frame in refs]
    return {"images": images, "description": description, "based_on": based_on}


def test_what_is_chosen_is_read_again_in_its_order(
    post: Post, archive: Archive, client: FlaskClient, image: Instance, validate: Callable[[Path], list[str]]
) -> None:
    frames = {"NumberOfFrames": 3, "PixelData": bytes(3 * 64 * 64 * 2), "SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"}
    two = slice_of(SOPInstanceUID="1.2.3.99", InstanceNumber=2, **frames)
    other = store(archive, two).sop_instance_uid
    refs = [(other, 3), (image.sop_instance_uid, 1), (other, 1)]
    answer = post(ADDRESS, selection(*refs, description="Tổn thương chính"))
    assert answer.status_code == 201, answer.text
    document = client.get(ADDRESS).get_json()["documents"][0]
    assert [(ref["instance"], ref["frame"]) for ref in document["images"]] == refs
    assert (document["description"], document["author"]) == ("Tổn thương chính", "radiologist")
    path = archive.instance(answer.get_json()["instance"]).path
    assert validate(path) == []
    assert "KO" in archive.study(STUDY).modalities
    named = [
        item.ReferencedSOPSequence[0].get("ReferencedFrameNumber")
        for item in dcmread(path).ContentSequence
        if item.ValueType == "IMAGE"
    ]
    assert named == [3, None, 1]


def test_the_study_list_shows_that_images_were_chosen(post: Post, client: FlaskClient, image: Instance) -> None:
    page = {"Accept": "text/html", "Accept-Language": "vi"}
    assert "Đã chọn ảnh khóa" not in client.get("/", headers=page).text
    post(ADDRESS, selection((image.sop_instance_uid, 1)))
    assert "Đã chọn ảnh khóa" in client.get("/", headers=page).text


def test_the_study_list_shows_no_choice_that_was_withdrawn(post: Post, client: FlaskClient, image: Instance) -> None:
    page = {"Accept": "text/html", "Accept-Language": "vi"}
    first = post(ADDRESS, selection((image.sop_instance_uid, 1))).get_json()["instance"]
    post(ADDRESS, selection(based_on=first))
    assert "Đã chọn ảnh khóa" not in client.get("/", headers=page).text
    assert "Đã chọn ảnh khóa" not in client.get("/studies/rows", headers=page).text


def test_choosing_none_withdraws_the_choice(
    post: Post, archive: Archive, client: FlaskClient, image: Instance, validate: Callable[[Path], list[str]]
) -> None:
    first = post(ADDRESS, selection((image.sop_instance_uid, 1))).get_json()["instance"]
    answer = post(ADDRESS, selection(based_on=first))
    assert answer.status_code == 201
    assert [document["images"] for document in client.get(ADDRESS).get_json()["documents"]] == [[]]
    assert validate(archive.instance(answer.get_json()["instance"]).path) == []


def test_choosing_none_at_first_keeps_nothing(post: Post, archive: Archive, image: Instance) -> None:
    assert post(ADDRESS, selection()).status_code == 200
    assert archive.health().instances == 1


def test_a_choice_from_an_older_state_is_refused(post: Post, image: Instance) -> None:
    assert post(ADDRESS, selection((image.sop_instance_uid, 1))).status_code == 201
    assert post(ADDRESS, selection((image.sop_instance_uid, 1))).status_code == 409


def test_a_rejection_note_is_no_choice(archive: Archive, post: Post, client: FlaskClient, image: Instance) -> None:
    uid = post(ADDRESS, selection((image.sop_instance_uid, 1))).get_json()["instance"]
    ds = dcmread(archive.instance(uid).path)
    ds.ConceptNameCodeSequence[0].CodeValue = "113001"
    ds.Manufacturer, ds.SOPInstanceUID, ds.SeriesInstanceUID = "Other", "1.2.3.77", "1.2.3.7"
    store(archive, ds)
    assert [document["instance"] for document in client.get(ADDRESS).get_json()["documents"]] == [uid]


@pytest.mark.parametrize(
    ("refs", "words"),
    [([("1.2.3", 1)], "not in this study"), ([("x", 1)], "UID"), ([("1.2.3", -1)], "from 1")],
)
def test_bad_choices_are_refused_with_words(post: Post, image: Instance, refs: Any, words: str) -> None:
    answer = post(ADDRESS, selection(*refs))
    assert answer.status_code == 400
    assert words in answer.get_json()["detail"]


def test_an_image_is_chosen_once(post: Post, image: Instance) -> None:
    assert post(ADDRESS, selection((image.sop_instance_uid, 1), (image.sop_instance_uid, 1))).status_code == 400


def test_a_frame_that_is_not_there_is_refused(post: Post, image: Instance) -> None:
    assert "no frame 2" in post(ADDRESS, selection((image.sop_instance_uid, 2))).get_json()["detail"]


def test_who_may_not_save_is_refused(post: Post, clinician: FlaskClient, image: Instance) -> None:
    assert post(ADDRESS, selection((image.sop_instance_uid, 1)), by=clinician).status_code == 403
