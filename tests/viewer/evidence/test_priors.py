"""Other studies of the same patient, and what their series are like."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from storage.archive import Archive
from tests.support.evidence import slice_of
from tests.support.objects import STUDY, store
from viewer.evidence.priors import plane_of


def another(archive: Archive, number: int, **attributes: object) -> str:
    study = f"1.2.3.{number}"
    store(
        archive,
        slice_of(
            StudyInstanceUID=study,
            SeriesInstanceUID=f"{study}.1",
            SOPInstanceUID=f"{study}.1.1",
            **{"IssuerOfPatientID": "BV", **attributes},
        ),
    )
    return study


@pytest.fixture
def present(archive: Archive) -> str:
    store(archive, slice_of(IssuerOfPatientID="BV"))
    return STUDY


def listed(client: FlaskClient, study: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = client.get(f"/study/{study}/priors").get_json()["studies"]
    return found


def test_the_patients_other_studies_come_newest_first(archive: Archive, client: FlaskClient, present: str) -> None:
    old, new = another(archive, 1, StudyDate="20240101"), another(archive, 2, StudyDate="20270101")
    found = listed(client, present)
    assert [(study["study"], study["earlier"]) for study in found] == [(new, False), (old, True)]
    assert found[0]["modalities"] == ["CT"]
    assert not found[0]["doubtful"]


def test_another_patient_or_another_hospitals_number_is_not_listed(
    archive: Archive, client: FlaskClient, present: str
) -> None:
    another(archive, 1, PatientID="BN002")
    another(archive, 2, IssuerOfPatientID="OTHER")
    another(archive, 3, IssuerOfPatientID="")
    assert listed(client, present) == []


def test_without_a_patient_id_nothing_is_the_same_patient(archive: Archive, client: FlaskClient) -> None:
    one, _ = another(archive, 1, PatientID=""), another(archive, 2, PatientID="")
    assert listed(client, one) == []


@pytest.mark.parametrize(
    "attributes", [{"PatientName": "Lê^Thị^Khác"}, {"PatientBirthDate": "19991231"}, {"PatientSex": "F"}]
)
def test_a_study_that_may_be_somebody_elses_says_so(
    archive: Archive, client: FlaskClient, present: str, attributes: dict[str, str]
) -> None:
    another(archive, 1, **attributes)
    assert [study["doubtful"] for study in listed(client, present)] == [True]


def test_the_same_name_written_otherwise_is_no_doubt(archive: Archive, client: FlaskClient, present: str) -> None:
    another(archive, 1, PatientName="NGUYEN^VAN^DUC", PatientBirthDate="")
    assert [study["doubtful"] for study in listed(client, present)] == [False]


def test_a_series_says_what_it_is_like(archive: Archive, client: FlaskClient, present: str) -> None:
    store(
        archive,
        slice_of(
            SeriesInstanceUID="1.2.9",
            SOPInstanceUID="1.2.9.1",
            SeriesNumber=2,
            BodyPartExamined="CHEST",
            SliceThickness=3,
            ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        ),
    )
    found = client.get(f"/study/{present}/likenesses").get_json()["series"]
    assert [(series["number"], series["plane"]) for series in found] == [(1, "axial"), (2, "sagittal")]
    assert (found[1]["body_part"], found[1]["slice_thickness"], found[1]["frames"]) == ("CHEST", 3, 1)


@pytest.mark.parametrize(
    ("cosines", "plane"),
    [
        ((1, 0, 0, 0, 1, 0), "axial"),
        ((1, 0, 0, 0, 0, -1), "coronal"),
        ((0, 1, 0, 0, 0, -1), "sagittal"),
        ((1, 0, 0, 0, 0.94, -0.34), "axial"),
        ((0.71, 0.71, 0, 0, 0, -1), "oblique"),
        ((), ""),
    ],
)
def test_planes(cosines: tuple[float, ...], plane: str) -> None:
    assert plane_of(cosines) == plane
