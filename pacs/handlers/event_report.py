"""N-EVENT-REPORT of storage commitment: a node tells, on an association of its own, what it keeps (PS3.4 J.3.3)."""

from __future__ import annotations

import logging

from pacs import confirmation, data_sets
from pacs.application import Application
from pacs.association import Association, Message
from pacs.confirmation import InvalidReport
from pacs.data_sets import DataSetError
from pacs.dimse import Tag
from pacs.logs import one_line
from pacs.status import Status
from storage.errors import StorageError

_log = logging.getLogger("filmless.dicom")


def handle(assoc: Association, message: Message, application: Application) -> None:
    """Note the outcome of a question of ours, and answer."""
    status, comment = _outcome(assoc, message, application)
    if status is not Status.SUCCESS:
        assoc.tally.notes.append(f"storage commitment report: {comment}")
    assoc.respond(message, confirmation.response(message.command, status, comment))


def _outcome(assoc: Association, message: Message, application: Application) -> tuple[Status, str]:
    try:
        report = confirmation.read(data_sets.receive(assoc, message))
    except (DataSetError, InvalidReport) as e:
        return Status.INVALID_ARGUMENT_VALUE, str(e)
    if message.command.get(Tag.EVENT_TYPE_ID) not in (1, 2):
        return Status.NO_SUCH_EVENT_TYPE, "the event is none of storage commitment"
    aet = assoc.peer.calling_aet
    try:
        job = confirmation.job_of(application.records, aet, report.transaction_uid)
        if job is None:
            return Status.PROCESSING_FAILURE, f"nobody waits for this transaction of {aet}"
        state = confirmation.settle(application.records, job, report)
    except StorageError as e:
        _log.error("a storage commitment report of %s cannot be kept: %s", one_line(aet), e)
        return Status.PROCESSING_FAILURE, "the report cannot be kept"
    _log.info("job %s: %s answered about %s objects: %s", job.number, one_line(aet), len(report.committed), state.value)
    return Status.SUCCESS, ""
