"""C-GET and C-MOVE with DCMTK and pynetdicom as counterparts."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from pacs.application import Application
from pacs.receiver import Receiver, ReceiverSettings
from storage.archive import Archive
from storage.records import Peer, Records
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode, store
from tests.support.peers import free_port, peer_environment, require_tool, run_tool


@pytest.fixture
def application(archive: Archive) -> Iterator[Application]:
    """The test's archive with its records."""
    with Records.open(archive.data) as records:
        yield Application(archive, records, "FILMLESS")


@pytest.fixture
def port(application: Application) -> Iterator[int]:
    """A receiver that knows the node WORKSTATION."""
    application.records.peers.add(Peer("workstation", "WORKSTATION", "127.0.0.1", 104))
    receiver = Receiver(application, ReceiverSettings("127.0.0.1", 0))
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    yield receiver.port
    receiver.stop()
    thread.join(15)
    assert not thread.is_alive()


def _fill(archive: Archive, count: int = 5) -> list[str]:
    uids = [f"{INSTANCE}.{n}" for n in range(count)]
    for n, uid in enumerate(uids):
        store(archive, ct(SOPInstanceUID=uid, InstanceNumber=n + 1))
    return uids


def _keys(**keys: str) -> list[str]:
    return [part for name, value in keys.items() for part in ("-k", f"{name}={value}")]


@contextmanager
def _storescp(folder: Path, *options: str) -> Iterator[int]:
    folder.mkdir(exist_ok=True)
    port = free_port()
    command = [require_tool("storescp"), *options, "-od", str(folder), "-aet", "STORE", str(port)]
    process = subprocess.Popen(command, env=peer_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if run_tool("echoscu", "127.0.0.1", port, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise AssertionError("storescp does not answer")


def _data_sets(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in folder.iterdir():
        ds = pydicom.dcmread(path)
        found[str(ds.SOPInstanceUID)] = encode(ds, ds.file_meta.TransferSyntaxUID)
    return found


@pytest.mark.parametrize(
    ("root", "keys"),
    [
        ("-P", {"QueryRetrieveLevel": "PATIENT", "PatientID": "BN001"}),
        ("-P", {"QueryRetrieveLevel": "STUDY", "PatientID": "BN001", "StudyInstanceUID": STUDY}),
        ("-S", {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{STUDY}\\1.2.3"}),
        ("-S", {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES}),
        ("-O", {"QueryRetrieveLevel": "PATIENT", "PatientID": "BN001"}),
    ],
)
def test_getscu_gets_every_level(port: int, archive: Archive, tmp_path: Path, root: str, keys: dict[str, str]) -> None:
    uids = _fill(archive)
    out = tmp_path / "out"
    out.mkdir()
    run_tool("getscu", root, "-aet", "WORKSTATION", "-od", out, *_keys(**keys), "127.0.0.1", port)
    got = _data_sets(out)
    assert sorted(got) == uids
    assert got[uids[0]] == encode(ct(SOPInstanceUID=uids[0], InstanceNumber=1))


def test_movescu_moves_to_storescp_with_the_originator(
    port: int, application: Application, archive: Archive, tmp_path: Path
) -> None:
    uids = _fill(archive)
    with _storescp(tmp_path / "out") as at:
        application.records.peers.add(Peer("store", "STORE", "127.0.0.1", at))
        keys = _keys(QueryRetrieveLevel="SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES)
        done = run_tool("movescu", "-d", "-S", "-aet", "WORKSTATION", "-aem", "STORE", *keys, "127.0.0.1", port)
    assert sorted(_data_sets(tmp_path / "out")) == uids
    assert "Completed Suboperations       : 5" in done.stdout


def test_a_destination_that_nobody_registered(port: int, archive: Archive) -> None:
    _fill(archive, 1)
    keys = _keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=STUDY)
    done = run_tool(
        "movescu", "-d", "-S", "-aet", "WORKSTATION", "-aem", "NOBODY", *keys, "127.0.0.1", port, check=False
    )
    assert "0xa801" in done.stdout.lower()


def test_jpeg_2000_goes_uncompressed_to_who_takes_nothing_else(
    port: int, application: Application, archive: Archive, tmp_path: Path
) -> None:
    source = pydicom.dcmread(pydicom.data.get_testdata_file("J2K_pixelrep_mismatch.dcm", download=False))
    store(archive, source, transfer_syntax_uid=source.file_meta.TransferSyntaxUID)
    with _storescp(tmp_path / "out", "+xi") as at:
        application.records.peers.add(Peer("store", "STORE", "127.0.0.1", at))
        keys = _keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=source.StudyInstanceUID)
        run_tool("movescu", "-S", "-aet", "WORKSTATION", "-aem", "STORE", *keys, "127.0.0.1", port)
    (path,) = (tmp_path / "out").iterdir()
    got = pydicom.dcmread(path)
    assert got.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert got.SOPInstanceUID == source.SOPInstanceUID
    assert source.file_meta.TransferSyntaxUID in (JPEG2000Lossless, "1.2.840.10008.1.2.4.91")
    assert (got.pixel_array == source.pixel_array).all()


def test_two_destinations_at_once(port: int, application: Application, archive: Archive, tmp_path: Path) -> None:
    uids = _fill(archive, 20)
    keys = _keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=STUDY)
    with _storescp(tmp_path / "a") as a, _storescp(tmp_path / "b") as b:
        application.records.peers.add(Peer("a", "STORE_A", "127.0.0.1", a))
        application.records.peers.add(Peer("b", "STORE_B", "127.0.0.1", b))
        arguments = ["-S", "-aet", "WORKSTATION", *keys]
        movers = [
            threading.Thread(target=run_tool, args=("movescu", "-aem", to, *arguments, "127.0.0.1", port))
            for to in ("STORE_A", "STORE_B")
        ]
        for mover in movers:
            mover.start()
        for mover in movers:
            mover.join(60)
    assert sorted(_data_sets(tmp_path / "a")) == sorted(_data_sets(tmp_path / "b")) == sorted(uids)


def test_pynetdicom_gets_with_right_counts_at_every_step(port: int, archive: Archive) -> None:
    uids = _fill(archive)
    got: list[str] = []

    def take(event: evt.Event) -> int:
        got.append(str(event.request.AffectedSOPInstanceUID))
        return 0xB000 if len(got) == 2 else 0xA700 if len(got) == 4 else 0x0000

    ae = AE("WORKSTATION")
    ae.add_requested_context(PatientRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(CTImageStorage)
    role = build_role(CTImageStorage, scp_role=True)
    assoc = ae.associate("127.0.0.1", port, ext_neg=[role], evt_handlers=[(evt.EVT_C_STORE, take)])
    ds = Dataset()
    ds.QueryRetrieveLevel, ds.PatientID = "PATIENT", "BN001"
    answers = list(assoc.send_c_get(ds, PatientRootQueryRetrieveInformationModelGet))
    assoc.release()
    assert got == uids
    counts = [
        (
            s.NumberOfRemainingSuboperations,
            s.NumberOfCompletedSuboperations,
            s.NumberOfWarningSuboperations,
            s.NumberOfFailedSuboperations,
        )
        for s, _ in answers[:-1]
    ]
    assert counts == [(4, 1, 0, 0), (3, 1, 1, 0), (2, 2, 1, 0), (1, 2, 1, 1)]
    status, identifier = answers[-1]
    assert status.Status == 0xB000
    assert "NumberOfRemainingSuboperations" not in status
    assert status.NumberOfCompletedSuboperations == 3
    assert identifier.FailedSOPInstanceUIDList == uids[3]


def test_a_cancelled_move_stops_at_once_though_the_destination_hangs(
    port: int, application: Application, archive: Archive
) -> None:
    _fill(archive)
    arrived, go_on = threading.Event(), threading.Event()

    def hang(event: evt.Event) -> int:
        arrived.set()
        go_on.wait(30)
        return 0x0000

    scp = AE("STORE")
    scp.add_supported_context(CTImageStorage)
    server = scp.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, hang)])
    try:
        application.records.peers.add(Peer("store", "STORE", "127.0.0.1", server.server_address[1]))
        ae = AE("WORKSTATION")
        ae.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
        assoc = ae.associate("127.0.0.1", port)
        ds = Dataset()
        ds.QueryRetrieveLevel, ds.StudyInstanceUID = "STUDY", STUDY
        answers = assoc.send_c_move(ds, "STORE", StudyRootQueryRetrieveInformationModelMove, msg_id=7)
        took: list[float] = []

        def cancel() -> None:
            arrived.wait(20)
            took.append(time.monotonic())
            assoc.send_c_cancel(7, query_model=StudyRootQueryRetrieveInformationModelMove)

        canceller = threading.Thread(target=cancel)
        canceller.start()
        status, _ = list(answers)[-1]
        ended = time.monotonic()
        canceller.join()
        assert status.Status == 0xFE00
        assert status.NumberOfRemainingSuboperations == 5
        assert ended - took[0] < 1.0
        assoc.release()
    finally:
        go_on.set()
        server.shutdown()
