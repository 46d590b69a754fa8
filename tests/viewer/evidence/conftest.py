"""A small CT with known spacing, the validator of DICOM objects, and requests that change something."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from storage.archive import Archive
from storage.model import Instance
from storage.records import Role
from tests.support.evidence import complaints, slice_of
from tests.support.objects import store
from viewer.auth import COOKIE


@pytest.fixture
def validate(tmp_path: Path) -> Callable[[Path], list[str]]:
    """What `dciodvfy` calls an error; skipped by name where it is not installed, failed with CI=true."""
    tool = shutil.which("dciodvfy")
    if tool is None and os.environ.get("CI") == "true":
        pytest.fail("dciodvfy is not installed (Debian package dicom3tools)")
    if tool is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    return lambda path: complaints(tool, path)


@pytest.fixture
def image(archive: Archive) -> Instance:
    """The one image of the study."""
    return archive.instance(store(archive, slice_of()).sop_instance_uid)


@pytest.fixture
def post(app: Any, client: FlaskClient) -> Callable[..., TestResponse]:
    """Send JSON as the pages do, with the token of the session."""

    def send(address: str, body: object, by: FlaskClient = client) -> TestResponse:
        from viewer import security

        cookie = by.get_cookie(COOKIE)
        assert cookie is not None
        with app.test_request_context("/", headers={"Cookie": f"{COOKIE}={cookie.value}"}):
            token = security.csrf_token()
        return by.post(address, json=body, headers={"X-CSRF-Token": token})

    return send


@pytest.fixture
def clinician(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    """Somebody who may look and not save."""
    return sign_in(Role.CLINICIAN)
