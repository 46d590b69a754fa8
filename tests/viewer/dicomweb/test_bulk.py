"""All bulk data and all pixel data of a study, series or instance: each part is what its address gives alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from storage.archive import Archive
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.parts import parts_of
from viewer.dicomweb.dicom_json import BULK_BYTES

ROOT = f"/dicom-web/studies/{STUDY}"
PLACE = f"{ROOT}/series/{SERIES}"
WORDS = np.arange(BULK_BYTES, dtype="<u2").tobytes()
MPEG4 = "1.2.840.10008.1.2.4.102"
OCTETS = 'multipart/related; type="application/octet-stream"'


def _rle(value: int) -> bytes:
    """A frame of 8 x 8 bytes of one value (PS3.5 G)."""
    run = bytes((257 - 64, value))
    return np.array([1, 64, *[0] * 14], "<u4").tobytes() + run


def _compressed(uid: str, *frames: bytes) -> Dataset:
    ds = ct(SOPInstanceUID=uid, InstanceNumber=3, NumberOfFrames=len(frames), PixelData=encapsulate(list(frames)),
            BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0)  # fmt: skip
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


@pytest.fixture(autouse=True)
def stored(archive: Archive) -> None:
    """An uncompressed image with a large table and an icon, one compressed, and a report."""
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.PixelData = 2, 2, 8, b"\1\2\3\4"
    icon["PixelData"].VR = "OB"
    more = {"IconImageSequence": [icon], "RedPaletteColorLookupTableData": WORDS}
    store(archive, ct(**more), transfer_syntax_uid=ImplicitVRLittleEndian)
    store(archive, _compressed(f"{INSTANCE}.2", _rle(7), _rle(9)), transfer_syntax_uid=RLELossless)
    report = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR", "SeriesInstanceUID": f"{SERIES}.9"}
    of_images = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData")
    store(archive, ct(SOPInstanceUID=f"{SERIES}.9.1", **report, **dict.fromkeys(of_images)))


def _parts(answer: Any) -> list[tuple[dict[str, str], bytes]]:
    return [(part.headers, part.data) for part in parts_of(answer.content_type, answer.data)]


def _alone(client: FlaskClient, location: str, **headers: str) -> bytes:
    answer = client.get(location.removeprefix("http://localhost"), headers=headers)
    assert answer.status_code == 200, location
    return bytes(answer.data)


@pytest.mark.parametrize("place", [f"{PLACE}/instances/{INSTANCE}/bulkdata", f"{PLACE}/bulkdata", f"{ROOT}/bulkdata"])
def test_bulk_data_is_what_metadata_has_addresses_of(client: FlaskClient, place: str) -> None:
    metadata = client.get(place.replace("/bulkdata", "/metadata")).get_data(as_text=True)
    addresses = re.findall(r'"BulkDataURI":\s*"([^"]+)"', metadata)
    answer = client.get(place, headers={"Accept": OCTETS})
    assert (answer.status_code, answer.content_type.split("; boundary")[0]) == (200, OCTETS)
    parts = _parts(answer)
    assert sorted(fields["content-location"] for fields, _ in parts) == sorted(addresses)
    assert len(parts) == (3 if "instances" in place else 4)
    for fields, content in parts:
        assert fields["content-type"] == "application/octet-stream"
        assert content == _alone(client, fields["content-location"])
    assert client.head(place).status_code == 200


@pytest.mark.parametrize("place", [f"{PLACE}/pixeldata", f"{ROOT}/pixeldata"])
def test_pixel_data_comes_decoded_unless_asked_for_otherwise(client: FlaskClient, place: str) -> None:
    (plain, pixels), (packed, frames) = _parts(client.get(place))
    assert pixels == np.arange(64, dtype="<i2").tobytes()
    assert frames == bytes([7] * 64 + [9] * 64)
    assert plain["content-location"] == f"http://localhost{PLACE}/instances/{INSTANCE}/bulkdata/7FE00010"
    assert packed["content-location"] == f"http://localhost{PLACE}/instances/{INSTANCE}.2/bulkdata/7FE00010"


def test_compressed_pixel_data_has_a_part_for_each_frame(client: FlaskClient) -> None:
    place = f"{PLACE}/instances/{INSTANCE}.2"
    answer = client.get(f"{place}/pixeldata", headers={"Accept": 'multipart/related; type="image/dicom-rle"'})
    parts = _parts(answer)
    assert 'type="image/dicom-rle"' in answer.content_type
    assert [content for _, content in parts] == [_rle(7), _rle(9)]
    assert [f["content-location"] for f, _ in parts] == [f"http://localhost{place}/frames/{n}" for n in (1, 2)]
    assert {f["content-type"] for f, _ in parts} == {f"image/dicom-rle; transfer-syntax={RLELossless}"}
    stored = client.get(f"{PLACE}/pixeldata", headers={"Accept": f"{OCTETS}; transfer-syntax=*"})
    assert [content for _, content in _parts(stored)] == [np.arange(64, dtype="<i2").tobytes(), _rle(7), _rle(9)]


def test_a_video_is_one_part_as_it_is_stored(client: FlaskClient, archive: Archive) -> None:
    store(archive, _compressed("1.2.8", b"\0\0\1\xb3film"), transfer_syntax_uid=MPEG4)
    for place in ("bulkdata", "pixeldata"):
        ((fields, content),) = _parts(client.get(f"{PLACE}/instances/1.2.8/{place}"))
        assert (fields["content-type"], content) == (f"video/mp4; transfer-syntax={MPEG4}", b"\0\0\1\xb3film")
    assert client.get(f"{PLACE}/instances/1.2.8/pixeldata", headers={"Accept": "image/jpeg"}).status_code == 406


def test_what_is_damaged_is_left_empty_and_the_rest_comes(client: FlaskClient, archive: Archive) -> None:
    store(archive, _compressed("1.2.7", b"\xff" * 70), transfer_syntax_uid=RLELossless)
    parts = {fields["content-location"].split("/")[9]: (fields, content) for fields, content in
             _parts(client.get(f"{PLACE}/pixeldata"))}  # fmt: skip
    assert len(parts) == 3
    fields, content = parts.pop("1.2.7")
    assert content == b""
    assert "cannot be read or decoded" in fields["content-description"]
    assert all(content and "content-description" not in fields for fields, content in parts.values())


def test_it_is_not_sent_again_and_what_is_not_there_is_not_found(client: FlaskClient, archive: Archive) -> None:
    place = f"{PLACE}/bulkdata"
    first = client.get(place)
    again = client.get(place, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    store(archive, ct(SOPInstanceUID=f"{INSTANCE}.3"))
    assert client.get(place, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    for missing in (f"{ROOT}/series/{SERIES}.9/bulkdata", f"{ROOT}/series/{SERIES}.9/pixeldata",
                    "/dicom-web/studies/1.2.3/bulkdata", f"{ROOT}/series/1.2/pixeldata",
                    f"{PLACE}/instances/1.2/bulkdata", "/dicom-web/studies/x/pixeldata"):  # fmt: skip
        answer = client.get(missing)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json"), missing
    for kind in ("bulkdata", "pixeldata"):
        refused = client.get(f"{PLACE}/{kind}", headers={"Accept": "image/png"})
        assert (refused.status_code, bool(refused.json["offered"])) == (406, True)
