"""Instances that come as metadata and bulk data (PS3.18 10.5.1.2, 8.7.3.2), put together to objects.

The first part holds the metadata of all instances as a JSON array; or there is one part of XML for each instance,
before its bulk data. Each bulk data part names in Content-Location the BulkDataURI that stands for it. Parts may come
in any order after their metadata, so all are written to one file first; pixels go from there into the archive piece
by piece.
"""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MPEGTransferSyntaxes

from storage.archive import Archive
from storage.errors import InvalidObject
from storage.incoming import Announced
from viewer.dicomweb.media_types import MediaType, MediaTypeError, parse
from viewer.dicomweb.multipart_reader import MultipartError, Part
from viewer.dicomweb.stow import json_model, native_xml
from viewer.dicomweb.stow.intake import Intake, failed_as
from viewer.uploads import write_aside

JSON_TYPE, XML_TYPE = "application/dicom+json", "application/dicom+xml"
METADATA_TYPES = (JSON_TYPE, XML_TYPE)
METADATA_MAX = 64 << 20
"""Bytes of metadata of one request; pixels never stand in it."""
BULK_IN_MEMORY_MAX = 64 << 20
"""Bytes of one instance's bulk data that are not pixels (documents, look-up tables)."""
_CHUNK = 1 << 18
# Of bulk data that is an image by itself: the syntax unless the part names another (PS3.18 table 8.7.3-2 and 8.7.3-5).
_SYNTAXES = {
    "application/octet-stream": str(ExplicitVRLittleEndian),
    "image/jpeg": "1.2.840.10008.1.2.4.70",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jpx": "1.2.840.10008.1.2.4.92",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "image/jxl": "1.2.840.10008.1.2.4.110",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "video/mpeg": "1.2.840.10008.1.2.4.100",
    "video/mpeg2": "1.2.840.10008.1.2.4.100",
    "video/mp4": "1.2.840.10008.1.2.4.102",
}
_PIXELS = {"7FE00008": "OF", "7FE00009": "OD", "7FE00010": "OW"}
_AFTER_PIXELS = 0x7FE00010
_GROUP_2 = "0002"


@dataclass(frozen=True, slots=True)
class Bulk:
    """Where a part of bulk data is in the spool, and of what media type."""

    offset: int
    length: int
    media_type: MediaType


class MetadataIntake:
    """Collects the parts of one request, then hands each instance to `intake`."""

    def __init__(self, intake: Intake, archive: Archive, study_instance_uid: str, kind: str) -> None:
        self._intake = intake
        self._archive = archive
        self._study = study_instance_uid
        self._kind = kind
        self._spool = TemporaryFile(dir=archive.data / "cache")  # noqa: SIM115 - closed by __exit__
        self._bulk: dict[str, Bulk] = {}
        self._ambiguous: set[str] = set()
        self._instances: list[dict[str, Any]] = []
        self._metadata_left = METADATA_MAX

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._spool.close()

    def take(self, parts: Iterator[Part]) -> None:
        """Read all parts and store the instances that they make.

        Raises:
            MultipartError: there is no metadata, or it cannot be read.
        """
        for number, part in enumerate(parts):
            media_type = _media_type(part)
            if media_type.essence == self._kind and (number == 0 or self._kind == XML_TYPE):
                self._instances += self._read_metadata(part)
            elif number == 0:
                raise MultipartError(f"The first part is {media_type.essence}; metadata ({self._kind}) comes first.")
            else:
                self._keep_bulk(part, media_type)
        for attributes in self._instances:
            self._store(attributes)

    def _read_metadata(self, part: Part) -> list[dict[str, Any]]:
        text = bytearray()
        for chunk in part.content:
            self._metadata_left -= len(chunk)
            if self._metadata_left < 0:
                raise MultipartError(f"The metadata has more than {METADATA_MAX} bytes; pixels belong into bulk data.")
            text += chunk
        try:
            found = native_xml.decode(bytes(text)) if self._kind == XML_TYPE else _json(text)
        except (ValueError, RecursionError) as e:
            raise MultipartError(f"The metadata cannot be read: {str(e)[:200]}.") from None
        instances = found if isinstance(found, list) else [found]
        if not instances or not all(isinstance(one, dict) for one in instances):
            raise MultipartError("The metadata is no list of instances.")
        return instances

    def _keep_bulk(self, part: Part, media_type: MediaType) -> None:
        location = part.headers.get("content-location", "").strip()
        if not location:
            raise MultipartError("A part of bulk data has no Content-Location.")
        offset = self._spool.tell()
        write_aside(part.content, self._spool, self._archive)
        if location in self._bulk:
            self._ambiguous.add(location)
        self._bulk[location] = Bulk(offset, self._spool.tell() - offset, media_type)

    def _store(self, attributes: dict[str, Any]) -> None:
        sop_class, instance = _text(attributes, "00080016"), _text(attributes, "00080018")
        try:
            attributes = json_model.checked(attributes)
            pixels = self._pixels(attributes)
            syntax = self._syntax(attributes, pixels)
            ds = self._data_set(attributes)
            content = self._encoded(ds, attributes, pixels, syntax)
        except InvalidObject as e:
            self._intake.note(failed_as(e, Announced(sop_class, instance, "")))
            return
        self._intake.take_data_set(Announced(sop_class, instance, syntax, self._study), content)

    def _pixels(self, attributes: dict[str, Any]) -> tuple[str, Bulk] | None:
        """Return tag and bulk data of the pixels; None where there are none, or they stand in the metadata."""
        for tag in _PIXELS:
            uri = _uri(attributes.get(tag))
            if uri:
                return tag, self._found(uri)
        return None

    def _found(self, uri: str) -> Bulk:
        bulk = self._bulk.get(uri)
        if bulk is None:
            raise InvalidObject(f"no part has the Content-Location {uri[:200]!r} that the metadata names")
        if uri in self._ambiguous:
            raise InvalidObject(f"several parts have the Content-Location {uri[:200]!r}")
        return bulk

    def _syntax(self, attributes: dict[str, Any], pixels: tuple[str, Bulk] | None) -> str:
        if pixels is None:
            return str(ExplicitVRLittleEndian)
        media_type = pixels[1].media_type
        syntax = media_type.parameter("transfer-syntax") or _SYNTAXES.get(media_type.essence)
        if syntax is None:
            raise InvalidObject(f"pixels of type {media_type.essence} cannot be stored")
        named = UID(syntax)
        if not named.is_private and (not named.is_transfer_syntax or named.is_implicit_VR or named.is_deflated):
            raise InvalidObject(f"bulk data cannot be in the transfer syntax {syntax[:64]!r}")
        if named.is_encapsulated and pixels[0] != "7FE00010":
            raise InvalidObject("only Pixel Data can be compressed")
        frames = _number(attributes, "00280008")
        if named.is_encapsulated and frames > 1 and named not in MPEGTransferSyntaxes:
            raise InvalidObject("compressed frames of one instance in one part cannot be told apart")
        if not named.is_little_endian:
            raise InvalidObject("bulk data is little endian (PS3.18 8.7.3.3)")
        return syntax

    def _data_set(self, attributes: dict[str, Any]) -> Dataset:
        left = BULK_IN_MEMORY_MAX

        def read(tag: str, vr: str, uri: str) -> Any:
            nonlocal left
            bulk = self._found(uri)
            left -= bulk.length
            if left < 0:
                raise InvalidObject(f"more than {BULK_IN_MEMORY_MAX} bytes of bulk data that are not pixels")
            return json_model.from_bulk(tag, vr, b"".join(self._pieces(bulk)))

        wanted = {k: v for k, v in attributes.items() if not k.startswith(_GROUP_2) and not (k in _PIXELS and _uri(v))}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ds = Dataset.from_json(wanted, read)
        except InvalidObject:
            raise
        except Exception as e:  # whatever a stranger's JSON makes pydicom raise
            raise InvalidObject(f"the metadata is no DICOM JSON: {_sentence(e)}") from None
        ds.SpecificCharacterSet = "ISO_IR 192"
        return ds

    def _encoded(
        self, ds: Dataset, attributes: dict[str, Any], pixels: tuple[str, Bulk] | None, syntax: str
    ) -> Iterator[memoryview | bytes]:
        try:
            before, after = _written(ds[:_AFTER_PIXELS]), _written(ds[_AFTER_PIXELS:])
        except Exception as e:
            raise InvalidObject(f"the metadata cannot be written as DICOM: {_sentence(e)}") from None
        return self._joined(before, after, attributes, pixels, syntax)

    def _joined(
        self, before: bytes, after: bytes, attributes: dict[str, Any], pixels: tuple[str, Bulk] | None, syntax: str
    ) -> Iterator[memoryview | bytes]:
        yield before
        if pixels is not None:
            tag, bulk = pixels
            opening, closing = _framing(tag, bulk.length, attributes, compressed=UID(syntax).is_encapsulated)
            yield opening
            yield from self._pieces(bulk)
            yield closing
        yield after

    def _pieces(self, bulk: Bulk) -> Iterator[bytes]:
        at, end = bulk.offset, bulk.offset + bulk.length
        while at < end:
            self._spool.seek(at)
            piece = self._spool.read(min(_CHUNK, end - at))
            at += len(piece)
            yield piece


def _framing(tag: str, length: int, attributes: dict[str, Any], *, compressed: bool) -> tuple[bytes, bytes]:
    """Return what stands before and after the bytes of pixels (PS3.5 7.1.2, A.4)."""
    if length >= 0xFFFFFFFE:
        raise InvalidObject("pixels of 4 GiB or more have no place in a native element (PS3.5 7.1.2)")
    group, element = int(tag[:4], 16), int(tag[4:], 16)
    padding = b"\0" * (length % 2)
    if compressed:
        opening = struct.pack("<HH2sHI", group, element, b"OB", 0, 0xFFFFFFFF)
        opening += struct.pack("<HHIHHI", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, length + len(padding))
        return opening, padding + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    vr = _PIXELS[tag]
    if vr == "OW" and _number(attributes, "00280100") <= 8:
        vr = "OB"
    return struct.pack("<HH2sHI", group, element, vr.encode(), 0, length + len(padding)), padding


def _written(ds: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds)
    return bytes(buffer.getvalue())


def _json(text: bytearray) -> Any:
    return json.loads(text, object_pairs_hook=json_model.without_repeats)


def _sentence(error: Exception) -> str:
    """What pydicom says of an element, without the lines of its source that it adds."""
    return str(error).partition("\n")[0][:200]


def _media_type(part: Part) -> MediaType:
    try:
        return parse(part.headers["content-type"])
    except KeyError:
        raise MultipartError("A part has no Content-Type.") from None
    except MediaTypeError as e:
        raise MultipartError(f"The Content-Type of a part cannot be read: {e}.") from None


def _text(attributes: dict[str, Any], tag: str) -> str:
    values = _values(attributes.get(tag))
    return str(values[0]) if values else ""


def _number(attributes: dict[str, Any], tag: str) -> int:
    try:
        return int(_text(attributes, tag) or 0)
    except ValueError:
        return 0


def _values(facts: Any) -> list[Any]:
    values = facts.get("Value") if isinstance(facts, dict) else None
    return values if isinstance(values, list) else []


def _uri(facts: Any) -> str:
    uri = facts.get("BulkDataURI") if isinstance(facts, dict) else None
    return uri if isinstance(uri, str) else ""
