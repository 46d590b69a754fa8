"""The pages that take a study out of use and bring it back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Role
from storage.rejection import Reason, Target
from tests.support.objects import SERIES, STUDY, ct, store
from tests.support.web import HTML

FORM = f"/study/{STUDY}/reject"


@pytest.fixture
def admin(sign_in: Callable[[Role], FlaskClient], archive: Archive) -> FlaskClient:
    """An admin's browser, on an archive of one study with two series."""
    store(archive, ct())
    store(archive, ct(SeriesInstanceUID=f"{SERIES}.2", SOPInstanceUID=f"{SERIES}.2.1", SeriesDescription="<b>x</b>"))
    return sign_in(Role.ADMIN)


def _token(browser: FlaskClient, path: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', browser.get(path, headers=HTML).text)
    assert found
    return {"csrf_token": found[1]}


def test_a_study_is_asked_for_rejected_listed_and_restored(admin: FlaskClient, archive: Archive) -> None:
    page = admin.get(FORM, headers={**HTML, "Accept-Language": "en"}).text
    assert "Nguyễn Văn Đức" in page
    assert "vanish from every list" in page
    assert "&lt;b&gt;x" in page
    token = _token(admin, FORM)
    answer = admin.post(FORM, data={**token, "reason": Reason.QUALITY.value, "comment": " moved <i> "}, headers=HTML)
    assert (answer.status_code, answer.location) == (303, "/rejected")
    listed = admin.get("/rejected", headers={**HTML, "Accept-Language": "en"}).text
    assert "moved &lt;i&gt;" in listed
    assert "30 days" in listed
    (rejection,) = archive.rejections.page(10)
    note = admin.get(f"/rejected/{rejection.identifier}/note")
    assert note.mimetype == "application/dicom"
    assert note.data[128:132] == b"DICM"
    note.close()
    answer = admin.post(f"/rejected/{rejection.identifier}/restore", data=token, headers=HTML)
    assert answer.location == f"/study/{STUDY}"
    assert archive.study(STUDY).number_of_instances == 2


def test_one_series_may_be_chosen(admin: FlaskClient, archive: Archive) -> None:
    form = {**_token(admin, FORM), "reason": Reason.PATIENT_SAFETY.value, "series": SERIES}
    assert admin.post(FORM, data=form, headers=HTML).status_code == 303
    assert archive.study(STUDY).number_of_series == 1


@pytest.mark.parametrize("reason", ["", "x", "113000"])
def test_without_a_reason_nothing_is_rejected(admin: FlaskClient, archive: Archive, reason: str) -> None:
    assert admin.post(FORM, data={**_token(admin, FORM), "reason": reason}, headers=HTML).status_code == 400
    assert archive.rejections.count() == 0


def test_another_site_cannot_reject(admin: FlaskClient, archive: Archive) -> None:
    assert admin.post(FORM, data={"reason": Reason.QUALITY.value}, headers=HTML).status_code == 403
    assert archive.rejections.count() == 0


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.CLINICIAN, Role.TECHNICIAN])
def test_others_neither_see_the_button_nor_the_pages(
    admin: FlaskClient, archive: Archive, sign_in: Callable[[Role], FlaskClient], role: Role
) -> None:
    browser = sign_in(role)
    for path in (FORM, "/rejected"):
        assert browser.get(path, headers=HTML).status_code == 403
    assert "/reject" not in browser.get(f"/study/{STUDY}/light", headers=HTML).text
    assert f"/study/{STUDY}/reject" in admin.get(f"/study/{STUDY}/light", headers=HTML).text
    identifier = archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier
    assert browser.get(f"/rejected/{identifier}/note").status_code == 403


def test_what_is_not_rejected_is_404(admin: FlaskClient) -> None:
    token = _token(admin, FORM)
    assert admin.post("/rejected/20260101T000000000000Z-00000000/restore", data=token).status_code == 404
    assert admin.get("/study/1.2.3/reject", headers=HTML).status_code == 404
