"""Storage commitment as SCU: asked after a push or a move, answered here or later, kept over a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)

from pacs import confirmation, jobs
from pacs.application import Application
from pacs.confirmation import InvalidReport
from pacs.receiver import Receiver
from storage.archive import Archive
from storage.attributes import Level
from storage.errors import OutOfSpace
from storage.query import Query
from storage.records import Job, JobState, Peer, Records
from storage.records.remote import KINDS, Confirm, Push, TransferReport, Trouble, from_json, to_json
from tests.support.objects import INSTANCE, STUDY, ct, store
from tests.support.peers import run_tool


@dataclass
class Node:
    """A node that keeps what it is sent, as far as its test wants."""

    port: int = 0
    stored: list[str] = field(default_factory=list)
    asked: list[Dataset] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """What its reports were answered with."""
    says: str = "here"
    """`here` or `later`: where the report goes; `nothing`: it never comes; `no`: the question is refused."""
    lacks: frozenset[str] = frozenset()

    def report(self, asked: Dataset) -> tuple[int, Dataset]:
        ds, failed = Dataset(), []
        ds.TransactionUID = asked.TransactionUID
        ds.ReferencedSOPSequence = []
        for item in asked.ReferencedSOPSequence:
            if item.ReferencedSOPInstanceUID in self.lacks:
                item.FailureReason = 0x0112
                failed.append(item)
            else:
                ds.ReferencedSOPSequence.append(item)
        if failed:
            ds.FailedSOPSequence = failed
        return (2 if failed else 1), ds


@contextmanager
def _running(node: Node, our_port: int) -> Iterator[Node]:
    def take(event: evt.Event) -> int:
        node.stored.append(str(event.request.AffectedSOPInstanceUID))  # type: ignore[union-attr]
        return 0

    def act(event: evt.Event) -> tuple[int, None]:
        asked = event.action_information
        node.asked.append(asked)
        if node.says == "here":
            threading.Timer(0.05, tell, (event.assoc, asked)).start()
        elif node.says == "later":
            threading.Timer(0.05, tell_later, (asked,)).start()
        return (0x0213 if node.says == "no" else 0), None

    def tell(assoc: object, asked: Dataset) -> None:
        number, ds = node.report(asked)
        status, _ = assoc.send_n_event_report(  # type: ignore[attr-defined]
            ds, number, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        node.statuses.append(int(status.Status))

    def tell_later(asked: Dataset) -> None:
        ae = AE("NODE")
        ae.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        assoc = ae.associate("127.0.0.1", our_port, ext_neg=[role])
        tell(assoc, asked)
        assoc.release()

    ae = AE("NODE")
    ae.add_supported_context(CTImageStorage)
    ae.add_supported_context(Verification)
    ae.add_supported_context(StorageCommitmentPushModel)
    handlers = [(evt.EVT_C_STORE, take), (evt.EVT_N_ACTION, act)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)  # type: ignore[arg-type]
    assert server is not None
    node.port = server.server_address[1]
    try:
        yield node
    finally:
        server.shutdown()


@pytest.fixture
def port(receiver: Callable[..., Receiver], application: Application) -> int:
    application.records.peers.add(Peer("ws", "WORKSTATION", "127.0.0.1", 104))
    return receiver().port


def _know(application: Application, node: Node) -> Peer:
    return application.records.peers.add(Peer("node", "NODE", "127.0.0.1", node.port, asks_commitment=True))


def _fill(archive: Archive, count: int = 3) -> list[str]:
    uids = [f"{INSTANCE}.{n}" for n in range(count)]
    for n, uid in enumerate(uids):
        store(archive, ct(SOPInstanceUID=uid, InstanceNumber=n + 1))
    return uids


def _question(records: Records) -> Job:
    (job,) = [job for job in records.jobs.list() if job.kind == KINDS[Confirm]]
    return job


def _ask(application: Application, peer: Peer) -> Job:
    instances = application.archive.matching_instances(Query(Level.INSTANCE))
    confirmation.ask(application.records, application.archive, peer, instances)
    return _question(application.records)


def _until(records: Records, state: JobState) -> Job:
    deadline = time.monotonic() + 60
    while _question(records).state is not state:
        assert time.monotonic() < deadline, _question(records)
        time.sleep(0.02)
    return _question(records)


def test_a_push_is_confirmed_on_the_same_association(port: int, application: Application, archive: Archive) -> None:
    uids = _fill(archive)
    with _running(Node(), port) as node:
        _know(application, node)
        push = Push("NODE", STUDY)
        application.records.jobs.add(KINDS[Push], to_json(push), peer="NODE")
        assert jobs.run_one(application)
        assert jobs.run_one(application)
        assert sorted(node.stored) == uids
        (asked,) = node.asked
        assert [i.ReferencedSOPInstanceUID for i in asked.ReferencedSOPSequence] == uids
        job = _until(application.records, JobState.DONE)
        report = from_json(TransferReport, job.report)
        assert (report.total, report.done, report.failed, report.via) == (3, 3, 0, "Storage commitment")
        assert [i.item for i in application.records.jobs.items(job.number, is_done=True)] == uids
        end = time.monotonic() + 60
        while not node.statuses and time.monotonic() < end:
            time.sleep(0.02)
        assert node.statuses == [0]


def test_a_move_is_confirmed_on_a_new_association(port: int, application: Application, archive: Archive) -> None:
    _fill(archive)
    with _running(Node(says="later"), port) as node:
        _know(application, node)
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
        run_tool("movescu", "-S", "-aet", "WORKSTATION", "-aem", "NODE", *keys, "127.0.0.1", port)
        assert len(node.stored) == 3
        # The question is there before the move is answered.
        assert _question(application.records).state is JobState.WAITING
        worker = threading.Thread(target=jobs.run_one, args=(application,))
        worker.start()
        job = _until(application.records, JobState.DONE)
        worker.join(20)
        # The worker that waited does not change what the receiver has noted.
        assert _question(application.records).state is JobState.DONE
        assert from_json(TransferReport, job.report).done == 3
        assert node.statuses == [0]


def test_objects_that_are_not_kept_are_told_with_their_reason(
    port: int, application: Application, archive: Archive
) -> None:
    uids = _fill(archive)
    with _running(Node(lacks=frozenset(uids[1:2])), port) as node:
        _ask(application, _know(application, node))
        assert jobs.run_one(application)
    job = _question(application.records)
    assert (job.state, job.error) == (JobState.FAILED, "1 of 3 objects are not committed to: no such object instance")
    report = from_json(TransferReport, job.report)
    assert (report.done, report.failed) == (2, 1)
    assert report.problem is not None
    assert report.problem.trouble is Trouble.NOT_COMMITTED
    (item,) = application.records.jobs.items(job.number, is_done=False)
    assert (item.item, item.reason) == (uids[1], "not committed\t0112H\tno such object instance")


def test_an_answer_that_does_not_come_is_asked_for_again_with_another_transaction(
    port: int, application: Application, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs.confirmation.request.__defaults__", (0.1,))
    _fill(archive, 1)
    with _running(Node(says="nothing"), port) as node:
        _ask(application, _know(application, node))
        now = time.time() + 1
        assert jobs.run_one(application, now)
        waiting = _question(application.records)
        assert (waiting.state, waiting.error) == (JobState.WAITING, "the question was taken; no answer yet")
        assert not jobs.run_one(application, now + 590)
        # A worker that is started anew finds the question in the records.
        with Records.open(archive.data) as again:
            assert jobs.run_one(Application(archive, again, "FILMLESS"), now + 610)
        first, second = (ds.TransactionUID for ds in node.asked)
        assert first != second
        # A late answer to the first question is an answer.
        report = confirmation.read(node.report(node.asked[0])[1])
        job = confirmation.job_of(application.records, "NODE", report.transaction_uid)
        assert job is not None
        assert confirmation.settle(application.records, job, report) is JobState.DONE
        assert confirmation.job_of(application.records, "NODE", report.transaction_uid) is None


def test_a_node_that_is_away_is_tried_again_and_one_that_refuses_told(
    port: int, application: Application, archive: Archive
) -> None:
    _fill(archive, 1)
    with _running(Node(says="no"), port) as node:
        peer = _know(application, node)
    _ask(application, peer)
    now = time.time() + 1
    assert jobs.run_one(application, now)
    waiting = _question(application.records)
    assert (waiting.state, waiting.attempts) == (JobState.WAITING, 1)
    with _running(Node(says="no"), port) as node:
        application.records.peers.change("node", Peer("node", "NODE", "127.0.0.1", node.port, asks_commitment=True))
        assert jobs.run_one(application, now + 3600)
        report = from_json(TransferReport, _question(application.records).report)
        assert report.problem is not None
        assert report.problem.facts["status"] == "0213H"


def test_a_peer_that_is_not_to_be_asked_is_not(application: Application, archive: Archive) -> None:
    _fill(archive, 1)
    peer = application.records.peers.add(Peer("node", "NODE", "127.0.0.1", 104))
    instances = archive.matching_instances(Query(Level.INSTANCE))
    assert confirmation.ask(application.records, archive, peer, instances) == []


def test_a_question_that_cannot_be_noted_does_not_spoil_the_move(
    port: int,
    application: Application,
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OutOfSpace("records.sqlite3 cannot be written: database or disk is full")

    uids = _fill(archive)
    monkeypatch.setattr(application.records.jobs, "add", full)
    with _running(Node(), port) as node:
        _know(application, node)
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
        run_tool("movescu", "-S", "-aet", "WORKSTATION", "-aem", "NODE", *keys, "127.0.0.1", port)
        assert sorted(node.stored) == sorted(uids)
    assert "NODE is not asked whether it keeps 3 objects" in caplog.text
    assert "internal error" not in caplog.text


def test_studies_are_asked_about_one_by_one_and_many_objects_in_parts(
    application: Application, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation, "MOST_OBJECTS", 2)
    _fill(archive, 3)
    store(archive, ct(StudyInstanceUID="1.7", SeriesInstanceUID="1.7.1", SOPInstanceUID="1.7.1.1"))
    peer = Peer("node", "NODE", "127.0.0.1", 104, asks_commitment=True)
    instances = archive.matching_instances(Query(Level.INSTANCE))
    numbers = confirmation.ask(application.records, archive, peer, instances)
    asked = [from_json(Confirm, application.records.jobs.get(n).payload) for n in numbers]
    assert [(one.study_instance_uid, len(one.objects)) for one in asked] == [(STUDY, 2), (STUDY, 1), ("1.7", 1)]


def test_a_report_that_nobody_waits_for_and_one_that_is_none_are_refused(
    port: int, application: Application, archive: Archive
) -> None:
    _fill(archive, 1)
    job = _ask(application, Peer("node", "NODE", "127.0.0.1", 104, asks_commitment=True))
    transaction = from_json(Confirm, job.payload).transaction_uid
    ds = Dataset()
    ds.TransactionUID = f"{transaction}.1"
    # A stranger may not speak for the node.
    for aet, transaction_uid, expected in (
        ("STRANGER", f"{transaction}.1", 0x0110),
        ("NODE", "1.2.3", 0x0110),
        ("NODE", "", 0x0115),
    ):
        ae = AE(aet)
        ae.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        assoc = ae.associate("127.0.0.1", port, ext_neg=[role])
        ds.TransactionUID = transaction_uid
        status, _ = assoc.send_n_event_report(ds, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
        assoc.release()
        assert status.Status == expected
    assert _question(application.records).state is JobState.WAITING


def test_an_object_that_the_answer_does_not_mention_is_not_kept() -> None:
    ds = Dataset()
    ds.TransactionUID = "1.2.3"
    ds.FailedSOPSequence = [Dataset()]
    with pytest.raises(InvalidReport, match="no SOP Instance UID"):
        confirmation.read(ds)
    ds.FailedSOPSequence[0].ReferencedSOPInstanceUID = "1.2"
    assert confirmation.read(ds).failed == {"1.2": 0x0110}
