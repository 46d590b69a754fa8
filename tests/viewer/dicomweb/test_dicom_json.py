"""Encoded data sets to DICOM JSON, held against pydicom's reading of the same bytes."""

from __future__ import annotations

import json
import math
import struct
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from storage.errors import InvalidObject
from storage.scan import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from viewer.dicomweb.dicom_json import BULK_BYTES, Encoder, document
from viewer.dicomweb.elements import locate

_NAMES = """
    CT_small.dcm MR_small.dcm rtplan.dcm rtdose.dcm reportsi.dcm test-SR.dcm
    MR_small_implicit.dcm MR_small_bigendian.dcm color-px.dcm JPEG2000.dcm liver_1frame.dcm nested_priv_SQ.dcm
    priv_SQ.dcm UN_sequence.dcm waveform_ecg.dcm vlut_04.dcm examples_overlay.dcm eCT_Supplemental.dcm
    ExplVR_BigEnd.dcm chrH31.dcm chrX1.dcm chrX2.dcm chrKoreanMulti.dcm chrSQEncoding.dcm
    chrGreek.dcm
"""
ENCODINGS = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)


def encoded(ds: Dataset, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = encoding.little_endian, not encoding.explicit
    write_dataset(out, ds)
    return out.getvalue()


def as_json(block: bytes, encoding: Encoding = EXPLICIT_LITTLE, encoder: Encoder | None = None) -> dict[str, Any]:
    made = document((encoder or Encoder()).attributes(block, encoding, lambda path: f"/bulk/{path}"))
    found = json.loads(made, parse_constant=pytest.fail)
    assert list(found) == sorted(found)
    assert isinstance(found, dict)
    return found


def plain(ds: Dataset) -> dict[int, Any]:
    """What counts of a data set: values by tag, in one form."""
    return {int(e.tag): _plain_value(e) for e in ds if e.tag.element and e.tag != 0x00080005}


def _plain_value(e: DataElement) -> Any:
    if e.VR == "SQ":
        return [plain(item) for item in e.value]
    values = list(e.value) if isinstance(e.value, MultiValue | list) else [e.value]
    if e.VR in ("OB", "OD", "OF", "OL", "OV", "OW", "UN"):
        return bytes(e.value or b"")
    if e.VR == "PN":
        return [
            "=".join(g.strip() if g.strip("^ ") else "" for g in str(v).split("=")).rstrip("=")
            for v in values
            if str(v).strip("^= ")
        ]
    if e.VR in ("DS", "FL", "FD"):
        return [float(v) for v in values if v not in (None, "")]
    if e.VR in ("LT", "ST", "UT", "UR"):
        return [str(v).rstrip(" \0") for v in values if v]
    return [str(v).strip(" \0") if isinstance(v, str) else v for v in values if v not in (None, "")]


def _small_files() -> list[str]:
    # Only what is in the wheel, and sound: no meta information or a broken one is the matter of other tests.
    found = [get_testdata_file(name, download=False) for name in _NAMES.split()]
    return [str(path) for path in found if path]


def test_there_are_files_to_read() -> None:
    assert len(_small_files()) >= 8


@pytest.mark.parametrize("path", _small_files(), ids=lambda path: Path(path).name)
def test_files_say_what_pydicom_reads(path: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(path)
        syntax = ds.file_meta.TransferSyntaxUID
        encoding = Encoding(explicit=not syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
        block = encoded(ds, encoding)

        def value(uri: str) -> bytes:
            found = locate(block, encoding, uri.removeprefix("/bulk/"))
            assert found is not None
            return block[found[0].value : found[0].value + found[0].length]

        read_back = Dataset.from_json(as_json(block, encoding), value)
        expected, found = plain(ds), plain(read_back)
    if syntax.is_encapsulated:
        for side in (expected, found):
            side.pop(0x7FE00010, None)
    if not encoding.little_endian:
        for tag in [t for t, v in expected.items() if isinstance(v, bytes)]:
            del expected[tag], found[tag]
    assert found == expected


texts = st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\\^="), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    ds = Dataset()
    choices: dict[str, st.SearchStrategy[Any]] = {
        "PatientName": st.builds(lambda a, b, c: f"{a}^{b}={c}", texts, texts, texts),
        "StudyDescription": texts.map(str.strip),
        "ImageComments": texts,
        "OtherPatientIDs": st.lists(texts.map(str.strip).filter(bool), max_size=3),
        "SliceThickness": st.decimals(-1000, 1000, places=3, allow_nan=False).map(str),
        "ImagePositionPatient": st.lists(st.integers(-999, 999).map(str), min_size=3, max_size=3),
        "InstanceNumber": st.integers(-(1 << 31), (1 << 31) - 1),
        "Rows": st.integers(0, 65535),
        "PixelRepresentation": st.integers(0, 1),
        "RecommendedDisplayFrameRateInFloat": numbers,
        "RealWorldValueSlope": st.floats(allow_nan=False, allow_infinity=False),
        "FrameIncrementPointer": st.just(0x00181063),
        "StudyInstanceUID": st.from_regex(r"1(\.[1-9][0-9]{0,6}){1,5}", fullmatch=True),
        "ExtendedOffsetTable": st.lists(st.integers(0, 1 << 63), max_size=4).map(
            lambda v: b"".join(n.to_bytes(8, "little") for n in v)
        ),
        "ICCProfile": st.binary(max_size=40).map(lambda b: b + b"\0" * (len(b) % 2)),
    }
    for keyword in draw(st.sets(st.sampled_from(sorted(choices)))):
        setattr(ds, keyword, draw(choices[keyword]))
    if depth and draw(st.booleans()):
        ds.ReferencedStudySequence = Sequence(draw(st.lists(data_sets(depth=depth - 1), max_size=3)))
        ds["ReferencedStudySequence"].is_undefined_length = draw(st.booleans())
    if draw(st.booleans()):
        block = ds.private_block(0x0029, "ACME", create=True)
        block.add_new(0x10, "SH", draw(texts.map(str.strip)))
        block.add_new(0x11, "UN", draw(st.binary(max_size=8)).ljust(8, b"\1"))
    return ds


@settings(max_examples=60, deadline=None)
@given(st.lists(data_sets(), min_size=1, max_size=3), st.sampled_from((EXPLICIT_LITTLE, EXPLICIT_BIG)))
def test_what_was_encoded_is_read_back(several: list[Dataset], encoding: Encoding) -> None:
    encoder = Encoder()
    for ds in several * 2:  # the second time from what is known
        ds.SpecificCharacterSet = "ISO_IR 192"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            block = encoded(ds, encoding)
            found = as_json(block, encoding, encoder)
            expected = plain(dcmread_bytes(block, encoding))
            assert plain(Dataset.from_json(found)) == expected
        assert found == as_json(block, encoding)


def dcmread_bytes(block: bytes, encoding: Encoding) -> Dataset:
    ds = read_dataset(BytesIO(block), not encoding.explicit, encoding.little_endian)
    if not encoding.little_endian:
        _turn_round(ds)
    return ds


def _turn_round(ds: Dataset) -> None:
    """Binary values of JSON are little endian."""
    for e in ds:
        if e.VR == "OV" and e.value:
            e.value = b"".join(e.value[i : i + 8][::-1] for i in range(0, len(e.value), 8))
        for item in e.value if e.VR == "SQ" else ():
            _turn_round(item)


@settings(max_examples=100, deadline=None)
@given(data_sets(), st.data())
def test_damage_is_told_or_harmless(ds: Dataset, data: st.DataObject) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        block = bytearray(encoded(ds))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(block) - 1))
        block[at] = data.draw(st.integers(0, 255))
    cut = bytes(block[: data.draw(st.integers(0, len(block)))])
    try:
        json.loads(document(Encoder().attributes(cut, EXPLICIT_LITTLE, str)))
    except InvalidObject as error:
        message = str(error)
        assert message
    try:
        locate(cut, EXPLICIT_LITTLE, "00081110/1/00100010")
    except InvalidObject:
        return


def _raw(tag: int, vr: bytes, value: bytes) -> bytes:
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    if vr in (b"OB", b"OW", b"UN", b"SQ", b"UT", b"OF", b"OD", b"SV", b"UV"):
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"1.50", 1.5),
        (b"-0.5 ", -0.5),
        (b"+1", 1.0),
        (b".5", 0.5),
        (b"1.", 1.0),
        (b"007", 7.0),
        (b"1e3", 1000.0),
        (b"1,5", "1,5"),
        (b"NaN", "NaN"),
        (b"1e999", "1e999"),
        (b"- 1", "- 1"),
        (b"abc ", "abc"),
    ],
)
def test_decimal_strings(raw: bytes, value: float | str) -> None:
    found = as_json(_raw(0x00180050, b"DS", raw))["00180050"]["Value"]
    assert found == [value]
    assert type(found[0]) in ((str,) if isinstance(value, str) else (int, float))


@pytest.mark.parametrize(
    ("raw", "value"),
    [(b"12", 12), (b"+12 ", 12), (b"-0012", -12), (b"12.0", 12), (b"1.5", "1.5"), (b"x", "x"), (b"9" * 20, "9" * 20)],
)
def test_integer_strings(raw: bytes, value: int | str) -> None:
    assert as_json(_raw(0x00200013, b"IS", raw))["00200013"]["Value"] == [value]


def test_numbers_that_json_does_not_have() -> None:
    values = struct.pack("<4d", math.nan, math.inf, -math.inf, 0.1)
    assert as_json(_raw(0x00409224, b"FD", values))["00409224"]["Value"] == ["NaN", "Infinity", "-Infinity", 0.1]
    big = (1 << 63).to_bytes(8, "little") + (5).to_bytes(8, "little")
    assert as_json(_raw(0x00409225, b"UV", big))["00409225"]["Value"] == [str(1 << 63), 5]


def test_empty_values() -> None:
    assert as_json(_raw(0x00080060, b"CS", b""))["00080060"] == {"vr": "CS"}
    assert as_json(_raw(0x00080060, b"CS", b"  "))["00080060"] == {"vr": "CS"}
    assert as_json(_raw(0x00080008, b"CS", b"A\\\\B "))["00080008"]["Value"] == ["A", None, "B"]
    assert as_json(_raw(0x00101001, b"PN", b"A^B\\=\\C"))["00101001"]["Value"] == [
        {"Alphabetic": "A^B"},
        None,
        {"Alphabetic": "C"},
    ]
    assert as_json(_raw(0x00081110, b"SQ", b""))["00081110"] == {"vr": "SQ"}
    empty_item = b"\xfe\xff\x00\xe0\0\0\0\0"
    assert as_json(_raw(0x00081110, b"SQ", empty_item * 2))["00081110"]["Value"] == [{}, {}]


def test_group_lengths_are_left_out_and_order_is_mended() -> None:
    block = _raw(0x00080060, b"CS", b"CT") + _raw(0x00080000, b"UL", b"\1\0\0\0") + _raw(0x00080008, b"CS", b"A ")
    assert list(as_json(block)) == ["00080008", "00080060"]


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


@pytest.mark.parametrize("values", [("ZZ", "BB"), ("BB", "ZZ"), ("AA", "AA")])
def test_of_an_element_that_is_there_twice_the_last_counts(values: tuple[str, str]) -> None:
    twice = b"".join(b"\x08\0\x30\x10LO\x02\0" + value.encode() for value in values)
    item = b"\xfe\xff\0\xe0" + struct.pack("<I", len(twice)) + twice
    block = twice + b"\x08\0\x40\x11SQ\0\0" + struct.pack("<I", len(item)) + item
    made = document(Encoder().attributes(block, EXPLICIT_LITTLE, str))
    found = json.loads(made, object_pairs_hook=_no_repeats)
    assert found["00081030"]["Value"] == found["00081140"]["Value"][0]["00081030"]["Value"] == [values[1]]
    assert read_dataset(BytesIO(block), False, True).StudyDescription == values[1]


def test_the_same_bytes_under_another_character_set() -> None:
    encoder = Encoder()
    name = _raw(0x00100010, b"PN", b"\xc4\xe5")
    latin = as_json(_raw(0x00080005, b"CS", b"ISO_IR 100") + name, encoder=encoder)
    greek = as_json(_raw(0x00080005, b"CS", b"ISO_IR 126") + name, encoder=encoder)
    assert latin["00100010"]["Value"] == [{"Alphabetic": "Äå"}]
    assert greek["00100010"]["Value"] == [{"Alphabetic": "Δε"}]
    assert latin["00080005"]["Value"] == greek["00080005"]["Value"] == ["ISO_IR 192"]
    # Without a declared set, UTF-8 is said once there is more than ASCII.
    assert as_json(_raw(0x00100010, b"PN", "Hà".encode()))["00080005"]["Value"] == ["ISO_IR 192"]
    assert "00080005" not in as_json(_raw(0x00100010, b"PN", b"Ha"))


def test_signs_follow_pixel_representation_where_no_vr_is_written() -> None:
    encoder = Encoder()
    for representation, smallest in ((0, 65535), (1, -1)):
        ds = Dataset()
        ds.PixelRepresentation = representation
        ds.add_new(0x00280106, "SS" if representation else "US", smallest)
        assert as_json(encoded(ds, IMPLICIT_LITTLE), IMPLICIT_LITTLE, encoder)["00280106"]["Value"] == [smallest]


def test_private_elements_belong_to_their_creator() -> None:
    def block(creator: bytes) -> bytes:
        # (0019,xx0C) is an IS of SIEMENS MR HEADER and unknown otherwise.
        tags = [(0x00190010, creator), (0x0019100C, b"42")]
        return b"".join(
            (t >> 16).to_bytes(2, "little") + (t & 0xFFFF).to_bytes(2, "little") + len(v).to_bytes(4, "little") + v
            for t, v in tags
        )

    encoder = Encoder()
    for _ in range(2):
        known = as_json(block(b"SIEMENS MR HEADER "), IMPLICIT_LITTLE, encoder)["0019100C"]
        assert known == {"vr": "IS", "Value": [42]}
        unknown = as_json(block(b"NOBODY"), IMPLICIT_LITTLE, encoder)["0019100C"]
        assert unknown == {"vr": "UN", "InlineBinary": "NDI="}


def test_bulk_data_has_an_address_also_within_items() -> None:
    inner = Dataset()
    inner.PixelData = b"\1\2" * 4
    inner["PixelData"].VR = "OW"
    inner.add_new(0x00282000, "OB", b"i" * (BULK_BYTES + 2))
    ds = Dataset()
    ds.IconImageSequence = [Dataset(), inner]
    ds.add_new(0x00282000, "OB", b"x" * BULK_BYTES)
    encoder = Encoder()
    for encoding in ENCODINGS:
        for _ in range(2):
            found = as_json(encoded(ds, encoding), encoding, encoder)
            item = found["00880200"]["Value"][1]
            assert item["7FE00010"]["BulkDataURI"] == "/bulk/00880200/2/7FE00010"
            assert item["00282000"]["BulkDataURI"] == "/bulk/00880200/2/00282000"
            assert "InlineBinary" in found["00282000"]
        located = locate(encoded(ds, encoding), encoding, "00880200/2/00282000")
        assert located is not None
        assert located[0].length == BULK_BYTES + 2


def test_addresses_of_one_object_are_not_given_to_the_next() -> None:
    ds = Dataset()
    ds.IconImageSequence = [Dataset()]
    ds.IconImageSequence[0].PixelData = b"\1\2"
    ds.IconImageSequence[0]["PixelData"].VR = "OB"
    encoder, block = Encoder(), encoded(ds)
    for address in ("/one/", "/two/"):
        made = document(encoder.attributes(block, EXPLICIT_LITTLE, address.__add__))
        assert f'"{address}00880200/1/7FE00010"'.encode() in made


@pytest.mark.parametrize(
    "path",
    ["", "x", "00100010/1", "00100010/0/1", "00081110/1", "00081110/9/00081150", "1/2/3/4/5", "00100010/x/y", "-1"],
)
def test_a_path_that_leads_nowhere(path: str) -> None:
    ds = Dataset()
    ds.ReferencedStudySequence = [Dataset()]
    assert locate(encoded(ds), EXPLICIT_LITTLE, path) is None


def test_depth_is_bounded() -> None:
    block = b""
    for _ in range(100):
        block = _raw(0x00081110, b"SQ", b"\xfe\xff\x00\xe0" + len(block).to_bytes(4, "little") + block)
    with pytest.raises(InvalidObject, match="nested"):
        as_json(block)
