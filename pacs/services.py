"""Which handler answers which message."""

from __future__ import annotations

from pacs import dimse
from pacs.application import Application
from pacs.association import Association, Message
from pacs.contexts import COMMITMENT_CLASS, FIND_CLASSES, GET_CLASSES, MOVE_CLASSES
from pacs.dimse import CommandField
from pacs.handlers import commitment, echo, event_report, find, get, move, store
from pacs.status import Status


def dispatch(assoc: Association, message: Message, application: Application) -> None:
    """Hand a request to its handler; refuse what no handler knows (PS3.7 9.1, C.5.22)."""
    match message.field:
        case CommandField.C_STORE_RQ:
            store.handle(assoc, message, application)
        case CommandField.C_ECHO_RQ:
            echo.handle(assoc, message)
        case CommandField.C_FIND_RQ if message.context.abstract_syntax in FIND_CLASSES:
            find.handle(assoc, message, application)
        case CommandField.C_GET_RQ if message.context.abstract_syntax in GET_CLASSES:
            get.handle(assoc, message, application)
        case CommandField.C_MOVE_RQ if message.context.abstract_syntax in MOVE_CLASSES:
            move.handle(assoc, message, application)
        case CommandField.N_ACTION_RQ if message.context.abstract_syntax == COMMITMENT_CLASS:
            commitment.handle(assoc, message, application)
        case CommandField.N_EVENT_REPORT_RQ if message.context.abstract_syntax == COMMITMENT_CLASS:
            event_report.handle(assoc, message, application)
        case CommandField.C_CANCEL_RQ:
            pass  # PS3.7 9.3.2.3: it came after its operation had ended, and has no answer of its own
        case _:
            _refuse(assoc, message)


def _refuse(assoc: Association, message: Message) -> None:
    if message.has_data_set:
        for _ in assoc.data_set(message):
            pass
    comment = f"operation {message.field:04X}H is not offered"
    assoc.respond(message, dimse.response(message.command, Status.UNRECOGNIZED_OPERATION, comment=comment))
