"""Measurements saved as TID 1500 and read again, over HTTP and with other programs' eyes."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from pathlib import Path
from typing import Any

import highdicom
import pytest
from flask.testing import FlaskClient
from pydicom import dcmread
from pydicom.sr.coding import Code
from werkzeug.test import TestResponse

from storage.archive import Archive
from storage.model import Instance
from storage.records import Records, Role
from tests.support.evidence import foreign_report, one_of_each, sent, slice_of
from tests.support.objects import STUDY, store
from viewer.evidence.report_read import read_report

Post = Callable[..., TestResponse]
ADDRESS = f"/study/{STUDY}/measurements"


def saved(post: Post, body: object, status: int = 201) -> dict[str, Any]:
    answer = post(ADDRESS, body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_what_is_saved_is_read_again(post: Post, client: FlaskClient, image: Instance) -> None:
    wanted = one_of_each(image.sop_instance_uid)
    saved(post, {"measurements": wanted, "based_on": None})
    document = client.get(ADDRESS).get_json()["documents"][0]
    assert document["author"] == "radiologist"
    assert document["is_mine"] is True
    assert document["left_out"] == 0
    for given, found in zip(wanted, document["measurements"], strict=True):
        assert {key: found[key] for key in given} == given


def test_values_are_those_of_the_points_and_pixels(post: Post, image: Instance) -> None:
    answer = saved(post, {"measurements": one_of_each(image.sop_instance_uid), "based_on": None})
    found = {m["kind"]: {v["name"]: v["value"] for v in m["values"]} for m in answer["documents"][0]["measurements"]}
    # 0.5 mm down, 0.25 mm across; a pixel is worth its column.
    assert found["length"] == {"length": pytest.approx(10)}
    assert found["angle"] == {"angle": pytest.approx(90)}
    assert found["cobb"] == {"cobb_angle": pytest.approx(45)}
    assert found["bidirectional"] == {"long_axis": pytest.approx(10), "short_axis": pytest.approx(2)}
    assert found["ellipse"]["area"] == pytest.approx(pi * 5 * 5)
    assert found["ellipse"]["mean"] == pytest.approx(29.5)
    rectangle = found["rectangle"]
    assert rectangle["area"] == pytest.approx(100)
    assert (rectangle["minimum"], rectangle["maximum"], rectangle["mean"]) == (10, 49, pytest.approx(29.5))
    assert rectangle["deviation"] == pytest.approx(((40**2 - 1) / 12) ** 0.5)
    assert found["freehand"]["area"] == pytest.approx(10 * 15 / 2)
    assert found["ratio"]["cardiothoracic_ratio"] == pytest.approx(0.5)
    assert found["arrow"] == found["text"] == {}


def test_units_are_ucum(post: Post, image: Instance) -> None:
    answer = saved(post, {"measurements": one_of_each(image.sop_instance_uid), "based_on": None})
    units = {v["name"]: v["unit"] for m in answer["documents"][0]["measurements"] for v in m["values"]}
    assert units["length"] == "mm"
    assert units["area"] == "mm2"
    assert units["angle"] == "deg"
    assert units["mean"] == "[hnsf'U]"
    assert units["cardiothoracic_ratio"] == "1"


@pytest.mark.parametrize(
    ("attributes", "unit", "status", "value"),
    [
        ({"PixelSpacing": None}, "{pixels}", "unknown", 40),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.2, 0.2], "Modality": "DX"}, "mm", "detector", 8),
        ({"ImagerPixelSpacing": [0.6, 0.3], "Modality": "DX"}, "mm", "calibrated", 10),
        ({"PixelSpacing": None, "NominalScannedPixelSpacing": [0.1, 0.1]}, "mm", "film", 4),
    ],
)
def test_millimetres_only_where_the_standard_gives_them(
    post: Post, archive: Archive, attributes: dict[str, Any], unit: str, status: str, value: float
) -> None:
    uid = store(archive, slice_of(**attributes)).sop_instance_uid
    body = {"measurements": [sent(uid, "length", [[10, 10], [50, 10]])], "based_on": None}
    found = saved(post, body)["documents"][0]["measurements"][0]
    assert (found["values"][0]["unit"], found["status"]) == (unit, status)
    assert found["values"][0]["value"] == pytest.approx(value)


def test_highdicom_and_the_validator_accept_the_report(
    post: Post, archive: Archive, image: Instance, validate: Callable[[Path], list[str]]
) -> None:
    answer = saved(post, {"measurements": one_of_each(image.sop_instance_uid), "based_on": None})
    path = archive.instance(answer["instance"]).path
    assert validate(path) == []
    report = highdicom.sr.srread(path)
    groups = report.content.get_image_measurement_groups()
    assert len(groups) == 8
    assert groups[0].get_measurements()[0].value == pytest.approx(10)
    assert len(report.content.get_planar_roi_measurement_groups()) == 2
    assert report.PatientName == "Nguyễn^Văn^Đức"


def test_each_group_is_as_ohif_looks_for_it(post: Post, archive: Archive, image: Instance) -> None:
    """A library of images, a tool in the tracking identifier, and coordinates in every value, nothing beside them."""
    answer = saved(post, {"measurements": one_of_each(image.sop_instance_uid), "based_on": None})
    ds = dcmread(archive.instance(answer["instance"]).path)
    content = {item.ConceptNameCodeSequence[0].CodeValue: item for item in ds.ContentSequence}
    library = content["111028"].ContentSequence[0]
    assert library.ConceptNameCodeSequence[0].CodeValue == "126200"
    assert library.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == image.sop_instance_uid
    tools = []
    for group in content["126010"].ContentSequence:
        items = {item.ConceptNameCodeSequence[0].CodeValue: item for item in group.ContentSequence}
        tools.append(items["112039"].TextValue)
        assert items["112040"].UID
        for item in group.ContentSequence:
            if item.ValueType == "NUM":
                assert [child.ValueType for child in item.ContentSequence] == ["SCOORD"]
    assert tools[:2] == ["Cornerstone3DTools@^0.1.0:Length", "Cornerstone3DTools@^0.1.0:Angle"]


def test_other_programs_lists_have_words_for_each_measurement(post: Post, archive: Archive, image: Instance) -> None:
    uid = image.sop_instance_uid
    long = "Nốt mờ " * 20
    named = sent(uid, "length", [[0, 0], [4, 0]], "2.25.1", "Nốt mờ")
    much = sent(uid, "length", [[0, 0], [5, 0]], "2.25.2", long)
    unnamed = sent(uid, "ellipse", [[0, 5], [9, 5], [4, 3], [4, 7]], "2.25.3")
    answer = saved(post, {"measurements": [named, much, unnamed], "based_on": None})
    path = archive.instance(answer["instance"]).path
    groups = highdicom.sr.srread(path).content.get_image_measurement_groups()
    findings = {group.tracking_uid: group.finding_type for group in groups}
    assert findings["2.25.1"] == Code("CS3DTEXT", "99dcmjs", "Nốt mờ")
    assert findings["2.25.2"].meaning == long[:64].strip()
    assert findings["2.25.3"] == Code("ELLIPSE", "99FILMLESS", "Ellipse")
    # Words that stand for the kind are no name; a report from before they were written has none of either.
    assert [one["name"] for one in answer["documents"][0]["measurements"]] == ["Nốt mờ", long.strip(), ""]
    older = dcmread(path)
    for group in older.ContentSequence[-1].ContentSequence:
        kept = [item for item in group.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue != "121071"]
        assert len(kept) == len(group.ContentSequence) - 1
        group.ContentSequence = kept
    assert [one.name for one in read_report(older).measurements] == ["Nốt mờ", long.strip(), ""]


def test_a_later_save_supersedes_the_one_before(post: Post, client: FlaskClient, image: Instance) -> None:
    uid = image.sop_instance_uid
    first = saved(post, {"measurements": one_of_each(uid), "based_on": None})["instance"]
    second = saved(post, {"measurements": [sent(uid, "length", [[0, 0], [4, 0]])], "based_on": first})["instance"]
    documents = client.get(ADDRESS).get_json()["documents"]
    assert [document["instance"] for document in documents] == [second]
    assert len(documents[0]["measurements"]) == 1


def test_deleting_all_is_a_version_too(post: Post, client: FlaskClient, image: Instance) -> None:
    first = saved(post, {"measurements": one_of_each(image.sop_instance_uid), "based_on": None})["instance"]
    saved(post, {"measurements": [], "based_on": first})
    assert [document["measurements"] for document in client.get(ADDRESS).get_json()["documents"]] == [[]]


def test_a_save_from_an_older_state_is_refused(post: Post, client: FlaskClient, image: Instance) -> None:
    body = {"measurements": [sent(image.sop_instance_uid, "length", [[0, 0], [4, 0]])], "based_on": None}
    saved(post, body)
    answer = post(ADDRESS, body)
    assert answer.status_code == 409
    assert len(client.get(ADDRESS).get_json()["documents"]) == 1


def test_readers_keep_apart(
    post: Post, sign_in: Callable[[Role], FlaskClient], client: FlaskClient, image: Instance
) -> None:
    body = {"measurements": [sent(image.sop_instance_uid, "length", [[0, 0], [4, 0]])], "based_on": None}
    saved(post, body)
    assert post(ADDRESS, body, by=sign_in(Role.ADMIN)).status_code == 201
    documents = client.get(ADDRESS).get_json()["documents"]
    assert {document["author"]: document["is_mine"] for document in documents} == {"admin": False, "radiologist": True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "volume"}, "kind"),
        ({"points": [[1, 2]]}, "2 points"),
        ({"points": [[1, 2], [3, "4"]]}, "a number"),
        ({"points": [[1, 2], [float("1e300"), 4]]}, "a number"),
        ({"uid": "../x"}, "UID"),
        ({"image": {"instance": "1.2.3"}}, "not in this study"),
        ({"image": {"instance": "1.2.3", "frame": 0}}, "from 1"),
        ({"name": "x" * 300}, "200"),
        ({"name": 5}, "text"),
    ],
)
def test_bad_measurements_are_refused_with_words(
    post: Post, archive: Archive, image: Instance, change: dict[str, Any], words: str
) -> None:
    measurement = {**sent(image.sop_instance_uid, "length", [[0, 0], [4, 0]]), **change}
    answer = post(ADDRESS, {"measurements": [measurement], "based_on": None})
    assert answer.status_code == 400
    assert words in answer.get_json()["detail"]
    assert archive.health().instances == 1


@pytest.mark.parametrize("body", [[], {}, {"measurements": "x"}, {"measurements": [], "basedon": None}, "x", 5])
def test_bad_bodies_are_refused(post: Post, image: Instance, body: object) -> None:
    assert post(ADDRESS, body).status_code == 400


def test_an_unknown_study_is_not_found(post: Post, client: FlaskClient, image: Instance) -> None:
    assert client.get("/study/1.2.3/measurements").status_code == 404
    assert post("/study/1.2.3/measurements", {"measurements": [], "based_on": None}).status_code == 404


def test_who_may_not_save_is_refused_and_may_look(post: Post, clinician: FlaskClient, image: Instance) -> None:
    assert clinician.get(ADDRESS).get_json() == {"documents": [], "may_save": False}
    assert post(ADDRESS, {"measurements": [], "based_on": None}, by=clinician).status_code == 403


def test_a_request_without_the_pages_token_is_refused(client: FlaskClient, image: Instance) -> None:
    assert client.post(ADDRESS, json={"measurements": [], "based_on": None}).status_code == 403


def test_saving_is_in_the_audit(post: Post, data: Path, image: Instance) -> None:
    instance = saved(post, {"measurements": one_of_each(image.sop_instance_uid), "based_on": None})["instance"]
    with Records.open(data) as records:
        entry = records.audit.entries(1)[0]
    assert (entry.event, entry.who, entry.study_instance_uid) == ("save document", "radiologist", STUDY)
    assert instance in entry.detail


def test_a_report_of_another_program_is_read(archive: Archive, client: FlaskClient, image: Instance) -> None:
    """Older codes, a derivation, a circle, a group without an image, and one that makes no sense."""
    store(archive, foreign_report(image))
    document = client.get(ADDRESS).get_json()["documents"][0]
    kinds = [(m["kind"], [v["name"] for v in m["values"]]) for m in document["measurements"]]
    assert kinds == [("length", ["length"]), ("ellipse", ["mean"]), ("other", ["Volume"])]
    assert document["measurements"][1]["points"] == [[25, 30], [35, 30], [30, 25], [30, 35]]
    assert document["left_out"] == 1
    assert document["is_mine"] is False
