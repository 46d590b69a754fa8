"""The capabilities and the OpenAPI document tell what the app does, no more and no less."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Role
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from viewer import dicomweb
from viewer.dicomweb import search_keys
from viewer.dicomweb.description import OPERATIONS
from viewer.dicomweb.media_types import parse

_VARIABLES = {
    "study": STUDY,
    "series": SERIES,
    "instance": INSTANCE,
    "listed": "1",
    "place": "7FE00010",
    "code": "113001",
}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/dicom-web/openapi.json")
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    return answer.json


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_every_route_is_in_the_document_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule).removeprefix("/dicom-web"), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/dicom-web")
    }
    assert {(path, method) for path, method, _ in _operations(document)} == routes
    assert len(routes) >= 20


def test_every_endpoint_is_described(app: Flask) -> None:
    ours = {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/dicom-web")}
    assert ours == set(OPERATIONS)


def test_the_document_is_sound(document: dict[str, Any]) -> None:
    names = [one["operationId"] for _, _, one in _operations(document)]
    assert len(names) == len(set(names))
    for path, _, one in _operations(document):
        in_path = [p["name"] for p in one["parameters"] if p["in"] == "path"]
        assert in_path == re.findall(r"{(\w+)}", path)
        assert all(p["schema"] and p.get("required", True) for p in one["parameters"])
        assert one["summary"]
        assert "default" in one["responses"]
    assert document["servers"] == [{"url": "http://localhost/dicom-web"}]


def test_what_is_said_to_be_sent_is_sent(client: FlaskClient, archive: Archive, document: dict[str, Any]) -> None:
    """Each media type, asked for alone, comes or is refused by 406; without asking, one of them comes."""
    store(archive, ct())
    for path, method, one in _operations(document):
        if method != "get" or path == "/wado":
            continue
        address = "/dicom-web" + re.sub(r"{(\w+)}", lambda m: _VARIABLES[m[1]], path)
        promised = one["responses"]["200"].get("content", {})
        plain = client.get(address)
        assert plain.status_code == 200, (address, plain.text)
        assert parse(plain.content_type).essence in promised, address
        for media_type in promised:
            answer = client.get(address, headers={"Accept": media_type})
            assert answer.status_code in (200, 406), (address, media_type)
            if answer.status_code == 200:
                assert parse(answer.content_type).essence == media_type, address


def test_every_resource_may_be_kept_by_its_caller_alone(
    client: FlaskClient, archive: Archive, document: dict[str, Any]
) -> None:
    store(archive, ct())
    uri = f"?requestType=WADO&studyUID={STUDY}&seriesUID={SERIES}&objectUID={INSTANCE}"
    asked = 0
    for path, method, one in _operations(document):
        if method == "get":
            address = "/dicom-web" + re.sub(r"{(\w+)}", lambda m: _VARIABLES[m[1]], path)
            address += uri if path == "/wado" else ""
            for media_type in one["responses"]["200"].get("content", {}):
                first = client.get(address, headers={"Accept": media_type})
                if first.status_code == 200:
                    asked += 1
                    assert first.headers["Cache-Control"].startswith("private"), address
                    known = {"Accept": media_type, "If-None-Match": f'"x", {first.headers["ETag"]}'}
                    again = client.get(address, headers=known)
                    assert (again.status_code, again.data) == (304, b""), (address, media_type)
                    assert again.headers["ETag"] == first.headers["ETag"]
            assert "304" in one["responses"], path
    assert asked > 60


def test_capabilities_as_json_and_wadl(client: FlaskClient, document: dict[str, Any]) -> None:
    for method, path in itertools.product(("GET", "OPTIONS"), ("/dicom-web/", "/dicom-web")):
        answer = client.open(path, method=method)
        assert answer.content_type == "application/json"
        assert answer.headers.get("Allow") == ("GET, HEAD, OPTIONS" if method == "OPTIONS" else None)
        assert answer.json is not None
        assert answer.json["openapi"] == "http://localhost/dicom-web/openapi.json"
        told = {(one["path"], one["method"].lower()) for one in answer.json["resources"]}
        assert told == {(path, method) for path, method, _ in _operations(document)}
    answer = client.get("/dicom-web/", headers={"Accept": "application/vnd.sun.wadl+xml"})
    root = ET.fromstring(answer.data)
    methods = root.findall(".//{http://wadl.dev.java.net/2009/02}method")
    assert len(methods) == len(_operations(document))
    assert client.get("/dicom-web/", headers={"Accept": "text/html"}).status_code == 406


def test_they_are_compressed_and_may_be_kept(client: FlaskClient, document: dict[str, Any]) -> None:
    for path in ("/dicom-web/", "/dicom-web/openapi.json"):
        answer = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(answer.data)) == client.get(path).json
        assert answer.headers["Cache-Control"].startswith("private")
        known = {"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]}
        again = client.get(path, headers=known)
        assert (again.status_code, again.data) == (304, b"")
        assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


def test_every_parameter_that_is_read_is_described() -> None:
    """What the views take out of the query string stands in the table, and the other way round."""
    told = {name for operation in OPERATIONS.values() for name in operation.query} - {"search"}
    folder = Path(dicomweb.__file__).parent
    taken = set(search_keys._PARAMETERS) - {"charset"}  # of no use here, as all text is UTF-8
    for file in folder.rglob("*.py"):
        text = file.read_text()
        taken |= set(re.findall(r"""\bargs(?:\.get|\.getlist)?[(\[]"(\w+)\"""", text))
        taken |= set(re.findall(r"""_needed\("(\w+)"\)""", text))
    taken |= {"rows", "columns", "region", "presentationSeriesUID", "presentationUID"}  # read in a loop
    taken -= {"anonymize"}  # refused
    assert told == taken


def test_everybody_who_signed_in_may_read_them(sign_in: Callable[[Role], FlaskClient], visitor: FlaskClient) -> None:
    assert visitor.get("/dicom-web/").status_code == 401
    assert visitor.get("/dicom-web/openapi.json").status_code == 401
    assert sign_in(Role.TECHNICIAN).get("/dicom-web/").status_code == 200
