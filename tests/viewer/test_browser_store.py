"""For whom a browser may keep images: told to pages so that they forget those of anybody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.records import Role
from tests.support.web import HTML, PASSWORD
from viewer import auth
from viewer.app import create_app
from viewer.config import ViewerSettings
from viewer.services import services_of


def told(browser: FlaskClient, path: str = "/") -> str | None:
    """What the script that forgets is told by a page; None for nothing."""
    page = browser.get(path, headers=HTML).text
    found = re.search(r'<script src="[^"]*js/kept\.js[^"]*" defer(?: data-for="([0-9a-f]*)")?></script>', page)
    assert found, page[:500]
    return found[1]


def test_each_person_has_one_of_their_own(sign_in: Callable[[Role], FlaskClient]) -> None:
    doctor, other = told(sign_in(Role.RADIOLOGIST)), told(sign_in(Role.CLINICIAN))
    assert doctor
    assert other
    assert doctor != other
    assert told(sign_in(Role.RADIOLOGIST)) == doctor


def test_a_new_version_begins_anew(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = told(client)
    monkeypatch.setattr("viewer.browser_store.RENDERING_VERSION", "other")
    assert told(client) != before


def test_nobodys_after_signing_out_and_left_when_a_session_ran_out(client: FlaskClient, visitor: FlaskClient) -> None:
    assert told(visitor, "/login") == ""
    visitor.set_cookie(auth.COOKIE, "ran out")
    assert told(visitor, "/login") is None
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', client.get("/", headers=HTML).text)
    assert token
    assert client.post("/logout", data={"csrf_token": token[1]}).status_code == 303
    assert told(client, "/login") == ""


def test_nobodys_where_it_is_forbidden(app: Flask, data: Path) -> None:
    settings: ViewerSettings = replace(services_of(app).settings, browser_cache_mb=0)
    forbidding = create_app(settings)
    try:
        browser = forbidding.test_client()
        browser.post("/login", data={"username": "radiologist", "password": PASSWORD})
        assert told(browser) == ""
    finally:
        services_of(forbidding).close()
