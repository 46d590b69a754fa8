"""C-GET and C-MOVE: what is refused, and what fails, with the status that PS3.4 names."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, build_role, evt
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from pacs.application import Application
from pacs.courier import Courier, group, proposals
from pacs.receiver import Receiver
from pacs.requestor import MAXIMUM_CONTEXTS, Node
from pacs.upper_layer import Timeouts
from storage.archive import Archive
from storage.attributes import Level
from storage.query import Query
from storage.records import Peer
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.peers import free_port

GET, MOVE = "1.2.840.10008.5.1.4.1.2.{}.3", "1.2.840.10008.5.1.4.1.2.{}.2"
STUDY_KEYS = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}


@pytest.fixture
def port(receiver: Callable[..., Receiver], application: Application) -> int:
    """A receiver that knows WORKSTATION, FORBIDDEN, which may nothing, and GONE, where nobody listens."""
    peers = application.records.peers
    peers.add(Peer("workstation", "WORKSTATION", "127.0.0.1", 104))
    peers.add(Peer("forbidden", "FORBIDDEN", "127.0.0.1", 104, may_retrieve=False))
    peers.add(Peer("gone", "GONE", "127.0.0.1", free_port()))
    peers.add(Peer("encrypted", "ENCRYPTED", "127.0.0.1", 104, tls=True))
    return receiver().port


def _identifier(**keys: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds


def _final(
    port: int,
    sop_class: str,
    ds: Dataset,
    *,
    to: str | None = None,
    aet: str = "WORKSTATION",
    roles: bool = True,
    extended: Sequence[SOPClassExtendedNegotiation] = (),
) -> tuple[Dataset, Dataset | None]:
    ae = AE(aet)
    ae.add_requested_context(sop_class)
    ae.add_requested_context(CTImageStorage)
    role = [build_role(CTImageStorage, scp_role=True)] if roles else []
    assoc = ae.associate("127.0.0.1", port, ext_neg=[*role, *extended], evt_handlers=[(evt.EVT_C_STORE, lambda _: 0)])  # type: ignore[arg-type]
    answers = assoc.send_c_move(ds, to, sop_class) if to else assoc.send_c_get(ds, sop_class)
    final = list(answers)[-1]
    assoc.release()
    return final


@pytest.mark.parametrize("aet", ["STRANGER", "FORBIDDEN"])
def test_who_may_not_retrieve_is_refused(port: int, archive: Archive, aet: str) -> None:
    store(archive, ct())
    for sop_class, to in ((GET.format(2), None), (MOVE.format(2), "WORKSTATION")):
        status, _ = _final(port, sop_class, _identifier(**STUDY_KEYS), to=to, aet=aet)
        assert status.Status == 0x0124


@pytest.mark.parametrize(
    ("to", "expected"), [("NOBODY", 0xA801), ("FORBIDDEN", 0x0124), ("ENCRYPTED", 0xA702), ("GONE", 0xA702)]
)
def test_destinations_that_cannot_be_sent_to(port: int, archive: Archive, to: str, expected: int) -> None:
    store(archive, ct())
    status, _ = _final(port, MOVE.format(2), _identifier(**STUDY_KEYS), to=to)
    assert status.Status == expected


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize(
    ("model", "keys"),
    [
        (2, {"StudyInstanceUID": STUDY}),
        (2, {"QueryRetrieveLevel": "PATIENT", "PatientID": "BN001"}),
        (2, {"QueryRetrieveLevel": "STUDY"}),
        (2, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "*"}),
        (2, {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": SERIES}),
        (2, {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": [STUDY, "1.2"], "SeriesInstanceUID": SERIES}),
        (2, {**STUDY_KEYS, "SeriesInstanceUID": SERIES}),
        (1, STUDY_KEYS),
        (3, {"QueryRetrieveLevel": "SERIES", "PatientID": "BN001", "SeriesInstanceUID": SERIES}),
    ],
)
def test_identifiers_that_do_not_fit_the_model(port: int, archive: Archive, model: int, keys: dict[str, Any]) -> None:
    store(archive, ct())
    status, _ = _final(port, GET.format(model), _identifier(**keys))
    assert status.Status == 0xA900


@pytest.mark.parametrize(("options", "expected"), [(b"\1", 0x0000), (b"\1\1", 0x0000), (b"\0", 0xA900), (b"", 0xA900)])
def test_keys_above_the_level_may_be_left_out_where_that_was_negotiated(
    port: int, archive: Archive, options: bytes, expected: int
) -> None:
    store(archive, ct())
    for sop_class, to in ((GET.format(2), None), (MOVE.format(1), "WORKSTATION")):
        negotiation = SOPClassExtendedNegotiation()
        negotiation.sop_class_uid, negotiation.service_class_application_information = UID(sop_class), options
        keys = _identifier(QueryRetrieveLevel="SERIES", SeriesInstanceUID=SERIES)
        status, _ = _final(port, sop_class, keys, to=to, extended=[negotiation] if options else [])
        # WORKSTATION cannot be reached, so that a move which is understood fails later.
        assert status.Status == (0xA702 if to and not expected else expected)


def test_the_key_of_the_level_itself_has_to_be_there_in_relational_retrieves_too(port: int, archive: Archive) -> None:
    negotiation = SOPClassExtendedNegotiation()
    negotiation.sop_class_uid, negotiation.service_class_application_information = UID(GET.format(2)), b"\1"
    keys = _identifier(QueryRetrieveLevel="SERIES", StudyInstanceUID=STUDY)
    assert _final(port, GET.format(2), keys, extended=[negotiation])[0].Status == 0xA900


def test_what_nobody_has_is_success_with_nothing(port: int) -> None:
    status, _ = _final(port, GET.format(2), _identifier(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3"))
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 0)


def test_keys_of_several_levels_choose_together(port: int, archive: Archive) -> None:
    for n in range(3):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
    keys = {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES}
    wanted = [f"{INSTANCE}.0", f"{INSTANCE}.2"]
    status, _ = _final(port, GET.format(2), _identifier(**keys, SOPInstanceUID=wanted))
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 2)
    status, _ = _final(port, GET.format(2), _identifier(**{**keys, "StudyInstanceUID": "1.2"}, SOPInstanceUID=wanted))
    assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 0)


def test_without_the_scp_role_nothing_is_sent(port: int, archive: Archive) -> None:
    store(archive, ct())
    status, identifier = _final(port, GET.format(2), _identifier(**STUDY_KEYS), roles=False)
    assert (status.Status, status.NumberOfFailedSuboperations) == (0xA702, 1)
    assert identifier is not None
    assert identifier.FailedSOPInstanceUIDList == INSTANCE


def test_a_file_that_is_gone_fails_alone(port: int, archive: Archive) -> None:
    for n in range(3):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
    archive.instance(f"{INSTANCE}.1").path.unlink()
    status, identifier = _final(port, GET.format(2), _identifier(**STUDY_KEYS))
    assert (status.Status, status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (0xB000, 2, 1)
    assert identifier is not None
    assert identifier.FailedSOPInstanceUIDList == f"{INSTANCE}.1"


def test_more_kinds_than_contexts_take_several_associations(archive: Archive) -> None:
    for n in range(130):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}", SOPClassUID=f"1.2.826.0.1.3680043.2.{n + 1}"))
    instances = archive.matching_instances(Query(Level.INSTANCE))
    groups = group(instances)
    assert sum(map(len, groups)) == 130
    assert len(groups) == 4
    assert all(len(proposals(g)) <= MAXIMUM_CONTEXTS for g in groups)


def test_a_destination_that_says_nothing_is_given_up(archive: Archive) -> None:
    for n in range(3):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
    instances = archive.matching_instances(Query(Level.INSTANCE))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = Node("SILENT", "127.0.0.1", silent.getsockname()[1])
        timeouts = Timeouts(artim=0.3, idle=0.3, pdu=0.3)
        with Courier(node, "FILMLESS", archive, instances, timeouts=timeouts) as courier:
            outcomes = [courier.deliver(i) for i in courier.ordered()]
    assert [o.ok for o in outcomes] == [False] * 3
    assert "silent for 0.3 s" in outcomes[0].reason


def _damage_the_second(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store three objects, the second of which cannot be read beyond its first megabyte."""
    rows = 1024  # of two megabytes: more than is read ahead
    pixels = {"Rows": rows, "Columns": rows, "PixelData": bytes(2 * rows * rows)}
    for n in range(3):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}", InstanceNumber=n + 1, **pixels))
    preadv = os.preadv

    def fail(fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        if offset > 1 << 20 and Path(f"/proc/self/fd/{fd}").readlink().name == f"{INSTANCE}.1.dcm":
            raise OSError(errno.EIO, "Input/output error")
        return preadv(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", fail)


def test_a_disk_that_fails_within_an_object_fails_this_one_alone(
    port: int, application: Application, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    _damage_the_second(archive, monkeypatch)
    stored: list[str] = []

    def take(event: evt.Event) -> int:
        stored.append(str(event.request.AffectedSOPInstanceUID))  # type: ignore[union-attr]
        return 0

    scp = AE("STORE")
    scp.add_supported_context(CTImageStorage)
    server = scp.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)])
    application.records.peers.add(Peer("store", "STORE", "127.0.0.1", server.server_address[1]))
    try:
        status, identifier = _final(port, MOVE.format(2), _identifier(**STUDY_KEYS), to="STORE")
    finally:
        server.shutdown()
    assert (status.Status, status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (0xB000, 2, 1)
    assert identifier is not None
    assert identifier.FailedSOPInstanceUIDList == f"{INSTANCE}.1"
    assert stored == [f"{INSTANCE}.0", f"{INSTANCE}.2"]


def test_a_disk_that_fails_within_an_object_of_a_get_ends_the_association_with_its_reason(
    port: int, archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _damage_the_second(archive, monkeypatch)
    status, _ = _final(port, GET.format(2), _identifier(**STUDY_KEYS))
    assert "Status" not in status  # aborted: half an object cannot be taken back
    # The abort reaches the peer before the receiver has written why.
    assert _until(lambda: "cannot be read to its end: Input/output error" in caplog.text)
    assert "Traceback" not in caplog.text


def _until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()
