"""Storage commitment as SCU: a node that was sent objects is asked to commit to keeping them (PS3.4 J.3).

Facts and choices that this module rests on:
- J.3.2: an N-ACTION names a transaction and the objects. Its success says that the question was understood, no more.
- J.3.3: the answer is an N-EVENT-REPORT. It comes on the same association if the node is quick, or else on one that the
  node asks for, in which it takes the role of SCP: then a receiver gets it, in another process than the one that asked.
- Each question is a job, so that none is forgotten when we are started again. Each try is a transaction of its own,
  whose UID is that of the job and the time: a node need not take a Transaction UID twice, and a late answer to an
  earlier try is as good as any.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from pacs import commitment, data_sets, dimse
from pacs.contexts import COMMITMENT_CLASS, COMMITMENT_INSTANCE
from pacs.data_sets import DataSetError
from pacs.dimse import CommandField, Tag, Value
from pacs.logs import one_line
from pacs.remote.calls import Remote
from pacs.remote.push import AfterPush
from pacs.remote.transfer import reason_of
from pacs.requestor import Proposal, Requestor
from pacs.retrieve import Delivered
from pacs.status import Status
from storage.archive import Archive
from storage.errors import NotFound, StorageError
from storage.model import Instance
from storage.names import display
from storage.records import Job, JobItem, JobState, Lane, Peer, Records
from storage.records.remote import (
    KINDS,
    Confirm,
    Phase,
    Problem,
    Sent,
    TransferReport,
    Trouble,
    from_json,
    to_json,
)

_log = logging.getLogger("filmless.dicom")
VIA = "Storage commitment"
MOST_OBJECTS = 5000
"""In one question; more become several."""
HERE_SECONDS = 10.0
"""How long an answer on the same association is waited for."""
AGAIN_SECONDS = 600.0
"""After an answer that did not come: a node may check its archive first."""
_REASONS: Mapping[int, str] = {
    0x0110: "processing failure",
    0x0112: "no such object instance",
    0x0119: "class and instance conflict",
    0x0122: "SOP class not supported",
    0x0131: "duplicate transaction UID",
    0x0213: "resource limitation",
}


class InvalidReport(Exception):
    """A report that lacks what PS3.4 table J.3-2 demands; `str()` says what."""


class NotAnsweredYet(Exception):
    """The node took the question; its answer may come later."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a node answered: the objects that it commits to, and the reasons for the others."""

    transaction_uid: str
    committed: frozenset[str]
    failed: Mapping[str, int]


# ---- asking


def ask(records: Records, archive: Archive, peer: Peer, instances: Sequence[Instance]) -> list[int]:
    """Note that a node is to be asked about these objects, each study for itself; return the numbers of the jobs.

    Raises:
        InvalidRecord: too many jobs wait.
    """
    if not peer.asks_commitment:
        return []
    return [
        records.jobs.add(KINDS[Confirm], to_json(one), lane=Lane.TRANSFER, peer=peer.aet)
        for one in _questions(archive, peer, instances)
    ]


def _questions(archive: Archive, peer: Peer, instances: Sequence[Instance]) -> Iterator[Confirm]:
    studies: dict[str, list[Sent]] = {}
    for i in instances:
        studies.setdefault(i.study_instance_uid, []).append(Sent(i.sop_class_uid, i.sop_instance_uid))
    for study_instance_uid, objects in studies.items():
        title = _title(archive, study_instance_uid)
        for at in range(0, len(objects), MOST_OBJECTS):
            some = tuple(objects[at : at + MOST_OBJECTS])
            yield Confirm(peer.aet, study_instance_uid, str(generate_uid(prefix=None)), some, title)


def _title(archive: Archive, study_instance_uid: str) -> str:
    try:
        study = archive.study(study_instance_uid)
    except NotFound:
        return ""
    return " · ".join(filter(None, (display(study.patient_name), study.study_description)))[:200]


def after_push(records: Records, archive: Archive) -> AfterPush:
    """Return what asks about a study once a node has all of it."""

    def call(peer: Peer, instances: Sequence[Instance]) -> None:
        ask(records, archive, peer, instances)

    return call


class Forwarded:
    """Objects that a C-MOVE brought to a node; at the end of the block the node is asked about them."""

    def __init__(self, records: Records, archive: Archive, peer: Peer) -> None:
        self._records = records
        self._archive = archive
        self._peer = peer
        self._instances: list[Instance] = []

    def note(self, instance: Instance, outcome: Delivered, following: Instance | None) -> Delivered:
        """Note what became of one object; after the last one the question is asked before the move is answered."""
        if outcome.ok:
            self._instances.append(instance)
        if following is None:
            self._ask()
        return outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._ask()

    def _ask(self) -> None:
        instances, self._instances = self._instances, []
        try:
            ask(self._records, self._archive, self._peer, instances)
        except StorageError as e:
            # The objects are there, and whoever asked for the move has to be told so.
            _log.error("%s is not asked whether it keeps %d objects: %s", one_line(self._peer.aet), len(instances), e)


def request(remote: Remote, asked: Confirm, seconds: float = HERE_SECONDS) -> Report:
    """Send the question, and return the answer if it comes on the same association.

    Raises:
        NotAnsweredYet: the node took the question, and answers later.
        Troubled: it does not take it.
        Stopped: we have to stop.
    """
    proposal = Proposal(COMMITMENT_CLASS, (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)))
    with remote.associate([proposal]) as assoc:
        if not assoc.contexts:
            raise remote.trouble(Trouble.NO_COMMITMENT)
        context = assoc.contexts[0]
        data = data_sets.encode(_information(asked), context.transfer_syntax)
        assoc.send(context.context_id, {**_action(), Tag.MESSAGE_ID: assoc.next_message_id()}, data)
        report: Report | None = None
        is_taken = False
        while not is_taken or report is None:
            _wait(remote, assoc, None if not is_taken else seconds)
            command, body = assoc.receive()
            if command[Tag.COMMAND_FIELD] == CommandField.N_EVENT_REPORT_RQ:
                report = _taken(remote, assoc, context.context_id, command, body, context.transfer_syntax)
            else:
                remote.check_status(command)
                is_taken = True
        return report


def _wait(remote: Remote, assoc: Requestor, seconds: float | None) -> None:
    """Wait for the response, or for the report, which may not come here at all."""
    if seconds is None:
        remote.wait(assoc)
        return
    waited, look = 0.0, 0.05
    while not assoc.has_waiting() and not assoc.has_answer(look):
        waited += look
        if waited >= seconds or remote.should_stop():
            raise NotAnsweredYet("the question was taken; no answer yet")


def _taken(
    remote: Remote, assoc: Requestor, context_id: int, command: Mapping[Tag, Value], body: bytes, syntax: str
) -> Report:
    try:
        report = read(data_sets.decode(body, syntax))
    except (DataSetError, InvalidReport) as e:
        assoc.send(context_id, response(command, Status.INVALID_ARGUMENT_VALUE, str(e)))
        raise remote.trouble(Trouble.STATUS, status="N-EVENT-REPORT", comment=e) from e
    assoc.send(context_id, response(command, Status.SUCCESS))
    return report


def _action() -> dict[Tag, Value]:
    return {
        Tag.REQUESTED_SOP_CLASS_UID: COMMITMENT_CLASS,
        Tag.COMMAND_FIELD: CommandField.N_ACTION_RQ,
        Tag.COMMAND_DATA_SET_TYPE: 0x0001,
        Tag.REQUESTED_SOP_INSTANCE_UID: COMMITMENT_INSTANCE,
        Tag.ACTION_TYPE_ID: commitment.REQUEST,
    }


def _information(asked: Confirm) -> Dataset:
    ds = Dataset()
    ds.TransactionUID = f"{asked.transaction_uid}.{time.time_ns() // 1_000_000}"
    ds.ReferencedSOPSequence = [_reference(one) for one in asked.objects]
    return ds


def _reference(one: Sent) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class_uid, one.sop_instance_uid
    return item


# ---- being answered


def read(ds: Dataset) -> Report:
    """Read the event information of a report.

    Raises:
        InvalidReport: no valid Transaction UID, or a reference without its instance.
    """
    transaction = str(ds.get("TransactionUID", "") or "")
    if not UID(transaction).is_valid:
        raise InvalidReport("Transaction UID is missing or no UID")
    failed = {}
    for item in ds.get("FailedSOPSequence") or []:
        reason = item.get("FailureReason")
        failed[_instance(item)] = reason if isinstance(reason, int) else 0x0110
    committed = frozenset(_instance(item) for item in ds.get("ReferencedSOPSequence") or [])
    return Report(transaction, committed - failed.keys(), failed)


def _instance(item: Dataset) -> str:
    uid = str(item.get("ReferencedSOPInstanceUID", "") or "")
    if not uid:
        raise InvalidReport("a reference has no SOP Instance UID")
    return uid


def response(command: Mapping[Tag, Value], status: Status, comment: str = "") -> dict[Tag, Value]:
    """Return the answer to an N-EVENT-REPORT (PS3.7 10.1.1)."""
    answer = dimse.response(command, status, comment=comment)
    if Tag.EVENT_TYPE_ID in command:
        answer[Tag.EVENT_TYPE_ID] = command[Tag.EVENT_TYPE_ID]
    return answer


def job_of(records: Records, aet: str, transaction_uid: str) -> Job | None:
    """Return the job that a transaction of a node belongs to; None for one that nobody waits for."""
    root = transaction_uid.rpartition(".")[0]
    for job in records.jobs.open_of(KINDS[Confirm], aet):
        if from_json(Confirm, job.payload).transaction_uid == root:
            return job
    return None


def settle(records: Records, job: Job, report: Report) -> JobState:
    """End a job by what the node answered, and note for each object whether it is kept."""
    asked = from_json(Confirm, job.payload)
    uids = [one.sop_instance_uid for one in asked.objects]
    missing = {uid: report.failed.get(uid) for uid in uids if uid not in report.committed}
    done = TransferReport(phase=Phase.CHECKING, total=len(uids), done=len(uids) - len(missing), via=VIA)
    if not missing:
        records.jobs.settle(job.number, JobState.DONE, to_json(done), [JobItem(uid, True) for uid in uids])
        return JobState.DONE
    problems = {uid: _problem(asked.peer, why, 1) for uid, why in missing.items()}
    problem = _problem(asked.peer, next(iter(missing.values())), len(missing))
    items = [JobItem(u, u not in problems, reason_of(problems[u]) if u in problems else "") for u in uids]
    told = TransferReport(
        phase=Phase.CHECKING, total=done.total, done=done.done, failed=len(missing), via=VIA, problem=problem
    )
    reason = f"{len(missing)} of {len(uids)} objects are not committed to: {problem.facts['comment']}"
    records.jobs.settle(job.number, JobState.FAILED, to_json(told), items, reason)
    return JobState.FAILED


def _problem(aet: str, reason: int | None, count: int) -> Problem:
    comment = "not mentioned in its answer" if reason is None else _REASONS.get(reason, "reason unknown")
    status = "" if reason is None else f"{reason:04X}H"
    return Problem(Trouble.NOT_COMMITTED, {"aet": aet, "count": str(count), "status": status, "comment": comment})
