"""C-ECHO: the verification service (PS3.4 A)."""

from __future__ import annotations

from pacs import dimse
from pacs.association import Association, Message
from pacs.status import Status


def handle(assoc: Association, message: Message) -> None:
    """Answer that we are here."""
    assoc.tally.echoed += 1
    assoc.respond(message, dimse.response(message.command, Status.SUCCESS))
