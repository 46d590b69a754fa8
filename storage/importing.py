"""Bringing files in: single ones, folders, zip files and what a DICOMDIR lists.

Names inside a zip or a DICOMDIR never form a path that is written to; a DICOMDIR may only point below its own folder.
What is no DICOM file is told apart from a DICOM file that is broken: the first is passed over with a word, the second
is kept in quarantine like any other broken object.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from storage import meta
from storage.archive import Archive
from storage.errors import InvalidObject, OutOfSpace, StorageError, WriteFailed
from storage.incoming import Announced
from storage.model import Outcome, Source

_CHUNK = 1 << 20
_MAX_MEMBER = 16 << 30
_MAX_MEMBERS = 1_000_000


class Imported(Enum):
    """What became of one file."""

    STORED = "stored"
    ALREADY_STORED = "already stored"
    QUARANTINED = "in quarantine"
    NOT_DICOM = "no DICOM file"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """One file and its outcome; `detail` says why, where it is not simply stored."""

    name: str
    outcome: Imported
    detail: str = ""


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Find what may be imported: files as they are, folders walked in order, a DICOMDIR as the files it lists."""
    for path in paths:
        if path.is_dir():
            for folder, subfolders, names in os.walk(path):
                subfolders.sort()
                yield from (Path(folder, name) for name in sorted(names) if name != "DICOMDIR")
        elif path.name.upper() == "DICOMDIR":
            yield from _listed(path)
        else:
            yield path


def _listed(dicomdir: Path) -> Iterator[Path]:
    root = dicomdir.resolve().parent
    try:
        records = pydicom.dcmread(dicomdir).get("DirectoryRecordSequence") or []
    except (InvalidDicomError, OSError, ValueError) as e:
        raise InvalidObject(f"{dicomdir}: the DICOMDIR cannot be read: {e}") from e
    for record in records:
        reference = record.get("ReferencedFileID")
        if reference:
            parts = [reference] if isinstance(reference, str) else list(reference)
            path = root.joinpath(*parts).resolve()
            if not path.is_relative_to(root):
                raise InvalidObject(f"{dicomdir}: it points outside its own folder, to {path}")
            yield path


def import_file(archive: Archive, path: Path) -> Iterator[ImportResult]:
    """Import one file, or every file in a zip."""
    try:
        if zipfile.is_zipfile(path):
            yield from _import_zip(archive, path)
            return
        with path.open("rb") as f:
            yield _import_stream(archive, f, os.fstat(f.fileno()).st_size, str(path))
    except OSError as e:
        yield ImportResult(str(path), Imported.FAILED, e.strerror or str(e))


def _import_zip(archive: Archive, path: Path) -> Iterator[ImportResult]:
    try:
        with zipfile.ZipFile(path) as z:
            members = [m for m in z.infolist() if not m.is_dir()]
            if len(members) > _MAX_MEMBERS:
                yield ImportResult(str(path), Imported.FAILED, f"more than {_MAX_MEMBERS} files in the zip")
                return
            for member in members:
                if Path(member.filename).name.upper() != "DICOMDIR":
                    yield _import_member(archive, z, member, f"{path}!{member.filename}")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as e:
        yield ImportResult(str(path), Imported.FAILED, f"the zip cannot be read: {e}")


def _import_member(archive: Archive, z: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> ImportResult:
    """Unpack one member to an unnamed file, stopping where it grows beyond what it says or may."""
    limit = min(member.file_size, _MAX_MEMBER)
    with z.open(member) as packed, TemporaryFile(dir=archive.data / "incoming") as plain:
        size = 0
        while chunk := packed.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                return ImportResult(name, Imported.FAILED, f"it unpacks to more than {limit} bytes")
            plain.write(chunk)
        plain.flush()
        return _import_stream(archive, plain, size, name)


def _import_stream(archive: Archive, f: BinaryIO, size: int, name: str) -> ImportResult:
    try:
        m = _meta(f.fileno(), size)
    except InvalidObject as e:
        if meta.has_prefix(f.fileno()):
            return _refuse(archive, f, name, e)
        return ImportResult(name, Imported.NOT_DICOM, "the file is empty" if size == 0 else str(e))
    if m.sop_class_uid == MediaStorageDirectoryStorage:
        return ImportResult(name, Imported.NOT_DICOM, "a directory of files, no object")
    try:
        return ImportResult(name, _store(archive, f, m, name))
    except (OutOfSpace, WriteFailed) as e:
        return ImportResult(name, Imported.FAILED, str(e))
    except StorageError as e:
        return ImportResult(name, Imported.QUARANTINED, str(e))


def _refuse(archive: Archive, f: BinaryIO, name: str, error: InvalidObject) -> ImportResult:
    """Keep a file whose meta group is broken, whole, in quarantine."""
    try:
        with archive.receive(Announced("", "", ""), Source(address=name)) as incoming:
            f.seek(0)
            while chunk := f.read(_CHUNK):
                incoming.write(chunk)
            incoming.refuse(error)
    except StorageError as e:
        return ImportResult(name, Imported.FAILED, str(e))
    return ImportResult(name, Imported.QUARANTINED, str(error))


def _meta(fd: int, size: int) -> meta.Meta:
    """Read the meta group; a bare data set, as old devices write, is recognised by its first element."""
    try:
        return meta.read(fd, size)
    except InvalidObject:
        head = os.pread(fd, 8, 0)
        # Group 0008 comes first in any composite object; bytes 4 and 5 are a VR in explicit encodings.
        if len(head) < 8 or head[:2] != b"\x08\x00" or head[3] != 0:
            raise
        explicit = head[4:6].isalpha() and head[4:6].isupper()
        syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
        return meta.Meta(0, "", "", str(syntax), None)


def _store(archive: Archive, f: BinaryIO, m: meta.Meta, name: str) -> Imported:
    announced = Announced(m.sop_class_uid, m.sop_instance_uid, m.transfer_syntax_uid)
    with archive.receive(announced, Source(address=name)) as incoming:
        f.seek(m.data_set_offset)
        while chunk := f.read(_CHUNK):
            incoming.write(chunk)
        stored = incoming.keep()
    return Imported.STORED if stored.outcome is Outcome.STORED else Imported.ALREADY_STORED
