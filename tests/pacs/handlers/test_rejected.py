"""Rejected objects over DIMSE: found by nobody, fetched by nobody, not promised, and not taken a second time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from pacs import commitment
from pacs.application import Application
from pacs.commitment import Reference, Request
from pacs.receiver import Receiver
from storage.archive import Archive
from storage.records.model import Peer
from storage.rejection import Reason, Target
from storage.rejection.note import write_note
from tests.support.objects import INSTANCE, STUDY, ct, encode, store
from tests.support.sessions import Served
from tests.support.wire import EXPLICIT


@pytest.fixture
def rejected(archive: Archive, application: Application) -> str:
    """One study of two objects, one of them rejected; the other is another study's."""
    store(archive, ct())
    store(archive, ct(StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.3.1", SOPInstanceUID="1.2.3.1.1"))
    application.records.peers.add(Peer("ws", "SCANNER", "127.0.0.1", 104, may_query=True, may_retrieve=True))
    return archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin").identifier


def _found(receiver: Receiver) -> list[str]:
    ae = AE("SCANNER")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    assoc = ae.associate("127.0.0.1", receiver.port)
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID, keys.PatientName = "STUDY", "", "*duc*"
    answers = [
        str(ds.StudyInstanceUID) for _, ds in assoc.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind) if ds
    ]
    assoc.release()
    return answers


def _fetched(receiver: Receiver) -> list[str]:
    ae = AE("SCANNER")
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(CTImageStorage)
    came: list[str] = []

    def take(event: evt.Event) -> int:
        came.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    assoc = ae.associate(
        "127.0.0.1", receiver.port, ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, take)],
    )  # fmt: skip
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID = "STUDY", [STUDY, "1.2.3"]
    list(assoc.send_c_get(keys, StudyRootQueryRetrieveInformationModelGet))
    assoc.release()
    return came


def test_nobody_finds_or_fetches_it_until_it_is_restored(
    receiver: Callable[..., Receiver], archive: Archive, rejected: str
) -> None:
    one = receiver()
    assert _found(one) == ["1.2.3"]
    assert _fetched(one) == ["1.2.3.1.1"]
    archive.rejections.restore(rejected)
    assert sorted(_found(one)) == ["1.2.3", STUDY]
    assert sorted(_fetched(one)) == sorted(["1.2.3.1.1", INSTANCE])


def test_it_is_refused_when_it_comes_again(served: Served, archive: Archive, rejected: str) -> None:
    served.wire.associate()
    response = served.wire.store(encode(ct()), INSTANCE)
    assert (response.status, response.comment) == (0x0124, "rejected here; restore it, or wait until it is removed")
    assert archive.quarantined_count() == 0
    archive.rejections.restore(rejected)
    assert served.wire.store(encode(ct()), INSTANCE).status == 0


def test_it_is_not_promised_to_be_kept(archive: Archive, rejected: str) -> None:
    report = commitment.check(
        archive, Request("SCANNER", "1.2.9", (Reference(str(CTImageStorage), INSTANCE),)), "FILMLESS"
    )
    assert report.event.name == "FAILURES_EXIST"


KO = str(KeyObjectSelectionDocumentStorage)


@pytest.mark.parametrize(
    ("peer", "left"),
    [
        (Peer("qa", "SCANNER", "127.0.0.1", 104, may_reject=True), 1),
        (Peer("qa", "SCANNER", "127.0.0.1", 104), 2),
        (Peer("qa", "ANOTHER", "127.0.0.1", 104, may_reject=True), 2),
    ],
    ids=["may", "may not", "unknown"],
)
def test_a_note_is_acted_on_for_those_who_may(
    served: Served, archive: Archive, application: Application, peer: Peer, left: int
) -> None:
    store(archive, ct())
    store(archive, ct(SOPInstanceUID="1.2.3"))
    note = write_note(archive.study(STUDY), [archive.instance(INSTANCE)], Reason.PATIENT_SAFETY, "QA", "")
    application.records.peers.add(peer)
    served.wire.associate(contexts=((1, KO, (EXPLICIT,)),))
    for _ in range(2):
        assert served.wire.store(encode(note), note.SOPInstanceUID, sop_class_uid=KO).status == 0
    assert archive.study(STUDY).number_of_instances == left + 1
    entries = [e for e in application.records.audit.entries(9) if e.event == "reject"]
    assert [(e.who, e.means, e.study_instance_uid) for e in entries] == [("SCANNER", "DICOM", STUDY)] * (2 - left)
