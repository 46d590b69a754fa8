"""Rendered resources, thumbnails and WADO-URI: the right picture in the right form."""

from __future__ import annotations

import asyncio
import http.client
import io
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import EncapsulatedPDFStorage, VideoPhotographicImageStorage

from storage.archive import Archive
from storage.model import Instance
from storage.records import Role
from tests.support.objects import SERIES, STUDY, ct, store
from tests.support.parts import address_of, of_pydicom, parts_of
from tests.support.programs import bearer, has_looked
from tests.support.rendered import COLUMNS, ROWS, SOURCE, WHOLE, close_to, expected, no_image, picture
from tests.support.rsgi import Client, scope
from tests.support.web import Server
from viewer.dicomweb.wado.fast_rendered import FastRendered
from viewer.dicomweb.wado.parameters import read
from viewer.dicomweb.wado.picture import plain, srgb_profile
from viewer.services import services_of
from viewer.sign_in_cache import SignInCache


def get(client: FlaskClient, path: str, accept: str = "*/*", **query: str):  # type: ignore[no-untyped-def]
    return client.get(path, headers={"Accept": accept}, query_string=query)


@pytest.mark.parametrize("form", ["image/png", "image/jpeg", "image/gif", "image/jp2"])
def test_every_form_shows_the_frame(client: FlaskClient, images: list[Instance], form: str) -> None:
    shown = picture(get(client, f"{address_of(images[0])}/rendered", form))
    assert close_to(shown, expected(SOURCE), 6 if form == "image/jpeg" else 1)


def test_the_window_is_the_one_asked_for(client: FlaskClient, images: list[Instance]) -> None:
    address = f"{address_of(images[0])}/frames/1/rendered"
    for center, width in ((500, 200), (1000.5, 1)):
        shown = picture(get(client, address, "image/png", window=f"{center},{width},linear"))
        values = (center - 0.5 < SOURCE) * 255.0 if width == 1 else expected(SOURCE, center, width)
        assert close_to(shown, values)
    exact = picture(get(client, address, "image/png", window="1000,40,linear-exact"))
    assert close_to(exact, np.clip((SOURCE - 1000) / 40 + 0.5, 0, 1) * 255)
    sigmoid = picture(get(client, address, "image/png", window="1000,400,sigmoid"))
    assert close_to(sigmoid, 255 / (1 + np.exp(-4 * (SOURCE - 1000.0) / 400)))


def test_viewports(client: FlaskClient, images: list[Instance]) -> None:
    address = f"{address_of(images[0])}/rendered"
    whole = np.asarray(picture(get(client, address, "image/png")))
    assert picture(get(client, address, viewport="30,200")).size == (30, 20)
    assert picture(get(client, address, viewport="600,100")).size == (150, 100)
    part = picture(get(client, address, "image/png", viewport="20,10,30,5,20,10"))
    assert np.array_equal(np.asarray(part), whole[5:15, 30:50])
    flipped = picture(get(client, address, "image/png", viewport="60,40,,,-60,"))
    assert np.array_equal(np.asarray(flipped), whole[:, ::-1])
    upside_down = picture(get(client, address, "image/png", viewport="60,40,0,0,60,-40"))
    assert np.array_equal(np.asarray(upside_down), whole[::-1])
    turned = picture(get(client, address, "image/png", viewport="20,10,30,5,-20,-10"))
    assert np.array_equal(np.asarray(turned), whole[5:15, 30:50][::-1, ::-1])


def test_quality_is_that_of_jpeg(client: FlaskClient, images: list[Instance]) -> None:
    noise = ct(SOPInstanceUID="1.2.99", Rows=ROWS, Columns=COLUMNS, **WHOLE)
    noise.PixelData = np.random.default_rng(1).integers(0, 2400, SOURCE.size, "<i2").tobytes()
    del images
    archive = client.application.extensions["filmless"].archive
    address = f"{address_of(archive.instance(store(archive, noise).sop_instance_uid))}/rendered"
    sizes = [len(get(client, address, "image/jpeg", quality=str(quality)).data) for quality in (1, 20, 60, 90, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] * 3 < sizes[-1]
    assert get(client, address, "image/jpeg").data == get(client, address, "image/jpeg", quality="90").data
    # Of what is compressed without loss, the quality changes nothing.
    assert get(client, address, "image/png", quality="1").data == get(client, address, "image/png").data


def test_representatives_and_parts(client: FlaskClient, images: list[Instance]) -> None:
    study = f"/dicom-web/studies/{STUDY}"
    middle = expected(SOURCE // 2)
    assert close_to(picture(get(client, f"{study}/rendered", "image/png")), middle)
    assert close_to(picture(get(client, f"{study}/series/{SERIES}/rendered", "image/png")), middle)
    assert close_to(picture(get(client, f"{address_of(images[3])}/rendered", "image/png")), expected(SOURCE // 3))
    parts = 'multipart/related; type="image/png"'
    for address, count in ((f"{study}/rendered", 7), (f"{study}/series/{SERIES}/rendered", 3),
                           (f"{address_of(images[3])}/frames/4,2/rendered", 2)):  # fmt: skip
        answer = get(client, address, parts)
        found = parts_of(answer.headers["Content-Type"], answer.data)
        assert len(found) == count
        assert {part.headers["content-type"] for part in found} == {"image/png"}
    assert close_to(Image.open(io.BytesIO(found[0].data)), expected(SOURCE // 4))
    assert get(client, f"{address_of(images[3])}/frames/1,2/rendered", "image/jpeg").status_code == 406


def test_many_frames_as_an_animation(client: FlaskClient, images: list[Instance]) -> None:
    shown = picture(get(client, f"{address_of(images[3])}/rendered", "image/gif"))
    assert (shown.n_frames, shown.info["duration"]) == (4, 40)


def test_annotation_and_profiles(client: FlaskClient, images: list[Instance]) -> None:
    address = f"{address_of(images[0])}/rendered"
    bare = np.asarray(picture(get(client, address, "image/png", viewport="300,300")))
    for annotation in ("patient", "technique", "patient,technique"):
        shown = np.asarray(picture(get(client, address, "image/png", viewport="300,300", annotation=annotation)))
        assert (shown != bare).sum() > 100
    assert "icc_profile" in picture(get(client, address, iccprofile="srgb")).info
    assert "icc_profile" not in picture(get(client, address, iccprofile="yes")).info


def test_what_is_burnt_in_is_who_and_what(
    client: FlaskClient, images: list[Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        "viewer.dicomweb.wado.picture.with_words", lambda image, words: said.append(tuple(words)) or image
    )
    for annotation in ("patient", "technique", "technique,patient"):
        assert get(client, f"{address_of(images[0])}/rendered", annotation=annotation).status_code == 200
    patient, technique, both = said
    assert (patient[0], patient[1]) == ("Nguyễn Văn Đức", "BN001")
    assert "1970" in patient[2]
    assert any("CT ngực" in line for line in technique)
    assert not set(patient) & set(technique)
    assert both == patient + technique


def test_the_objects_own_profile_goes_along(client: FlaskClient, archive: Archive) -> None:
    profile = srgb_profile()[:-4] + b"mine"
    colour = ct(SOPInstanceUID="1.2.77", SamplesPerPixel=3, PlanarConfiguration=0, PhotometricInterpretation="RGB",
                BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, PixelData=bytes(192),
                ICCProfile=profile)  # fmt: skip
    address = f"{address_of(archive.instance(store(archive, colour).sop_instance_uid))}/rendered"
    for form in ("image/png", "image/jpeg"):
        assert picture(get(client, address, form, iccprofile="yes")).info["icc_profile"] == profile
        assert "icc_profile" not in picture(get(client, address, form)).info


@pytest.mark.parametrize(
    "query",
    ["window=1,0,linear", "window=1,0.5,linear", "window=1,-1", "window=1", "window=a,b,linear", "window=1,2,cubic",
     "window=nan,1", "window=1,2,linear,3", "quality=101", "quality=0", "quality=-1", "quality=x", "quality=",
     "viewport=0,1", "viewport=1", "viewport=1,2,3", "viewport=a,b", "viewport=9000,9000", "viewport=1e9,1",
     "viewport=10,10,0,0,61,40", "viewport=10,10,60,0,1,1", "viewport=10,10,-1,0,5,5", "viewport=10,10,0,0,0,5",
     "viewport=10,10,0,0,inf,5", "annotation=phone", "iccprofile=adobergb"],
)  # fmt: skip
def test_bad_parameters_are_400_in_a_sentence(client: FlaskClient, images: list[Instance], query: str) -> None:
    for resource in (address_of(images[0]), f"{address_of(images[0])}/frames/1"):
        answer = client.get(f"{resource}/rendered?{query}")
        assert answer.status_code == 400, query
        assert len(answer.json["detail"]) > 10


@given(
    st.dictionaries(
        st.sampled_from(["window", "viewport", "quality", "annotation", "iccprofile"]), st.text(max_size=30)
    )
)
def test_any_text_is_read_or_refused(args: dict[str, str]) -> None:
    with suppress(ValueError):
        assert 1 <= read(args).quality <= 100


def test_etags_and_roles(client: FlaskClient, visitor: FlaskClient, sign_in: Callable[[Role], FlaskClient],
                         images: list[Instance]) -> None:  # fmt: skip
    for resource in ("rendered", "thumbnail"):
        address = f"{address_of(images[0])}/{resource}"
        etag = client.get(address).headers["ETag"]
        assert client.get(address, headers={"If-None-Match": etag}).status_code == 304
        assert client.get(f"{address}?viewport=20,20", headers={"If-None-Match": etag}).status_code == 200
        assert visitor.get(address).status_code == 401
        assert sign_in(Role.CLINICIAN).get(address).status_code == 200


def test_thumbnails_at_every_level(client: FlaskClient, images: list[Instance]) -> None:
    study = f"/dicom-web/studies/{STUDY}"
    for address in (study, f"{study}/series/{SERIES}", address_of(images[0]), f"{address_of(images[3])}/frames/2"):
        shown = picture(get(client, f"{address}/thumbnail"))
        assert max(shown.size) == 144
        assert picture(get(client, f"{address}/thumbnail", "image/png", viewport="32,32")).size == (32, 21)
        assert get(client, f"{address}/thumbnail", viewport="0,1").status_code == 400
    assert get(client, "/dicom-web/studies/1.2.9/thumbnail").status_code == 404


@pytest.mark.filterwarnings("ignore")
def test_what_is_no_image(client: FlaskClient, archive: Archive) -> None:
    report = of_pydicom(archive, "reportsi.dcm")
    text = get(client, f"{address_of(report)}/rendered", "text/plain")
    assert text.mimetype == "text/plain"
    page = get(client, f"{address_of(report)}/rendered")
    assert page.mimetype == "text/html"
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert get(client, f"{address_of(report)}/rendered", "image/jpeg").status_code == 406
    assert get(client, f"{address_of(report)}/thumbnail").status_code == 404
    pdf = no_image(SOPClassUID=EncapsulatedPDFStorage, SOPInstanceUID="1.2.7")
    pdf.EncapsulatedDocument, pdf.MIMETypeOfEncapsulatedDocument = b"%PDF-1.4 x", "application/pdf"
    instance = archive.instance(store(archive, pdf).sop_instance_uid)
    answer = get(client, f"{address_of(instance)}/rendered")
    assert (answer.mimetype, answer.data) == ("application/pdf", b"%PDF-1.4 x")


def test_script_in_a_report_stays_text(client: FlaskClient, archive: Archive) -> None:
    ds = no_image(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", SOPInstanceUID="1.2.8")
    item = type(ds)()
    item.ValueType, item.TextValue, item.RelationshipType = "TEXT", "<script>alert(1)</script>", "CONTAINS"
    ds.ContentSequence = [item]
    instance = archive.instance(store(archive, ds).sop_instance_uid)
    page = get(client, f"{address_of(instance)}/rendered").get_data(as_text=True)
    assert "<script" not in page
    assert "&lt;script" in page


def test_video_is_sent_as_stored_with_ranges(client: FlaskClient, archive: Archive) -> None:
    video = bytes(range(256)) * 40
    ds = ct(SOPClassUID=VideoPhotographicImageStorage, SOPInstanceUID="1.2.9", NumberOfFrames=30)
    ds.PixelData = encapsulate([video], has_bot=False)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    store(archive, ds, transfer_syntax_uid="1.2.840.10008.1.2.4.102")
    address = f"{address_of(archive.instance('1.2.9'))}/rendered"
    answer = get(client, address, "video/mp4")
    assert (answer.mimetype, answer.data) == ("video/mp4", video)
    part = client.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, video[100:200])
    assert get(client, f"{address_of(archive.instance('1.2.9'))}/frames/1").status_code in (406, 422)


# ---- thumbnails from the event loop


def test_thumbnails_follow_their_study(archive: Archive, images: list[Instance], server: Server) -> None:
    cookie = server.cookie(Role.CLINICIAN)
    path = f"/dicom-web/studies/{STUDY}/series/{SERIES}/thumbnail"

    def ask(**headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(server.connect()) as connection:
            connection.request("GET", path, headers={"Cookie": cookie, **headers})
            answer = connection.getresponse()
            return answer, answer.read()

    first, data = ask()
    again, same = ask()
    assert same == data
    assert {k.lower(): v for k, v in again.headers.items()} == {k.lower(): v for k, v in first.headers.items()} | {
        "date": again.headers["Date"]
    }
    assert ask(**{"If-None-Match": first.headers["ETag"]})[0].status == 304
    assert ask(**{"If-None-Match": '"x"'})[1] == data
    ds = ct(SOPInstanceUID="1.2.0", InstanceNumber=0, Rows=ROWS, Columns=COLUMNS, **WHOLE)
    ds.PixelData = (SOURCE[::-1]).tobytes()
    store(archive, ds)
    ds = ct(SOPInstanceUID="1.2.10", InstanceNumber=-1, Rows=ROWS, Columns=COLUMNS, **WHOLE)
    ds.PixelData = (SOURCE[::-1]).tobytes()
    store(archive, ds)
    assert ask()[1] != data


def test_letters_without_marks() -> None:
    assert plain("Nguyễn Văn Đức") == "Nguyen Van Duc"


def test_the_quick_way_draws_what_flask_draws(images: list[Instance], server: Server) -> None:
    cookie = server.cookie(Role.CLINICIAN)

    def ask(path: str, query: str, accept: str) -> tuple[int, bytes, dict[str, str]]:
        with closing(server.connect()) as connection:
            connection.request("GET", f"{path}?{query}", headers={"Cookie": cookie, "Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items() if k != "date"}

    for image, path in ((images[0], "/rendered"), (images[3], "/rendered"), (images[3], "/frames/2/rendered")):
        for query in ("", "window=500,200,sigmoid", "viewport=20,20,5,5,-20,10&quality=70", "window=1,0", "quality=101",
                      "viewport=1,1,99,0,1,1", "annotation=patient"):  # fmt: skip
            for accept in ("*/*", "image/png", "image/gif", "text/html"):
                # With `accept` in the query string, Flask answers; without, the quick way once the frame is decoded.
                slow = ask(address_of(image) + path, f"{query}&accept={accept}", "x/x")
                quick = ask(address_of(image) + path, query, accept)
                assert quick[:2] == slow[:2]
                assert quick[2].get("etag") == slow[2].get("etag")
                assert quick[2].keys() == slow[2].keys()
    missing = address_of(images[3]) + "/frames/5/rendered"
    assert ask(missing, "", "*/*")[0] == 404
    with closing(server.connect()) as connection:
        connection.request("GET", f"{address_of(images[0])}/rendered")
        assert connection.getresponse().status == 401


def test_only_decoded_frames_are_drawn_quickly(app: Flask, data: Path, images: list[Instance]) -> None:
    program, services = bearer(data), services_of(app)
    quick = FastRendered(services, SignInCache(services.records))

    def answered(query: str = "") -> tuple[object, ...]:
        headers, path = [program], f"{address_of(images[0])}/rendered"
        request, client = scope(path=path, headers=headers, query_string=query), Client()
        assert asyncio.run(quick.answer(request, client)) == bool(client.answer)  # type: ignore[arg-type]
        return client.answer

    has_looked(services, STUDY)
    assert not answered()
    services.frames.prepared(images[0], 0)
    assert answered()[1] == 200
    assert not answered("window=1,0")
    assert not answered("annotation=patient")
    assert not answered("viewport=1,1,99,99,1,1")
