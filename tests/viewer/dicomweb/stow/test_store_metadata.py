"""STOW-RS of metadata with bulk data beside it (PS3.18 10.5.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, JPEGLSLossless
from werkzeug.test import TestResponse

from storage.archive import Archive
from tests.support.objects import INSTANCE, SERIES, STUDY, ct
from tests.support.stow import BOUNDARY, body, json_of, numbered, part, part10, problem
from viewer.dicomweb.stow import native_xml

Post = Callable[..., TestResponse]


def _metadata(ds: Dataset, uri: str = "", tag: str = "7FE00010") -> dict[str, Any]:
    facts: dict[str, Any] = ds.to_json_dict(bulk_data_threshold=10**9)
    if uri:
        facts[tag] = {"vr": facts[tag]["vr"], "BulkDataURI": uri}
    return facts


def _with_metadata(instances: list[dict[str, Any]], *bulk: tuple[str, str, bytes]) -> bytes:
    first = part(json.dumps(instances).encode(), "application/dicom+json")
    return body([first, *(part(content, kind, Content_Location=uri) for uri, kind, content in bulk)])


JSON_STOW = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'
XML_STOW = f'multipart/related; type="application/dicom+xml"; boundary={BOUNDARY}'


def test_metadata_and_bulk_data_become_an_object(post: Post, archive: Archive) -> None:
    ds = numbered(1)
    data = _with_metadata([_metadata(ds, "bulk/1")], ("bulk/1", "application/octet-stream", ds.PixelData))
    answer = post(data, f"/dicom-web/studies/{STUDY}", Content_Type=JSON_STOW)
    assert answer.status_code == 200, answer.data
    kept = dcmread(archive.instance(f"{SERIES}.1").path)
    assert kept.PatientName == "Nguyễn^Văn^Đức"
    assert kept.PixelData == ds.PixelData


def test_compressed_bulk_data_becomes_fragments(post: Post, archive: Archive) -> None:
    ds = numbered(1)
    compressed = numbered(1)
    part10(compressed)
    compressed.compress(JPEGLSLossless)
    from pydicom.encaps import get_frame

    frame = get_frame(compressed.PixelData, 0, number_of_frames=1)
    data = _with_metadata([_metadata(ds, "b")], ("b", f"image/jls; transfer-syntax={JPEGLSLossless}", frame))
    assert post(data, Content_Type=JSON_STOW).status_code == 200
    kept = dcmread(archive.instance(f"{SERIES}.1").path)
    assert kept.file_meta.TransferSyntaxUID == JPEGLSLossless
    assert kept.pixel_array.tobytes() == ds.PixelData


def test_a_document_comes_as_bulk_data(post: Post, archive: Archive) -> None:
    ds = ct(PixelData=None, Rows=None, Columns=None, BitsAllocated=None, SOPClassUID=EncapsulatedPDFStorage)
    ds.EncapsulatedDocument, ds.MIMETypeOfEncapsulatedDocument = b"%PDF-1.7 text", "application/pdf"
    data = _with_metadata([_metadata(ds, "doc", "00420011")], ("doc", "application/pdf", b"%PDF-1.7 text"))
    answer = post(data, Content_Type=JSON_STOW)
    assert answer.status_code == 200, answer.data
    assert bytes(dcmread(archive.instance(INSTANCE).path).EncapsulatedDocument).startswith(b"%PDF-1.7 text")


def test_xml_metadata_become_an_object(post: Post, archive: Archive) -> None:
    ds = numbered(1)
    facts = {tag: value for tag, value in _metadata(ds).items() if value["vr"] != "PN" and tag != "7FE00010"}
    name = (
        '<DicomAttribute tag="00100010" vr="PN"><PersonName number="1"><Alphabetic><FamilyName>Nguyễn</FamilyName>'
        "<GivenName>Văn</GivenName></Alphabetic></PersonName></DicomAttribute>"
        '<DicomAttribute tag="7FE00010" vr="OW"><BulkData uri="b"/></DicomAttribute></NativeDicomModel>'
    )
    text = native_xml.encode(facts).decode().replace("</NativeDicomModel>", name)
    data = body(
        [
            part(text.encode(), "application/dicom+xml"),
            part(ds.PixelData, "application/octet-stream", Content_Location="b"),
        ]
    )
    answer = post(data, Content_Type=XML_STOW)
    assert answer.status_code == 200, answer.data
    assert dcmread(archive.instance(f"{SERIES}.1").path).PatientName == "Nguyễn^Văn"


def test_bulk_data_that_does_not_come_is_that_instances_failure(post: Post, archive: Archive) -> None:
    one, two = numbered(1), numbered(2)
    data = _with_metadata([_metadata(one, "1"), _metadata(two, "2")], ("2", "application/octet-stream", two.PixelData))
    answer = post(data, Content_Type=JSON_STOW)
    assert answer.status_code == 202
    assert "Content-Location" in answer.headers["Warning"]
    (item,) = Dataset.from_json(json_of(answer)).FailedSOPSequence
    assert item.ReferencedSOPInstanceUID == f"{SERIES}.1"
    assert archive.health().instances == 1


@pytest.mark.parametrize(
    ("sent", "kind", "words"),
    [
        (body([part(b"[" * 100_000, "application/dicom+json")]), JSON_STOW, "cannot be read"),
        (body([part(b"{", "application/dicom+json")]), JSON_STOW, "cannot be read"),
        (body([part(b"[]", "application/dicom+json")]), JSON_STOW, "no list of instances"),
        (body([part(b"[1]", "application/dicom+json")]), JSON_STOW, "no list of instances"),
        (body([part(b"x", "application/octet-stream", Content_Location="b")]), JSON_STOW, "comes first"),
        (body([part(b"[{}]", "application/dicom+json"), part(b"x", "image/jls")]), JSON_STOW, "no Content-Location"),
        (body([part(b"<a/>", "application/dicom+xml")]), XML_STOW, "NativeDicomModel"),
        (body([part(b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel/>', "application/dicom+xml")]), XML_STOW,
         "document type"),
        (body([part(b"<NativeDicomModel>" + b"<DicomAttribute tag='00081140' vr='SQ'><Item>" * 99,
                    "application/dicom+xml")]), XML_STOW, "cannot be read"),
    ],
    ids=range(9),
)  # fmt: skip
def test_metadata_that_cannot_be_read_is_400(post: Post, sent: bytes, kind: str, words: str) -> None:
    assert words in problem(post(sent, Content_Type=kind), 400)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"00080018": {"vr": "UI", "Value": ["1.2.3"]}},
        {"00080018": {"vr": "UI", "Value": "1.2.3"}},
        {"x": 1},
        {"00080018": 1},
        {"00080018": {"vr": "??", "Value": [1]}},
        {"00080018": {"vr": "SQ", "Value": [1]}},
        {"00280010": {"vr": "US", "Value": ["many"]}},
        {"00280010": {"vr": "US", "Value": [-1]}},
        {"00280010": {"vr": "OB", "InlineBinary": "äää"}},
    ],
)
def test_metadata_of_no_object_is_a_failure_of_its_own(post: Post, attributes: dict[str, Any]) -> None:
    assert post(_with_metadata([attributes]), Content_Type=JSON_STOW).status_code == 409
