"""The file meta information (PS3.10 7.1), byte by byte."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import meta
from storage.errors import InvalidObject, StorageError
from storage.model import Source
from tests.support.objects import INSTANCE, ct, encode

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


def _read(data: bytes) -> meta.Meta:
    fd = os.memfd_create("meta")
    try:
        os.write(fd, data)
        return meta.read(fd, len(data))
    finally:
        os.close(fd)


def _element(element: int, vr: bytes, value: bytes, *, long: bool = False) -> bytes:
    form = "<HH2s2xI" if long else "<HH2sH"
    return struct.pack(form, 2, element, vr, len(value)) + value


def _file(*elements: bytes) -> bytes:
    return bytes(128) + b"DICM" + b"".join(elements)


SYNTAX = _element(0x10, b"UI", EXPLICIT.encode() + b"\0")


def test_what_is_written_is_what_pydicom_reads() -> None:
    data = meta.encode(CT, INSTANCE, EXPLICIT, Source("SCANNER")) + encode(ct())
    ds = pydicom.dcmread(io.BytesIO(data))
    assert ds.file_meta.MediaStorageSOPClassUID == CT
    assert ds.file_meta.MediaStorageSOPInstanceUID == INSTANCE
    assert ds.file_meta.TransferSyntaxUID == EXPLICIT
    assert ds.file_meta.SourceApplicationEntityTitle == "SCANNER"
    assert ds.file_meta.ImplementationClassUID == meta.IMPLEMENTATION_CLASS_UID
    length = ds.file_meta.FileMetaInformationGroupLength
    assert 128 + 4 + 12 + length == len(data) - len(encode(ct()))
    assert ds.PatientID == "BN001"


def test_what_is_written_is_read_back_with_the_hash_in_its_last_bytes() -> None:
    prefix = meta.encode(CT, INSTANCE, EXPLICIT, Source("SCANNER"))
    digest = bytes(range(32))
    m = _read(prefix[:-32] + digest + encode(ct()))
    assert m == meta.Meta(len(prefix), CT, INSTANCE, EXPLICIT, digest)


def test_over_long_announcements_are_cut_and_odd_ones_kept_out() -> None:
    m = _read(meta.encode("1" * 70_000, "ô\0x", EXPLICIT, Source("A" * 99)))
    assert (m.sop_class_uid, m.transfer_syntax_uid) == ("1" * 64, EXPLICIT)


def test_the_group_ends_where_it_ends_whatever_its_length_says() -> None:
    wrong = _element(0, b"UL", struct.pack("<I", 9999))
    for group in ((SYNTAX,), (wrong, SYNTAX)):
        assert _read(_file(*group) + encode(ct())).data_set_offset == len(_file(*group))


@pytest.mark.parametrize("vr", [b"OB", b"OW", b"UN", b"UR", b"UT", b"UC"])
def test_every_long_vr_is_walked(vr: bytes) -> None:
    # (0002,0026) Source Presentation Address is UR.
    data = _file(SYNTAX, _element(0x26, vr, b"http://a.example/", long=True))
    assert _read(data + encode(ct())).data_set_offset == len(data)


def test_a_group_larger_than_usual_is_read_too() -> None:
    data = _file(SYNTAX, _element(0x102, b"OB", bytes(100_000), long=True))
    assert _read(data + encode(ct())).data_set_offset == len(data)


@pytest.mark.parametrize("size", [4096 - 2, 4096 - 1, 4096, 4096 + 1])
def test_a_group_that_ends_at_the_end_of_the_first_read_is_whole(size: int) -> None:
    fill = size - len(_file(SYNTAX)) - 12
    data = _file(SYNTAX, _element(0x102, b"OB", bytes(fill), long=True))
    more = data + _element(0x103, b"UN", b"end!", long=True)
    assert _read(data + encode(ct())).data_set_offset == len(data) == size
    assert _read(more + encode(ct())).data_set_offset == len(more)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "prefix"),
        (b"text", "prefix"),
        (bytes(128) + b"DICX", "prefix"),
        (_file(), "no transfer syntax"),
        (_file(_element(2, b"UI", b"1.2\0")), "no transfer syntax"),
        (_file(SYNTAX)[:-1], "cut off"),
        (_file(SYNTAX)[:-20], "cut off"),
        (_file(SYNTAX) + b"\2\0", "cut off"),
        (_file(_element(0x102, b"OB", b"", long=True)[:-4] + b"\xff\xff\xff\xff"), "cut off"),
    ],
)
def test_what_is_no_meta_group_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidObject, match=reason):
        _read(data)


@given(st.binary(max_size=300))
def test_no_bytes_can_do_more_than_be_refused(data: bytes) -> None:
    with contextlib.suppress(StorageError):
        _read(_file(data))


def test_an_unusual_group_of_a_real_device_shared_data(shared_data: Path) -> None:
    path = shared_data / "volumes" / "mr_brain_iheos" / "000000.dcm"
    if not path.exists():
        pytest.skip("no such series in the shared data")
    with path.open("rb") as f:
        m = meta.read(f.fileno(), path.stat().st_size)
    assert m.transfer_syntax_uid == pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
