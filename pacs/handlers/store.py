"""C-STORE: the storage service (PS3.4 B), streamed from socket to file.

Success is answered only after `Incoming.keep` has returned. Whatever goes wrong, the rest of the data set is read to
its end first, so that the answer reaches a peer that does not listen while it sends.

A rejection note (IHE RAD Imaging Object Change Management) of a peer that may reject is acted on before it is answered.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.uid import KeyObjectSelectionDocumentStorage

from pacs import dimse
from pacs.application import Application
from pacs.association import Association, Message
from pacs.dimse import Tag
from pacs.status import Status, comment_of, of_store_error
from storage.archive import Archive
from storage.errors import ClassMismatch, StorageError
from storage.incoming import Announced
from storage.model import Outcome, Source, Stored
from storage.records import Event
from storage.rejection import Rejection

_NOTES = 3


def handle(assoc: Association, message: Message, application: Application) -> None:
    """Take in one object and answer with what became of it."""
    fragments = assoc.data_set(message) if message.has_data_set else iter(())
    try:
        stored = _receive(assoc, message, application.archive, fragments)
        _obey(assoc, stored, application)
    except StorageError as e:
        for _ in fragments:
            pass
        _note(assoc, message, e)
        assoc.respond(message, dimse.response(message.command, of_store_error(e), comment=comment_of(e)))
        return
    if stored.outcome is Outcome.STORED:
        assoc.tally.stored += 1
    else:
        assoc.tally.already_stored += 1
    assoc.respond(message, dimse.response(message.command, Status.SUCCESS))


def _receive(assoc: Association, message: Message, archive: Archive, fragments: Iterator[memoryview]) -> Stored:
    announced = Announced(
        sop_class_uid=_text(message, Tag.AFFECTED_SOP_CLASS_UID),
        sop_instance_uid=_text(message, Tag.AFFECTED_SOP_INSTANCE_UID),
        transfer_syntax_uid=message.context.transfer_syntax,
    )
    with archive.receive(announced, Source(assoc.peer.calling_aet, assoc.peer.address)) as incoming:
        for fragment in fragments:
            incoming.write(fragment)
            assoc.tally.bytes += len(fragment)
        if announced.sop_class_uid != message.context.abstract_syntax:
            mismatch = ClassMismatch(
                f"SOP class {announced.sop_class_uid} came on a presentation context for "
                f"{message.context.abstract_syntax}"
            )
            incoming.refuse(mismatch)
            raise mismatch
        return incoming.keep()


def _obey(assoc: Association, stored: Stored, application: Application) -> None:
    if stored.sop_class_uid != KeyObjectSelectionDocumentStorage:
        return
    peer = application.records.peers.by_aet(assoc.peer.calling_aet)
    if peer is None or not peer.may_reject:
        return
    archive, audit = application.archive, application.records.audit

    def note(rejection: Rejection) -> None:
        audit.record(
            Event.REJECT,
            who=peer.aet,
            means="DICOM",
            study_instance_uid=rejection.target.study_instance_uid,
            address=assoc.peer.address,
            detail=f"{rejection.instances} objects, {rejection.identifier} {rejection.reason.meaning}",
        )

    archive.rejections.obey(archive.instance(stored.sop_instance_uid), peer.aet, note)


def _text(message: Message, tag: Tag) -> str:
    return str(message.command.get(tag, ""))


def _note(assoc: Association, message: Message, error: StorageError) -> None:
    assoc.tally.refused += 1
    if len(assoc.tally.notes) < _NOTES:
        assoc.tally.notes.append(f"{_text(message, Tag.AFFECTED_SOP_INSTANCE_UID)[:64]}: {error}")
