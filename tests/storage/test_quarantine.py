"""Objects that were refused, with their reasons."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from pathlib import Path

import pytest

from storage import quarantine as quarantine_module
from storage.archive import Archive
from storage.errors import (
    ClassMismatch,
    DuplicateConflict,
    InvalidObject,
    NotFound,
    OutOfSpace,
    StorageError,
    UnsafeUID,
)
from storage.incoming import Announced
from storage.model import Source
from storage.quarantine import Reason, reason_of
from tests.support.faults import Disk
from tests.support.objects import files_below

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


SENDER = Source("AE", "host")


def keep(archive: Archive, data: bytes, error: StorageError | None = None, source: Source = SENDER) -> None:
    with archive.receive(Announced(CT, "1.2.3", EXPLICIT), source) as incoming:
        incoming.write(data)
        incoming.refuse(error or InvalidObject("it is broken"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidObject("x"), Reason.UNREADABLE),
        (UnsafeUID("StudyInstanceUID", ".."), Reason.UNSAFE_UID),
        (ClassMismatch("x"), Reason.CLASS_MISMATCH),
        (DuplicateConflict("x"), Reason.CONFLICT),
    ],
)
def test_each_error_has_its_reason(error: StorageError, reason: Reason) -> None:
    assert reason_of(error) is reason


def test_an_object_is_kept_with_all_that_is_known_about_it(archive: Archive) -> None:
    keep(archive, b"bytes as they came")
    (kept,) = archive.quarantined(10)
    assert (kept.reason, kept.detail) == ("unreadable", "it is broken")
    assert kept.source == Source("AE", "host")
    assert (kept.sop_class_uid, kept.sop_instance_uid, kept.transfer_syntax_uid) == (CT, "1.2.3", EXPLICIT)
    assert kept.path.read_bytes().endswith(b"bytes as they came")
    assert kept.size == kept.path.stat().st_size
    assert archive.quarantine.get(kept.identifier) == kept


def test_the_newest_comes_first_and_pages_do_not_overlap(archive: Archive) -> None:
    for n in range(7):
        keep(archive, b"object %d" % n)
    everything = archive.quarantined(100)
    assert [q.path.read_bytes()[-1:] for q in everything] == [b"%d" % n for n in reversed(range(7))]
    assert [*archive.quarantined(3), *archive.quarantined(3, 3), *archive.quarantined(3, 6)] == everything
    assert archive.quarantined(3, 99) == []
    assert archive.quarantined_count() == 7


def test_the_same_bytes_for_the_same_reason_are_kept_once(archive: Archive) -> None:
    for _ in range(3):
        keep(archive, b"broken")
    assert archive.quarantined_count() == 1
    keep(archive, b"broken", ClassMismatch("another reason"))
    keep(archive, b"broken differently")
    assert archive.quarantined_count() == 3
    assert len(files_below(archive.data / "quarantine")) == 6
    assert files_below(archive.data / "incoming") == []


def test_fifty_thousand_entries_are_listed_without_reading_their_notes(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = archive.data / "quarantine"
    for n in range(50_000):
        os.close(os.open(folder / f"20260131T081500{n:06d}-{n:024x}.dcm", os.O_CREAT | os.O_WRONLY))
    monkeypatch.setattr(quarantine_module, "_AT_REST_NS", -1)
    read: list[str] = []
    original = Path.read_text

    def read_text(self: Path, *args: str, **kwargs: str) -> str:
        read.append(self.name)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", read_text)
    page = archive.quarantined(50)
    assert [q.identifier[15:21] for q in page] == [f"{n:06d}" for n in range(49_999, 49_949, -1)]
    assert len(read) == 50
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda p: listed.append(str(p)) or scandir(p))  # type: ignore[func-returns-value]
    for _ in range(10):
        assert archive.quarantined_count() == 50_000
    assert listed == []


def test_a_folder_that_has_just_changed_is_listed_again(archive: Archive) -> None:
    for n in range(20):
        assert archive.quarantined_count() == n
        keep(archive, b"object %d" % n)


def test_two_changes_within_one_tick_of_the_clock_are_both_seen(archive: Archive) -> None:
    folder = archive.data / "quarantine"
    keep(archive, b"one")
    assert archive.quarantined_count() == 1
    tick = folder.stat().st_mtime_ns
    keep(archive, b"two")
    os.utime(folder, ns=(tick, tick))
    assert archive.quarantined_count() == 2


def test_another_process_is_seen(archive: Archive) -> None:
    keep(archive, b"one")
    folder = archive.data / "quarantine"
    os.utime(folder, (time.time() - 60, time.time() - 60))
    assert archive.quarantined_count() == 1
    (folder / f"20260131T081500000000-{7:024x}.dcm").write_bytes(b"")
    assert archive.quarantined_count() == 2


@pytest.mark.parametrize("note", ["", "{", "[]", '"x"', '{"reason": 7}', "\xff"])
def test_a_damaged_note_hides_no_object(archive: Archive, note: str) -> None:
    keep(archive, b"broken")
    (path,) = (archive.data / "quarantine").glob("*.json")
    path.write_text(note, encoding="latin-1")
    (kept,) = archive.quarantined(10)
    assert kept.path.read_bytes().endswith(b"broken")
    path.unlink()
    assert archive.quarantined(10)[0].detail == "the file with the reason is damaged"


@pytest.mark.parametrize(
    "identifier", ["", "x", "../index.sqlite3", "20260131T081500-00/../..", "20260131T081500000000-0a\n"]
)
def test_an_identifier_from_outside_never_leaves_the_folder(archive: Archive, identifier: str) -> None:
    (archive.data / "index.sqlite3.dcm").write_bytes(b"")
    with pytest.raises(NotFound):
        archive.quarantine.get(identifier)


@pytest.mark.parametrize(
    ("call", "where"), [("fsync", "quarantine"), ("rename", "quarantine"), ("fdatasync", "incoming")]
)
def test_what_cannot_be_kept_leaves_no_note(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, call: str, where: str
) -> None:
    disk = Disk(monkeypatch)
    disk.fail(call, errno.ENOSPC, where=where)
    with pytest.raises(OutOfSpace):
        keep(archive, b"broken")
    assert disk.failed
    disk.heal()
    assert files_below(archive.data / "incoming") == []
    assert list((archive.data / "quarantine").glob("*.json")) == []


def test_a_name_that_is_no_utf_8_is_told_apart(archive: Archive) -> None:
    name = os.fsdecode(b"/cd/IM\xff1")
    keep(archive, b"broken", InvalidObject(f"{name} is broken"), Source(address=name))
    (kept,) = archive.quarantined(10)
    assert kept.source.address == "/cd/IM\\udcff1"
    json.dumps(kept.detail).encode("utf-8")


def test_many_at_once_are_all_kept(archive: Archive) -> None:
    threads = [threading.Thread(target=keep, args=(archive, b"object %d" % n)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert archive.quarantined_count() == 16
    assert len({q.identifier for q in archive.quarantined(99)}) == 16
