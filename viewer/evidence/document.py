"""What all documents that a reader saves have in common: whose they are, how they follow each other, their bytes.

- One series per study, kind of document and reader; a later save is the next instance of it and supersedes the one
  before.
- UIDs follow from what they stand for: of two saves that meet, made from the same state within the same minute, the
  archive takes one and refuses the other, so that neither is lost without a word.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from pydicom import dcmread
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from storage.errors import NotFound, PixelError
from storage.model import Instance
from storage.pixels import open_object
from viewer.rendering.attributes import items, text

MANUFACTURER = "Filmless"
CHARACTER_SET = "ISO_IR 192"
READ_MAX = 48 << 20
_NAMESPACE = UUID("d2a1f0a2-6d3c-5c8e-8d0e-3a6d5b1c9f47")

_INHERITED = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientAge",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "ReferringPhysicianName",
    "InstitutionName",
    "TimezoneOffsetFromUTC",
)
_REQUIRED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID")
_REQUIRED_TOO = ("AccessionNumber", "ReferringPhysicianName")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new document goes: its series, its number in it, its UID, and who makes it when."""

    series_instance_uid: str
    series_number: int
    sop_instance_uid: str
    instance_number: int
    author: str
    at: datetime


def person(name: str) -> str:
    """Return a user's name as a DICOM person name of one component; what would divide it goes."""
    return "".join(" " if c in "^=\\" else c for c in name if c.isprintable()).strip()[:64] or "?"


def series_uid(study_instance_uid: str, modality: str, author: str) -> str:
    """Return the UID of an author's series of documents of one modality (SR, PR, KO) in a study."""
    return _uid(study_instance_uid, modality, author.casefold())


def next_place(
    study_instance_uid: str, modality: str, series_number: int, author: str, kept: Sequence[Instance], now: datetime
) -> Place:
    """Return the place after `kept`, the documents of this author's series in the order of their numbers."""
    series = series_uid(study_instance_uid, modality, author)
    number = (kept[-1].instance_number or len(kept)) + 1 if kept else 1
    uid = _uid(series, str(number), now.strftime("%Y%m%d%H%M"))
    return Place(series, series_number, uid, number, person(author), now)


def _uid(*names: str) -> str:
    return f"2.25.{uuid5(_NAMESPACE, '/'.join(names)).int}"


def stand_in(instance: Instance) -> Dataset:
    """Return what highdicom has to know of a stored object: its UIDs. Patient and study are put in by `inherit`."""
    ds = Dataset()
    for keyword in (*_REQUIRED, *_REQUIRED_TOO):
        setattr(ds, keyword, None)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = instance.study_instance_uid, instance.series_instance_uid
    ds.SOPInstanceUID, ds.SOPClassUID = instance.sop_instance_uid, instance.sop_class_uid
    ds.SamplesPerPixel = 1
    ds.Rows, ds.Columns = instance.rows or 1, instance.columns or 1
    if instance.number_of_frames is not None:
        ds.NumberOfFrames = instance.number_of_frames
    return ds


def inherit(ds: Dataset, source: Instance, place: Place) -> Dataset:
    """Give a new document the patient and study of `source`, as written there, and its author.

    Odd values (a birth date that is none) are carried over as they are: another spelling would be another patient.
    """
    with open_object(source.path) as obj:
        for keyword in _INHERITED:
            value = "\\".join(_texts(obj.ds, keyword))
            if value or keyword in (*_REQUIRED, *_REQUIRED_TOO):
                _put(ds, keyword, value)
    _put(ds, "SpecificCharacterSet", CHARACTER_SET)
    _put(ds, "SeriesDate", f"{place.at:%Y%m%d}")
    _put(ds, "SeriesTime", f"{place.at:%H%M%S}")
    # A presentation state has a creation date and time of its own (PS3.3 C.11.10).
    made = "PresentationCreation" if text(ds, "Modality") == "PR" else "Content"
    _put(ds, f"{made}Date", f"{place.at:%Y%m%d}")
    _put(ds, f"{made}Time", f"{place.at:%H%M%S}")
    return ds


def _texts(ds: Dataset, keyword: str) -> list[str]:
    try:
        value = ds.get(keyword)
    except (TypeError, ValueError, NotImplementedError):
        return []
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [str(one) for one in several if one is not None]


def _put(ds: Dataset, keyword: str, value: str) -> None:
    tag = Tag(tag_for_keyword(keyword) or 0)
    ds.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))


def encoded(ds: Dataset) -> bytes:
    """Return the bytes of a data set in Explicit VR Little Endian, without file meta information."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    bare = Dataset({tag: ds[tag] for tag in ds.keys() if tag.group != 2})  # noqa: SIM118 - a data set is no dict
    write_dataset(buffer, bare)
    return bytes(buffer.getvalue())


SYNTAX = str(ExplicitVRLittleEndian)
"""The transfer syntax of `encoded`."""


def load(instance: Instance) -> Dataset:
    """Return a stored document; `PixelError` where it is too large or cannot be read, `NotFound` where it is gone."""
    if instance.size > READ_MAX:
        raise PixelError(f"a document of {instance.size} bytes is too large to read here")
    try:
        return dcmread(io.BytesIO(instance.path.read_bytes()))
    except FileNotFoundError as error:
        raise NotFound(f"the file of {instance.sop_instance_uid} is gone") from error
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, NotImplementedError) as error:
        raise PixelError(f"{instance.path.name}: {error}") from error


def author_of(ds: Dataset) -> str:
    """Return who made the content, as far as the document says: Content Creator, author, or person observing."""
    stated = text(ds, "ContentCreatorName") or _author(ds)
    return stated.rstrip("^")


def _author(ds: Dataset) -> str:
    for author in items(ds, "AuthorObserverSequence"):
        if text(author, "PersonName"):
            return text(author, "PersonName")
    for item in items(ds, "ContentSequence"):
        if text(item, "ValueType") == "PNAME":
            return text(item, "PersonName")
    return ""


def is_ours(ds: Dataset) -> bool:
    """Tell whether this application made the document."""
    return text(ds, "Manufacturer") == MANUFACTURER


def made_at(ds: Dataset) -> str:
    """Return when the content was made, as DICOM writes it: date and time joined."""
    date = text(ds, "ContentDate") or text(ds, "PresentationCreationDate")
    return date + (text(ds, "ContentTime") or text(ds, "PresentationCreationTime"))
