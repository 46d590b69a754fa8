"""The page of the reading room: when it is shown, and what it brings with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from storage.archive import Archive
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.web import HTML
from viewer.pages import reading, study
from viewer.reading import built

MANIFEST = {
    "src/main.ts": {
        "file": "assets/main-1.js",
        "css": ["assets/main-1.css"],
        "imports": ["_shared.js"],
        "dynamicImports": ["src/begin.ts"],
    },
    "src/begin.ts": {"file": "assets/begin-1.js", "imports": ["_shared.js"], "dynamicImports": ["src/rare.ts"]},
    "src/rare.ts": {"file": "assets/rare-1.js"},
    "_shared.js": {"file": "assets/shared-1.js"},
}


@pytest.fixture
def app_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built app as Vite leaves it, in place of the true one."""
    folder = tmp_path / "reading"
    (folder / "assets").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    (folder / "words.json").write_text(json.dumps(["Try again"]))
    (folder / "assets" / "main-1.js").write_text("plain")
    (folder / "assets" / "main-1.js.gz").write_bytes(b"packed")
    monkeypatch.setattr(study, "built_app", lambda: built.built_app(folder))
    monkeypatch.setattr(reading, "FOLDER", folder)
    return folder


@pytest.fixture
def one(archive: Archive) -> None:
    store(archive, ct(WindowCenter=40, WindowWidth=400))


def block(page: str, name: str) -> Any:
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_page_that_outlived_its_session_learns_the_new_token(client: FlaskClient) -> None:
    told = client.get("/reading/session")
    assert told.headers["Cache-Control"] == "no-store"
    assert told.get_json()["reader"] == "radiologist"
    answer = client.post(f"/study/{STUDY}/key-images", json={}, headers={"X-CSRF-Token": told.get_json()["token"]})
    assert answer.status_code != 403


@pytest.mark.usefixtures("one", "app_folder")
def test_the_study_opens_in_the_reading_room_with_its_first_picture(client: FlaskClient) -> None:
    answer = client.get(f"/study/{STUDY}", headers=HTML)
    assert "wasm-unsafe-eval" in answer.headers["Content-Security-Policy"]
    assert "'unsafe-eval'" not in answer.headers["Content-Security-Policy"]
    data = block(answer.text, "page-data")
    assert [series["uid"] for series in data["series"]] == [SERIES]
    assert data["first"]["position"] == 0
    assert data["first"]["facts"]["sop"] == INSTANCE
    assert data["first"]["facts"]["default_window"]["center"] == 40
    address = data["first"]["address"].replace("&", "&amp;")
    assert f'<link rel="preload" as="image" href="{address}"' in answer.text
    assert answer.text.index(address) < answer.text.index("assets/main-1.js"), "the picture is asked for first"
    assert client.get(data["first"]["address"]).headers["X-Window"] == "40,400,LINEAR"
    assert block(answer.text, "words") == {"Try again": "Thử lại"}
    for name in ("main-1.js", "begin-1.js", "shared-1.js", "main-1.css"):
        assert f"/assets/reading/assets/{name}" in answer.text
    assert "rare-1.js" not in answer.text


@pytest.mark.usefixtures("one", "app_folder")
def test_a_person_prefers_the_light_view_and_comes_back(client: FlaskClient) -> None:
    assert 'id="viewport"' in client.get(f"/study/{STUDY}/light?prefer=1", headers=HTML).text
    answer = client.get(f"/study/{STUDY}", headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/study/{STUDY}/light")
    answer = client.get(f"/study/{STUDY}?series=1.2&image=7&study=1&layout=1x1", headers=HTML)
    assert answer.headers["Location"] == f"/study/{STUDY}/light?series=1.2&image=7"
    assert 'id="room"' in client.get(f"/study/{STUDY}?prefer=1", headers=HTML).text
    assert 'id="room"' in client.get(f"/study/{STUDY}", headers=HTML).text


@pytest.mark.usefixtures("one")
def test_without_a_built_app_the_light_view_says_why(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "built_app", lambda: None)
    page = client.get(f"/study/{STUDY}", headers=HTML).text
    assert 'id="viewport"' in page
    assert "Phòng đọc chưa được dựng trên máy chủ này" in page


def test_a_folder_that_was_never_built_has_no_app(tmp_path: Path) -> None:
    assert built.built_app(tmp_path) is None


@pytest.mark.usefixtures("one", "app_folder")
def test_files_of_the_app_are_kept_and_compressed(client: FlaskClient) -> None:
    address = "/assets/reading/assets/main-1.js"
    plain = client.get(address, buffered=True)
    assert (plain.data, plain.headers.get("Content-Encoding")) == (b"plain", None)
    assert "immutable" in plain.headers["Cache-Control"]
    assert "wasm-unsafe-eval" in plain.headers["Content-Security-Policy"], "workers compile codecs"
    packed = client.get(address, headers={"Accept-Encoding": "gzip, br"}, buffered=True)
    assert (packed.data, packed.headers["Content-Encoding"]) == (b"packed", "gzip")
    assert packed.headers["Content-Type"].startswith("text/javascript")
    for missing in ("assets/none.js", "../filmless.css", "..%2ffilmless.css", "assets/%00"):
        assert client.get(f"/assets/reading/{missing}").status_code == 404, missing
