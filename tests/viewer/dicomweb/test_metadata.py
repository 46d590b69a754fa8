"""Retrieve Metadata: JSON and XML, kept and renewed, conditional and compressed."""

from __future__ import annotations

import gzip
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.records import Records, Role
from tests.support.objects import ct, encode, store
from tests.support.parts import parts_of
from viewer.dicomweb import metadata, prepared
from viewer.dicomweb.dicom_json import BULK_BYTES
from viewer.dicomweb.stow import native_xml
from viewer.services import services_of

STUDY, SERIES, OTHER = "1.2.3", "1.2.3.4", "1.2.3.5"
XML = 'multipart/related; type="application/dicom+xml"'
DECODE = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def _uids(number: int, series: str = SERIES) -> dict[str, Any]:
    return {
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": series,
        "SOPInstanceUID": f"{series}.{number}",
        "InstanceNumber": number,
    }


def _add(archive: Archive, number: int, series: str = SERIES, **more: Any) -> None:
    store(archive, encode(ct(**{**_uids(number, series), **more})))


@pytest.fixture
def stored(archive: Archive) -> Archive:
    """A study of two series."""
    for number in (2, 1, 3):
        _add(archive, number)
    _add(archive, 1, OTHER, PatientName="Đỗ^Hà")
    return archive


def _get(client: FlaskClient, path: str, **headers: str) -> Any:
    return client.get(f"/dicom-web/studies/{path}", headers=headers)


def _numbers(objects: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(o["0020000E"]["Value"][0], o["00200013"]["Value"][0]) for o in objects]


def test_series_study_and_instance(client: FlaskClient, stored: Archive) -> None:
    series = _get(client, f"{STUDY}/series/{SERIES}/metadata")
    assert series.status_code == 200
    assert series.content_type == "application/dicom+json"
    assert _numbers(series.json) == [(SERIES, 1), (SERIES, 2), (SERIES, 3)]
    study = _get(client, f"{STUDY}/metadata").json
    assert sorted(_numbers(study)) == [(SERIES, 1), (SERIES, 2), (SERIES, 3), (OTHER, 1)]
    one = _get(client, f"{STUDY}/series/{OTHER}/instances/{OTHER}.1/metadata").json
    assert one == [o for o in study if o["0020000E"]["Value"] == [OTHER]]
    assert one[0]["00100010"]["Value"] == [{"Alphabetic": "Đỗ^Hà"}]
    assert one[0]["00083002"]["Value"] == [stored.instance(f"{OTHER}.1").transfer_syntax_uid]
    place = f"http://localhost/dicom-web/studies/{STUDY}/series/{OTHER}/instances/{OTHER}.1"
    assert one[0]["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{place}/bulkdata/7FE00010"}


def test_it_is_the_object_that_is_stored(client: FlaskClient, stored: Archive) -> None:
    found = _get(client, f"{STUDY}/series/{SERIES}/instances/{SERIES}.2/metadata").json[0]
    expected = dcmread(stored.instance(f"{SERIES}.2").path)
    del expected.PixelData, found["7FE00010"], found["00083002"]
    read_back = Dataset.from_json(found)
    for element in expected:
        if element.keyword != "SpecificCharacterSet":
            assert read_back[element.tag].value == element.value, element


def test_the_syntax_is_that_of_the_object_here(client: FlaskClient, archive: Archive) -> None:
    """As of objects made of the metadata of another archive, which says how they were stored there."""
    _add(archive, 1, AvailableTransferSyntaxUID="1.2.840.10008.1.2.4.90")
    text = _get(client, f"{STUDY}/series/{SERIES}/metadata").text
    assert text.count('"00083002"') == 1
    assert json.loads(text)[0]["00083002"]["Value"] == [archive.instance(f"{SERIES}.1").transfer_syntax_uid]


def test_json_by_another_name(client: FlaskClient, stored: Archive) -> None:
    answer = _get(client, f"{STUDY}/metadata", Accept="application/json")
    assert answer.content_type == "application/json"
    assert _get(client, f"{STUDY}/metadata?accept=application/json").content_type == "application/json"
    assert _get(client, f"{STUDY}/metadata", Accept="image/png").status_code == 406


def test_xml_says_the_same(client: FlaskClient, stored: Archive) -> None:
    answer = _get(client, f"{STUDY}/series/{SERIES}/metadata", Accept=XML)
    assert answer.content_type.startswith('multipart/related; type="application/dicom+xml"; boundary=')
    boundary = answer.content_type.rpartition("=")[2]
    parts = answer.data.split(f"--{boundary}".encode())
    assert len(parts) == 5
    assert parts[-1] == b"--\r\n"
    objects = _get(client, f"{STUDY}/series/{SERIES}/metadata").json
    for part, expected in zip(parts[1:-1], objects, strict=True):
        head, _, body = part.partition(b"\r\n\r\n")
        assert b"Content-Type: application/dicom+xml" in head
        root = ET.fromstring(body.rstrip(b"\r\n"))
        assert root.tag == f"{NATIVE}NativeDicomModel"
        tags = {a.attrib["tag"]: a for a in root}
        assert sorted(tags) == sorted(expected)
        uid = tags["00080018"].find(f"{NATIVE}Value")
        assert uid is not None
        assert [uid.text] == expected["00080018"]["Value"]
        bulk = tags["7FE00010"].find(f"{NATIVE}BulkData")
        assert bulk is not None
        assert bulk.get("uri") == expected["7FE00010"]["BulkDataURI"]


def test_xml_reads_back_as_the_json(client: FlaskClient, archive: Archive) -> None:
    """By the reader that STOW-RS has: names in three writings, items within items, private and binary values."""
    inner, outer = Dataset(), Dataset()
    inner.CodeValue, inner.CodeMeaning = "T-1", 'a < b & "c"'
    outer.PurposeOfReferenceCodeSequence, outer.ReferencedFrameNumber = [inner, Dataset()], [1, 2]
    _add(archive, 1, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう", ReferencedImageSequence=[outer],
         OtherPatientIDs=["A", "", "C"], PatientWeight="70.5", ICCProfile=b"\1\2\3\4", ImageComments="bell \x07 end",
         SmallestImagePixelValue=-3, SeriesDescription="")  # fmt: skip
    ds = ct(**_uids(2))
    block = ds.private_block(0x0029, "FILMLESS TEST", create=True)
    block.add_new(0x01, "LO", "của riêng")
    store(archive, encode(ds))
    answer = _get(client, f"{STUDY}/series/{SERIES}/metadata", Accept=XML)
    parts = [part.data for part in parts_of(answer.content_type, answer.data)]
    expected = _get(client, f"{STUDY}/series/{SERIES}/metadata").json
    found = [native_xml.decode(part) for part in parts]
    expected[0]["00204000"]["Value"] = ["bell \ufffd end"]  # XML 1.0 has no form for it
    # The digits of a private tag that only point at its creator are zero (PS3.19 A.1.5).
    assert b'tag="00290001" vr="LO" privateCreator="FILMLESS TEST"' in parts[1]
    assert found == expected


def test_a_caller_that_has_it_is_told_so(client: FlaskClient, stored: Archive) -> None:
    path = f"{STUDY}/series/{SERIES}/metadata"
    answer = _get(client, path)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert {"Accept", "Accept-Encoding"} <= set(answer.headers["Vary"].split(", "))
    etag = answer.headers["ETag"]
    again = _get(client, path, **{"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert _get(client, path, **{"If-None-Match": etag, "Accept": XML}).status_code == 200
    assert _get(client, path, **{"If-None-Match": etag, "Accept-Encoding": "gzip"}).status_code == 200
    _add(stored, 4)
    renewed = _get(client, path, **{"If-None-Match": etag})
    assert renewed.status_code == 200
    assert len(renewed.json) == 4


@pytest.mark.parametrize(
    ("asked", "coding"),
    [("gzip, br", "br"), ("br", "br"), ("*", "br"), ("gzip", "gzip"), ("br;q=0.2, gzip;q=0.8", "gzip"),
     ("br;q=0, *", "gzip"), ("gzip;q=0", None), ("identity", None), ("deflate, zstd", None)],
)  # fmt: skip
def test_it_is_compressed_where_that_is_accepted(
    client: FlaskClient, stored: Archive, asked: str, coding: str | None
) -> None:
    for path in (f"{STUDY}/metadata", f"{STUDY}/series/{SERIES}/metadata",
                 f"{STUDY}/series/{SERIES}/instances/{SERIES}.1/metadata"):  # fmt: skip
        for _ in range(2):
            answer = _get(client, path, **{"Accept-Encoding": asked})
            assert answer.headers.get("Content-Encoding") == coding
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert DECODE[coding](answer.data) == _get(client, path).data


def test_the_compressed_form_is_kept_and_a_half_one_is_made_again(
    app: Flask, client: FlaskClient, stored: Archive, reads: list[str]
) -> None:
    path = f"{STUDY}/series/{SERIES}/metadata"
    plain = _get(client, path).data
    for coding in ("br", "gzip"):
        whole = _get(client, path, **{"Accept-Encoding": coding}).data
        _forget_memory(app)
        files = [
            file for file in (stored.data / "cache" / "metadata").glob("*/*") if file.read_bytes().startswith(whole)
        ]
        assert len(files) == 1
        assert _get(client, path, **{"Accept-Encoding": coding}).data == whole
        _forget_memory(app)
        files[0].write_bytes(bytes(len(whole)))  # as a power cut leaves it
        assert DECODE[coding](_get(client, path, **{"Accept-Encoding": coding}).data) == plain
    assert len(reads) == 3


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instances that were read from their files."""
    seen: list[str] = []
    real = prepared.instance_json

    def counted(encoder: Any, instance: Any, base: str) -> bytes:
        seen.append(instance.sop_instance_uid)
        return real(encoder, instance, base)

    monkeypatch.setattr(prepared, "instance_json", counted)
    return seen


def _forget_memory(app: Flask) -> None:
    kept = services_of(app).metadata
    kept._small = type(kept._small)(prepared.MEMORY_BYTES, len)


def test_it_is_prepared_once_and_only_new_ones_are_read(
    app: Flask, client: FlaskClient, stored: Archive, reads: list[str]
) -> None:
    path = f"{STUDY}/series/{SERIES}/metadata"
    before = _get(client, path).json
    assert len(reads) == 3
    _get(client, f"{STUDY}/series/{SERIES}/metadata")
    _forget_memory(app)
    assert _get(client, path).json == before
    assert len(reads) == 3
    _add(stored, 9)
    assert _get(client, path).json[:3] == before
    assert reads[3:] == [f"{SERIES}.9"]


def test_an_instance_with_a_large_head_is_prepared_once(
    client: FlaskClient, stored: Archive, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{STUDY}/series/{SERIES}/instances/{SERIES}.1/metadata"
    small = _get(client, path).json
    _get(client, path)
    assert len(reads) == 2
    monkeypatch.setattr(prepared, "LARGE_HEAD_BYTES", 10)
    for encoding in ("identity", "gzip", "gzip"):
        data = _get(client, path, **{"Accept-Encoding": encoding}).data
        assert json.loads(gzip.decompress(data) if encoding == "gzip" else data) == small
    assert len(reads) == 3


def test_another_address_of_the_server_has_its_own(visitor: FlaskClient, stored: Archive) -> None:
    path = f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata"
    with Records.open(stored.data) as records:
        token = {"Authorization": f"Bearer {records.tokens.add('ai', Role.CLINICIAN)}"}
    for host in ("pacs.example", "10.0.0.1:8080"):
        found = visitor.get(path, headers={"Host": host, **token}).json
        assert found is not None
        assert found[0]["7FE00010"]["BulkDataURI"].startswith(f"http://{host}/dicom-web/")


def test_a_proxy_tells_the_address_that_it_was_asked_for(client: FlaskClient, stored: Archive) -> None:
    def begins(**headers: str) -> str:
        found = _get(client, f"{STUDY}/series/{SERIES}/metadata", **headers).json
        return str(found[0]["7FE00010"]["BulkDataURI"]).partition("/studies/")[0]

    https = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "pacs.example, inner"}
    assert begins(**https) == "https://pacs.example/dicom-web"
    assert begins(**{"X-Forwarded-Proto": "gopher"}) == "http://localhost/dicom-web"
    assert begins(**{"X-Forwarded-Host": 'a"b/<'}) == "/dicom-web"


def test_one_broken_object_does_not_take_its_series_along(
    client: FlaskClient, stored: Archive, reads: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    path, file = f"{STUDY}/series/{SERIES}/metadata", stored.instance(f"{SERIES}.2").path
    file.rename(file.with_suffix(".gone"))
    found = _get(client, path).json
    assert [o["00080018"]["Value"][0] for o in found] == [f"{SERIES}.{n}" for n in (1, 2, 3)]
    assert "0020000D" in found[1]
    assert "00100010" not in found[1]
    assert _get(client, path, **{"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    assert "metadata of 1.2.3.4.2" in caplog.text
    assert _get(client, f"{STUDY}/series/{SERIES}/instances/{SERIES}.2/metadata").status_code == 404
    file.with_suffix(".gone").rename(file)
    # What was not whole is not kept, compressed or not.
    compressed = _get(client, path, **{"Accept-Encoding": "gzip"}).data
    assert "00100010" in json.loads(gzip.decompress(compressed))[1]
    assert "00100010" in _get(client, path).json[1]


def test_a_disk_that_refuses_does_not_matter(client: FlaskClient, stored: Archive) -> None:
    folder = stored.data / "cache"
    folder.mkdir(exist_ok=True)
    (folder / "metadata").write_text("no folder")
    assert len(_get(client, f"{STUDY}/metadata").json) == 4
    assert _get(client, f"{STUDY}/metadata", **{"Accept-Encoding": "gzip"}).status_code == 200


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series of more than one instance counts as a large one."""
    for module in (metadata, prepared):
        monkeypatch.setattr(module, "STREAMED_INSTANCES", 1)
    monkeypatch.setattr(prepared, "_CHUNK", 100)


@pytest.mark.usefixtures("streamed")
def test_large_series_are_sent_as_they_are_prepared(client: FlaskClient, stored: Archive, reads: list[str]) -> None:
    series = f"{STUDY}/series/{SERIES}/metadata"
    for path, count in ((series, 3), (f"{STUDY}/metadata", 4)):
        for encoding in ("identity", "gzip", "gzip", "br", "br", "identity"):
            answer = _get(client, path, **{"Accept-Encoding": encoding})
            data = DECODE[answer.headers.get("Content-Encoding")](answer.data)
            assert len(json.loads(data)) == count
    assert len(reads) == 4
    _add(stored, 4)
    assert len(_get(client, series).json) == 4
    assert reads[4:] == [f"{SERIES}.4"]
    assert len(_get(client, series, Accept=XML).data.split(b"<NativeDicomModel")) == 5


@pytest.mark.usefixtures("streamed")
def test_a_client_that_leaves_leaves_nothing_half(client: FlaskClient, stored: Archive) -> None:
    answer = client.get(f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata", buffered=False)
    body = answer.iter_encoded()
    next(iter(body))
    answer.close()
    kept = [p for p in (stored.data / "cache" / "metadata").rglob("*") if p.is_file()]
    assert kept == []
    assert len(_get(client, f"{STUDY}/series/{SERIES}/metadata").json) == 3


def test_what_is_not_there(client: FlaskClient, stored: Archive) -> None:
    for path in (
        "9.9/metadata",
        f"{STUDY}/series/9.9/metadata",
        f"9.9/series/{SERIES}/metadata",
        f"{STUDY}/series/{SERIES}/instances/9.9/metadata",
        f"{STUDY}/series/{OTHER}/instances/{SERIES}.1/metadata",
        "..%2f..%2fetc/metadata",
        "%00/metadata",
        f"{STUDY}/series/{'1' * 65}/metadata",
    ):
        answer = _get(client, path)
        assert answer.status_code == 404, path
        assert answer.content_type == "application/problem+json"
    assert (
        client.post(f"/dicom-web/studies/{STUDY}/metadata", headers={"Origin": "http://localhost"}).status_code == 405
    )


def test_every_role_that_views_may_read_it(sign_in: Callable[[Role], FlaskClient], visitor: FlaskClient) -> None:
    assert visitor.get(f"/dicom-web/studies/{STUDY}/metadata").status_code == 401
    assert sign_in(Role.CLINICIAN).get(f"/dicom-web/studies/{STUDY}/metadata").status_code == 404


def test_large_values_are_not_in_it(client: FlaskClient, stored: Archive) -> None:
    _add(stored, 6, ICCProfile=b"\1" * (BULK_BYTES + 2))
    found = _get(client, f"{STUDY}/series/{SERIES}/metadata").json[-1]
    assert found["00282000"]["BulkDataURI"].endswith(f"/{SERIES}.6/bulkdata/00282000")


def test_the_cache_folder_may_go_at_any_time(app: Flask, client: FlaskClient, stored: Archive, tmp_path: Path) -> None:
    path = f"{STUDY}/series/{SERIES}/metadata"
    before = _get(client, path).json
    for file in (stored.data / "cache").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    _forget_memory(app)
    assert _get(client, path).json == before
