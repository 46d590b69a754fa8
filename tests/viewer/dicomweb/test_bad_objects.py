"""Broken objects, asked for in every way over HTTP: a sentence, never a 500, and the worker lives on."""

from __future__ import annotations

import http.client
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.archive import Archive
from storage.errors import StorageError
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.objects import SERIES, STUDY, ct, encode, store
from tests.support.web import Server, running

RLE, JPEG, JPEG_LOSSLESS, JPEG_LS, J2K, HTJ2K = (
    "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201",
)  # fmt: skip
NOISE = np.random.default_rng(1).bytes(2000)
MEMORY_MAX = 500 << 20
RESOURCES = (
    "",
    "/metadata",
    "/rendered",
    "/thumbnail",
    "/frames/1",
    "/frames/2,1",
    "/frames/1/rendered",
    "/bulkdata/7FE00010",
)
ACCEPTS = (
    "*/*", "image/png", "video/mp4", 'multipart/related; type="image/jls"',
    "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.80", 'multipart/related; type="application/dicom+xml"',
)  # fmt: skip


def _compressed(uid: str, fragments: list[bytes], syntax: str, **more: object) -> tuple[Dataset, str]:
    ds = ct(SOPInstanceUID=uid, **more)
    ds.PixelData = encapsulate(fragments)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds, syntax


def _with_table(uid: str, table: bytes) -> tuple[bytes, str, str]:
    """Two frames whose offset table leads elsewhere."""
    ds, syntax = _compressed(uid, [NOISE[:64], NOISE[64:128]], RLE, NumberOfFrames=2)
    whole = encode(ds)
    at = whole.index(b"\xfe\xff\x00\xe0\x08\x00\x00\x00") + 8
    return whole[:at] + table + whole[at + 8 :], syntax, uid


def _odd_fragment(uid: str) -> tuple[bytes, str, str]:
    """A fragment of 63 bytes (PS3.5 A.4 wants an even number)."""
    ds, syntax = _compressed(uid, [NOISE[:64]], RLE)
    whole, item = encode(ds), b"\xfe\xff\x00\xe0"
    head = item + struct.pack("<I", 64)
    return whole.replace(head + NOISE[:64], item + struct.pack("<I", 63) + NOISE[:63]), syntax, uid


def _bomb(uid: str) -> tuple[bytes, str, str]:
    """A data set of 32 MB in a thousandth of that; what is larger is for the tests of `storage.pixels`."""
    ds = ct(SOPInstanceUID=uid, Rows=8, Columns=8, PixelData=None)
    plain = encode(ds)
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflate.compress(plain + struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OW", 1 << 25))
    data += deflate.compress(bytes(1 << 25))
    return data + deflate.flush(), str(DeflatedExplicitVRLittleEndian), uid


def _palette(uid: str) -> tuple[Dataset, str]:
    ds = ct(SOPInstanceUID=uid, PhotometricInterpretation="PALETTE COLOR", PixelRepresentation=0)
    for colour in ("Red", "Green", "Blue"):
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(ds, f"{colour}PaletteColorLookupTableData", bytes(2))  # two bytes of eight
    return ds, "1.2.840.10008.1.2.1"


def _objects() -> Iterator[tuple[Dataset | bytes, str, str]]:
    garbage = [(RLE, NOISE), (JPEG, b"\xff\xd8\xff\xe0" + NOISE), (JPEG_LOSSLESS, b"\xff\xd8" + NOISE),
               (JPEG_LS, b"\xff\xd8\xff\xf7" + NOISE), (J2K, b"\xff\x4f\xff\x51" + NOISE), (HTJ2K, NOISE)]  # fmt: skip
    for number, (syntax, data) in enumerate(garbage):
        ds, syntax = _compressed(f"1.9.{number + 1}", [data], syntax)
        yield ds, syntax, str(ds.SOPInstanceUID)
    yield _with_table("1.9.20", struct.pack("<II", 0, 0xFFFFFFF0))
    yield _with_table("1.9.21", struct.pack("<II", 77, 1))
    yield _bomb("1.9.22")
    yield _odd_fragment("1.9.24")
    ds, syntax = _compressed("1.9.25", [NOISE[:64], NOISE[64:128]], RLE, NumberOfFrames=5)
    yield encode(ds).replace(struct.pack("<I", 8) + bytes(4), struct.pack("<I", 0), 1), syntax, "1.9.25"
    ds, syntax = _palette("1.9.23")
    yield ds, syntax, "1.9.23"
    for number, change in enumerate(
        ({"Rows": 0}, {"BitsAllocated": 7}, {"BitsStored": 99}, {"HighBit": 200}, {"SamplesPerPixel": 9},
         {"Rows": None}, {"Columns": 600}, {"PhotometricInterpretation": "PURPLE"}, {"NumberOfFrames": "0"},
         {"NumberOfFrames": "-3"}, {"PixelSpacing": ["0", "0"]}, {"WindowCenter": "1", "WindowWidth": "-5"})
    ):  # fmt: skip
        uid = f"1.9.{number + 30}"
        yield ct(SOPInstanceUID=uid, **change), "1.2.840.10008.1.2.1", uid


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def stored(folder: Path) -> list[str]:
    """What the archive took; some of it is refused at the door, which is as good."""
    taken = []
    with Archive.open(ArchiveSettings(folder, minimum_free_bytes=0)) as archive:
        for data, syntax, uid in _objects():
            try:
                store(archive, data, transfer_syntax_uid=syntax, sop_instance_uid=uid)
            except StorageError:
                continue
            taken.append(uid)
        store(archive, ct())
    return taken


@pytest.fixture(scope="module")
def ask(folder: Path, stored: list[str]) -> Iterator[Callable[[str, str], tuple[int, str, bytes]]]:
    """One worker for all; what one request does to it, the next would notice."""
    with Records.open(folder) as records:
        token = records.tokens.add("asker", Role.RADIOLOGIST)
    with running(folder, "--minimum-free-bytes", "0") as server:

        def get(path: str, accept: str) -> tuple[int, str, bytes]:
            with closing(server.connect()) as connection:
                headers = {"Authorization": f"Bearer {token}", "Accept": accept}
                connection.request("GET", f"/dicom-web/studies/{STUDY}{path}", headers=headers)
                answer = connection.getresponse()
                try:
                    body = answer.read()
                except http.client.IncompleteRead as cut:
                    body = (
                        cut.partial
                    )  # headers were out before what was wrong was met: broken off is all there is left
                return answer.status, answer.headers.get("Content-Type", ""), body

        pid = _worker(server).pid
        yield get
        assert _worker(server).pid == pid
        assert _worker(server).memory_info().rss < MEMORY_MAX


def _worker(server: Server) -> psutil.Process:
    return next(p for p in psutil.Process(server.process.pid).children() if p.net_connections())


def test_some_of_them_are_stored(stored: list[str]) -> None:
    assert len(stored) >= 12


def test_each_is_answered_in_a_sentence_or_as_well_as_can_be(
    ask: Callable[[str, str], tuple[int, str, bytes]], stored: list[str]
) -> None:
    answered = 0
    for uid in stored:
        for resource in RESOURCES:
            for accept in ACCEPTS:
                status, kind, body = ask(f"/series/{SERIES}/instances/{uid}{resource}", accept)
                assert status in (200, 206, 400, 404, 406, 415, 422), (uid, resource, accept, status, body[:300])
                if status >= 400:
                    assert kind == "application/problem+json", (uid, resource, accept)
                    detail = json.loads(body)["detail"]
                    assert detail, (uid, resource, accept)
                    assert "\n" not in detail
                answered += status < 400
    assert answered


def test_a_series_with_them_in_it_is_still_read(ask: Callable[[str, str], tuple[int, str, bytes]]) -> None:
    for path in (f"/series/{SERIES}/metadata", f"/series/{SERIES}", "/rendered", "/thumbnail",
                 f"/series/{SERIES}/instances", f"/series/{SERIES}?accept=application/zip"):  # fmt: skip
        status, _, body = ask(path, "*/*")
        assert status in (200, 422), path
        assert body
    assert ask(f"/series/{SERIES}/instances/{ct().SOPInstanceUID}/frames/1", "*/*")[0] == 200
