"""A `multipart/related` answer taken apart by hand, and DICOM objects of pydicom's wheel in an archive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file

from storage import meta
from storage.archive import Archive
from storage.model import Instance
from tests.support.objects import store


@dataclass(frozen=True)
class Part:
    """One part: its header fields in lower case, and its bytes."""

    headers: dict[str, str]
    data: bytes

    @property
    def transfer_syntax(self) -> str:
        return self.headers["content-type"].partition("transfer-syntax=")[2]


def parts_of(content_type: str, body: bytes) -> list[Part]:
    """Take a body apart; fails where it is not well-formed (RFC 2046 5.1.1)."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    assert found is not None
    assert content_type.startswith("multipart/related;")
    delimiter = b"\r\n--" + found[1].encode()
    first, *rest = (b"\r\n" + body.removeprefix(b"\r\n")).split(delimiter)
    assert first == b""
    assert rest[-1] in (b"--", b"--\r\n")
    return [_part(raw) for raw in rest[:-1]]


def _part(raw: bytes) -> Part:
    head, blank, data = raw.partition(b"\r\n\r\n")
    assert blank
    fields = [line.split(":", 1) for line in head.decode("ascii").strip().split("\r\n")]
    headers = {name.lower(): value.strip() for name, value in fields}
    assert int(headers.get("content-length", len(data))) == len(data)
    return Part(headers, data)


def of_pydicom(archive: Archive, name: str) -> Instance:
    """Store an object of pydicom's wheel as it is; returns where it is."""
    path = Path(str(get_testdata_file(name, download=False)))
    data, ds = path.read_bytes(), pydicom.dcmread(path)
    with path.open("rb") as file:
        about = meta.read(file.fileno(), len(data))
    store(
        archive,
        data[about.data_set_offset :],
        sop_class_uid=str(ds.SOPClassUID),
        sop_instance_uid=str(ds.SOPInstanceUID),
        transfer_syntax_uid=about.transfer_syntax_uid,
    )
    return archive.instance(str(ds.SOPInstanceUID))


def address_of(instance: Instance) -> str:
    """The address of an instance."""
    uids = (instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid)
    return "/dicom-web/studies/{}/series/{}/instances/{}".format(*uids)
