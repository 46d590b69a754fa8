"""DIMSE statuses by name, and the one place where an error of the archive becomes one (PS3.4 B.2.3, PS3.7 C)."""

from __future__ import annotations

from enum import IntEnum

from pacs.dimse import MAX_COMMENT
from storage.errors import (
    ClassMismatch,
    DuplicateConflict,
    OutOfSpace,
    Rejected,
    StorageError,
    UnsafeUID,
    WriteFailed,
)


class Status(IntEnum):
    """Statuses that this application answers with."""

    SUCCESS = 0x0000
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORIZED = 0x0124
    NO_SUCH_SOP_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    INVALID_ARGUMENT_VALUE = 0x0115
    NO_SUCH_ACTION_TYPE = 0x0123
    RESOURCE_LIMITATION = 0x0213
    UNRECOGNIZED_OPERATION = 0x0211
    PROCESSING_FAILURE = 0x0110
    OUT_OF_RESOURCES = 0xA700
    UNABLE_TO_COUNT_MATCHES = 0xA701
    UNABLE_TO_PERFORM_SUBOPERATIONS = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    SUBOPERATIONS_COMPLETE_WITH_FAILURES = 0xB000
    CANCEL = 0xFE00
    PENDING = 0xFF00
    PENDING_WITH_UNSUPPORTED_KEYS = 0xFF01
    CANNOT_UNDERSTAND = 0xC000
    UNABLE_TO_PROCESS = 0xC001


def of_store_error(error: StorageError) -> Status:
    """Return the C-STORE status for an error: refused, does not match, or cannot understand (PS3.4 table B.2-1)."""
    if isinstance(error, OutOfSpace | WriteFailed):
        return Status.OUT_OF_RESOURCES
    if isinstance(error, ClassMismatch):
        return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    if isinstance(error, Rejected):
        return Status.NOT_AUTHORIZED
    return Status.CANNOT_UNDERSTAND


_SHORT: tuple[tuple[type[StorageError], str], ...] = (
    (Rejected, "rejected here; restore it, or wait until it is removed"),
    (DuplicateConflict, "stored already with other content; the first one stays"),
    (ClassMismatch, "data set is of another SOP class or instance than announced"),
)


def comment_of(error: StorageError) -> str:
    """Return an Error Comment that names the reason within the 64 characters of an LO (PS3.7 C.4.2)."""
    text = str(error)
    if len(text) <= MAX_COMMENT:
        return text
    if isinstance(error, UnsafeUID):
        return f"{error.keyword} is not a valid UID (PS3.5 9.1)"
    if isinstance(error, OutOfSpace | WriteFailed):
        # What was being written is long and of no use to the sender; what the disk said stands last.
        return f"the archive cannot write: {text.rpartition(': ')[2]}"[:MAX_COMMENT]
    return next((short for kind, short in _SHORT if isinstance(error, kind)), f"{text[: MAX_COMMENT - 3]}...")
