"""The test of a remote node: connect, echo, find, store; each step with what failed and what to change."""

from __future__ import annotations

import time
from collections.abc import Callable

from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pacs import data_sets
from pacs.contexts import GET_CLASSES, MOVE_CLASSES
from pacs.dimse import NO_DATA_SET, Command, CommandField, Tag
from pacs.remote import find, query, sample
from pacs.remote.calls import Remote, Troubled, context_for
from pacs.requestor import Proposal, Requestor
from storage.records import Peer
from storage.records.remote import Outcome, PeerTestReport, Problem, Step, StepReport, Trouble

ECHO = str(Verification)
_OFFERS = {
    ECHO: "echo",
    find.STUDY_ROOT: "find",
    MOVE_CLASSES[1]: "move",
    GET_CLASSES[1]: "get",
    sample.SOP_CLASS: "store",
}


def stores_by_default(peer: Peer) -> bool:
    """Tell whether a test sends its test image without being asked to: to nodes that are sent images anyway."""
    return peer.may_retrieve


def examine(remote: Remote, *, store: bool, told: Callable[[PeerTestReport], None] = lambda _: None) -> PeerTestReport:
    """Test a node; `told` gets the report after each step. What goes wrong is in the report.

    Raises:
        Stopped: nobody waits any more.
    """
    return _Examination(remote, told).run(store)


class _Examination:
    def __init__(self, remote: Remote, told: Callable[[PeerTestReport], None]) -> None:
        self._remote = remote
        self._told = told
        self._steps: list[StepReport] = []
        self._offers: tuple[str, ...] = ()
        self._step, self._began = Step.CONNECT, time.monotonic()

    def run(self, store: bool) -> PeerTestReport:
        try:
            with self._remote.associate([Proposal(uid, find.PLAIN) for uid in _OFFERS]) as assoc:
                self._offers = tuple(name for uid, name in _OFFERS.items() if context_for(assoc, [uid]))
                self._tell(Outcome.OK)
                self._take(Step.ECHO, lambda: _echo(self._remote, assoc))
                self._take(Step.FIND, lambda: query.count(self._remote, assoc, sample.PATIENT_ID))
                if store:
                    self._take(Step.STORE, lambda: _store(self._remote, assoc))
        except Troubled as e:
            self._tell(Outcome.FAILED, e.problem)
        return self.report()

    def report(self) -> PeerTestReport:
        """Return what is known so far."""
        return PeerTestReport(tuple(self._steps), self._offers)

    def _take(self, step: Step, do: Callable[[], object]) -> None:
        """Take a step; one without an answer ends the test, as its answer would come in between later ones."""
        self._step, self._began = step, time.monotonic()
        try:
            do()
        except Troubled as e:
            if e.problem.trouble is Trouble.SILENT:
                raise
            offered = e.problem.trouble is not Trouble.NO_FIND
            self._tell(Outcome.FAILED if offered else Outcome.NOT_OFFERED, e.problem)
        else:
            self._tell(Outcome.OK)

    def _tell(self, outcome: Outcome, problem: Problem | None = None) -> None:
        self._steps.append(StepReport(self._step, outcome, round(time.monotonic() - self._began, 3), problem))
        self._told(self.report())


def _echo(remote: Remote, assoc: Requestor) -> None:
    context = context_for(assoc, [ECHO])
    if context is None:
        raise remote.trouble(Trouble.NO_ECHO)
    command: Command = {
        Tag.AFFECTED_SOP_CLASS_UID: ECHO,
        Tag.COMMAND_FIELD: CommandField.C_ECHO_RQ,
        Tag.MESSAGE_ID: assoc.next_message_id(),
        Tag.COMMAND_DATA_SET_TYPE: NO_DATA_SET,
    }
    assoc.send(context.context_id, command)
    remote.wait(assoc)
    remote.check_status(assoc.receive()[0])


def _store(remote: Remote, assoc: Requestor) -> None:
    context = context_for(assoc, [sample.SOP_CLASS])
    if context is None:
        raise remote.trouble(Trouble.NO_STORE, comment="Secondary Capture")
    ds = sample.make(remote.own_aet)
    command: Command = {
        Tag.AFFECTED_SOP_CLASS_UID: sample.SOP_CLASS,
        Tag.COMMAND_FIELD: CommandField.C_STORE_RQ,
        Tag.MESSAGE_ID: assoc.next_message_id(),
        Tag.PRIORITY: 0,
        Tag.COMMAND_DATA_SET_TYPE: 0x0001,
        Tag.AFFECTED_SOP_INSTANCE_UID: str(ds.SOPInstanceUID),
    }
    assoc.send(context.context_id, command, data_sets.encode(ds, context.transfer_syntax))
    remote.wait(assoc)
    remote.check_status(assoc.receive()[0])
