"""One object on its way into the archive: written as it streams in, then checked, placed and indexed.

The order is the promise (see `files`): nothing is answered with success before `keep` has returned.
"""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from storage import meta, uid
from storage.batch import Entry
from storage.errors import (
    ClassMismatch,
    DuplicateConflict,
    IndexFailed,
    InvalidObject,
    NotFound,
    OutOfSpace,
    Rejected,
    StorageError,
    WriteFailed,
)
from storage.files import Bytes, FileStore, disk_errors, sync_folder
from storage.header import Header, read_header
from storage.index import Index
from storage.model import Instance, Outcome, Source, Stored
from storage.quarantine import Quarantine
from storage.rows import relative_path
from storage.settings import ArchiveSettings

_log = logging.getLogger("filmless.archive")
_TRIES = 5
_LOOK_AT_SPACE_EVERY = 64 << 20


@dataclass(frozen=True, slots=True)
class Announced:
    """What the sender says it sends; empty UIDs are not compared."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str = ""


class Incoming:
    """A context manager: `write` fragments, then `keep`; leaving it without `keep` forgets what was written."""

    def __init__(
        self,
        files: FileStore,
        index: Index,
        quarantine: Quarantine,
        settings: ArchiveSettings,
        announced: Announced,
        source: Source,
    ) -> None:
        self._files, self._index, self._quarantine = files, index, quarantine
        self._settings = settings
        self._announced = announced
        self._source = source
        self._look_at_space_at = _LOOK_AT_SPACE_EVERY
        prefix = meta.encode(announced.sop_class_uid, announced.sop_instance_uid, announced.transfer_syntax_uid, source)
        self._file = files.new_incoming(prefix)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._file.discard()

    @property
    def size(self) -> int:
        """Bytes of the data set written so far."""
        return self._file.size - self._file.prefix_size

    def write(self, data: Bytes) -> None:
        """Append a fragment of the data set.

        Raises:
            OutOfSpace: the disk is full or below the free-space mark, or the object is larger than the settings allow.
            WriteFailed: the disk refuses.
        """
        if self.size + len(data) > self._settings.maximum_object_bytes:
            raise OutOfSpace(f"the object is larger than {self._settings.maximum_object_bytes} bytes")
        self._file.write(data)
        if self.size >= self._look_at_space_at:
            self._look_at_space_at = self.size + _LOOK_AT_SPACE_EVERY
            if self._files.free_bytes() < self._settings.minimum_free_bytes:
                raise OutOfSpace(f"less than {self._settings.minimum_free_bytes} bytes are free on the disk")

    def keep(self) -> Stored:
        """Check the object, put it on stable storage, index it.

        Raises:
            InvalidObject, UnsafeUID, ClassMismatch, DuplicateConflict: refused; its bytes are in quarantine.
            Rejected: the same object was taken out of use; it is still here.
            OutOfSpace, WriteFailed: refused; nothing was kept.
        """
        try:
            header = self._checked_header()
            return self._store(header)
        except (OutOfSpace, WriteFailed, Rejected):
            raise
        except StorageError as e:
            self._refuse(e)
            raise

    def refuse(self, error: StorageError) -> None:
        """Put what was written into quarantine for a reason that the caller found."""
        self._refuse(error)

    def _refuse(self, error: StorageError) -> None:
        a = self._announced
        announced = (a.sop_class_uid, a.sop_instance_uid, a.transfer_syntax_uid)
        self._quarantine.keep(self._file, error, self._source, announced)

    def _checked_header(self) -> Header:
        if not uid.is_valid(self._announced.transfer_syntax_uid):
            raise InvalidObject(f"{self._announced.transfer_syntax_uid[:80]!r} is no transfer syntax UID")
        with disk_errors("cannot read an incoming object"):
            header = read_header(
                self._file.fd, self._file.prefix_size, self._file.size, self._announced.transfer_syntax_uid
            )
        self._compare(header, "SOPClassUID", "sop_class_uid", self._announced.sop_class_uid)
        self._compare(header, "SOPInstanceUID", "sop_instance_uid", self._announced.sop_instance_uid)
        self._compare(header, "StudyInstanceUID", "study_instance_uid", self._announced.study_instance_uid)
        return header

    def _compare(self, header: Header, keyword: str, column: str, announced: str) -> None:
        inside, announced = header.text(column), announced.strip(" \0")
        if announced and inside != announced:
            raise ClassMismatch(f"{keyword} is {inside} in the data set but {announced[:64]} in the message")

    def _store(self, header: Header) -> Stored:
        for _ in range(_TRIES):
            stored = self._known(header) or self._placed(header)
            if stored is not None:
                return stored
        raise WriteFailed("the same object came and went several times at once; send it again")

    def _placed(self, header: Header) -> Stored | None:
        """Move the object to its place and index it; None when a twin stood there and has gone again."""
        received_on = f"{datetime.now():%Y/%m/%d}"
        uids = (header.text(c) for c in ("study_instance_uid", "series_instance_uid", "sop_instance_uid"))
        relative = relative_path(received_on, *uids)
        try:
            self._files.place(self._file, relative)
            is_new = self._index.add(self._entry(header, received_on))
        except FileExistsError:
            return self._meet(header, self._files.data / relative, received_on)
        except InvalidObject:
            raise  # to quarantine, from where it stands
        except BaseException:
            self._withdraw(header)
            raise
        if is_new:
            return self._answer(header, Outcome.STORED)
        return self._lost_race(header)

    def _withdraw(self, header: Header) -> None:
        """An object that cannot be found again is not kept either, unless a twin has met it and indexed it."""
        if not self._file.placed:
            return
        with self._files.hold(self._file.path) as there:
            if there and not self._may_be_indexed(header):
                self._files.take_back(self._file)

    def _may_be_indexed(self, header: Header) -> bool:
        try:
            first = self._index.instance(header.text("sop_instance_uid"), self._files.data)
        except Rejected as e:
            return e.path == self._file.path
        except NotFound:
            return False
        except IndexFailed as e:
            _log.error("%s; %s stays, not acknowledged, for the next start to index", e, self._file.path)
            return True
        return first.path == self._file.path

    def _entry(self, header: Header, received_on: str) -> Entry:
        return Entry(
            header=header,
            transfer_syntax_uid=self._announced.transfer_syntax_uid,
            received_on=received_on,
            received_at=datetime.fromtimestamp(self._file.written_at, UTC).isoformat(timespec="milliseconds"),
            size=self._file.size,
            dataset_offset=self._file.prefix_size,
            dataset_sha256=self._file.dataset_sha256,
        )

    def _answer(self, header: Header, outcome: Outcome) -> Stored:
        return Stored(
            outcome=outcome,
            sop_instance_uid=header.text("sop_instance_uid"),
            study_instance_uid=header.text("study_instance_uid"),
            size=self._file.size,
            series_instance_uid=header.text("series_instance_uid"),
            sop_class_uid=header.text("sop_class_uid"),
        )

    def _known(self, header: Header) -> Stored | None:
        """Answer for an object that is indexed already: the same bytes are fine, others conflict."""
        if not self._index.has(header.text("sop_instance_uid")):
            return None
        try:
            first = self._index.instance(header.text("sop_instance_uid"), self._files.data)
        except Rejected as e:
            if e.dataset_sha256 == self._file.dataset_sha256:
                raise
            raise DuplicateConflict(f"{e}; this one has other content") from None
        except NotFound:
            return None  # gone meanwhile
        if first.dataset_sha256 != self._file.dataset_sha256:
            raise _conflict(first, self._files.data)
        if not first.path.exists():
            return self._restore(header, first)
        return self._answer(header, Outcome.ALREADY_STORED)

    def _restore(self, header: Header, first: Instance) -> Stored:
        """The row is there but its file is gone, and here it comes again."""
        relative = first.path.relative_to(self._files.data)
        try:
            self._files.place(self._file, relative)
        except FileExistsError:
            # A twin has just put it back, and may not have come to sync the folder yet.
            with disk_errors(f"cannot sync {first.path.name}"):
                sync_folder(first.path.parent)
            return self._answer(header, Outcome.ALREADY_STORED)
        self._index.relocate(self._entry(header, "/".join(relative.parts[1:4])))
        return self._answer(header, Outcome.STORED)

    def _meet(self, header: Header, target: Path, received_on: str) -> Stored | None:
        """Meet a file that the index did not know a moment ago: a twin in another process, or what a crash left.

        The same bytes are one object, whoever indexes it; others conflict. None when it has gone meanwhile.
        """
        with self._files.hold(target) as there:
            if not there:
                return None
            size, offset, digest = fingerprint(target)
            if digest != self._file.dataset_sha256:
                raise DuplicateConflict(
                    f"SOP Instance UID {header.text('sop_instance_uid')} arrived twice at once with other content; "
                    "the first one stays"
                )
            with disk_errors(f"cannot sync {target.name}"):
                sync_folder(target.parent)
            entry = replace(self._entry(header, received_on), size=size, dataset_offset=offset)
            if self._index.add(entry):
                return self._answer(header, Outcome.ALREADY_STORED)
        return None  # indexed meanwhile: looked at again from the start

    def _lost_race(self, header: Header) -> Stored:
        """The index got the same SOP Instance UID first; take the own file back, unless it is that very file."""
        try:
            first = self._index.instance(header.text("sop_instance_uid"), self._files.data)
        except Rejected as e:
            # A twin may have met the file in its place, and it was rejected since: it has to be there to come back.
            if e.path != self._file.path:
                self._files.take_back(self._file)
            raise
        if first.path == self._file.path:
            # A twin met the file in its place and was faster to index it.
            return self._answer(header, Outcome.ALREADY_STORED)
        if first.dataset_sha256 == self._file.dataset_sha256:
            self._files.take_back(self._file)
            return self._answer(header, Outcome.ALREADY_STORED)
        raise _conflict(first, self._files.data)


def _conflict(first: Instance, data: Path) -> DuplicateConflict:
    day = "-".join(first.path.relative_to(data).parts[1:4])
    return DuplicateConflict(
        f"SOP Instance UID {first.sop_instance_uid} is stored since {day} with other content; the first one stays"
    )


def fingerprint(path: Path) -> tuple[int, int, bytes]:
    """Return size, data set offset and the SHA-256 of the data set of a stored file.

    Raises:
        InvalidObject: the file has no meta information.
        WriteFailed: it cannot be read.
    """
    with disk_errors(f"cannot read {path.name}"), path.open("rb") as f:
        size = os.fstat(f.fileno()).st_size
        offset = meta.data_set_offset(f.fileno(), size)
        f.seek(offset)
        return size, offset, hashlib.file_digest(f, "sha256").digest()
