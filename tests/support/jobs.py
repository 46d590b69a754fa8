"""The job worker in a thread, asked for one thing after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pacs.application import Application
from pacs.worker import Worker
from storage.records import Job, JobState, Lane
from storage.records.remote import KINDS, PeerTest, Pull, Push, RemoteQuery, to_json

_LANES = {PeerTest: Lane.INTERACTIVE, RemoteQuery: Lane.INTERACTIVE, Pull: Lane.TRANSFER, Push: Lane.TRANSFER}


@contextmanager
def working(application: Application) -> Iterator[Callable[..., Job]]:
    """Give what asks for something and returns the job once it has ended or is put off."""
    stopping = threading.Event()
    worker = Worker(application)
    thread = threading.Thread(target=worker.run, args=(stopping,))
    thread.start()

    def ask(request: PeerTest | RemoteQuery | Pull | Push, seconds: float = 60) -> Job:
        kind = type(request)
        number = application.records.jobs.add(KINDS[kind], to_json(request), lane=_LANES[kind], peer=request.peer)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            job = application.records.jobs.get(number)
            if not job.state.is_open or (job.error and job.state is JobState.WAITING):
                return job
            time.sleep(0.02)
        raise AssertionError(f"not done: {application.records.jobs.get(number)}")

    yield ask
    stopping.set()
    thread.join(60)
    assert not thread.is_alive()
