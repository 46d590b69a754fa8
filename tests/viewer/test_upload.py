"""Bringing files in through a browser."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Role
from tests.support.objects import SERIES, STUDY, ct, store
from tests.support.stow import part10
from tests.support.web import HTML


@pytest.fixture
def technician(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    """Somebody who may."""
    return sign_in(Role.TECHNICIAN)


def _send(browser: FlaskClient, data: bytes, name: str = "a file") -> dict[str, Any]:
    token = re.search(r'"token": "([0-9a-f]+)"', browser.get("/upload", headers=HTML).text)
    assert token
    headers = {"X-CSRF-Token": token[1], "Content-Type": "application/octet-stream", "Accept": "application/json"}
    answer = browser.post("/upload", query_string={"name": name}, data=data, headers=headers)
    assert answer.status_code == 200, answer.data
    found: dict[str, Any] = answer.json
    return found


def _object(number: int) -> bytes:
    return part10(ct(SOPInstanceUID=f"{SERIES}.{number}"))


def test_a_file_is_stored_and_told_again_when_it_is_here_already(technician: FlaskClient, archive: Archive) -> None:
    assert _send(technician, _object(1)) == {"counts": {"stored": 1}, "refused": []}
    assert _send(technician, _object(1)) == {"counts": {"already_stored": 1}, "refused": []}
    assert archive.study(STUDY).number_of_instances == 1


def test_each_refused_file_has_its_words(technician: FlaskClient, archive: Archive) -> None:
    store(archive, ct(SOPInstanceUID=f"{SERIES}.1", PatientID="OTHER"))
    conflict = _send(technician, _object(1), "b.dcm")["refused"]
    assert conflict[0]["outcome"] == "failed"
    assert "stored since" in conflict[0]["detail"]
    text = _send(technician, b"readme", "read <me>.txt")["refused"]
    assert text == [{"name": "read <me>.txt", "outcome": "not_dicom", "detail": text[0]["detail"]}]
    assert "not a DICOM file" in text[0]["detail"]
    assert _send(technician, b"")["counts"] == {"not_dicom": 1}


def test_a_zip_is_taken_apart(technician: FlaskClient, archive: Archive) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z:
        for number in (1, 2, 3):
            z.writestr(f"../../up/{number}", _object(number))
        z.writestr("notes.txt", "no object")
        z.writestr("DICOMDIR", "x")
    told = _send(technician, packed.getvalue(), "disc.zip")
    assert told["counts"] == {"stored": 3, "not_dicom": 1}
    assert [one["name"] for one in told["refused"]] == ["disc.zip: notes.txt"]
    assert archive.study(STUDY).number_of_instances == 3
    assert not list((archive.data / "cache").glob("upload-*"))


def test_a_broken_zip_is_told(technician: FlaskClient) -> None:
    told = _send(technician, b"PK\x03\x04" + bytes(100), "x.zip")
    assert told["counts"] == {"not_dicom": 1}


def test_who_may_not_is_refused_before_anything_is_read(sign_in: Callable[[Role], FlaskClient]) -> None:
    browser = sign_in(Role.CLINICIAN)
    assert browser.get("/upload", headers=HTML).status_code == 403
    assert browser.post("/upload", data=b"x").status_code == 403
    assert "/upload" not in browser.get("/", headers=HTML).text


def test_another_site_cannot_bring_files_in(technician: FlaskClient, archive: Archive) -> None:
    assert technician.post("/upload", data=_object(1)).status_code == 403
    assert archive.health().instances == 0


def test_a_packed_body_is_not_unpacked(technician: FlaskClient) -> None:
    token = re.search(r'"token": "([0-9a-f]+)"', technician.get("/upload", headers=HTML).text)
    assert token
    headers = {"X-CSRF-Token": token[1], "Content-Encoding": "gzip"}
    assert technician.post("/upload", data=b"\x1f\x8b", headers=headers).status_code == 415
