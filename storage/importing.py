"""Bringing files in: single ones, folders, zip files and what a DICOMDIR lists.

Names inside a zip or a DICOMDIR never form a path that is written to; a DICOMDIR may only point below its own folder.
What is no DICOM file is told apart from a DICOM file that is broken: the first is passed over with a word, the second
is kept in quarantine like any other broken object. Members of a zip are streamed, never unpacked to a file, and only as
far as they look like DICOM; a zip bomb costs no more disk than an object that large would.
"""

from __future__ import annotations

import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import MediaStorageDirectoryStorage

from storage import meta
from storage.archive import Archive
from storage.errors import InvalidObject, OutOfSpace, StorageError, WriteFailed
from storage.incoming import Announced, Incoming
from storage.model import Outcome, Source

_CHUNK = 1 << 20
_MAX_MEMBERS = 1_000_000
# What the zip module raises for encrypted, damaged or unknown forms of packing.
_BAD_ZIP = (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError, EOFError, ValueError)


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
            yield from _walked(path)
        elif path.name.upper() == "DICOMDIR":
            yield from _listed(path)
        else:
            yield path


def _walked(path: Path) -> Iterator[Path]:
    unreadable: list[str] = []
    for folder, subfolders, names in os.walk(path, onerror=lambda e: unreadable.append(e.filename)):
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.upper() != "DICOMDIR")
    # A folder that cannot be listed is handed out itself, so that importing it says so.
    yield from map(Path, unreadable)


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
            yield _below(root, [str(part).replace("\0", "") for part in parts], dicomdir)


def _below(root: Path, parts: list[str], dicomdir: Path) -> Path:
    path = root.joinpath(*parts).resolve()
    if not path.is_relative_to(root):
        raise InvalidObject(f"{dicomdir}: it points outside its own folder, to {path}")
    if not path.exists():
        # Linux shows the names of a plain ISO 9660 disc in lower case, PS3.10 8.2 writes them in upper case.
        lower = root.joinpath(*(part.lower() for part in parts)).resolve()
        return lower if lower.is_relative_to(root) and lower.exists() else path
    return path


def import_file(archive: Archive, path: Path) -> Iterator[ImportResult]:
    """Import one file, or every file in a zip."""
    try:
        # Neither a pipe nor a device is read, which might never end; a folder here is one that could not be listed.
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            what = "the folder cannot be listed" if stat.S_ISDIR(kind) else "not a regular file"
            yield ImportResult(str(path), Imported.FAILED, what)
            return
        with path.open("rb") as f:
            # The prefix is looked for first: a document inside a DICOM file may end as a zip does.
            if meta.has_prefix(f.fileno()) or not zipfile.is_zipfile(f):
                f.seek(0)
                yield _import_stream(archive, f, str(path))
            else:
                yield from _import_zip(archive, f, str(path))
    except OSError as e:
        yield ImportResult(str(path), Imported.FAILED, e.strerror or str(e))


def _import_zip(archive: Archive, f: BinaryIO, name: str) -> Iterator[ImportResult]:
    try:
        with zipfile.ZipFile(f) as z:
            members = [m for m in z.infolist() if not m.is_dir()]
            if len(members) > _MAX_MEMBERS:
                yield ImportResult(name, Imported.FAILED, f"more than {_MAX_MEMBERS} files in the zip")
                return
            for member in members:
                if Path(member.filename).name.upper() != "DICOMDIR":
                    yield _import_member(archive, z, member, f"{name}!{member.filename}")
    except _BAD_ZIP as e:
        yield ImportResult(name, Imported.FAILED, f"the zip cannot be read: {e}")


def _import_member(archive: Archive, z: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> ImportResult:
    try:
        with z.open(member) as packed:
            return _import_stream(archive, cast("BinaryIO", packed), name)
    except _BAD_ZIP as e:
        return ImportResult(name, Imported.FAILED, f"it cannot be unpacked: {e}")


def _import_stream(archive: Archive, f: BinaryIO, name: str) -> ImportResult:
    """Import what a stream holds, read once from its start to its end; its meta group is in the first chunk."""
    head = f.read(_CHUNK)
    try:
        m = meta.of_head(head)
    except InvalidObject as e:
        if head[meta.PREAMBLE :].startswith(meta.MAGIC):
            return _refuse(archive, head, f, name, e)
        return ImportResult(name, Imported.NOT_DICOM, str(e) if head else "the file is empty")
    if m.sop_class_uid == MediaStorageDirectoryStorage:
        return ImportResult(name, Imported.NOT_DICOM, "a directory of files, no object")
    try:
        return ImportResult(name, _store(archive, m, head, f, name))
    except (OutOfSpace, WriteFailed) as e:
        return ImportResult(name, Imported.FAILED, str(e))
    except StorageError as e:
        return ImportResult(name, Imported.QUARANTINED, str(e))


def _refuse(archive: Archive, head: bytes, f: BinaryIO, name: str, error: InvalidObject) -> ImportResult:
    """Keep a file whose meta group is broken, whole, in quarantine."""
    try:
        with archive.receive(Announced("", "", ""), Source(address=name)) as incoming:
            _write_all(incoming, head, f)
            incoming.refuse(error)
    except StorageError as e:
        return ImportResult(name, Imported.FAILED, str(e))
    return ImportResult(name, Imported.QUARANTINED, str(error))


def _store(archive: Archive, m: meta.Meta, head: bytes, f: BinaryIO, name: str) -> Imported:
    announced = Announced(m.sop_class_uid, m.sop_instance_uid, m.transfer_syntax_uid)
    with archive.receive(announced, Source(address=name)) as incoming:
        _write_all(incoming, head[m.data_set_offset :], f)
        stored = incoming.keep()
    return Imported.STORED if stored.outcome is Outcome.STORED else Imported.ALREADY_STORED


def _write_all(incoming: Incoming, head: bytes, f: BinaryIO) -> None:
    while head:
        incoming.write(head)
        head = f.read(_CHUNK)
