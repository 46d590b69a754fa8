"""How archives have failed: one test each for what has to do with receiving."""

from __future__ import annotations

import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from storage.archive import Archive
from storage.errors import OutOfSpace, WriteFailed
from storage.importing import Imported, import_file
from storage.incoming import Announced
from storage.model import Source
from storage.recovery import recover
from storage.settings import ArchiveSettings
from tests.chaos.full_disk import NoSmallDisk, small_disk
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode, files_below, store, write_file
from tests.support.processes import ROOT
from tests.support.sessions import TINY, Served
from tests.support.wire import CT, DEFLATED, EXPLICIT, P_DATA, Wire, pdu, pdv, store_rq

_EXPLICIT_LONG = struct.Struct("<HH2sHI")


def _element(group: int, number: int, vr: bytes, length: int) -> bytes:
    return _EXPLICIT_LONG.pack(group, number, vr, 0, length)


@pytest.mark.parametrize("title", [b"../../etc", b"A/B", b"A\\B", b"..", b"A\0B", b"", b" " * 16])
@pytest.mark.parametrize("uid", ["../../../x", "1/2", "1\0.2", "1" * 65, "", "..", "/etc/passwd"])
def test_01_values_that_form_paths_stay_inside_or_are_refused(
    served: Served, archive: Archive, title: bytes, uid: str
) -> None:
    outside = set(files_below(archive.data.parent)) - set(files_below(archive.data))
    served.wire.send(_request(title))
    kind, _ = served.wire.read()
    if kind == 2:
        valid = STUDY.encode() + b"\0" * (len(STUDY) % 2)
        data = encode(ct()).replace(valid, uid.encode().ljust(len(valid), b"\0")[: len(valid)], 1)
        assert served.wire.store(data, uid).status != 0
    assert set(files_below(archive.data.parent)) - set(files_below(archive.data)) == outside
    assert files_below(archive.data / "archive") == []


def _request(title: bytes) -> bytes:
    from tests.support.wire import associate_rq

    return associate_rq(calling=title)


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">BxI", P_DATA, 0xFFFFFFFF),
        pdu(P_DATA, struct.pack(">IBB", 0x7FFFFFFF, 1, 0) + bytes(100)),
        b"\x04\x00\x00",
    ],
)
def test_02_hostile_lengths_and_silence_end_the_association(session: Callable[..., Served], sent: bytes) -> None:
    served = session(TINY)
    served.wire.associate()
    served.wire.send(sent)
    served.thread.join(60)
    assert not served.thread.is_alive()
    assert "outcome=" in served.line()


def test_03_a_deflated_data_set_of_1000_to_1_costs_no_memory(session: Callable[..., Served]) -> None:
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    plain = encode(ct(PixelData=None, Rows=None, Columns=None))
    packed = deflate.compress(plain + _element(0x7FE0, 0x0010, b"OW", 200 << 20))
    for _ in range(200):
        packed += deflate.compress(bytes(1 << 20))
    packed += deflate.flush()
    before = psutil.Process().memory_info().rss
    served = session()
    served.wire.associate([(1, CT, (DEFLATED,))])
    served.wire.socket.settimeout(60)
    assert served.wire.store(packed, INSTANCE).status == 0
    assert psutil.Process().memory_info().rss - before < 60 << 20


def test_03_a_zip_that_grows_or_points_outside_is_contained(archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("../../outside.dcm", write_file(tmp_path / "in.dcm", ct()).read_bytes())
        z.writestr("bomb", bytes(50 << 20))
    outcomes = [r.outcome for r in import_file(archive, path)]
    assert outcomes == [Imported.STORED, Imported.NOT_DICOM]
    assert not (tmp_path.parent / "outside.dcm").exists()
    assert not (archive.data / "outside.dcm").exists()


def test_04_sequences_10000_deep(served: Served, archive: Archive) -> None:
    deep = (_element(0x0040, 0xA730, b"SQ", 0xFFFFFFFF) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 10_000
    served.wire.associate()
    response = served.wire.store(encode(ct(PixelData=None)) + deep, INSTANCE)
    assert response.status == 0xC000
    assert "nested deeper" in response.comment


def test_04_a_million_elements_are_walked_in_seconds_and_bounded_memory(archive: Archive) -> None:
    head = encode(ct())
    many = struct.pack("<HH2sH", 0x6001, 0x0010, b"LO", 2) + b"A "
    began = time.process_time()
    with archive.receive(Announced(CT, INSTANCE, EXPLICIT), Source()) as incoming:
        incoming.write(head)
        incoming.write(many * 1_000_000)
        incoming.keep()
    assert time.process_time() - began < 30


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0x80000000, 0xFFFFFFFE])
def test_04_a_length_of_2_gb_in_an_object_of_1_kb(served: Served, length: int) -> None:
    served.wire.associate()
    response = served.wire.store(encode(ct(PixelData=None)) + _element(0x7FE0, 0x0010, b"OW", length), INSTANCE)
    assert response.status == 0xC000
    assert response.comment.startswith("truncated: (7FE0,0010)")


@pytest.mark.parametrize(("rows", "columns"), [(9, 8), (0xFFFF, 0xFFFF)])
def test_05_pixels_that_do_not_fit_their_size_are_refused(served: Served, rows: int, columns: int) -> None:
    served.wire.associate()
    response = served.wire.store(encode(ct(Rows=rows, Columns=columns)), INSTANCE)
    assert response.status == 0xC000
    assert response.comment.startswith("truncated")


def test_06_a_long_read_and_another_writer_do_not_lose_an_object(served: Served, archive: Archive) -> None:
    served.wire.associate()
    path = archive.data / "index.sqlite3"
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM instance").fetchall()
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.5, writer.rollback)
    release.start()
    try:
        assert served.wire.store(encode(ct()), INSTANCE).status == 0
    finally:
        release.join()
        reader.close()
        writer.close()
    assert archive.instance(INSTANCE).path.exists()


def test_06_a_full_disk_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path, "3m") as place:
            _fill(place / "data")
    except NoSmallDisk as e:
        pytest.skip(f"no small disk on this machine: {e}")


def _fill(data: Path) -> None:
    stored: list[str] = []
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:

        def fill() -> None:
            while len(stored) < 1000:
                one_more()

        def one_more() -> None:
            uid = f"{INSTANCE}.{len(stored)}"
            store(archive, ct(SOPInstanceUID=uid, Rows=200, Columns=200, PixelData=bytes(80_000)))
            stored.append(uid)

        one_more()
        with pytest.raises((OutOfSpace, WriteFailed)):
            fill()
        assert all(archive.instance(uid).path.exists() for uid in stored)
        assert files_below(data / "incoming") == []


_STEPS = ("write", "fdatasync", "rename", "fsync", "add")
_WHEN = ("before", "after")
# One process that forks: to import everything for each step would take most of the time.
_CHILD = """
import os, signal, sys, pathlib
import storage.files
from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.support.objects import ct, store
def deadly(function, when):
    def call(*a, **k):
        if when == "after":
            function(*a, **k)
        os.kill(os.getpid(), signal.SIGKILL)
    return call
def die(data, step, when):
    archive = Archive.open(ArchiveSettings(data, minimum_free_bytes=0))
    if step == "rename":
        storage.files.rename_no_replace = deadly(storage.files.rename_no_replace, when)
    elif step == "add":
        archive.index.add = deadly(archive.index.add, when)
    else:
        setattr(os, step, deadly(getattr(os, step), when))
    store(archive, ct())
for job in sys.argv[2:]:
    pid = os.fork()
    if pid == 0:
        die(pathlib.Path(sys.argv[1], job), *job.split("-"))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folders of processes that were killed at each step on the way of one object."""
    folder = tmp_path_factory.mktemp("killed")
    jobs = [f"{step}-{when}" for step in _STEPS for when in _WHEN]
    command = [sys.executable, "-c", _CHILD, str(folder), *jobs]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(jobs), done.stderr
    return folder


@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.parametrize("when", _WHEN)
def test_07_a_kill_at_every_step_leaves_nothing_or_a_whole_object(killed: Path, step: str, when: str) -> None:
    with Archive.open(ArchiveSettings(killed / f"{step}-{when}", minimum_free_bytes=0)) as archive:
        recover(archive)
        assert files_below(archive.data / "incoming") == []
        files = files_below(archive.data / "archive")
        assert archive.health().instances == len(files)
        assert len(files) == (step in ("rename", "add") and when == "after") + (step == "add" and when == "before")
        if files:
            assert archive.instance(INSTANCE).path.read_bytes().endswith(encode(ct()))
        store(archive, ct())
        assert archive.health().instances == 1
        assert archive.quarantined_count() == 0


@pytest.mark.parametrize("missing", [1, 2, 64, 128])
def test_08_truncated_pixel_data_is_never_accepted(served: Served, archive: Archive, missing: int) -> None:
    served.wire.associate()
    data = encode(ct())
    assert served.wire.store(data[:-missing], INSTANCE).status == 0xC000
    assert archive.quarantined_count() == 1
    assert files_below(archive.data / "archive") == []


def test_09_an_abort_in_the_middle_leaves_nothing(served: Served, archive: Archive) -> None:
    served.wire.associate()
    served.wire.command(1, store_rq(INSTANCE))
    served.wire.send(pdu(P_DATA, pdv(1, encode(ct())[:300], command=False, last=False)), pdu(7, bytes(4)))
    served.thread.join(60)
    assert files_below(archive.data / "archive") == files_below(archive.data / "incoming") == []
    assert archive.quarantined_count() == 0


def test_09_two_senders_of_one_uid_at_once_are_one_object(receiver: Callable[..., object], archive: Archive) -> None:
    port: int = receiver().port  # type: ignore[attr-defined]
    statuses: list[int] = []
    gate = threading.Barrier(4)

    def push() -> None:
        with Wire.connect(port, 30) as wire:
            wire.associate()
            gate.wait()
            statuses.extend(wire.store(encode(ct(SOPInstanceUID=f"1.2.{n}")), f"1.2.{n}").status for n in range(20))

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 80
    assert archive.health().instances == len(files_below(archive.data / "archive")) == 20


@pytest.mark.parametrize("change", [{"PixelData": bytes(128)}, {"StudyInstanceUID": STUDY + ".2"}])
def test_09_the_same_uid_with_other_pixels_or_in_another_study_goes_to_quarantine(
    served: Served, archive: Archive, change: dict[str, object]
) -> None:
    served.wire.associate()
    assert served.wire.store(encode(ct()), INSTANCE).status == 0
    assert served.wire.store(encode(ct(**change)), INSTANCE).status == 0xC000
    assert [q.reason for q in archive.quarantined(10)] == ["conflict"]
    assert archive.instance(INSTANCE).path.read_bytes().endswith(encode(ct()))


def test_14_a_multi_frame_object_of_520_mb_streams_through_bounded_memory(
    receiver: Callable[..., object], archive: Archive
) -> None:
    port: int = receiver().port  # type: ignore[attr-defined]
    frames, frame = 1040, bytes(500 * 1000)
    head = encode(ct(NumberOfFrames=frames, Rows=500, Columns=500, PixelData=None))
    before = psutil.Process().memory_info().rss
    piece = pdu(P_DATA, pdv(1, frame[:100_000], command=False, last=False))
    with Wire.connect(port, 120) as wire:
        wire.associate()
        wire.command(1, store_rq(INSTANCE))
        start = head + _element(0x7FE0, 0x0010, b"OW", frames * len(frame))
        wire.send(pdu(P_DATA, pdv(1, start, command=False, last=False)))
        for _ in range(frames * 5):
            wire.send(piece)
        wire.send(pdu(P_DATA, pdv(1, b"", command=False, last=True)))
        assert wire.response().status == 0
    assert psutil.Process().memory_info().rss - before < 100 << 20
    assert archive.instance(INSTANCE).number_of_frames == frames


def test_14_an_enhanced_mr_of_8800_frames_is_stored_in_seconds(archive: Archive) -> None:
    plane = Dataset()
    plane.ImagePositionPatient = [0, 0, 0]
    item = Dataset()
    item.PlanePositionSequence = Sequence([plane])
    body = encode(ct(NumberOfFrames=8800, Rows=2, Columns=2, PixelData=None))
    groups = Dataset()
    groups.PerFrameFunctionalGroupsSequence = Sequence([item])
    one = encode(groups)[12:]
    began = time.process_time()
    with archive.receive(Announced(CT, INSTANCE, EXPLICIT), Source()) as incoming:
        incoming.write(body)
        incoming.write(_element(0x5200, 0x9230, b"SQ", 8800 * len(one)) + one * 8800)
        incoming.write(_element(0x7FE0, 0x0010, b"OW", 8800 * 8) + bytes(8800 * 8))
        incoming.keep()
    assert time.process_time() - began < 5


def test_14_a_series_of_24000_instances_grows_no_slower(archive: Archive) -> None:
    """In one transaction for speed; then one more object at the end costs what the first did."""
    for n in range(3):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
    with sqlite3.connect(archive.data / "index.sqlite3") as index:
        columns = [row[1] for row in index.execute("PRAGMA table_info(instance)") if row[1] not in ("id",)]
        names = ", ".join(columns)
        copied = ", ".join("'2.25.' || (n + 100)" if c == "sop_instance_uid" else c for c in columns)
        index.execute(
            "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 24000)"
            f" INSERT INTO instance ({names}) SELECT {copied} FROM number, (SELECT * FROM instance LIMIT 1)"
        )
    index.close()
    began = time.process_time()
    for n in range(3, 13):
        store(archive, ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
    assert time.process_time() - began < 3
    assert len(archive.instances(SERIES)) == 24_013


def _odd_objects() -> dict[str, bytes]:
    private = ct()
    block = private.private_block(0x0019, "ACME", create=True)
    block.add_new(1, "UN", b"1234")
    head = encode(ct(PixelData=None))
    return {
        "private tags": encode(private),
        "LO over 64 characters": encode(ct()).replace(
            struct.pack("<HH2sH", 0x0008, 0x1030, b"LO", len("CT ngực".encode())) + "CT ngực".encode(),
            struct.pack("<HH2sH", 0x0008, 0x1030, b"LO", 300) + b"x" * 300,
        ),
        "elements after PixelData": encode(ct()) + _element(0xFFFC, 0xFFFC, b"OB", 4) + bytes(4),
        "a large OF array": head + _element(0x7FE0, 0x0008, b"OF", 4 << 20) + bytes(4 << 20),
        "a large OD array": encode(ct()) + _element(0x0066, 0x0040, b"OD", 4 << 20) + bytes(4 << 20),
    }


@pytest.mark.filterwarnings("ignore:The value length")
@pytest.mark.parametrize("name", list(_odd_objects()))
def test_15_odd_but_whole_objects_are_kept_as_they_came(served: Served, archive: Archive, name: str) -> None:
    data = _odd_objects()[name]
    served.wire.associate()
    response = served.wire.store(data, INSTANCE)
    assert (response.status, response.comment) == (0, "")
    kept = archive.instance(INSTANCE)
    assert kept.path.read_bytes()[kept.dataset_offset :] == data


def test_15_a_file_without_meta_information_is_imported(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "bare.dcm").write_bytes(encode(ct()))
    assert [r.outcome for r in import_file(archive, tmp_path / "bare.dcm")] == [Imported.STORED]
    assert archive.instance(INSTANCE).transfer_syntax_uid == EXPLICIT
