"""Files sent to a remote node."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from pacs.receiver import Receiver
from pacs.requestor import AssociationFailed, Node
from pacs.sender import Outgoing, Sent, describe, send
from storage.archive import Archive
from storage.errors import InvalidObject
from storage.meta import Meta
from tests.support.objects import INSTANCE, ct, write_file
from tests.support.peers import free_port


@pytest.fixture
def node(receiver: Callable[..., Receiver]) -> Node:
    return Node("FILMLESS", "127.0.0.1", receiver().port)


def test_files_arrive_byte_for_byte(node: Node, archive: Archive, tmp_path: Path) -> None:
    paths = [write_file(tmp_path / f"{n}.dcm", ct(SOPInstanceUID=f"{INSTANCE}.{n}")) for n in range(5)]
    files = describe(paths)
    assert [s.ok for s in send(node, "US", files)] == [True] * 5
    for n, file in enumerate(files):
        kept = archive.instance(f"{INSTANCE}.{n}")
        assert kept.path.read_bytes()[kept.dataset_offset :] == paths[n].read_bytes()[file.meta.data_set_offset :]


def test_compressed_files_go_in_their_own_syntax(node: Node, archive: Archive) -> None:
    names = ["JPEG2000.dcm", "MR_small_RLE.dcm", "image_dfl.dcm", "ExplVR_BigEnd.dcm", "JPEG-lossy.dcm"]
    paths = [Path(str(get_testdata_file(name, download=False))) for name in names]
    files = describe(paths)
    results = list(send(node, "US", files))
    assert [(s.path.name, s.comment) for s in results if not s.ok] == []
    for file in files:
        assert archive.instance(file.meta.sop_instance_uid).transfer_syntax_uid == file.meta.transfer_syntax_uid


def test_a_refusal_is_told_with_its_comment_and_the_next_file_goes_on(node: Node, tmp_path: Path) -> None:
    good = write_file(tmp_path / "good.dcm", ct())
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(good.read_bytes()[:-10])
    results = list(send(node, "US", describe([broken, good])))
    assert results[0].status == 0xC000
    assert results[0].comment.startswith("truncated")
    assert [s.ok for s in results] == [False, True]


def test_more_than_128_kinds_take_more_associations(node: Node, archive: Archive, tmp_path: Path) -> None:
    files = []
    for n in range(130):
        uid = f"{INSTANCE}.{n}"
        ds = ct(SOPInstanceUID=uid, SOPClassUID=f"1.2.826.0.1.3680043.2.{n + 1}")
        files.append(write_file(tmp_path / f"{n}.dcm", ds))
    assert all(s.ok for s in send(node, "US", describe(files)))
    assert archive.health().instances == 130


def test_what_the_peer_does_not_take_is_said_without_sending(node: Node, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.dcm", ct())
    odd = Outgoing(path, Meta(0, "1.2.840.10008.5.1.4.1.1.2", INSTANCE, "1.2.3.4.5", None))
    (sent,) = send(node, "US", [odd])
    assert (sent.ok, sent.status) == (False, None)


def test_nobody_there_is_one_error(tmp_path: Path) -> None:
    files = describe([write_file(tmp_path / "a.dcm", ct())])
    with pytest.raises(AssociationFailed, match="cannot be reached"):
        list(send(Node("X", "127.0.0.1", free_port()), "US", files))


def test_a_file_that_is_no_dicom_file_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_text("hello")
    with pytest.raises(InvalidObject, match="not a DICOM file"):
        describe([tmp_path / "a.dcm"])


@pytest.mark.parametrize(
    ("status", "ok"), [(0, True), (0xB000, True), (0xB007, True), (0xA700, False), (0xC000, False), (None, False)]
)
def test_success_and_warnings_count_as_there(status: int | None, ok: bool) -> None:
    assert Sent(Path("x"), status, "").ok is ok


def test_leaving_early_aborts_the_association(node: Node, archive: Archive, tmp_path: Path) -> None:
    paths = [write_file(tmp_path / f"{n}.dcm", ct(SOPInstanceUID=f"{INSTANCE}.{n}")) for n in range(3)]
    sending = send(node, "US", describe(paths))
    assert next(sending).ok
    sending.close()  # type: ignore[attr-defined]
    assert archive.health().instances == 1
    assert threading.active_count() < 50
