"""Command sets against the standard's own layout and against pynetdicom's encoder."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode as peer_decode
from pynetdicom.dsutils import encode as peer_encode

from pacs import dimse
from pacs.dimse import CommandError, CommandField, Tag
from tests.support import wire

_UIDS = st.from_regex(r"[1-9][0-9]{0,8}(\.[1-9][0-9]{0,8}){1,5}", fullmatch=True).filter(lambda u: len(u) <= 64)
_AET = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", min_size=1, max_size=16)
_US = st.integers(0, 0xFFFF)
_COMMANDS = st.fixed_dictionaries(
    {Tag.COMMAND_FIELD: st.sampled_from([int(c) for c in CommandField]), Tag.COMMAND_DATA_SET_TYPE: _US},
    optional={
        Tag.AFFECTED_SOP_CLASS_UID: _UIDS,
        Tag.AFFECTED_SOP_INSTANCE_UID: _UIDS,
        Tag.REQUESTED_SOP_CLASS_UID: _UIDS,
        Tag.REQUESTED_SOP_INSTANCE_UID: _UIDS,
        Tag.MESSAGE_ID: _US,
        Tag.MESSAGE_ID_BEING_RESPONDED_TO: _US,
        Tag.MOVE_DESTINATION: _AET,
        Tag.MOVE_ORIGINATOR_AE_TITLE: _AET,
        Tag.MOVE_ORIGINATOR_MESSAGE_ID: _US,
        Tag.PRIORITY: _US,
        Tag.STATUS: _US,
        Tag.ERROR_ID: _US,
        Tag.ERROR_COMMENT: st.text("abc DEF 019,.:", min_size=1, max_size=64).map(str.strip).filter(bool),
        Tag.REMAINING_SUBOPERATIONS: _US,
        Tag.COMPLETED_SUBOPERATIONS: _US,
    },
)


@given(_COMMANDS)
def test_what_is_encoded_is_read_back_by_us_and_by_pynetdicom(command: dict[Tag, dimse.Value]) -> None:
    encoded = dimse.encode(command)
    assert dimse.decode(encoded) == command
    peers = peer_decode(BytesIO(encoded), True, True)
    assert {int(e.tag): e.value for e in peers if e.tag != 0} == {int(tag): value for tag, value in command.items()}
    assert peers.CommandGroupLength == len(encoded) - 12


@given(_COMMANDS)
def test_what_pynetdicom_encodes_is_read(command: dict[Tag, dimse.Value]) -> None:
    ds = Dataset()
    for tag, value in command.items():
        ds.add_new(int(tag), _VR[type(value)] if tag not in dimse._UIDS else "UI", value)
    encoded = peer_encode(ds, True, True)
    assert encoded is not None
    assert dimse.decode(encoded) == command


_VR = {int: "US", str: "LO"}


def test_elements_nobody_uses_are_passed_over() -> None:
    odd = struct.pack("<HHI", 0, 0x0001, 4) + bytes(4)  # (0000,0001), retired
    offending = struct.pack("<HHI", 0, 0x0901, 8) + bytes(8)
    command = wire.echo_rq()[:12] + odd + wire.echo_rq()[12:] + offending
    assert dimse.decode(command)[Tag.COMMAND_FIELD] == CommandField.C_ECHO_RQ


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (b"", "no Command Field"),
        (wire.command_set((0x0110, 1)), "no Command Field"),
        (wire.echo_rq()[:-1], "does not belong"),
        (wire.echo_rq() + b"\0\0\0", "cut off"),
        (struct.pack("<HHI", 0x0008, 0x0018, 0), "does not belong"),
        (struct.pack("<HHI", 0, 0x0100, 0xFFFFFFFF), "does not belong"),
        (struct.pack("<HHI", 0, 0x0100, 4) + bytes(4), "4 bytes instead of 2"),
        (struct.pack("<HHI", 0, 0x0100, 0), "0 bytes instead of 2"),
    ],
)
def test_what_is_no_command_set_is_named(command: bytes, why: str) -> None:
    with pytest.raises(CommandError, match=why):
        dimse.decode(command)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_command_set_or_an_error(data: bytes) -> None:
    try:
        command = dimse.decode(data)
    except CommandError:
        return
    assert isinstance(command[Tag.COMMAND_FIELD], int)


def test_a_response_gives_back_what_the_request_named() -> None:
    request = dimse.decode(wire.store_rq("1.2.3", message_id=77))
    answer = dimse.response(request, 0xA700, comment="full")
    assert answer == {
        Tag.COMMAND_FIELD: 0x8001,
        Tag.MESSAGE_ID_BEING_RESPONDED_TO: 77,
        Tag.COMMAND_DATA_SET_TYPE: 0x0101,
        Tag.STATUS: 0xA700,
        Tag.AFFECTED_SOP_CLASS_UID: wire.CT,
        Tag.AFFECTED_SOP_INSTANCE_UID: "1.2.3",
        Tag.ERROR_COMMENT: "full",
    }


@pytest.mark.parametrize(
    ("comment", "sent"),
    [
        ("x" * 65, b"x" * 64),
        # LO: no backslash, no control characters (PS3.5 6.2), and a command set knows no other characters than ASCII.
        ("a\\b\nc\x1bd", b"a/b c d "),
        ("UID 'Đức'", b"UID '??c'"),
    ],
)
def test_a_comment_is_a_valid_lo(comment: str, sent: bytes) -> None:
    encoded = dimse.encode({Tag.COMMAND_FIELD: 1, Tag.ERROR_COMMENT: comment})
    assert wire.elements(encoded)[0x0902].rstrip(b" ") == sent.rstrip(b" ")
