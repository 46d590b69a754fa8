"""The server as a process, over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.records import Records
from storage.rejection import Reason, Target
from storage.settings import ArchiveSettings
from tests.support.objects import INSTANCE, STUDY, ct, store
from tests.support.peers import free_port
from tests.support.web import Server, running, start_viewer

LISTS = 50


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, users: Path) -> Iterator[Server]:
    """One server for the tests that leave it as it was: starting one takes seconds."""
    folder = tmp_path_factory.mktemp("shared") / "data"
    folder.mkdir()
    shutil.copy(users, folder)
    with running(folder) as server:
        with Archive.open(ArchiveSettings(folder, minimum_free_bytes=0)) as archive:
            store(archive, ct(WindowCenter=10, WindowWidth=50))
        yield server


class EventStream:
    """One open list: an `http.client` response read line by line."""

    def __init__(self, server: Server, cookie: str, query: str = "") -> None:
        self.connection = server.connect()
        self.connection.request("GET", f"/events/studies{query}", headers={"Cookie": cookie})
        self.answer = self.connection.getresponse()

    def until(self, name: str) -> str:
        """Read up to the event `name` and return its data."""
        found = False
        while line := self.answer.readline().decode():
            if line == f"event: {name}\n":
                found = True
            elif found and line.startswith("data: "):
                return line[6:]
        raise AssertionError("the stream ended")

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


def get(server: Server, path: str, cookie: str = "", method: str = "GET") -> http.client.HTTPResponse:
    connection = server.connect()
    connection.request(method, path, headers={"Cookie": cookie, "Accept": "text/html"})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_fifty_open_lists_hold_no_worker(server: Server, archive: Archive) -> None:
    cookie = server.cookie()
    streams = [EventStream(server, cookie) for _ in range(LISTS)]
    assert {stream.answer.status for stream in streams} == {200}
    waits = []
    for _ in range(10):
        before = time.monotonic()
        assert get(server, "/", cookie).status == 200
        waits.append(time.monotonic() - before)
    assert sorted(waits)[5] < 10.0

    store(archive, ct())
    for stream in streams:
        (change,) = json.loads(stream.until("studies"))
        assert (change["uid"], change["images"]) == (STUDY, 1)

    server.process.terminate()
    assert server.process.wait(timeout=60) == 0
    for stream in streams:
        stream.close()


def test_a_list_hears_what_it_missed(shared: Server) -> None:
    stream = EventStream(shared, shared.cookie(), "?since=0")
    assert json.loads(stream.until("studies"))[0]["uid"] == STUDY
    stream.close()


def test_a_list_hears_of_what_is_rejected_and_restored(server: Server, archive: Archive) -> None:
    """Also of the last study there is, and in another process than the one that rejects."""
    store(archive, ct())
    stream = EventStream(server, server.cookie(), f"?since={archive.revision()}")
    assert stream.answer.status == 200
    rejection = archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    assert stream.until("reload") == "{}\n"
    assert "tr class" not in get(server, "/studies/rows", server.cookie()).body.decode()  # type: ignore[attr-defined]
    archive.rejections.restore(rejection.identifier)
    assert [change["uid"] for change in json.loads(stream.until("studies"))] == [STUDY]
    stream.close()


def test_a_connection_is_kept_for_the_next_request(shared: Server) -> None:
    cookie, connection = shared.cookie(), shared.connect()
    sockets = set()
    for path, status in (
        (f"/{STUDY}/metadata", 200),
        ("/1.2.3/metadata", 404),
        ("?no=1", 400),
        (f"/{STUDY}/rendered", 200),
    ):
        connection.request("GET", f"/dicom-web/studies{path}", headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        sockets.add(id(connection.sock))
    assert connection.sock is not None
    assert len(sockets) == 1
    connection.close()


def test_events_need_a_sign_in(shared: Server) -> None:
    assert get(shared, "/events/studies").status == 401
    assert get(shared, "/events/studies", "filmless_session=nonsense").status == 401


def test_a_page_an_image_and_a_file(shared: Server) -> None:
    cookie = shared.cookie()
    page = get(shared, f"/study/{STUDY}", cookie)
    assert "Nguyễn Văn Đức" in page.body.decode()  # type: ignore[attr-defined]
    image = get(shared, f"/study/{STUDY}/instances/{INSTANCE}/frames/1/image", cookie)
    assert image.body[:2] == b"\xff\xd8"  # type: ignore[attr-defined]
    file = get(shared, f"/study/{STUDY}/instances/{INSTANCE}/file", cookie)
    assert file.body[128:132] == b"DICM"  # type: ignore[attr-defined]
    assert file.headers["Content-Length"] == str(len(file.body))  # type: ignore[attr-defined]
    head = get(shared, "/login", method="HEAD")
    assert (head.status, head.body) == (200, b"")  # type: ignore[attr-defined]


def test_what_a_request_says_reaches_the_app(server: Server, data: Path) -> None:
    server.cookie()
    with Records.open(data) as records:
        assert records.audit.entries(1)[0].address == "127.0.0.1"
    assert get(server, "/study/%C4%91%2F..%2F").status == 303
    assert get(server, "/login?next=%2Fstudy%2F1").body.decode().count('value="/study/1"') == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused(shared: Server, chunked: bool) -> None:
    connection = shared.connect()
    blocks = [b"x" * 65536] * 40
    headers = {} if chunked else {"Content-Length": str(sum(map(len, blocks)))}
    try:
        connection.request(
            "POST", "/login", iter(blocks), {"Content-Type": "application/x-www-form-urlencoded", **headers}
        )
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused before all was sent, as it should be
    connection.close()
    assert get(shared, "/login").status == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_costs_nothing(shared: Server) -> None:
    for _ in range(12):
        with socket.create_connection((shared.host, shared.port)) as raw:
            raw.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n")
            raw.sendall(b"Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=")
    assert get(shared, "/login").status == 200


def test_two_workers_share_the_port_and_the_sign_in(data: Path) -> None:
    with running(data, "--workers", "2") as server:
        cookie = server.cookie()
        assert {get(server, "/", cookie).status for _ in range(12)} == {200}


def test_workers_end_with_a_killed_parent(server: Server) -> None:
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(timeout=60)
    assert _within(60.0, lambda: not _answers(server))


def _answers(server: Server) -> bool:
    try:
        socket.create_connection((server.host, server.port), 1).close()
    except OSError:
        return False
    return True


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _refused(process: object) -> str:
    out, _ = process.communicate(timeout=60)  # type: ignore[attr-defined]
    assert process.returncode == 1  # type: ignore[attr-defined]
    return out.strip()


def test_a_port_in_use_is_one_clear_line(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = _refused(start_viewer(data, port))
    assert line == f"filmless viewer: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_a_data_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    line = _refused(start_viewer(tmp_path / "data", free_port()))
    assert line.startswith("filmless viewer: ")
    assert str(tmp_path / "data") in line
    assert "\n" not in line


def test_wrong_usage_is_status_2(data: Path) -> None:
    process = start_viewer(data, 99999)
    process.communicate(timeout=60)
    assert process.returncode == 2
