"""C-GET as SCU: what we ask for comes back on the same association and goes to the archive (PS3.4 C.4.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom import StoragePresentationContexts

from pacs import data_sets, dimse
from pacs.contexts import GET_CLASSES, Roles
from pacs.dimse import Command, CommandField, Tag
from pacs.remote.calls import PENDING, Remote, Stopped, context_for
from pacs.remote.transfer import Transfer
from pacs.requestor import MAXIMUM_CONTEXTS, Accepted, Proposal, Requestor, has_data_set
from pacs.status import Status, comment_of, of_store_error
from storage.archive import Archive
from storage.errors import OutOfSpace, StorageError, WriteFailed
from storage.incoming import Announced
from storage.model import Source
from storage.records.remote import Trouble

STUDY_ROOT = GET_CLASSES[1]
PROPOSAL = Proposal(STUDY_ROOT, (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)))
_SYNTAXES: tuple[tuple[str, ...], ...] = (
    (ExplicitVRLittleEndian, ImplicitVRLittleEndian),
    (JPEGLosslessSV1,),
    (JPEG2000Lossless,),
    (JPEGLSLossless,),
    (RLELossless,),
    (JPEGBaseline8Bit,),
    (JPEG2000,),
    (JPEGExtended12Bit,),
    (JPEGLSNearLossless,),
    (JPEGLossless,),
    (DeflatedExplicitVRLittleEndian,),
    (ExplicitVRBigEndian,),
)
"""A context of its own for each compression, the likely ones first, so that a node may send what it has unchanged."""
_FEW = 10
"""Classes of one association when they are known: all of the syntaxes fit."""
COMMON = tuple(str(context.abstract_syntax) for context in StoragePresentationContexts)[:MAXIMUM_CONTEXTS]


def groups(sop_classes: Iterable[str]) -> list[tuple[str, ...]]:
    """Cut known classes into what one association can have with all syntaxes."""
    known = tuple(dict.fromkeys(sop_classes))
    return [known[i : i + _FEW] for i in range(0, len(known), _FEW)]


def proposals(sop_classes: Sequence[str]) -> list[Proposal]:
    """Return the contexts for an association that is to bring objects of these classes."""
    room = (MAXIMUM_CONTEXTS - 1) // max(len(sop_classes), 1)
    if room == 0:
        sop_classes, room = sop_classes[: MAXIMUM_CONTEXTS - 1], 1
    return [PROPOSAL, *(Proposal(uid, tuple(map(str, s))) for uid in sop_classes for s in _SYNTAXES[:room])]


def get(
    remote: Remote, archive: Archive, transfer: Transfer, sop_classes: Sequence[str], asked: Sequence[Dataset]
) -> None:
    """Get what the identifiers mean.

    Raises:
        Troubled: it offers no C-GET, refuses, or goes away; what came is kept.
        Stopped: nobody wants it any more.
    """
    roles = {uid: Roles(scu=False, scp=True) for uid in sop_classes}
    with remote.associate(proposals(sop_classes), roles) as assoc:
        context = context_for(assoc, [STUDY_ROOT])
        if context is None:
            raise remote.trouble(Trouble.NO_RETRIEVE, comment="C-GET")
        for identifier in asked:
            _Operation(remote, archive, transfer, assoc).run(context, identifier)


class _Operation:
    """One C-GET and the stores it brings about."""

    def __init__(self, remote: Remote, archive: Archive, transfer: Transfer, assoc: Requestor) -> None:
        self._remote = remote
        self._archive = archive
        self._transfer = transfer
        self._assoc = assoc
        self._syntaxes = {c.context_id: c.transfer_syntax for c in assoc.contexts}
        self._trouble: StorageError | None = None
        self._refused = 0

    def run(self, context: Accepted, identifier: Dataset) -> None:
        command: Command = {
            Tag.AFFECTED_SOP_CLASS_UID: STUDY_ROOT,
            Tag.COMMAND_FIELD: CommandField.C_GET_RQ,
            Tag.MESSAGE_ID: self._assoc.next_message_id(),
            Tag.PRIORITY: 0,
            Tag.COMMAND_DATA_SET_TYPE: 0x0001,
        }
        self._assoc.send(context.context_id, command, data_sets.encode(identifier, context.transfer_syntax))
        for context_id, message in self._messages():
            if message.get(Tag.COMMAND_FIELD) == CommandField.C_STORE_RQ:
                self._store(context_id, message)
                continue
            data = b"".join(bytes(f) for f in self._assoc.data_set()) if has_data_set(message) else b""
            if message.get(Tag.STATUS) not in PENDING:
                self._end(message, data)
                return

    def _messages(self) -> Iterator[tuple[int, Command]]:
        while True:
            # A quick node never lets `wait` come to ask.
            if self._remote.should_stop():
                raise Stopped
            self._remote.wait(self._assoc, self._remote.timeouts.idle)
            yield self._assoc.receive_command()

    def _store(self, context_id: int, message: Command) -> None:
        fragments = self._assoc.data_set() if has_data_set(message) else iter(())
        uid = str(message.get(Tag.AFFECTED_SOP_INSTANCE_UID, ""))
        announced = Announced(str(message.get(Tag.AFFECTED_SOP_CLASS_UID, "")), uid, self._syntaxes.get(context_id, ""))
        status, comment = Status.SUCCESS, ""
        try:
            with self._archive.receive(announced, Source(self._remote.peer.aet, self._remote.peer.host)) as incoming:
                for fragment in fragments:
                    incoming.write(fragment)
                incoming.keep()
        except StorageError as e:
            for _ in fragments:
                pass
            self._trouble = e
            self._refused += 1
            status, comment = of_store_error(e), comment_of(e)
        self._assoc.send(context_id, dimse.response(message, status, comment=comment))
        if status is Status.SUCCESS:
            self._transfer.finished(uid)
        else:
            trouble = Trouble.ARCHIVE if isinstance(self._trouble, OutOfSpace | WriteFailed) else Trouble.STATUS
            self._transfer.finished(
                uid, self._remote.trouble(trouble, status=f"{status:04X}H", comment=comment).problem
            )

    def _end(self, final: Command, data: bytes) -> None:
        if isinstance(self._trouble, OutOfSpace | WriteFailed):
            raise self._remote.trouble(Trouble.ARCHIVE, comment=self._trouble)
        if self._trouble is not None:
            # Refused for what they are: broken, rejected, or in conflict with what is stored. That stays so.
            raise self._remote.trouble(Trouble.INCOMPLETE, is_final=True, count=self._refused, comment=self._trouble)
        self._remote.check_status(final)
