"""DIMSE command sets: group 0000 to a small mapping and back (PS3.7 6.3, E.1).

A command set is always implicit VR little endian, a dozen elements of four VRs. This codec exists because one is read
and one written for every object that arrives; reading them with a general parser costs more than storing the object.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum

from storage.printable import printable_ascii

_ELEMENT = struct.Struct("<HHI")
NO_DATA_SET = 0x0101


class Tag(IntEnum):
    """Elements of group 0000, by their element number (PS3.7 E.1)."""

    COMMAND_GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS_UID = 0x0002
    REQUESTED_SOP_CLASS_UID = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    COMMAND_DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    OFFENDING_ELEMENT = 0x0901
    ERROR_COMMENT = 0x0902
    ERROR_ID = 0x0903
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    REQUESTED_SOP_INSTANCE_UID = 0x1001
    EVENT_TYPE_ID = 0x1002
    ACTION_TYPE_ID = 0x1008
    REMAINING_SUBOPERATIONS = 0x1020
    COMPLETED_SUBOPERATIONS = 0x1021
    FAILED_SUBOPERATIONS = 0x1022
    WARNING_SUBOPERATIONS = 0x1023
    MOVE_ORIGINATOR_AE_TITLE = 0x1030
    MOVE_ORIGINATOR_MESSAGE_ID = 0x1031


class CommandField(IntEnum):
    """Kinds of messages (PS3.7 E.1)."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    C_CANCEL_RQ = 0x0FFF


RESPONSE = 0x8000
_UIDS = frozenset(
    {
        Tag.AFFECTED_SOP_CLASS_UID,
        Tag.REQUESTED_SOP_CLASS_UID,
        Tag.AFFECTED_SOP_INSTANCE_UID,
        Tag.REQUESTED_SOP_INSTANCE_UID,
    }
)
_TEXTS = frozenset({Tag.MOVE_DESTINATION, Tag.ERROR_COMMENT, Tag.MOVE_ORIGINATOR_AE_TITLE})
_TAGS = frozenset(_UIDS | _TEXTS | (frozenset(Tag) - {Tag.OFFENDING_ELEMENT, Tag.COMMAND_GROUP_LENGTH}))
MAX_COMMENT = 64  # an LO

Value = int | str
Command = Mapping[Tag, Value]


class CommandError(Exception):
    """A command set that cannot be read, or that lacks what every message has."""


def decode(data: bytes) -> dict[Tag, Value]:
    """Read a command set; elements that no service here uses are passed over.

    Raises:
        CommandError: an element is cut off, or of another group, or there is no Command Field.
    """
    command: dict[Tag, Value] = {}
    at, end = 0, len(data)
    while at < end:
        if end - at < _ELEMENT.size:
            raise CommandError("the command set is cut off")
        group, element, length = _ELEMENT.unpack_from(data, at)
        at += _ELEMENT.size
        if group != 0 or length > end - at:
            raise CommandError(f"({group:04X},{element:04X}) of {length} bytes does not belong in a command set")
        if element in _TAGS:
            command[Tag(element)] = _value(Tag(element), data[at : at + length])
        at += length
    if not isinstance(command.get(Tag.COMMAND_FIELD), int):
        raise CommandError("the command set has no Command Field")
    return command


def _value(tag: Tag, raw: bytes) -> Value:
    if tag in _UIDS or tag in _TEXTS:
        return raw.decode("latin-1").strip(" \0")
    if len(raw) != 2:
        raise CommandError(f"(0000,{tag:04X}) has {len(raw)} bytes instead of 2")
    return int.from_bytes(raw, "little")


def encode(command: Command) -> bytes:
    """Write a command set with its group length, elements in ascending order."""
    body = b"".join(_encoded(tag, command[tag]) for tag in sorted(command))
    return _ELEMENT.pack(0, Tag.COMMAND_GROUP_LENGTH, 4) + struct.pack("<I", len(body)) + body


def _encoded(tag: Tag, value: Value) -> bytes:
    if isinstance(value, int):
        return _ELEMENT.pack(0, tag, 2) + value.to_bytes(2, "little")
    raw = _comment(value) if tag == Tag.ERROR_COMMENT else value.encode("latin-1", "replace")
    raw += (b"\0" if tag in _UIDS else b" ") * (len(raw) % 2)
    return _ELEMENT.pack(0, tag, len(raw)) + raw


def _comment(text: str) -> bytes:
    """Return `text` as an LO: no backslash, no control characters, and ASCII, since a command set names no other."""
    return printable_ascii(text, most=MAX_COMMENT).encode("ascii")


def response(request: Command, status: int, *, comment: str = "", has_data_set: bool = False) -> dict[Tag, Value]:
    """Return the response to a request: its ID and SOP class and instance given back, with a status (PS3.7 9.3)."""
    answer: dict[Tag, Value] = {
        Tag.COMMAND_FIELD: int(request[Tag.COMMAND_FIELD]) | RESPONSE,
        Tag.MESSAGE_ID_BEING_RESPONDED_TO: request.get(Tag.MESSAGE_ID, 0),
        Tag.COMMAND_DATA_SET_TYPE: 0x0001 if has_data_set else NO_DATA_SET,
        Tag.STATUS: status,
    }
    for tag in (Tag.AFFECTED_SOP_CLASS_UID, Tag.AFFECTED_SOP_INSTANCE_UID):
        if tag in request:
            answer[tag] = request[tag]
    if comment:
        answer[Tag.ERROR_COMMENT] = comment
    return answer
