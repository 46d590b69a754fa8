"""The directory of a medium with one study on it: a DICOMDIR (PS3.3 F, PS3.10 8.6).

Facts this rests on:
- Records form a tree, patient - study - series - object, written one after the other. Each names the next record of its
  level and the first one below it, by their positions in the file; 0 is none (PS3.3 F.2.2).
- A position is that of the record's item, counted from the first byte of the file, preamble included (PS3.3 F.3.2.2).
- What a record holds depends on its type. Images need no more than the index knows (PS3.3 F.5.4), so a series of
  thousands is listed without opening its files; of other objects the header is read.
- A File ID is at most eight components of at most eight characters of A-Z, 0-9 and _ (PS3.10 8.2, 8.5).
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import DIRECTORY_RECORDERS
from pydicom.filewriter import write_dataset
from pydicom.uid import MediaStorageDirectoryStorage

from storage import meta
from storage.model import Instance, Series, Study

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_CHARACTER_SET = "ISO_IR 192"
_SHORT = struct.Struct("<HH2sH")
_LONG = struct.Struct("<HH2s2xI")
_ITEM = struct.Struct("<HHI")
# By the beginning of the SOP Class UID, the most exact first; anything else is an image.
_CLASS = "1.2.840.10008.5.1.4.1.1."
_TYPES = (
    (f"{_CLASS}88.59", "KEY OBJECT DOC"),
    (f"{_CLASS}88.", "SR DOCUMENT"),
    (f"{_CLASS}11.", "PRESENTATION"),
    (f"{_CLASS}9.", "WAVEFORM"),
    (f"{_CLASS}104.", "ENCAP DOC"),
    (f"{_CLASS}66.1", "REGISTRATION"),
    (f"{_CLASS}66.2", "FIDUCIAL"),
    (f"{_CLASS}66", "RAW DATA"),
    (f"{_CLASS}67", "VALUE MAP"),
    (f"{_CLASS}481.2", "RT DOSE"),
    (f"{_CLASS}481.3", "RT STRUCTURE SET"),
    (f"{_CLASS}481.5", "RT PLAN"),
    (f"{_CLASS}4.2", "SPECTROSCOPY"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One object and its File ID on the medium."""

    instance: Instance
    file_id: tuple[str, ...]


@dataclass(slots=True)
class _Record:
    """One record: its type, its keys already encoded, the records below."""

    type: str
    keys: bytes
    below: list[_Record] = field(default_factory=list)
    position: int = 0

    @property
    def size(self) -> int:
        """Bytes of its item."""
        return len(self.encoded(0))

    def encoded(self, following: int) -> bytes:
        """Return its item, with the position of the record after it on its level."""
        body = b"".join(
            (
                _number(0x0004, 0x1400, b"UL", following),
                _number(0x0004, 0x1410, b"US", 0xFFFF),
                _number(0x0004, 0x1420, b"UL", self.below[0].position if self.below else 0),
                _text(0x0004, 0x1430, b"CS", self.type),
                self.keys,
            )
        )
        return _ITEM.pack(0xFFFE, 0xE000, len(body)) + body


def encode(study: Study, series: Sequence[tuple[Series, Sequence[Listed]]]) -> bytes:
    """Return the DICOMDIR of a medium with these objects of one study, as a whole file."""
    patient = _patient(study)
    patient.below = [_study(study)]
    patient.below[0].below = [_series(one, listed) for one, listed in series]
    head = meta.encode_derived(MediaStorageDirectoryStorage, _instance_uid(study), EXPLICIT_LITTLE)
    fixed = len(head) + len(_data_set(0, b""))
    records = list(_in_order(patient))
    at = fixed
    for record in records:
        record.position = at
        at += record.size
    following = _following(patient)
    items = b"".join(record.encoded(following.get(id(record), 0)) for record in records)
    return head + _data_set(patient.position, items)


def _in_order(record: _Record) -> list[_Record]:
    found = [record]
    for below in record.below:
        found += _in_order(below)
    return found


def _following(root: _Record) -> dict[int, int]:
    """The position of the next record on the same level, by record."""
    found: dict[int, int] = {}
    for record in _in_order(root):
        for one, other in zip(record.below, record.below[1:], strict=False):
            found[id(one)] = other.position
    return found


def _data_set(root: int, items: bytes) -> bytes:
    return b"".join(
        (
            _text(0x0004, 0x1130, b"CS", "FILMLESS"),
            _number(0x0004, 0x1200, b"UL", root),
            _number(0x0004, 0x1202, b"UL", root),
            _number(0x0004, 0x1212, b"US", 0),
            _LONG.pack(0x0004, 0x1220, b"SQ", len(items)),
            items,
        )
    )


def _instance_uid(study: Study) -> str:
    """A UID of its own for this directory, the same for the same study (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, study.study_instance_uid).int}"


def _patient(study: Study) -> _Record:
    keys = (
        _text(0x0008, 0x0005, b"CS", _CHARACTER_SET),
        _text(0x0010, 0x0010, b"PN", study.patient_name),
        _text(0x0010, 0x0020, b"LO", study.patient_id or study.study_instance_uid),
    )
    return _Record("PATIENT", b"".join(keys))


def _study(study: Study) -> _Record:
    keys = (
        _text(0x0008, 0x0005, b"CS", _CHARACTER_SET),
        _text(0x0008, 0x0020, b"DA", study.study_date),
        _text(0x0008, 0x0030, b"TM", study.study_time),
        _text(0x0008, 0x0050, b"SH", study.accession_number),
        _text(0x0008, 0x1030, b"LO", study.study_description),
        _text(0x0020, 0x000D, b"UI", study.study_instance_uid),
        _text(0x0020, 0x0010, b"SH", study.study_id),
    )
    return _Record("STUDY", b"".join(keys))


def _series(series: Series, listed: Sequence[Listed]) -> _Record:
    number = "" if series.series_number is None else str(series.series_number)
    keys = (
        _text(0x0008, 0x0005, b"CS", _CHARACTER_SET),
        _text(0x0008, 0x0060, b"CS", series.modality),
        _text(0x0020, 0x000E, b"UI", series.series_instance_uid),
        _text(0x0020, 0x0011, b"IS", number),
    )
    return _Record("SERIES", b"".join(keys), [_object(one, i) for i, one in enumerate(listed, 1)])


def _object(listed: Listed, place: int) -> _Record:
    instance, kind = listed.instance, type_of(listed.instance.sop_class_uid)
    reference = (
        _text(0x0004, 0x1500, b"CS", "\\".join(listed.file_id)),
        _text(0x0004, 0x1510, b"UI", instance.sop_class_uid),
        _text(0x0004, 0x1511, b"UI", instance.sop_instance_uid),
        _text(0x0004, 0x1512, b"UI", instance.transfer_syntax_uid),
    )
    number = _text(0x0020, 0x0013, b"IS", str(place if instance.instance_number is None else instance.instance_number))
    keys = number if kind == "IMAGE" else _keys_of(instance, kind) or number
    return _Record(kind, b"".join((*reference, keys)))


def type_of(sop_class_uid: str) -> str:
    """Return the type of directory record of a SOP class (PS3.3 table F.4-1)."""
    return next((kind for prefix, kind in _TYPES if _is_of(sop_class_uid, prefix)), "IMAGE")


def _is_of(uid: str, prefix: str) -> bool:
    return uid.startswith(prefix) if prefix.endswith(".") else uid == prefix


def _keys_of(instance: Instance, kind: str) -> bytes:
    """The keys of a record of another type than an image; empty where the object lacks what they need."""
    try:
        record = DIRECTORY_RECORDERS[kind](dcmread(instance.path, stop_before_pixels=True))
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        keys = Dataset()
        keys.SpecificCharacterSet = _CHARACTER_SET
        keys.update(record)
        write_dataset(buffer, keys)
    except Exception:
        # pydicom can fail in many ways on a header of unknown origin, and the object is still to be on the medium.
        return b""
    return bytes(buffer.getvalue())


def _number(group: int, element: int, vr: bytes, value: int) -> bytes:
    size = 4 if vr == b"UL" else 2
    return _SHORT.pack(group, element, vr, size) + value.to_bytes(size, "little")


def _text(group: int, element: int, vr: bytes, value: str) -> bytes:
    raw = value.encode("utf-8")
    raw += (b"\0" if vr == b"UI" else b" ") * (len(raw) % 2)
    return _SHORT.pack(group, element, vr, len(raw)) + raw
