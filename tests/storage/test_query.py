"""Reading keys as PS3.4 C.2.2.2 does."""

from __future__ import annotations

import pytest

from storage.attributes import BY_KEYWORD
from storage.errors import QueryError
from storage.query import Condition, OneOf, Range, Wildcard, attribute, condition

NAME, ID, UID = BY_KEYWORD["PatientName"], BY_KEYWORD["PatientID"], BY_KEYWORD["StudyInstanceUID"]
DATE, TIME, NUMBER = BY_KEYWORD["StudyDate"], BY_KEYWORD["StudyTime"], BY_KEYWORD["SeriesNumber"]


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("PatientID", "", None),
        ("PatientID", "*", None),
        ("PatientID", "BN1", OneOf(ID, ("BN1",))),
        ("PatientID", "BN*", Wildcard(ID, "BN*")),
        ("PatientID", "BN?", Wildcard(ID, "BN?")),
        ("PatientName", "Nguyen", OneOf(NAME, ("Nguyen",))),
        ("StudyInstanceUID", "", None),
        ("StudyInstanceUID", "1.2\\1.3 \\", OneOf(UID, ("1.2", "1.3"))),
        ("SeriesNumber", "7", OneOf(NUMBER, ("7",))),
        ("StudyDate", "20260101", OneOf(DATE, ("20260101",))),
        ("StudyDate", "20260101-", Range(DATE, "20260101", "")),
        ("StudyDate", "-20260131", Range(DATE, "", "20260131")),
        ("StudyDate", "20260101 - 20260131", Range(DATE, "20260101", "20260131")),
        ("StudyTime", "10-11", Range(TIME, "10", "11")),
    ],
)
def test_a_key_becomes_a_condition(keyword: str, value: str, expected: Condition | None) -> None:
    assert condition(keyword, value) == expected


@pytest.mark.parametrize("value", ["-", " - ", "a-b", "2026-01-01", "20260101-x", "1;DROP-"])
def test_a_malformed_range_is_refused(value: str) -> None:
    with pytest.raises(QueryError, match="is not a range of DA"):
        condition("StudyDate", value)


def test_an_attribute_outside_the_table_is_refused_by_name() -> None:
    with pytest.raises(QueryError, match="PixelSpacing"):
        attribute("PixelSpacing")
    with pytest.raises(QueryError, match="study; DROP TABLE"):
        condition("study; DROP TABLE study", "1")
