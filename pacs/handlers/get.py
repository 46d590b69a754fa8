"""C-GET: objects sent on the association that asks for them (PS3.4 C.4.3).

The requestor offers itself as SCP of the storage classes it takes (role selection, PS3.4 C.5.3); only contexts of those
are used. A peer that does not answer a C-STORE ends the association: nothing else can be told on it any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from pacs import retrieve
from pacs.application import Application
from pacs.association import Association, Message
from pacs.contexts import Negotiated, Result
from pacs.dimse import Tag
from pacs.retrieve import Delivered, Refused
from pacs.upper_layer import AbortReason, ProtocolError
from storage.archive import Archive
from storage.errors import StorageError
from storage.model import Instance

ANSWER_SECONDS = 60.0
"""How long a peer may take to answer a C-STORE."""


def handle(assoc: Association, message: Message, application: Application) -> None:
    """Send what the identifier means, and tell how it went."""
    assoc.begin(message)
    try:
        identifier = retrieve.identifier_of(assoc, message)
        retrieve.authorize(assoc, application)
        found = retrieve.matches(application.archive, identifier, assoc, message.context.abstract_syntax)
    except Refused as e:
        retrieve.refuse(assoc, message, e)
        return
    sending = _Sending(assoc, application.archive, int(message.command.get(Tag.PRIORITY, 0)))
    try:
        retrieve.carry_out(assoc, message, found, sending.deliver)
    finally:
        assoc.read_ahead(None)


def contexts_to_send(assoc: Association) -> dict[str, dict[str, int]]:
    """Return the contexts on which the requestor is SCP: by SOP class, by transfer syntax."""
    contexts: dict[str, dict[str, int]] = {}
    for context in _granted(assoc):
        by_syntax = contexts.setdefault(context.abstract_syntax, {})
        by_syntax.setdefault(context.transfer_syntax, context.context_id)
    return contexts


def _granted(assoc: Association) -> Iterator[Negotiated]:
    for context in assoc.contexts.values():
        roles = assoc.roles.get(context.abstract_syntax)
        if context.result is Result.ACCEPTED and roles is not None and roles.scp:
            yield context


class _Sending:
    """Objects on their way over the association that asked for them."""

    def __init__(self, assoc: Association, archive: Archive, priority: int) -> None:
        self._assoc = assoc
        self._archive = archive
        self._priority = priority
        self._contexts = contexts_to_send(assoc)

    def deliver(self, instance: Instance, following: Instance | None) -> Delivered:
        """Send one object; while the peer works on it, read the beginning of the one that follows."""
        offered = self._contexts.get(instance.sop_class_uid, {})
        if not self._is_sent_unchanged(instance):
            # It takes a while, and the peer should know how far it is.
            self._assoc.flush()
        if not offered:
            return Delivered(None, "the peer offered no context to be sent this SOP class")
        try:
            with self._archive.in_syntax(instance, tuple(offered)) as (syntax, span):
                sent = self._assoc.request(offered[syntax], retrieve.store_request(instance, self._priority), span)
        except StorageError as e:
            return Delivered(None, str(e))
        except OSError as e:
            # A part of it has been sent already, and cannot be taken back.
            raise ProtocolError(
                f"{instance.path.name} cannot be read to its end: {e.strerror or e}", AbortReason.NOT_SPECIFIED
            ) from e
        if following is not None and self._is_sent_unchanged(following):
            self._assoc.read_ahead(following.data_set)
        return retrieve.outcome_of(self._assoc.answer(sent, ANSWER_SECONDS))

    def _is_sent_unchanged(self, instance: Instance) -> bool:
        return instance.transfer_syntax_uid in self._contexts.get(instance.sop_class_uid, {})
