"""One object on its way into the archive: written as it streams in, then checked, placed and indexed.

The order is the promise (see `files`): nothing is answered with success before `keep` has returned.
"""

from __future__ import annotations

import hashlib
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
    InvalidObject,
    NotFound,
    OutOfSpace,
    StorageError,
    WriteFailed,
)
from storage.files import Bytes, FileStore, disk_errors
from storage.header import Header, read_header
from storage.index import Index
from storage.model import Instance, Outcome, Source, Stored
from storage.quarantine import Quarantine
from storage.rows import relative_path
from storage.settings import ArchiveSettings


@dataclass(frozen=True, slots=True)
class Announced:
    """What the sender says it sends; empty UIDs are not compared."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


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
            OutOfSpace: the disk is full, or the object is larger than the settings allow.
            WriteFailed: the disk refuses.
        """
        if self.size + len(data) > self._settings.maximum_object_bytes:
            raise OutOfSpace(f"the object is larger than {self._settings.maximum_object_bytes} bytes")
        self._file.write(data)

    def keep(self) -> Stored:
        """Check the object, put it on stable storage, index it.

        Raises:
            InvalidObject, UnsafeUID, ClassMismatch, DuplicateConflict: refused; its bytes are in quarantine.
            OutOfSpace, WriteFailed: refused; nothing was kept.
        """
        try:
            header = self._checked_header()
            return self._store(header)
        except (OutOfSpace, WriteFailed):
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
        header = read_header(
            self._file.fd, self._file.prefix_size, self._file.size, self._announced.transfer_syntax_uid
        )
        self._compare(header, "SOPClassUID", "sop_class_uid", self._announced.sop_class_uid)
        self._compare(header, "SOPInstanceUID", "sop_instance_uid", self._announced.sop_instance_uid)
        return header

    def _compare(self, header: Header, keyword: str, column: str, announced: str) -> None:
        inside = header.text(column)
        if announced and inside != announced:
            raise ClassMismatch(f"{keyword} is {inside} in the data set but {announced[:64]} in the message")

    def _store(self, header: Header) -> Stored:
        known = self._known(header)
        if known is not None:
            return known
        received_on = f"{datetime.now():%Y/%m/%d}"
        uids = (header.text(c) for c in ("study_instance_uid", "series_instance_uid", "sop_instance_uid"))
        relative = relative_path(received_on, *uids)
        try:
            self._files.place(self._file, relative)
        except FileExistsError:
            return self._meet(header, self._files.data / relative, received_on)
        # Where this fails the file stays, since a twin may have met it and answered for it. The sender is refused, sends
        # again and meets the file then; or the next start indexes it.
        if self._index.add(self._entry(header, received_on)):
            return self._answer(header, Outcome.STORED)
        # Another sender of the same UID was indexed between the look and the move.
        return self._lost_race(header)

    def _entry(self, header: Header, received_on: str) -> Entry:
        return Entry(
            header=header,
            transfer_syntax_uid=self._announced.transfer_syntax_uid,
            received_on=received_on,
            received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            size=self._file.size,
            dataset_offset=self._file.prefix_size,
            dataset_sha256=self._file.dataset_sha256,
        )

    def _answer(self, header: Header, outcome: Outcome) -> Stored:
        return Stored(outcome, header.text("sop_instance_uid"), header.text("study_instance_uid"), self._file.size)

    def _known(self, header: Header) -> Stored | None:
        """Answer for an object that is indexed already: the same bytes are fine, others conflict."""
        try:
            first = self._index.instance(header.text("sop_instance_uid"), self._files.data)
        except NotFound:
            return None
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
            return self._answer(header, Outcome.ALREADY_STORED)
        self._index.relocate(self._entry(header, "/".join(relative.parts[1:4])))
        return self._answer(header, Outcome.STORED)

    def _meet(self, header: Header, target: Path, received_on: str) -> Stored:
        """Meet a file that the index did not know a moment ago: a twin in another process, or what a crash left.

        The same bytes are one object, whoever indexes it; others conflict.
        """
        size, offset, digest = fingerprint(target)
        if digest != self._file.dataset_sha256:
            raise DuplicateConflict(
                f"SOP Instance UID {header.text('sop_instance_uid')} arrived twice at once with other content; "
                "the first one stays"
            )
        with disk_errors(f"cannot sync {target.name}"):
            self._files.sync_folder(target.parent)
        self._index.add(replace(self._entry(header, received_on), size=size, dataset_offset=offset))
        return self._answer(header, Outcome.ALREADY_STORED)

    def _lost_race(self, header: Header) -> Stored:
        """The index got the same SOP Instance UID first; take the own file back, unless it is that very file."""
        first = self._index.instance(header.text("sop_instance_uid"), self._files.data)
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
