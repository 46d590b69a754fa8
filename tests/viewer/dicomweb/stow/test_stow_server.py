"""Store requests over real connections: cut, slow, lying about their length, refused while they are still sent."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.objects import SERIES, STUDY, ct
from tests.support.stow import STOW, bearer, files, part10
from tests.support.web import Server, running

PATH = "/dicom-web/studies"


def _series(count: int, side: int = 512) -> bytes:
    pixels = {"Rows": side, "Columns": side, "PixelData": bytes(side * side * 2)}
    return files(*(part10(ct(SOPInstanceUID=f"{SERIES}.{i}", **pixels)) for i in range(count)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def headers(folder: Path) -> dict[str, str]:
    with Records.open(folder) as records:
        return {**STOW, **bearer(records.tokens.add("sender", Role.TECHNICIAN))}


@pytest.fixture(scope="module")
def stow(folder: Path, headers: dict[str, str]) -> Iterator[Server]:
    """One server for all tests: what one of them does to it, the next would notice."""
    with running(folder, "--minimum-free-bytes", "0") as server:
        yield server


def _post(server: Server, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    connection = server.connect()
    connection.request("POST", PATH, body, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def _begun(server: Server, headers: dict[str, str], length: int, body: bytes) -> socket.socket:
    """A request that announces `length` bytes and brings others."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = socket.create_connection((server.host, server.port), timeout=20)
    connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{fields}\r\n".encode() + body)
    return connection


def _answer(connection: socket.socket) -> tuple[int, str]:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    detail = json.loads(answer.read())["detail"]
    connection.close()
    return answer.status, detail


def test_a_series_is_stored_while_pages_are_served(stow: Server, headers: dict[str, str], folder: Path) -> None:
    status, text = _post(stow, headers, _series(40))
    assert status == 200, text
    with Archive.open(ArchiveSettings(folder)) as archive:
        assert archive.study(STUDY).number_of_instances == 40


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Accept": "image/png"}, 406),
        ({"Content-Type": 'multipart/related; type="application/dicom"; boundary=other'}, 400),
    ],
)
def test_a_refusal_reaches_a_sender_that_does_not_listen_yet(
    stow: Server, headers: dict[str, str], fields: dict[str, str], status: int
) -> None:
    found, text = _post(stow, {**headers, **fields}, _series(40))
    assert found == status
    assert json.loads(text)["detail"]


def test_a_body_that_ends_before_it_said_is_400(stow: Server, headers: dict[str, str]) -> None:
    whole = _series(4)
    connection = _begun(stow, headers, len(whole), whole[: len(whole) // 2])
    connection.shutdown(socket.SHUT_WR)
    status, detail = _answer(connection)
    assert status == 400
    assert detail.startswith("The body ends")


def test_a_length_that_is_too_short_is_400(stow: Server, headers: dict[str, str]) -> None:
    status, detail = _answer(_begun(stow, headers, 1000, _series(1)[:1000]))
    assert status == 400
    assert detail.startswith("The body ends")


def test_a_length_over_the_limit_is_refused_at_once(stow: Server, headers: dict[str, str]) -> None:
    connection = _begun(stow, headers, 1 << 50, b"--")
    connection.shutdown(socket.SHUT_WR)
    assert _answer(connection)[0] == 413


def test_senders_that_leave_or_fall_silent_keep_no_page_waiting(stow: Server, headers: dict[str, str]) -> None:
    whole = _series(2)
    silent = [_begun(stow, headers, len(whole), whole[:5000]) for _ in range(12)]
    for connection in silent[:6]:
        connection.close()
    page = stow.connect()
    page.request("GET", "/login")
    assert page.getresponse().status == 200
    page.close()
    for connection in silent[6:]:
        connection.close()
    assert _post(stow, headers, _series(1))[0] == 200


def test_a_large_object_is_never_held_in_memory(stow: Server, headers: dict[str, str]) -> None:
    worker = max(psutil.Process(stow.process.pid).children(recursive=True), key=lambda p: p.memory_info().rss)
    assert _post(stow, headers, _series(1))[0] == 200
    before = worker.memory_info().rss
    status, _ = _post(stow, headers, files(part10(_huge())))
    assert status == 200
    assert worker.memory_info().rss - before < 60 << 20


def _huge() -> Dataset:
    return ct(SOPInstanceUID=f"{SERIES}.9999", Rows=4096, Columns=4096, NumberOfFrames=8, PixelData=bytes(1 << 28))


def test_nothing_is_left_behind(stow: Server, headers: dict[str, str], folder: Path) -> None:
    assert _post(stow, headers, _series(1))[0] == 200
    with Archive.open(ArchiveSettings(folder)) as archive:
        assert archive.quarantined_count() == 0
    assert not list((folder / "incoming").rglob("*.part"))
