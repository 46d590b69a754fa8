"""WADO-URI (PS3.18 9): the object or its picture in the form asked for, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from pydicom.uid import EncapsulatedPDFStorage

from storage.archive import Archive
from storage.model import Instance
from storage.records import Role
from tests.support.objects import store
from tests.support.parts import of_pydicom
from tests.support.rendered import SOURCE, close_to, expected, no_image, picture


def wado(client: FlaskClient, instance: Instance, **query: str):  # type: ignore[no-untyped-def]
    uids = {"studyUID": instance.study_instance_uid, "seriesUID": instance.series_instance_uid,
            "objectUID": instance.sop_instance_uid}  # fmt: skip
    return client.get("/dicom-web/wado", query_string={"requestType": "WADO", **uids, **query})


def test_wado_uri(client: FlaskClient, images: list[Instance], sign_in: Callable[[Role], FlaskClient]) -> None:
    image, many = images[0], images[3]
    assert wado(client, image, contentType="application/dicom").data == image.path.read_bytes()
    implicit = wado(client, image, contentType="application/dicom", transferSyntax="1.2.840.10008.1.2")
    assert "transfer-syntax=1.2.840.10008.1.2" in implicit.headers["Content-Type"]
    assert int(implicit.headers["Content-Length"]) == len(implicit.data)
    assert picture(wado(client, image)).format == "JPEG"
    assert close_to(picture(wado(client, many, contentType="image/png", frameNumber="3")), expected(SOURCE // 3))
    shown = picture(wado(client, image, contentType="image/png", windowCenter="500", windowWidth="200"))
    assert close_to(shown, expected(SOURCE, 500, 200))
    assert picture(wado(client, image, rows="20")).size == (30, 20)
    assert picture(wado(client, image, columns="120")).size == (120, 80)
    half = picture(wado(client, image, contentType="image/png", region="0.5,0,1,1"))
    assert close_to(half, expected(SOURCE)[:, 30:])
    both = picture(wado(client, image, contentType="image/png", region="0.5,0.25,1,0.75", rows="10", columns="99"))
    assert both.size == (15, 10)
    for form in ("image/gif", "image/jp2"):
        assert close_to(picture(wado(client, image, contentType=form)), expected(SOURCE))
    rough, fine = (len(wado(client, image, imageQuality=quality).data) for quality in ("1", "100"))
    assert rough < fine
    bare, named = (wado(client, image, contentType="image/png", annotation=words).data for words in ("", "patient"))
    assert bare != named
    clinician = sign_in(Role.CLINICIAN)
    assert picture(wado(clinician, image))
    assert wado(clinician, image, contentType="application/dicom").status_code == 403


def test_wado_uri_may_be_kept_and_goes_on_where_it_broke_off(client: FlaskClient, images: list[Instance]) -> None:
    whole = wado(client, images[0], contentType="application/dicom")
    for query in ({"contentType": "application/dicom"}, {"contentType": "image/png"}):
        first = wado(client, images[0], **query)
        assert first.headers["Cache-Control"].startswith("private")
        again = client.get(first.request.full_path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    part = client.get(whole.request.full_path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, whole.data[100:200])


@pytest.mark.filterwarnings("ignore")
def test_wado_uri_of_what_is_no_image(client: FlaskClient, archive: Archive) -> None:
    report = of_pydicom(archive, "reportsi.dcm")
    assert wado(client, report).mimetype == "text/html"
    assert wado(client, report, contentType="text/plain").mimetype == "text/plain"
    assert wado(client, report, contentType="image/jpeg").status_code == 406
    pdf = no_image(SOPClassUID=EncapsulatedPDFStorage, SOPInstanceUID="1.2.7")
    pdf.EncapsulatedDocument, pdf.MIMETypeOfEncapsulatedDocument = b"%PDF-1.4 x", "application/pdf"
    instance = archive.instance(store(archive, pdf).sop_instance_uid)
    answer = wado(client, instance)
    assert (answer.mimetype, answer.data) == ("application/pdf", b"%PDF-1.4 x")


@pytest.mark.parametrize(
    ("query", "status"),
    [({"anonymize": "yes"}, 400), ({"requestType": "X"}, 400), ({"objectUID": ""}, 400), ({"objectUID": "1.9"}, 404),
     ({"seriesUID": "../x"}, 404), ({"frameNumber": "0"}, 400), ({"frameNumber": "2"}, 400), ({"rows": "0"}, 400),
     ({"region": "0,0,2,1"}, 400), ({"region": "1"}, 400), ({"windowCenter": "1"}, 400), ({"imageQuality": "101"}, 400),
     ({"windowCenter": "1", "windowWidth": "0"}, 400), ({"contentType": "video/mp4"}, 406),
     ({"contentType": "application/dicom", "transferSyntax": "1.2.840.10008.1.2.4.50"}, 406)],
)  # fmt: skip
def test_wado_uri_refusals(client: FlaskClient, images: list[Instance], query: dict[str, str], status: int) -> None:
    answer = wado(client, images[0], **query)
    assert answer.status_code == status
    assert answer.json["detail"]
