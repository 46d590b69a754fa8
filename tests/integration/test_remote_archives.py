"""Testing, querying, pulling from and pushing to real archives: DCMTK's and Orthanc, both ways."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

from pacs.application import Application
from pacs.receiver import Receiver, ReceiverSettings
from storage.archive import Archive
from storage.records import Job, JobState, Peer, Records
from storage.records.remote import (
    How,
    Outcome,
    PeerTest,
    PeerTestReport,
    Pull,
    Push,
    QueryReport,
    RemoteQuery,
    Step,
    TransferReport,
    Trouble,
    from_json,
)
from tests.support.archives import RemoteArchive, dcmqrscp, orthanc, storescp
from tests.support.jobs import working
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store, write_file
from tests.support.peers import free_port, run_tool

OBJECTS = 12


@pytest.fixture
def application(archive: Archive) -> Iterator[Application]:
    with Records.open(archive.data) as records:
        yield Application(archive, records, "FILMLESS")


@pytest.fixture
def port(application: Application) -> Iterator[int]:
    """Our receiver."""
    receiver = Receiver(application, ReceiverSettings("127.0.0.1", 0))
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    yield receiver.port
    receiver.stop()
    thread.join(15)


@pytest.fixture
def do(application: Application) -> Iterator[Callable[..., Job]]:
    """Ask for something, and return the job once it has ended."""
    with working(application) as ask:
        yield ask


def _files(folder: Path, count: int = OBJECTS, name: str = "Nguyen^Van^Duc") -> list[Path]:
    """A study of two series."""
    return [
        write_file(
            folder / f"{n}.dcm",
            ct(
                SOPInstanceUID=f"{INSTANCE}.{n}",
                SeriesInstanceUID=f"{SERIES}.{n % 2}",
                SeriesNumber=n % 2 + 1,
                InstanceNumber=n + 1,
                PatientName=name,
            ),
        )
        for n in range(count)
    ]


def _fill(remote: RemoteArchive, folder: Path, count: int = OBJECTS, name: str = "Nguyen^Van^Duc") -> None:
    run_tool("storescu", "-aec", remote.aet, "127.0.0.1", remote.port, *_files(folder, count, name))


def _here(archive: Archive) -> set[str]:
    return {i.sop_instance_uid for s in archive.series(STUDY) for i in archive.instances(s.series_instance_uid)}


def _report(job: Job) -> TransferReport:
    return from_json(TransferReport, job.report)


@pytest.fixture
def qr(port: int, application: Application, tmp_path: Path) -> Iterator[RemoteArchive]:
    with dcmqrscp(tmp_path / "qr", {"FILMLESS": port}) as remote:
        application.records.peers.add(Peer("Kho cũ", remote.aet, "127.0.0.1", remote.port))
        yield remote


@pytest.fixture
def other(port: int, application: Application, tmp_path: Path) -> Iterator[RemoteArchive]:
    with orthanc(tmp_path / "orthanc", {"filmless": ["FILMLESS", "127.0.0.1", port]}) as remote:
        application.records.peers.add(Peer("Orthanc", remote.aet, "127.0.0.1", remote.port))
        yield remote


def test_dcmqrscp_is_tested_queried_pulled_from_and_pushed_to(
    qr: RemoteArchive, do: Callable[..., Job], archive: Archive, tmp_path: Path
) -> None:
    report = from_json(PeerTestReport, do(PeerTest(qr.aet, store=True)).report)
    assert [(s.step, s.outcome) for s in report.steps] == [(step, Outcome.OK) for step in Step]
    assert set(report.offers) == {"echo", "find", "move", "get", "store"}

    _fill(qr, tmp_path / "files")
    found = from_json(QueryReport, do(RemoteQuery(qr.aet, patient_name="Nguyen duc")).report)
    assert found.problem is None
    (study,) = found.studies
    assert (study.study_instance_uid, study.patient_name, study.study_date) == (STUDY, "Nguyen^Van^Duc", "20260131")

    done = do(Pull(qr.aet, STUDY, How.MOVE))
    assert done.state is JobState.DONE, done
    assert len(_here(archive)) == OBJECTS
    got = _report(done)
    assert (got.total, got.done, got.already, got.failed, got.via) == (OBJECTS, OBJECTS, 0, 0, "C-MOVE")

    again = _report(do(Pull(qr.aet, STUDY)))
    assert (again.total, again.done, again.already) == (OBJECTS, 0, OBJECTS)
    pushed = do(Push(qr.aet, STUDY))
    assert pushed.state is JobState.DONE, pushed
    sent = _report(pushed)
    assert (sent.total, sent.done, sent.already) == (OBJECTS, 0, OBJECTS)


@pytest.mark.parametrize("how", [How.MOVE, How.GET])
def test_only_what_is_missing_is_pulled(
    qr: RemoteArchive, do: Callable[..., Job], archive: Archive, tmp_path: Path, how: How
) -> None:
    _fill(qr, tmp_path / "files")
    for n in (0, 1, 3, 5, 7, 9, 11):  # one of the first series, all of the second
        store(archive, pydicom.dcmread(tmp_path / "files" / f"{n}.dcm"))
    job = do(Pull(qr.aet, STUDY, how))
    assert job.state is JobState.DONE, job
    report = _report(job)
    assert (report.total, report.done, report.already) == (OBJECTS, 5, 7)
    assert len(_here(archive)) == OBJECTS


def test_a_part_is_pushed_where_the_rest_is_there(
    qr: RemoteArchive, do: Callable[..., Job], archive: Archive, tmp_path: Path
) -> None:
    files = _files(tmp_path / "files")
    run_tool("storescu", "-aec", qr.aet, "127.0.0.1", qr.port, *files[:4])
    for path in files:
        store(archive, pydicom.dcmread(path))
    job = do(Push(qr.aet, STUDY))
    assert job.state is JobState.DONE, job
    report = _report(job)
    assert (report.total, report.done, report.already) == (OBJECTS, 8, 4)


def test_a_destination_that_it_does_not_know_is_told_in_words(
    do: Callable[..., Job], application: Application, tmp_path: Path
) -> None:
    with dcmqrscp(tmp_path / "qr", {}) as remote:
        application.records.peers.add(Peer("qr", remote.aet, "127.0.0.1", remote.port))
        _fill(remote, tmp_path / "files", 2)
        job = do(Pull(remote.aet, STUDY, How.MOVE))
    assert job.state is JobState.FAILED
    problem = _report(job).problem
    assert problem is not None
    assert problem.trouble is Trouble.DESTINATION_UNKNOWN


def test_what_it_sends_elsewhere_has_not_arrived(
    do: Callable[..., Job], application: Application, tmp_path: Path
) -> None:
    with (
        storescp(tmp_path / "elsewhere") as elsewhere,
        dcmqrscp(tmp_path / "qr", {"FILMLESS": elsewhere.port}) as remote,
    ):
        application.records.peers.add(Peer("qr", remote.aet, "127.0.0.1", remote.port))
        _fill(remote, tmp_path / "files", 3)
        job = do(Pull(remote.aet, STUDY, How.MOVE))
    report = _report(job)
    assert (job.state, report.total, report.done, report.failed) == (JobState.WAITING, 3, 0, 3)
    assert report.problem is not None
    assert report.problem.trouble is Trouble.NOT_ARRIVED
    assert report.problem.facts["count"] == "3"
    lacking = application.records.jobs.items(job.number, is_done=False)
    assert sorted(item.item for item in lacking) == [f"{INSTANCE}.{n}" for n in range(3)]


def test_what_it_cannot_send_is_told_with_its_status(
    do: Callable[..., Job], application: Application, tmp_path: Path
) -> None:
    with dcmqrscp(tmp_path / "qr", {"FILMLESS": free_port()}) as remote:  # nobody listens there
        application.records.peers.add(Peer("qr", remote.aet, "127.0.0.1", remote.port))
        _fill(remote, tmp_path / "files", 2)
        job = do(Pull(remote.aet, STUDY, How.MOVE))
    problem = _report(job).problem
    assert problem is not None
    assert problem.trouble in (Trouble.INCOMPLETE, Trouble.OUT_OF_RESOURCES, Trouble.STATUS), problem


def test_an_archive_that_does_not_know_us_is_told_in_words(
    do: Callable[..., Job], application: Application, tmp_path: Path
) -> None:
    with orthanc(
        tmp_path / "o", DicomAlwaysAllowFind=False, DicomAlwaysAllowGet=False, DicomAlwaysAllowMove=False
    ) as o:
        application.records.peers.add(Peer("o", o.aet, "127.0.0.1", o.port))
        problem = from_json(QueryReport, do(RemoteQuery(o.aet)).report).problem
        assert problem is not None
        assert problem.trouble is Trouble.ABORTED  # with words that name our AE title


def test_storescp_takes_and_answers_no_queries(
    do: Callable[..., Job], application: Application, archive: Archive, tmp_path: Path
) -> None:
    for path in _files(tmp_path / "files"):
        store(archive, pydicom.dcmread(path))
    with storescp(tmp_path / "scp") as remote:
        application.records.peers.add(Peer("scp", remote.aet, "127.0.0.1", remote.port))
        report = from_json(PeerTestReport, do(PeerTest(remote.aet, store=True)).report)
        assert {s.step: s.outcome for s in report.steps} == {
            Step.CONNECT: Outcome.OK,
            Step.ECHO: Outcome.OK,
            Step.FIND: Outcome.NOT_OFFERED,
            Step.STORE: Outcome.OK,
        }
        job = do(Push(remote.aet, STUDY))
        query = do(RemoteQuery(remote.aet))
        pull = do(Pull(remote.aet, STUDY))
    assert job.state is JobState.DONE, job
    assert len(list((tmp_path / "scp" / "received").iterdir())) == OBJECTS + 1
    problem = from_json(QueryReport, query.report).problem
    assert problem is not None
    assert problem.trouble is Trouble.NO_FIND
    assert query.state is JobState.FAILED
    assert pull.state is JobState.FAILED
    lacking = _report(pull).problem
    assert lacking is not None
    assert lacking.trouble is Trouble.NO_RETRIEVE


def test_orthanc_both_ways(
    other: RemoteArchive, port: int, do: Callable[..., Job], archive: Archive, tmp_path: Path
) -> None:
    report = from_json(PeerTestReport, do(PeerTest(other.aet, store=True)).report)
    assert report.ok, report
    assert len(other.rest("instances")) == 1  # the test image

    _fill(other, tmp_path / "files", name="Nguyễn^Văn^Đức")
    found = from_json(QueryReport, do(RemoteQuery(other.aet, patient_name="nguyễn đức", modality="CT")).report)
    (study,) = found.studies
    assert study.patient_name == "Nguyễn^Văn^Đức"
    assert (study.number_of_series, study.number_of_instances) == (2, OBJECTS)
    job = do(Pull(other.aet, STUDY))
    assert job.state is JobState.DONE, job
    assert _report(job).via == "C-GET"
    assert len(_here(archive)) == OBJECTS

    second = ct(StudyInstanceUID=STUDY + ".2", SeriesInstanceUID=STUDY + ".2.1", SOPInstanceUID=STUDY + ".2.1.1")
    store(archive, second)
    assert do(Push(other.aet, STUDY + ".2")).state is JobState.DONE
    assert len(other.rest("studies")) == 3  # the test image's is one

    # And the other way round: Orthanc as the workstation that tests, queries and pushes.
    other.post("modalities/filmless/echo", {})
    answer = other.post("modalities/filmless/query", {"Level": "Study", "Query": {"PatientID": "BN001"}})
    assert "ID" in answer


def test_orthanc_moves_to_us(other: RemoteArchive, do: Callable[..., Job], archive: Archive, tmp_path: Path) -> None:
    _fill(other, tmp_path / "files")
    job = do(Pull(other.aet, STUDY, How.MOVE))
    assert job.state is JobState.DONE, job
    report = _report(job)
    assert (report.via, report.done) == ("C-MOVE", OBJECTS)
    assert len(_here(archive)) == OBJECTS
