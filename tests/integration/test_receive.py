"""Receivers as processes, with DCMTK, pynetdicom and whole folders of real files as senders."""

from __future__ import annotations

import hashlib
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pydicom.data
import pytest
from pynetdicom import AE
from pynetdicom.presentation import build_context

from pacs.requestor import Node
from pacs.sender import Outgoing, describe, send
from storage import meta
from storage.archive import Archive
from storage.errors import InvalidObject
from storage.importing import Imported, import_file
from storage.settings import ArchiveSettings
from tests.support.objects import INSTANCE, ct, encode, files_below, write_file
from tests.support.peers import run_tool
from tests.support.processes import RunningReceivers, running_receiver
from tests.support.wire import CT, EXPLICIT, Closed, Wire

# What storescu must be told to propose for files in each transfer syntax.
_PROPOSE = {
    "1.2.840.10008.1.2": "-xi",
    "1.2.840.10008.1.2.1": "-xe",
    "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.1.99": "-xd",
    "1.2.840.10008.1.2.5": "-xr",
    "1.2.840.10008.1.2.4.50": "-xy",
    "1.2.840.10008.1.2.4.51": "-xx",
    "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt",
    "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv",
    "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.4.102": "-xn",
}


@pytest.fixture
def receivers(tmp_path: Path) -> Iterator[RunningReceivers]:
    """Two receivers on one port."""
    with running_receiver(tmp_path, receivers=2) as running:
        yield running


def _opened(data: Path) -> Archive:
    return Archive.open(ArchiveSettings(data, minimum_free_bytes=0))


def test_dcmtk_sends_over_several_associations_at_once(receivers: RunningReceivers, tmp_path: Path) -> None:
    for n in range(8):
        for k in range(5):
            write_file(tmp_path / f"in{n}" / f"{k}.dcm", ct(SOPInstanceUID=f"{INSTANCE}.{n}.{k}"))
    threads = [
        threading.Thread(
            target=run_tool, args=("storescu", "-aec", "FILMLESS", "+sd", "127.0.0.1", receivers.dicom_port, folder)
        )
        for folder in sorted(tmp_path.glob("in*"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with _opened(receivers.data) as archive:
        assert archive.health().instances == 40
    assert receivers.stop() == [0, 0]
    lines = re.findall(
        r"association STORESCU@127\.0\.0\.1 to FILMLESS: stored=5 .* outcome=released", receivers.output()
    )
    assert len(lines) == 8
    # The kernel spreads connections over both of them.
    assert all("stored=5" in p.output() for p in receivers.processes)


def test_pynetdicom_sends_and_reads_the_answers(receivers: RunningReceivers) -> None:
    ae = AE("SCU")
    ae.add_requested_context(CT, EXPLICIT)
    assoc = ae.associate("127.0.0.1", receivers.dicom_port, contexts=[build_context(CT, EXPLICIT)])
    assert assoc.is_established
    ds = ct()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(EXPLICIT)
    assert assoc.send_c_store(ds).Status == 0
    assert assoc.send_c_store(ds).Status == 0
    ds.PixelData = bytes(128)
    refused = assoc.send_c_store(ds)
    assert (refused.Status, refused.ErrorComment) == (0xC000, "stored already with other content; the first one stays")
    assoc.release()


def test_two_senders_of_one_uid_at_once_are_both_answered_and_it_is_kept(receivers: RunningReceivers) -> None:
    """Over two processes and many rounds: the same bytes are one object, of other bytes exactly one version wins."""
    same = [(f"{INSTANCE}.1.{n}", encode(ct(SOPInstanceUID=f"{INSTANCE}.1.{n}"))) for n in range(30)]
    first = [(f"{INSTANCE}.2.{n}", encode(ct(SOPInstanceUID=f"{INSTANCE}.2.{n}"))) for n in range(30)]
    other = [(uid, data[:-1] + b"\x7f") for uid, data in first]
    answers: dict[int, list[int]] = {}
    gate = threading.Barrier(4)

    def push(number: int, objects: list[tuple[str, bytes]]) -> None:
        with Wire.connect(receivers.dicom_port, 30) as wire:
            wire.associate()
            gate.wait()
            answers[number] = [wire.store(data, uid).status for uid, data in objects]
            wire.release()

    lists = [[*same, *first], [*same, *other], [*same, *first], [*same, *other]]
    threads = [threading.Thread(target=push, args=(n, objects)) for n, objects in enumerate(lists)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answers[n][:30] == [0] * 30 for n in range(4))
    with _opened(receivers.data) as archive:
        for n, (uid, data) in enumerate(first):
            kept = archive.instance(uid)
            content = kept.path.read_bytes()[kept.dataset_offset :]
            winners = [k for k in range(4) if answers[k][30 + n] == 0]
            assert winners in ([0, 2], [1, 3])
            assert content == (data if winners == [0, 2] else other[n][1])
        assert archive.health().instances == 60
        # Two losers with the same bytes share one place in quarantine, unless they came at the very same time.
        assert 30 <= archive.quarantined_count() <= 60
        assert len(files_below(archive.data / "archive")) == 60


def _grown(acknowledged: list[str], count: int) -> None:
    end = time.monotonic() + 60
    while len(acknowledged) <= count:
        assert time.monotonic() < end, len(acknowledged)
        time.sleep(0.02)


def test_a_receiver_that_is_killed_leaves_what_it_acknowledged(receivers: RunningReceivers) -> None:
    acknowledged: list[str] = []
    stop = threading.Event()

    def push(number: int) -> None:
        n = 0
        while not stop.is_set():
            try:
                with Wire.connect(receivers.dicom_port) as wire:
                    wire.associate()
                    while not stop.is_set():
                        uid = f"{INSTANCE}.{number}.{n}"
                        n += 1
                        if wire.store(encode(ct(SOPInstanceUID=uid)), uid).status == 0:
                            acknowledged.append(uid)
            except (OSError, Closed):
                time.sleep(0.02)

    threads = [threading.Thread(target=push, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        _grown(acknowledged, 10)
        psutil.Process(receivers.pid).send_signal(signal.SIGKILL)
        # Senders of the killed one go on with the other.
        _grown(acknowledged, len(acknowledged) + 50)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    with _opened(receivers.data) as archive:
        assert all(archive.instance(uid).path.exists() for uid in acknowledged)
    assert receivers.processes[1].is_running()


def test_a_stop_is_clean(receivers: RunningReceivers) -> None:
    with Wire.connect(receivers.dicom_port) as idle:
        idle.associate()
        assert receivers.stop() == [0, 0]
    assert files_below(receivers.data / "incoming") == []
    assert "Traceback" not in receivers.output()


# ---- everything there is


def _described(folder: Path) -> tuple[list[Outgoing], list[Path]]:
    """The files below a folder that a sender can announce, and those without what it takes."""
    known, others = [], []
    for path in files_below(folder):
        try:
            (one,) = describe([path])
        except InvalidObject:
            others.append(path)
            continue
        announced = one.meta.sop_class_uid not in ("", str(pydicom.uid.MediaStorageDirectoryStorage))
        known.append(one) if announced else others.append(path)
    return known, others


def _data_set(file: Outgoing) -> bytes:
    return file.path.read_bytes()[file.meta.data_set_offset :]


def _none_is_lost(running: RunningReceivers, folder: Path, at_least: int) -> None:
    """Send a whole folder as it is; each object is then in the archive or in quarantine, byte for byte."""
    files, others = _described(folder)
    node = Node("FILMLESS", "127.0.0.1", running.dicom_port)
    results = {r.path: r for r in send(node, "OWN_SCU", files)}
    assert len(results) == len(files) >= at_least
    with _opened(running.data) as archive:
        imported = Counter(r.outcome for path in others for r in import_file(archive, path))
        quarantined = archive.quarantined(10_000)
        kept = [q.path.read_bytes() for q in quarantined]
        for file in files:
            result, data = results[file.path], _data_set(file)
            assert result.status is not None, f"{file.path}: {result.comment}"
            if result.ok:
                digest = archive.instance(file.meta.sop_instance_uid).dataset_sha256
                assert digest == hashlib.sha256(data).digest(), file.path
            else:
                assert result.comment
                assert any(content.endswith(data) for content in kept), f"{file.path} is lost"
        assert archive.health().instances == len(files_below(archive.data / "archive"))
    assert imported[Imported.FAILED] == 0
    assert all(q.reason and q.detail for q in quarantined)
    _lines_say_the_same(running, Counter("success" if r.ok else "refused" for r in results.values()))


def _lines_say_the_same(running: RunningReceivers, responses: Counter[str]) -> None:
    running.stop()
    logged: Counter[str] = Counter()
    for name, number in re.findall(r"\b(stored|already_stored|refused)=(\d+)", running.output()):
        logged[name] += int(number)
    assert logged["stored"] + logged["already_stored"] == responses["success"]
    assert logged["refused"] == responses["refused"]
    assert "Traceback" not in running.output()


def test_everything_in_shared_data_is_stored_or_in_quarantine(receivers: RunningReceivers, shared_data: Path) -> None:
    _none_is_lost(receivers, shared_data, 300)


def test_everything_in_the_wheel_of_pydicom_is_stored_or_in_quarantine(receivers: RunningReceivers) -> None:
    _none_is_lost(receivers, Path(pydicom.data.__file__).parent / "test_files", 60)


def test_storescu_of_everything_in_shared_data_adds_up(receivers: RunningReceivers, shared_data: Path) -> None:
    """What DCMTK itself cannot read or send is covered by the test above."""
    files, _ = _described(shared_data)
    responses: Counter[str] = Counter()
    for syntax, propose in _PROPOSE.items():
        of_syntax = [f for f in files if f.meta.transfer_syntax_uid == syntax]
        responses.update(_by_storescu(receivers, propose, of_syntax))
    assert responses["success"] > 200
    _lines_say_the_same(receivers, responses)
    with _opened(receivers.data) as archive:
        stored = sum(map(int, re.findall(r"\bstored=(\d+)", receivers.output())))
        assert archive.health().instances == stored == len(files_below(archive.data / "archive"))
        quarantined = archive.quarantined(10_000)
    # The same bytes refused twice are kept once.
    assert 0 < len(quarantined) <= responses["refused"]
    assert all(q.reason and q.detail for q in quarantined)


def _by_storescu(running: RunningReceivers, propose: str, files: list[Outgoing]) -> Iterator[str]:
    """Send with storescu; yield "success" or "refused" for each answer that it got."""
    if not files:
        return
    options = ("-v", "-R", "-nh", propose, "-aec", "FILMLESS", "127.0.0.1", running.dicom_port)
    done = run_tool("storescu", *options, *(f.path for f in files), check=False, timeout=120)
    for line in done.stdout.splitlines():
        if "Received Store Response" in line:
            yield "success" if "(Success)" in line else "refused"


def test_a_file_of_ours_sent_again_by_dcmtk_is_the_same_object(receivers: RunningReceivers, tmp_path: Path) -> None:
    """What is stored is a file that others read, and what they send of it is what we have."""
    write_file(tmp_path / "a.dcm", ct())
    for path in (tmp_path / "a.dcm", None):
        with _opened(receivers.data) as archive:
            given = path or archive.instance(INSTANCE).path
        run_tool("storescu", "-R", "-aec", "FILMLESS", "127.0.0.1", receivers.dicom_port, given)
    with _opened(receivers.data) as archive:
        assert archive.health().instances == 1
        with archive.instance(INSTANCE).path.open("rb") as f:
            assert meta.read(f.fileno(), archive.instance(INSTANCE).size).sop_instance_uid == INSTANCE
        assert archive.quarantined_count() == 0
