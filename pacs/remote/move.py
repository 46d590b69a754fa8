"""C-MOVE as SCU, to ourselves: the objects come to our receivers as from any device (PS3.4 C.4.2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs import data_sets
from pacs.contexts import MOVE_CLASSES
from pacs.dimse import Command, CommandField, Tag
from pacs.remote.calls import PENDING, Remote, Stopped, cancel, context_for
from pacs.remote.transfer import Transfer
from pacs.requestor import Accepted, Proposal, Requestor
from storage.records.remote import Trouble

STUDY_ROOT = MOVE_CLASSES[1]
PROPOSAL = Proposal(STUDY_ROOT, (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)))
_LOOK_SECONDS = 0.5
_SILENT_SECONDS = 180.0
"""How long neither news of the node nor an object may come."""
_CANCEL_SECONDS = 5.0


def move(remote: Remote, transfer: Transfer, arrived: Callable[[], int], asked: Sequence[Dataset]) -> str:
    """Have what the identifiers mean sent to us; `arrived` counts the objects of the study that are here.

    Return what the node says about objects that it could not send; empty when it says that all went well.

    Raises:
        Troubled: it offers no C-MOVE, refuses, or goes away; what came is kept.
        Stopped: nobody wants it any more; the node was told.
    """
    with remote.associate([PROPOSAL]) as assoc:
        context = context_for(assoc, [STUDY_ROOT])
        if context is None:
            raise remote.trouble(Trouble.NO_RETRIEVE, comment="C-MOVE")
        said = [_Operation(remote, transfer, arrived, assoc, context).run(identifier) for identifier in asked]
    return next(filter(None, said), "")


class _Operation:
    """One C-MOVE."""

    def __init__(
        self, remote: Remote, transfer: Transfer, arrived: Callable[[], int], assoc: Requestor, context: Accepted
    ) -> None:
        self._remote = remote
        self._transfer = transfer
        self._arrived = arrived
        self._assoc = assoc
        self._context = context
        self._message_id = assoc.next_message_id()
        self._last = 0

    def run(self, identifier: Dataset) -> str:
        command: Command = {
            Tag.AFFECTED_SOP_CLASS_UID: STUDY_ROOT,
            Tag.COMMAND_FIELD: CommandField.C_MOVE_RQ,
            Tag.MESSAGE_ID: self._message_id,
            Tag.PRIORITY: 0,
            Tag.COMMAND_DATA_SET_TYPE: 0x0001,
            Tag.MOVE_DESTINATION: self._remote.own_aet,
        }
        encoded = data_sets.encode(identifier, self._context.transfer_syntax)
        self._assoc.send(self._context.context_id, command, encoded)
        try:
            while (response := self._next()).get(Tag.STATUS) in PENDING:
                pass
        except Stopped:
            self._cancel()
            raise
        return _failures(response)

    def _next(self) -> Command:
        """Wait for the next response, counting what arrives meanwhile; many nodes tell nothing until the end."""
        news = time.monotonic()
        while not self._assoc.has_waiting() and not self._assoc.has_answer(_LOOK_SECONDS):
            if self._remote.should_stop():
                raise Stopped
            if self._count():
                news = time.monotonic()
            if time.monotonic() - news > _SILENT_SECONDS:
                raise self._remote.trouble(Trouble.SILENT, comment=f"{_SILENT_SECONDS:g} s")
        response, _ = self._assoc.receive()
        if self._transfer.report.total is None:
            self._transfer.count(total=_total(response))
        self._count()
        if response.get(Tag.STATUS) not in PENDING:
            self._remote.check_status(response)
        elif self._remote.should_stop():
            raise Stopped
        return response

    def _count(self) -> bool:
        """Tell how many objects are here; True when there are more than a moment ago."""
        now = self._arrived()
        more, self._last = now > self._last, now
        if more:
            self._transfer.count(done=now)
        return more

    def _cancel(self) -> None:
        cancel(self._assoc, self._context.context_id, self._message_id)
        deadline = time.monotonic() + _CANCEL_SECONDS
        while time.monotonic() < deadline:
            if not self._assoc.has_waiting() and not self._assoc.has_answer(deadline - time.monotonic()):
                return
            if self._assoc.receive()[0].get(Tag.STATUS) not in PENDING:
                return


def _total(response: Command) -> int | None:
    """Return how many sub-operations there are; None where the node does not tell."""
    tags = (Tag.REMAINING_SUBOPERATIONS, Tag.COMPLETED_SUBOPERATIONS, Tag.FAILED_SUBOPERATIONS,
            Tag.WARNING_SUBOPERATIONS)  # fmt: skip
    counts = [response[tag] for tag in tags if tag in response]
    return sum(int(count) for count in counts) if Tag.REMAINING_SUBOPERATIONS in response else None


def _failures(final: Command) -> str:
    """Return what a final response says about sub-operations that failed (PS3.4 C.4.2.1.5)."""
    failed = int(final.get(Tag.FAILED_SUBOPERATIONS, 0))
    if not failed:
        return ""
    return " ".join(filter(None, (f"{final.get(Tag.STATUS, 0):04X}H", str(final.get(Tag.ERROR_COMMENT, "")))))
