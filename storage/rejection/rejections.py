"""Reject, obey, restore: folders first or index first, so that a stop at any step leaves one clear state."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from storage import uid
from storage.attributes import BY_KEYWORD, Level
from storage.errors import AlreadyExists, NotFound, StorageError
from storage.index import Index
from storage.model import Instance, Study
from storage.query import Condition, OneOf, Order, Query
from storage.rejection import removal
from storage.rejection.folders import Folders, facts_of
from storage.rejection.model import Reason, Rejection, Target, Told
from storage.rejection.note import write_note
from storage.rejection.received import read_note
from storage.rejection.settling import entries_of, settle_alone

_log = logging.getLogger("filmless.archive")
_COMMENT_MAX = 1024


def _nobody(rejection: Rejection) -> None:
    """Hear of a rejection, and do nothing."""


class Rejections:
    """The `rejected/` folder of one archive, and what its index hides."""

    def __init__(self, data: Path, index: Index) -> None:
        self._data = data
        self._index = index
        self._folders = Folders(data)

    def reject(self, target: Target, reason: Reason, by: str, comment: str = "") -> Rejection:
        """Take a study, series or instance out of use; when this returns nobody finds it any more.

        Raises:
            NotFound: there is no such thing.
            OutOfSpace, WriteFailed: nothing has changed.
        """
        with self._folders.one_at_a_time():
            # What another process left half done would otherwise be rejected a second time.
            settle_alone(self._data, self._folders, self._index)
            study, instances = self._found(target)
            return self._take_out(study, instances, target, reason, by, comment)

    def obey(self, note: Instance, by: str, told: Told = _nobody) -> list[Rejection]:
        """Take out of use what a note that somebody sent names and is here; tell and return what was done.

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
        with self._folders.one_at_a_time():
            settle_alone(self._data, self._folders, self._index)
            for study_uid, named in said.instances.items():
                study, others = self._beside(note, study_uid)
                instances = [one for one in others if one.sop_instance_uid in named]
                if study is not None and instances:
                    target, comment = _target_of(instances, others), f"note {note.sop_instance_uid}"
                    done.append(self._take_out(study, instances, target, said.reason, by, comment))
                    told(done[-1])
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
        by, comment = by[:64], comment[:_COMMENT_MAX]
        try:
            note = write_note(study, instances, reason, by, comment)
            self._folders.write(identifier, note, facts_of(study, instances, target, reason, by, comment, now))
            self._index.hide(identifier, [i.sop_instance_uid for i in instances])
        except StorageError:
            self._undo(identifier)
            raise
        return self.get(identifier)

    def page(self, limit: int, offset: int = 0) -> list[Rejection]:
        """Return rejections, the newest first; one whose list is damaged, or that is ended just now, is left out."""
        found: list[Rejection] = []
        for name in sorted(self._folders.names(), reverse=True)[offset : offset + limit]:
            try:
                found.append(self.get(name))
            except NotFound as e:
                _log.error("%s can be read", e)
        return found

    def count(self) -> int:
        """Return how many rejections there are."""
        return len(self._folders.names())

    def get(self, identifier: str) -> Rejection:
        """Return one rejection.

        Raises:
            NotFound: there is none of that identifier.
        """
        return self._folders.get(identifier)

    def restore(self, identifier: str) -> Rejection:
        """Bring back what was rejected; when this returns it is found again.

        Raises:
            NotFound: there is none of that identifier.
            AlreadyExists: it is being removed for good.
            OutOfSpace, WriteFailed: nothing has changed, or the next start goes on with it.
        """
        with self._folders.one_at_a_time():
            rejection = self.get(identifier)
            if rejection.is_being_removed:
                raise AlreadyExists("it is being removed for good: too late to restore it")
            entries = entries_of(self._data, self._index, identifier)
            self._folders.end(identifier)
            self._index.unhide(identifier, entries)
            self._folders.drop(identifier)
        return rejection

    def remove_older_than(self, moment: datetime, told: Told = _nobody) -> list[Rejection]:
        """Remove for good what was rejected before `moment`; tell and return what it was.

        Raises:
            WriteFailed: some could not be removed; the others are, and the next call goes on with it.
        """
        return removal.remove_older_than(self._data, self._folders, self._index, moment, told)

    def _undo(self, identifier: str) -> None:
        """Take back a rejection of which is told that it failed: the next start would carry it out."""
        if self._folders.path(identifier).exists():
            self._folders.end(identifier)
            self._folders.drop(identifier)

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


def _target_of(instances: Sequence[Instance], every: Sequence[Instance]) -> Target:
    """Return the smallest of study, series and instance that takes in all of `instances`."""
    first, series = instances[0], {one.series_instance_uid for one in instances}
    if len(instances) == 1 and len(every) > 1:
        return Target(first.study_instance_uid, first.series_instance_uid, first.sop_instance_uid)
    if len(series) == 1 and any(one.series_instance_uid not in series for one in every):
        return Target(first.study_instance_uid, first.series_instance_uid)
    return Target(first.study_instance_uid)
