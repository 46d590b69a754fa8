"""Private attributes in searches (PS3.5 7.8): with their creators where asked for, and compared where matched by."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from storage.archive import Archive
from tests.support.objects import SERIES, STUDY, ct, store

CREATOR, OTHER = "FILMLESS TEST", "SOMEBODY ELSE"
KNOWN = "GEMS_IDEN_01"
"""A creator whose attributes pydicom's dictionary has, so that they have VRs in implicit encoding too."""


def _object(number: int, note: str) -> Dataset:
    ds = ct(SOPInstanceUID=f"{SERIES}.{number}", InstanceNumber=number)
    block = ds.private_block(0x0009, KNOWN, create=True)
    block.add_new(0x01, "LO", note)
    nested = Dataset()
    nested.private_block(0x0011, CREATOR, create=True).add_new(0x02, "SH", f"in {note}")
    nested.PatientComments = "stays behind"
    other = ds.private_block(0x0011, CREATOR, create=True)
    other.add_new(0x01, "SQ", [nested])
    other.add_new(0x03, "DS", "1.5")
    return ds


@pytest.fixture(params=[ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=["explicit", "implicit"], autouse=True)
def stored(archive: Archive, request: pytest.FixtureRequest) -> str:
    """Two objects with private attributes, one of them in a sequence, and one without any."""
    for number, note in ((1, "left"), (2, "right")):
        store(archive, _object(number, note), transfer_syntax_uid=request.param)
    store(archive, ct(SOPInstanceUID=f"{SERIES}.3", InstanceNumber=3))
    return str(request.param)


def _find(client: FlaskClient, query: str) -> Any:
    answer = client.get(f"/dicom-web/studies/{STUDY}/instances?{query}")
    assert answer.status_code == 200, answer.data
    assert "Warning" not in answer.headers
    return answer.json


def _numbers(found: Any) -> list[int]:
    return [one["00200013"]["Value"][0] for one in found]


def test_a_private_attribute_comes_with_its_creator(client: FlaskClient) -> None:
    first, second, none = _find(client, "includefield=00091001")
    assert first["00091001"] == {"vr": "LO", "Value": ["left"]}
    assert second["00091001"] == {"vr": "LO", "Value": ["right"]}
    assert first["00090010"] == {"vr": "LO", "Value": [KNOWN]}
    assert not {tag for one in (first, second) for tag in one if tag.startswith("0011")}
    assert not {tag for tag in none if tag.startswith(("0009", "0011"))}


def test_a_path_leads_through_a_private_sequence(client: FlaskClient, stored: str) -> None:
    first = _find(client, "includefield=00111001.00111002")[0]
    assert first["00110010"] == {"vr": "LO", "Value": [CREATOR]}
    if stored == ExplicitVRLittleEndian:
        item = {"00110010": {"vr": "LO", "Value": [CREATOR]}, "00111002": {"vr": "SH", "Value": ["in left"]}}
        assert first["00111001"] == {"vr": "SQ", "Value": [item]}
        assert _numbers(_find(client, "00111001.00111002=in right")) == [2]
    # What turns out to be no sequence has nothing at the end of a path.
    assert _find(client, "includefield=00091001.00111002")[0]["00091001"] == {"vr": "LO"}


def test_matching(client: FlaskClient) -> None:
    for query, numbers in (("00091001=left", [1]), ("00091001=*t", [1, 2]), ("00091001=", [1, 2, 3]),
                           (f"00090010={KNOWN}", [1, 2]), (f"00090010={OTHER}", []), ("00091001=up", []),
                           (f"00090010={KNOWN}&00091001=right", [2]), ("00171001=x", [])):  # fmt: skip
        found = _find(client, query)
        assert _numbers(found) == numbers, query
        assert query.startswith("0017") or all("00091001" in one or "00090010" in one for one in found[:2]), query


def test_a_group_of_private_attributes(client: FlaskClient) -> None:
    first, _, none = _find(client, "includefield=0009")
    assert {tag for tag in first if tag.startswith("0009")} == {"00090010", "00091001"}
    assert "00090010" not in none


def test_other_levels_do_not_know_them_and_say_so(client: FlaskClient) -> None:
    for level in ("studies", f"studies/{STUDY}/series"):
        for query in ("includefield=00091001", "00091001=left", "includefield=00111001.00111002"):
            answer = client.get(f"/dicom-web/{level}?{query}")
            assert (answer.status_code, len(answer.json or ())) == (200, 1)
            assert answer.headers["Warning"].startswith("299 ")
            assert query.replace("includefield=", "").split("=")[0] in answer.headers["Warning"]


@pytest.mark.parametrize("name", ["00091", "00090001", "000900FF1", "00090100", "00051001", "FFFF1001", "0009GG01"])
def test_what_can_be_no_private_attribute_is_refused(client: FlaskClient, name: str) -> None:
    for query in (f"includefield={name}", f"{name}=x"):
        answer = client.get(f"/dicom-web/instances?{query}")
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
        assert name in str(answer.json)
