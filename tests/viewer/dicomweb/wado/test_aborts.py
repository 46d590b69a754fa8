"""Clients that leave, dawdle or come in crowds: the worker's threads, files and memory stay what they were."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from storage.archive import Archive
from storage.records import Role
from storage.rejection import Reason, Target
from tests.support.objects import SERIES, STUDY, ct, store
from tests.support.web import Server

ADDRESS = f"/dicom-web/studies/{STUDY}/series/{SERIES}"
OBJECT_BYTES = 16 << 20
OBJECTS = 4
ENOUGH = 30.0


@pytest.fixture
def large(archive: Archive) -> int:
    """A series of 64 MB; returns the bytes of its pixels."""
    side = 2048
    for i in range(OBJECTS):
        pixels = np.full(OBJECT_BYTES, i, np.uint8).tobytes()
        store(archive, ct(SOPInstanceUID=f"1.2.{i + 1}", InstanceNumber=i + 1, Rows=side, Columns=side * 2,
                          PixelData=pixels))  # fmt: skip
    return OBJECTS * OBJECT_BYTES


def worker(server: Server) -> psutil.Process:
    """The process that answers: of the children the one with the open port."""
    children = psutil.Process(server.process.pid).children()
    return next(child for child in children if child.net_connections())


def use(process: psutil.Process) -> tuple[int, int]:
    """Its descriptors that are pipes, sockets in use or DICOM files, and its threads that stream."""
    names = [_target(path) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
    files = sum(name.startswith("pipe:") or name.endswith(".dcm") for name in names)
    sockets = sum(c.status == psutil.CONN_ESTABLISHED for c in process.net_connections())
    return files, sockets


def _target(descriptor: Path) -> str:
    try:
        return descriptor.readlink().as_posix()
    except FileNotFoundError:
        return ""  # closed since it was listed


def wait_until(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + ENOUGH
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def ask(server: Server, cookie: str, path: str = ADDRESS) -> socket.socket:
    """Ask and read no more than the beginning."""
    connection = socket.create_connection((server.host, server.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    connection.settimeout(20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    return connection


def test_leaving_half_way_frees_the_worker(large: int, server: Server) -> None:
    cookie = server.cookie(Role.RADIOLOGIST)
    process = worker(server)
    assert wait_until(lambda: use(process)[1] == 0)
    before = use(process)
    for path in (ADDRESS, f"/study/{STUDY}/series/{SERIES}/stream"):
        connections = [ask(server, cookie, path) for _ in range(5)]
        for connection in connections:
            got = 0
            while got < large // 8:
                got += len(connection.recv(1 << 20))
        assert use(process)[0] > before[0]
        for connection in connections:
            connection.close()
        assert wait_until(lambda: use(process) == before), (use(process), before)


def test_slow_readers_cost_no_memory_and_hold_up_nobody(large: int, server: Server) -> None:
    cookie = server.cookie(Role.RADIOLOGIST)
    process = worker(server)
    whole = get(server, cookie, ADDRESS)
    assert len(whole) > large
    before = process.memory_info().rss
    slow = [ask(server, cookie) for _ in range(20)]
    time.sleep(1)
    # Each has 256 KiB in a pipe, which is the kernel's, and what lies in its socket; no body is in memory.
    assert process.memory_info().rss - before < large // 2
    assert len(get(server, cookie, f"{ADDRESS}/instances/1.2.1")) > OBJECT_BYTES
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("path", [ADDRESS, f"{ADDRESS}?accept=application/zip"], ids=["parts", "zip"])
def test_what_is_rejected_while_it_is_on_its_way_still_arrives_whole(
    archive: Archive, large: int, server: Server, path: str
) -> None:
    headers = {"Cookie": server.cookie(Role.RADIOLOGIST)}
    with closing(server.connect()) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        begun = len(answer.read(1 << 16))
        archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
        whole = begun + len(answer.read())
        assert whole == int(answer.headers["Content-Length"]) > large
    with closing(server.connect()) as connection:
        connection.request("GET", path, headers=headers)
        assert connection.getresponse().status == 404


def test_many_at_once(large: int, server: Server) -> None:
    """Forty, each read to its end before the next one: none is refused, none gets another's bytes."""
    del large
    cookie = server.cookie(Role.RADIOLOGIST)
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(server.connect())) for _ in range(40)]
        for connection in connections:
            connection.request("GET", f"{ADDRESS}/instances/1.2.2", headers={"Cookie": cookie})
        for connection in connections:
            answer = connection.getresponse()
            assert answer.status == 200
            assert b"\1" * OBJECT_BYTES in answer.read()


def test_a_file_that_ends_early_breaks_the_answer_off(large: int, archive: Archive, server: Server) -> None:
    """Half a body must never look whole."""
    del large
    cookie = server.cookie(Role.RADIOLOGIST)
    path = archive.instance("1.2.3").path
    with path.open("r+b") as file:
        file.truncate(1 << 20)
    with closing(server.connect()) as connection:
        connection.request("GET", ADDRESS, headers={"Cookie": cookie})
        answer = connection.getresponse()
        assert answer.status == 200
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
    assert get(server, cookie, f"{ADDRESS}/instances/1.2.1")


def get(server: Server, cookie: str, path: str) -> bytes:
    with closing(server.connect()) as connection:
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()
