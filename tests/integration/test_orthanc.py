"""Orthanc as workstation, as destination, and on both ends of storage commitment."""

from __future__ import annotations

import io
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from pacs import jobs
from pacs.application import Application
from pacs.receiver import Receiver
from storage.archive import Archive
from storage.records import JobState, Peer
from storage.records.remote import KINDS, Confirm, TransferReport, from_json
from tests.support.archives import RemoteArchive, orthanc
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode, store
from tests.support.peers import run_tool

COUNT = 5


@pytest.fixture
def port(receiver: Callable[..., Receiver], application: Application) -> int:
    application.records.peers.add(Peer("ws", "WORKSTATION", "127.0.0.1", 104))
    return receiver().port


@pytest.fixture
def other(port: int, application: Application, tmp_path: Path) -> Iterator[RemoteArchive]:
    """Orthanc, which knows us, as we know it."""
    modality = {"AET": "FILMLESS", "Host": "127.0.0.1", "Port": port, "AllowStorageCommitment": True}
    with orthanc(tmp_path / "orthanc", {"filmless": modality}) as remote:
        application.records.peers.add(Peer("orthanc", remote.aet, "127.0.0.1", remote.port, asks_commitment=True))
        yield remote


def _fill(archive: Archive) -> list[str]:
    uids = [f"{INSTANCE}.{n}" for n in range(COUNT)]
    for n, uid in enumerate(uids):
        store(archive, ct(SOPInstanceUID=uid, InstanceNumber=n + 1))
    return uids


def _file(remote: RemoteArchive, number: str) -> pydicom.Dataset:
    with urllib.request.urlopen(f"http://127.0.0.1:{remote.http_port}/instances/{number}/file", timeout=20) as answer:
        return pydicom.dcmread(io.BytesIO(answer.read()))


def test_orthanc_as_workstation_finds_and_retrieves(other: RemoteArchive, archive: Archive) -> None:
    uids = _fill(archive)
    assert other.post("modalities/filmless/echo", {}) == {}
    for keys in ({"PatientName": "*duc*"}, {"PatientName": "Nguyễn*"}, {"StudyDate": "20260101-20260131"}):
        query = other.post("modalities/filmless/query", {"Level": "Study", "Query": {"StudyInstanceUID": "", **keys}})
        answers = other.rest(f"queries/{query['ID']}/answers?expand&simplify")
        assert [a["StudyInstanceUID"] for a in answers] == [STUDY]
    assert answers[0]["RetrieveAETitle"] == "FILMLESS"
    keys = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": "", "PatientName": ""}
    query = other.post("modalities/filmless/query", {"Level": "Series", "Query": keys})
    (series,) = other.rest(f"queries/{query['ID']}/answers?expand&simplify")
    assert series["SeriesInstanceUID"] == SERIES
    other.post(f"queries/{query['ID']}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
    arrived = {str(ds.SOPInstanceUID): ds for n in other.rest("instances") if (ds := _file(other, n))}
    assert sorted(arrived) == uids
    assert encode(arrived[uids[0]]) == encode(ct(SOPInstanceUID=uids[0], InstanceNumber=1))
    assert arrived[uids[0]].PatientName == "Nguyễn^Văn^Đức"


def test_orthanc_retrieves_at_every_level_just_what_it_asked_for(other: RemoteArchive, archive: Archive) -> None:
    # But for patients: it asks for these in the Study Root model, which has none (PS3.4 C.6.2.1).
    for study in (STUDY, f"{STUDY}9"):
        for series, number in ((1, 1), (1, 2), (2, 1)):
            uid = f"{study}.{series}"
            store(archive, ct(StudyInstanceUID=study, SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{number}"))
    keys = {"PatientID": "BN001"}
    for level, keyword, value, count in (
        ("Study", "StudyInstanceUID", STUDY, 3),
        ("Series", "SeriesInstanceUID", f"{STUDY}.1", 2),
        ("Instance", "SOPInstanceUID", f"{STUDY}.1.2", 1),
    ):
        keys[keyword] = value
        query = other.post("modalities/filmless/query", {"Level": level, "Query": keys})
        (_,) = other.rest(f"queries/{query['ID']}/answers")
        other.post(f"queries/{query['ID']}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
        assert len(other.rest("instances")) == count, level
        other.forget_all()


def test_orthanc_sends_to_us(other: RemoteArchive, archive: Archive) -> None:
    uids = _fill(archive)
    query = other.post("modalities/filmless/query", {"Level": "Study", "Query": {"StudyInstanceUID": STUDY}})
    other.post(f"queries/{query['ID']}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
    done = other.post("modalities/filmless/store", {"Resources": other.rest("studies"), "Synchronous": True})
    assert (done["InstancesCount"], done["FailedInstancesCount"]) == (COUNT, 0)
    assert archive.health().instances == len(uids)


def test_orthanc_as_destination_takes_what_it_is_moved_as_it_is(
    other: RemoteArchive, archive: Archive, port: int
) -> None:
    source = pydicom.dcmread(str(get_testdata_file("MR_small_jp2klossless.dcm", download=False)))
    syntax = source.file_meta.TransferSyntaxUID
    store(archive, source, transfer_syntax_uid=syntax)
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={source.StudyInstanceUID}"]
    run_tool("movescu", "-S", "-aet", "WORKSTATION", "-aem", "ORTHANC", *keys, "127.0.0.1", port)
    (number,) = other.rest("instances")
    got = _file(other, number)
    assert got.file_meta.TransferSyntaxUID == syntax
    assert (got.pixel_array == source.pixel_array).all()


def test_orthanc_promises_to_keep_what_it_was_moved(
    other: RemoteArchive, application: Application, archive: Archive, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs.confirmation.request.__defaults__", (0.1,))  # it answers on an association of its own
    uids = _fill(archive)
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
    run_tool("movescu", "-S", "-aet", "WORKSTATION", "-aem", "ORTHANC", *keys, "127.0.0.1", port)
    worker = threading.Thread(target=jobs.run_one, args=(application,))
    worker.start()
    deadline = time.monotonic() + 60
    while (job := application.records.jobs.list()[0]).state.is_open and time.monotonic() < deadline:
        time.sleep(0.05)
    worker.join(60)
    assert (job.kind, job.state) == (KINDS[Confirm], JobState.DONE), job
    assert from_json(TransferReport, job.report).done == len(uids)


def test_orthanc_asks_us_whether_we_keep_what_it_sent(
    other: RemoteArchive, application: Application, archive: Archive
) -> None:
    uids = _fill(archive)
    asked = [{"SOPClassUID": str(ct().SOPClassUID), "SOPInstanceUID": uid} for uid in [*uids, "1.2.3"]]
    transaction = other.post("modalities/filmless/storage-commitment", {"DicomInstances": asked})["ID"]
    deadline = time.monotonic() + 60
    while (report := other.rest(f"storage-commitment/{transaction}"))["Status"] == "Pending":
        assert time.monotonic() < deadline
        # It does not wait on its association, so that the job worker tells it.
        jobs.run_one(application)
        time.sleep(0.05)
    assert report["Status"] == "Failure"
    assert sorted(one["SOPInstanceUID"] for one in report["Success"]) == uids
    assert [one["SOPInstanceUID"] for one in report["Failures"]] == ["1.2.3"]
