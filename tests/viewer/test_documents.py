"""Documents of a study: reports as readable text, PDFs, and what is never served as one."""

from __future__ import annotations

import html
import re

import pytest
from flask.testing import FlaskClient
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage

from storage.archive import Archive
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.web import HTML


def document(sop_class_uid: str, **attributes: object) -> Dataset:
    """An object without pixels."""
    ds = ct(SOPClassUID=sop_class_uid, **attributes)
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, keyword)
    return ds


def concept(meaning: str) -> Sequence:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99TEST", meaning
    return Sequence([code])


def text_item(meaning: str, value: str) -> Dataset:
    item = Dataset()
    item.ValueType, item.TextValue, item.ConceptNameCodeSequence = "TEXT", value, concept(meaning)
    return item


def test_a_report_is_readable_and_escaped(client: FlaskClient, archive: Archive) -> None:
    container = Dataset()
    container.ValueType, container.ConceptNameCodeSequence = "CONTAINER", concept("Kết luận")
    container.ContentSequence = Sequence([text_item("Nhận xét", "<script>alert(1)</script>")])
    number = Dataset()
    number.ValueType, number.ConceptNameCodeSequence = "NUM", concept("Đường kính")
    measured = Dataset()
    measured.NumericValue, unit = "13", Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "mm", "UCUM", "millimeter"
    measured.MeasurementUnitsCodeSequence = Sequence([unit])
    number.MeasuredValueSequence = Sequence([measured])
    store(
        archive,
        document("1.2.840.10008.5.1.4.1.1.88.11", ValueType="CONTAINER", ConceptNameCodeSequence=concept("Báo cáo"),
                 ContentSequence=Sequence([container, number])),
    )  # fmt: skip
    page = client.get(f"/study/{STUDY}/instances/{INSTANCE}/document").text
    for text in ("Báo cáo", "Kết luận", "Nhận xét", "13 mm", "&lt;script&gt;"):
        assert text in page
    assert "<script>" not in page
    told = client.get(f"/study/{STUDY}/series/{SERIES}/documents").json
    assert told["documents"][0]["kind"] == "report"
    thumbnail = client.get(f"/study/{STUDY}/series/{SERIES}/thumbnail")
    assert thumbnail.mimetype == "image/svg+xml"
    assert client.get(f"/study/{STUDY}", headers=HTML).status_code == 200


def referring(kind: str, concept_words: str, *references: Dataset, **attributes: object) -> Dataset:
    item = Dataset()
    item.ValueType, item.ConceptNameCodeSequence = kind, concept(concept_words)
    if references:
        item.ReferencedSOPSequence = Sequence(references)
    for name, value in attributes.items():
        setattr(item, name, value)
    return item


def reference(uid: str, *frames: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, uid
    if frames:
        item.ReferencedFrameNumber = list(frames)
    return item


def test_a_report_names_images_by_their_place_and_leads_there(client: FlaskClient, archive: Archive) -> None:
    series = f"{SERIES}.7"
    for number in (1, 2, 3):
        store(
            archive,
            ct(SOPInstanceUID=f"1.2.3.{number}", SeriesInstanceUID=series, InstanceNumber=number, SeriesNumber=4),
        )
    frames = ct(SOPInstanceUID="1.2.3.9", SeriesInstanceUID=f"{series}.1", SeriesNumber=5, NumberOfFrames=4)
    frames.PixelData = frames.PixelData * 4
    store(archive, frames)
    elsewhere = ct(SOPInstanceUID="1.2.3.10", SeriesInstanceUID="1.2.4", StudyInstanceUID="1.2.5", StudyDate="20250102")
    store(archive, elsewhere)
    content = [
        referring("IMAGE", "Nguồn", reference("1.2.3.2")),
        referring("IMAGE", "Khung", reference("1.2.3.9", 2, 4)),
        referring("IMAGE", "Cũ", reference("1.2.3.10")),
        referring("IMAGE", "Mất", reference("1.2.3.99")),
        referring("UIDREF", "Loạt", UID=series),
        referring("UIDREF", "Theo dõi", UID="2.25.77"),
        referring("SCOORD", "Vùng", GraphicType="POLYLINE", GraphicData=[1, 1, 2, 2]),
    ]
    store(archive, document("1.2.840.10008.5.1.4.1.1.88.33", ContentSequence=Sequence(content)))
    page = client.get(f"/study/{STUDY}/instances/{INSTANCE}/document", headers={"Accept-Language": "en"}).text
    address = html.escape(f"/study/{STUDY}?series={series}&image=2")
    assert re.search(rf'<a href="{re.escape(address)}" title="1.2.3.2"[^>]*>Image 2 of series 4 \(CT\)</a>', page)
    assert ">Images 2, 4 of series 5 (CT)</a>" in page
    assert 'data-image="2"' in page
    assert re.search(r'href="/study/1.2.5\?[^"]*"[^>]*>Image 1 of [^<]*, study of 02/01/2025</a>', page)
    assert '<span title="1.2.3.99">CT Image, not in this archive</span>' in page
    assert f'<span title="{series}">series 4 (CT)</span>' in page
    assert '<span class="uid">2.25.77</span>' in page
    assert "</span> Line</p>" in page
    words = re.sub("<[^>]*>", "", page.replace("2.25.77", ""))
    assert "1.2." not in words
    vietnamese = client.get(f"/study/{STUDY}/instances/{INSTANCE}/document", headers={"Accept-Language": "vi"}).text
    assert "Ảnh 2 của chuỗi 4 (CT)" in vietnamese


def test_numbers_of_a_report_have_units_and_the_decimal_sign_of_the_language(
    client: FlaskClient, archive: Archive
) -> None:
    measured, unit = Dataset(), Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "[hnsf'U]", "UCUM", "Hounsfield unit"
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = "-13.5", Sequence([unit])
    item = referring("NUM", "Tỉ trọng", MeasuredValueSequence=Sequence([measured]))
    unnamed = referring("NUM", "", MeasuredValueSequence=Sequence([measured]))
    unnamed.ConceptNameCodeSequence[0].CodeValue = "R-1"
    store(archive, document("1.2.840.10008.5.1.4.1.1.88.33", ContentSequence=Sequence([item, unnamed])))
    address = f"/study/{STUDY}/instances/{INSTANCE}/document"
    english = client.get(address, headers={"Accept-Language": "en"}).text
    assert "</span> -13.5 HU</p>" in english
    assert f"R-1 {unnamed.ConceptNameCodeSequence[0].CodingSchemeDesignator}:" in english
    assert "-13,5 HU" in client.get(address, headers={"Accept-Language": "vi"}).text


def test_a_report_of_endless_depth_ends(client: FlaskClient, archive: Archive) -> None:
    root = text_item("0", "deep")
    for depth in range(1, 120):
        parent = text_item(str(depth), "deep")
        parent.ContentSequence = Sequence([root])
        root = parent
    store(archive, document("1.2.840.10008.5.1.4.1.1.88.11", ContentSequence=Sequence([root])))
    page = client.get(f"/study/{STUDY}/instances/{INSTANCE}/document").text
    assert 30 < page.count("deep") < 60


PDF = "1.2.840.10008.5.1.4.1.1.104.1"


def test_a_pdf_is_offered_and_sent_as_one(client: FlaskClient, archive: Archive) -> None:
    store(archive, document(PDF, EncapsulatedDocument=b"%PDF-1.7 test\0", MIMETypeOfEncapsulatedDocument="text/html"))
    address = f"/study/{STUDY}/instances/{INSTANCE}/pdf"
    page = client.get(f"/study/{STUDY}/instances/{INSTANCE}/document").text
    assert f'<object type="application/pdf" data="{address}#' in page
    assert f'target="_blank" rel="noopener" href="{address}"' in page
    answer = client.get(address)
    # Only our own pages may have it within them, and those of a study may.
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    study = client.get(f"/study/{STUDY}/light", headers=HTML)
    assert "object-src 'self'" in study.headers["Content-Security-Policy"]
    assert study.headers["X-Frame-Options"] == "DENY"
    assert answer.mimetype == "application/pdf"
    assert answer.data == b"%PDF-1.7 test"
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    download = client.get(f"/study/{STUDY}/instances/{INSTANCE}/pdf?download=1")
    assert download.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("content", [b"<html><script>alert(1)</script>", b"<svg onload='x'/>"])
def test_html_in_place_of_a_pdf_is_never_served(client: FlaskClient, archive: Archive, content: bytes) -> None:
    store(archive, document(PDF, EncapsulatedDocument=content + b" " * (len(content) % 2)))
    answer = client.get(f"/study/{STUDY}/instances/{INSTANCE}/pdf")
    assert answer.status_code == 422
    assert b"<" not in answer.data
