"""C-FIND on a real association: answers, statuses, cancel, and who may ask."""

from __future__ import annotations

import io
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from pacs.application import Application, FindSettings
from pacs.contexts import FIND_CLASSES
from storage import index
from storage.answers import Answer
from storage.archive import Archive
from storage.records.model import Peer
from tests.support.objects import SERIES, STUDY, ct, encode, store
from tests.support.sessions import Served
from tests.support.wire import (
    CANCEL_RQ,
    EXPLICIT,
    IMPLICIT,
    P_DATA,
    Response,
    command_set,
    echo_rq,
    elements,
    item,
    pdu,
    pdv,
)

PATIENT_ROOT, STUDY_ROOT, _ = FIND_CLASSES
FIND_RQ = 0x0020


@pytest.fixture(autouse=True)
def known(application: Application) -> None:
    application.records.peers.add(
        Peer("ws", "SCANNER", "127.0.0.1", 104, may_query=True, may_retrieve=False, tls=False)
    )


@pytest.fixture
def some(archive: Archive) -> None:
    for n, name in enumerate(("Nguyễn^Văn^Đức", "TRAN^THI^HOA", "Lê^Thị^Mai"), 1):
        uid = f"1.2.3.{n}"
        request = Dataset()
        request.ScheduledProcedureStepID, request.RequestedProcedureID = f"S{n}", "R"
        store(
            archive,
            ct(
                PatientName=name, PatientID=f"BN{n}", StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1",
                SOPInstanceUID=f"{uid}.1.1", StudyDate=f"2026010{n}", AccessionNumber=f"A%_{n}", KVP="120",
                RequestAttributesSequence=Sequence([request]),
            ),
        )  # fmt: skip


def ask(served: Served, ds: Dataset | bytes, message_id: int = 1, model: str = STUDY_ROOT) -> None:
    command = command_set((0x0002, model), (0x0100, FIND_RQ), (0x0110, message_id), (0x0700, 0), (0x0800, 1))
    served.wire.command(1, command)
    served.wire.data(1, ds if isinstance(ds, bytes) else encode(ds))


def answers(served: Served, *, is_implicit: bool = False) -> Iterator[tuple[Response, Dataset | None]]:
    """Every response with its identifier, the final one included."""
    parts: list[tuple[bool, bytes]] = []
    while True:
        body, at = served.wire.expect(P_DATA), 0
        while at < len(body):
            length = int.from_bytes(body[at : at + 4], "big")
            parts.append((bool(body[at + 5] & 1), body[at + 6 : at + 4 + length]))
            at += 4 + length
        commands = [p for is_command, p in parts if is_command]
        data = [p for is_command, p in parts if not is_command]
        response = Response(elements(b"".join(commands)))
        if response.status not in (0xFF00, 0xFF01):
            yield response, None
            return
        if data:
            yield response, read_dataset(io.BytesIO(b"".join(data)), is_implicit, True)
            parts = []


def find(
    served: Served, model: str = STUDY_ROOT, more: bytes = b"", **keys: Any
) -> tuple[list[Dataset], Response, set[int]]:
    served.wire.associate(((1, model, (EXPLICIT,)),), more_user_items=more)
    ds = Dataset()
    for keyword, value in {"QueryRetrieveLevel": "STUDY", **keys}.items():
        tag = Tag(keyword)
        ds.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE))
    ask(served, ds, model=model)
    *pending, (final, _) = answers(served)
    return [d for _, d in pending if d is not None], final, {r.status for r, _ in pending}


def extended(model: str, information: bytes) -> bytes:
    return item(0x56, len(model).to_bytes(2, "big") + model.encode() + information)


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["BN3", "BN2", "BN1"]),
        ({"PatientName": "*thi*"}, ["BN3", "BN2"]),
        ({"PatientName": "nguyen^van^duc"}, ["BN1"]),
        ({"PatientName": "NGUYEN*"}, ["BN1"]),
        ({"PatientName": "*zz*"}, []),
        ({"StudyDate": "20260102-20260103"}, ["BN3", "BN2"]),
        ({"ModalitiesInStudy": "CT", "StudyDate": "-20260101"}, ["BN1"]),
        ({"AccessionNumber": "A%_1"}, ["BN1"]),
        ({"AccessionNumber": "%"}, []),
        ({"AccessionNumber": "A%*"}, ["BN3", "BN2", "BN1"]),
        ({"AccessionNumber": "'; DROP TABLE study; --"}, []),
        ({"StudyInstanceUID": ["1.2.3.1", "1.2.3.3"]}, ["BN3", "BN1"]),
        ({"SOPClassesInStudy": "1.2.840.10008.5.1.4.1.1.4"}, []),
    ],
)
def test_studies_are_found(served: Served, keys: dict[str, Any], expected: list[str]) -> None:
    found, final, statuses = find(served, **{"PatientID": "", "NumberOfStudyRelatedInstances": "", **keys})
    assert [ds.PatientID for ds in found] == expected
    assert final.status == 0
    assert statuses <= {0xFF00}
    assert {ds.NumberOfStudyRelatedInstances for ds in found} <= {1}


@pytest.mark.usefixtures("some")
def test_patients_are_found_once_with_their_counts(served: Served, archive: Archive) -> None:
    store(archive, ct(PatientName="TRAN^THI^HOA", PatientID="BN2", StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1",
                      SOPInstanceUID="1.9.1.1"))  # fmt: skip
    keys = {"QueryRetrieveLevel": "PATIENT", "PatientName": "*hoa", "NumberOfPatientRelatedStudies": ""}
    (ds,), final, _ = find(served, PATIENT_ROOT, **keys)
    assert (str(ds.PatientName), ds.NumberOfPatientRelatedStudies, final.status) == ("TRAN^THI^HOA", 2, 0)


@pytest.mark.usefixtures("some")
def test_sequences_are_matched_in_series_and_images(served: Served, session: Callable[..., Served]) -> None:
    wanted = Dataset()
    wanted.ScheduledProcedureStepID = "S2"
    relational = extended(STUDY_ROOT, b"\1\0\0")
    for level, one in (("SERIES", served), ("IMAGE", session())):
        keys = {"QueryRetrieveLevel": level, "SeriesInstanceUID": "", "RequestAttributesSequence": Sequence([wanted])}
        found, final, statuses = find(one, more=relational, **keys)
        assert [ds.SeriesInstanceUID for ds in found] == ["1.2.3.2.1"]
        assert found[0].RequestAttributesSequence[0].ScheduledProcedureStepID == "S2"
        assert (final.status, statuses) == (0, {0xFF00})


@pytest.mark.usefixtures("some")
def test_any_attribute_of_the_object_is_answered_and_matched_at_image_level(served: Served) -> None:
    keys = {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "1.2.3.1", "SeriesInstanceUID": "1.2.3.1.1"}
    (ds,), _, statuses = find(served, **keys, KVP="120", PhotometricInterpretation="MONO*", BitsStored=None)
    assert (ds.KVP, ds.PhotometricInterpretation, ds.BitsStored, statuses) == (120, "MONOCHROME2", 16, {0xFF00})


@pytest.mark.usefixtures("some")
def test_unsupported_keys_are_told_and_left_out(served: Served) -> None:
    found, final, statuses = find(served, PatientID="BN1", KVP=None)
    assert (len(found), final.status, statuses) == (1, 0, {0xFF01})
    assert "KVP" not in found[0]


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ({"QueryRetrieveLevel": "FRAME"}, 0xA900),
        ({"QueryRetrieveLevel": "SERIES"}, 0xA900),
        ({"SeriesInstanceUID": "1.2"}, 0xA900),
        ({"StudyDescription": "*" + "x" * 2000}, 0xC000),
        ({"PatientName": "*" + "x" * 60000}, 0xC000),
        ({"PatientComments": "x" * 60000, "StudyID": "x" * 60000}, 0x0000),
    ],
)
def test_each_bad_identifier_has_its_status(served: Served, keys: dict[str, Any], status: int) -> None:
    _, final, _ = find(served, **keys)
    assert final.status == status
    assert bool(final.comment) == bool(status)


ODD = [
    "\0", "a\0b", "*\0*", "%", "_%*", "\\", "\\\\\\", "'\"; DROP", "*" * 64, "?" * 64, "[a-z]*", "*[", "*]^", "-", "--",
    "2020-2021-2022", "abc-def", "9" * 30, "-1", "1.5", "\n\r\t\x1b", "\x1b$B*", "1" * 65, "=*", "==", "^^^", "*=*=*",
    "*" + "x" * 60000,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("character_set", ["", "ISO_IR 192", "ISO 2022 IR 87", "nonsense"])
@pytest.mark.usefixtures("some")
def test_odd_values_of_any_key_are_answered_or_refused_and_the_association_goes_on(
    served: Served, character_set: str
) -> None:
    served.wire.associate(((1, STUDY_ROOT, (EXPLICIT,)),))
    number = 0
    for keyword in (
        *("PatientName", "PatientID", "StudyDate", "StudyTime", "ModalitiesInStudy", "StudyInstanceUID"),
        *("StudyDescription", "ReferringPhysicianName", "NumberOfStudyRelatedInstances"),
    ):
        tag = Tag(keyword)
        for value in ODD:
            raw = value.encode("latin-1") + b" " * (len(value) % 2)
            # Broken UTF-8 and half of a pair of surrogates, too.
            for odd in (raw, raw[:-2] + b"\xed\xa0\x80 "):
                number += 1
                keys = {
                    0x00080005: ("CS", character_set.encode() + b" " * (len(character_set) % 2)),
                    0x00080052: ("CS", b"STUDY "),
                    int(tag): (dictionary_VR(tag), odd),
                }
                ask(served, b"".join(_element(t, *keys[t]) for t in sorted(keys)), number)
                *_, (final, _) = answers(served)
                assert final.message_id == number
                assert final.status in (0x0000, 0xA900, 0xC000), (keyword, odd[:20], final.comment)


def _element(tag: int, vr: str, raw: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(raw)) + raw


def test_an_identifier_of_five_megabytes_is_refused_and_the_association_goes_on(served: Served) -> None:
    served.wire.associate(((1, STUDY_ROOT, (EXPLICIT,)),))
    ask(served, bytes(5 << 20))
    ((final, _),) = answers(served)
    assert final.status == 0xC000
    ds = Dataset()
    ds.QueryRetrieveLevel = "STUDY"
    ask(served, ds, 2)
    ((final, _),) = answers(served)
    assert (final.status, final.message_id) == (0, 2)


MEGABYTE = 1 << 20


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("keyword", "value", "status"),
    [
        ("PatientName", "x" * MEGABYTE, 0xC000),
        ("PatientName", "a " * (MEGABYTE // 2), 0xC000),
        ("PatientName", "*" + "x" * MEGABYTE, 0xC000),
        ("PatientName", "?*" * (MEGABYTE // 2), 0xC000),
        ("PatientID", "x" * MEGABYTE, 0x0000),
        ("PatientID", "*" + "xyz" * (MEGABYTE // 3) + "*", 0xC000),
        ("StudyDescription", "\\".join(map(str, range(150_000))), 0x0000),
        ("StudyDescription", "x" * MEGABYTE + "*", 0xC000),
        ("PatientSex", "M" * MEGABYTE, 0x0000),
        ("StudyID", "x" * MEGABYTE, 0x0000),
        ("StudyDate", "2" * MEGABYTE, 0x0000),
        ("StudyDate", "2" * MEGABYTE + "-", 0x0000),
        ("StudyTime", "-" * MEGABYTE, 0xC000),
        ("ModalitiesInStudy", "\\".join(f"M{n}" for n in range(150_000)), 0x0000),
        ("StudyInstanceUID", "\\".join(f"1.2.{n}" for n in range(1 << 17)), 0x0000),
        ("SeriesNumber", "9" * MEGABYTE, 0xC000),
        ("PatientComments", "x" * MEGABYTE, 0x0000),
        ("SpecificCharacterSet", "\\".join(["ISO 2022 IR 87"] * (MEGABYTE // 15)), 0x0000),
        ("QueryRetrieveLevel", "x" * MEGABYTE, 0xA900),
    ],
)
@pytest.mark.usefixtures("some")
def test_a_value_of_a_megabyte_has_its_status_and_the_association_goes_on(
    served: Served, keyword: str, value: str, status: int
) -> None:
    # Explicit VR has no room for it: the length of a PN or LO is of 16 bits there.
    served.wire.associate(((1, STUDY_ROOT, (IMPLICIT,)),), more_user_items=extended(STUDY_ROOT, b"\1\0\0"))
    level = "SERIES" if keyword == "SeriesNumber" else "STUDY"
    keys = {0x00080052: level, int(Tag(keyword)): value}
    ask(served, b"".join(_implicit(tag, keys[tag]) for tag in sorted(keys)))
    *_, (final, _) = answers(served, is_implicit=True)
    assert (final.status, final.message_id) == (status, 1)
    assert bool(final.comment) == bool(status)
    ask(served, _implicit(0x00080052, "STUDY") + _implicit(0x00100020, "BN1"), 2)
    *found, (final, _) = answers(served, is_implicit=True)
    assert (len(found), final.status, final.message_id) == (1, 0, 2)


def _implicit(tag: int, value: str) -> bytes:
    raw = value.encode() + b" " * (len(value) % 2)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(raw)) + raw


@pytest.mark.parametrize("may_query", [None, False])
def test_only_registered_peers_may_query(served: Served, application: Application, may_query: bool | None) -> None:
    application.records.peers.remove("ws")
    if may_query is not None:
        application.records.peers.add(Peer("ws", "SCANNER", "127.0.0.1", 104, may_query, may_retrieve=True, tls=False))
    found, final, _ = find(served)
    assert (found, final.status) == ([], 0x0124)
    assert "peer" in final.comment


def test_relational_queries_are_negotiated(served: Served) -> None:
    contexts = ((1, STUDY_ROOT, (EXPLICIT,)),)
    served.wire.send(b"")
    answer = served.wire.associate(contexts, more_user_items=extended(STUDY_ROOT, b"\1\1\1\1\1"))
    assert answer.extended == {STUDY_ROOT: b"\1\1\0\0\0"}


def many(archive: Archive, number: int) -> None:
    for n in range(number):
        store(archive, ct(StudyInstanceUID=f"1.2.{n}", SeriesInstanceUID=f"1.2.{n}.1", SOPInstanceUID=f"1.2.{n}.1.1"))


@pytest.fixture
def application_with_cap(application: Application) -> Application:
    return replace(application, find=FindSettings(maximum_answers=3))


def test_the_cap_is_told(application_with_cap: Application, archive: Archive, session: Callable[..., Served]) -> None:
    many(archive, 4)
    served = session(application=application_with_cap)
    found, final, _ = find(served, PatientID="")
    assert (len(found), final.status) == (3, 0xA700)
    assert "only 3 answers" in final.comment


def test_as_many_answers_as_the_cap_are_no_failure(
    application_with_cap: Application, archive: Archive, session: Callable[..., Served]
) -> None:
    many(archive, 3)
    found, final, _ = find(session(application=application_with_cap), PatientID="")
    assert (len(found), final.status) == (3, 0)


def test_a_cancel_is_seen_before_the_next_answer(
    served: Served, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    yielded: list[int] = []
    cancelled = threading.Event()

    def paced(query: object, indexed: object, is_stopped: Callable[[], bool]) -> Iterator[Answer]:
        for n in range(1000):
            while n == 5 and not cancelled.wait(0.001):
                is_stopped()  # as the index does while it searches
            yielded.append(n)
            yield Answer({"PatientName": f"A^{n}"})

    monkeypatch.setattr(archive, "find", paced)
    served.wire.associate(((1, STUDY_ROOT, (EXPLICIT,)),))
    ds = Dataset()
    ds.QueryRetrieveLevel, ds.PatientName = "STUDY", ""
    ask(served, ds, 7)
    coming = answers(served)
    for _ in range(5):
        next(coming)
    served.wire.command(1, command_set((0x0100, CANCEL_RQ), (0x0120, 7), (0x0800, 0x0101)))
    cancelled.set()
    *pending, (final, _) = coming
    assert (len(pending), final.status) == (0, 0xFE00)
    assert len(yielded) == 6


@pytest.mark.usefixtures("some")
def test_another_request_within_a_search_is_a_fault_of_the_peer_not_of_the_index(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The search looks for what the peer says after each step, and finds nothing to answer.
    monkeypatch.setattr(index._stoppable.__wrapped__, "__defaults__", (1,))  # type: ignore[attr-defined]
    served.wire.associate(((1, STUDY_ROOT, (EXPLICIT,)),))
    ds = Dataset()
    ds.QueryRetrieveLevel, ds.PatientAge = "STUDY", "099Y"
    command = command_set((0x0002, STUDY_ROOT), (0x0100, FIND_RQ), (0x0110, 1), (0x0700, 0), (0x0800, 1))
    fragments = [(command, True), (encode(ds), False), (echo_rq(2), True)]
    served.wire.send(*(pdu(P_DATA, pdv(1, part, command=is_command, last=True)) for part, is_command in fragments))
    source, _ = served.wire.expect_abort()
    assert source == 2
    assert "cannot be answered" not in served.log.text


def test_the_same_series_in_two_studies_is_kept_apart(served: Served, archive: Archive) -> None:
    store(archive, ct())
    store(archive, ct(StudyInstanceUID="1.77", SOPInstanceUID="1.77.1"))
    found, _, _ = find(served, QueryRetrieveLevel="SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES)
    assert [ds.StudyInstanceUID for ds in found] == [STUDY]
