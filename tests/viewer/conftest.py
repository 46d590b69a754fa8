"""Fixtures of the web side: an app over a small archive, signed-in clients, a real server process."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.web import PASSWORD, Server, running
from viewer.app import create_app
from viewer.config import ViewerSettings
from viewer.services import services_of


@pytest.fixture(scope="session")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with a user of each role, made once: passwords are slow on purpose."""
    folder = tmp_path_factory.mktemp("users")
    with Records.open(folder) as records:
        for role in Role:
            records.users.add(role.value, role, PASSWORD)
    return folder / "records.sqlite3"


@pytest.fixture
def data(tmp_path: Path, users: Path) -> Path:
    """The data folder that app, archive and server of one test share; it has a user of each role."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(users, folder)
    return folder


@pytest.fixture
def archive(data: Path) -> Iterator[Archive]:
    """The archive, opened a second time as a receiver does."""
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as opened:
        yield opened


@pytest.fixture
def app(data: Path) -> Iterator[Flask]:
    """The app; what it opened is closed at the end."""
    made = create_app(ViewerSettings(data=data, dicom_port=1, aet="TESTAET"))
    yield made
    services_of(made).close()


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    """A browser that has not signed in."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask) -> Callable[[Role], FlaskClient]:
    """Return a browser that has signed in as a role."""

    def as_role(role: Role) -> FlaskClient:
        client = app.test_client()
        answer = client.post("/login", data={"username": role.value, "password": PASSWORD})
        assert answer.status_code == 303
        return client

    return as_role


@pytest.fixture
def client(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    """A radiologist's browser."""
    return sign_in(Role.RADIOLOGIST)


@pytest.fixture
def server(data: Path) -> Iterator[Server]:
    """A server of its own for one test."""
    with running(data) as started:
        yield started
