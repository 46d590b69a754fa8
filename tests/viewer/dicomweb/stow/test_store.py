"""STOW-RS: what is stored, what is answered, what is refused (PS3.18 10.5)."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydicom import dcmread
from pydicom.dataset import Dataset
from werkzeug.test import TestResponse

from storage.archive import Archive
from storage.records import Role
from tests.support.objects import SERIES, STUDY, store
from tests.support.stow import BOUNDARY, STOW, bearer, body, files, json_of, numbered, part, part10, problem
from tests.support.web import PASSWORD
from viewer.dicomweb.stow import native_xml
from viewer.dicomweb.stow.outcomes import FailureReason
from viewer.services import services_of

OTHER = "1.2.826.0.1.3680043.10.999.2"


Post = Callable[..., TestResponse]


def test_instances_are_stored_and_named(post: Post, archive: Archive) -> None:
    answer = post(files(part10(numbered(1)), part10(numbered(2))))
    assert answer.status_code == 200
    assert answer.content_type == "application/dicom+json"
    found = Dataset.from_json(json_of(answer))
    assert found.RetrieveURL == f"http://localhost/dicom-web/studies/{STUDY}"
    assert [item.ReferencedSOPInstanceUID for item in found.ReferencedSOPSequence] == [f"{SERIES}.1", f"{SERIES}.2"]
    assert found.ReferencedSOPSequence[0].RetrieveURL == (
        f"http://localhost/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1"
    )
    assert "FailedSOPSequence" not in found
    assert archive.study(STUDY).number_of_instances == 2
    kept = archive.instance(f"{SERIES}.1")
    assert archive.is_intact(kept)
    assert dcmread(kept.path).PatientName == "Nguyễn^Văn^Đức"


def test_the_same_again_changes_nothing_and_is_a_success(post: Post, archive: Archive) -> None:
    data = files(part10(numbered(1)))
    assert post(data).status_code == 200
    revision = archive.revision()
    assert post(data).status_code == 200
    assert archive.revision() == revision


def test_the_answer_as_xml_is_the_native_dicom_model(post: Post) -> None:
    answer = post(files(part10(numbered(1)), b"no object"), Accept="application/dicom+xml")
    assert (answer.status_code, answer.content_type) == (202, "application/dicom+xml")
    root = ElementTree.fromstring(answer.data)
    name = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
    assert root.tag == f"{name}NativeDicomModel"
    keywords = [element.get("keyword") for element in root.findall(f"{name}DicomAttribute")]
    assert keywords == ["RetrieveURL", "ReferencedSOPSequence", "OtherFailuresSequence"]
    assert root.find(f".//{name}Item/{name}DicomAttribute[@keyword='ReferencedSOPInstanceUID']/{name}Value").text == (
        f"{SERIES}.1"
    )


def test_a_refusal_of_all_is_the_same_in_json_and_xml(post: Post) -> None:
    sent = files(part10(numbered(1)), b"no object")
    as_json, as_xml = (
        post(sent, f"/dicom-web/studies/{OTHER}", Accept=kind)
        for kind in ("application/dicom+json", "application/dicom+xml")
    )
    assert (as_json.status_code, as_xml.status_code) == (409, 409)
    assert native_xml.decode(as_xml.data) == json_of(as_json)
    assert set(json_of(as_json)) == {"00081198", "0008119A"}


def test_a_long_answer_is_compressed(post: Post) -> None:
    answer = post(files(*(part10(numbered(number)) for number in range(8))), Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(answer.data))["00081199"]["Value"]) == 8


def test_part_of_them_stored_is_202_with_a_reason_for_each(post: Post, archive: Archive) -> None:
    store(archive, numbered(2, PatientID="SOMEONE ELSE"))
    cut = part10(numbered(3))[:-40]
    answer = post(files(part10(numbered(1)), part10(numbered(2)), cut, b"%PDF-1.7 no object"))
    assert answer.status_code == 202
    found = Dataset.from_json(json_of(answer))
    assert [item.ReferencedSOPInstanceUID for item in found.ReferencedSOPSequence] == [f"{SERIES}.1"]
    reasons = {item.ReferencedSOPInstanceUID: item.FailureReason for item in found.FailedSOPSequence}
    assert reasons == {
        f"{SERIES}.2": FailureReason.DUPLICATE_SOP_INSTANCE,
        f"{SERIES}.3": FailureReason.CANNOT_UNDERSTAND,
    }
    assert [item.FailureReason for item in found.OtherFailuresSequence] == [FailureReason.CANNOT_UNDERSTAND]
    warnings = answer.headers.getlist("Warning")
    assert len(warnings) == 3
    assert any("stored since" in one for one in warnings)
    assert {q.reason for q in archive.quarantined(10)} == {"conflict", "unreadable"}
    assert archive.study(STUDY).number_of_instances == 2


def test_all_refused_is_409(post: Post, archive: Archive) -> None:
    answer = post(files(part10(numbered(1))), f"/dicom-web/studies/{OTHER}")
    assert answer.status_code == 409
    (item,) = Dataset.from_json(json_of(answer)).FailedSOPSequence
    assert item.ReferencedSOPInstanceUID == f"{SERIES}.1"
    assert item.FailureReason == FailureReason.DATA_SET_DOES_NOT_MATCH
    assert archive.health().instances == 0
    assert archive.quarantined_count() == 1


def test_instances_of_the_study_of_the_address_are_stored(post: Post, archive: Archive) -> None:
    other = numbered(2, StudyInstanceUID=OTHER)
    answer = post(files(part10(numbered(1)), part10(other)), f"/dicom-web/studies/{STUDY}")
    assert answer.status_code == 202
    assert archive.health().instances == 1


def test_one_instance_without_multipart_is_taken(post: Post, archive: Archive) -> None:
    assert post(part10(numbered(1)), Content_Type="application/dicom").status_code == 200
    assert archive.health().instances == 1


def test_the_type_of_the_parts_need_not_be_named(post: Post) -> None:
    assert post(files(part10(numbered(1))), Content_Type=f"multipart/related; boundary={BOUNDARY}").status_code == 200


def test_a_boundary_as_long_as_that_of_orthanc_is_taken(post: Post) -> None:
    long = "0e8b1a6f-6fef-4d36-a695-cac897de044a-0e8b1a6f-6fef-4d36-a695-cac897de044a"
    data = files(part10(numbered(1))).replace(BOUNDARY.encode(), long.encode())
    assert post(data, Content_Type=f'multipart/related; type="application/dicom"; boundary={long}').status_code == 200


def test_who_stored_is_in_the_audit(app: Flask, post: Post) -> None:
    post(files(part10(numbered(1)), b"no object"))
    entry = services_of(app).records.audit.entries(1)[0]
    assert (entry.event, entry.who, entry.study_instance_uid) == ("store objects", "ct-room", STUDY)
    assert entry.detail == "1 of 2, STOW-RS"


def test_an_object_is_kept_bit_for_bit(post: Post, archive: Archive) -> None:
    whole = part10(numbered(1))
    post(files(whole))
    kept = archive.instance(f"{SERIES}.1")
    assert whole.endswith(kept.path.read_bytes()[kept.dataset_offset :])


@pytest.mark.parametrize(("role", "status"), [(Role.CLINICIAN, 403), (Role.ADMIN, 200), (Role.RADIOLOGIST, 200)])
def test_who_may_store(app: Flask, archive: Archive, role: Role, status: int) -> None:
    token = services_of(app).records.tokens.add("one", role)
    answer = app.test_client().post(
        "/dicom-web/studies", data=files(part10(numbered(1))), headers={**STOW, **bearer(token)}
    )
    assert answer.status_code == status
    assert archive.health().instances == (status == 200)


def test_a_name_and_a_password_do(app: Flask, archive: Archive) -> None:
    basic = base64.b64encode(f"{Role.TECHNICIAN.value}:{PASSWORD}".encode()).decode()
    headers = {**STOW, "Authorization": f"Basic {basic}"}
    assert (
        app.test_client().post("/dicom-web/studies", data=files(part10(numbered(1))), headers=headers).status_code
        == 200
    )


def test_a_page_of_ours_stores_with_its_cookie_and_another_site_does_not(client: FlaskClient) -> None:
    data = files(part10(numbered(1)))
    post = client.post
    assert post("/dicom-web/studies", data=data, headers=STOW).status_code == 403  # a form of any site could be that
    assert post("/dicom-web/studies", data=data, headers={**STOW, "Origin": "http://evil.example"}).status_code == 403
    assert post("/dicom-web/studies", data=data, headers={**STOW, "Origin": "http://localhost"}).status_code == 200


# ---- bad input


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "ends before"),
        (f"--{BOUNDARY}--\r\n".encode(), "no parts"),
        (files(b"x").replace(BOUNDARY.encode(), b"another"), "ends before"),
        (files(b"x" * 100_000).replace(BOUNDARY.encode(), b"another"), "does not occur"),
        (body([part(b"x", None)]), "no Content-Type"),
        (body([part(b"x", "nonsense")]), "Content-Type of a part cannot be read"),
    ],
    ids=range(6),
)  # fmt: skip
def test_what_is_no_multipart_body_is_400(post: Post, sent: bytes, words: str) -> None:
    assert words in problem(post(sent), 400)


def test_half_a_body_keeps_the_instances_that_were_whole(post: Post, archive: Archive) -> None:
    whole = files(part10(numbered(1)), part10(numbered(2)), part10(numbered(3)))
    said = problem(post(whole[: len(whole) * 5 // 6]), 400)
    assert "2 instances that came whole" in said
    assert archive.study(STUDY).number_of_instances == 2
    assert archive.quarantined_count() == 0
    assert not list((archive.data / "incoming").rglob("*.part"))
    assert post(whole).status_code == 200
    assert archive.study(STUDY).number_of_instances == 3


def test_too_many_parts_are_413(app: Flask, post: Post) -> None:
    _limit(app, store_max_parts=1000)
    assert "more than 1000 parts" in problem(post(files(*[b"x"] * 100_000)), 413)


def test_a_hundred_thousand_parts_are_refused_by_default(post: Post, archive: Archive) -> None:
    """Nothing is taken down for the limit: empty parts cost next to nothing until it is met."""
    assert "more than 50000 parts" in problem(post(body([part(b"")] * 100_000)), 413)
    assert archive.health().instances == 0
    assert post(files(part10(numbered(1)))).status_code == 200


def test_a_body_over_the_limit_is_413_whatever_it_announces(app: Flask, post: Post, archive: Archive) -> None:
    data = files(part10(numbered(1)), part10(numbered(2)))
    _limit(app, store_max_bytes=len(data) - 300)
    assert "more than" in problem(post(data), 413)
    assert archive.health().instances == 0


def test_what_is_already_stored_stays_when_the_limit_is_met(app: Flask, technician: dict[str, str]) -> None:
    large = {"Rows": 512, "Columns": 512, "PixelData": bytes(1 << 19)}
    one, two = part(part10(numbered(1, **large))), part(part10(numbered(2, **large)))
    _limit(app, store_max_bytes=len(one) + len(two) // 2)
    headers = {**technician, **STOW}
    environ = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(body([one, two]))}
    answer = app.test_client().post("/dicom-web/studies", headers=headers, environ_overrides=environ)
    assert "1 instances that came whole before are stored" in problem(answer, 413)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=a-boundary", "x", "text/plain",
                                  'multipart/related; type="image/png"; boundary=a-boundary'])  # fmt: skip
def test_other_media_types_are_415(post: Post, kind: str) -> None:
    answer = post(files(b"x"), Content_Type=kind)
    assert "application/dicom" in problem(answer, 415)
    assert "application/dicom" in answer.headers["Accept"]


def test_a_body_with_a_content_encoding_is_415(post: Post) -> None:
    assert "Content-Encoding" in problem(post(b"\x1f\x8b" + bytes(100), Content_Encoding="gzip"), 415)


def test_an_answer_that_nobody_can_read_is_406_before_anything_is_stored(post: Post, archive: Archive) -> None:
    problem(post(files(part10(numbered(1))), Accept="text/html"), 406)
    assert archive.health().instances == 0


def test_a_study_that_is_no_uid_is_404(post: Post) -> None:
    problem(post(files(part10(numbered(1))), "/dicom-web/studies/..%2f..%2fetc"), 404)
    problem(post(files(part10(numbered(1))), "/dicom-web/studies/1.2.x"), 404)


@pytest.mark.parametrize("uid", ["../../../../etc/passwd/a/b/c/d", "1.2/3", "1.2\0.3", "1..2", "a.b", ""])
def test_uids_that_form_paths_are_refused(post: Post, archive: Archive, uid: str) -> None:
    inside = f"{SERIES}.1".encode()
    whole = part10(numbered(1)).replace(inside, uid.encode().ljust(len(inside), b"\0"))
    assert post(files(whole)).status_code == 409
    assert archive.health().instances == 0


def test_an_object_with_a_broken_meta_group_is_in_quarantine(post: Post, archive: Archive) -> None:
    whole = part10(numbered(1)).replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI")
    assert post(files(whole)).status_code == 409
    assert archive.quarantined_count() == 1


def test_an_empty_part_and_one_of_another_type_fail_alone(post: Post) -> None:
    answer = post(
        body([part(b""), part(b"x", "image/png"), part(part10(numbered(1)), Content_Transfer_Encoding="base64")])
    )
    assert answer.status_code == 409
    assert len(json_of(answer)["0008119A"]["Value"]) == 3


def _limit(app: Flask, **limits: int) -> None:
    known = services_of(app)
    app.extensions["filmless"] = replace(known, settings=replace(known.settings, **limits))  # type: ignore[arg-type]
