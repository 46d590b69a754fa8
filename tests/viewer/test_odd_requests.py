"""Requests that nobody of good will sends: answered with a 4xx, never with a 500."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Role
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.stow import BOUNDARY, bearer, body, files, part, part10
from tests.support.web import HTML, Server, running
from viewer.services import services_of

LARGE = ("9" * 18, "9" * 19, "9" * 30, "9" * 5000, "١٢")


@pytest.fixture(scope="module")
def odd_server(tmp_path_factory: pytest.TempPathFactory, users: Path) -> Iterator[Server]:
    """One server for what is sent byte by byte."""
    folder = tmp_path_factory.mktemp("odd") / "data"
    folder.mkdir()
    shutil.copy(users, folder)
    with running(folder) as server:
        yield server


@pytest.fixture
def token(client: FlaskClient) -> str:
    """The token of the session's forms."""
    match = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', client.get("/", headers=HTML).text)
    assert match is not None
    return match[1]


@pytest.mark.parametrize("number", LARGE, ids=range(len(LARGE)))
@pytest.mark.parametrize(
    "address",
    [
        "/transfers/{}",
        "/transfers/{}/part",
        f"/study/{STUDY}/instances/{INSTANCE}/frames/{{}}/image",
        f"/study/{STUDY}/instances/{INSTANCE}/frames/{{}}/value?row=0&column=0",
    ],
)
def test_numbers_of_any_length_are_not_found(client: FlaskClient, archive: Archive, address: str, number: str) -> None:
    store(archive, ct())
    assert client.get(address.format(number)).status_code == 404


@pytest.mark.parametrize("way", ["cancel", "again"])
def test_a_transfer_of_any_number_is_not_found(client: FlaskClient, token: str, way: str) -> None:
    for number in LARGE:
        assert client.post(f"/transfers/{number}/{way}", data={"csrf_token": token}).status_code == 404


@pytest.mark.parametrize("address", ["/transfers", "/transfers/rows", "/quarantine", "/"])
def test_pages_of_any_number_are_shown(client: FlaskClient, address: str) -> None:
    for page in (*LARGE, "-1", "0", "x", "1e5", "%00"):
        assert client.get(f"{address}?page={page}", headers=HTML).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        "[" * 500_000,
        '{"measurements":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"measurements": [{"uid": "1.2", "kind": "length", "image": {"instance": "1.2"}, '
        '"points": [[0, %s], [1, 1]]}]}' % ("9" * 400),
        '{"image": {"instance": "1.2"}, "window": {"center": 1, "width": %s}}' % ("9" * 400),
        '{"measurements": NaN}',
        '{"image": {"instance": "1.2"}, "window": {"center": NaN, "width": 1}}',
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        "",
    ],
    ids=range(8),
)
@pytest.mark.parametrize("address", ["measurements", "views", "key-images"])
def test_odd_json_is_refused(client: FlaskClient, archive: Archive, token: str, address: str, sent: str) -> None:
    store(archive, ct())
    headers = {"X-CSRF-Token": token, "Content-Type": "application/json"}
    answer = client.post(f"/study/{STUDY}/{address}", data=sent.encode("latin-1"), headers=headers)
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("odd", ["\r", "\n", "\r\nX-Smuggled: 1", "\x00", "\x1b[2J", "\x7f", "đ", "\u2028"])
def test_words_of_a_failure_stay_within_their_header_field(app: Flask, archive: Archive, odd: str) -> None:
    bearer_of = bearer(services_of(app).records.tokens.add("sender", Role.TECHNICIAN))
    ds = {"00080016": {"vr": "UI", "Value": [f"1.2{odd}"]}, "00080018": {"vr": "UI", "Value": [f"1.3{odd}"]},
          "00100010": {"vr": f"P{odd}", "Value": [odd]}}  # fmt: skip
    content_type = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'
    for accept in ("application/dicom+json", "application/dicom+xml"):
        headers = {"Content-Type": content_type, "Accept": accept, **bearer_of}
        sent = body([part(json.dumps([ds]).encode(), "application/dicom+json")])
        answer = app.test_client().post("/dicom-web/studies", data=sent, headers=headers)
        assert answer.status_code == 409, answer.text
        assert "X-Smuggled" not in answer.headers
        assert all(c.isprintable() and c.isascii() for warning in answer.headers.getlist("Warning") for c in warning)


def test_a_request_that_breaks_off_leaves_its_line_in_the_audit(app: Flask, archive: Archive) -> None:
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}',
        **bearer(services_of(app).records.tokens.add("sender", Role.TECHNICIAN)),
    }
    cut = files(part10(ct()), part10(ct(SOPInstanceUID="1.2.3")))[:-40]
    assert app.test_client().post("/dicom-web/studies", data=cut, headers=headers).status_code == 400
    assert archive.health().instances == 1
    entry = services_of(app).records.audit.entries(1)[0]
    assert (entry.event, entry.who, entry.detail) == ("store objects", "sender", "1 of 1, STOW-RS")


def test_an_answer_names_the_host_as_metadata_does(app: Flask, archive: Archive) -> None:
    headers = {
        "Content-Type": "application/dicom",
        "X-Forwarded-Host": "images.example",
        "X-Forwarded-Proto": "https",
        **bearer(services_of(app).records.tokens.add("sender", Role.TECHNICIAN)),
    }
    answer = app.test_client().post("/dicom-web/studies", data=part10(ct()), headers=headers)
    (item,) = json.loads(answer.text)["00081199"]["Value"]
    place = f"https://images.example/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
    assert item["00081190"]["Value"] == [place]


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /login HTTP/1.1\r\nHost: a\r\nX-Odd: \xff\xfe\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: a\r\nCookie: filmless_session=\xff; a={\"b\":1}\r\n\r\n",
        b"GET /events/studies HTTP/1.1\r\nHost: a\r\nCookie: a={\"b\":1}; filmless_session=\xff\r\n\r\n",
        b"GET /dicom-web/studies/1.2/series/1.3/instances/1.4/frames/1 HTTP/1.1\r\nHost: a\r\nAccept: \xff\r\n\r\n",
        b"GET /%ff%fe/%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /study/%ff?next=%ff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: \"><script>\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /login HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 600_000 + b"\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(2000)) + b"\r\n",
    ],
    ids=range(12),
)  # fmt: skip
def test_odd_bytes_on_the_wire_cost_a_4xx(odd_server: Server, raw: bytes) -> None:
    with socket.create_connection((odd_server.host, odd_server.port), timeout=20) as connection:
        try:
            connection.sendall(raw)
            status = connection.recv(1000).partition(b" ")[2][:3]
        except ConnectionError:
            status = b""
    assert status < b"500", status
    connection = odd_server.connect()
    connection.request("GET", "/login")
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    "query",
    ["rows=0000000019999999&columns=0000000019999999", "rows=8193", "columns=000000000", "imageQuality=0000000019999"],
)
def test_a_number_with_zeros_before_it_is_no_way_around_a_limit(
    client: FlaskClient, archive: Archive, query: str
) -> None:
    store(archive, ct())
    uids = f"studyUID={STUDY}&seriesUID={SERIES}&objectUID={INSTANCE}"
    assert client.get(f"/dicom-web/wado?requestType=WADO&{uids}&{query}").status_code == 400


def test_an_animation_is_no_way_to_fill_the_memory(client: FlaskClient, archive: Archive) -> None:
    frames = 20
    store(archive, ct(NumberOfFrames=frames, PixelData=bytes(128 * frames)))
    place = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}/rendered"
    for viewport, status in (("8192,8192", 406), ("2000,2000", 406), ("64,64", 200)):
        answer = client.get(f"{place}?viewport={viewport}", headers={"Accept": "image/gif"})
        assert answer.status_code == status, viewport
