"""One session over a loopback connection, and a receiver on a port of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from pacs.application import Application
from pacs.receiver import Receiver, ReceiverSettings
from pacs.session import Session, SessionSettings
from pacs.upper_layer import Timeouts
from storage.archive import Archive
from storage.records import Records
from tests.support.sessions import QUICK, Served
from tests.support.wire import Wire, tcp_pair


@pytest.fixture
def application(archive: Archive) -> Iterator[Application]:
    """The test's archive with its records."""
    with Records.open(archive.data) as records:
        yield Application(archive, records, "FILMLESS")


@pytest.fixture
def session(application: Application, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Served]]:
    """Start sessions on the test's archive."""
    caplog.set_level(logging.DEBUG, "filmless")
    started: list[Served] = []

    def start(timeouts: Timeouts = QUICK, maximum_pdu: int = 1 << 17, application: Application = application) -> Served:
        near, far = tcp_pair()
        settings = SessionSettings(timeouts=timeouts, maximum_pdu=maximum_pdu)
        one = Session(far, "127.0.0.1", application, settings, lambda request: None)
        thread = threading.Thread(target=one.run)
        thread.start()
        started.append(Served(Wire(near), thread, caplog))
        return started[-1]

    yield start
    for served in started:
        served.wire.socket.close()
        served.thread.join(10)


@pytest.fixture
def served(session: Callable[..., Served]) -> Served:
    """One session with the default settings of these tests."""
    return session()


@pytest.fixture
def receiver(application: Application, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Receiver]]:
    """Start receivers on the test's archive."""
    caplog.set_level(logging.DEBUG, "filmless")
    running: list[tuple[Receiver, threading.Thread]] = []

    def start(timeouts: Timeouts = QUICK, application: Application = application, **settings: object) -> Receiver:
        given = ReceiverSettings("127.0.0.1", 0, session=SessionSettings(timeouts), **settings)  # type: ignore[arg-type]
        one = Receiver(application, given)
        thread = threading.Thread(target=one.serve)
        thread.start()
        running.append((one, thread))
        return one

    yield start
    for one, thread in running:
        one.stop()
        thread.join(15)
        assert not thread.is_alive()
