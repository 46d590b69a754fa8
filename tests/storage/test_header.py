"""From bytes to what is checked and indexed."""

from __future__ import annotations

import os
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from storage.errors import InvalidObject, UnsafeUID
from storage.header import Header, read_header
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode
from tests.support.objects import encode as encode_as

EXPLICIT = "1.2.840.10008.1.2.1"
ALL = [EXPLICIT, str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian), "1.2.840.10008.1.2.1.99"]


def header_of(data: bytes | Dataset, transfer_syntax_uid: str = EXPLICIT) -> Header:
    if isinstance(data, Dataset):
        data = encode_as(data, transfer_syntax_uid)
    fd = os.memfd_create("header")
    try:
        os.write(fd, data)
        return read_header(fd, 0, len(data), transfer_syntax_uid)
    finally:
        os.close(fd)


@pytest.mark.parametrize("transfer_syntax_uid", ALL)
def test_values_are_the_same_in_every_encoding(transfer_syntax_uid: str) -> None:
    header = header_of(ct(SeriesNumber=7, NumberOfFrames=1), transfer_syntax_uid)
    assert header.text("study_instance_uid") == STUDY
    assert header.text("series_instance_uid") == SERIES
    assert header.text("sop_instance_uid") == INSTANCE
    assert header.text("patient_name") == "Nguyễn^Văn^Đức"
    assert header.text("institution_name") == ""
    assert [header.number(c) for c in ("rows", "columns", "bits_allocated")] == [8, 8, 16]
    assert [header.number(c) for c in ("series_number", "number_of_frames")] == [7, 1]
    assert header.pixels is not None
    assert header.pixels.length == 128


def test_padding_of_uids_does_not_count() -> None:
    for pad in (b"\0", b" "):
        data = encode(ct(StudyInstanceUID="1.2.3")).replace(b"1.2.3\0", b"1.2.3" + pad)
        assert header_of(data).text("study_instance_uid") == "1.2.3"


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_the_four_uids_are_asked_for(keyword: str) -> None:
    for value in (None, ""):
        with pytest.raises(InvalidObject, match=f"{keyword} is missing or empty"):
            header_of(ct(**{keyword: value}))


@pytest.mark.filterwarnings("ignore:The value length")
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("raw", [b"../../x", b"1.2\\3.4", b"1.2.3\0.4", b"1" * 66, b"1.2. 3"])
@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_a_uid_that_may_not_form_a_path_is_unsafe(keyword: str, raw: bytes) -> None:
    stand_in = "1." + "2" * (len(raw) + len(raw) % 2 - 2) if len(raw) <= 64 else "9" * 66
    data = encode(ct(**{keyword: stand_in}))
    assert stand_in.encode() in data
    with pytest.raises(UnsafeUID, match=keyword):
        header_of(data.replace(stand_in.encode(), raw.ljust(len(stand_in), b"\0")))


def test_an_empty_data_set_says_so() -> None:
    with pytest.raises(InvalidObject, match="empty"):
        header_of(b"")


@pytest.mark.parametrize(
    ("changes", "length"),
    [
        ({}, 128),
        ({"NumberOfFrames": 3}, 384),
        ({"BitsAllocated": 1, "BitsStored": 1, "Rows": 5, "Columns": 5}, 4),
        ({"BitsAllocated": 1, "Rows": 5, "Columns": 5, "NumberOfFrames": 3}, 10),
        ({"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "RGB"}, 192),
        ({"SamplesPerPixel": 3, "BitsAllocated": 8, "PhotometricInterpretation": "YBR_FULL_422"}, 128),
        ({"BitsAllocated": 32}, 256),
        ({"NumberOfFrames": 0}, 128),
    ],
)
@pytest.mark.parametrize("transfer_syntax_uid", ALL[:3])
def test_native_pixels_are_as_long_as_their_size_asks(
    changes: dict[str, Any], length: int, transfer_syntax_uid: str
) -> None:
    header_of(ct(**changes, PixelData=bytes(length)), transfer_syntax_uid)
    header_of(ct(**changes, PixelData=bytes(length + 2)), transfer_syntax_uid)
    with pytest.raises(InvalidObject, match="truncated"):
        header_of(ct(**changes, PixelData=bytes(length - 2)), transfer_syntax_uid)


def test_an_image_without_pixels_is_truncated_unless_they_are_elsewhere() -> None:
    with pytest.raises(InvalidObject, match="without pixel data"):
        header_of(ct(PixelData=None))
    with pytest.raises(InvalidObject, match="without pixel data"):
        header_of(ct(PixelData=None, Rows=None))  # known by its class
    with pytest.raises(InvalidObject, match="without pixel data"):
        header_of(ct(PixelData=None, SOPClassUID="1.2.3.4"))  # known by its size
    assert header_of(ct(PixelData=None, PixelDataProviderURL="http://a.example/")).pixels is None
    report = ct(PixelData=None, Rows=None, Columns=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    assert header_of(report).pixels is None


def test_fewer_fragments_than_frames_are_truncated() -> None:
    def jpeg(frames: int, said: int) -> bytes:
        ds = ct(NumberOfFrames=said, BitsAllocated=8)
        ds.PixelData = encapsulate([b"\xff\xd8ab"] * frames)
        ds["PixelData"].is_undefined_length = True
        ds["PixelData"].VR = "OB"
        return encode(ds)

    assert header_of(jpeg(2, 2), JPEGBaseline8Bit).pixels is not None
    with pytest.raises(InvalidObject, match="2 fragments of pixel data for 3 frames"):
        header_of(jpeg(2, 3), JPEGBaseline8Bit)
    # PS3.5 8.2.5: a video is one stream, however many frames it has.
    assert header_of(jpeg(1, 100), "1.2.840.10008.1.2.4.102").pixels is not None


def test_values_beyond_their_kind_are_no_obstacle() -> None:
    data = encode(ct(InstanceNumber=1111)).replace(b"IS\x04\x001111", b"IS\x04\x009e99")
    assert header_of(data).number("instance_number") is None
    wide = encode(ct()).replace(b"\x28\x00\x10\x00US\x02\x00\x08\x00", b"\x28\x00\x10\x00UL\x04\x00\x08\x00\x00\x00")
    assert header_of(wide).number("rows") == 8
    none = encode(ct()).replace(b"\x28\x00\x10\x00US\x02\x00\x08\x00", b"\x28\x00\x10\x00US\x00\x00")
    assert header_of(none).number("rows") is None


def test_long_and_strange_text_is_kept() -> None:
    name = "=".join("^".join([part] * 5) for part in ("Yamada", "山田", "やまだ"))
    header = header_of(ct(PatientName=name, PatientID="A\\B", StudyDescription="x" * 64))
    assert header.text("patient_name") == name
    assert header.text("patient_id") == "A\\B"
    with pytest.warns(UserWarning, match="exceeds the maximum length"):
        data = encode(ct(StudyDescription="y" * 60_000))
    assert header_of(data).text("study_description") == "y" * 4096
