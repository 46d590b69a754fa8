"""Associations that we ask for, answered by hand or by pynetdicom."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pacs.contexts import Roles
from pacs.dimse import CommandField, Tag
from pacs.requestor import Accepted, AssociationFailed, Node, Proposal, Requestor
from pacs.upper_layer import ConnectionEnded, Timeouts
from tests.support.peers import free_port
from tests.support.wire import (
    ABORT,
    AC,
    CT,
    EXPLICIT,
    P_DATA,
    RELEASE_RP,
    RJ,
    VERIFICATION,
    Wire,
    command_set,
    item,
    pdu,
    pdv,
)

_TIMEOUTS = Timeouts(artim=0.5, idle=0.5, pdu=0.5)
_PROPOSALS = (Proposal(CT, (EXPLICIT,)), Proposal(VERIFICATION, (EXPLICIT,)))


def _acceptance(maximum_pdu: int = 16384, results: dict[int, int] | None = None) -> bytes:
    contexts = b"".join(
        item(0x21, bytes((context_id, 0, result, 0)) + item(0x40, EXPLICIT.encode()))
        for context_id, result in (results or {1: 0, 3: 0}).items()
    )
    user = item(0x50, item(0x51, struct.pack(">I", maximum_pdu)) + item(0x52, b"1.2.3"))
    titles = b"PEER".ljust(16) + b"US".ljust(16)
    body = struct.pack(">Hxx", 1) + titles + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + user
    return pdu(AC, body)


@contextmanager
def peer(script: Callable[[Wire], None]) -> Iterator[Node]:
    """A peer that reads the request and then follows a script."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with Wire(connection) as wire:
                wire.read()
                script(wire)

        thread = threading.Thread(target=run)
        thread.start()
        yield Node("PEER", "127.0.0.1", listener.getsockname()[1])
        thread.join(10)
        assert not thread.is_alive()


def _associate(node: Node) -> Requestor:
    return Requestor(node, "US", _PROPOSALS, timeouts=_TIMEOUTS)


def test_pynetdicom_accepts_and_answers() -> None:
    ae = AE("PEER")
    ae.add_supported_context(Verification)
    seen: list[str] = []
    handlers = [(evt.EVT_C_ECHO, lambda e: 0), (evt.EVT_ACCEPTED, lambda e: seen.append(e.assoc.requestor.ae_title))]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        node = Node("PEER", "127.0.0.1", server.server_address[1])
        proposals = [Proposal(CT, (EXPLICIT,)), Proposal(VERIFICATION, ("1.2.840.10008.1.2",))]
        with Requestor(node, "US", proposals, roles={CT: Roles(scu=True, scp=True)}) as assoc:
            assert assoc.contexts == (Accepted(3, VERIFICATION, "1.2.840.10008.1.2"),)
            command = {
                Tag.AFFECTED_SOP_CLASS_UID: VERIFICATION,
                Tag.COMMAND_FIELD: int(CommandField.C_ECHO_RQ),
                Tag.MESSAGE_ID: assoc.next_message_id(),
                Tag.COMMAND_DATA_SET_TYPE: 0x0101,
            }
            assoc.send(3, command)
            answer, data = assoc.receive()
        assert (answer[Tag.STATUS], answer[Tag.MESSAGE_ID_BEING_RESPONDED_TO], data) == (0, 1, b"")
        assert seen == ["US"]
    finally:
        server.shutdown()


def test_nobody_there_is_one_line() -> None:
    with pytest.raises(AssociationFailed, match=r"PEER at 127\.0\.0\.1:\d+ cannot be reached: Connection refused"):
        _associate(Node("PEER", "127.0.0.1", free_port()))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (pdu(RJ, bytes((0, 1, 1, 7))), "rejects the association: Called AE title not recognised"),
        (pdu(RJ, bytes((0, 9, 9, 9))), "rejects the association"),
        (pdu(ABORT, bytes(4)), "aborts"),
        (pdu(P_DATA, bytes(4)), "a PDU of type 04 for an answer"),
        (pdu(AC, b"\xff" * 80), "cannot be read"),
        (pdu(AC), "cannot be read"),
        (struct.pack(">BxI", AC, 0xFFFFFFFF), "longer than"),
        (b"\x02\x00\x00", "closed by the peer"),
        (b"", "closed by the peer"),
    ],
)
def test_no_association_is_one_line(answer: bytes, why: str) -> None:
    with peer(lambda wire: wire.send(answer)) as node, pytest.raises(AssociationFailed, match=why):
        _associate(node)


def test_a_silent_peer_is_given_up() -> None:
    with peer(lambda wire: wire.expect_closed()) as node, pytest.raises(AssociationFailed, match=r"silent for 0\.5 s"):
        _associate(node)


def test_refused_contexts_are_not_there() -> None:
    def script(wire: Wire) -> None:
        wire.send(_acceptance(results={1: 3, 3: 0, 99: 0}))
        wire.read()
        wire.send(pdu(RELEASE_RP, bytes(4)))

    with peer(script) as node, _associate(node) as assoc:
        assert [c.context_id for c in assoc.contexts] == [3]


@pytest.mark.parametrize("maximum", [0, 1, 6, 7, 64, 16384])
def test_a_data_set_is_cut_as_the_peer_takes_it(maximum: int) -> None:
    data = bytes(range(256)) * 4
    got: list[tuple[int, bytes]] = []

    def script(wire: Wire) -> None:
        wire.send(_acceptance(maximum))
        received = b""
        last = False
        while not last:
            kind, body = wire.read()
            assert kind == P_DATA
            assert maximum < 7 or len(body) <= maximum
            if not body[5] & 1:
                received += body[6:]
                last = bool(body[5] & 2)
        got.append((len(received), received))
        wire.expect_abort()

    with peer(script) as node:
        assoc = _associate(node)
        assoc.send(1, {Tag.COMMAND_FIELD: 1}, data)
        assoc.__exit__(ValueError, None, None)
    assert got == [(1024, data)]


def test_a_response_with_a_data_set_comes_whole() -> None:
    def script(wire: Wire) -> None:
        wire.send(_acceptance())
        response = command_set((0x0100, 0x8020), (0x0800, 1), (0x0900, 0xFF00))
        wire.send(pdu(P_DATA, pdv(1, response[:9], command=True, last=False)))
        wire.send(pdu(P_DATA, pdv(1, response[9:], command=True, last=True) + pdv(1, b"ab", command=False, last=False)))
        wire.send(pdu(P_DATA, pdv(1, b"cd", command=False, last=True)))
        wire.read()
        wire.send(pdu(RELEASE_RP, bytes(4)))

    with peer(script) as node, _associate(node) as assoc:
        command, data = assoc.receive()
        assert (command[Tag.STATUS], data) == (0xFF00, b"abcd")


def test_two_responses_in_one_pdu_are_both_received() -> None:
    def script(wire: Wire) -> None:
        wire.send(_acceptance())
        answers = [command_set((0x0100, 0x8001), (0x0120, n), (0x0800, 0x0101), (0x0900, 0)) for n in (1, 2)]
        wire.send(pdu(P_DATA, b"".join(pdv(1, a, command=True, last=True) for a in answers)))
        wire.read()
        wire.send(pdu(RELEASE_RP, bytes(4)))

    with peer(script) as node, _associate(node) as assoc:
        ids = [assoc.receive()[0][Tag.MESSAGE_ID_BEING_RESPONDED_TO] for _ in range(2)]
        assert ids == [1, 2]


@pytest.mark.parametrize("ending", [pdu(ABORT, bytes(4)), b""])
def test_an_end_instead_of_a_response_is_told(ending: bytes) -> None:
    with (
        peer(lambda wire: wire.send(_acceptance(), ending)) as node,
        pytest.raises(ConnectionEnded),
        _associate(node) as a,
    ):
        a.receive()


@pytest.mark.parametrize("count", [0, 129])
def test_more_contexts_than_fit_are_a_mistake_of_the_caller(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} presentation contexts"):
        Requestor(Node("PEER", "127.0.0.1", 1), "US", [Proposal(CT, (EXPLICIT,))] * count)
