"""The one table of attributes."""

from __future__ import annotations

import pytest

from storage.attributes import ATTRIBUTES, BY_KEYWORD, Level, Matching, at_level


@pytest.mark.parametrize(
    ("keyword", "column"),
    [
        ("PatientName", "patient_name"),
        ("PatientID", "patient_id"),
        ("IssuerOfPatientID", "issuer_of_patient_id"),
        ("StudyInstanceUID", "study_instance_uid"),
        ("SOPInstanceUID", "sop_instance_uid"),
        ("SOPClassUID", "sop_class_uid"),
        ("FrameOfReferenceUID", "frame_of_reference_uid"),
        ("BodyPartExamined", "body_part_examined"),
    ],
)
def test_columns_are_keywords_in_snake_case(keyword: str, column: str) -> None:
    assert BY_KEYWORD[keyword].column == column


def test_columns_keywords_and_tags_are_unique() -> None:
    for values in ([a.column for a in ATTRIBUTES], [a.keyword for a in ATTRIBUTES], [a.tag for a in ATTRIBUTES]):
        assert len(set(values)) == len(values)


def test_matching_fits_the_value_representation() -> None:
    expected = {
        "UI": Matching.UID, "PN": Matching.NAME, "DA": Matching.DATE, "TM": Matching.TIME,
        "IS": Matching.NUMBER, "US": Matching.NUMBER,
    }  # fmt: skip
    for a in ATTRIBUTES:
        assert a.matching is expected.get(a.vr, Matching.TEXT), a.keyword


def test_levels_share_out_the_table() -> None:
    assert [a for level in Level for a in at_level(level)] == list(ATTRIBUTES)
    assert BY_KEYWORD["PatientName"].folded_column == "patient_name_folded"
