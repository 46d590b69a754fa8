"""Orthanc over TLS in both directions: tested, queried, pulled from, pushed to; and as the workstation that does so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pacs.application import Application
from pacs.receiver import Receiver, ReceiverSettings
from pacs.tls import OwnCertificate, TLSSettings, make_certificate
from storage.archive import Archive
from storage.records import Job, JobState, Peer, Records
from storage.records.remote import (
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
)
from tests.support.archives import RemoteArchive, orthanc
from tests.support.jobs import working
from tests.support.objects import INSTANCE, STUDY, ct, store, write_file
from tests.support.peers import run_tool

COUNT = 4


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    return make_certificate(tmp_path_factory.mktemp("ours"), "FILMLESS", ["127.0.0.1"])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    return make_certificate(tmp_path_factory.mktemp("theirs"), "ORTHANC", ["127.0.0.1"])


@pytest.fixture
def application(archive: Archive, ours: OwnCertificate) -> Iterator[Application]:
    with Records.open(archive.data) as records:
        yield Application(archive, records, "FILMLESS", certificate=ours)


@pytest.fixture
def port(application: Application, ours: OwnCertificate, theirs: OwnCertificate) -> Iterator[int]:
    """Our port for TLS, which takes Orthanc's certificate only."""
    tls = TLSSettings(0, ours, theirs.certificate)
    receiver = Receiver(application, ReceiverSettings("127.0.0.1", 0, tls=tls))
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    yield receiver.tls_port or 0
    receiver.stop()
    thread.join(15)
    assert not thread.is_alive()


@pytest.fixture
def keys(ours: OwnCertificate, theirs: OwnCertificate) -> list[str | Path]:
    """What DCMTK's programs need to reach Orthanc."""
    return ["+tls", ours.key, ours.certificate, "+cf", theirs.certificate]


@pytest.fixture
def other(
    port: int,
    application: Application,
    ours: OwnCertificate,
    theirs: OwnCertificate,
    keys: list[str | Path],
    tmp_path: Path,
) -> Iterator[RemoteArchive]:
    """Orthanc, which takes our certificate only."""
    modality = {"AET": "FILMLESS", "Host": "127.0.0.1", "Port": port, "UseDicomTls": True}
    settings: dict[str, Any] = {
        "DicomTlsEnabled": True,
        "DicomTlsRemoteCertificateRequired": True,
        "DicomTlsCertificate": str(theirs.certificate),
        "DicomTlsPrivateKey": str(theirs.key),
        "DicomTlsTrustedCertificates": str(ours.certificate),
    }
    with orthanc(tmp_path / "orthanc", {"filmless": modality}, echo=keys, **settings) as remote:
        authorities = theirs.certificate.read_text()
        peer = Peer("orthanc", remote.aet, "127.0.0.1", remote.port, tls=True, tls_authorities=authorities)
        application.records.peers.add(peer)
        yield remote


@pytest.fixture
def do(application: Application) -> Iterator[Callable[..., Job]]:
    with working(application) as ask:
        yield ask


def _study(uid: str = STUDY) -> list[Any]:
    return [
        ct(StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", SOPInstanceUID=f"{uid}.1.{n}", InstanceNumber=n + 1)
        for n in range(COUNT)
    ]


@pytest.mark.parametrize("how", [How.GET, How.MOVE])
def test_a_study_is_pulled_and_another_pushed_over_tls(
    other: RemoteArchive,
    do: Callable[..., Job],
    archive: Archive,
    keys: list[str | Path],
    tmp_path: Path,
    how: How,
) -> None:
    assert from_json(PeerTestReport, do(PeerTest(other.aet, store=True)).report).ok
    files = [write_file(tmp_path / f"{n}.dcm", ds) for n, ds in enumerate(_study())]
    run_tool("storescu", *keys, "-aec", other.aet, "127.0.0.1", other.port, *files)
    (found,) = from_json(QueryReport, do(RemoteQuery(other.aet, patient_id="BN001")).report).studies
    assert found.study_instance_uid == STUDY
    pulled = do(Pull(other.aet, STUDY, how))
    assert pulled.state is JobState.DONE, pulled
    report = from_json(TransferReport, pulled.report)
    assert (report.total, report.done, report.failed) == (COUNT, COUNT, 0)
    assert archive.study(STUDY).number_of_instances == COUNT
    for ds in _study(f"{STUDY}9"):
        store(archive, ds)
    pushed = do(Push(other.aet, f"{STUDY}9"))
    assert pushed.state is JobState.DONE, pushed
    assert len(other.rest("instances")) == 1 + 2 * COUNT  # the test image is one


def test_orthanc_queries_retrieves_and_sends_over_tls(other: RemoteArchive, archive: Archive) -> None:
    for ds in _study():
        store(archive, ds)
    assert other.post("modalities/filmless/echo", {}) == {}
    query = other.post("modalities/filmless/query", {"Level": "Study", "Query": {"PatientName": "*duc*"}})
    other.post(f"queries/{query['ID']}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
    assert len(other.rest("instances")) == COUNT
    done = other.post("modalities/filmless/store", {"Resources": other.rest("studies"), "Synchronous": True})
    assert (done["InstancesCount"], done["FailedInstancesCount"]) == (COUNT, 0)


def test_a_certificate_that_is_not_theirs_is_told_in_words(
    other: RemoteArchive, application: Application, do: Callable[..., Job], ours: OwnCertificate, archive: Archive
) -> None:
    store(archive, ct(SOPInstanceUID=INSTANCE))
    peer = Peer("orthanc", other.aet, "127.0.0.1", other.port, tls=True, tls_authorities=ours.certificate.read_text())
    application.records.peers.change("orthanc", peer)
    job = do(Push(other.aet, STUDY))
    problem = from_json(TransferReport, job.report).problem
    assert job.state is JobState.FAILED
    assert problem is not None
    assert problem.trouble is Trouble.CERTIFICATE
    assert other.rest("instances") == []
