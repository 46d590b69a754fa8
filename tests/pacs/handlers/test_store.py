"""C-STORE: the statuses of PS3.4 B.2.3, each with an Error Comment that names the reason."""

from __future__ import annotations

import errno
import os
import re

import pytest

from storage.archive import Archive
from storage.attributes import Level
from storage.model import Outcome
from storage.query import Query
from tests.support import objects
from tests.support.objects import INSTANCE, ct, encode, files_below
from tests.support.sessions import Served
from tests.support.wire import EXPLICIT, IMPLICIT, MR, NO_DATA_SET, P_DATA, VERIFICATION, pdu, pdv, store_rq

_DATA = encode(ct())


def _nothing_but_quarantine(archive: Archive) -> bool:
    return not files_below(archive.data / "archive") and not files_below(archive.data / "incoming")


def test_success_means_found_again(served: Served, archive: Archive) -> None:
    served.wire.associate()
    response = served.wire.store(_DATA, INSTANCE)
    assert (response.field, response.status, response.comment) == (0x8001, 0, "")
    assert archive.count(Query(Level.STUDY)) == 1
    assert archive.instance(INSTANCE).path.read_bytes().endswith(_DATA)


def test_who_sent_it_is_written_into_the_file(served: Served, archive: Archive) -> None:
    served.wire.associate(calling=b"CT_ROOM_2")
    served.wire.store(_DATA, INSTANCE)
    assert b"\x02\x00\x16\x00AE\x0a\x00CT_ROOM_2 " in archive.instance(INSTANCE).path.read_bytes()[:600]


@pytest.mark.parametrize("data_set", [NO_DATA_SET, 0])
def test_no_data_set_or_an_empty_one_cannot_be_understood(served: Served, archive: Archive, data_set: int) -> None:
    served.wire.associate()
    served.wire.command(1, store_rq(INSTANCE, data_set=data_set))
    if data_set == 0:
        served.wire.data(1, b"")
    response = served.wire.response()
    assert (response.status, response.comment) == (0xC000, "the data set is empty")
    assert served.wire.echo().status == 0
    assert _nothing_but_quarantine(archive)


@pytest.mark.parametrize("cut", [1, 64, 129, len(_DATA) - 4])
def test_a_truncated_object_cannot_be_understood_and_goes_to_quarantine(
    served: Served, archive: Archive, cut: int
) -> None:
    served.wire.associate()
    response = served.wire.store(_DATA[:-cut], INSTANCE)
    assert response.status == 0xC000
    assert re.search("truncated|missing|stray", response.comment)
    (kept,) = archive.quarantined(10)
    assert (kept.source.aet, kept.sop_instance_uid) == ("SCANNER", INSTANCE)
    assert kept.path.read_bytes().endswith(_DATA[:-cut])
    assert served.wire.store(_DATA, INSTANCE).status == 0


def test_another_class_inside_does_not_match(served: Served, archive: Archive) -> None:
    served.wire.associate([(1, MR, (EXPLICIT,))])
    response = served.wire.store(_DATA, INSTANCE, sop_class_uid=MR)
    assert response.status == 0xA900
    assert response.comment == "data set is of another SOP class or instance than announced"
    assert [q.reason for q in archive.quarantined(10)] == ["class-mismatch"]


def test_another_instance_inside_does_not_match(served: Served, archive: Archive) -> None:
    served.wire.associate()
    assert served.wire.store(_DATA, INSTANCE + ".9").status == 0xA900


@pytest.mark.parametrize("abstract_syntax", [MR, VERIFICATION])
def test_a_class_on_the_context_of_another_does_not_match(
    served: Served, archive: Archive, abstract_syntax: str
) -> None:
    served.wire.associate([(1, abstract_syntax, (EXPLICIT,))])
    assert served.wire.store(_DATA, INSTANCE).status == 0xA900
    assert _nothing_but_quarantine(archive)


def test_other_content_under_a_known_uid_is_refused_with_a_reason_that_fits(served: Served, archive: Archive) -> None:
    served.wire.associate()
    served.wire.store(_DATA, INSTANCE)
    response = served.wire.store(encode(ct(PixelData=bytes(128))), INSTANCE)
    assert response.status == 0xC000
    assert response.comment == "stored already with other content; the first one stays"
    assert archive.instance(INSTANCE).path.read_bytes().endswith(_DATA)


@pytest.mark.parametrize("uid", ["../../../tmp/x", "1.2/3", "1.2\\3", "1.2.3\0.4", "1" * 65, ".", "1..2", "a.b"])
def test_a_uid_that_is_no_path_component_is_refused_wherever_it_stands(
    served: Served, archive: Archive, uid: str
) -> None:
    served.wire.associate()
    raw = uid.encode().ljust(len(INSTANCE.encode()) + len(INSTANCE) % 2, b"\0") if len(uid) < len(INSTANCE) else None
    data = _DATA.replace(INSTANCE.encode().ljust(len(raw), b"\0"), raw, 1) if raw else _DATA
    response = served.wire.store(data, uid)
    assert response.status in (0xC000, 0xA900)
    assert response.comment
    outside = [f for f in files_below(archive.data.parent) if not f.is_relative_to(archive.data)]
    assert outside == []
    assert _nothing_but_quarantine(archive)


def test_a_full_disk_is_out_of_resources_and_the_next_object_is_asked_anew(
    served: Served, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    served.wire.associate()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        response = served.wire.store(_DATA, INSTANCE)
    assert response.status == 0xA700
    assert "No space left on device" in response.comment
    assert files_below(archive.data / "incoming") == []
    assert served.wire.store(_DATA, INSTANCE).status == 0


@pytest.mark.parametrize("function", ["fdatasync", "fsync", "pwrite", "mkdir"])
def test_a_disk_that_refuses_is_out_of_resources_and_nothing_stays(
    served: Served, archive: Archive, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def broken(*_: object, **__: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    served.wire.associate()
    with monkeypatch.context() as patch:
        patch.setattr(os, function, broken)
        response = served.wire.store(_DATA, INSTANCE)
    assert response.status == 0xA700
    assert "Input/output error" in response.comment
    assert served.wire.store(_DATA, INSTANCE).status == 0
    assert archive.instance(INSTANCE).path.read_bytes().endswith(_DATA)


def test_a_data_folder_that_went_away_is_out_of_resources(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: object) -> os.statvfs_result:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    served.wire.associate()
    monkeypatch.setattr(os, "statvfs", gone)
    response = served.wire.store(_DATA, INSTANCE)
    assert (response.status, response.comment) == (0xA700, "cannot look at the free space: No such file or directory")
    assert served.wire.echo().status == 0


def test_a_disk_that_does_not_give_back_what_was_written_is_out_of_resources(
    served: Served, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int, size: int, offset: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    served.wire.associate()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", fail)
        response = served.wire.store(_DATA, INSTANCE)
    assert (response.status, response.comment) == (0xA700, "cannot read an incoming object: Input/output error")
    assert _nothing_but_quarantine(archive)
    assert archive.quarantined_count() == 0
    assert served.wire.store(_DATA, INSTANCE).status == 0


def test_below_the_free_space_mark_the_whole_data_set_is_read_before_the_answer(
    served: Served, archive: Archive
) -> None:
    object.__setattr__(archive.settings, "minimum_free_bytes", 1 << 50)
    archive._space_checked = float("-inf")
    served.wire.associate()
    response = served.wire.store(_DATA, INSTANCE, size=100)
    assert response.status == 0xA700
    assert "free" in response.comment
    assert served.wire.echo().status == 0


def test_an_object_over_the_limit_is_refused_while_it_is_read_to_its_end(served: Served, archive: Archive) -> None:
    object.__setattr__(archive.settings, "maximum_object_bytes", 200)
    served.wire.associate()
    response = served.wire.store(_DATA, INSTANCE, size=64)
    assert (response.status, response.comment) == (0xA700, "the object is larger than 200 bytes")
    assert served.wire.echo().status == 0


def test_no_comment_ever_leaves_lo(served: Served, archive: Archive) -> None:
    """Refusals of every kind, with the longest UIDs there are."""
    long_uid = "1." * 31 + "12"
    served.wire.associate()
    served.wire.store(encode(ct(SOPInstanceUID=long_uid)), long_uid)
    again = served.wire.store(encode(ct(SOPInstanceUID=long_uid, PixelData=bytes(128))), long_uid)
    odd = served.wire.store(_DATA, "9" * 300)
    for response in (again, odd):
        raw = response.values[0x0902]
        assert len(raw) <= 64
        assert b"\\" not in raw
        assert raw.decode("ascii").isprintable()


def test_a_uid_of_16_kb_in_the_command_is_refused(served: Served, archive: Archive) -> None:
    served.wire.associate()
    assert served.wire.store(_DATA, "1" * 16000).status == 0xA900
    assert _nothing_but_quarantine(archive)


def test_one_association_stores_many_objects_in_pipelined_pdus(served: Served, archive: Archive) -> None:
    """A sender need not wait for each response (asynchronous or not, the bytes are in order)."""
    served.wire.associate()
    uids = [f"{INSTANCE}.{n}" for n in range(20)]
    stream = b""
    for uid in uids:
        stream += pdu(P_DATA, pdv(1, store_rq(uid), command=True, last=True))
        stream += pdu(P_DATA, pdv(1, encode(ct(SOPInstanceUID=uid)), command=False, last=True))
    served.wire.send(stream)
    assert [served.wire.response().status for _ in uids] == [0] * 20
    assert all(archive.instance(uid) for uid in uids)


def test_the_same_uid_at_once_on_two_associations_is_kept_once_and_stays(
    session: object, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has placed its file but not indexed it yet when the other meets it and is faster."""
    index, add = archive.index, archive.index.add
    met: list[Outcome] = []

    def overtaken(entry: object) -> bool:
        monkeypatch.setattr(index, "add", add)
        met.append(objects.store(archive, ct()).outcome)
        return add(entry)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "add", overtaken)
    served: Served = session()  # type: ignore[operator]
    served.wire.associate()
    assert served.wire.store(_DATA, INSTANCE).status == 0
    assert met == [Outcome.ALREADY_STORED]
    assert archive.instance(INSTANCE).path.read_bytes().endswith(_DATA)


def test_implicit_data_on_an_explicit_context_cannot_be_understood(served: Served, archive: Archive) -> None:
    served.wire.associate()
    response = served.wire.store(encode(ct(), IMPLICIT), INSTANCE)
    assert response.status == 0xC000
    assert response.comment.isprintable()
    assert _nothing_but_quarantine(archive)
