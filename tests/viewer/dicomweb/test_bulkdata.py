"""Bulk data by the addresses that metadata gives: whole, in ranges, from within sequences, whatever the encoding."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.archive import Archive
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode, store
from viewer.dicomweb import heads
from viewer.dicomweb.dicom_json import BULK_BYTES

PLACE = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
WORDS = np.arange(BULK_BYTES, dtype="<u2").tobytes()


def _object(**more: Any) -> Dataset:
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated = 2, 2, 8
    icon.PixelData = b"\1\2\3\4"
    icon["PixelData"].VR = "OB"
    return ct(IconImageSequence=[Dataset(), icon], RedPaletteColorLookupTableData=WORDS, **more)


def _addresses(value: Any) -> list[str]:
    """All addresses in a DICOM JSON value."""
    if isinstance(value, list):
        return [a for one in value for a in _addresses(one)]
    if not isinstance(value, dict):
        return []
    own = [value["BulkDataURI"]] if "BulkDataURI" in value else []
    return own + [a for one in value.values() for a in _addresses(one)]


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_address_of_metadata_leads_to_its_value(client: FlaskClient, archive: Archive, syntax: str) -> None:
    ds = _object(DataSetTrailingPadding=b"\0" * (BULK_BYTES + 2))
    little = {"7FE00010": ds.PixelData, "00281201": WORDS, "00880200/2/7FE00010": b"\1\2\3\4",
              "FFFCFFFC": b"\0" * (BULK_BYTES + 2)}  # fmt: skip
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
        ds.RedPaletteColorLookupTableData = np.frombuffer(WORDS, "<u2").astype(">u2").tobytes()
    store(archive, ds, transfer_syntax_uid=syntax)
    (found,) = client.get(f"{PLACE}/metadata").json or []
    addresses = _addresses(found)
    assert {a.removeprefix(f"http://localhost{PLACE}/bulkdata/") for a in addresses} == set(little)
    for address in addresses:
        answer = client.get(address.removeprefix("http://localhost"))
        assert answer.status_code == 200, address
        assert answer.content_type == "application/octet-stream"
        assert answer.data == little[address.removeprefix(f"http://localhost{PLACE}/bulkdata/")], address


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_large_heads_are_mapped(
    client: FlaskClient, archive: Archive, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "READ_BYTES", 100)
    store(archive, _object(DataSetTrailingPadding=b"\0" * 4), transfer_syntax_uid=syntax)
    (found,) = client.get(f"{PLACE}/metadata").json or []
    assert found["00100010"]["Value"] == [{"Alphabetic": "Nguyễn^Văn^Đức"}]
    assert "FFFCFFFC" in found
    assert [client.get(a.removeprefix("http://localhost")).status_code for a in _addresses(found)] == [200] * 3
    assert client.get(f"{PLACE}/bulkdata/00281201").data == WORDS


@pytest.fixture
def stored(archive: Archive) -> Archive:
    """One object with bulk data."""
    store(archive, _object())
    return archive


def _range(client: FlaskClient, text: str, **headers: str) -> Any:
    return client.get(f"{PLACE}/bulkdata/00281201", headers={"Range": text, **headers})


def test_ranges(client: FlaskClient, stored: Archive) -> None:
    size = len(WORDS)
    for text, start, stop in (("bytes=0-9", 0, 10), ("bytes=10-", 10, size), ("bytes=-7", size - 7, size),
                              (f"bytes={size - 1}-{size + 99}", size - 1, size), ("bytes=5-5", 5, 6),
                              (f"bytes=-{size + 5}", 0, size)):  # fmt: skip
        answer = _range(client, text)
        assert answer.status_code == 206, text
        assert answer.data == WORDS[start:stop]
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.headers["Content-Length"] == str(stop - start)
    whole = client.get(f"{PLACE}/bulkdata/00281201")
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["Content-Length"] == str(size)
    for text in ("bytes=0-1,3-4", "lines=0-1", "bytes=x", "bytes=9-1", "nonsense"):
        answer = _range(client, text)
        assert (answer.status_code, answer.data) == (200, WORDS), text
    beyond = _range(client, f"bytes={size}-")
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{size}"
    assert beyond.content_type == "application/problem+json"
    assert _range(client, "bytes=0-1", **{"If-Range": whole.headers["ETag"]}).status_code == 206
    assert _range(client, "bytes=0-1", **{"If-Range": '"other"'}).status_code == 200
    for text in ("bytes=0-9", f"bytes={size}-"):
        head = client.head(f"{PLACE}/bulkdata/00281201", headers={"Range": text})
        assert (head.status_code, head.content_length) == (200, size), "only GET has ranges (RFC 9110 14.2)"


def test_pieces_are_the_whole(client: FlaskClient, stored: Archive) -> None:
    @given(st.lists(st.integers(1, len(WORDS) - 1), max_size=4))
    def check(cuts: list[int]) -> None:
        edges = sorted({0, *cuts, len(WORDS)})
        pieces = [_range(client, f"bytes={a}-{b - 1}").data for a, b in itertools.pairwise(edges)]
        assert b"".join(pieces) == WORDS

    check()


def test_a_part_of_multipart(client: FlaskClient, stored: Archive) -> None:
    for accept in (
        'multipart/related; type="application/octet-stream"',
        "multipart/related; type=application/octet-stream",
    ):
        answer = client.get(f"{PLACE}/bulkdata/00281201", headers={"Accept": accept})
        boundary = answer.content_type.rpartition("=")[2].encode()
        head, _, body = answer.data.partition(b"\r\n\r\n")
        assert head.startswith(b"\r\n--" + boundary + b"\r\n")
        assert body == WORDS + b"\r\n--" + boundary + b"--\r\n"
        assert answer.headers["Content-Length"] == str(len(answer.data))


def test_it_may_be_kept_and_asked_for_again(client: FlaskClient, stored: Archive) -> None:
    answer = client.get(f"{PLACE}/bulkdata/00281201")
    assert answer.headers["Cache-Control"].startswith("private")
    again = client.get(f"{PLACE}/bulkdata/00281201", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_what_is_not_there(client: FlaskClient, visitor: FlaskClient, stored: Archive) -> None:
    for place in ("00880200", "00880200/3/7FE00010", "00880200/2", "7FE0", "x", "00880200/2/7FE00010/1", "../metadata",
                  "7FE00011", "0" * 5000, "00880200/999999999999/7FE00010", "00100010%00"):  # fmt: skip
        answer = client.get(f"{PLACE}/bulkdata/{place}")
        assert answer.status_code == 404, place
        assert answer.content_type == "application/problem+json"
    assert client.get(f"{PLACE}/bulkdata/00281201", headers={"Accept": "image/png"}).status_code == 406
    visitor.delete_cookie("filmless_session")
    assert visitor.get(f"{PLACE}/bulkdata/00281201").status_code == 401


def test_compressed_pixels_come_decoded(client: FlaskClient, archive: Archive) -> None:
    path = get_testdata_file("MR_small_RLE.dcm", download=False)
    assert path is not None
    ds = dcmread(path)
    expected = ds.pixel_array.astype("<i2").tobytes()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = STUDY, SERIES, INSTANCE
    syntax = ds.file_meta.TransferSyntaxUID
    store(archive, encode(ds, syntax), sop_class_uid=ds.SOPClassUID, transfer_syntax_uid=syntax)
    answer = client.get(f"{PLACE}/bulkdata/7FE00010")
    assert answer.data == expected
    piece = client.get(f"{PLACE}/bulkdata/7FE00010", headers={"Range": "bytes=100-199"})
    assert (piece.status_code, piece.data) == (206, expected[100:200])


def test_a_document_is_a_pdf_only_if_it_is_one(client: FlaskClient, archive: Archive) -> None:
    for uid, data, accept, status in (
        ("1.1", b"%PDF-1.7 " + b"x" * BULK_BYTES, "application/pdf", 200),
        ("1.2", b"<script>" + b"x" * BULK_BYTES, "application/pdf", 406),
        ("1.3", b"<script>" + b"x" * BULK_BYTES, "text/html", 406),
    ):
        store(archive, ct(SOPInstanceUID=uid, EncapsulatedDocument=data, MIMETypeOfEncapsulatedDocument="text/html"))
        place = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{uid}/bulkdata/00420011"
        answer = client.get(place, headers={"Accept": accept})
        assert answer.status_code == status
        assert client.get(place).content_type == "application/octet-stream"
        if status == 200:
            assert (answer.content_type, answer.data[: len(data)]) == ("application/pdf", data)
            assert client.get(f"{place}?accept=application/pdf").content_type == "application/pdf"
