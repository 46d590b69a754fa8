"""Taking objects out of use over HTTP, and what no service shows then."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.errors import IndexFailed
from storage.records import Event, Role
from storage.rejection import Reason, Target
from storage.rejection.note import write_note
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.stow import STOW, bearer, files, part10
from viewer.services import services_of

STUDY_PATH = f"/dicom-web/studies/{STUDY}"
SERIES_PATH = f"{STUDY_PATH}/series/{SERIES}"
INSTANCE_PATH = f"{SERIES_PATH}/instances/{INSTANCE}"


@pytest.fixture
def admin(app: Flask) -> FlaskClient:
    """A program that may."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = bearer(services_of(app).records.tokens.add("qa", Role.ADMIN))[
        "Authorization"
    ]
    return client


@pytest.fixture
def stored(archive: Archive) -> Archive:
    """One study of one series with two instances."""
    store(archive, ct())
    store(archive, ct(SOPInstanceUID=f"{INSTANCE}.2", InstanceNumber=2))
    return archive


@pytest.mark.parametrize(("path", "left"), [(STUDY_PATH, 0), (SERIES_PATH, 0), (INSTANCE_PATH, 1)])
def test_delete_rejects_and_can_be_undone(admin: FlaskClient, stored: Archive, path: str, left: int) -> None:
    assert admin.delete(path).status_code == 204
    assert stored.health().instances == left
    (rejection,) = stored.rejections.page(10)
    assert (rejection.reason, rejection.by) == (Reason.QUALITY, "qa")
    assert admin.delete(path).status_code == 404
    stored.rejections.restore(rejection.identifier)
    assert stored.health().instances == 2


@pytest.mark.parametrize("code", ["113037^DCM", "113037", "113037%5EDCM"])
def test_reject_with_a_code_as_dcm4chee_does(admin: FlaskClient, stored: Archive, code: str) -> None:
    answer = admin.post(f"{SERIES_PATH}/reject/{code}")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["count"] == 2
    assert stored.rejections.get(answer.json["rejection"]).reason is Reason.PATIENT_SAFETY


@pytest.mark.parametrize("code", ["113000^DCM", "113001^SCT", "x", "113001^DCM^x"])
def test_what_is_no_reason_is_400(admin: FlaskClient, stored: Archive, code: str) -> None:
    answer = admin.post(f"{STUDY_PATH}/reject/{code}")
    assert answer.status_code == 400
    assert "113001^DCM" in answer.json["detail"]  # type: ignore[index]
    assert stored.rejections.count() == 0


@pytest.mark.parametrize("path", ["1.2.3", "..%2f..", f"{STUDY}/series/1.2", f"{STUDY}/series/{SERIES}/instances/1..2"])
def test_what_is_not_there_is_404(admin: FlaskClient, stored: Archive, path: str) -> None:
    assert admin.delete(f"/dicom-web/studies/{path}").status_code == 404
    assert stored.rejections.count() == 0


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.CLINICIAN, Role.TECHNICIAN])
def test_only_some_roles_may(app: Flask, stored: Archive, role: Role) -> None:
    headers = bearer(services_of(app).records.tokens.add("one", role))
    assert app.test_client().delete(STUDY_PATH, headers=headers).status_code == 403
    assert stored.health().instances == 2


def test_it_is_in_the_audit(app: Flask, admin: FlaskClient, stored: Archive) -> None:
    admin.delete(STUDY_PATH)
    entry = services_of(app).records.audit.entries(1)[0]
    assert (entry.event, entry.who, entry.study_instance_uid) == (Event.REJECT.value, "qa", STUDY)


def test_the_same_objects_are_not_stored_again(admin: FlaskClient, stored: Archive) -> None:
    admin.delete(STUDY_PATH)
    answer = admin.post("/dicom-web/studies", data=files(part10(ct())), headers=STOW)
    assert answer.status_code == 409
    assert "is rejected" in answer.headers["Warning"]


def test_no_page_and_no_service_shows_it(
    admin: FlaskClient, stored: Archive, sign_in: Callable[[Role], FlaskClient]
) -> None:
    paths = [
        f"/study/{STUDY}/light", f"/study/{STUDY}/series", f"/study/{STUDY}/series/{SERIES}/frames",
        f"{STUDY_PATH}/metadata", f"{SERIES_PATH}/metadata", f"{INSTANCE_PATH}/metadata", f"{INSTANCE_PATH}/frames/1",
    ]  # fmt: skip
    browser = sign_in(Role.ADMIN)
    before = {path: browser.get(path).status_code for path in paths}
    assert set(before.values()) == {200}, before
    stored.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    assert {browser.get(path).status_code for path in paths} == {404}
    assert STUDY not in browser.get("/").text


@pytest.mark.parametrize(("role", "left"), [(Role.ADMIN, 1), (Role.TECHNICIAN, 2), (Role.RADIOLOGIST, 2)])
def test_a_note_that_is_stored_is_acted_on_for_those_who_may(
    app: Flask, stored: Archive, role: Role, left: int
) -> None:
    note = write_note(stored.study(STUDY), [stored.instance(INSTANCE)], Reason.PATIENT_SAFETY, "QA", "")
    headers = {**STOW, **bearer(services_of(app).records.tokens.add("station", role))}
    answer = app.test_client().post("/dicom-web/studies", data=files(part10(note)), headers=headers)
    assert answer.status_code == 200
    assert stored.study(STUDY).number_of_instances == left + 1
    entries = [e for e in services_of(app).records.audit.entries(9) if e.event == "reject"]
    assert [(e.who, e.study_instance_uid) for e in entries] == [("station", STUDY)] * (2 - left)


def test_what_a_note_did_before_it_failed_is_in_the_audit(
    app: Flask, admin: FlaskClient, stored: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(stored, ct(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1", SOPInstanceUID="1.2.9.1.1"))
    note = write_note(stored.study(STUDY), [stored.instance(INSTANCE)], Reason.QUALITY, "QA", "")
    other = write_note(stored.study("1.2.9"), [stored.instance("1.2.9.1.1")], Reason.QUALITY, "QA", "")
    note.CurrentRequestedProcedureEvidenceSequence.extend(other.CurrentRequestedProcedureEvidenceSequence)
    hide = stored.index.hide

    def fail_at_the_second(identifier: str, uids: Iterable[str]) -> int:
        if "1.2.9.1.1" in uids:
            raise IndexFailed("busy")
        return hide(identifier, uids)

    monkeypatch.setattr(services_of(app).archive.index, "hide", fail_at_the_second)
    assert admin.post("/dicom-web/studies", data=files(part10(note)), headers=STOW).status_code >= 500
    assert stored.rejections.count() == 1
    entries = [e for e in services_of(app).records.audit.entries(9) if e.event == "reject"]
    assert [e.study_instance_uid for e in entries] == [STUDY]


def test_a_note_that_cannot_be_obeyed_keeps_no_other_from_it(app: Flask, admin: FlaskClient, stored: Archive) -> None:
    bad = write_note(stored.study(STUDY), [stored.instance(INSTANCE)], Reason.QUALITY, "QA", "")
    del bad.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID
    good = write_note(stored.study(STUDY), [stored.instance(INSTANCE)], Reason.QUALITY, "QA", "")
    answer = admin.post("/dicom-web/studies", data=files(part10(bad), part10(good)), headers=STOW)
    assert answer.status_code >= 400
    assert bad.SOPInstanceUID in answer.text
    assert [one.comment for one in stored.rejections.page(9)] == [f"note {good.SOPInstanceUID}"]
