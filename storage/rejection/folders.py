"""The folder `rejected/`: one folder for each rejection, whose coming and going under its name is what counts."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from storage import meta
from storage.errors import NotFound
from storage.files import disk_errors, sync_folder
from storage.model import Instance, Study
from storage.rejection.model import Reason, Rejection, Target

FOLDER = "rejected"
NOTE, FACTS, REMOVING = "note.dcm", "facts.json", "removing"
_IDENTIFIER = re.compile(r"[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8}\Z")
_HALF_SECONDS = 3600.0


class Folders:
    """The rejections of a data folder; beside them, under names with a dot in front, what is not whole or has ended."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._folder = data / FOLDER

    def path(self, identifier: str) -> Path:
        """Return where a rejection is.

        Raises:
            NotFound: no rejection has such an identifier.
        """
        if not _IDENTIFIER.match(identifier):
            raise NotFound(f"no rejection {identifier[:80]!r}")
        return self._folder / identifier

    def ended(self, identifier: str) -> Path:
        """Return where a rejection is while it is written, and once it has ended."""
        return self._folder / f".{identifier}"

    def names(self) -> set[str]:
        """Return the identifiers of all rejections."""
        try:
            return {entry.name for entry in os.scandir(self._folder) if _IDENTIFIER.match(entry.name)}
        except FileNotFoundError:
            return set()

    def named(self, identifier: str) -> dict[str, Path] | None:
        """Return the SOP Instance UIDs that a rejection names, each with its place below the data folder.

        None where its list cannot be read.
        """
        try:
            return {str(uid): Path(place) for uid, place in self._facts(identifier)["instances"]}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _facts(self, identifier: str) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.path(identifier) / FACTS).read_text(encoding="utf-8"))
        return facts

    def get(self, identifier: str) -> Rejection:
        """Return one rejection.

        Raises:
            NotFound: there is none of that identifier whose list can be read.
        """
        try:
            return self._read(identifier)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotFound(f"no rejection {identifier[:80]!r}") from error

    def _read(self, identifier: str) -> Rejection:
        folder, facts = self.path(identifier), self._facts(identifier)
        return Rejection(
            identifier=identifier,
            target=Target(*facts["target"]),
            reason=Reason(facts["reason"]),
            by=facts["by"],
            at=facts["at"],
            comment=facts["comment"],
            patient_name=facts["patient_name"],
            patient_id=facts["patient_id"],
            study_date=facts["study_date"],
            study_description=facts["study_description"],
            modalities=tuple(facts["modalities"]),
            instances=len(facts["instances"]),
            size=facts["size"],
            note=folder / NOTE,
            is_being_removed=(folder / REMOVING).exists(),
        )

    def write(self, identifier: str, note: Dataset, facts: dict[str, Any]) -> None:
        """Put a rejection on stable storage: it is there whole once this returns, or not at all.

        Raises:
            OutOfSpace, WriteFailed: the disk refuses.
        """
        half = self.ended(identifier)
        note.file_meta = _file_meta(note)
        with disk_errors("cannot write a rejection"):
            half.mkdir(parents=True)
            try:
                note.save_as(half / NOTE, enforce_file_format=True)
                (half / FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
                for path in (half / NOTE, half / FACTS):
                    _sync_file(path)
                sync_folder(half)
                sync_folder(self._data)
                half.rename(self.path(identifier))
                sync_folder(self._folder)
            except BaseException:
                shutil.rmtree(half, ignore_errors=True)
                raise

    def begin_removal(self, identifier: str) -> None:
        """Note, before the first file goes, that a rejection cannot be restored any more."""
        folder = self.path(identifier)
        with disk_errors(f"cannot remove rejected objects of {identifier}"):
            (folder / REMOVING).touch()
            sync_folder(folder)

    def was_removed(self, identifier: str) -> bool:
        """Tell of one that has ended whether its objects were removed, and not restored."""
        return (self.ended(identifier) / REMOVING).exists()

    def end(self, identifier: str) -> None:
        """Take a rejection's name away; `drop` it once the index knows.

        Raises:
            OutOfSpace, WriteFailed: the disk refuses.
        """
        with disk_errors(f"cannot end the rejection {identifier}"):
            self.path(identifier).rename(self.ended(identifier))
            sync_folder(self._folder)

    def drop(self, identifier: str) -> None:
        """Remove what is left of one that has ended."""
        shutil.rmtree(self.ended(identifier), ignore_errors=True)

    def sweep(self) -> None:
        """Remove what was left half done long ago."""
        for entry in self._folder.glob(".*"):
            # Young ones are being written, or read for the last time.
            if time.time() - entry.stat().st_mtime > _HALF_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Keep other threads and processes from rejecting, restoring, removing and settling meanwhile.

        Of two who reject one study at once, the second would name what the first one hides: it would be listed twice,
        and removed for good although one of them was restored.
        """
        with disk_errors("cannot lock the data folder"):
            fd = os.open(self._data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def facts_of(
    study: Study, instances: Sequence[Instance], target: Target, reason: Reason, by: str, comment: str, now: datetime
) -> dict[str, Any]:
    """Return what a rejection's JSON file says."""
    return {
        "target": [target.study_instance_uid, target.series_instance_uid, target.sop_instance_uid],
        "reason": reason.value,
        "by": by,
        "at": now.isoformat(timespec="seconds"),
        "comment": comment,
        "patient_name": study.patient_name,
        "patient_id": study.patient_id,
        "study_date": study.study_date,
        "study_description": study.study_description,
        "modalities": list(study.modalities),
        "size": sum(i.size for i in instances),
        "instances": [[i.sop_instance_uid, str(Path(*i.path.parts[-7:]))] for i in instances],
    }


def _file_meta(note: Dataset) -> FileMetaDataset:
    group = FileMetaDataset()
    group.TransferSyntaxUID = ExplicitVRLittleEndian
    group.MediaStorageSOPClassUID, group.MediaStorageSOPInstanceUID = note.SOPClassUID, note.SOPInstanceUID
    group.ImplementationClassUID = UID(meta.IMPLEMENTATION_CLASS_UID)
    return group


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
