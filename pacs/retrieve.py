"""What C-GET and C-MOVE share: which objects are meant, the counts on the way, and the final response.

Facts of PS3.4 C.4.2 and C.4.3 that this module rests on:
- The identifier names a level and the unique keys: one or several at the level, exactly one above it, none below it
  (C.2.2.1). Of the keys of other kinds nothing is retrieved by; empty ones are harmless.
- Remaining, completed, failed and warning sub-operations are told with every Pending, and all but the first in the end
  (C.4.2.1.6 and PS3.7 9.1.3.1): only a cancelled operation has something remaining at its end.
- The final status is Success when all went well, Warning (B000) when some failed or had warnings, Refused (A702) when
  none was brought there; the Failed SOP Instance UID List goes with each but Success.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pydicom.dataset import Dataset
from pydicom.uid import UID

from pacs import data_sets, dimse
from pacs.application import Application
from pacs.association import Association, Message
from pacs.contexts import GET_CLASSES, MOVE_CLASSES
from pacs.data_sets import DataSetError
from pacs.dimse import Command, CommandField, Tag
from pacs.logs import one_line
from pacs.status import Status
from storage.archive import Archive
from storage.attributes import BY_KEYWORD, Level
from storage.errors import StorageError
from storage.model import Instance
from storage.query import OneOf, Order, Query

_log = logging.getLogger("filmless.dicom")
_MAX_COUNT = 0xFFFF  # an US
_NOTES = 3
_UNIQUE = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.INSTANCE: "SOPInstanceUID",
}
_NAMES = {"PATIENT": Level.PATIENT, "STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
_PATIENT_ROOT = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.INSTANCE)
_LEVELS = {
    uid: levels
    for classes in (MOVE_CLASSES, GET_CLASSES)
    for uid, levels in zip(classes, (_PATIENT_ROOT, _PATIENT_ROOT[1:], _PATIENT_ROOT[:2]), strict=True)
}
_ORDER = tuple(Order(BY_KEYWORD[k]) for k in ("StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber"))


class Refused(Exception):
    """The operation ends before it began: a status and an Error Comment."""

    def __init__(self, status: Status, comment: str) -> None:
        super().__init__(comment)
        self.status = status


class Cancelled(Exception):
    """A C-CANCEL came while an object was under way."""


class NotSent(Enum):
    """Why there is no answer to a C-STORE."""

    NOT_TAKEN = "no context"
    UNREADABLE = "cannot be read or transcoded here"
    LOST = "the node went away"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one object: the status of its C-STORE, None when there is no answer, and why."""

    status: int | None
    reason: str = ""
    not_sent: NotSent | None = None

    @property
    def ok(self) -> bool:
        """The destination has it, perhaps with a warning (PS3.7 C.4.1)."""
        return self.status is not None and (self.status == 0 or self.has_warning)

    @property
    def has_warning(self) -> bool:
        """The destination has it, but had something to say."""
        return self.status is not None and (self.status >> 12 == 0xB or self.status in (0x0001, 0x0107, 0x0116))


@dataclass(slots=True)
class Progress:
    """Counts of sub-operations."""

    remaining: int
    completed: int = 0
    warning: int = 0
    failed: list[str] = field(default_factory=list)
    """SOP Instance UIDs."""

    def count(self, instance: Instance, outcome: Delivered) -> None:
        """Count one sub-operation that has ended."""
        self.remaining -= 1
        if not outcome.ok:
            self.failed.append(instance.sop_instance_uid)
        elif outcome.has_warning:
            self.warning += 1
        else:
            self.completed += 1

    def final_status(self) -> Status:
        """Return the status at the end of all sub-operations."""
        if self.failed and not self.completed and not self.warning:
            return Status.UNABLE_TO_PERFORM_SUBOPERATIONS
        if self.failed or self.warning:
            return Status.SUBOPERATIONS_COMPLETE_WITH_FAILURES
        return Status.SUCCESS

    def counts(self, *, with_remaining: bool) -> dict[Tag, dimse.Value]:
        """Return the elements of a response."""
        counts: dict[Tag, dimse.Value] = {
            Tag.COMPLETED_SUBOPERATIONS: min(self.completed, _MAX_COUNT),
            Tag.FAILED_SUBOPERATIONS: min(len(self.failed), _MAX_COUNT),
            Tag.WARNING_SUBOPERATIONS: min(self.warning, _MAX_COUNT),
        }
        if with_remaining:
            counts[Tag.REMAINING_SUBOPERATIONS] = min(self.remaining, _MAX_COUNT)
        return counts


def authorize(assoc: Association, application: Application) -> None:
    """Let registered nodes pass that may retrieve.

    Raises:
        Refused: with 0124.
    """
    peer = application.records.peers.by_aet(assoc.peer.calling_aet)
    if peer is None:
        raise Refused(Status.NOT_AUTHORIZED, f"{assoc.peer.calling_aet} is no registered peer of this archive")
    if not peer.may_retrieve:
        raise Refused(Status.NOT_AUTHORIZED, f"{assoc.peer.calling_aet} may not retrieve")


def matches(archive: Archive, identifier: Dataset, assoc: Association, sop_class_uid: str) -> list[Instance]:
    """Return the objects that an identifier means, in the order of series and numbers.

    Where relational retrieval was negotiated, unique keys above the level may be left out (C.4.2.2.2, C.5.2.1).

    Raises:
        Refused: A900 for an identifier that does not fit the information model, A701 when the index fails.
    """
    relational = assoc.extended.get(sop_class_uid, b"")[:1] == b"\1"
    query = Query(Level.INSTANCE, tuple(_conditions(identifier, _LEVELS[sop_class_uid], relational)), _ORDER)
    try:
        return archive.matching_instances(query)
    except StorageError as e:
        _log.error("a retrieve cannot be answered: %s", e)
        raise Refused(Status.UNABLE_TO_COUNT_MATCHES, "the index cannot be read") from e


def _conditions(identifier: Dataset, levels: Sequence[Level], relational: bool) -> Iterator[OneOf]:
    named = str(identifier.get("QueryRetrieveLevel", "") or "").strip()
    level = _NAMES.get(named)
    if level is None or level not in levels:
        allowed = ", ".join(name for name, known in _NAMES.items() if known in levels)
        raise _mismatch(f"Query/Retrieve Level {named[:16]!r} is none of {allowed}")
    for key in _UNIQUE:
        values = _values(identifier, _UNIQUE[key])
        if key > level:
            if values:
                raise _mismatch(f"{_UNIQUE[key]} is below the {named} level")
        elif values:
            if len(values) > 1 and key < level:
                raise _mismatch(f"{_UNIQUE[key]} has several values above the {named} level")
            yield OneOf(BY_KEYWORD[_UNIQUE[key]], values)
        elif key == level or (key in levels and not relational):
            raise _mismatch(f"{_UNIQUE[key]} is missing at the {named} level")


def _values(identifier: Dataset, keyword: str) -> tuple[str, ...]:
    value = identifier.get(keyword)
    if value is None or value == "":
        return ()
    several = [value] if isinstance(value, str) else list(value)
    values = tuple(dict.fromkeys(str(v).strip(" \0") for v in several if str(v).strip(" \0")))
    if keyword != "PatientID" and not all(UID(v).is_valid for v in values):
        raise _mismatch(f"{keyword} is not a list of UIDs")
    return values


def _mismatch(comment: str) -> Refused:
    return Refused(Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, comment)


def identifier_of(assoc: Association, message: Message) -> Dataset:
    """Read the identifier of a request.

    Raises:
        Refused: C000 for one that cannot be read.
    """
    try:
        return data_sets.receive(assoc, message)
    except DataSetError as e:
        raise Refused(Status.CANNOT_UNDERSTAND, str(e)) from e


def refuse(assoc: Association, message: Message, refused: Refused) -> None:
    """Answer that nothing is going to be retrieved."""
    assoc.tally.notes.append(f"{CommandField(message.field).name}: {refused}")
    assoc.respond(message, dimse.response(message.command, refused.status, comment=str(refused)))


Deliver = Callable[[Instance, Instance | None], Delivered]
"""Brings one object to where it has to go; the second is the one that comes after it."""


def carry_out(assoc: Association, message: Message, instances: Sequence[Instance], deliver: Deliver) -> None:
    """Deliver the objects one after the other, tell how far it is after each, and end with the final response.

    `deliver` may raise `Cancelled`; it has to see to it that responses which are held go out (`Association.flush`).
    Raises as `Association.is_cancelled` when the requestor goes away.
    """
    progress = Progress(len(instances))
    for i, instance in enumerate(instances):
        following = instances[i + 1] if i + 1 < len(instances) else None
        try:
            if assoc.is_cancelled(message):
                raise Cancelled
            outcome = deliver(instance, following)
        except Cancelled:
            _finish(assoc, message, progress, Status.CANCEL)
            return
        progress.count(instance, outcome)
        _note(assoc, instance, outcome)
        if progress.remaining:
            pending = dimse.response(message.command, Status.PENDING)
            assoc.respond_soon(message, {**pending, **progress.counts(with_remaining=True)})
    _finish(assoc, message, progress, progress.final_status())


def _finish(assoc: Association, message: Message, progress: Progress, status: Status) -> None:
    failed = progress.failed if status is not Status.SUCCESS else []
    data_set = failed_list(failed, message.context.transfer_syntax) if failed else None
    comment = assoc.tally.notes[-1] if failed and assoc.tally.notes else ""
    final: Command = {
        **dimse.response(message.command, status, comment=comment, has_data_set=data_set is not None),
        **progress.counts(with_remaining=status is Status.CANCEL),
    }
    assoc.respond(message, final, data_set)


def failed_list(uids: Sequence[str], transfer_syntax_uid: str) -> bytes:
    """Return a data set that holds the Failed SOP Instance UID List (0008,0058)."""
    ds = Dataset()
    ds.FailedSOPInstanceUIDList = list(uids)
    return data_sets.encode(ds, transfer_syntax_uid)


def _note(assoc: Association, instance: Instance, outcome: Delivered) -> None:
    if outcome.ok:
        assoc.tally.sent += 1
        return
    assoc.tally.failed += 1
    what = outcome.reason if outcome.status is None else f"status {outcome.status:04X} {outcome.reason}".strip()
    if assoc.tally.failed <= _NOTES:
        assoc.tally.notes.append(what)
    _log.warning("%s for %s: %s", instance.sop_instance_uid, one_line(assoc.peer.calling_aet), one_line(what))


def store_request(instance: Instance, priority: int) -> dict[Tag, dimse.Value]:
    """Return the C-STORE request of a sub-operation, without its Message ID (PS3.7 9.3.1.1)."""
    return {
        Tag.AFFECTED_SOP_CLASS_UID: instance.sop_class_uid,
        Tag.COMMAND_FIELD: CommandField.C_STORE_RQ,
        Tag.PRIORITY: priority,
        Tag.COMMAND_DATA_SET_TYPE: 0x0001,
        Tag.AFFECTED_SOP_INSTANCE_UID: instance.sop_instance_uid,
    }


def outcome_of(response: Command) -> Delivered:
    """Read the response to the C-STORE of a sub-operation."""
    status = response.get(Tag.STATUS)
    comment = str(response.get(Tag.ERROR_COMMENT, ""))
    return Delivered(status, comment) if isinstance(status, int) else Delivered(None, "a response without a status")
