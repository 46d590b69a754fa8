"""How a node is asked for studies, and what is made of its answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

from pacs.remote import listing, query
from pacs.remote.calls import Remote, Troubled
from pacs.remote.find import PROPOSAL
from pacs.requestor import Node
from pacs.upper_layer import Timeouts
from storage.records import Peer
from storage.records.remote import RemoteQuery, Trouble

Answers = Callable[[evt.Event], Iterator[tuple[int, Dataset | None]]]


@contextmanager
def _archive(answer: Answers) -> Iterator[Remote]:
    ae = AE("THERE")
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)])
    peer = Peer("there", "THERE", "127.0.0.1", server.server_address[1])
    try:
        yield Remote(peer, "FILMLESS", lambda p: Node(p.aet, p.host, p.port), Timeouts(5, 5, 5), answer_seconds=5)
    finally:
        server.shutdown()


def _study(uid: str, **values: object) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.QueryRetrieveLevel, ds.StudyInstanceUID = "STUDY", uid
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("typed", "patterns"),
    [
        ("", ("",)),
        ("nguyễn đức", ("*nguyễn*đức*", "*Nguyễn*Đức*", "*Nguyen*Duc*", "*NGUYEN*DUC*")),
        ("NGUYEN^VAN", ("*NGUYEN*VAN*", "*Nguyen*Van*")),
        ("a\\b", ("*a*b*", "*A*B*")),
    ],
)
def test_names_are_asked_for_as_archives_may_have_them(typed: str, patterns: tuple[str, ...]) -> None:
    assert query.names(typed) == patterns


def test_keys_go_out_and_answers_come_back() -> None:
    asked: list[Dataset] = []

    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        asked.append(event.identifier)
        yield 0xFF00, _study("1.2", PatientName="Nguyễn^Đức", StudyDate="20260101", NumberOfStudyRelatedInstances=7,
                             ModalitiesInStudy=["CT", "SR"])  # fmt: skip
        yield 0xFF00, _study("1.3", StudyDate="20260301")
        yield 0xFF00, _study("")

    with _archive(answer) as remote:
        report = query.query(remote, RemoteQuery("THERE", "", "BN1", "A1", "20260101", "", "CT"))
    (identifier,) = asked
    assert (identifier.PatientID, identifier.AccessionNumber, identifier.StudyDate) == ("BN1", "A1", "20260101-")
    assert identifier.ModalitiesInStudy == "CT"
    assert identifier.SpecificCharacterSet == "ISO_IR 192"
    assert "NumberOfStudyRelatedInstances" in identifier
    assert [study.study_instance_uid for study in report.studies] == ["1.3", "1.2"]
    found = report.studies[1]
    assert (found.patient_name, found.modalities, found.number_of_instances) == ("Nguyễn^Đức", ("CT", "SR"), 7)
    assert report.studies[0].number_of_series is None


def test_each_study_is_told_once_however_often_it_is_found() -> None:
    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, _study("1.2")

    with _archive(answer) as remote:
        report = query.query(remote, RemoteQuery("THERE", "duc"))
    assert len(report.studies) == 1
    assert not report.is_cut


def test_more_than_we_want_is_cancelled_and_told() -> None:
    cancelled = threading.Event()

    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for n in range(100_000):
            if event.is_cancelled:
                cancelled.set()
                yield 0xFE00, None
                return
            yield 0xFF00, _study(f"1.2.{n}")

    with _archive(answer) as remote:
        report = query.query(remote, RemoteQuery("THERE"), limit=5)
    assert len(report.studies) == 5
    assert report.is_cut
    assert cancelled.is_set()


def test_an_archive_that_knows_no_utf_8_is_asked_without() -> None:
    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if "SpecificCharacterSet" in event.identifier:
            yield 0xC000, None
        else:
            yield 0xFF00, _study("1.2")

    with _archive(answer) as remote:
        assert len(query.query(remote, RemoteQuery("THERE", patient_id="1")).studies) == 1
        with pytest.raises(Troubled) as caught:
            query.query(remote, RemoteQuery("THERE", "đức"))
    assert caught.value.problem.trouble is Trouble.STATUS


def _objects(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
    if event.identifier.QueryRetrieveLevel == "SERIES":
        for n in range(2):
            ds = _study("1.2", SeriesInstanceUID=f"1.2.{n}")
            ds.QueryRetrieveLevel = "SERIES"
            yield 0xFF00, ds
        return
    for n in range(3):
        ds = _study("1.2", SOPInstanceUID=f"{event.identifier.SeriesInstanceUID}.{n}", SOPClassUID="1.9")
        ds.QueryRetrieveLevel = "IMAGE"
        yield 0xFF00, ds


def test_the_objects_of_a_study_are_listed() -> None:
    with _archive(_objects) as remote, remote.associate([PROPOSAL]) as assoc:
        found = listing.of_study(remote, assoc, "1.2")
    assert found is not None
    assert sorted(found) == [f"1.2.{s}.{n}" for s in range(2) for n in range(3)]
    assert found["1.2.1.0"].series_instance_uid == "1.2.1"
    assert found["1.2.1.0"].sop_class_uid == "1.9"


@pytest.mark.parametrize("how", ["refuses images", "lists no images", "has no UIDs"])
def test_an_archive_that_does_not_tell_its_objects(how: str) -> None:
    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if event.identifier.QueryRetrieveLevel == "SERIES":
            yield from _objects(event)
        elif how == "refuses images":
            yield 0xA900, None
        elif how == "has no UIDs":
            yield 0xFF00, _study("1.2")

    with _archive(answer) as remote, remote.associate([PROPOSAL]) as assoc:
        assert listing.of_study(remote, assoc, "1.2") is None
