"""What a pull asks for, and what it makes of a node that fails, lies or tells nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

from pacs.remote import get, pull
from pacs.remote.calls import Remote, Stopped, Troubled
from pacs.remote.listing import Listed
from pacs.remote.transfer import Transfer
from pacs.requestor import Node
from pacs.upper_layer import Timeouts
from storage.archive import Archive
from storage.records import JobItem, Peer
from storage.records.remote import How, Pull, TransferReport, Trouble
from storage.settings import ArchiveSettings
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store

GET_ROOT, FIND_ROOT = StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelFind


def _listed(*uids: str, series: str = "1.1") -> dict[str, Listed]:
    return {uid: Listed(uid, series, CTImageStorage) for uid in uids}


def _keys(ds: Dataset) -> tuple[str, str, object]:
    uids = ds.get("SOPInstanceUID", "")
    return ds.QueryRetrieveLevel, ds.get("SeriesInstanceUID", ""), list(uids) if not isinstance(uids, str) else uids


def test_a_study_of_which_nothing_is_here_is_asked_for_as_one() -> None:
    listed = _listed("1", "2")
    (asked,) = pull.identifiers(STUDY, listed, list(listed.values()))
    assert (asked.QueryRetrieveLevel, asked.StudyInstanceUID) == ("STUDY", STUDY)
    (unknown,) = pull.identifiers(STUDY, None, None)
    assert unknown.QueryRetrieveLevel == "STUDY"


def test_whole_series_and_single_objects_are_asked_for_where_a_part_is_here() -> None:
    listed = {**_listed("1", "2", "3"), **_listed("4", "5", series="1.2"), **_listed("6", series="1.3")}
    missing = [listed[uid] for uid in ("1", "3", "4", "5")]
    asked = [_keys(ds) for ds in pull.identifiers(STUDY, listed, missing)]
    assert asked == [("IMAGE", "1.1", ["1", "3"]), ("SERIES", "1.2", "")]


def test_long_lists_are_cut() -> None:
    listed = _listed(*map(str, range(251)))
    missing = [one for one in listed.values() if one.sop_instance_uid != "0"]
    asked = pull.identifiers(STUDY, listed, missing)
    assert [len(ds.SOPInstanceUID) for ds in asked] == [100, 100, 50]


@pytest.mark.parametrize("count", [0, 1, 10, 30, 127, 200])
def test_contexts_fit_one_association_and_each_class_has_one(count: int) -> None:
    classes = [f"1.2.{n}" for n in range(count)]
    proposed = get.proposals(classes)
    assert len(proposed) <= 128
    assert proposed[0].abstract_syntax == GET_ROOT
    assert {p.abstract_syntax for p in proposed[1:]} == set(classes[:127])
    assert [c for group in get.groups(classes) for c in group] == classes


@contextmanager
def _getting(
    objects: list[Dataset], *, answers: list[Dataset] | None = None, final: int | None = None
) -> Iterator[tuple[int, list[Dataset]]]:
    """A node that lists `answers` (all of its objects by default) and sends `objects`; and what it was asked to get."""
    asked: list[Dataset] = []

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        level = event.identifier.QueryRetrieveLevel
        seen = set()
        for ds in objects if answers is None else answers:
            answer = Dataset()
            answer.QueryRetrieveLevel = level
            answer.StudyInstanceUID, answer.SeriesInstanceUID = ds.StudyInstanceUID, ds.SeriesInstanceUID
            if level == "IMAGE":
                answer.SOPInstanceUID, answer.SOPClassUID = ds.SOPInstanceUID, ds.SOPClassUID
            key = str(answer)
            if key not in seen:
                seen.add(key)
                yield 0xFF00, answer

    def send(event: evt.Event) -> Iterator[object]:
        asked.append(event.identifier)
        yield len(objects)
        for ds in objects:
            if final is not None:
                yield final, None
                return
            yield 0xFF00, ds

    ae = AE("GETTER")
    ae.add_supported_context(FIND_ROOT)
    ae.add_supported_context(GET_ROOT)
    ae.add_supported_context(CTImageStorage, scu_role=True, scp_role=True)
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find), (evt.EVT_C_GET, send)]
    )
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()


class Told:
    """What a transfer told."""

    def __init__(self) -> None:
        self.reports: list[TransferReport] = []
        self.items: list[JobItem] = []
        self.transfer = Transfer(self._take)

    def _take(self, report: TransferReport, items: object) -> None:
        self.reports.append(report)
        self.items.extend(items)  # type: ignore[arg-type]


def _remote(port: int) -> Remote:
    peer = Peer("getter", "GETTER", "127.0.0.1", port)
    return Remote(peer, "FILMLESS", lambda p: Node(p.aet, p.host, p.port), Timeouts(5, 5, 5), answer_seconds=5)


def _objects(count: int) -> list[Dataset]:
    made = [ct(SOPInstanceUID=f"{INSTANCE}.{n}") for n in range(count)]
    for ds in made:
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def _pull(archive: Archive, port: int, told: Told, how: How = How.AUTOMATIC) -> None:
    try:
        pull.pull(_remote(port), archive, Pull("GETTER", STUDY, how), told.transfer)
    finally:
        told.transfer.flush()


def test_a_study_is_got_and_counted(archive: Archive) -> None:
    told = Told()
    with _getting(_objects(3)) as (port, asked):
        _pull(archive, port, told)
    assert [ds.QueryRetrieveLevel for ds in asked] == ["STUDY"]
    last = told.reports[-1]
    assert (last.total, last.done, last.already, last.failed, last.via) == (3, 3, 0, 0, "C-GET")
    assert sorted(item.item for item in told.items) == [f"{INSTANCE}.{n}" for n in range(3)]
    assert len(archive.instances(SERIES)) == 3
    assert archive.instance(f"{INSTANCE}.0").dataset_sha256


def test_a_node_that_has_nothing(archive: Archive) -> None:
    with _getting([]) as (port, _), pytest.raises(Troubled) as caught:
        _pull(archive, port, Told())
    assert caught.value.problem.trouble is Trouble.NOT_THERE
    assert caught.value.is_final


def test_a_node_that_lists_more_than_it_sends(archive: Archive) -> None:
    told = Told()
    with _getting(_objects(2), answers=_objects(4)) as (port, _), pytest.raises(Troubled) as caught:
        _pull(archive, port, told)
    assert caught.value.problem.trouble is Trouble.NOT_ARRIVED
    assert caught.value.problem.facts["count"] == "2"
    assert not caught.value.is_final
    lacking = sorted(item.item for item in told.items if not item.is_done)
    assert lacking == [f"{INSTANCE}.2", f"{INSTANCE}.3"]


def test_a_node_that_refuses(archive: Archive) -> None:
    with _getting(_objects(1), final=0xA702) as (port, _), pytest.raises(Troubled) as caught:
        _pull(archive, port, Told())
    assert caught.value.problem.trouble is Trouble.OUT_OF_RESOURCES
    assert caught.value.problem.facts["status"] == "A702H"


def test_it_offers_no_move(archive: Archive) -> None:
    with _getting(_objects(1)) as (port, _), pytest.raises(Troubled) as caught:
        _pull(archive, port, Told(), How.MOVE)
    assert caught.value.problem.trouble is Trouble.NO_RETRIEVE


def test_our_own_disk_is_full(tmp_path: Path) -> None:
    told = Told()
    settings = ArchiveSettings(tmp_path / "full", minimum_free_bytes=1 << 60)
    with (
        Archive.open(settings) as archive,
        _getting(_objects(2)) as (port, _),
        pytest.raises(Troubled) as caught,
    ):
        _pull(archive, port, told)
    assert caught.value.problem.trouble is Trouble.ARCHIVE
    assert not caught.value.is_final
    assert told.reports[-1].failed == 2


def test_what_we_refuse_for_what_it_is_is_not_asked_for_again(archive: Archive) -> None:
    store(archive, ct(SOPInstanceUID=f"{INSTANCE}.0", StudyInstanceUID=STUDY + ".9", PatientID="other"))
    told = Told()
    with _getting(_objects(2)) as (port, _), pytest.raises(Troubled) as caught:
        _pull(archive, port, told)
    assert caught.value.problem.trouble is Trouble.INCOMPLETE
    assert caught.value.is_final
    assert archive.instance(f"{INSTANCE}.1").study_instance_uid == STUDY
    assert [item.item for item in told.items if not item.is_done].count(f"{INSTANCE}.0") >= 1


def test_a_pull_that_nobody_wants_any_more_ends_between_two_objects(archive: Archive) -> None:
    told = Told()
    with _getting(_objects(12)) as (port, _):
        remote = replace(_remote(port), should_stop=lambda: archive.health().instances >= 3)
        with pytest.raises(Stopped):
            pull.pull(remote, archive, Pull("GETTER", STUDY, How.GET), told.transfer)
    assert 3 <= archive.health().instances < 12
