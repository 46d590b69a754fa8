"""Storage commitment: on the same association, later on a new one, after a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from pacs import jobs
from pacs.application import Application
from pacs.receiver import Receiver
from storage.archive import Archive
from storage.errors import OutOfSpace, StorageError, WriteFailed
from storage.records import JobState, Peer
from tests.support.objects import INSTANCE, ct, store
from tests.support.peers import free_port

TRANSACTION = "1.2.826.0.1.3680043.10.999.77"
Told = list[tuple[int, Dataset]]


def _request(*references: tuple[str, str], transaction: str = TRANSACTION) -> Dataset:
    ds = Dataset()
    ds.TransactionUID = transaction
    ds.ReferencedSOPSequence = []
    for sop_class, instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        ds.ReferencedSOPSequence.append(item)
    return ds


def _ask(port: int, ds: Dataset, *, stay: bool, told: Told, aet: str = "SCANNER", action: int = 1) -> int:
    """Send an N-ACTION; a peer that stays takes the report on the same association. The answer's status."""
    answered = threading.Event()

    def take(event: evt.Event) -> tuple[int, None]:
        told.append((event.event_type, event.event_information))
        return 0x0000, None

    def sent(event: evt.Event) -> None:
        # A release that overtakes the answer would leave the report unanswered.
        if told:
            answered.set()

    ae = AE(aet)
    ae.add_requested_context(StorageCommitmentPushModel)
    # Without a handler the peer answers every report with a failure.
    handlers = [(evt.EVT_N_EVENT_REPORT, take), (evt.EVT_PDU_SENT, sent)] if stay else []
    assoc = ae.associate("127.0.0.1", port, evt_handlers=handlers)
    assert assoc.is_established
    status, _ = assoc.send_n_action(ds, action, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    if stay:
        assert answered.wait(60)
        assoc.release()
    else:
        assoc.abort()
        # A report that it was just about to answer makes pynetdicom trip over its own abort, with the socket open.
        assoc.join(5)
        if assoc.dul.socket is not None:
            assoc.dul.socket.close()
    return int(status.Status)


@pytest.fixture
def port(receiver: Callable[..., Receiver]) -> int:
    return receiver().port


@pytest.fixture
def scanner(application: Application) -> Iterator[tuple[Told, Callable[[], None]]]:
    """A registered node SCANNER that listens once it is told to."""
    told: Told = []
    where = free_port()
    application.records.peers.add(Peer("scanner", "SCANNER", "127.0.0.1", where, may_query=False, may_retrieve=False))
    servers = []

    def listen() -> None:
        def take(event: evt.Event) -> tuple[int, None]:
            told.append((event.event_type, event.event_information))
            return 0x0000, None

        ae = AE("SCANNER")
        ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        servers.append(
            ae.start_server(("127.0.0.1", where), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, take)])
        )

    yield told, listen
    for server in servers:
        server.shutdown()


def _wait_for_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until the association has ended at the receiver, too."""
    deadline = time.monotonic() + 60
    while not any("outcome=" in record.getMessage() for record in caplog.records):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _state(application: Application) -> JobState:
    (job,) = application.records.jobs.list()
    return job.state


def test_what_is_kept_is_reported_on_the_same_association(
    port: int, application: Application, archive: Archive, scanner: tuple[Told, Callable[[], None]]
) -> None:
    store(archive, ct())
    told: Told = []
    assert _ask(port, _request((CTImageStorage, INSTANCE)), stay=True, told=told) == 0x0000
    ((event, ds),) = told
    assert event == 1
    assert ds.TransactionUID == TRANSACTION
    assert [i.ReferencedSOPInstanceUID for i in ds.ReferencedSOPSequence] == [INSTANCE]
    assert "FailedSOPSequence" not in ds
    assert _state(application) is JobState.DONE
    assert not jobs.run_one(application, time.time() + 3600)


@pytest.mark.parametrize(("error", "status"), [(OutOfSpace, 0x0213), (WriteFailed, 0x0110)])
def test_a_request_that_cannot_be_noted_is_refused_and_the_association_goes_on(
    port: int,
    application: Application,
    scanner: tuple[Told, Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
    error: type[StorageError],
    status: int,
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise error("records.sqlite3 cannot be written: the disk says no")

    monkeypatch.setattr(application.records.jobs, "add", fail)
    ae = AE("SCANNER")
    ae.add_requested_context(StorageCommitmentPushModel)
    assoc = ae.associate("127.0.0.1", port)
    asked = _request((CTImageStorage, INSTANCE))
    for _ in range(2):
        answer, _ = assoc.send_n_action(asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
        assert answer.Status == status
    assoc.release()


def test_each_failure_has_its_reason(port: int, archive: Archive, scanner: tuple[Told, Callable[[], None]]) -> None:
    for n in range(3):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
    damaged = archive.instance(f"{INSTANCE}.1").path
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.chmod(0o600)
    damaged.write_bytes(content)
    told: Told = []
    mr = "1.2.840.10008.5.1.4.1.1.4"
    asked = [(CTImageStorage, f"{INSTANCE}.0"), (CTImageStorage, f"{INSTANCE}.1"), (mr, f"{INSTANCE}.2")]
    _ask(port, _request(*asked, (CTImageStorage, "1.2.3")), stay=True, told=told)
    ((event, ds),) = told
    assert event == 2
    assert [i.ReferencedSOPInstanceUID for i in ds.ReferencedSOPSequence] == [f"{INSTANCE}.0"]
    assert [(i.ReferencedSOPInstanceUID, i.FailureReason) for i in ds.FailedSOPSequence] == [
        (f"{INSTANCE}.1", 0x0110),
        (f"{INSTANCE}.2", 0x0119),
        ("1.2.3", 0x0112),
    ]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_peer_that_went_is_told_on_a_new_association_tried_until_it_answers(
    port: int,
    application: Application,
    archive: Archive,
    scanner: tuple[Told, Callable[[], None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, listen = scanner
    store(archive, ct())
    _ask(port, _request((CTImageStorage, INSTANCE)), stay=False, told=[])
    _wait_for_the_end(caplog)
    now = time.time() + 60
    assert jobs.run_one(application, now)
    (job,) = application.records.jobs.list()
    assert job.state is JobState.WAITING
    assert "cannot be reached" in job.error
    assert not jobs.run_one(application, now + 1)
    listen()
    assert jobs.run_one(application, now + 3600)
    assert [event for event, _ in told] == [1]
    assert _state(application) is JobState.DONE


def test_a_job_whose_worker_died_is_due_again(application: Application) -> None:
    number = application.records.jobs.add("storage commitment", "{}")
    now = time.time() + 1
    first = application.records.jobs.claim(100, now)
    assert first is not None
    assert first.number == number
    assert application.records.jobs.claim(100, now + 99) is None
    again = application.records.jobs.claim(100, now + 101)
    assert again is not None
    assert (again.number, again.attempts) == (number, 2)


def test_a_job_that_cannot_be_done_is_given_up_and_the_next_one_done(application: Application) -> None:
    application.records.jobs.add("nonsense", "{}")
    assert jobs.run_one(application, time.time() + 1)
    assert _state(application) is JobState.FAILED


@pytest.mark.parametrize(
    ("aet", "action", "transaction", "status"),
    [("STRANGER", 1, TRANSACTION, 0x0124), ("SCANNER", 2, TRANSACTION, 0x0123), ("SCANNER", 1, "", 0x0115)],
)
def test_refusals(
    port: int,
    application: Application,
    scanner: tuple[Told, Callable[[], None]],
    aet: str,
    action: int,
    transaction: str,
    status: int,
) -> None:
    ds = _request((CTImageStorage, INSTANCE), transaction=transaction)
    assert _ask(port, ds, stay=False, told=[], aet=aet, action=action) == status
    assert not application.records.jobs.list()
