"""The job worker: killed and restarted by its process ID, stopped, with nodes that hang, come back or are too slow."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
)

from pacs import tasks
from pacs.application import Application
from pacs.remote.calls import Remote
from pacs.remote.push import push
from pacs.remote.transfer import Transfer
from pacs.requestor import Node
from pacs.upper_layer import Timeouts
from pacs.worker import Worker, WorkerSettings
from storage.archive import Archive
from storage.errors import StorageError
from storage.model import Instance
from storage.records import Job, JobState, Lane, Peer, Records
from storage.records.remote import (
    KINDS,
    How,
    PeerTest,
    PeerTestReport,
    Pull,
    Push,
    QueryReport,
    RemoteQuery,
    TransferReport,
    Trouble,
    from_json,
    to_json,
)
from tests.support.objects import INSTANCE, STUDY, ct, store
from tests.support.peers import free_port
from tests.support.processes import Process
from tests.support.slow_node import Slow

OBJECTS = 40
LANES = {PeerTest: Lane.INTERACTIVE, RemoteQuery: Lane.INTERACTIVE, Pull: Lane.TRANSFER, Push: Lane.TRANSFER}


@pytest.fixture
def application(archive: Archive) -> Iterator[Application]:
    with Records.open(archive.data) as records:
        yield Application(archive, records, "FILMLESS")


@pytest.fixture
def filled(archive: Archive) -> Archive:
    for n in range(OBJECTS):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}", InstanceNumber=n + 1))
    return archive


@pytest.fixture
def worker(application: Application) -> Iterator[Callable[..., None]]:
    """Start workers in this process."""
    running: list[tuple[threading.Event, threading.Thread]] = []

    def start(**more: object) -> None:
        stopping = threading.Event()
        one = Worker(application, **more)  # type: ignore[arg-type]
        thread = threading.Thread(target=one.run, args=(stopping,))
        thread.start()
        running.append((stopping, thread))

    yield start
    for stopping, thread in running:
        stopping.set()
        thread.join(20)
        assert not thread.is_alive()


def _ask(application: Application, request: PeerTest | RemoteQuery | Pull | Push) -> int:
    kind = type(request)
    return application.records.jobs.add(KINDS[kind], to_json(request), lane=LANES[kind], peer=request.peer)


def _wait(application: Application, number: int, until: Callable[[Job], bool], seconds: float = 60) -> Job:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = application.records.jobs.get(number)
        if until(job):
            return job
        time.sleep(0.02)
    raise AssertionError(f"still {application.records.jobs.get(number)}")


def _ended(job: Job) -> bool:
    return not job.state.is_open


def _report(job: Job) -> TransferReport:
    return from_json(TransferReport, job.report)


def _peer(application: Application, port: int, aet: str = "SLOW") -> None:
    application.records.peers.add(Peer(aet.lower(), aet, "127.0.0.1", port))


def _worker_process(data: Path) -> Process:
    return Process([sys.executable, "-m", "pacs.jobs", "--data", str(data)], data.parent / "jobs.log")


def test_a_killed_worker_goes_on_where_it_was_when_it_is_started_again(
    application: Application, filled: Archive
) -> None:
    there = Slow(seconds=0.05)
    process = _worker_process(filled.data)
    with there.listening() as port:
        _peer(application, port)
        number = _ask(application, Push("SLOW", STUDY))
        process.start()
        try:
            first = process.pid
            _wait(application, number, lambda job: len(there.got) >= OBJECTS // 2)
            process.kill()
            assert application.records.jobs.get(number).state is JobState.RUNNING
            process.start()
            assert process.pid != first
            job = _wait(application, number, _ended)
        finally:
            assert process.stop() in (0, -9)
    assert job.state is JobState.DONE, job
    assert len(there.got) == OBJECTS
    # Only what was sent after the last note on the disk is sent twice.
    assert sum(there.got.values()) <= OBJECTS + 15
    report = _report(job)
    assert (report.total, report.done + report.already) == (OBJECTS, OBJECTS)


def test_a_worker_that_is_told_to_stop_gives_its_job_back_at_once(application: Application, filled: Archive) -> None:
    there = Slow(seconds=0.5)
    process = _worker_process(filled.data)
    with there.listening() as port:
        _peer(application, port)
        number = _ask(application, Push("SLOW", STUDY))
        process.start()
        _wait(application, number, lambda job: len(there.got) >= 3)
        assert process.stop() == 0
        job = application.records.jobs.get(number)
        assert (job.state, job.attempts, job.error) == (JobState.WAITING, 0, "")
        assert len(there.got) < OBJECTS


def test_a_transfer_that_hangs_holds_up_neither_tests_nor_other_nodes(
    application: Application, filled: Archive, worker: Callable[..., None]
) -> None:
    hanging, other = Slow(), Slow()
    hanging.hang.set()
    with hanging.listening() as first, other.listening() as second:
        _peer(application, first)
        _peer(application, second, "OTHER")
        worker()
        stuck = [_ask(application, Push("SLOW", STUDY)) for _ in range(5)]
        _wait(application, stuck[1], lambda job: job.state is JobState.RUNNING)
        test = _wait(application, _ask(application, PeerTest("OTHER")), _ended)
        tested = _wait(application, _ask(application, PeerTest("SLOW")), _ended)
        assert from_json(PeerTestReport, test.report).ok
        assert from_json(PeerTestReport, tested.report).ok
        assert _wait(application, _ask(application, Push("OTHER", STUDY)), _ended).state is JobState.DONE
        states = [application.records.jobs.get(number).state for number in stuck]
        assert states.count(JobState.RUNNING) == 2
        for number in stuck:
            application.records.jobs.cancel(number)
        for number in stuck:
            assert _wait(application, number, _ended).state is JobState.CANCELLED


def test_a_node_that_is_away_is_tried_again_and_what_failed_is_sent(
    application: Application, filled: Archive, worker: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = tasks.Schedule(first=0.3, longest=0.5, attempts=30)
    monkeypatch.setattr(tasks, "SCHEDULES", {**tasks.SCHEDULES, Lane.TRANSFER: schedule})
    there = Slow(free_port())
    _peer(application, there._port)
    worker()
    number = _ask(application, Push("SLOW", STUDY))
    away = _wait(application, number, lambda job: job.state is JobState.WAITING and bool(job.error))
    problem = _report(away).problem
    assert problem is not None
    assert problem.trouble is Trouble.REFUSED
    there.status = 0xA700
    with there.listening():
        full = _wait(application, number, lambda job: "out of resources" in job.error)
        refused = _report(full)
        assert refused.problem is not None
        assert refused.problem.trouble is Trouble.OUT_OF_RESOURCES
        assert refused.failed == OBJECTS
        assert len(application.records.jobs.items(number, is_done=False)) == OBJECTS
        there.status = 0
        job = _wait(application, number, _ended)
    assert job.state is JobState.DONE
    assert len(there.got) == OBJECTS
    assert application.records.jobs.items(number, is_done=False) == []


def test_what_trying_cannot_mend_fails_at_once_and_is_tried_again_when_asked_to(
    application: Application, filled: Archive, worker: Callable[..., None]
) -> None:
    worker()
    there = Slow(free_port())
    number = _ask(application, Push("SLOW", STUDY))
    job = _wait(application, number, _ended)
    problem = _report(job).problem
    assert (job.state, job.attempts) == (JobState.FAILED, 1)
    assert problem is not None
    assert problem.trouble is Trouble.PEER_REMOVED
    with there.listening() as port:
        _peer(application, port)
        application.records.jobs.again(number)
        assert _wait(application, number, _ended).state is JobState.DONE


def test_a_question_of_long_ago_is_not_asked_any_more(application: Application, worker: Callable[..., None]) -> None:
    _peer(application, free_port())
    number = _ask(application, RemoteQuery("SLOW"))
    with application.records._database.writing() as connection:
        connection.execute("UPDATE jobs SET created_at = '2026-01-01T00:00:00+00:00'")
    worker()
    problem = from_json(QueryReport, _wait(application, number, _ended).report).problem
    assert problem is not None
    assert problem.trouble is Trouble.TOO_LATE


def test_a_question_is_answered_in_less_than_a_third_of_a_second(
    application: Application, worker: Callable[..., None]
) -> None:
    with Slow().listening() as port:
        _peer(application, port)
        worker()
        _wait(application, _ask(application, PeerTest("SLOW")), _ended)  # the first one starts a thread
        times = []
        for _ in range(10):
            began = time.monotonic()
            number = _ask(application, PeerTest("SLOW"))
            job = _wait(application, number, _ended)
            steps = from_json(PeerTestReport, job.report).steps
            times.append(time.monotonic() - began - sum(step.seconds for step in steps))
    # The quickest: the others may have waited for a busy computer.
    assert min(times) < 0.3, times


def test_a_move_that_is_cancelled_is_cancelled_there(application: Application, worker: Callable[..., None]) -> None:
    moving, cancelled = threading.Event(), threading.Event()

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        ds = Dataset()
        ds.QueryRetrieveLevel = event.identifier.QueryRetrieveLevel
        ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, STUDY + ".1"
        ds.SOPInstanceUID, ds.SOPClassUID = INSTANCE, CTImageStorage
        yield 0xFF00, ds

    def move(event: evt.Event) -> Iterator[object]:
        yield "127.0.0.1", free_port()
        yield 100
        moving.set()
        while not event.is_cancelled:
            time.sleep(0.05)
        cancelled.set()
        yield 0xFE00, None

    # pynetdicom opens an association to the destination before it moves anything.
    destination = Slow()
    with destination.listening() as here:

        def move_here(event: evt.Event) -> Iterator[object]:
            moving = move(event)
            next(moving)
            yield "127.0.0.1", here
            yield from moving

        ae = AE("MOVER")
        for uid in (StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelMove):
            ae.add_supported_context(uid)
        ae.requested_contexts = []
        ae.add_requested_context(CTImageStorage)
        handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_MOVE, move_here)]
        server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        try:
            _peer(application, server.server_address[1], "MOVER")
            worker()
            number = _ask(application, Pull("MOVER", STUDY, How.MOVE))
            _wait(application, number, lambda job: bool(job.report) and _report(job).via == "C-MOVE")
            assert moving.wait(60)
            application.records.jobs.cancel(number)
            assert _wait(application, number, _ended).state is JobState.CANCELLED
            assert cancelled.wait(60)
        finally:
            cancelled.set()
            server.shutdown()


def test_after_a_push_everything_that_is_there_is_told(application: Application, filled: Archive) -> None:
    told: list[tuple[str, int]] = []

    def after(peer: Peer, instances: list[Instance]) -> None:
        told.append((peer.aet, len(instances)))

    with Slow().listening() as port:
        remote = Remote(
            Peer("slow", "SLOW", "127.0.0.1", port), "FILMLESS", lambda p: Node(p.aet, p.host, p.port),
            Timeouts(5, 5, 5),
        )  # fmt: skip
        done = frozenset({f"{INSTANCE}.0"})
        push(remote, filled, Push("SLOW", STUDY), Transfer(lambda *_: None), done, [after])  # type: ignore[list-item]
    assert told == [("SLOW", OBJECTS)]


def test_the_worker_survives_an_index_that_cannot_be_read_for_a_moment(
    application: Application, worker: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = threading.Event()
    failing.set()
    claim = application.records.jobs.claim

    def sometimes(*arguments: object, **named: object) -> Job | None:
        if failing.is_set():
            raise StorageError("busy")
        return claim(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(application.records.jobs, "claim", sometimes)
    worker()
    with Slow().listening() as port:
        _peer(application, port)
        number = _ask(application, PeerTest("SLOW"))
        time.sleep(0.3)
        assert application.records.jobs.get(number).state is JobState.WAITING
        failing.clear()
        assert _wait(application, number, _ended).state is JobState.DONE


def test_a_transfer_that_outlasts_its_claim_keeps_it(
    application: Application, filled: Archive, worker: Callable[..., None]
) -> None:
    there = Slow(seconds=0.08)
    with there.listening() as port:
        _peer(application, port)
        for _ in range(2):
            worker(settings=WorkerSettings(lease=2.5))
        job = _wait(application, _ask(application, Push("SLOW", STUDY)), _ended)
    assert job.state is JobState.DONE
    assert job.attempts == 1
    assert set(there.got.values()) == {1}


def test_two_workers_never_have_one_job(application: Application, filled: Archive, worker: Callable[..., None]) -> None:
    there = Slow()
    with there.listening() as port:
        _peer(application, port)
        worker()
        worker()
        numbers = [_ask(application, replace(Push("SLOW", STUDY), title=str(n))) for n in range(4)]
        for number in numbers:
            job = _wait(application, number, _ended)
            assert (job.state, job.attempts) == (JobState.DONE, 1)
    assert set(there.got.values()) == {4}
