"""An OHIF folder mounted at `/ohif/`: what is sent, and from where it loads the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.records import Role
from tests.support.web import HTML
from viewer.app import create_app
from viewer.config import ViewerSettings
from viewer.services import services_of

START = """<!doctype html><script>window.PUBLIC_URL = '/';</script><link href="/assets/icon.png">
<script src="/app-config.js"></script><script src="/app.bundle.0123456789abcdef0123.js"></script>
<a href="//elsewhere.example/"></a>"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What a build of OHIF looks like."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(START)
    (folder / "app-config.js").write_text("window.config = 'built in';")
    (folder / "app.bundle.0123456789abcdef0123.js").write_text('__webpack_require__.p = "/"; go("/x")')
    (folder / "app.css").write_text("@font-face { src: url(/font.woff2) }")
    (folder / "plain.js").write_text("go()")
    (folder / "assets" / "icon.png").write_bytes(b"png")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "outside").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def app(data: Path, built: Path) -> Iterator[Flask]:
    """An app with that folder."""
    made = create_app(ViewerSettings(data=data, ohif=built))
    yield made
    services_of(made).close()


@pytest.mark.parametrize(
    "path", ["/ohif/", "/ohif/index.html", "/ohif/viewer?StudyInstanceUIDs=1.2.3", "/ohif/local/x"]
)
def test_the_start_page_loads_from_here(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200
    assert "window.__filename = window.PUBLIC_URL = '/ohif/'" in answer.text
    assert 'src="/ohif/app.bundle' in answer.text
    assert 'href="/ohif/assets/icon.png"' in answer.text
    assert 'href="//elsewhere.example/"' in answer.text
    assert "'unsafe-eval'" in answer.headers["Content-Security-Policy"]


def test_scripts_and_styles_load_the_rest_from_here(client: FlaskClient) -> None:
    with client.get("/ohif/app.bundle.0123456789abcdef0123.js") as script:
        assert script.text == '__webpack_require__.p = "/ohif/"; go("/x")'
        assert "immutable" in script.headers["Cache-Control"]
        assert script.mimetype == "text/javascript"
    with client.get("/ohif/app.css") as style:
        assert "url(/ohif/font.woff2)" in style.text
        assert style.mimetype == "text/css"
    with client.get("/ohif/plain.js") as script:
        assert script.text == "go()"
        assert "immutable" not in script.headers["Cache-Control"]


def test_a_newer_build_is_noticed(client: FlaskClient, built: Path) -> None:
    client.get("/ohif/app.css").close()
    (built / "app.css").write_text("body { background: url(/new.png) }")
    with client.get("/ohif/app.css") as style:
        assert "url(/ohif/new.png)" in style.text


def test_its_configuration_points_at_our_services(client: FlaskClient) -> None:
    setting, handler = client.get("/ohif/app-config.js").text.splitlines()
    config = json.loads(setting.removeprefix("window.config = ").removesuffix(";"))
    (source,) = config["dataSources"]
    assert source["sourceName"] == config["defaultDataSourceName"]
    assert {source["configuration"][key] for key in ("qidoRoot", "wadoRoot")} == {"/dicom-web"}
    assert config["routerBasename"] == "/ohif"
    assert handler.startswith("window.config.httpErrorHandler = (error) =>")


def test_our_own_pages_keep_their_policy(client: FlaskClient) -> None:
    assert "unsafe" not in client.get("/", headers=HTML).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["no-such.js", "../secret.txt", "..%2fsecret.txt", "assets/../../secret.txt", "%2fetc/x.y"]
)
def test_what_is_not_in_the_folder_is_not_sent(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/ohif/{path}")
    assert answer.status_code == 404 or "secret" not in answer.text


def test_nobody_sees_it_who_has_not_signed_in(visitor: FlaskClient) -> None:
    answer = visitor.get("/ohif/viewer?StudyInstanceUIDs=1.2.3", headers=HTML)
    assert answer.status_code == 303
    assert answer.location == "/login?next=/ohif/viewer%3FStudyInstanceUIDs%3D1.2.3"
    assert visitor.get("/ohif/plain.js").status_code == 401


def test_without_the_setting_there_is_nothing(data: Path) -> None:
    app = create_app(ViewerSettings(data=data))
    token = services_of(app).records.tokens.add("one", Role.ADMIN)
    for path in ("/ohif", "/ohif/", "/ohif/app-config.js", "/ohif/plain.js"):
        assert app.test_client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 404
    services_of(app).close()


def test_a_folder_without_a_build_says_so(data: Path, tmp_path: Path, sign_in: Callable[[Role], FlaskClient]) -> None:
    app = create_app(ViewerSettings(data=data, ohif=tmp_path / "empty"))
    token = services_of(app).records.tokens.add("one", Role.ADMIN)
    answer = app.test_client().get("/ohif/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404
    assert "no built OHIF" in answer.json["detail"]
    services_of(app).close()
