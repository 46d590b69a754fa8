"""Live lists: who may listen, and for how long."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest

from storage.records import Records, Role
from tests.support.rsgi import Client, scope
from tests.support.web import PASSWORD
from viewer.config import ViewerSettings
from viewer.rsgi import Application


class Listener(Client):
    """A browser with an open list: takes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def response_stream(self, status: int, headers: Any) -> Listener:
        self.answer = ("response_stream", status, headers)
        return self

    async def send_str(self, text: str) -> None:
        self.texts.append(text)


@pytest.mark.parametrize("end", ["sign out", "disable", "nothing"])
def test_who_has_signed_out_hears_no_more_however_much_there_is_to_hear(data: Path, end: str) -> None:
    settings = ViewerSettings(data=data, heartbeat_seconds=0.2)

    async def run(records: Records, token: str) -> tuple[bool, list[str]]:
        application = Application(settings, multiprocessing.Event())
        listener = Listener()
        request = scope(path="/events/studies", headers=[("cookie", f'other={{"a":1}}; filmless_session={token}')])
        listening = asyncio.create_task(application.__rsgi__(request, listener))  # type: ignore[arg-type]
        # Subscribed and past its beginning: what is told before waits in a queue that has room for sixteen.
        while not listener.texts:
            await asyncio.sleep(0.01)
        deadline = time.monotonic() + 60
        for number in itertools.count():
            if number == 5 and end == "sign out":
                records.sessions.end(token)
            if number == 5 and end == "disable":
                records.users.set_disabled("clinician", True)
            application._live._tell(f"event: {number}\n\n")
            await asyncio.sleep(0.02)
            # There is news all the time until it ends, which may take a busy machine longer than one heartbeat.
            if number >= 39 and (end == "nothing" or listening.done() or time.monotonic() > deadline):
                break
        has_ended = listening.done()
        while True:
            application._live._tell("event: last\n\n")
            await asyncio.sleep(0.02)
            if has_ended or "event: last\n\n" in listener.texts or time.monotonic() > deadline:
                break
        listener.left.set()
        await asyncio.wait_for(listening, 60)
        application.__rsgi_del__(asyncio.get_running_loop())
        return has_ended, listener.texts

    with Records.open(data) as records:
        token = records.sign_in(Role.CLINICIAN.value, PASSWORD, "10.1.2.3").token
        has_ended, texts = asyncio.run(run(records, token))
    assert "event: 0\n\n" in texts
    assert has_ended == (end != "nothing")
    assert ("event: last\n\n" in texts) == (end == "nothing")
