"""Reject, restore, remove for good: folders first or index first, so that a stop at any step leaves one clear state."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, KeyObjectSelectionDocumentStorage

from storage import meta, uid
from storage.attributes import BY_KEYWORD, Level
from storage.batch import Entry
from storage.entries import entry_of
from storage.errors import AlreadyExists, IndexFailed, InvalidObject, NotFound, StorageError, WriteFailed
from storage.files import disk_errors, sync_folder
from storage.index import Index
from storage.model import Instance, Study
from storage.query import Condition, OneOf, Order, Query
from storage.rejection.model import Reason, Rejection, Target
from storage.rejection.note import write_note
from storage.rejection.received import read_note
from storage.rows import relative_path

_log = logging.getLogger("filmless.archive")
FOLDER = "rejected"
NOTE, FACTS, REMOVING = "note.dcm", "facts.json", "removing"
_IDENTIFIER = re.compile(r"[0-9]{8}T[0-9]{12}Z-[0-9a-f]{8}\Z")
_COMMENT_MAX = 1024
_HALF_SECONDS = 3600.0


class Rejections:
    """The `rejected/` folder of one archive, and what its index hides."""

    def __init__(self, data: Path, index: Index) -> None:
        self._data = data
        self._index = index

    def reject(self, target: Target, reason: Reason, by: str, comment: str = "") -> Rejection:
        """Take a study, series or instance out of use; when this returns nobody finds it any more.

        Raises:
            NotFound: there is no such thing.
            OutOfSpace, WriteFailed: nothing has changed.
        """
        with _one_at_a_time(self._data):
            # What another process left half done would otherwise be rejected a second time.
            _settle(self._data, self._index)
            study, instances = self._found(target)
            return self._take_out(study, instances, target, reason, by, comment)

    def obey(self, note: Instance, by: str) -> list[Rejection]:
        """Take out of use what a note that somebody sent names and is here; return what was done.

        Nothing is done for an object that is no rejection note, and nothing twice: what is out of use already is not
        found. The note itself stays what it is, an object of its study.

        Raises:
            InvalidObject: the note cannot be read.
            OutOfSpace, WriteFailed: it was done in part or not at all; sent again, the note does the rest.
        """
        said = read_note(note)
        if said is None:
            return []
        done: list[Rejection] = []
        with _one_at_a_time(self._data):
            _settle(self._data, self._index)
            for study_uid, named in said.instances.items():
                study, others = self._beside(note, study_uid)
                instances = [one for one in others if one.sop_instance_uid in named]
                if study is not None and instances:
                    target, comment = _target_of(instances, others), f"note {note.sop_instance_uid}"
                    done.append(self._take_out(study, instances, target, said.reason, by, comment))
        return done

    def _beside(self, note: Instance, study_uid: str) -> tuple[Study | None, list[Instance]]:
        """Return a study and its instances without a note; nothing where there is none of that UID."""
        if not uid.is_valid(study_uid):
            return None, []
        try:
            study, instances = self._found(Target(study_uid))
        except NotFound:
            return None, []
        return study, [one for one in instances if one.sop_instance_uid != note.sop_instance_uid]

    def _take_out(
        self, study: Study, instances: Sequence[Instance], target: Target, reason: Reason, by: str, comment: str
    ) -> Rejection:
        now = datetime.now(UTC)
        identifier = f"{now:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}"
        facts = _facts(study, instances, target, reason, by[:64], comment[:_COMMENT_MAX], now)
        try:
            self._write(identifier, study, instances, facts)
            self._index.hide(identifier, [i.sop_instance_uid for i in instances])
        except StorageError:
            self._undo(identifier)
            raise
        return self.get(identifier)

    def page(self, limit: int, offset: int = 0) -> list[Rejection]:
        """Return rejections, the newest first; one whose list is damaged, or that is ended just now, is left out."""
        found: list[Rejection] = []
        for name in sorted(names(self._data), reverse=True)[offset : offset + limit]:
            try:
                found.append(self.get(name))
            except NotFound as e:
                _log.error("%s can be read", e)
        return found

    def count(self) -> int:
        """Return how many rejections there are."""
        return len(names(self._data))

    def get(self, identifier: str) -> Rejection:
        """Return one rejection.

        Raises:
            NotFound: there is none of that identifier.
        """
        folder = self._folder(identifier)
        facts = read_facts(folder)
        if facts is None:
            raise NotFound(f"no rejection {identifier[:80]!r}")
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

    def restore(self, identifier: str) -> Rejection:
        """Bring back what was rejected; when this returns it is found again.

        Raises:
            NotFound: there is none of that identifier.
            AlreadyExists: it is being removed for good.
            OutOfSpace, WriteFailed: nothing has changed, or the next start goes on with it.
        """
        with _one_at_a_time(self._data):
            rejection = self.get(identifier)
            if rejection.is_being_removed:
                raise AlreadyExists("it is being removed for good: too late to restore it")
            entries = _entries(self._data, self._index, identifier)
            gone = self._set_aside(identifier)
            self._index.unhide(identifier, entries)
            shutil.rmtree(gone, ignore_errors=True)
        return rejection

    def remove_older_than(self, moment: datetime) -> list[Rejection]:
        """Remove for good what was rejected before `moment`; return what it was.

        Raises:
            WriteFailed: a file cannot be removed; the next call goes on with it.
        """
        before = f"{moment.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"
        removed: list[Rejection] = []
        for name in sorted(names(self._data)):
            if name < before:
                try:
                    removed.append(self._remove(name))
                except NotFound as e:
                    _log.error("%s can be read; it stays", e)
        return removed

    def _remove(self, identifier: str) -> Rejection:
        with _one_at_a_time(self._data):
            rejection, folder = self.get(identifier), self._folder(identifier)
            paths = self._doomed(identifier)
            with disk_errors(f"cannot remove rejected objects of {identifier}"):
                (folder / REMOVING).touch()
                sync_folder(folder)
                for path in paths:
                    path.unlink(missing_ok=True)
                for parent in sorted({p.parent for p in paths}):
                    _remove_empty(parent, self._data / "archive")
            # The folder first: one that stood on without its rows would hide the same objects once they are sent again.
            gone = self._set_aside(identifier)
            self._index.forget(identifier)
            shutil.rmtree(gone, ignore_errors=True)
        _log.info("removed %d objects that %s had rejected at %s", len(paths), rejection.by, rejection.at)
        return rejection

    def _doomed(self, identifier: str) -> list[Path]:
        """Return the files that go with a rejection: what it hides, and what it names and no index knows any more.

        What it names may be in use again, or be hidden by another one, after an index was damaged or changed by hand.
        """
        hidden = {row["sop_instance_uid"]: self._data / _place(row) for row in self._index.hidden_under(identifier)}
        facts = read_facts(self._folder(identifier)) or {"instances": []}
        named = [self._data / Path(path) for uid, path in facts["instances"] if not self._index.has(uid)]
        return [*hidden.values(), *named]

    def _undo(self, identifier: str) -> None:
        """Take back a rejection of which is told that it failed: the next start would carry it out."""
        if self._folder(identifier).exists():
            shutil.rmtree(self._set_aside(identifier), ignore_errors=True)

    def _found(self, target: Target) -> tuple[Study, list[Instance]]:
        conditions: list[Condition] = []
        for keyword, value in (
            ("StudyInstanceUID", target.study_instance_uid),
            ("SeriesInstanceUID", target.series_instance_uid),
            ("SOPInstanceUID", target.sop_instance_uid),
        ):
            if value:
                conditions.append(OneOf(BY_KEYWORD[keyword], (uid.checked(keyword, value),)))
        order = (Order(BY_KEYWORD["SeriesNumber"]), Order(BY_KEYWORD["InstanceNumber"]))
        studies = self._index.studies(Query(Level.STUDY, tuple(conditions[:1])))
        instances = self._index.instances(Query(Level.INSTANCE, tuple(conditions), order), self._data)
        if not target.study_instance_uid or not studies or not instances:
            raise NotFound("there is nothing of these UIDs in this archive")
        return studies[0], instances

    def _write(self, identifier: str, study: Study, instances: Sequence[Instance], facts: dict[str, Any]) -> None:
        folder = self._data / FOLDER
        half = folder / f".{identifier}"
        note = write_note(study, instances, Reason(facts["reason"]), facts["by"], facts["comment"])
        note.file_meta = FileMetaDataset()
        note.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        note.file_meta.MediaStorageSOPClassUID = KeyObjectSelectionDocumentStorage
        note.file_meta.MediaStorageSOPInstanceUID = note.SOPInstanceUID
        note.file_meta.ImplementationClassUID = UID(meta.IMPLEMENTATION_CLASS_UID)
        with disk_errors("cannot write a rejection"):
            half.mkdir(parents=True)
            try:
                note.save_as(half / NOTE, enforce_file_format=True)
                (half / FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
                for path in (half / NOTE, half / FACTS):
                    _sync_file(path)
                sync_folder(half)
                sync_folder(self._data)
                half.rename(folder / identifier)
                sync_folder(folder)
            except BaseException:
                shutil.rmtree(half, ignore_errors=True)
                raise

    def _set_aside(self, identifier: str) -> Path:
        gone = self._data / FOLDER / f".{identifier}"
        with disk_errors(f"cannot end the rejection {identifier}"):
            self._folder(identifier).rename(gone)
            sync_folder(gone.parent)
        return gone

    def _folder(self, identifier: str) -> Path:
        if not _IDENTIFIER.match(identifier):
            raise NotFound(f"no rejection {identifier[:80]!r}")
        return self._data / FOLDER / identifier


def _target_of(instances: Sequence[Instance], every: Sequence[Instance]) -> Target:
    """Return the smallest of study, series and instance that takes in all of `instances`."""
    first, series = instances[0], {one.series_instance_uid for one in instances}
    if len(instances) == 1 and len(every) > 1:
        return Target(first.study_instance_uid, first.series_instance_uid, first.sop_instance_uid)
    if len(series) == 1 and any(one.series_instance_uid not in series for one in every):
        return Target(first.study_instance_uid, first.series_instance_uid)
    return Target(first.study_instance_uid)


def names(data: Path) -> set[str]:
    """Return the identifiers of all rejections that stand in the folder."""
    try:
        return {entry.name for entry in os.scandir(data / FOLDER) if _IDENTIFIER.match(entry.name)}
    except FileNotFoundError:
        return set()


def read_facts(folder: Path) -> dict[str, Any] | None:
    """Return what a rejection's JSON file says; None when there is none that can be read."""
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts


def settle(data: Path, index: Index) -> None:
    """Make the index hide exactly what the folders say: after a stop of any kind, and in an index made anew.

    Raises:
        OutOfSpace, WriteFailed: the index cannot be written.
    """
    with _one_at_a_time(data):
        _settle(data, index)


def _settle(data: Path, index: Index) -> None:
    there, hidden = names(data), index.hidden()
    for identifier in sorted(there - hidden):
        facts = read_facts(data / FOLDER / identifier)
        if facts is None:
            _log.error("rejected/%s cannot be read: what it names is in use again", identifier)
        else:
            index.hide(identifier, [sop_instance_uid for sop_instance_uid, _ in facts["instances"]])
    for identifier in sorted(hidden - there):
        _unhide(data, index, identifier)
    if there or hidden:
        _sweep(data)


@contextmanager
def _one_at_a_time(data: Path) -> Iterator[None]:
    """Keep other threads and processes from rejecting, restoring, removing and settling meanwhile.

    Of two who reject one study at once, the second would name what the first one hides: it would be listed twice, and
    removed for good although one of them was restored.
    """
    with disk_errors("cannot lock the data folder"):
        fd = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _sweep(data: Path) -> None:
    for entry in (data / FOLDER).iterdir():
        # Young ones are being written, or read for the last time.
        if entry.name.startswith(".") and time.time() - entry.stat().st_mtime > _HALF_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)


def _unhide(data: Path, index: Index, identifier: str) -> None:
    """Finish what was cut between the end of a folder and the word of it to the index."""
    if (data / FOLDER / f".{identifier}" / REMOVING).exists():
        index.forget(identifier)
        return
    try:
        entries = _entries(data, index, identifier)
    except IndexFailed:
        raise
    except WriteFailed as e:
        _log.error("%s is not restored yet: %s; the next start tries again", identifier, e)
        return
    index.unhide(identifier, entries)


def _entries(data: Path, index: Index, identifier: str) -> list[Entry]:
    """Read what the index held of all objects that a rejection hides; those that are gone or damaged are told.

    Raises:
        WriteFailed: the disk does not let one be read; to go on would take it out of the index.
    """
    entries: list[Entry] = []
    for row in index.hidden_under(identifier):
        path = data / _place(row)
        try:
            entries.append(entry_of(path))
        except (InvalidObject, WriteFailed) as e:
            if isinstance(e, WriteFailed) and not isinstance(e.__cause__, FileNotFoundError):
                raise
            _log.error("%s cannot be restored: %s", path.name, e)
    return entries


def _place(row: sqlite3.Row) -> Path:
    return relative_path(
        row["received_on"], row["study_instance_uid"], row["series_instance_uid"], row["sop_instance_uid"]
    )


def _facts(
    study: Study, instances: Sequence[Instance], target: Target, reason: Reason, by: str, comment: str, now: datetime
) -> dict[str, Any]:
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


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove_empty(folder: Path, until: Path) -> None:
    """Remove the folders of a series and study that nothing is in any more; a day's folder stays."""
    for _ in range(2):
        try:
            folder.rmdir()
        except OSError:
            return  # something is in it, or arrives just now
        folder = folder.parent
        if folder == until:
            return
