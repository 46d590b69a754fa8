"""Identifiers to queries and answers to identifiers, by the clauses of PS3.4 C."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from pacs.contexts import FIND_CLASSES
from pacs.identifier import IdentifierError, Options, Request, answer, parse
from pacs.status import Status
from storage.answers import OBJECT, Answer
from storage.attributes import BY_KEYWORD, Level
from storage.query import Combined, Condition, OneOf, Range, Wildcard

PATIENT_ROOT, STUDY_ROOT, PATIENT_STUDY_ONLY = FIND_CLASSES


def keys(level: str | None, **values: Any) -> Dataset:
    """An identifier as it comes from the wire: nothing in it was judged."""
    ds = Dataset()
    for keyword, value in {**({} if level is None else {"QueryRetrieveLevel": level}), **values}.items():
        tag = Tag(keyword)
        ds.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE))
    return ds


def read(level: str = "STUDY", model: str = STUDY_ROOT, options: Options | None = None, **values: Any) -> Request:
    return parse(keys(level, **values), model, options or Options())


def condition(**value: Any) -> Condition:
    conditions = read(**value).query.conditions
    assert len(conditions) == 1
    return conditions[0]


# ---- what does not fit the information model


@pytest.mark.parametrize("level", [None, "", "study", "FRAME", "STUDY\\SERIES"])
def test_a_level_that_is_none_is_a_mismatch(level: str | None) -> None:
    with pytest.raises(IdentifierError) as refused:
        parse(keys(level, StudyInstanceUID=""), STUDY_ROOT, Options())
    assert refused.value.status == 0xA900


@pytest.mark.parametrize(
    ("model", "level"), [(STUDY_ROOT, "PATIENT"), (PATIENT_STUDY_ONLY, "SERIES"), (PATIENT_STUDY_ONLY, "IMAGE")]
)
def test_a_level_of_another_model_is_a_mismatch(model: str, level: str) -> None:
    with pytest.raises(IdentifierError) as refused:
        read(level, model)
    assert refused.value.status == Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS


@pytest.mark.parametrize(
    ("model", "level", "given"),
    [
        (PATIENT_ROOT, "STUDY", {}),
        (PATIENT_ROOT, "STUDY", {"PatientID": ""}),
        (PATIENT_ROOT, "STUDY", {"PatientID": "BN*"}),
        (PATIENT_ROOT, "SERIES", {"PatientID": "1"}),
        (STUDY_ROOT, "SERIES", {"PatientID": "1"}),
        (STUDY_ROOT, "SERIES", {"StudyInstanceUID": ["1.2", "1.3"]}),
        (STUDY_ROOT, "IMAGE", {"StudyInstanceUID": "1.2"}),
        (STUDY_ROOT, "STUDY", {"SeriesInstanceUID": "1.2"}),
        (PATIENT_ROOT, "PATIENT", {"StudyInstanceUID": "1.2"}),
    ],
)
def test_unique_keys_have_to_name_the_levels_above_and_none_below(
    model: str, level: str, given: dict[str, Any]
) -> None:
    with pytest.raises(IdentifierError) as refused:
        read(level, model, **given)
    assert refused.value.status == 0xA900


def test_relational_queries_need_no_unique_keys() -> None:
    relational = Options(relational=True)
    assert read("IMAGE", PATIENT_ROOT, relational, SOPInstanceUID="1.2").query.level is Level.INSTANCE
    with pytest.raises(IdentifierError):
        read("IMAGE", PATIENT_ROOT, SOPInstanceUID="1.2")


@pytest.mark.parametrize("value", ["-", "yesterday-", "2026-01-31-"])
def test_a_malformed_range_cannot_be_understood(value: str) -> None:
    with pytest.raises(IdentifierError) as refused:
        read(StudyTime=value)
    assert refused.value.status == 0xC000


# ---- matching


def test_values_become_conditions() -> None:
    a = BY_KEYWORD
    assert condition(PatientID="BN1") == OneOf(a["PatientID"], ("BN1",))
    assert condition(StudyInstanceUID=["1.2", "1.3"]) == OneOf(a["StudyInstanceUID"], ("1.2", "1.3"))
    assert condition(PatientName="*thi*") == Wildcard(a["PatientName"], "*thi*")
    assert condition(StudyDate="20260101-") == Range(a["StudyDate"], "20260101", "")
    assert condition(ModalitiesInStudy="CT") == OneOf(a["Modality"], ("CT",))
    assert condition(ModalitiesInStudy=["CT", "MR"]) == OneOf(a["Modality"], ("CT", "MR"))
    assert condition(PatientName="100%_'\"") == OneOf(a["PatientName"], ("100%_'\"",))


@pytest.mark.parametrize("value", ["", "*", "**"])
def test_universal_matching(value: str) -> None:
    request = read(PatientName=value, PatientID=value, StudyDescription=value)
    assert request.query.conditions == ()
    assert request.indexed == ("StudyDescription", "PatientName", "PatientID")


def test_a_star_is_universal_where_it_is_no_wildcard() -> None:
    assert read(StudyInstanceUID="*").query.conditions == ()


def test_ranges_of_date_and_time_are_joined_only_when_agreed_on() -> None:
    given = {"StudyDate": "20260101-20260102", "StudyTime": "1000-1800"}
    assert len(read(**given).query.conditions) == 2
    (joined,) = read(options=Options(combined_date_time=True), **given).query.conditions
    assert joined == Combined(BY_KEYWORD["StudyDate"], BY_KEYWORD["StudyTime"], "20260101", "1000", "20260102", "1800")
    alone = read(options=Options(combined_date_time=True), StudyDate="20260101", StudyTime="1000-1800")
    assert len(alone.query.conditions) == 2


def test_the_character_set_of_the_request_is_used() -> None:
    ds = keys("STUDY", PatientName="Ph\xe1n*")
    assert parse(ds, STUDY_ROOT, Options()).query.conditions[0] == Wildcard(BY_KEYWORD["PatientName"], "Ph\xe1n*")
    undeclared = keys("STUDY", PatientName="Đức".encode().decode("latin-1"))
    assert parse(undeclared, STUDY_ROOT, Options()).query.conditions[0] == OneOf(BY_KEYWORD["PatientName"], ("Đức",))


# ---- keys


def test_keys_that_are_not_supported_are_told() -> None:
    request = read(PatientName="", KVP=None)
    assert request.unsupported == ("KVP",)
    assert request.pending == 0xFF01
    assert read(PatientName="").pending == 0xFF00


def test_a_count_is_answered_but_not_matched() -> None:
    assert read(NumberOfStudyRelatedSeries="").pending == 0xFF00
    assert read(NumberOfStudyRelatedSeries="2").pending == 0xFF01


def test_at_image_level_anything_is_read_from_the_object_but_pixels() -> None:
    given = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3"}
    request = read("IMAGE", KVP=None, PixelData=None, **given)
    assert OBJECT in request.indexed
    assert request.from_object == (0x00180060,)
    assert request.unsupported == ("PixelData",)


# ---- answers


def answered(request: Request, **values: str | int | None) -> Dataset:
    return answer(request, Answer(values), Dataset(), "FILMLESS")


def test_an_answer_holds_the_keys_and_where_to_retrieve() -> None:
    ds = answered(
        read(PatientName="", StudyDate="", PatientID=""), PatientName="A^B", StudyDate="20260131", PatientID=""
    )
    assert (ds.PatientName, ds.StudyDate, ds.PatientID) == ("A^B", "20260131", "")
    assert (ds.QueryRetrieveLevel, ds.RetrieveAETitle, ds.InstanceAvailability) == ("STUDY", "FILMLESS", "ONLINE")
    assert "SpecificCharacterSet" not in ds


@pytest.mark.parametrize(
    ("requested", "name", "expected"),
    [
        ("", "Nguyễn^Đức", "ISO_IR 192"),
        ("ISO_IR 100", "Buc^Jérôme", "ISO_IR 100"),
        ("ISO_IR 100", "Nguyễn^Đức", "ISO_IR 192"),
        ("ISO_IR 144", "Люкceмбypг", "ISO_IR 144"),
        ("GB18030", "王^小东", "GB18030"),
        ("ISO_IR 999", "Buc^Jérôme", "ISO_IR 192"),
        ("ISO_IR 100", "plain", "ISO_IR 100"),
        ("ISO 2022 IR 87", "山田^太郎", "ISO_IR 192"),
    ],
)
def test_the_answer_is_in_the_set_of_the_request_where_that_holds_it(requested: str, name: str, expected: str) -> None:
    given = {"SpecificCharacterSet": requested} if requested else {}
    ds = keys("STUDY", PatientName="")
    if given:
        ds.add_new(0x00080005, "CS", requested)
    out = answered(parse(ds, STUDY_ROOT, Options()), PatientName=name)
    assert out.get("SpecificCharacterSet", "") == expected
