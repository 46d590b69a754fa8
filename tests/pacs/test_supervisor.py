"""Parts are started, brought back and stopped; played by small programs instead of real receivers and web sides."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pacs import supervisor
from pacs.config import ServeSettings
from pacs.ports import PortInUse, check_port
from pacs.supervisor import StartFailed, Supervisor, jobs_command, receiver_command, web_command
from storage.archive import Archive
from storage.errors import OutOfSpace
from storage.recovery import Recovered
from storage.settings import Durability
from tests.support.objects import INSTANCE, ct, store
from tests.support.peers import free_port

_LISTEN = """
import signal, socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
time.sleep(600)
"""
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + _LISTEN
_DIE = "import sys; sys.exit(3)"


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    return ServeSettings(
        data=tmp_path / "data",
        aet="FILMLESS",
        dicom_host="127.0.0.1",
        dicom_port=free_port(),
        http_host="127.0.0.1",
        http_port=free_port(),
        receivers=2,
        web_workers=1,
        durability=Durability.FULL,
        minimum_free_bytes=0,
    )


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Choose what receivers and the web side are."""

    def choose(receiver: str, web: str) -> None:
        python = (sys.executable, "-S", "-c")
        monkeypatch.setattr(supervisor, "receiver_command", lambda s: (*python, receiver, str(s.dicom_port)))
        monkeypatch.setattr(supervisor, "jobs_command", lambda s: (*python, "import time; time.sleep(600)"))
        monkeypatch.setattr(supervisor, "web_command", lambda s: (*python, web, str(s.http_port)))

    choose(_LISTEN, _LISTEN)
    return choose


@pytest.fixture
def running(settings: ServeSettings, parts: object) -> Iterator[Supervisor]:
    one = Supervisor(settings)
    one.start()
    waiting = threading.Thread(target=one.wait)
    waiting.start()
    yield one
    one.stop()
    waiting.join(30)
    assert not waiting.is_alive()
    assert one.processes() == {}


def test_all_parts_run_and_answer(running: Supervisor, settings: ServeSettings) -> None:
    assert set(running.processes()) == {"receiver 1", "receiver 2", "web", "jobs"}
    for port in (settings.dicom_port, settings.http_port):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


@pytest.mark.parametrize("name", ["receiver 1", "web"])
def test_a_part_that_dies_is_started_again_and_the_others_go_on(
    running: Supervisor, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = running.processes()
    os.kill(before[name], signal.SIGKILL)
    assert _until(lambda: running.processes().get(name, before[name]) != before[name])
    after = running.processes()
    assert {k: v for k, v in after.items() if k != name} == {k: v for k, v in before.items() if k != name}
    assert f"{name} ended with status -9; starting it again in 0.1 s" in caplog.text


def test_a_part_that_keeps_dying_is_started_later_each_time(
    settings: ServeSettings, parts: Callable[[str, str], None], caplog: pytest.LogCaptureFixture
) -> None:
    one = Supervisor(replace(settings, receivers=1))
    one.start()
    parts(_LISTEN, _DIE)
    one._parts[1].command = (sys.executable, "-S", "-c", _DIE)
    os.kill(one.processes()["web"], signal.SIGKILL)
    waiting = threading.Thread(target=one.wait)
    waiting.start()
    try:
        assert _until(lambda: "in 0.8 s" in caplog.text)
        waits = [r.args[2] for r in caplog.records if isinstance(r.args, tuple) and len(r.args) == 3]
        assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    finally:
        one.stop()
        waiting.join(30)


def test_a_part_that_does_not_come_up_fails_the_start(
    settings: ServeSettings, parts: Callable[[str, str], None]
) -> None:
    parts(_LISTEN, _DIE)
    one = Supervisor(settings)
    with pytest.raises(StartFailed, match="web ended with status 3"):
        one.start()
    one.shut_down()
    assert one.processes() == {}


def test_a_part_that_is_killed_while_the_others_start_is_started_again(
    settings: ServeSettings, parts: Callable[[str, str], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Out of memory, or by somebody's hand; the archive must not go down with it."""
    mark = tmp_path / "killed"
    killed_once = f"import os, pathlib\nm = pathlib.Path({str(mark)!r})\n"
    killed_once += "if not m.exists():\n    m.touch()\n    os.kill(os.getpid(), 9)\n" + _LISTEN
    parts(_LISTEN, killed_once)
    one = Supervisor(settings)
    one.start()
    try:
        assert set(one.processes()) == {"receiver 1", "receiver 2", "web", "jobs"}
        assert "web ended with status -9; starting it again in 0.1 s" in caplog.text
    finally:
        one.shut_down()


def test_who_does_not_stop_politely_is_killed(
    settings: ServeSettings, parts: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_STOP_SECONDS", 0.3)
    parts(_STUBBORN, _LISTEN)
    one = Supervisor(settings)
    one.start()
    one.shut_down()
    assert one.processes() == {}


@pytest.mark.parametrize(("port", "what"), [("dicom_port", "DICOM"), ("http_port", "HTTP")])
def test_a_port_in_use_is_named_before_anything_is_touched(settings: ServeSettings, port: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", getattr(settings, port))), pytest.raises(PortInUse, match=f"for {what} on"):
        Supervisor(settings).start()
    assert not settings.data.exists()


def test_a_receiver_of_another_archive_on_the_port_is_noticed(settings: ServeSettings) -> None:
    """Receivers share their port; a start beside a running archive must not join it."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", settings.dicom_port))
        other.listen()
        with pytest.raises(PortInUse):
            check_port("127.0.0.1", settings.dicom_port, "DICOM")


def test_what_a_dead_part_left_is_indexed_while_the_others_run(
    settings: ServeSettings, parts: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_MARK_SECONDS", 0.3)
    one = Supervisor(settings)
    one.start()
    waiting = threading.Thread(target=one.wait)
    waiting.start()
    try:
        with Archive.open(settings.archive()) as archive:
            placed_not_indexed(archive)
            os.kill(one.processes()["receiver 1"], signal.SIGKILL)
            assert _until(lambda: archive.health().instances == 1)
    finally:
        one.stop()
        waiting.join(30)


def placed_not_indexed(archive: Archive) -> None:
    """Leave what a kill between placing and indexing leaves."""
    store(archive, ct())
    connection = archive.index._writer
    connection.execute("DELETE FROM instance WHERE sop_instance_uid = ?", (INSTANCE,))


def test_a_full_disk_does_not_keep_the_archive_from_starting(
    settings: ServeSettings, parts: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is stored can be read; recovery goes on when there is space."""
    tries: list[int] = []

    def recover(archive: Archive) -> Recovered:
        tries.append(1)
        if len(tries) < 3:
            raise OutOfSpace("cannot sync the index: database or disk is full")
        return Recovered(0, 7, 0, ())

    monkeypatch.setattr(supervisor, "recover", recover)
    monkeypatch.setattr(supervisor, "_MARK_SECONDS", 0.1)
    one = Supervisor(settings)
    assert one.start().indexed == 0
    waiting = threading.Thread(target=one.wait)
    waiting.start()
    assert _until(lambda: len(tries) == 3)
    time.sleep(0.5)
    one.stop()
    waiting.join(30)
    assert len(tries) == 3
    assert caplog.text.count("recovery is not complete: cannot sync the index") == 2


def test_a_stop_while_starting_ends_the_start(
    settings: ServeSettings, parts: Callable[[str, str], None], caplog: pytest.LogCaptureFixture
) -> None:
    parts("import time; time.sleep(600)", _LISTEN)
    one = Supervisor(settings)
    threading.Timer(0.3, one.stop).start()
    began = time.monotonic()
    one.start()
    assert one.stopping
    one.shut_down()
    assert time.monotonic() - began < 20
    assert logging.ERROR not in {r.levelno for r in caplog.records}


def test_commands_carry_every_setting(settings: ServeSettings) -> None:
    s = replace(
        settings,
        durability=Durability.RELAXED,
        dicom_host="0.0.0.0",
        tls_certificate=Path("c"),
        tls_key=Path("k"),
        rejected_days=91,
        store_max_bytes=92,
        http_redirect_port=93,
        hsts_days=94,
        cors_origin=("https://a", "https://b"),
        ohif=Path("dist"),
    )
    receiver, web = receiver_command(s), web_command(s)
    assert receiver[1:3] == ("-m", "pacs")
    assert {"relaxed", "0.0.0.0", str(s.dicom_port), "FILMLESS", str(s.data)} <= set(receiver)
    assert web[1:3] == ("-m", "viewer")
    assert {"127.0.0.1", str(s.http_port), "c", "k", str(s.data)} <= set(web)
    assert {"91", "92", "93", "94", "https://a", "https://b", "dist"} <= set(web)
    assert "91" in jobs_command(s)


def _until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
