"""C-FIND: queries of the archive (PS3.4 C.4.1), answered one by one as the index finds them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from pydicom.dataset import Dataset

from pacs import data_sets, dimse, identifier
from pacs.answers import Encoder
from pacs.application import Application
from pacs.association import Association, Message
from pacs.data_sets import DataSetError
from pacs.identifier import IdentifierError, Options, Request
from pacs.logs import one_line
from pacs.status import Status, comment_of
from storage import objects
from storage.answers import Answer
from storage.errors import NotFound, PixelError, QueryError, StorageError

_log = logging.getLogger("filmless.dicom")
_TOGETHER = 16
_HOLD_SECONDS = 0.002


def handle(assoc: Association, message: Message, application: Application) -> None:
    """Answer one query, to its end, a cancel or the cap on answers."""
    assoc.begin(message)
    try:
        request = _request(assoc, message, application)
        status, comment = _answer_all(assoc, message, application, request)
    except IdentifierError as e:
        assoc.tally.refused += 1
        assoc.tally.notes.append(f"C-FIND: {e}")
        status, comment = e.status, str(e)
    assoc.respond(message, dimse.response(message.command, status, comment=comment))


def _request(assoc: Association, message: Message, application: Application) -> Request:
    try:
        ds = data_sets.receive(assoc, message)
    except DataSetError as e:
        raise IdentifierError(Status.CANNOT_UNDERSTAND, str(e)) from e
    _authorize(assoc, application)
    sop_class_uid = message.context.abstract_syntax
    granted = assoc.extended.get(sop_class_uid, b"")
    options = Options(
        relational=granted[:1] == b"\1",
        combined_date_time=granted[1:2] == b"\1" or application.find.combined_date_time,
    )
    return identifier.parse(ds, sop_class_uid, options)


def _authorize(assoc: Association, application: Application) -> None:
    """Let registered nodes pass that may query (PS3.7 C.5.23: refused, not authorized)."""
    calling = assoc.peer.calling_aet
    peer = application.records.peers.by_aet(calling)
    if peer is None:
        raise IdentifierError(Status.NOT_AUTHORIZED, f"add {calling} as a peer of this archive to let it query")
    if not peer.may_query:
        raise IdentifierError(Status.NOT_AUTHORIZED, f"the peer {calling} may not query this archive")


def _answer_all(assoc: Association, message: Message, application: Application, request: Request) -> tuple[Status, str]:
    """Send the answers; return the final status and its comment (PS3.4 table C.4-1)."""
    encoder = Encoder(request, application.aet, message.context.transfer_syntax)
    sending = _Sending(assoc, message, request.pending)
    try:
        for found in _matches(sending, application, request):
            if sending.is_stopped():
                return Status.CANCEL, ""
            if sending.number == application.find.maximum_answers:
                # C.4.1.1.4 knows no warning for answers that are cut short: the peer has to see a refusal.
                return Status.OUT_OF_RESOURCES, f"only {sending.number} answers are sent: ask for something narrower"
            sending.send(encoder.encode(*found))
    except QueryError as e:
        raise IdentifierError(Status.CANNOT_UNDERSTAND, comment_of(e)) from e
    except StorageError as e:
        if sending.failure is not None:
            raise sending.failure from e
        if assoc.is_cancelled(message):
            return Status.CANCEL, ""
        _log.error("a query of %s cannot be answered: %s", one_line(assoc.peer.calling_aet), e)
        raise IdentifierError(Status.UNABLE_TO_PROCESS, "the index cannot be read") from e
    return Status.CANCEL if assoc.is_cancelled(message) else Status.SUCCESS, ""


class _Sending:
    """Answers on their way: the first at once, those that follow closely a few together, none held for long."""

    def __init__(self, assoc: Association, message: Message, status: Status) -> None:
        self._assoc = assoc
        self._message = message
        self._response = dimse.response(message.command, status, has_data_set=True)
        self._flushed = 0.0
        self._held = 0
        self.number = 0
        self.failure: Exception | None = None
        """Why the search was stopped, when that was no cancel."""

    def send(self, data_set: bytes) -> None:
        """Send one answer, or keep it for the next ones."""
        self._assoc.respond_soon(self._message, self._response, data_set)
        self._assoc.tally.found += 1
        self.number += 1
        self._held += 1
        self._flush_in_time()

    def is_stopped(self) -> bool:
        """Tell whether a cancel has come; asked before each answer, and every millisecond or so of searching."""
        if self._held:
            self._flush_in_time()
        return self._assoc.is_cancelled(self._message)

    def ends_search(self) -> bool:
        """As `is_stopped`, for the index, which loses what is raised while it searches."""
        try:
            return self.is_stopped()
        except Exception as e:
            self.failure = e
            return True

    def _flush_in_time(self) -> None:
        now = time.monotonic()
        if self._held >= _TOGETHER or now - self._flushed >= _HOLD_SECONDS:
            self._assoc.flush()
            self._flushed, self._held = now, 0


def _matches(sending: _Sending, application: Application, request: Request) -> Iterator[tuple[Answer, Dataset]]:
    """Yield answers of the index that match in their objects, too, each with what was read there."""
    for found in application.archive.find(request.query, request.indexed, sending.ends_search):
        from_object = _read(found, request)
        if objects.matches(from_object, request.matched_in_object):
            yield found, from_object
        elif sending.is_stopped():
            return


def _read(found: Answer, request: Request) -> Dataset:
    if found.path is None:
        return Dataset()
    try:
        return objects.attributes(found.path, request.from_object)
    except (PixelError, NotFound) as e:
        # The index knows the object; what only its file could tell stays empty.
        _log.warning("an attribute of %s cannot be read: %s", found.path.name, e)
        return Dataset()
