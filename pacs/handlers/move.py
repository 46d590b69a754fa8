"""C-MOVE: objects sent to a third node, or back to the requestor, over associations of our own (PS3.4 C.4.2)."""

from __future__ import annotations

from pacs import retrieve
from pacs.application import Application
from pacs.association import Association, Message
from pacs.courier import Courier
from pacs.dimse import Tag
from pacs.requestor import Node
from pacs.retrieve import Refused
from pacs.status import Status
from pacs.tls import TLSError


def handle(assoc: Association, message: Message, application: Application) -> None:
    """Send what the identifier means to the Move Destination, and tell how it went."""
    assoc.begin(message)
    try:
        identifier = retrieve.identifier_of(assoc, message)
        retrieve.authorize(assoc, application)
        destination = _destination(message, application)
        found = retrieve.matches(application.archive, identifier, message.context.abstract_syntax)
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
        destination,
        application.aet,
        application.archive,
        found,
        is_cancelled=lambda: assoc.is_cancelled(message),
        when_sent=assoc.flush,
        more=originator,
    )
    with courier:
        instances = list(courier.ordered())
        retrieve.carry_out(assoc, message, instances, lambda one, following: courier.deliver(one, priority, following))


def _destination(message: Message, application: Application) -> Node:
    """Return the node that the Move Destination names.

    Raises:
        Refused: A801 for an unknown one, 0124 for one that may not be sent anything, A702 where we cannot reach it.
    """
    aet = str(message.command.get(Tag.MOVE_DESTINATION, ""))
    peer = application.records.peers.by_aet(aet)
    if peer is None:
        raise Refused(Status.MOVE_DESTINATION_UNKNOWN, f"{aet[:16]} is no registered peer of this archive")
    if not peer.may_retrieve:
        raise Refused(Status.NOT_AUTHORIZED, f"{peer.aet} may not be sent objects")
    try:
        return application.node_of(peer)
    except TLSError as e:
        raise Refused(Status.UNABLE_TO_PERFORM_SUBOPERATIONS, str(e)) from e
