"""DIMSE statuses by name, and the one place where an error of the archive becomes one (PS3.4 B.2.3, PS3.7 C)."""

from __future__ import annotations

from enum import IntEnum

from storage.errors import ClassMismatch, OutOfSpace, StorageError, WriteFailed


class Status(IntEnum):
    """Statuses that this application answers with."""

    SUCCESS = 0x0000
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    UNRECOGNIZED_OPERATION = 0x0211
    PROCESSING_FAILURE = 0x0110
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xA900
    CANNOT_UNDERSTAND = 0xC000


def of_store_error(error: StorageError) -> Status:
    """Return the C-STORE status for an error: refused, does not match, or cannot understand (PS3.4 table B.2-1)."""
    if isinstance(error, OutOfSpace | WriteFailed):
        return Status.OUT_OF_RESOURCES
    if isinstance(error, ClassMismatch):
        return Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    return Status.CANNOT_UNDERSTAND
