"""C-MOVE: objects sent to a third node, or back to the requestor, over associations of our own (PS3.4 C.4.2)."""

from __future__ import annotations

from pacs import retrieve
from pacs.application import Application
from pacs.association import Association, Message
from pacs.confirmation import Forwarded
from pacs.courier import Courier
from pacs.dimse import Tag
from pacs.requestor import Node
from pacs.retrieve import Delivered, Refused
from pacs.status import Status
from pacs.tls import TLSError
from storage.model import Instance
from storage.records import Peer


def handle(assoc: Association, message: Message, application: Application) -> None:
    """Send what the identifier means to the Move Destination, and tell how it went."""
    assoc.begin(message)
    try:
        identifier = retrieve.identifier_of(assoc, message)
        retrieve.authorize(assoc, application)
        destination = _destination(message, application)
        node = _node(destination, application)
        found = retrieve.matches(application.archive, identifier, assoc, message.context.abstract_syntax)
    except Refused as e:
        retrieve.refuse(assoc, message, e)
        return
    priority = int(message.command.get(Tag.PRIORITY, 0))
    # PS3.7 9.1.1.1.7 and .8: who asked for the move, and with which message.
    originator = {
        Tag.MOVE_ORIGINATOR_AE_TITLE: assoc.peer.calling_aet,
        Tag.MOVE_ORIGINATOR_MESSAGE_ID: message.command.get(Tag.MESSAGE_ID, 0),
    }
    courier = Courier(
        node,
        application.aet,
        application.archive,
        found,
        is_cancelled=lambda: assoc.is_cancelled(message),
        when_sent=assoc.flush,
        more=originator,
    )

    def deliver(instance: Instance, following: Instance | None) -> Delivered:
        return forwarded.note(instance, courier.deliver(instance, priority, following), following)

    with Forwarded(application.records, application.archive, destination) as forwarded, courier:
        retrieve.carry_out(assoc, message, list(courier.ordered()), deliver)


def _destination(message: Message, application: Application) -> Peer:
    """Return the peer that the Move Destination names.

    Raises:
        Refused: A801 for an unknown one, 0124 for one that may not be sent anything.
    """
    aet = str(message.command.get(Tag.MOVE_DESTINATION, ""))
    peer = application.records.peers.by_aet(aet)
    if peer is None:
        raise Refused(Status.MOVE_DESTINATION_UNKNOWN, f"{aet[:16]} is no registered peer of this archive")
    if not peer.may_retrieve:
        raise Refused(Status.NOT_AUTHORIZED, f"{peer.aet} may not be sent objects")
    return peer


def _node(peer: Peer, application: Application) -> Node:
    try:
        return application.node_of(peer)
    except TLSError as e:
        raise Refused(Status.UNABLE_TO_PERFORM_SUBOPERATIONS, str(e)) from e
