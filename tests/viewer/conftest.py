"""Fixtures of the web side: an app over a small archive, signed-in clients, a real server process."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.peers import free_port
from viewer.app import create_app
from viewer.config import ViewerSettings
from viewer.services import services_of

PASSWORD = "correct horse battery"
HTML = {"Accept": "text/html"}


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


@dataclass(frozen=True)
class Server:
    """A running `python -m viewer`."""

    host: str
    port: int
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=20)

    def cookie(self, role: Role = Role.RADIOLOGIST) -> str:
        """Sign in and return the Cookie header."""
        connection = self.connect()
        body = f"username={role.value}&password={PASSWORD.replace(' ', '+')}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", body, headers)
        answer = connection.getresponse()
        assert answer.status == 303, answer.read()
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        connection.close()
        return cookie


def start_viewer(data: Path, port: int, *more: str) -> subprocess.Popen[str]:
    """Start the server as a process of its own."""
    command = [sys.executable, "-m", "viewer", "--data", str(data), "--http-port", str(port), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_until_up(process: subprocess.Popen[str], port: int) -> None:
    """Return once the server answers; fail with what it said when it ended."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {process.communicate()[0]}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/login")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail("the server did not answer within a minute")


@contextmanager
def running(data: Path, *more: str) -> Iterator[Server]:
    """A server on an ephemeral port, stopped at the end."""
    port = free_port()
    process = start_viewer(data, port, *more)
    try:
        wait_until_up(process, port)
        yield Server("127.0.0.1", port, process)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def server(data: Path) -> Iterator[Server]:
    """A server of its own for one test."""
    with running(data) as started:
        yield started
