"""Senders who take their time, or never end: they cost a socket, and keep nobody else from an answer."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from storage.records import Records, Role
from tests.support.objects import ct
from tests.support.stow import STOW, bearer, files, part10
from tests.support.web import Server, running

THREADS = 8
"""Of pages; requests that bring objects in have 4."""
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, users: Path) -> Path:
    made = tmp_path_factory.mktemp("slow") / "data"
    made.mkdir()
    shutil.copy(users, made)
    return made


@pytest.fixture(scope="module")
def busy(folder: Path) -> Iterator[Server]:
    """One server for all: none of these may do anything to it."""
    with running(folder, "--threads", str(THREADS), "--minimum-free-bytes", "0") as server:
        yield server


def _begun(server: Server, path: str, content_type: str, *fields: str) -> socket.socket:
    """A request whose body has begun and does not go on."""
    connection = socket.create_connection((server.host, server.port), timeout=20)
    head = [f"POST {path} HTTP/1.1", "Host: a", "Content-Length: 5000", f"Content-Type: {content_type}", *fields]
    connection.sendall("\r\n".join([*head, "", "--x\r\nusername="]).encode())
    return connection


def _begun_many(stack: ExitStack, server: Server, path: str, content_type: str, *fields: str) -> None:
    for _ in range(2 * THREADS):
        stack.enter_context(_begun(server, path, content_type, *fields))
    # Taken in once a later connection is answered from the same loop.
    time.sleep(0.3)


@pytest.mark.parametrize("path", ["/login", "/language", "/logout", "/peers/add"])
def test_forms_that_do_not_end_keep_nobody_from_pages(busy: Server, path: str) -> None:
    with ExitStack() as stack:
        _begun_many(stack, busy, path, FORM, "Cookie: filmless_session=made-up")
        connection = busy.connect()
        began = time.monotonic()
        connection.request("GET", "/login")
        assert connection.getresponse().status == 200
        assert time.monotonic() - began < 150
        connection.close()
        assert busy.cookie(Role.CLINICIAN)


@pytest.mark.parametrize("path", ["/upload", "/dicom-web/studies"])
@pytest.mark.parametrize("fields", [("Cookie: filmless_session=made-up",), ()], ids=["made-up cookie", "nobody"])
def test_a_strangers_objects_are_not_waited_for(busy: Server, folder: Path, path: str, fields: tuple[str, ...]) -> None:
    with Records.open(folder) as records:
        token = records.tokens.add(f"sender {path} {len(fields)}", Role.TECHNICIAN)
    with ExitStack() as stack:
        _begun_many(stack, busy, path, PARTS, *fields)
        connection = busy.connect()
        began = time.monotonic()
        connection.request("POST", "/dicom-web/studies", files(part10(ct())), {**STOW, **bearer(token)})
        assert connection.getresponse().status == 200
        assert time.monotonic() - began < 15
        connection.close()


def test_a_refused_sender_is_told_so_once_it_listens(busy: Server) -> None:
    with _begun(busy, "/upload", PARTS, "Cookie: filmless_session=made-up") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 403")
