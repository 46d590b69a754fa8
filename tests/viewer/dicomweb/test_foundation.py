"""What all services of DICOMweb share: who is let in, and how refusals look."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from storage.errors import NotFound, OutOfSpace, QueryError, UnsafeUID
from storage.records import Role
from tests.support.web import HTML
from viewer.dicomweb import errors, negotiation, resources
from viewer.dicomweb.media_types import DICOM_JSON, JSON, XML, related
from viewer.permissions import Permission, needs


def _is_problem(answer: TestResponse, status: int) -> str:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["status"] == status
    assert answer.json["title"]
    detail = answer.json["detail"]
    assert isinstance(detail, str)
    assert detail
    assert "\n" not in detail
    return detail


def test_a_program_is_asked_to_sign_in_and_never_sent_to_a_page(visitor: FlaskClient) -> None:
    for address in ("/dicom-web/", "/dicom-web/studies", "/dicom-web/nothing"):
        answer = visitor.get(address, headers=HTML)
        _is_problem(answer, 401)
        ways = answer.headers.getlist("WWW-Authenticate")
        assert ways == ['Bearer realm="Filmless"', 'Basic realm="Filmless", charset="UTF-8"']


def test_a_script_of_a_page_opens_no_password_box(visitor: FlaskClient) -> None:
    answer = visitor.get("/dicom-web/studies", headers={"Sec-Fetch-Mode": "cors"})
    assert answer.headers.getlist("WWW-Authenticate") == ['Bearer realm="Filmless"']


def test_what_is_not_there_is_a_problem_in_one_sentence(client: FlaskClient) -> None:
    assert _is_problem(client.get("/dicom-web/nothing", headers=HTML), 404).endswith(".")
    assert client.get("/nothing").content_type == "application/json"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no study"), 404),
        (UnsafeUID("StudyInstanceUID", "../x"), 404),
        (QueryError("not a range"), 400),
        (OutOfSpace("full"), 507),
        (RuntimeError("secret"), 500),
    ],
)
def test_errors_have_their_status(
    app: Flask, sign_in: Callable[[Role], FlaskClient], error: Exception, status: int
) -> None:
    @needs(Permission.VIEW_STUDIES)
    def view() -> str:
        raise error

    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/dicom-web/failing", "failing", view)
    assert "secret" not in _is_problem(sign_in(Role.CLINICIAN).get("/dicom-web/failing"), status)


def test_406_and_415_say_what_would_do(app: Flask, sign_in: Callable[[Role], FlaskClient]) -> None:
    @needs(Permission.VIEW_STUDIES)
    def view() -> str:
        return str(negotiation.negotiate((DICOM_JSON, XML)))

    @needs(Permission.VIEW_STUDIES)
    def store() -> str:
        return str(negotiation.content_type((JSON, related("application/dicom"))))

    app.add_url_rule("/dicom-web/view", "view", view)
    app.add_url_rule("/dicom-web/store", "store", store)
    client = sign_in(Role.CLINICIAN)
    assert client.get("/dicom-web/view").text == "application/dicom+json"
    assert client.get("/dicom-web/view?accept=application/dicom+json").text == "application/dicom+json"
    assert client.get("/dicom-web/view", headers={"Accept": "multipart/related"}).text == str(XML)
    answer = client.get("/dicom-web/view?accept=text/html")
    _is_problem(answer, 406)
    assert answer.json is not None
    assert answer.json["offered"] == ["application/dicom+json", 'multipart/related; type="application/dicom+xml"']
    taken = {"Content-Type": "multipart/related; type=application/dicom; boundary=x"}
    assert "boundary=x" in client.get("/dicom-web/store", headers=taken).text
    for wrong in ("text/html", "nonsense", "multipart/related", 'multipart/related; type="image/png"'):
        _is_problem(client.get("/dicom-web/store", headers={"Content-Type": wrong}), 415)
    _is_problem(client.get("/dicom-web/store"), 415)
    assert (
        client.get("/dicom-web/store").headers["Accept"]
        == 'application/json, multipart/related; type="application/dicom"'
    )


@pytest.mark.parametrize("uid", ["", "..", "1..2", "1/2", "a", "1." + "2" * 64, "1\0", " 1", "1.2\n"])
def test_a_uid_that_is_none_is_not_found(app: Flask, uid: str) -> None:
    with app.test_request_context("/dicom-web/"):
        for find in (
            lambda: resources.find_study(uid),
            lambda: resources.find_series("1", uid),
            lambda: resources.find_instance("1", "2", uid),
            lambda: resources.find_instances(uid),
            lambda: resources.find_instances("1", uid),
        ):
            with pytest.raises(UnsafeUID):
                find()


def test_only_paths_of_dicomweb_are_its_own() -> None:
    assert errors.is_dicomweb("/dicom-web")
    assert errors.is_dicomweb("/dicom-web/studies")
    assert not errors.is_dicomweb("/dicom-webs")


def test_a_slash_too_many_leads_on_whatever_stands_in_front(client: FlaskClient) -> None:
    """A proxy that speaks HTTPS reaches this process by another name; what it is told must not lead past it."""
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "pacs.example"}
    for method in ("GET", "HEAD"):
        answer = client.open("/dicom-web//studies?limit=1", method=method, headers=proxied)
        assert (answer.status_code, answer.headers["Location"]) == (308, "/dicom-web/studies?limit=1")
    assert client.get("/dicom-web//studies?limit=1", follow_redirects=True).json == []
