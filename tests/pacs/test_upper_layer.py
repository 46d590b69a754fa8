"""PDUs over a connection, seen from the other end as bytes."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.upper_layer import (
    AbortReason,
    ConnectionEnded,
    PDUType,
    ProtocolError,
    Timeouts,
    UpperLayer,
    fragments,
    pdvs,
)
from tests.support import wire
from tests.support.wire import ABORT, P_DATA, Wire, pdu, pdv, tcp_pair

SMALL = Timeouts(artim=0.2, idle=0.2, pdu=0.2)
AMPLE = Timeouts(artim=0.2, idle=60, pdu=60)
"""Where a busy machine may take its time between two bytes; a close waits no longer for it."""


@pytest.fixture
def ends() -> Iterator[tuple[Wire, UpperLayer]]:
    near, far = tcp_pair()
    with near:
        yield Wire(near), UpperLayer(far, AMPLE, 1 << 16)
        far.close()


def test_a_pdu_is_read_whole_however_it_is_cut(ends: tuple[Wire, UpperLayer]) -> None:
    peer, upper_layer = ends
    sent = pdu(P_DATA, bytes(range(40)))
    for cut in (1, 3, 6, 7, 45):
        sender = threading.Thread(target=lambda at=cut: (peer.send(sent[:at]), time.sleep(0.01), peer.send(sent[at:])))  # type: ignore[misc]
        sender.start()
        kind, body = upper_layer.read()
        sender.join()
        assert (kind, bytes(body)) == (P_DATA, bytes(range(40)))


def test_pdus_that_come_together_are_read_one_by_one(ends: tuple[Wire, UpperLayer]) -> None:
    peer, upper_layer = ends
    bodies = [bytes([n]) * n for n in range(0, 200, 7)]
    peer.send(*(pdu(P_DATA, b) for b in bodies))
    assert [bytes(upper_layer.read()[1]) for _ in bodies] == bodies


def test_the_buffer_grows_for_a_large_pdu_and_keeps_what_followed(ends: tuple[Wire, UpperLayer]) -> None:
    peer, upper_layer = ends
    large = bytes(1000) + bytes(range(256)) * 200
    peer.send(pdu(P_DATA, b"first"), pdu(P_DATA, large), pdu(P_DATA, b"after"))
    assert [bytes(upper_layer.read()[1]) for _ in range(3)] == [b"first", large, b"after"]


@pytest.mark.parametrize("length", [(1 << 16) + 1, 1 << 31, 0xFFFFFFFF])
def test_a_pdu_longer_than_announced_is_refused_before_its_body(ends: tuple[Wire, UpperLayer], length: int) -> None:
    peer, upper_layer = ends
    peer.send(struct.pack(">BxI", P_DATA, length))
    with pytest.raises(ProtocolError, match=f"{length} bytes is longer than 65536") as raised:
        upper_layer.read()
    assert raised.value.reason is AbortReason.INVALID_PARAMETER


def test_the_longest_pdu_is_taken(ends: tuple[Wire, UpperLayer]) -> None:
    peer, upper_layer = ends
    peer.send(pdu(P_DATA, bytes(1 << 16)))
    assert len(upper_layer.read()[1]) == 1 << 16


def test_a_silent_peer_is_given_up_after_the_idle_time() -> None:
    near, far = tcp_pair()
    with near, far:
        began = time.monotonic()
        with pytest.raises(ConnectionEnded, match=r"silent for 0\.2 s"):
            UpperLayer(far, SMALL, 1 << 16).read()
        assert time.monotonic() - began > 0.15


def test_a_peer_that_trickles_is_given_up_like_a_silent_one() -> None:
    near, far = tcp_pair()
    upper_layer = UpperLayer(far, Timeouts(artim=60, idle=60, pdu=0.5), 1 << 16)
    stop = threading.Event()

    def trickle() -> None:
        # The header alone has time enough, and so has the body: one deadline holds from the first byte to the last.
        for byte in pdu(P_DATA, bytes(6)):
            if stop.wait(0.06):
                return
            near.send(bytes([byte]))

    sender = threading.Thread(target=trickle)
    sender.start()
    with pytest.raises(ConnectionEnded, match="not whole after"):
        upper_layer.read()
    stop.set()
    sender.join()
    near.close()
    far.close()


def test_the_rest_of_a_begun_pdu_has_the_pdu_time_even_when_its_head_came_with_the_last_one() -> None:
    near, far = tcp_pair()
    with near, far:
        upper_layer = UpperLayer(far, Timeouts(artim=60, idle=60, pdu=0.1), 1 << 16)
        near.sendall(pdu(P_DATA, b"whole") + b"\x04\x00\x00")
        upper_layer.read()
        began = time.monotonic()
        with pytest.raises(ConnectionEnded):
            upper_layer.read()
        assert time.monotonic() - began < 30


def test_within_bounds_the_whole_pdu_not_only_its_first_byte() -> None:
    near, far = tcp_pair()
    with near, far:
        upper_layer = UpperLayer(far, Timeouts(artim=60, idle=60, pdu=60), 1 << 16)
        near.sendall(b"\x01\x00\x00")
        began = time.monotonic()
        with pytest.raises(ConnectionEnded):
            upper_layer.read(within=0.1)
        assert time.monotonic() - began < 30


def test_an_end_is_told_from_a_reset(ends: tuple[Wire, UpperLayer]) -> None:
    peer, upper_layer = ends
    peer.socket.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionEnded, match="closed by the peer"):
        upper_layer.read()


def test_a_reset_ends_the_connection_with_its_reason(ends: tuple[Wire, UpperLayer]) -> None:
    peer, upper_layer = ends
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()
    with pytest.raises(ConnectionEnded, match="connection lost: Connection reset"):
        upper_layer.read()


def test_a_peer_that_takes_nothing_is_given_up() -> None:
    near, far = tcp_pair()
    with near, far, pytest.raises(ConnectionEnded, match=r"takes nothing for 0\.2 s"):
        UpperLayer(far, SMALL, 1 << 16).send(PDUType.P_DATA_TF, bytes(64 << 20))


def test_an_abort_names_provider_and_reason_and_closes(ends: tuple[Wire, UpperLayer]) -> None:
    peer, upper_layer = ends
    closing = threading.Thread(target=upper_layer.abort, args=(AbortReason.UNEXPECTED_PDU,))
    closing.start()
    assert peer.read() == (ABORT, bytes((0, 0, 2, 2)))
    peer.expect_closed()
    peer.socket.close()
    closing.join(60)
    assert not closing.is_alive()


def test_closing_waits_no_longer_than_artim_for_the_peer(ends: tuple[Wire, UpperLayer]) -> None:
    began = time.monotonic()
    ends[1].close()
    assert time.monotonic() - began > 0.15


def test_the_last_pdu_arrives_although_unread_bytes_are_waiting(ends: tuple[Wire, UpperLayer]) -> None:
    # A close with unread bytes would reset the connection and take the abort with it.
    peer, upper_layer = ends
    peer.send(bytes(100_000))
    closing = threading.Thread(target=upper_layer.abort, args=(AbortReason.UNRECOGNIZED_PDU,))
    closing.start()
    assert peer.expect_abort() == (2, 1)
    peer.socket.close()
    closing.join(60)


@pytest.mark.parametrize(
    "body",
    [
        struct.pack(">IBB", 0, 1, 0),
        struct.pack(">IBB", 1, 1, 0),
        struct.pack(">IBB", 3, 1, 0),
        struct.pack(">IBB", 0xFFFFFFFF, 1, 0) + bytes(100),
        pdv(1, b"good", command=True, last=True) + b"\0\0\0",
        b"\0",
    ],
)
def test_a_value_that_does_not_fit_its_pdu_breaks_the_rules(body: bytes) -> None:
    with pytest.raises(ProtocolError) as raised:
        list(pdvs(memoryview(body)))
    assert raised.value.reason is AbortReason.INVALID_PARAMETER


def test_several_values_in_one_pdu_are_told_apart() -> None:
    body = pdv(1, b"ab", command=True, last=False) + pdv(1, b"", command=True, last=True)
    body += pdv(255, b"cd", command=False, last=True)
    found = [(p.context_id, p.is_command, p.is_last, bytes(p.fragment)) for p in pdvs(memoryview(body))]
    assert found == [(1, True, False, b"ab"), (1, True, True, b""), (255, False, True, b"cd")]


def test_reserved_bits_of_the_control_header_are_ignored() -> None:
    # PS3.8 E.2: bits 2 to 7 are not tested when received.
    (found,) = pdvs(memoryview(struct.pack(">IBB", 2, 1, 0xFE)))
    assert (found.is_command, found.is_last) == (False, True)


@given(st.binary(max_size=300), st.integers(0, 60), st.integers(1, 127), st.booleans())
def test_fragments_fit_the_peer_and_come_together_again(data: bytes, maximum: int, context: int, command: bool) -> None:
    context_id = context * 2 - 1
    bodies = [b"".join(map(bytes, body)) for body in fragments(context_id, data, maximum, is_command=command)]
    if maximum > 6:
        assert all(len(b) <= maximum for b in bodies)
    found = [p for b in bodies for p in pdvs(memoryview(b))]
    assert b"".join(bytes(p.fragment) for p in found) == data
    assert [p.is_last for p in found] == [False] * (len(found) - 1) + [True]
    assert {(p.context_id, p.is_command) for p in found} == {(context_id, command)}


@given(st.binary(max_size=200))
def test_any_bytes_are_values_or_break_the_rules(data: bytes) -> None:
    try:
        found = list(pdvs(memoryview(data)))
    except ProtocolError:
        return
    assert sum(len(p.fragment) + 6 for p in found) == len(data)


def test_wire_constants_are_those_of_the_standard() -> None:
    assert [int(t) for t in PDUType] == [wire.RQ, wire.AC, wire.RJ, P_DATA, wire.RELEASE_RQ, wire.RELEASE_RP, ABORT]
