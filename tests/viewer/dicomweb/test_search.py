"""QIDO-RS: what matches, what is answered, in which order, and how much of it."""

from __future__ import annotations

import gzip
import json
import xml.etree.ElementTree as ET
from typing import Any

import brotli
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.attributes import Level
from storage.errors import QueryError
from storage.query import OneOf, Range, Wildcard, Words
from storage.rejection import Reason, Target
from tests.support.objects import ct, store
from viewer.dicomweb import search, search_keys
from viewer.dicomweb.search_keys import parse

STUDY = "1.2.3"


def _request_attributes(step: str) -> Dataset:
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = step, "R1"
    return item


@pytest.fixture
def stored(archive: Archive) -> Archive:
    """Three studies; the second has two series, one of them with three instances."""
    store(archive, ct(StudyInstanceUID="1.1", SeriesInstanceUID="1.1.1", SOPInstanceUID="1.1.1.1", StudyDate="20240101",
                      PatientName="Nguyễn^Văn^Đức", PatientID="BN1", Modality="MR", SeriesNumber=7,
                      RequestAttributesSequence=[_request_attributes("S1")]))  # fmt: skip
    for number in (3, 1, 2):
        store(archive, ct(StudyInstanceUID="1.2", SeriesInstanceUID="1.2.1", SOPInstanceUID=f"1.2.1.{number}",
                          StudyDate="20250101", PatientName="Trần^Thị^Hoa", PatientID="BN2", InstanceNumber=number,
                          SeriesNumber=2, ImageComments="x" * number, KVP=f"{100 + number}.0",
                          RequestAttributesSequence=[_request_attributes("S2")]))  # fmt: skip
    store(archive, ct(StudyInstanceUID="1.2", SeriesInstanceUID="1.2.2", SOPInstanceUID="1.2.2.1", StudyDate="20250101",
                      PatientName="Trần^Thị^Hoa", PatientID="BN2", SeriesNumber=1, Modality="SR"))  # fmt: skip
    store(archive, ct(StudyInstanceUID="1.3", SeriesInstanceUID="1.3.1", SOPInstanceUID="1.3.1.1", StudyDate="20260101",
                      PatientName="DUC^NGUYEN", PatientID="BN3", PatientComments="quiet"))  # fmt: skip
    return archive


def _get(client: FlaskClient, path: str, **headers: str) -> Any:
    return client.get(f"/dicom-web/{path}", headers=headers)


def _found(client: FlaskClient, path: str, tag: str = "0020000D") -> list[Any]:
    answer = _get(client, path)
    assert answer.status_code == 200, answer.text
    return [o[tag]["Value"][0] for o in answer.json]


def test_studies_come_newest_first_with_what_the_standard_wants(client: FlaskClient, stored: Archive) -> None:
    answer = _get(client, "studies")
    assert answer.content_type == "application/dicom+json"
    assert [o["0020000D"]["Value"] for o in answer.json] == [["1.3"], ["1.2"], ["1.1"]]
    assert answer.headers["X-Total-Count"] == "3"
    second = answer.json[1]
    assert list(second) == sorted(second)
    assert second["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert second["00080020"] == {"vr": "DA", "Value": ["20250101"]}
    assert second["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}
    assert second["00080061"] == {"vr": "CS", "Value": ["CT", "SR"]}
    assert second["00081190"] == {"vr": "UR", "Value": ["http://localhost/dicom-web/studies/1.2"]}
    assert second["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Trần^Thị^Hoa"}]}
    assert second["00201206"] == {"vr": "IS", "Value": [2]}
    assert second["00201208"] == {"vr": "IS", "Value": [4]}
    assert {"00080030", "00080050", "00080090", "00100020", "00100030", "00100040", "00200010"} <= set(second)


_MATCHING = [
    ("PatientID=BN2", ["1.2"]),
    ("00100020=BN2", ["1.2"]),
    ("PatientID=BN*", ["1.3", "1.2", "1.1"]),
    ("PatientID=BN?", ["1.3", "1.2", "1.1"]),
    ("PatientID=bn2", []),
    ("PatientName=nguyen van duc", ["1.1"]),
    ("PatientName=NGUYEN*", ["1.1"]),
    ("PatientName=*duc*", ["1.3", "1.1"]),
    ("PatientName=duc nguyen&fuzzymatching=true", ["1.3", "1.1"]),
    ("PatientName=duc nguyen&fuzzymatching=false", ["1.3"]),
    ("PatientName=đức&fuzzymatching=TRUE", ["1.3", "1.1"]),
    ("StudyDate=20250101", ["1.2"]),
    ("StudyDate=20240601-20250601", ["1.2"]),
    ("StudyDate=20250101-", ["1.3", "1.2"]),
    ("StudyDate=-20250101", ["1.2", "1.1"]),
    ("StudyInstanceUID=1.1,1.3", ["1.3", "1.1"]),
    ("StudyInstanceUID=1.1\\1.3", ["1.3", "1.1"]),
    ("StudyInstanceUID=1.1&StudyInstanceUID=1.2", ["1.2", "1.1"]),
    ("0020000d=1.1", ["1.1"]),
    ("ModalitiesInStudy=SR", ["1.2"]),
    ("ModalitiesInStudy=MR,SR", ["1.2", "1.1"]),
    ("Modality=MR", ["1.1"]),
    ("ModalitiesInStudy=CT&StudyDate=20250101-20251231", ["1.2"]),
    ("PatientID=", ["1.3", "1.2", "1.1"]),
    ("PatientID=*", ["1.3", "1.2", "1.1"]),
    ("StudyDescription=CT ng*", ["1.3", "1.2", "1.1"]),
    ("limit=1", ["1.3"]),
    ("limit=1&offset=1", ["1.2"]),
    ("offset=5", []),
    ("limit=2&offset=2", ["1.1"]),
]


def test_matching(client: FlaskClient, stored: Archive) -> None:
    for query, studies in _MATCHING:
        assert _found(client, f"studies?{query}") == studies, query


def test_every_nesting(client: FlaskClient, stored: Archive) -> None:
    assert _found(client, "studies/1.2/series", "0020000E") == ["1.2.2", "1.2.1"]
    assert _found(client, "series?Modality=SR", "0020000E") == ["1.2.2"]
    assert sorted(_found(client, "series", "0020000E")) == ["1.1.1", "1.2.1", "1.2.2", "1.3.1"]
    assert _found(client, "studies/1.2/series/1.2.1/instances", "00200013") == [1, 2, 3]
    assert _found(client, "studies/1.2/instances", "00080018") == ["1.2.2.1", "1.2.1.1", "1.2.1.2", "1.2.1.3"]
    assert len(_found(client, "instances")) == 6
    assert _found(client, "instances?SOPInstanceUID=1.2.1.2,1.3.1.1", "00080018") == ["1.2.1.2", "1.3.1.1"]
    assert _found(client, "series?StudyInstanceUID=1.2&SeriesNumber=2", "0020000E") == ["1.2.1"]


def test_levels_that_the_path_does_not_name_are_answered_too(client: FlaskClient, stored: Archive) -> None:
    below = _get(client, "studies/1.2/series").json[0]
    assert "00100010" not in below
    assert {"0020000D", "0020000E", "00080060", "00201209", "00081190"} <= set(below)
    assert below["00081190"]["Value"] == ["http://localhost/dicom-web/studies/1.2/series/1.2.2"]
    assert {"00100010", "00080060"} <= set(_get(client, "series").json[0])
    everywhere = _get(client, "instances").json[0]
    assert {"00100010", "00080060", "00080016", "00280010"} <= set(everywhere)
    assert everywhere["00280010"] == {"vr": "US", "Value": [8]}
    of_series = _get(client, "studies/1.2/series/1.2.1/instances").json[0]
    assert "00080060" not in of_series
    assert of_series["00081190"]["Value"][0].endswith("/studies/1.2/series/1.2.1/instances/1.2.1.1")


def test_more_fields(client: FlaskClient, stored: Archive) -> None:
    def tags(path: str) -> set[str]:
        return set(_get(client, path).json[0])

    plain = tags("studies?StudyInstanceUID=1.3")
    assert tags("studies?StudyInstanceUID=1.3&includefield=InstitutionName,00081030") - plain == {"00080080"}
    assert tags("studies?StudyInstanceUID=1.3&includefield=00080080&includefield=PatientAge") - plain == {
        "00080080", "00101010"}  # fmt: skip
    assert "00104000" in tags("studies?StudyInstanceUID=1.3&includefield=PatientComments")
    assert {"00104000", "00080080", "00080062"} <= tags("studies?StudyInstanceUID=1.3&includefield=all")
    assert {"00104000", "00101010"} <= tags("studies?StudyInstanceUID=1.3&includefield=0010xxxx")
    assert "00180060" in tags("instances?SOPInstanceUID=1.2.1.2&includefield=KVP")
    everything = tags("studies/1.2/series/1.2.1/instances?includefield=all")
    assert {"00180060", "00204000", "00280002", "00400275", "7FE00010"} <= everything
    assert {"00280002", "00280100"} <= tags("studies/1.2/series/1.2.1/instances?includefield=0028")


def test_fields_within_sequences(client: FlaskClient, stored: Archive) -> None:
    whole = _get(client, "studies/1.1/series").json[0]["00400275"]
    assert {"00400009", "00401001"} == set(whole["Value"][0])
    path = "series?StudyInstanceUID=1.1&includefield=RequestAttributesSequence.ScheduledProcedureStepID"
    found = _get(client, path).json[0]["00400275"]
    assert found == {"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": ["S1"]}}]}
    assert _get(client, path.replace("RequestAttributesSequence", "00400275")).json[0]["00400275"] == found


def test_matching_within_objects(client: FlaskClient, stored: Archive) -> None:
    for key in (
        "RequestAttributesSequence.ScheduledProcedureStepID=S2",
        "00400275.00400009=S?&Modality=CT&PatientID=BN2",
    ):
        answer = _get(client, f"series?{key}")
        assert [o["0020000E"]["Value"][0] for o in answer.json] == ["1.2.1"]
        assert answer.headers["X-Total-Count"] == "1"
    assert _found(client, "instances?ImageComments=xx*", "00080018") == ["1.2.1.3", "1.2.1.2"]
    assert _found(client, "instances?ImageComments=xx*&limit=1&offset=1", "00080018") == ["1.2.1.2"]
    limited = _get(client, "instances?ImageComments=xx*&limit=1")
    assert limited.headers["X-Total-Count-At-Least"] == "2"


def test_no_more_objects_than_a_bound_are_read(
    client: FlaskClient, stored: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "OBJECTS_MAX", 2)
    answer = _get(client, "instances?ImageComments=xxx")
    assert "first 2 results" in answer.headers["Warning"] or "were looked into" in answer.headers["Warning"]
    assert "X-Total-Count" not in answer.headers
    filled = _get(client, "instances?includefield=KVP")
    assert len(filled.json) == 6
    assert sum("00180060" in o for o in filled.json) <= 2
    assert "looked into" in filled.headers["Warning"]


def test_a_page_knows_the_total(client: FlaskClient, stored: Archive) -> None:
    for path, total in (("studies?limit=1", "3"), ("studies?limit=1&PatientID=BN*", "3"), ("studies?offset=9", "3"),
                        ("instances?limit=2", "6"), ("studies?PatientID=none", "0")):  # fmt: skip
        answer = _get(client, path)
        assert answer.headers["X-Total-Count"] == total, path
        assert "Warning" not in answer.headers


def test_pages_are_the_whole_without_gaps_and_repeats(client: FlaskClient, archive: Archive) -> None:
    """Also where everything that is ordered by is the same."""
    for number in range(5):
        for instance in (1, 2):
            store(archive, ct(StudyInstanceUID=f"1.5.{number}", SeriesInstanceUID=f"1.5.{number}.1",
                              SOPInstanceUID=f"1.5.{number}.1.{instance}"))  # fmt: skip
    for path, tag in (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018"),
                      ("studies?StudyDescription=CT*", "0020000D"), ("studies/1.5.3/instances", "00080018"),
                      ("instances?ImageComments=", "00080018")):  # fmt: skip
        whole = _found(client, path, tag)
        assert len(set(whole)) == len(whole) >= 2
        mark = "&" if "?" in path else "?"
        for size in (1, 2, 3):
            pages = [_found(client, f"{path}{mark}limit={size}&offset={at}", tag) for at in range(0, len(whole), size)]
            assert [uid for page in pages for uid in page] == whole, (path, size)


def test_what_takes_long_is_not_counted(client: FlaskClient, stored: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(stored), "count_within", lambda self, query, seconds: None)
    answer = _get(client, "studies?limit=2&PatientID=BN*")
    assert "X-Total-Count" not in answer.headers
    assert answer.headers["X-Total-Count-At-Least"] == "3"


def test_a_cap_is_said(client: FlaskClient, stored: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_keys, "LIMIT_MAX", 2)
    for path in ("studies", "studies?limit=3"):
        answer = _get(client, path)
        assert len(answer.json) == 2
        assert answer.headers["Warning"].startswith("299 filmless ")
    assert "Warning" not in _get(client, "studies?limit=2").headers
    assert "Warning" not in _get(client, "studies?offset=1").headers


def test_what_cannot_be_matched_by_is_said(client: FlaskClient, stored: Archive) -> None:
    answer = _get(client, "studies?KVP=120&SeriesDescription=x&PatientID=BN1")
    assert len(answer.json) == 1
    assert "KVP, SeriesDescription" in answer.headers["Warning"]


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("KVP=101", ["1.2.1.1"]),
        ("KVP=101.0", ["1.2.1.1"]),
        ("KVP=1.01E2", ["1.2.1.1"]),
        ("KVP=10", []),
        ("KVP=1*", []),
        ("KVP=NaN", []),
        ("KVP=1E999999999999", []),
        ("RescaleSlope=1", ["1.2.1.1", "1.2.1.2", "1.2.1.3"]),
        ("ExposureTime=007", ["1.2.1.3"]),
        ("RecommendedDisplayFrameRateInFloat=0.1", ["1.2.1.2"]),
    ],
)
def test_numbers_match_however_they_are_written(
    client: FlaskClient, archive: Archive, key: str, found: list[str]
) -> None:
    more: list[dict[str, Any]] = [{"KVP": "101.0"}, {"RecommendedDisplayFrameRateInFloat": 0.1}, {"ExposureTime": "7"}]
    for number, values in enumerate(more, 1):
        store(archive, ct(StudyInstanceUID="1.2", SeriesInstanceUID="1.2.1", SOPInstanceUID=f"1.2.1.{number}",
                          InstanceNumber=number, RescaleSlope="1.00", **values))  # fmt: skip
    assert _found(client, f"instances?{key}", "00080018") == found


_REFUSED = [
    "limit=x",
    "limit=-1",
    "limit=0",
    "limit=1&limit=2",
    "limit=1e3",
    "limit=99999999999",
    "limit=%D9%A1",
    "offset=-1",
    "offset=1.5",
    "fuzzymatching=yes",
    "NoSuchKey=1",
    "1234=1",
    "0010002=1",
    "99989999=1",
    "includefield=nonsense",
    "includefield=PatientID.PatientName",
    "StudyDate=x-y",
    "PatientID.StudyDate=1",
    "StudyDate=--",
    "%00=1",
    "a.b.c=1",
    "RequestAttributesSequence=x",
    "PatientID=" + "*a" * 600,
    "includefield=" + "RequestAttributesSequence." * 20,
    "SeriesNumber=x",
]


def test_what_cannot_be_understood_is_refused_in_one_sentence(client: FlaskClient, stored: Archive) -> None:
    for query in _REFUSED:
        answer = _get(client, f"series?{query}")
        assert answer.status_code == 400, (query, answer.text)
        assert answer.content_type == "application/problem+json"
        assert answer.json["detail"]
        assert "\n" not in answer.json["detail"]


def test_what_is_not_there(client: FlaskClient, stored: Archive) -> None:
    for path in (
        "studies/9.9/series",
        "studies/1.1/series/1.2.1/instances",
        "studies/..%2fx/series",
        "studies/x/instances",
    ):
        assert _get(client, path).status_code == 404, path
    assert _get(client, "studies/1.1/series?Modality=XX").json == []


def test_xml(client: FlaskClient, stored: Archive) -> None:
    answer = _get(client, "studies?PatientID=BN2", Accept='multipart/related; type="application/dicom+xml"')
    boundary = answer.content_type.rpartition("=")[2].encode()
    assert answer.data.endswith(b"--" + boundary + b"--\r\n")
    root = ET.fromstring(answer.data.split(b"--" + boundary)[1].partition(b"\r\n\r\n")[2].strip())
    name = root.find(".//{*}DicomAttribute[@tag='00100010']/{*}PersonName/{*}Alphabetic/{*}FamilyName")
    assert name is not None
    assert name.text == "Trần"
    empty = _get(client, "studies?PatientID=none", Accept='multipart/related; type="application/dicom+xml"')
    assert (empty.status_code, empty.data) == (204, b"")
    assert _get(client, "studies", Accept="text/html").status_code == 406
    assert _get(client, "studies", Accept="application/json").content_type == "application/json"


def test_values_that_are_none_leave_a_list_readable(client: FlaskClient, archive: Archive) -> None:
    # OHIF takes the first value of a name that has any, and the modalities unasked.
    store(archive, ct(Modality="", PatientName="^^^", ReferringPhysicianName="="))
    (study,) = _get(client, "studies").json
    assert study["00100010"] == {"vr": "PN"}
    assert study["00080090"] == {"vr": "PN"}
    assert study["00080061"] == {"vr": "CS", "Value": [None]}


def test_long_answers_are_compressed(client: FlaskClient, stored: Archive) -> None:
    for coding, decode in (("gzip", gzip.decompress), ("br", brotli.decompress)):
        answer = _get(client, "studies", **{"Accept-Encoding": coding})
        assert answer.headers["Content-Encoding"] == coding
        assert len(json.loads(decode(answer.data))) == 3


def test_a_caller_that_has_the_answers_is_told_so(client: FlaskClient, stored: Archive) -> None:
    xml = 'multipart/related; type="application/dicom+xml"'
    for headers in ({}, {"Accept-Encoding": "br"}, {"Accept": xml}):
        first = _get(client, "studies?limit=2", **headers)
        assert first.headers["Cache-Control"].startswith("private")
        known = {**headers, "If-None-Match": first.headers["ETag"]}
        again = _get(client, "studies?limit=2", **known)
        assert (again.status_code, again.data) == (304, b"")
        assert (again.headers["ETag"], again.headers["X-Total-Count"]) == (first.headers["ETag"], "3")
        assert _get(client, "studies?limit=1", **known).status_code == 200
        etags = {_get(client, "studies?limit=2", **other).headers["ETag"] for other in ({}, {"Accept": xml})}
        assert len(etags) == 2
    store(stored, ct(StudyInstanceUID="1.4", SeriesInstanceUID="1.4.1", SOPInstanceUID="1.4.1.1", StudyDate="20270101"))
    assert _get(client, "studies?limit=2", **known).status_code == 200


def test_a_group_at_every_level(client: FlaskClient, stored: Archive) -> None:
    for path, group, expected in (
        ("studies?StudyInstanceUID=1.3", "0010", {"00104000", "00101010"}),
        ("studies/1.2/series", "0008", {"00080080"}),
        ("instances?SOPInstanceUID=1.2.1.2", "0018XXXX", {"00180060"}),
        ("instances?SOPInstanceUID=1.2.1.2", "0040", {"00400275"}),
    ):
        plain = set(_get(client, path).json[0])
        more = set(_get(client, f"{path}{'&' if '?' in path else '?'}includefield={group}").json[0]) - plain
        assert expected & (more | plain) == expected, path
        assert {tag[:4] for tag in more} <= {group[:4]}, path


def test_what_a_name_holds_stays_json(client: FlaskClient, archive: Archive) -> None:
    store(archive, ct(PatientName='A"^<B>', StudyDescription="a\tb", PatientID="\\"))
    (found,) = _get(client, "studies").json
    assert found["00100010"]["Value"] == [{"Alphabetic": 'A"^<B>'}]
    assert found["00081030"]["Value"] == ["a\tb"]


def test_a_rejected_object_is_gone(client: FlaskClient, stored: Archive) -> None:
    path = "studies/1.2/series/1.2.1"
    before = _get(client, f"{path}/metadata")
    assert len(before.json) == 3
    stored.rejections.reject(Target("1.2", "1.2.1", "1.2.1.2"), Reason.QUALITY, "admin")
    assert _found(client, f"{path}/instances", "00080018") == ["1.2.1.1", "1.2.1.3"]
    after = _get(client, f"{path}/metadata", **{"If-None-Match": before.headers["ETag"]})
    assert [o["00080018"]["Value"][0] for o in after.json] == ["1.2.1.1", "1.2.1.3"]
    assert _get(client, f"{path}/instances/1.2.1.2/metadata").status_code in (404, 410)


names = st.sampled_from(["PatientID", "00100020", "PatientName", "StudyDate", "ModalitiesInStudy", "KVP", "limit"])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([Level.STUDY, Level.SERIES, Level.INSTANCE]),
    st.dictionaries(names | st.text(max_size=12), st.lists(st.text(max_size=12), min_size=1, max_size=2), max_size=3),
)
def test_any_parameters_are_read_or_refused(level: Level, arguments: dict[str, list[str]]) -> None:
    try:
        found = parse(level, (), arguments)
    except QueryError as error:
        refusal = str(error)
        assert refusal
        return
    assert 1 <= found.limit <= search_keys.LIMIT_MAX
    assert all(isinstance(c, OneOf | Wildcard | Range | Words) for c in found.conditions)
