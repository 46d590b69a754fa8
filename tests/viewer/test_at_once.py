"""Requests that are answered before the event loop hears of them."""

from __future__ import annotations

import asyncio
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from storage.archive import Archive
from tests.support.objects import STUDY, ct, store
from tests.support.parts import address_of
from tests.support.programs import bearer, has_looked
from tests.support.rsgi import Client, scope
from viewer.at_once import answer_first, done_at_once, may_wait
from viewer.dicomweb.wado.fast_frames import FastFrames
from viewer.server import free_port
from viewer.services import services_of
from viewer.sign_in_cache import SignInCache

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
from viewer.at_once import answer_first

class Probe:
    def __rsgi_init__(self, loop):
        answer_first(loop, self.first)

    def first(self, scope, protocol):
        if scope.path == "/broken":
            raise RuntimeError("on purpose")
        if scope.path != "/first":
            return False
        protocol.response_str(200, [], "before")
        return True

    async def __rsgi__(self, scope, protocol):
        protocol.response_str(200, [], "in the loop")

app = Probe()
"""


def test_a_coroutine_is_run_as_far_as_it_needs_no_waiting() -> None:
    steps: list[str] = []

    async def ask(answer: bool, wait: bool) -> bool:
        try:
            steps.append("found")
            if wait:
                await may_wait()
                steps.append("waited")
            return answer
        finally:
            steps.append("left")

    assert done_at_once(ask(True, wait=False))
    assert not done_at_once(ask(False, wait=False))
    assert steps == ["found", "left"] * 2
    assert not done_at_once(ask(True, wait=True))
    assert steps == ["found", "left"] * 3
    assert asyncio.run(ask(True, wait=True))
    assert steps[-3:] == ["found", "waited", "left"]


@pytest.fixture
def loop() -> Any:
    """Stands in for an event loop: remembers what it is given."""
    given: list[tuple[Any, ...]] = []
    return SimpleNamespace(given=given, call_soon_threadsafe=lambda *args, **more: given.append((*args, more)))


async def _nobody() -> None:
    raise AssertionError("begun")


def test_what_is_answered_never_reaches_the_loop(loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    watcher = SimpleNamespace(scope=scope(path="/x"), proto=Client())
    answers: list[Callable[[], bool]] = [lambda: True, lambda: False, lambda: bool(1 // 0)]
    answer_first(loop, lambda *_: answers.pop(0)())
    first, second, third = _nobody(), _nobody(), _nobody()
    loop.call_soon_threadsafe(print, first, watcher, context="c")
    assert not loop.given
    assert first.cr_frame is None  # closed
    loop.call_soon_threadsafe(print, second, watcher, context="c")
    loop.call_soon_threadsafe(print, third, watcher, context="c")
    assert loop.given == [(print, second, watcher, {"context": "c"}), (print, third, watcher, {"context": "c"})]
    assert "GET /x failed before the event loop" in caplog.text
    # What is no request goes by.
    loop.call_soon_threadsafe(print)
    loop.call_soon_threadsafe(print, "future", watcher)
    assert loop.given[2:] == [(print, {}), (print, "future", watcher, {})]
    second.close()
    third.close()


def test_the_server_calls_as_it_is_relied_on(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    port = free_port("127.0.0.1")
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--loop", "asyncio", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([*command, "probe:app"], env=environment, stdout=log, stderr=log, cwd=tmp_path)
    try:
        assert [_asked(port, path) for path in ("/first", "/other", "/broken", "/first")] == [
            "before", "in the loop", "in the loop", "before",
        ]  # fmt: skip
    finally:
        process.terminate()
        process.wait()


def _asked(port: int, path: str) -> str:
    deadline = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        finally:
            connection.close()


def test_a_frame_is_answered_once_the_caller_is_known(
    app: Flask, archive: Archive, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = archive.instance(store(archive, ct()).sop_instance_uid)
    services = services_of(app)
    has_looked(services, STUDY)
    fast = FastFrames(services, SignInCache(services.records))
    request = scope(path=f"{address_of(image)}/frames/1", headers=[bearer(data)])

    def at_once() -> tuple[Any, ...]:
        client = Client()
        assert done_at_once(fast.answer(request, client)) == bool(client.answer)  # type: ignore[arg-type]
        return client.answer

    assert not at_once()
    client = Client()
    assert asyncio.run(fast.answer(request, client))  # type: ignore[arg-type]
    assert at_once() == client.answer
    # What the disk would have to be waited for is left to the loop, and so is who has to be looked up again.
    with monkeypatch.context() as patch:
        patch.setattr("viewer.dicomweb.wado.fast_frames.read_at_once", lambda *_: False)
        assert not at_once()
    assert at_once()
    monkeypatch.setattr("viewer.sign_in_cache.time.monotonic", lambda: 1e12)
    assert not at_once()
