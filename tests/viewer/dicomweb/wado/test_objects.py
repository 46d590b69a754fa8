"""Retrieve Study, Series and Instance: the bytes that are stored, or the same pixels in another syntax."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pydicom
import pytest
from flask.testing import FlaskClient
from pydicom.encaps import encapsulate
from pydicom.uid import VideoPhotographicImageStorage

from storage.archive import Archive
from storage.errors import InvalidObject, PixelError
from storage.model import Instance
from storage.records import Records, Role
from storage.transcode import COMPRESSED, UNCOMPRESSED
from tests.support.objects import ct, store
from tests.support.parts import Part, address_of, of_pydicom, parts_of

EXPLICIT = "1.2.840.10008.1.2.1"
DICOM = 'multipart/related; type="application/dicom"'
STUDY, SERIES = "1.2.3", "1.2.3.1"


@pytest.fixture
def study(archive: Archive) -> list[Instance]:
    """Two series, one of three slices and one of one."""
    uids = [(f"{SERIES}{s}", f"{SERIES}{s}.{i}", s, i) for s, i in ((1, 1), (1, 2), (1, 3), (2, 1))]
    for series, uid, s, i in uids:
        store(archive, ct(StudyInstanceUID=STUDY, SeriesInstanceUID=series, SeriesNumber=s, SOPInstanceUID=uid,
                          InstanceNumber=i))  # fmt: skip
    return [archive.instance(uid) for _, uid, _, _ in uids]


def get(client: FlaskClient, path: str, accept: str = "*/*", **headers: str):  # type: ignore[no-untyped-def]
    return client.get(f"/dicom-web/studies/{path}", headers={"Accept": accept, **headers})


def parts(answer) -> list[Part]:  # type: ignore[no-untyped-def]
    assert answer.status_code == 200, answer.data
    # Of what is still to be made the length is not known; what is told has to be so, or the server breaks off.
    assert int(answer.headers.get("Content-Length", len(answer.data))) == len(answer.data)
    return parts_of(answer.headers["Content-Type"], answer.data)


def test_a_study_a_series_and_an_instance_as_they_are_stored(client: FlaskClient, study: list[Instance]) -> None:
    for path, expected in ((STUDY, study), (f"{STUDY}/series/{SERIES}1", study[:3])):
        answer = get(client, path)
        assert [part.data for part in parts(answer)] == [one.path.read_bytes() for one in expected]
        assert {part.transfer_syntax for part in parts(answer)} == {EXPLICIT}
        assert int(answer.headers["Content-Length"]) == len(answer.data)
    address = address_of(study[0]).removeprefix("/dicom-web/studies/")
    (part,) = parts(get(client, address, DICOM))
    bare = get(client, address, "application/dicom")
    assert part.data == bare.data == study[0].path.read_bytes()
    assert bare.headers["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT}"


@pytest.mark.parametrize("target", [*UNCOMPRESSED, *COMPRESSED])
def test_every_syntax_gives_the_same_pixels(client: FlaskClient, study: list[Instance], target: str) -> None:
    for _ in range(2):
        found = parts(get(client, f"{STUDY}/series/{SERIES}1", f"{DICOM}; transfer-syntax={target}"))
        for part, instance in zip(found, study[:3], strict=True):
            ds, before = pydicom.dcmread(io.BytesIO(part.data)), pydicom.dcmread(instance.path)
            assert part.transfer_syntax == ds.file_meta.TransferSyntaxUID == target
            assert ds.SOPInstanceUID == instance.sop_instance_uid
            assert np.array_equal(ds.pixel_array, before.pixel_array)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "image_dfl.dcm",
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_small_odd.dcm",
        "rtdose_rle.dcm",
        "liver_1frame.dcm",
        "examples_palette.dcm",
        "examples_ybr_color.dcm",
    ],
)
def test_the_default_is_explicit_little_endian(client: FlaskClient, archive: Archive, name: str) -> None:
    instance = of_pydicom(archive, name)
    address = address_of(instance).removeprefix("/dicom-web/studies/")
    before = pydicom.dcmread(instance.path)
    (part,) = parts(get(client, address))
    ds = pydicom.dcmread(io.BytesIO(part.data))
    assert part.transfer_syntax == ds.file_meta.TransferSyntaxUID == EXPLICIT
    assert np.abs(ds.pixel_array.astype(float) - before.pixel_array).max() <= (3 if "ybr" in name else 0)
    (part,) = parts(get(client, address, f"{DICOM}; transfer-syntax=*"))
    assert part.data == instance.path.read_bytes()
    assert part.transfer_syntax == before.file_meta.TransferSyntaxUID


@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_transcoded_goes_as_it_is_stored(client: FlaskClient, archive: Archive) -> None:
    """One part of many says what it is; a single one that was asked for in that syntax alone is refused."""
    report = of_pydicom(archive, "reportsi.dcm")
    (part,) = parts(get(client, report.study_instance_uid, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.80"))
    assert part.data == report.path.read_bytes()
    assert "content-description" not in part.headers  # nobody could have meant that a report is compressed
    wide = ct(BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=bytes(256))
    instance = archive.instance(store(archive, wide).sop_instance_uid)
    jpeg_ls = f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.80"
    (part,) = parts(get(client, instance.study_instance_uid, jpeg_ls))
    assert part.transfer_syntax == EXPLICIT
    assert part.headers["content-description"].endswith("cannot be put into 1.2.840.10008.1.2.4.80")
    answer = get(client, address_of(instance).removeprefix("/dicom-web/studies/"), jpeg_ls)
    assert answer.status_code == 406
    assert "cannot be put" in answer.json["detail"]


def test_whatever_is_wrong_with_one_of_many_it_comes(
    client: FlaskClient, study: list[Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    implicit = f"{DICOM}; transfer-syntax=1.2.840.10008.1.2"
    for error in (PixelError("odd"), InvalidObject("broken")):
        monkeypatch.setattr("viewer.object_store.transcode", Mock(side_effect=error))
        found = parts(get(client, STUDY, implicit))
        assert [part.data for part in found] == [one.path.read_bytes() for one in study]
        assert all("cannot be put into" in part.headers["content-description"] for part in found)


def test_a_single_one_that_cannot_be_decoded_comes_as_it_is_stored(client: FlaskClient, archive: Archive) -> None:
    """Unless it was asked for in one syntax alone."""
    mp4 = "1.2.840.10008.1.2.4.102"
    ds = ct(SOPClassUID=VideoPhotographicImageStorage, NumberOfFrames=30, PixelData=encapsulate([bytes(100)]))
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    instance = archive.instance(store(archive, ds, transfer_syntax_uid=mp4).sop_instance_uid)
    address = address_of(instance).removeprefix("/dicom-web/studies/")
    for accept in ("*/*", DICOM, f"{DICOM}; transfer-syntax=*"):
        (part,) = parts(get(client, address, accept))
        assert (part.transfer_syntax, part.data) == (mp4, instance.path.read_bytes())
        assert ("content-description" in part.headers) == ("*" not in accept or accept == "*/*")
    bare = get(client, address, "application/dicom")
    assert (bare.headers["Content-Type"], bare.data) == (f"application/dicom; transfer-syntax={mp4}", part.data)
    assert get(client, address, f"{DICOM}; transfer-syntax={EXPLICIT}").status_code == 406


def test_refusals(client: FlaskClient, visitor: FlaskClient, sign_in: Callable[[Role], FlaskClient],
                  study: list[Instance]) -> None:  # fmt: skip
    assert get(client, STUDY, "image/png").status_code == 406
    assert get(client, STUDY, "application/dicom").status_code == 406
    assert get(client, STUDY, f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.50").status_code == 406
    assert get(client, "1.2.9").status_code == 404
    assert get(client, f"{STUDY}/series/1.2.9").status_code == 404
    assert get(client, f"{STUDY}/series/{SERIES}1/instances/{SERIES}2.1").status_code == 404
    assert get(client, "..%2f..").status_code == 404
    assert get(client, "a" * 100).status_code == 404
    assert get(visitor, STUDY).status_code == 401
    assert get(sign_in(Role.CLINICIAN), STUDY).status_code == 403


def test_etags_change_with_the_series(client: FlaskClient, archive: Archive, study: list[Instance]) -> None:
    first = get(client, STUDY)
    etag = first.headers["ETag"]
    assert get(client, STUDY, **{"If-None-Match": etag}).status_code == 304
    store(archive, ct(StudyInstanceUID=STUDY, SeriesInstanceUID=f"{SERIES}2", SOPInstanceUID="1.2.3.9"))
    assert get(client, STUDY, **{"If-None-Match": etag}).status_code == 200


def test_ranges_of_a_bare_instance(client: FlaskClient, study: list[Instance]) -> None:
    address, data = address_of(study[0]).removeprefix("/dicom-web/studies/"), study[0].path.read_bytes()
    for asked, first, end in (
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, len(data)),
        ("bytes=-7", len(data) - 7, len(data)),
        ("bytes=-99999999", 0, len(data)),
    ):
        answer = get(client, address, "application/dicom", Range=asked)
        assert (answer.status_code, answer.data) == (206, data[first:end])
        assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(data)}"
        again = {"Range": asked, "If-Range": answer.headers["ETag"]}
        assert get(client, address, "application/dicom", **again).status_code == 206
        assert get(client, address, "application/dicom", **{"Range": asked, "If-Range": '"x"'}).data == data
    answer = get(client, address, "application/dicom", Range=f"bytes={len(data)}-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(data)}")


def test_taking_is_written_every_time(client: FlaskClient, study: list[Instance], data: Path) -> None:
    get(client, STUDY)
    get(client, STUDY)
    with Records.open(data) as records:
        entries = [e for e in records.audit.entries(10) if e.event == "download object"]
    assert [(e.who, e.study_instance_uid, e.detail) for e in entries] == [("radiologist", STUDY, "study")] * 2


def test_made_objects_are_kept(client: FlaskClient, study: list[Instance], monkeypatch: pytest.MonkeyPatch) -> None:
    accept = f"{DICOM}; transfer-syntax=1.2.840.10008.1.2"
    first = get(client, STUDY, accept).data
    monkeypatch.setattr("viewer.object_store.transcode", lambda *_: pytest.fail("it was made before"))
    assert get(client, STUDY, accept).data == first
