"""C-STORE as SCU: files sent to a remote node as they are stored (PS3.4 B.2.1)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pacs.dimse import CommandField, Tag, Value
from pacs.requestor import MAXIMUM_CONTEXTS, Accepted, AssociationFailed, Node, Proposal, Requestor
from pacs.upper_layer import ConnectionEnded, ProtocolError
from storage import meta
from storage.model import DataSetSpan

_HAS_DATA_SET = 0x0001
_MEDIUM = 0x0000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to send, with what its meta group says."""

    path: Path
    meta: meta.Meta


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file; `status` None means that it was not sent."""

    path: Path
    status: int | None
    comment: str

    @property
    def ok(self) -> bool:
        """Success or a warning (PS3.7 C.4.1): the peer has it."""
        return self.status is not None and (self.status == 0 or self.status >> 12 == 0xB)


def describe(paths: Iterable[Path]) -> list[Outgoing]:
    """Read the meta group of each file.

    Raises:
        InvalidObject: one is no DICOM file.
    """
    out: list[Outgoing] = []
    for path in paths:
        with path.open("rb") as f:
            out.append(Outgoing(path, meta.read(f.fileno(), os.fstat(f.fileno()).st_size)))
    return out


def send(node: Node, calling_aet: str, files: Iterable[Outgoing]) -> Iterator[Sent]:
    """Send files over as few associations as their kinds need, in the order given; yield each one's outcome.

    Raises:
        AssociationFailed: the node cannot be talked to; files yielded before are there.
    """
    for group in _groups(files):
        with Requestor(node, calling_aet, proposals(group)) as assoc:
            contexts = {(c.abstract_syntax, c.transfer_syntax): c for c in assoc.contexts}
            for file in group:
                context = contexts.get((file.meta.sop_class_uid, file.meta.transfer_syntax_uid))
                yield send_one(assoc, context, file)


def proposals(files: Iterable[Outgoing]) -> list[Proposal]:
    """Return one context for each kind of object among the files, in the transfer syntax they are stored in."""
    kinds = dict.fromkeys((f.meta.sop_class_uid, f.meta.transfer_syntax_uid) for f in files)
    return [Proposal(sop_class, (syntax,)) for sop_class, syntax in kinds]


def _groups(files: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Cut the files so that the kinds in each group fit one association."""
    group: list[Outgoing] = []
    kinds: set[tuple[str, str]] = set()
    for file in files:
        kind = (file.meta.sop_class_uid, file.meta.transfer_syntax_uid)
        if kind not in kinds and len(kinds) == MAXIMUM_CONTEXTS:
            yield group
            group, kinds = [], set()
        group.append(file)
        kinds.add(kind)
    if group:
        yield group


def send_one(assoc: Requestor, context: Accepted | None, file: Outgoing) -> Sent:
    """Send one file on an accepted context and wait for the answer; without a context it is not sent.

    Raises:
        AssociationFailed: the node went away.
    """
    if context is None:
        return Sent(file.path, None, "the peer does not take this kind of object in this transfer syntax")
    command: dict[Tag, Value] = {
        Tag.AFFECTED_SOP_CLASS_UID: file.meta.sop_class_uid,
        Tag.COMMAND_FIELD: CommandField.C_STORE_RQ,
        Tag.MESSAGE_ID: assoc.next_message_id(),
        Tag.PRIORITY: _MEDIUM,
        Tag.COMMAND_DATA_SET_TYPE: _HAS_DATA_SET,
        Tag.AFFECTED_SOP_INSTANCE_UID: file.meta.sop_instance_uid,
    }
    try:
        span = DataSetSpan(file.path, file.meta.data_set_offset, file.path.stat().st_size - file.meta.data_set_offset)
        assoc.send(context.context_id, command, span)
        response, _ = assoc.receive()
    except (ConnectionEnded, ProtocolError) as e:
        raise AssociationFailed(f"{assoc.node.aet} at {assoc.node.host}:{assoc.node.port}: {e}") from e
    status = response.get(Tag.STATUS)
    return Sent(file.path, status if isinstance(status, int) else None, str(response.get(Tag.ERROR_COMMENT, "")))
