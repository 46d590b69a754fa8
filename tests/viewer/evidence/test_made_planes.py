"""Measurements on planes that are no stored image: kept in mm of the patient (SCOORD3D), read again, by others too."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime
from math import cos, hypot, pi, sin
from pathlib import Path
from typing import Any, cast

import highdicom
import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage
from werkzeug.test import TestResponse

from storage.archive import Archive
from storage.model import Instance
from storage.settings import ArchiveSettings
from tests.support.evidence import GREY, one_of_each, one_of_each_in_space, sent, sent_in_space, slice_of
from tests.support.objects import STUDY, store
from viewer.evidence.document import encoded, next_place
from viewer.evidence.measure import measured_on
from viewer.evidence.model import ImageRef, Kind, MadePlane, Measurement, Vector
from viewer.evidence.report_read import read_report
from viewer.evidence.report_write import MODALITY, SERIES_NUMBER, write_report
from viewer.evidence.space import on_plane

Post = Callable[..., TestResponse]
ADDRESS = f"/study/{STUDY}/measurements"
FLOAT32 = 2.0**-23
"""The relative step of single precision, in which documents keep coordinates."""


def saved(post: Post, *measurements: dict[str, Any]) -> dict[str, Any]:
    answer = post(ADDRESS, {"measurements": list(measurements), "based_on": None})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_what_is_saved_is_read_again(post: Post, client: FlaskClient, image: Instance) -> None:
    wanted = one_of_each_in_space(image)
    saved(post, *wanted)
    document = client.get(ADDRESS).get_json()["documents"][0]
    assert (document["left_out"], document["is_mine"]) == (0, True)
    for given_, found in zip(wanted, document["measurements"], strict=True):
        assert {key: found[key] for key in ("uid", "kind", "name", "plane", "frame_of_reference")} == {
            key: given_[key] for key in ("uid", "kind", "name", "plane", "frame_of_reference")
        }
        assert (found["image"], found["points"]) == (None, [])
        assert np.allclose(found["space"], given_["space"], rtol=FLOAT32, atol=1e-6)


def test_lengths_and_areas_are_computed_here_and_grey_values_kept(post: Post, image: Instance) -> None:
    answer = saved(post, *one_of_each_in_space(image))
    found = {m["kind"]: {v["name"]: v["value"] for v in m["values"]} for m in answer["documents"][0]["measurements"]}
    grey = {value["name"]: value["value"] for value in GREY}
    assert found["length"] == {"length": pytest.approx(40)}
    assert found["angle"] == {"angle": pytest.approx(90)}
    assert found["cobb"] == {"cobb_angle": pytest.approx(26.565, abs=0.001)}
    assert found["bidirectional"] == {"long_axis": pytest.approx(40), "short_axis": pytest.approx(4)}
    assert found["ellipse"] == {"area": pytest.approx(pi * 20 * 10), **grey}
    assert found["rectangle"] == {"area": pytest.approx(800)}
    assert found["freehand"] == {"area": pytest.approx(600), **grey}
    assert found["ratio"]["cardiothoracic_ratio"] == pytest.approx(0.5)
    assert found["arrow"] == found["text"] == {}


def test_what_a_browser_says_of_lengths_is_not_believed(post: Post, image: Instance) -> None:
    one = sent_in_space(image, "length", [[0, 0], [30, 40]], values=[{"name": "length", "value": 1, "unit": "mm"}])
    found = saved(post, one)["documents"][0]["measurements"][0]
    assert found["values"] == [{"name": "length", "value": pytest.approx(50), "unit": "mm"}]


def test_a_short_axis_given_first_goes_second(post: Post, image: Instance) -> None:
    one = sent_in_space(image, "ellipse", [[0, -2], [0, 2], [-5, 0], [5, 0]])
    found = saved(post, one)["documents"][0]["measurements"][0]
    assert np.allclose(found["space"], [*one["space"][2:], *one["space"][:2]])


@pytest.mark.parametrize(
    ("slab", "projection", "method"),
    [(0, "maximum", "113072"), (10, "maximum", "113078"), (7.5, "minimum", "113079"), (3, "mean", "113072")],
)
def test_the_plane_and_its_slab_are_kept(
    post: Post, archive: Archive, image: Instance, slab: float, projection: str, method: str
) -> None:
    one = sent_in_space(image, "length", [[0, 0], [30, 40]], row=(0.6, 0.8, 0), column=(0, 0, -1))
    one["plane"] |= {"slab_mm": slab, "projection": projection}
    answer = saved(post, one)
    assert answer["documents"][0]["measurements"][0]["plane"] == one["plane"]
    group = dcmread(archive.instance(answer["instance"]).path).ContentSequence[-1].ContentSequence[0]
    codes = {item.ConceptNameCodeSequence[0].CodeValue: item for item in group.ContentSequence}
    assert codes["370129005"].ConceptCodeSequence[0].CodeValue == method


def test_a_report_of_images_alone_stays_what_it_was(post: Post, archive: Archive, image: Instance) -> None:
    on_image = sent(image.sop_instance_uid, "length", [[0, 0], [4, 0]], "2.25.9")
    first = saved(post, on_image)["instance"]
    assert archive.instance(first).sop_class_uid == ComprehensiveSRStorage
    body = {"measurements": [on_image, sent_in_space(image, "length", [[0, 0], [4, 0]])], "based_on": first}
    second = post(ADDRESS, body).get_json()
    assert archive.instance(second["instance"]).sop_class_uid == Comprehensive3DSRStorage
    both = second["documents"][0]["measurements"]
    assert [(m["image"] is None, m["plane"] is None) for m in both] == [(False, True), (True, False)]


def test_highdicom_and_the_validator_accept_the_report(
    post: Post, archive: Archive, image: Instance, validate: Callable[[Path], list[str]]
) -> None:
    in_space = one_of_each_in_space(image)
    answer = saved(post, *one_of_each(image.sop_instance_uid), *in_space)
    path = archive.instance(answer["instance"]).path
    assert validate(path) == []
    report = cast(Any, highdicom.sr.srread(path))
    assert report.SOPClassUID == Comprehensive3DSRStorage
    groups = report.content.get_image_measurement_groups()
    assert len(groups) == 17
    group = next(one for one in groups if one.tracking_uid == in_space[0]["uid"])
    measurement = group.get_measurements()[0]
    assert measurement.value == pytest.approx(40)
    (coordinates,) = measurement.referenced_coordinates
    assert isinstance(coordinates, highdicom.sr.CoordinatesForMeasurement3D)
    assert coordinates.frame_of_reference_uid == "1.2.3.4"
    assert np.allclose(coordinates.value, in_space[0]["space"], rtol=FLOAT32)
    # Texts are regions (TID 1410); an arrow in space is none, and its group has a path instead.
    assert len(report.content.get_planar_roi_measurement_groups()) == 3
    points = highdicom.sr.GraphicTypeValues3D.POINT
    assert len(report.content.get_planar_roi_measurement_groups(graphic_type=points)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"space": [[0, 0, 0]]}, "2 points"),
        ({"space": [[0, 0, 0], [1, 2]]}, "[x, y, z]"),
        ({"space": [[0, 0, 0], [0, 1, 0]]}, "do not lie on the plane"),
        ({"frame_of_reference": ""}, "UID"),
        ({"frame_of_reference": "1.2.3.5"}, "has another one"),
        ({"plane": 5}, "object"),
        ({"plane": {"source": None}}, "[x, y, z]"),
        ({"plane": {"row": [1, 0, 0], "column": [1, 0, 0]}}, "right angles"),
        ({"plane": {"row": [1, 0, 0], "column": [0, 0, -1]}}, "image"),
        ({"plane": {"row": [1, 0, 0], "column": [0, 0, -1], "slab_mm": -1}}, "slab"),
        ({"plane": {"row": [1, 0, 0], "column": [0, 0, -1], "projection": "median"}}, "slab"),
        ({"plane": {"row": [1, 0, 0], "column": [0, 0, -1], "source": {"instance": "1.2.3"}}}, "not in this study"),
    ],
)
def test_bad_planes_are_refused_with_words(
    post: Post, archive: Archive, image: Instance, change: dict[str, Any], words: str
) -> None:
    one = {**sent_in_space(image, "length", [[0, 0], [4, 0]]), **change}
    answer = post(ADDRESS, {"measurements": [one], "based_on": None})
    assert (answer.status_code, words in answer.get_json()["detail"]) == (400, True), answer.text
    assert archive.health().instances == 1


@pytest.mark.parametrize(
    "value",
    [
        {"name": "area", "value": 1, "unit": "mm2"},
        {"name": "mean", "value": "x", "unit": "1"},
        {"name": "mean", "value": 1, "unit": ""},
        {"name": "mean", "value": 1, "unit": "x" * 17},
        {"name": "mean", "value": 1, "unit": "a\\b"},
        5,
    ],
)
def test_bad_grey_values_are_refused(post: Post, image: Instance, value: object) -> None:
    one = sent_in_space(image, "ellipse", [[0, 0], [4, 0], [2, -1], [2, 1]], values=[value])
    assert post(ADDRESS, {"measurements": [one], "based_on": None}).status_code == 400


def test_a_view_of_an_image_takes_none_of_a_plane(post: Post, image: Instance) -> None:
    body = {
        "name": "x",
        "image": {"instance": image.sop_instance_uid, "frame": 1},
        "measurements": [sent_in_space(image, "length", [[0, 0], [4, 0]])],
    }
    assert post(f"/study/{STUDY}/views", body).status_code == 400


# ---- the law


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A stored image, for properties that are tried many times."""
    with Archive.open(ArchiveSettings(tmp_path_factory.mktemp("law"), minimum_free_bytes=0)) as archive:
        yield archive.instance(store(archive, slice_of()).sop_instance_uid)


def directions(first: float, second: float) -> tuple[Vector, Vector]:
    """A coronal plane, tilted and turned."""
    row = np.array([cos(first), sin(first), 0.0])
    column = cos(second) * np.array([0.0, 0.0, -1.0]) + sin(second) * np.array([-sin(first), cos(first), 0.0])
    (a, b, c), (d, e, f) = row.tolist(), column.tolist()
    return (a, b, c), (d, e, f)


def law_holds(source: Instance, measurement: Measurement, plane: MadePlane) -> None:
    """Written and read, the places are the same to single precision, and still lie on the plane that is named."""
    written = measured_on(measurement, plane)
    place = next_place(STUDY, MODALITY, SERIES_NUMBER, "reader", [], datetime(2026, 1, 31, 8, 15))
    ds = write_report([written], {source.sop_instance_uid: source}, place, "CT", None, source)
    (found,) = read_report(dcmread(io.BytesIO(encoded(ds)), force=True)).measurements
    assert (found.kind, found.uid, found.frame_of_reference) == (measurement.kind, "2.25.7", "1.2.3.4")
    reach = max(1.0, *(abs(part) for vector in written.space for part in vector))
    assert np.allclose(found.space, written.space, rtol=0, atol=reach * FLOAT32)
    assert found.plane is not None
    assert np.allclose([found.plane.row, found.plane.column], [plane.row, plane.column], atol=1e-8)
    assert (found.plane.slab_mm, found.plane.projection) == (plane.slab_mm, plane.projection)
    for before, after in zip(on_plane(written.space, plane), on_plane(found.space, found.plane), strict=True):
        assert hypot(before[0] - after[0], before[1] - after[1]) <= 4 * reach * FLOAT32


POINTS = st.tuples(st.floats(-250, 250), st.floats(-250, 250))


@settings(max_examples=60)
@given(
    kind=st.sampled_from([Kind.LENGTH, Kind.ANGLE, Kind.COBB, Kind.ARROW, Kind.TEXT, Kind.FREEHAND]),
    points=st.lists(POINTS, min_size=4, max_size=12, unique=True),
    first=st.tuples(*[st.floats(-1000, 1000)] * 3),
    angles=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
    slab=st.sampled_from([0.0, 1.0, 12.5, 60.0]),
    projection=st.sampled_from(["maximum", "minimum", "mean"]),
)
def test_places_survive_writing_and_reading(
    source: Instance,
    kind: Kind,
    points: list[tuple[float, float]],
    first: Vector,
    angles: tuple[float, float],
    slab: float,
    projection: str,
) -> None:
    row, column = directions(*angles)
    count = {Kind.LENGTH: 2, Kind.ANGLE: 3, Kind.COBB: 4, Kind.ARROW: 2, Kind.TEXT: 1}.get(kind, len(points))
    space = tuple(
        (
            first[0] + x * row[0] + y * column[0],
            first[1] + x * row[1] + y * column[1],
            first[2] + x * row[2] + y * column[2],
        )
        for x, y in points[:count]
    )
    plane = MadePlane(ImageRef(source.sop_instance_uid), row, column, slab, projection)
    law_holds(source, Measurement("2.25.7", kind, None, (), "x", (), "", space, "1.2.3.4", plane), plane)


def test_polygons_of_other_programs_are_outlines(source: Instance) -> None:
    """A closed POLYGON with an area, and no word of a plane."""
    plane = MadePlane(ImageRef(source.sop_instance_uid), (1, 0, 0), (0, 1, 0))
    space = ((0.0, 0.0, 5.0), (10.0, 0.0, 5.0), (10.0, 10.0, 5.0), (0.0, 10.0, 5.0))
    outline = Measurement("2.25.7", Kind.FREEHAND, None, (), "", (), "", space, "1.2.3.4", plane)
    place = next_place(STUDY, MODALITY, SERIES_NUMBER, "reader", [], datetime(2026, 1, 31, 8, 15))
    images = {source.sop_instance_uid: source}
    ds = write_report([measured_on(outline, plane)], images, place, "CT", None, source)
    group = ds.ContentSequence[-1].ContentSequence[0]
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            item.ContentSequence[0].GraphicType = "POLYGON"
        if item.ConceptNameCodeSequence[0].CodeValue in ("112039", "PLANE"):
            item.TextValue = "Nodule 1"
    (found,) = read_report(ds).measurements
    assert (found.kind, found.space, found.plane) == (Kind.FREEHAND, space, None)
    assert found.values[0].value == pytest.approx(100)
