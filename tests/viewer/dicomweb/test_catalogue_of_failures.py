"""What other archives broke on, asked of this one over DICOMweb; numbers are those of the catalogue of failures.

Broken objects (5) are in `test_bad_objects`, large ones (14) in `wado/test_large` and here, clients that leave and
studies that go while they are sent (18) in `wado/test_aborts`, bombs in requests (3) in `stow/test_store`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, EncapsulatedPDFStorage

from storage.archive import Archive
from storage.model import Instance
from storage.records import Records, Role
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, encode, store
from tests.support.parts import address_of
from tests.support.web import HTML
from viewer.dicomweb import heads

EXPLICIT = "1.2.840.10008.1.2.1"
SCRIPT = "<script>alert(1)</script>"


def _addresses(app: Flask, value: str) -> Iterator[tuple[str, str]]:
    """Every route of DICOMweb with a value in place of one variable at a time, as (method, address)."""
    good = {"study": STUDY, "series": SERIES, "instance": INSTANCE, "listed": "1", "place": "7FE00010", "code": "x"}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/dicom-web"):
            for name in ("study", "series", "instance"):
                if name in rule.arguments:
                    filled = {**good, name: value}
                    address = re.sub(r"<(?:\w+:)?(\w+)>", lambda m, filled=filled: filled[m[1]], rule.rule)  # type: ignore[misc]
                    for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                        yield method, address


def test_1_values_that_form_paths_lead_nowhere(
    app: Flask, sign_in: Callable[[Role], FlaskClient], archive: Archive
) -> None:
    store(archive, ct())
    admin = sign_in(Role.ADMIN)
    values = ("..", "%2e%2e%2f%2e%2e", "1.2%2F3", "1.2%00", "1" * 65, "a", "1..2", "%F0%9F%92%A3")
    asked = [one for value in values for one in _addresses(app, value)]
    assert len(asked) > 240
    for method, address in asked:
        answer = admin.open(address, method=method, headers={"Origin": "http://localhost"})
        assert answer.status_code in (400, 404, 405, 415), (method, address, answer.status_code)
        assert answer.content_type == "application/problem+json"
    assert archive.health().instances == 1


def test_3_what_inflates_too_far_is_given_up(
    client: FlaskClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = encode(ct(ImageComments="x" * 10_000))
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflate.compress(plain) + deflate.flush()
    store(archive, data, sop_instance_uid=INSTANCE, transfer_syntax_uid=DeflatedExplicitVRLittleEndian)
    place = f"/dicom-web/studies/{STUDY}/series/{SERIES}"
    assert "00204000" in client.get(f"{place}/instances/{INSTANCE}/metadata").json[0]  # type: ignore[index]
    monkeypatch.setattr(heads, "INFLATED_MAX", 5_000)
    for path in ("metadata", "bulkdata/00204000"):
        answer = client.get(f"{place}/instances/{INSTANCE}/{path}", headers={"Accept": "*/*"})
        assert answer.status_code == 422
        assert "inflates to more than" in answer.json["detail"]  # type: ignore[index]
    (named,) = client.get(f"{place}/metadata").json or []
    assert named["00080018"]["Value"] == [INSTANCE]
    assert "00204000" not in named


def _stored(archive: Archive, number: int, syntax: str = EXPLICIT, **attributes: Any) -> Instance:
    ds = ct(SOPInstanceUID=f"1.2.{number}", InstanceNumber=number, **attributes)
    for keyword in ("FloatPixelData", "DoubleFloatPixelData"):
        if keyword in ds:
            del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    return archive.instance(store(archive, ds, transfer_syntax_uid=syntax).sop_instance_uid)


def _colour(**more: Any) -> dict[str, Any]:
    return {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB", "BitsAllocated": 8,
            "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, **more}  # fmt: skip


def _every_kind(archive: Archive) -> Iterator[Instance]:
    noise = np.random.default_rng(13)
    words = noise.integers(-1000, 3000, 64, "<i2")
    yield _stored(archive, 1, PhotometricInterpretation="MONOCHROME1", PixelData=words.tobytes())
    yield _stored(archive, 2, "1.2.840.10008.1.2", PixelData=words.tobytes())
    yield _stored(archive, 3, "1.2.840.10008.1.2.2", PixelData=words.astype(">i2").tobytes())
    yield _stored(archive, 4, "1.2.840.10008.1.2.1.99", PixelData=words.tobytes())
    yield _stored(archive, 5, **_colour(PixelData=noise.bytes(192)))
    yield _stored(archive, 6, **_colour(PlanarConfiguration=1, PixelData=noise.bytes(192)))
    yield _stored(archive, 7, **_colour(BitsAllocated=16, BitsStored=16, HighBit=15, PixelData=noise.bytes(384)))
    yield _stored(archive, 8, **_colour(PhotometricInterpretation="YBR_FULL", PixelData=noise.bytes(192)))
    yield _stored(archive, 9, **_colour(PhotometricInterpretation="YBR_FULL_422", PixelData=noise.bytes(128)))
    yield _stored(archive, 10, BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=noise.bytes(256))
    yield _stored(archive, 11, BitsAllocated=32, FloatPixelData=noise.random(64, np.float32).tobytes())
    yield _stored(archive, 12, BitsAllocated=64, DoubleFloatPixelData=noise.random(64).tobytes())
    yield _stored(archive, 13, BitsStored=12, HighBit=11, PixelData=(words % 2048).astype("<i2").tobytes())
    yield _stored(archive, 14, NumberOfFrames=3, Rows=8, Columns=8, BitsAllocated=1, BitsStored=1, HighBit=0,
                  PixelRepresentation=0, PixelData=noise.bytes(24))  # fmt: skip
    # RLE, JPEG-LS, JPEG 2000, 12-bit JPEG, and colour that is subsampled.
    names = ("MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm", "JPGExtended.dcm",
             "SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_dcmtk_+eb+cy+s2.dcm")  # fmt: skip
    for number, name in enumerate(names, 20):
        ds = pydicom.dcmread(str(get_testdata_file(name, download=False)))
        syntax, ds.SOPInstanceUID = ds.file_meta.TransferSyntaxUID, f"1.2.{number}"
        yield archive.instance(store(archive, ds, transfer_syntax_uid=syntax).sop_instance_uid)
    coded = imagecodecs.htj2k_encode(words.reshape(8, 8), reversible=True)
    ds = ct(SOPInstanceUID="1.2.15", PixelData=encapsulate([coded]))
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    yield archive.instance(store(archive, ds, transfer_syntax_uid="1.2.840.10008.1.2.4.201").sop_instance_uid)


@pytest.mark.filterwarnings("ignore")
def test_13_every_kind_of_pixels_is_what_pydicom_reads(client: FlaskClient, archive: Archive) -> None:
    for instance in _every_kind(archive):
        ds = pydicom.dcmread(instance.path)
        raw = pydicom.pixels.pixel_array(ds, raw=True)
        raw = raw[0] if (instance.number_of_frames or 1) > 1 else raw
        answer = client.get(f"{address_of(instance)}/frames/1", headers={"Accept": "application/octet-stream"})
        assert answer.status_code == 200, (instance.sop_instance_uid, answer.text)
        if instance.bits_allocated == 1:
            found = np.unpackbits(np.frombuffer(answer.data, "u1"), bitorder="little")[: raw.size].reshape(raw.shape)
        else:
            found = np.frombuffer(answer.data, raw.dtype.newbyteorder("<"))
            if ds.get("PlanarConfiguration") == 1 and not UID(instance.transfer_syntax_uid).is_compressed:
                found = found.reshape(3, *raw.shape[:2]).transpose(1, 2, 0)
            if ds.PhotometricInterpretation == "YBR_FULL_422" and found.size != raw.size:
                pairs = found.reshape(-1, 4)
                found = np.stack([pairs[:, [0, 1]], pairs[:, [2, 2]], pairs[:, [3, 3]]], axis=-1)
            found = found.reshape(raw.shape)
        # Two conforming decoders of JPEG with loss may differ by a little.
        tolerance = 3 if instance.transfer_syntax_uid[-2:] in ("50", "51") else 0
        assert np.abs(found.astype(float) - raw.astype(float)).max() <= tolerance, instance.sop_instance_uid
        for picture in ("rendered", "thumbnail"):
            assert client.get(f"{address_of(instance)}/{picture}").mimetype == "image/jpeg", instance


def test_14_the_metadata_of_many_frames_is_read_once(client: FlaskClient, archive: Archive) -> None:
    """An enhanced object of 8,800 frames: its head is large, its metadata whole, and its last frame is there."""
    frames = 8800
    item, position = Dataset(), Dataset()
    position.ImagePositionPatient = [0, 0, 1]
    item.PlanePositionSequence = [position]
    ds = ct(NumberOfFrames=frames, Rows=1, Columns=2, PixelData=np.arange(frames, dtype="<u4").tobytes())
    ds.PerFrameFunctionalGroupsSequence = [item] * frames
    instance = archive.instance(store(archive, ds).sop_instance_uid)
    (found,) = client.get(f"{address_of(instance)}/metadata").json or []
    assert len(found["52009230"]["Value"]) == frames
    last = client.get(f"{address_of(instance)}/frames/{frames}", headers={"Accept": "application/octet-stream"})
    assert last.data == (frames - 1).to_bytes(4, "little")
    assert client.get(f"{address_of(instance)}/frames/{frames + 1}").status_code == 404


def _scripted() -> Dataset:
    keywords = (
        "PatientName", "PatientID", "StudyDescription", "SeriesDescription", "ReferringPhysicianName", "StudyID",
        "InstitutionName", "AccessionNumber", "ImageComments", "Manufacturer", "BodyPartExamined",
    )  # fmt: skip
    texts: dict[str, object] = dict.fromkeys(keywords, SCRIPT)
    return ct(**texts)


@pytest.mark.filterwarnings("ignore")
def test_16_stored_script_runs_nowhere(app: Flask, sign_in: Callable[[Role], FlaskClient], archive: Archive) -> None:
    with pydicom.config.disable_value_validation():
        instance = archive.instance(store(archive, _scripted()).sop_instance_uid)
    admin = sign_in(Role.ADMIN)
    study, place = f"/dicom-web/studies/{STUDY}", address_of(instance)
    pages = 0
    for path in ("/", f"/study/{STUDY}/light", f"/study/{STUDY}", "/dicom-web/studies", f"{study}/series",
                 f"{study}/instances?includefield=all", f"{study}/metadata", f"{place}/rendered?annotation=patient",
                 f"/dicom-web/studies?NoSuch{SCRIPT}=1", f"{study}/metadata?accept={SCRIPT}",
                 f"/dicom-web/studies?PatientID={SCRIPT}&KVP={SCRIPT}"):  # fmt: skip
        answer = admin.get(path, headers=HTML if not path.startswith("/dicom-web") else {})
        assert answer.status_code in (200, 400, 406), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert SCRIPT not in "".join(answer.headers.values()), path
        if answer.mimetype == "text/html":
            pages += 1
            assert SCRIPT not in answer.text, path
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        else:
            assert answer.mimetype in ("application/dicom+json", "application/problem+json", "image/jpeg"), path
    assert pages >= 2


def test_16_documents_that_are_pages_are_never_sent_as_pages(client: FlaskClient, archive: Archive) -> None:
    page, drawing = b"<html><script>alert(1)</script>", b'<svg xmlns="x" onload="alert(1)"/>'
    for number, (document, claims) in enumerate(
        ((page, "text/html"), (drawing, "image/svg+xml"), (page, "application/pdf"))
    ):
        ds = ct(PixelData=None, Rows=None, Columns=None, BitsAllocated=None, SOPClassUID=EncapsulatedPDFStorage)
        ds.SOPInstanceUID, ds.EncapsulatedDocument = f"1.2.{number}", document * 100
        ds.MIMETypeOfEncapsulatedDocument = claims
        address = address_of(archive.instance(store(archive, ds).sop_instance_uid))
        for path in ("rendered", "bulkdata/00420011", "frames/1", "thumbnail", "metadata"):
            for accept in ("*/*", claims, "text/html", "image/svg+xml"):
                answer = client.get(f"{address}/{path}", headers={"Accept": accept})
                assert answer.mimetype not in ("text/html", "image/svg+xml", "application/pdf"), (path, accept)
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_17_who_guesses_learns_nothing(app: Flask, visitor: FlaskClient, archive: Archive, data: Any) -> None:
    """Without a sign-in what is here and what is not is answered alike, and no address takes a token."""
    store(archive, ct())
    with Records.open(data) as records:
        token = records.tokens.add("program", Role.ADMIN)

    def answer(method: str, address: str) -> tuple[int, bytes, list[tuple[str, str]]]:
        found = visitor.open(address, method=method)
        return found.status_code, found.data, [h for h in found.headers if h[0] != "Date"]

    here = list(_addresses(app, STUDY))
    assert here
    for method, address in here:
        told = answer(method, address)
        assert told[0] == 401
        assert told == answer(method, address.replace(STUDY, "1.2.3.4.5"))
    for name in ("access_token", "token", "authorization", "api_key"):
        assert visitor.get(f"/dicom-web/studies?{name}={token}").status_code == 401
    known = visitor.get("/dicom-web/studies", headers={"Authorization": f"Bearer {token}"})
    assert known.status_code == 200
    assert known.headers["Referrer-Policy"] == "same-origin"
    assert token not in known.text


def test_17_a_token_that_was_revoked_or_ran_out_opens_nothing(
    visitor: FlaskClient, archive: Archive, data: Any
) -> None:
    instance = archive.instance(store(archive, ct()).sop_instance_uid)
    with Records.open(data) as records:
        token = records.tokens.add("program", Role.ADMIN)
        bearer = {"Authorization": f"Bearer {token}"}
        paths = ("/dicom-web/studies", address_of(instance), f"{address_of(instance)}/frames/1",
                 f"{address_of(instance)}/rendered")  # fmt: skip
        assert {visitor.get(path, headers=bearer).status_code for path in paths} == {200}
        records.tokens.revoke("program")
    assert {visitor.get(path, headers=bearer).status_code for path in paths} == {401}
