"""Pages of other sites: welcome at DICOMweb by setting, nowhere else."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from storage.archive import Archive
from storage.records import Role
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.rsgi import Client, scope
from tests.support.stow import STOW, files, part10
from tests.support.web import PASSWORD
from viewer.app import create_app
from viewer.config import ViewerSettings
from viewer.dicomweb.wado.fast_frames import FastFrames
from viewer.services import services_of
from viewer.sign_in_cache import SignInCache

ORIGIN = "https://viewer.example"
METADATA = f"/dicom-web/studies/{STUDY}/metadata"
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{Role.TECHNICIAN.value}:{PASSWORD}".encode()).decode()}


@pytest.fixture
def app(data: Path) -> Iterator[Flask]:
    """An app that welcomes one origin."""
    made = create_app(ViewerSettings(data=data, cors_origins=(ORIGIN, "http://localhost:3000")))
    yield made
    services_of(made).close()


@pytest.fixture
def browser(app: Flask, archive: Archive) -> FlaskClient:
    """A browser, and a study."""
    store(archive, ct())
    return app.test_client()


def _preflight(browser: FlaskClient, path: str, origin: str = ORIGIN, headers: str = "authorization") -> TestResponse:
    fields = {"Origin": origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": headers}
    return browser.options(path, headers=fields)


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000"])
def test_a_browser_that_asks_beforehand_is_told_yes(browser: FlaskClient, origin: str) -> None:
    answer = _preflight(browser, METADATA, origin, "authorization, content-type, x<script>")
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        (METADATA, "https://evil.example"),
        (METADATA, "https://viewer.example.evil.example"),
        (METADATA, "null"),
        ("/", ORIGIN),
        ("/upload", ORIGIN),
        (f"/study/{STUDY}", ORIGIN),
    ],
)
def test_others_and_elsewhere_are_told_no(browser: FlaskClient, path: str, origin: str) -> None:
    answer = _preflight(browser, path, origin)
    assert answer.status_code in (401, 303)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_answers_and_errors_can_be_read_by_the_page(browser: FlaskClient) -> None:
    for path, status in ((METADATA, 200), ("/dicom-web/studies/1.2.3/metadata", 404)):
        answer = browser.get(path, headers={**BASIC, "Origin": ORIGIN})
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, ORIGIN)
        exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        assert {"ETag", "Warning", "X-Total-Count", "X-Total-Count-At-Least"} <= exposed
    assert browser.get(METADATA, headers={"Origin": ORIGIN}).headers["Access-Control-Allow-Origin"] == ORIGIN  # a 401


def test_a_cache_keeps_answers_for_each_origin_apart(browser: FlaskClient) -> None:
    answer = browser.get(METADATA, headers=BASIC)
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_welcome_page_may_store_and_another_may_not(browser: FlaskClient) -> None:
    data = files(part10(ct(SOPInstanceUID="1.2.3.4")))
    fields = {**STOW, **BASIC, "Sec-Fetch-Site": "cross-site"}
    path = "/dicom-web/studies"
    assert browser.post(path, data=data, headers={**fields, "Origin": "https://evil.example"}).status_code == 403
    assert browser.post(path, data=data, headers={**fields, "Origin": ORIGIN}).status_code == 200


def test_a_welcome_origin_is_another_site_for_our_pages(browser: FlaskClient) -> None:
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}
    answer = browser.post("/login", data={"username": "admin", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403


def test_without_the_setting_nothing_is_said(data: Path, archive: Archive) -> None:
    app = create_app(ViewerSettings(data=data))
    store(archive, ct())
    answer = app.test_client().get(METADATA, headers={**BASIC, "Origin": ORIGIN})
    assert answer.status_code == 200
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert _preflight(app.test_client(), METADATA).status_code == 401
    services_of(app).close()


def test_frames_for_a_welcome_page_take_the_quick_way(app: Flask, browser: FlaskClient) -> None:
    services = services_of(app)
    headers = {"Authorization": f"Bearer {services.records.tokens.add('page', Role.CLINICIAN)}", "Accept": "*/*"}
    path = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}/frames/1"
    slow = browser.get(path, headers={**headers, "Origin": ORIGIN}, environ_overrides={"REMOTE_ADDR": "10.1.2.3"})
    quick = FastFrames(services, SignInCache(services.records))

    def asked(**more: str) -> tuple[object, ...]:
        fields = [(name.lower(), value) for name, value in {**headers, **more}.items()]
        request, client = scope(path=path, headers=fields, scheme="http"), Client()
        assert asyncio.run(quick.answer(request, client)) == bool(client.answer)  # type: ignore[arg-type]
        return client.answer

    status, fields = asked(Origin=ORIGIN)[1:3]
    assert status == slow.status_code == 200
    found: dict[str, set[str]] = {}
    for name, value in fields:  # type: ignore[attr-defined]
        found.setdefault(name, set()).update(value.split(", "))
    expected = {name.lower(): set(value.split(", ")) for name, value in slow.headers.items()}
    assert found == {name: value for name, value in expected.items() if name not in ("date", "content-length")}
    assert not asked(Origin="https://evil.example")
    plain = dict(asked()[2])  # type: ignore[call-overload]
    assert "access-control-allow-origin" not in plain
