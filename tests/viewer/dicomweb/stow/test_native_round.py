"""What is read as XML and stored again as XML is the same: private attributes, ends of lines, digits of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydicom.dataset import Dataset
from werkzeug.test import TestResponse

from storage.archive import Archive
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.stow import BOUNDARY, body, part
from viewer.dicomweb.stow.native_xml import NotNative, decode

PLACE = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
XML = 'multipart/related; type="application/dicom+xml"'


def _object() -> Dataset:
    item = Dataset()
    item.private_block(0x0011, "WITHIN", create=True).add_new(0x10, "SH", "ten")
    ds = ct(
        AdditionalPatientHistory="one\r\ntwo\rthree\nfour", KVP="1.20E+02", ImagePositionPatient=["-1.50", "2.0", "3"]
    )
    ds.private_block(0x0009, "FIRST", create=True).add_new(0x01, "LO", "a")
    second = ds.private_block(0x0009, "SECOND", create=True)
    second.add_new(0x01, "LO", "b")
    second.add_new(0x02, "SQ", [item])
    return ds


def _metadata(client: FlaskClient, place: str) -> Any:
    (found,) = client.get(f"{place}/metadata").json or ()
    return {tag: facts for tag, facts in found.items() if tag not in ("00080018", "7FE00010")}


def test_a_round_trip_changes_nothing(client: FlaskClient, post: Callable[..., TestResponse], archive: Archive) -> None:
    store(archive, _object())
    answer = client.get(f"{PLACE}/metadata", headers={"Accept": XML})
    text = answer.data.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
    assert b"one&#13;\ntwo&#13;three\nfour" in text
    assert all(f">{digits}<".encode() in text for digits in ("-1.50", "2.0", "3"))
    text = text.replace(f">{INSTANCE}<".encode(), f">{INSTANCE}.2<".encode())
    text = re.sub(b'<DicomAttribute tag="00083002".*?</DicomAttribute>', b"", text)
    text = re.sub(b'uri="[^"]*7FE00010"', b'uri="pixels"', text)
    pixels = client.get(f"{PLACE}/bulkdata/7FE00010").data
    parts = [part(text, "application/dicom+xml"), part(pixels, "application/octet-stream", Content_Location="pixels")]
    stored = post(body(parts), Content_Type=f"{XML}; boundary={BOUNDARY}")
    assert stored.status_code == 200, stored.data
    again = _metadata(client, f"{PLACE}.2")
    assert again == _metadata(client, PLACE)
    assert again["00091101"] == {"vr": "LO", "Value": ["b"]}
    assert again["00091102"]["Value"][0]["00111010"] == {"vr": "SH", "Value": ["ten"]}


def _model(*attributes: str) -> bytes:
    return f"<NativeDicomModel>{''.join(attributes)}</NativeDicomModel>".encode()


def _attribute(tag: str, value: str, creator: str | None = None) -> str:
    owned = "" if creator is None else f' privateCreator="{creator}"'
    return f'<DicomAttribute tag="{tag}" vr="LO"{owned}><Value number="1">{value}</Value></DicomAttribute>'


def test_creators_that_nobody_wrote_get_a_block() -> None:
    found = decode(
        _model(_attribute("00090001", "b", "B"), _attribute("00090010", "A"), _attribute("00090001", "a", "A"))
    )
    assert {tag: facts["Value"][0] for tag, facts in found.items()} == {
        "00090010": "A", "00091001": "a", "00090011": "B", "00091101": "b",
    }  # fmt: skip


def test_there_are_only_so_many_blocks() -> None:
    with pytest.raises(NotNative, match="0009"):
        decode(_model(*(_attribute("00090001", "x", f"C{number}") for number in range(0x100))))
