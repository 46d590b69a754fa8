"""The walk over encoded data sets, against pydicom, truncation and noise."""

from __future__ import annotations

import contextlib
import os
import struct
import time
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from storage.errors import InvalidObject, StorageError
from storage.header import read_header
from storage.scan import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    Encoding,
    Limits,
    Scan,
    scan,
)
from storage.window import BLOCK, DeflatedWindow, FileWindow, Window
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode

ENCODINGS = {"explicit": EXPLICIT_LITTLE, "implicit": IMPLICIT_LITTLE, "big": EXPLICIT_BIG, "deflated": EXPLICIT_LITTLE}
STUDY_UID, PATIENT_NAME, MODALITY, ROWS = 0x0020000D, 0x00100010, 0x00080060, 0x00280010
_LIMITS = Limits()
WANTED = frozenset({STUDY_UID, PATIENT_NAME, MODALITY, ROWS, 0x00200013})


def walk(data: bytes, form: str = "explicit", wanted: frozenset[int] = WANTED, limits: Limits = _LIMITS) -> Scan:
    fd = os.memfd_create("scan")
    try:
        # Bytes before and after the window: whoever reads outside of it finds what is no DICOM.
        os.write(fd, b"\xee" * 7 + data + b"\xee" * 64)
        window: Window = FileWindow(fd, 7, 7 + len(data))
        if form == "deflated":
            window = DeflatedWindow(fd, 7, 7 + len(data), 1 << 26)
        return scan(window, ENCODINGS[form], wanted, limits)
    finally:
        os.close(fd)


def encoded(ds: Dataset, form: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = form != "big", form == "implicit"
    write_dataset(buffer, ds)
    return deflated(buffer.getvalue()) if form == "deflated" else bytes(buffer.getvalue())


def deflated(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    n = len(value) if length is None else length
    long = vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF")
    return struct.pack("<HH2s2xI" if long else "<HH2sH", tag >> 16, tag & 0xFFFF, vr, n) + value


def item(value: bytes = b"", kind: int = 0xE000, length: int | None = None) -> bytes:
    return struct.pack("<HHI", 0xFFFE, kind, len(value) if length is None else length) + value


UNDEFINED = 0xFFFFFFFF
ITEM_END, SEQUENCE_END = item(kind=0xE00D), item(kind=0xE0DD)

# ---- random data sets, written by pydicom

_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), max_size=20)
_ELEMENTS: st.SearchStrategy[tuple[int, str, Any]] = st.one_of(
    st.tuples(st.just(0x00080060), st.just("CS"), st.sampled_from(["CT", "MR", ""])),
    st.tuples(st.just(0x00100010), st.just("PN"), _TEXTS),
    st.tuples(st.just(0x0020000D), st.just("UI"), st.sampled_from(["1.2.3", "1.2.840.1", "2"])),
    st.tuples(st.just(0x00280010), st.just("US"), st.integers(0, 65535)),
    st.tuples(st.just(0x00200013), st.just("IS"), st.integers(0, 9999)),
    st.tuples(st.integers(0x00091001, 0x000910FF), st.sampled_from(["LO", "UT"]), _TEXTS),
    st.tuples(st.integers(0x00091101, 0x000911FF), st.just("UN"), st.binary(max_size=20).map(lambda b: b * 2)),
    st.tuples(st.integers(0x00091201, 0x000912FF), st.just("OB"), st.binary(max_size=20).map(lambda b: b * 2)),
    st.tuples(st.integers(0x00091301, 0x000913FF), st.just("OB"), st.just(bytes(BLOCK + 10))),
    st.tuples(st.integers(0x00091401, 0x000914FF), st.just("FD"), st.floats(allow_nan=False)),
)


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    ds = Dataset()
    for tag, vr, value in draw(st.lists(_ELEMENTS, max_size=12)):
        ds.add_new(Tag(tag), vr, value)
    if depth:
        for tag in draw(st.lists(st.sampled_from([0x00081140, 0x00400275, 0x00091501]), max_size=2, unique=True)):
            items = draw(st.lists(data_sets(depth=depth - 1), max_size=3))
            for one in items:
                one.is_undefined_length_sequence_item = draw(st.booleans())
            ds.add_new(Tag(tag), "SQ", Sequence(items))
            ds[tag].is_undefined_length = draw(st.booleans())
    if draw(st.booleans()):
        ds.add_new(PIXEL_DATA, "OW", draw(st.sampled_from([b"", b"ab", bytes(1000), bytes(BLOCK * 2)])))
    if draw(st.booleans()):
        ds.add_new(Tag(0xFFFCFFFC), "OB", bytes(4))
    return ds


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data_sets(), st.sampled_from(list(ENCODINGS)))
def test_the_walk_finds_what_pydicom_wrote(ds: Dataset, form: str) -> None:
    data = encoded(ds, form)
    found = walk(data, form)
    assert set(found.values) == {tag for tag in WANTED if tag in ds}
    for tag, raw in found.values.items():
        if ds[tag].VR == "US":
            assert raw == struct.pack(">H" if form == "big" else "<H", ds[tag].value)
        else:
            assert raw.strip(b" \0").decode() == str(ds[tag].value).strip(" ")
    if PIXEL_DATA not in ds:
        assert found.pixels is None
        return
    assert found.pixels is not None
    assert found.pixels.length == len(ds.PixelData)
    plain = zlib.decompress(data, wbits=-zlib.MAX_WBITS) if form == "deflated" else data
    at = found.pixels.offset
    assert plain[at : at + len(ds.PixelData)] == ds.PixelData
    tail = 12 + 4 if Tag(0xFFFCFFFC) in ds and form != "implicit" else (8 + 4 if Tag(0xFFFCFFFC) in ds else 0)
    assert at + len(ds.PixelData) + tail == len(plain)


def _boundaries(ds: Dataset, form: str) -> set[int]:
    """Where a cut leaves whole top-level elements: after each of them."""
    ends, part = {0}, Dataset()
    for e in ds:
        part[e.tag] = e
        ends.add(len(encoded(part, form)))
    return ends


@pytest.mark.parametrize("form", ["explicit", "implicit", "big"])
def test_every_cut_is_noticed_unless_it_falls_between_elements(form: str) -> None:
    ds = ct()
    ds.ReferencedImageSequence = Sequence([ct(PixelData=None), Dataset()])
    ds["ReferencedImageSequence"].is_undefined_length = True
    ds.ReferencedImageSequence[0].is_undefined_length_sequence_item = True
    ds.SourceImageSequence = Sequence([Dataset()])
    data, ends = encoded(ds, form), _boundaries(ds, form)
    assert max(ends) == len(data)
    for cut in range(len(data)):
        rest = data[max(end for end in ends if end <= cut) : cut]
        if not rest.strip(b"\0"):  # nothing but zeros is padding, and may be where a big endian group begins
            walk(data[:cut], form)
        else:
            with pytest.raises(InvalidObject):
                walk(data[:cut], form)


@pytest.mark.parametrize(
    "transfer_syntax_uid",
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"],
)
def test_no_prefix_of_an_image_is_ever_taken_for_whole(transfer_syntax_uid: str) -> None:
    data = encode(ct(), transfer_syntax_uid)
    fd = os.memfd_create("prefix")
    os.write(fd, data)
    read_header(fd, 0, len(data), transfer_syntax_uid)
    for cut in range(len(data)):
        with pytest.raises(InvalidObject):
            read_header(fd, 0, cut, transfer_syntax_uid)
    os.close(fd)


@settings(max_examples=400, deadline=2000)
@given(
    st.sampled_from(list(ENCODINGS)),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_changed_bytes_are_refused_or_walked_and_never_more(form: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(_NOISY[form])
    for at, value in changes:
        data[at % len(data)] = value
    try:
        found = walk(bytes(data), form)
    except StorageError:
        return
    if found.pixels is not None and found.pixels.length is not None and form != "deflated":
        assert found.pixels.offset + found.pixels.length <= len(data)


def _noisy() -> Dataset:
    ds = ct()
    ds.ReferencedImageSequence = Sequence([ct(PixelData=None), ct(PixelData=None)])
    ds["ReferencedImageSequence"].is_undefined_length = True
    return ds


_NOISY = {form: encoded(_noisy(), form) for form in ENCODINGS}


@given(st.binary(max_size=400), st.sampled_from(list(ENCODINGS)))
def test_no_bytes_can_do_more_than_be_refused(data: bytes, form: str) -> None:
    with contextlib.suppress(StorageError):
        walk(data, form)


# ---- single facts of PS3.5, in bytes

HEAD = element(0x0020000D, b"UI", b"1.2\0")


def test_un_of_undefined_length_holds_implicit_vr() -> None:
    inner = struct.pack("<HHI", 0x0008, 0x0060, 2) + b"MR"
    data = element(0x00091001, b"UN", b"", UNDEFINED) + item(inner) + SEQUENCE_END + HEAD
    assert walk(data).values == {STUDY_UID: b"1.2\0"}
    deep = element(0x00091001, b"UN", b"", UNDEFINED) + item(inner + b"", length=UNDEFINED) + ITEM_END + SEQUENCE_END
    assert walk(deep + HEAD).values == {STUDY_UID: b"1.2\0"}


def test_only_the_top_level_counts() -> None:
    inner = element(MODALITY, b"CS", b"MR") + element(PIXEL_DATA, b"OW", b"abcd")
    for body in (
        element(0x00081140, b"SQ", item(inner)),
        element(0x00081140, b"SQ", b"", UNDEFINED) + item(inner) + SEQUENCE_END,
        element(0x00081140, b"SQ", b"", UNDEFINED) + item(inner, length=UNDEFINED) + ITEM_END + SEQUENCE_END,
    ):
        found = walk(body + HEAD)
        assert (found.values, found.pixels) == ({STUDY_UID: b"1.2\0"}, None)


def test_fragments_are_counted_without_the_offset_table() -> None:
    data = HEAD + element(PIXEL_DATA, b"OB", b"", UNDEFINED)
    found = walk(data + item() + item(b"ab") + item(b"cdef") + SEQUENCE_END).pixels
    assert found is not None
    assert (found.offset, found.length, found.fragments) == (len(data), None, 2)
    in_implicit = struct.pack("<HHI", 0x7FE0, 0x0010, UNDEFINED) + item() + SEQUENCE_END
    assert walk(in_implicit, "implicit").pixels is not None


def test_zeros_at_the_end_are_padding() -> None:
    for zeros in (1, 7, 8, 9, 1000, BLOCK * 2):
        for form in ("explicit", "implicit"):
            assert walk(encoded(ct(), form) + bytes(zeros), form).pixels is not None


def test_later_and_disordered_elements_are_tolerated_and_the_last_of_two_counts() -> None:
    data = element(PIXEL_DATA, b"OW", b"ab") + HEAD + element(MODALITY, b"CS", b"CT") + element(MODALITY, b"CS", b"MR")
    assert walk(data).values == {STUDY_UID: b"1.2\0", MODALITY: b"MR"}


def test_a_huge_value_is_handed_out_in_part_and_stepped_over_whole() -> None:
    data = element(0x00081195, b"UT", b"x" * 300_000) + HEAD
    found = walk(data, wanted=frozenset({0x00081195, STUDY_UID}))
    assert found.values == {0x00081195: b"x" * 4096, STUDY_UID: b"1.2\0"}
    short = walk(element(PATIENT_NAME, b"PN", b"y" * 5000) + HEAD).values
    assert len(short[PATIENT_NAME]) == 4096


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ITEM_END, "out of place"),
        (SEQUENCE_END, "out of place"),
        (item(b"ab"), "out of place"),
        (HEAD + struct.pack("<HHI", 0xFFFE, 0x1234, 0), "out of place"),
        (HEAD + struct.pack("<HH2sH", 0xFFFE, 0xE000, b"US", 0), "out of place|lacks"),
        (element(0x00081140, b"SQ", b"", UNDEFINED) + HEAD, "not closed"),
        (element(0x00081140, b"SQ", b"", UNDEFINED) + item(length=UNDEFINED) + SEQUENCE_END, "out of place"),
        (element(0x00081140, b"SQ", b"", UNDEFINED) + item(length=99), "lacks"),
        (element(PIXEL_DATA, b"OB", b"", UNDEFINED) + item(b"ab", length=4), "cut off"),
        (element(PIXEL_DATA, b"OB", b"", UNDEFINED) + item(b"ab"), "not closed"),
        (element(PIXEL_DATA, b"OB", b"", UNDEFINED) + HEAD, "no fragment"),
        (element(0x00091001, b"OF", b"", UNDEFINED), "may not have undefined length"),
        (element(0x00091001, b"\0\0", b""), "no valid VR"),
        (element(0x00091001, b"u1", b""), "no valid VR"),
        (HEAD + b"\1", "stray"),
        (HEAD + b"\0\0\1", "stray"),
        (element(0x00091001, b"OB", b"", 0x7FFFFFFF), "lacks"),
    ],
)
def test_what_is_out_of_place_is_refused_with_the_place(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidObject, match=reason):
        walk(data)


def test_depth_and_number_are_limited() -> None:
    sequence = element(0x00081140, b"SQ", b"", UNDEFINED) + item(length=UNDEFINED)
    with pytest.raises(InvalidObject, match="nested deeper"):
        walk(sequence * 10_000)
    few = Limits(elements=100)
    with pytest.raises(InvalidObject, match="more than 100 elements"):
        walk(HEAD * 101, limits=few)
    with pytest.raises(InvalidObject, match="more than 100 elements"):
        walk(HEAD + element(PIXEL_DATA, b"OB", b"", UNDEFINED) + item() * 101 + SEQUENCE_END, limits=few)
    with pytest.raises(InvalidObject, match="more than 100 elements"):
        walk(element(0x00081140, b"SQ", b"", UNDEFINED) + item(length=0) * 101 + SEQUENCE_END, limits=few)


def test_a_deflated_bomb_is_left_at_its_limit() -> None:
    bomb = deflated(element(0x00091001, b"OB", bytes(1 << 27)))
    began = time.process_time()
    with pytest.raises(InvalidObject):
        walk(bomb, "deflated")
    assert time.process_time() - began < 10


@pytest.mark.parametrize("form", ["explicit", "implicit"])
def test_the_fast_and_the_careful_path_agree(form: str) -> None:
    data = encoded(_noisy(), form)
    e: Encoding = ENCODINGS[form]
    fd = os.memfd_create("both")
    os.write(fd, data)
    fast = scan(FileWindow(fd, 0, len(data)), e, WANTED)
    careful = scan(_OneByOne(fd, 0, len(data)), e, WANTED)
    os.close(fd)
    assert fast == careful


class _OneByOne(FileWindow):
    """Shows nothing buffered, so that every element takes the careful path."""

    def buffered(self) -> tuple[bytes, int]:
        return b"", 0

    def advance(self, at: int) -> None:
        pass


def test_the_uids_are_where_they_are() -> None:
    found = walk(encode(ct()), wanted=frozenset({0x00080018, 0x0020000D, 0x0020000E}))
    assert [v.strip(b"\0").decode() for v in found.values.values()] == [INSTANCE, STUDY, SERIES]
