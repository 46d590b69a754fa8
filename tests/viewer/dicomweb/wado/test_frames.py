"""Retrieve Frames: the bytes that are stored, in the form that is asked for."""

from __future__ import annotations

import asyncio
import base64
import http.client
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID

from storage.archive import Archive
from storage.model import Instance
from storage.records import Records, Role
from tests.support.objects import ct, store
from tests.support.parts import address_of, of_pydicom, parts_of
from tests.support.programs import bearer, has_looked
from tests.support.rsgi import Client, scope
from tests.support.web import PASSWORD, Server
from viewer.dicomweb.wado.fast_frames import FastFrames
from viewer.services import services_of
from viewer.sign_in_cache import SignInCache

EXPLICIT = "1.2.840.10008.1.2.1"
J2K, JPEG_LS, JPEG_LOSSLESS, HTJ2K, RLE = (
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.5",
)
TYPES = {
    J2K: "image/jp2",
    JPEG_LS: "image/jls",
    JPEG_LOSSLESS: "image/jpeg",
    HTJ2K: "image/jphc",
    RLE: "image/dicom-rle",
}


def pixels(number: int) -> bytes:
    return np.random.default_rng(number).integers(-1000, 3000, 64, "<i2").tobytes()


@pytest.fixture
def image(archive: Archive) -> Instance:
    """Three native frames."""
    ds = ct(NumberOfFrames=3, PixelData=b"".join(map(pixels, (1, 2, 3))))
    return archive.instance(store(archive, ds).sop_instance_uid)


def get(client: FlaskClient, instance: Instance, listed: str, accept: str | None = None):  # type: ignore[no-untyped-def]
    headers = {} if accept is None else {"Accept": accept}
    return client.get(f"{address_of(instance)}/frames/{listed}", headers=headers)


@pytest.mark.parametrize("listed", ["1", "2,1", "3,3,1", "1,2,3"])
def test_frames_come_in_the_order_listed(client: FlaskClient, image: Instance, listed: str) -> None:
    answer = get(client, image, listed)
    assert answer.status_code == 200
    parts = parts_of(answer.headers["Content-Type"], answer.data)
    assert [part.data for part in parts] == [pixels(int(n)) for n in listed.split(",")]
    assert {part.headers["content-type"] for part in parts} == {f"application/octet-stream; transfer-syntax={EXPLICIT}"}
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_one_frame_bare(client: FlaskClient, image: Instance) -> None:
    answer = get(client, image, "2", "application/octet-stream")
    assert answer.headers["Content-Type"].startswith("application/octet-stream")
    assert answer.data == pixels(2)
    assert get(client, image, "1,2", "application/octet-stream").status_code == 406


@pytest.mark.parametrize("syntax", TYPES)
@pytest.mark.parametrize("by_type", [True, False])
def test_compressed_on_the_way_without_loss(client: FlaskClient, image: Instance, syntax: str, by_type: bool) -> None:
    accept = f'multipart/related; type="{TYPES[syntax]}"' + ("" if by_type else f"; transfer-syntax={syntax}")
    for _ in range(2):
        answer = get(client, image, "3,1", accept)
        assert answer.status_code == 200
        parts = parts_of(answer.headers["Content-Type"], answer.data)
        for part, number in zip(parts, (3, 1), strict=True):
            assert part.headers["content-type"] == f"{TYPES[syntax]}; transfer-syntax={syntax}"
            ds = ct()
            ds.file_meta = pydicom.dataset.FileMetaDataset()
            ds.file_meta.TransferSyntaxUID = UID(syntax)
            ds.PixelData = encapsulate([part.data])
            assert ds.pixel_array.astype("<i2").tobytes() == pixels(number)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_dcmtk.dcm", "JPGExtended.dcm", "693_J2KI.dcm"],
)
def test_stored_compressed(client: FlaskClient, archive: Archive, name: str) -> None:
    """As stored for `*` and for its own type, byte for byte; decoded as pydicom does by default."""
    instance = of_pydicom(archive, name)
    ds = pydicom.dcmread(instance.path)
    (stored,) = generate_frames(ds.PixelData, number_of_frames=1)
    for accept in ('multipart/related; type="application/octet-stream"; transfer-syntax=*', "*/*; transfer-syntax=*",
                   f"multipart/related; type=*/*; transfer-syntax={ds.file_meta.TransferSyntaxUID}"):  # fmt: skip
        (part,) = parts_of((answer := get(client, instance, "1", accept)).headers["Content-Type"], answer.data)
        assert part.data == stored
        assert part.transfer_syntax == ds.file_meta.TransferSyntaxUID
    (part,) = parts_of((answer := get(client, instance, "1")).headers["Content-Type"], answer.data)
    assert part.transfer_syntax == EXPLICIT
    decoded = np.frombuffer(part.data, ds.pixel_array.dtype).reshape(ds.pixel_array.shape)
    raw = pydicom.pixels.pixel_array(ds, raw=True)
    # Two conforming decoders of lossy compressions may differ by a little.
    tolerance = 3 if str(ds.file_meta.TransferSyntaxUID)[-2:] in ("50", "51", "91") else 0
    assert np.abs(decoded.astype(int) - raw.astype(int)).max() <= tolerance


@pytest.mark.parametrize(
    ("listed", "status"),
    [("0", 400), ("-1", 400), ("1,2,x", 400), ("1000000000", 404), ("4", 404), (",", 400), ("1,", 400), ("1.5", 400),
     ("%D9%A1", 400), ("99999999999999999999", 400)],
)  # fmt: skip
def test_wrong_lists_are_refused_in_a_sentence(client: FlaskClient, image: Instance, listed: str, status: int) -> None:
    answer = get(client, image, listed)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["detail"]


@pytest.mark.parametrize(
    "accept", ["image/png", "text/html", "multipart/related; type=image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50"]
)
def test_what_cannot_be_sent_is_406_with_what_can(client: FlaskClient, image: Instance, accept: str) -> None:
    answer = get(client, image, "1", accept)
    assert answer.status_code == 406
    assert any("image/jls" in offer for offer in answer.json["offered"])


def test_etags(client: FlaskClient, image: Instance) -> None:
    first = get(client, image, "1")
    again = client.get(f"{address_of(image)}/frames/1", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["Cache-Control"].startswith("private")
    assert get(client, image, "1", "application/octet-stream").headers["ETag"] != first.headers["ETag"]
    assert get(client, image, "2").headers["ETag"] != first.headers["ETag"]


def test_who_may(visitor: FlaskClient, sign_in: Callable[[Role], FlaskClient], image: Instance) -> None:
    assert get(visitor, image, "1").status_code == 401
    assert get(sign_in(Role.CLINICIAN), image, "1").status_code == 200


@pytest.mark.parametrize("level", [0, 1, 2])
def test_uids_that_do_not_belong_together_are_not_found(client: FlaskClient, image: Instance, level: int) -> None:
    uids = [image.study_instance_uid, image.series_instance_uid, image.sop_instance_uid]
    uids[level] = "1.2.3"
    assert client.get("/dicom-web/studies/{}/series/{}/instances/{}/frames/1".format(*uids)).status_code == 404


def test_looking_is_written_once(client: FlaskClient, image: Instance, data: Path) -> None:
    with Records.open(data) as records:
        for listed in ("1", "2", "1,2"):
            get(client, image, listed)
        entries = [e for e in records.audit.entries(10) if e.event == "open study"]
    assert [(e.who, e.study_instance_uid, e.detail) for e in entries] == [
        ("radiologist", image.study_instance_uid, "DICOMweb")
    ]


def test_no_pixels_no_frames(client: FlaskClient, archive: Archive) -> None:
    with pydicom.config.disable_value_validation():
        report = of_pydicom(archive, "reportsi.dcm")
    assert get(client, report, "1").status_code == 404


# ---- what the event loop answers by itself


def asked(server: Server, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = server.connect()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_the_quick_way_gives_what_flask_gives(archive: Archive, image: Instance, server: Server, data: Path) -> None:
    """The first request is Flask's, as it has to be written down; the later ones are not."""
    small = of_pydicom(archive, "SC_rgb_jpeg_dcmtk.dcm")
    with Records.open(data) as records:
        token = records.tokens.add("program", Role.CLINICIAN)
        basic = "Basic " + base64.b64encode(f"clinician:{PASSWORD}".encode()).decode()
        for instance, listed, accept in (
            (image, "1", "*/*"),
            (image, "3,1,1", "*/*"),
            (image, "2", "application/octet-stream"),
            (image, "2,1", f"multipart/related; type=image/jls; transfer-syntax={JPEG_LS}"),
            (small, "1", "image/jpeg"),
            (small, "1", "*/*"),
        ):
            path = f"{address_of(instance)}/frames/{listed}"
            for who in (f"Bearer {token}", basic):
                first, body = asked(server, path, Authorization=who, Accept=accept)
                assert first.status == 200
                for _ in range(2):
                    again, same = asked(server, path, Authorization=who, Accept=accept)
                    assert (again.status, same) == (200, body)
                    ignored = {"date", "content-length", "transfer-encoding"}
                    assert {k.lower(): v for k, v in again.headers.items() if k.lower() not in ignored} == {
                        k.lower(): v for k, v in first.headers.items() if k.lower() not in ignored
                    }
                etag = {"If-None-Match": first.headers["ETag"], "Accept": accept}
                known, empty = asked(server, path, Authorization=who, **etag)
                assert (known.status, empty) == (304, b"")
        metrics = asked(server, "/metrics")[1].decode()
        assert 'endpoint="wado_frames.frames"' in metrics
        # Told at once that it ended.
        records.tokens.revoke("program")
        time.sleep(1.1)
        assert asked(server, path, Authorization=f"Bearer {token}")[0].status == 401


def test_the_quick_way_refuses_as_flask_does(image: Instance, server: Server) -> None:
    cookie = server.cookie(Role.CLINICIAN)
    path = f"{address_of(image)}/frames/"
    assert asked(server, f"{path}1", Cookie=cookie)[0].status == 200
    for listed, status in (("1", 200), ("4", 404), ("0", 400), (",", 400), ("1,,2", 400)):
        answer, body = asked(server, path + listed, Cookie=cookie)
        assert answer.status == status, body
    assert asked(server, f"{path}1", Cookie=cookie, Accept="image/png")[0].status == 406
    assert asked(server, f"{path}1")[0].status == 401
    assert asked(server, f"{path}1", Cookie="filmless_session=x")[0].status == 401
    assert asked(server, f"{path}1", Cookie='"')[0].status == 401
    assert asked(server, path.replace(image.study_instance_uid, "1.2") + "1", Cookie=cookie)[0].status == 404


def test_what_is_answered_quickly(app: Flask, data: Path, image: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    program, services = bearer(data), services_of(app)
    fast = FastFrames(services, SignInCache(services.records))

    def answered(listed: str, accept: str = "*/*", **more: str) -> tuple[object, ...]:
        headers = [program, ("accept", accept), *more.items()]
        request, client = scope(path=f"{address_of(image)}/frames/{listed}", headers=headers), Client()
        done = asyncio.run(fast.answer(request, client))  # type: ignore[arg-type]
        assert done == bool(client.answer)
        return client.answer

    assert not answered("1")
    has_looked(services, image.study_instance_uid)
    assert answered("1")[1] == 200
    assert bytes(answered("2", "application/octet-stream")[3]) == pixels(2)  # type: ignore[arg-type]
    assert not answered("1", origin="https://elsewhere.example")
    assert not answered("1", "image/jls")
    services.frame_store.made(image, 0, JPEG_LS)
    assert answered("1", "image/jls")[1] == 200
    # Not in memory: the same bytes from the disk, and none that are not there.
    with monkeypatch.context() as patch:
        patch.setattr("viewer.dicomweb.wado.fast_frames.read_at_once", lambda *_: False)
        assert bytes(answered("2", "application/octet-stream")[3]) == pixels(2)  # type: ignore[arg-type]
    image.path.write_bytes(image.path.read_bytes()[:-1])
    assert not answered("3")
    image.path.unlink()
    assert not answered("1")
