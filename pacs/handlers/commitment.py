"""N-ACTION of the storage commitment push model (PS3.4 J.3.2).

The request becomes a job before it is answered, so that no crash forgets it. Then a small one is checked at once and
reported on this association if the peer waits for it; whatever comes in between, the job worker reports on a new one.
"""

from __future__ import annotations

import time

from pacs import commitment, data_sets, dimse
from pacs.application import Application
from pacs.association import Aborted, Association, Message, Released
from pacs.commitment import InvalidRequest, Request
from pacs.contexts import COMMITMENT_INSTANCE
from pacs.data_sets import DataSetError
from pacs.dimse import Tag
from pacs.status import Status, comment_of
from pacs.upper_layer import ConnectionEnded
from storage.errors import InvalidRecord, OutOfSpace, StorageError

_HEAD_START = 30.0
"""Seconds before the job worker takes over what is reported here."""
_ANSWER_SECONDS = 20.0
_AT_ONCE_OBJECTS, _AT_ONCE_BYTES = 1000, 256 << 20


class _Refused(Exception):
    def __init__(self, status: Status, comment: str) -> None:
        super().__init__(comment)
        self.status = status


def handle(assoc: Association, message: Message, application: Application) -> None:
    """Take a request, answer, and report if it can be done at once."""
    try:
        request = _request(assoc, message, application)
        small = _is_small(application, request)
        due_at = time.time() + (_HEAD_START if small else 0)
        number = application.records.jobs.add(commitment.JOB, request.to_json(), due_at)
    except _Refused as e:
        _respond(assoc, message, e.status, str(e))
        return
    except (InvalidRecord, OutOfSpace) as e:
        _respond(assoc, message, Status.RESOURCE_LIMITATION, comment_of(e))
        return
    except StorageError as e:
        _respond(assoc, message, Status.PROCESSING_FAILURE, comment_of(e))
        return
    _respond(assoc, message, Status.SUCCESS)
    if small:
        _report(assoc, message, application, request, number)


def _request(assoc: Association, message: Message, application: Application) -> Request:
    try:
        ds = data_sets.receive(assoc, message)
    except DataSetError as e:
        raise _Refused(Status.INVALID_ARGUMENT_VALUE, str(e)) from e
    if application.records.peers.by_aet(assoc.peer.calling_aet) is None:
        # A report may have to find its way to the peer later, and what we keep is nobody else's business.
        raise _Refused(Status.NOT_AUTHORIZED, f"{assoc.peer.calling_aet} is no registered peer of this archive")
    if message.command.get(Tag.REQUESTED_SOP_INSTANCE_UID) != COMMITMENT_INSTANCE:
        raise _Refused(Status.NO_SUCH_SOP_INSTANCE, "not the well-known instance of storage commitment")
    if message.command.get(Tag.ACTION_TYPE_ID) != commitment.REQUEST:
        raise _Refused(Status.NO_SUCH_ACTION_TYPE, "the action is not Request Storage Commitment")
    try:
        return commitment.read(ds, assoc.peer.calling_aet)
    except InvalidRequest as e:
        raise _Refused(Status.INVALID_ARGUMENT_VALUE, str(e)) from e


def _is_small(application: Application, request: Request) -> bool:
    if len(request.references) > _AT_ONCE_OBJECTS:
        return False
    try:
        return commitment.total_bytes(application.archive, request.references) <= _AT_ONCE_BYTES
    except StorageError:
        return False  # the job worker tries again until the index can be read


def _respond(assoc: Association, message: Message, status: Status, comment: str = "") -> None:
    given = message.command
    response = dimse.response(given, status, comment=comment)
    for asked, answered in (
        (Tag.REQUESTED_SOP_CLASS_UID, Tag.AFFECTED_SOP_CLASS_UID),
        (Tag.REQUESTED_SOP_INSTANCE_UID, Tag.AFFECTED_SOP_INSTANCE_UID),
        (Tag.ACTION_TYPE_ID, Tag.ACTION_TYPE_ID),
    ):
        if asked in given:
            response[answered] = given[asked]
    if status is not Status.SUCCESS:
        assoc.tally.notes.append(f"storage commitment: {comment}")
    assoc.respond(message, response)


def _report(assoc: Association, message: Message, application: Application, request: Request, number: int) -> None:
    """Report on this association; a peer that says something else first, or goes, gets its report from the worker."""
    try:
        report = commitment.check(application.archive, request, application.aet)
    except StorageError:
        return
    if assoc.upper_layer.has_pending():
        application.records.jobs.retry(number, time.time(), "the peer went on")
        return
    data = data_sets.encode(report.ds, message.context.transfer_syntax)
    try:
        sent = assoc.request(message.context.context_id, report.command(), data)
        answer = assoc.answer(sent, _ANSWER_SECONDS)
    except (ConnectionEnded, Aborted, Released):
        # It did not wait for the report: the worker need not wait, either.
        application.records.jobs.retry(number, time.time(), "the peer went")
        raise
    if answer.get(Tag.STATUS) == Status.SUCCESS:
        application.records.jobs.done(number)
