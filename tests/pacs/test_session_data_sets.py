"""Data sets of one connection, spoken to in bytes: in pieces of any size, cut off, in every syntax."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from pacs.upper_layer import Timeouts
from storage.archive import Archive
from tests.support.objects import INSTANCE, ct, encode, files_below
from tests.support.sessions import TINY, Served
from tests.support.wire import (
    ABORT,
    CT,
    DEFLATED,
    IMPLICIT,
    P_DATA,
    RELEASE_RQ,
    Wire,
    associate_rq,
    echo_rq,
    pdu,
    pdv,
    store_rq,
)

_DATA = encode(ct())


@pytest.mark.parametrize("size", [1, 2, 7, 128, 16378, (1 << 17) - 6])
def test_a_data_set_in_pieces_of_any_size(served: Served, archive: Archive, size: int) -> None:
    served.wire.associate()
    data = encode(ct(PixelData=bytes(300_000), Rows=300, Columns=500)) if size > 1000 else _DATA
    assert served.wire.store(data, INSTANCE, size=size).status == 0
    instance = archive.instance(INSTANCE)
    assert instance.path.read_bytes()[instance.dataset_offset :] == data


def test_command_and_data_set_in_one_pdu(served: Served, archive: Archive) -> None:
    served.wire.associate()
    half = len(_DATA) // 2
    body = pdv(1, store_rq(INSTANCE), command=True, last=True)
    body += pdv(1, _DATA[:half], command=False, last=False) + pdv(1, b"", command=False, last=False)
    body += pdv(1, _DATA[half:], command=False, last=True) + pdv(3, echo_rq(5), command=True, last=True)
    served.wire.send(pdu(P_DATA, body))
    assert served.wire.response().status == 0
    assert served.wire.response().message_id == 5
    assert archive.instance(INSTANCE).size


def test_an_empty_last_fragment_ends_a_data_set(served: Served, archive: Archive) -> None:
    served.wire.associate()
    served.wire.command(1, store_rq(INSTANCE))
    served.wire.send(pdu(P_DATA, pdv(1, _DATA, command=False, last=False)))
    served.wire.send(pdu(P_DATA, pdv(1, b"", command=False, last=True)))
    assert served.wire.response().status == 0


def _interruptions() -> dict[str, tuple[Callable[[Wire], None], str]]:
    return {
        "release": (lambda w: w.send(pdu(RELEASE_RQ, bytes(4))), "aborted: release inside a data set"),
        "abort": (lambda w: w.send(pdu(ABORT, bytes(4))), "aborted by the peer"),
        "reset": (_reset, "connection lost"),
        "close": (lambda w: w.socket.close(), "closed by the peer"),
        "command": (lambda w: w.command(3, echo_rq()), "aborted: another message inside a data set"),
        "other context": (lambda w: w.data(3, b"x"), "aborted: another message inside a data set"),
        "other PDU": (lambda w: w.send(associate_rq()), "aborted: a PDU of type 01"),
        "silence": (lambda w: None, "silent for 1 s"),
        "half a PDU": (lambda w: w.send(pdu(P_DATA, bytes(99))[:50]), "a PDU was not whole after 0.5 s"),
    }


def _reset(w: Wire) -> None:
    import socket

    w.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    w.socket.close()


@pytest.mark.parametrize("name", list(_interruptions()))
def test_whatever_interrupts_a_data_set_nothing_of_it_stays(
    session: Callable[..., Served], archive: Archive, name: str
) -> None:
    interrupt, outcome = _interruptions()[name]
    by_time = "not whole" in outcome or "silent" in outcome
    served = session(TINY if by_time else Timeouts(2, 5, 5))
    served.wire.associate()
    served.wire.command(1, store_rq(INSTANCE))
    served.wire.send(pdu(P_DATA, pdv(1, _DATA[:100], command=False, last=False)))
    interrupt(served.wire)
    served.thread.join(60 if by_time else 0.1)
    assert f"outcome={outcome}" in served.line()
    assert [f for name in ("archive", "incoming", "quarantine") for f in files_below(archive.data / name)] == []


def test_a_peer_that_never_reads_its_response_is_given_up(session: Callable[..., Served], archive: Archive) -> None:
    served = session(TINY)
    served.wire.associate()
    served.wire.store(_DATA, INSTANCE)
    served.thread.join(60)
    assert "silent for 1 s" in served.line()
    assert archive.instance(INSTANCE).path.exists()


def test_release_without_reading_the_answer(served: Served) -> None:
    served.wire.associate()
    served.wire.send(pdu(RELEASE_RQ, bytes(4)))
    served.wire.socket.close()
    assert "outcome=released" in served.line()


def test_deflated_and_implicit_data_sets_are_taken_as_negotiated(served: Served, archive: Archive) -> None:
    served.wire.associate([(1, CT, (DEFLATED,)), (3, CT, (IMPLICIT,))])
    other = "1.2.826.0.1.3680043.10.999.1.1.2"
    assert served.wire.store(encode(ct(), DEFLATED), INSTANCE).status == 0
    assert served.wire.store(encode(ct(SOPInstanceUID=other), IMPLICIT), other, context_id=3).status == 0
    assert archive.instance(INSTANCE).transfer_syntax_uid == DEFLATED
    assert archive.instance(other).transfer_syntax_uid == IMPLICIT
