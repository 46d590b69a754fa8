"""Storage commitment, push model: what was asked, whether it is kept, and the report (PS3.4 J).

Facts of PS3.4 J.3 that this module rests on:
- An N-ACTION of type 1 names a transaction and the objects; success means only that it was understood.
- An N-EVENT-REPORT tells the outcome: type 1 when all is committed, else type 2 with the reason for each object
  (PS3.3 C.14). It may come on the same association or on one that we ask for, in which we take the SCP role.
- We commit to an object after its file was read back and its data set has the SHA-256 that was recorded on arrival.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs import data_sets
from pacs.contexts import COMMITMENT_CLASS, COMMITMENT_INSTANCE, Roles
from pacs.dimse import CommandField, Tag, Value
from pacs.requestor import AssociationFailed, Node, Proposal, Requestor
from pacs.upper_layer import ConnectionEnded, ProtocolError, Timeouts
from storage.archive import Archive
from storage.errors import NotFound

JOB = "storage commitment"
REQUEST = 1
"""Action Type ID of "Request Storage Commitment"."""
MAX_OBJECTS = 50_000
_TIMEOUTS = Timeouts(artim=10.0, idle=60.0, pdu=30.0)


class Event(IntEnum):
    """Event Type IDs (PS3.4 J.3.3.1)."""

    SUCCESSFUL = 1
    FAILURES_EXIST = 2


class FailureReason(IntEnum):
    """Why we do not commit to an object (PS3.3 C.14.1.1)."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_OBJECT_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119


class InvalidRequest(Exception):
    """The request lacks what PS3.4 table J.3-1 demands; `str()` says what."""


class NotDelivered(Exception):
    """The peer did not get the report; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One object that the peer asks about."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Request:
    """A transaction of one peer."""

    aet: str
    transaction_uid: str
    references: tuple[Reference, ...]

    def to_json(self) -> str:
        """Return the form in which it waits as a job."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        references = tuple(Reference(**r) for r in values["references"])
        return cls(values["aet"], values["transaction_uid"], references)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome, ready to be sent."""

    event: Event
    ds: Dataset

    def command(self) -> dict[Tag, Value]:
        """Return the N-EVENT-REPORT request, without its Message ID (PS3.7 10.1.1)."""
        return {
            Tag.AFFECTED_SOP_CLASS_UID: COMMITMENT_CLASS,
            Tag.COMMAND_FIELD: CommandField.N_EVENT_REPORT_RQ,
            Tag.COMMAND_DATA_SET_TYPE: 0x0001,
            Tag.AFFECTED_SOP_INSTANCE_UID: COMMITMENT_INSTANCE,
            Tag.EVENT_TYPE_ID: int(self.event),
        }


def read(ds: Dataset, aet: str) -> Request:
    """Read the action information of a request.

    Raises:
        InvalidRequest: no valid Transaction UID, or no or too many references, or one without its UIDs.
    """
    transaction = str(ds.get("TransactionUID", "") or "")
    if not UID(transaction).is_valid:
        raise InvalidRequest("Transaction UID is missing or no UID")
    items = ds.get("ReferencedSOPSequence") or []
    if not 1 <= len(items) <= MAX_OBJECTS:
        raise InvalidRequest(f"{len(items)} objects are referenced; 1 to {MAX_OBJECTS} are taken")
    references = tuple(
        Reference(str(i.get("ReferencedSOPClassUID", "") or ""), str(i.get("ReferencedSOPInstanceUID", "") or ""))
        for i in items
    )
    if not all(UID(r.sop_class_uid).is_valid and UID(r.sop_instance_uid).is_valid for r in references):
        raise InvalidRequest("a reference has no valid SOP Class or Instance UID")
    return Request(aet, transaction, references)


def check(archive: Archive, request: Request, retrieve_aet: str) -> Report:
    """Read every object back and compare it with its recorded hash.

    Raises:
        StorageError: the index cannot be read; nothing can be said yet.
    """
    kept: list[Dataset] = []
    failed: list[Dataset] = []
    for reference in request.references:
        reason = _reason(archive, reference)
        item = Dataset()
        item.ReferencedSOPClassUID = reference.sop_class_uid
        item.ReferencedSOPInstanceUID = reference.sop_instance_uid
        if reason is None:
            kept.append(item)
        else:
            item.FailureReason = int(reason)
            failed.append(item)
    ds = Dataset()
    ds.TransactionUID = request.transaction_uid
    ds.RetrieveAETitle = retrieve_aet
    if kept:
        ds.ReferencedSOPSequence = kept
    if failed:
        ds.FailedSOPSequence = failed
    return Report(Event.FAILURES_EXIST if failed else Event.SUCCESSFUL, ds)


def _reason(archive: Archive, reference: Reference) -> FailureReason | None:
    try:
        instance = archive.instance(reference.sop_instance_uid)
    except NotFound:
        return FailureReason.NO_SUCH_OBJECT_INSTANCE
    if instance.sop_class_uid != reference.sop_class_uid:
        return FailureReason.CLASS_INSTANCE_CONFLICT
    return None if archive.is_intact(instance) else FailureReason.PROCESSING_FAILURE


def total_bytes(archive: Archive, references: Sequence[Reference]) -> int:
    """Return how many bytes a check has to read."""
    total = 0
    for reference in references:
        try:
            total += archive.instance(reference.sop_instance_uid).size
        except NotFound:
            continue
    return total


def deliver(report: Report, node: Node, own_aet: str, timeouts: Timeouts = _TIMEOUTS) -> None:
    """Send a report on an association of our own (PS3.4 J.3.3).

    Raises:
        NotDelivered: the peer cannot be reached, does not take it, or answers with an error.
    """
    proposal = Proposal(COMMITMENT_CLASS, (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)))
    # PS3.7 D.3.3.4: without this the requestor would be SCU only, and a report comes from the SCP.
    roles = {COMMITMENT_CLASS: Roles(scu=False, scp=True)}
    try:
        with Requestor(node, own_aet, [proposal], roles=roles, timeouts=timeouts) as assoc:
            if not assoc.contexts:
                raise NotDelivered(f"{node.aet} takes no storage commitment reports")
            context = assoc.contexts[0]
            data = data_sets.encode(report.ds, context.transfer_syntax)
            assoc.send(context.context_id, {**report.command(), Tag.MESSAGE_ID: assoc.next_message_id()}, data)
            if not assoc.has_answer(timeouts.idle):
                raise NotDelivered(f"{node.aet} does not answer the report")
            response, _ = assoc.receive()
    except (AssociationFailed, ConnectionEnded, ProtocolError) as e:
        raise NotDelivered(str(e)) from e
    if response.get(Tag.STATUS) != 0:
        raise NotDelivered(f"{node.aet} answers the report with status {response.get(Tag.STATUS)}")
