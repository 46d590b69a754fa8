"""One connection from its first byte to its line in the log, spoken to in bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from pacs.logs import quiet_libraries
from storage.archive import Archive
from tests.support.objects import INSTANCE, STUDY, ct, encode
from tests.support.sessions import TINY, Served
from tests.support.wire import (
    ABORT,
    AC,
    CT,
    EXPLICIT,
    IMPLICIT,
    MR,
    NO_DATA_SET,
    P_DATA,
    PRINT,
    RELEASE_RP,
    RELEASE_RQ,
    RJ,
    VERIFICATION,
    associate_rq,
    command_set,
    echo_rq,
    pdu,
    pdv,
    role_item,
    store_rq,
)

_DATA = encode(ct())
_OTHERS = [0x00, AC, RJ, RELEASE_RP, 0x08, 0xFF]


# ---- before the association


@pytest.mark.parametrize("kind", [0x00, AC, RJ, P_DATA, RELEASE_RQ, RELEASE_RP, 0x08, 0xFF])
def test_another_pdu_before_the_association_is_answered_with_an_abort(served: Served, kind: int) -> None:
    served.wire.send(pdu(kind, bytes(4)))
    assert served.wire.expect_abort() == (2, 2)
    served.wire.expect_closed()
    assert f"aborted: a PDU of type {kind:02X} before an association" in served.line()


def test_an_abort_before_the_association_just_ends(served: Served) -> None:
    served.wire.send(pdu(ABORT, bytes(4)))
    served.wire.expect_closed()
    assert "outcome=aborted by the peer" in served.line()


def test_text_of_another_protocol_is_refused_before_its_length_is_waited_for(served: Served) -> None:
    served.wire.send(b"GET / HTTP/1.1\r\nHost: archive\r\n\r\n")
    assert served.wire.expect_abort() == (2, 6)
    assert "longer than" in served.line()


def test_a_request_of_4_gb_is_refused_before_its_body(served: Served) -> None:
    served.wire.send(struct.pack(">BxI", 1, 0xFFFFFFFF))
    assert served.wire.expect_abort() == (2, 6)


def test_an_unreadable_request_is_aborted_and_its_line_is_one_line(served: Served) -> None:
    served.wire.send(pdu(1, associate_rq()[6:90] + b"\x20\x00\xff\xff\n\n\x1b[31m"))
    assert served.wire.expect_abort() == (2, 6)
    line = served.line()
    assert "cannot be read" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"version": 2}, (1, 2, 2)),
        ({"application_context": "1.2.3"}, (1, 1, 2)),
        ({"called": b""}, (1, 1, 7)),
        ({"calling": b""}, (1, 1, 3)),
        ({"calling": b"A\nB"}, (1, 1, 3)),
    ],
)
def test_a_request_that_cannot_be_met_is_rejected(
    served: Served, how: dict[str, object], expected: tuple[int, int, int]
) -> None:
    served.wire.send(associate_rq(**how))  # type: ignore[arg-type]
    assert tuple(served.wire.expect(RJ)[1:]) == expected
    served.wire.expect_closed()
    line = served.line()
    assert "outcome=rejected:" in line
    assert line.isprintable()


def test_three_bytes_and_silence_end_with_artim(session: Callable[..., Served]) -> None:
    served = session(TINY)
    served.wire.send(b"\x01\x00\x00")
    served.wire.expect_closed()
    assert "not whole after 0.5 s" in served.line()


def test_who_connects_and_says_nothing_makes_no_line(served: Served) -> None:
    served.wire.socket.close()
    served.thread.join(5)
    assert [r for r in served.log.records if r.levelname == "INFO"] == []


# ---- negotiation


def test_contexts_are_answered_each_with_its_result(served: Served) -> None:
    answer = served.wire.associate(
        [
            (1, CT, (IMPLICIT, EXPLICIT)),
            (3, PRINT, (IMPLICIT,)),
            (5, MR, ("1.2.3.4",)),
            (255, VERIFICATION, (IMPLICIT,)),
        ]
    )
    assert {n: result for n, (result, _) in answer.results.items()} == {1: 0, 3: 3, 5: 4, 255: 0}
    assert answer.results[1][1] == EXPLICIT


def test_titles_come_back_as_they_were_sent(served: Served) -> None:
    answer = served.wire.associate(called=b" ARCHIVE", calling=b"CT-1")
    assert answer.titles == b" ARCHIVE".ljust(16) + b"CT-1".ljust(16)


def test_role_selection_is_answered(served: Served) -> None:
    answer = served.wire.associate(more_user_items=role_item(CT, 1, 1) + role_item(VERIFICATION, 1, 1))
    assert answer.roles == {CT: (1, 1), VERIFICATION: (1, 0)}


def test_the_announced_maximum_is_kept_to(session: Callable[..., Served]) -> None:
    served = session(maximum_pdu=4096)
    assert served.wire.associate().maximum_pdu == 4096
    served.wire.command(1, store_rq(INSTANCE))
    served.wire.send(pdu(P_DATA, pdv(1, bytes(4090), command=False, last=False)))
    served.wire.send(struct.pack(">BxI", P_DATA, 8192))
    assert served.wire.expect_abort() == (2, 6)


def test_a_role_of_nothing_is_passed_over(served: Served) -> None:
    """Found by the fuzzer: the encoder of the answer refuses to say so, and the association was lost."""
    answer = served.wire.associate(more_user_items=role_item(CT, 0, 0) + role_item(VERIFICATION, 0, 1))
    assert answer.roles == {}
    assert served.wire.echo().status == 0


def test_hostile_uids_in_a_request_are_answered_and_make_no_noise(
    served: Served, recwarn: pytest.WarningsRecorder
) -> None:
    quiet_libraries()
    uid = "1.2\\..\\8\x1b[31m"
    answer = served.wire.associate(
        [(1, uid, (EXPLICIT,)), (3, CT, (uid, EXPLICIT))], more_user_items=role_item(uid, 1, 1)
    )
    assert answer.results == {1: (3, EXPLICIT), 3: (0, EXPLICIT)}
    assert answer.roles == {}
    assert list(recwarn) == []


def test_no_context_at_all_is_still_an_association(served: Served) -> None:
    assert served.wire.associate([]).results == {}
    served.wire.release()


# ---- messages


def test_an_echo_is_answered_on_its_context(served: Served) -> None:
    served.wire.associate()
    response = served.wire.echo(message_id=4711)
    assert (response.field, response.status, response.message_id) == (0x8030, 0, 4711)
    served.wire.release()
    served.wire.expect_closed()
    line = served.line()
    assert "SCANNER@127.0.0.1 to FILMLESS: stored=0 already_stored=0 refused=0 echoed=1 found=0 sent=0" in line
    assert line.endswith("outcome=released")


def test_a_command_in_pieces_of_one_byte(served: Served) -> None:
    served.wire.associate()
    command = echo_rq(9)
    for n, byte in enumerate(command):
        served.wire.send(pdu(P_DATA, pdv(3, bytes([byte]), command=True, last=n == len(command) - 1)))
    assert served.wire.response().message_id == 9


def test_several_messages_in_one_pdu(served: Served) -> None:
    served.wire.associate()
    served.wire.send(pdu(P_DATA, b"".join(pdv(3, echo_rq(n), command=True, last=True) for n in range(1, 6))))
    assert [served.wire.response().message_id for _ in range(5)] == [1, 2, 3, 4, 5]


def test_a_command_of_16_kib_is_too_much(served: Served) -> None:
    served.wire.associate()
    for _ in range(5):
        served.wire.send(pdu(P_DATA, pdv(3, bytes(4000), command=True, last=False)))
    assert served.wire.expect_abort() == (2, 6)
    assert "a command set of more than 16384 bytes" in served.line()


def test_a_pdu_without_values_and_empty_values_do_no_harm(served: Served) -> None:
    served.wire.associate()
    served.wire.send(pdu(P_DATA), pdu(P_DATA, pdv(3, b"", command=True, last=False)))
    assert served.wire.echo().status == 0


@pytest.mark.parametrize("context_id", [0, 2, 5, 7, 255])
def test_a_message_on_a_context_that_was_not_accepted_ends_the_association(served: Served, context_id: int) -> None:
    served.wire.associate([(1, CT, (EXPLICIT,)), (5, PRINT, (EXPLICIT,)), (7, CT, ("1.2.3",))])
    served.wire.command(context_id, echo_rq())
    assert served.wire.expect_abort() == (2, 6)
    assert f"presentation context {context_id} was not accepted" in served.line()


def test_a_command_set_over_two_contexts_ends_the_association(served: Served) -> None:
    served.wire.associate()
    command = echo_rq()
    served.wire.send(pdu(P_DATA, pdv(1, command[:20], command=True, last=False)))
    served.wire.send(pdu(P_DATA, pdv(3, command[20:], command=True, last=True)))
    assert served.wire.expect_abort() == (2, 5)


@pytest.mark.parametrize("kind", _OTHERS)
def test_another_pdu_on_an_association_ends_it(served: Served, kind: int) -> None:
    served.wire.associate()
    served.wire.send(pdu(kind, bytes(4)))
    assert served.wire.expect_abort() == (2, 2 if 1 <= kind <= 7 else 1)


def test_a_second_request_on_an_association_ends_it(served: Served) -> None:
    served.wire.associate()
    served.wire.send(associate_rq())
    assert served.wire.expect_abort() == (2, 2)


@pytest.mark.parametrize("length", [0, 1, 7, 0xFFFFFFFF])
def test_a_value_that_does_not_fit_its_pdu_ends_the_association(served: Served, length: int) -> None:
    served.wire.associate()
    served.wire.send(pdu(P_DATA, struct.pack(">IBB", length, 1, 3)))
    assert served.wire.expect_abort() == (2, 6)


def test_a_cancel_out_of_the_blue_has_no_answer(served: Served) -> None:
    served.wire.associate()
    served.wire.command(3, command_set((0x0100, 0x0FFF), (0x0120, 1), (0x0800, NO_DATA_SET)))
    assert served.wire.echo(message_id=2).message_id == 2


@pytest.mark.parametrize("data_set", [NO_DATA_SET, 0x0000])
@pytest.mark.parametrize("field", [0x0140, 0x0150, 0x0777, 0x7FFF])
def test_an_operation_that_is_not_offered_is_refused_and_the_association_goes_on(
    served: Served, field: int, data_set: int
) -> None:
    served.wire.associate()
    served.wire.command(1, command_set((0x0002, CT), (0x0100, field), (0x0110, 3), (0x0800, data_set)))
    if data_set != NO_DATA_SET:
        served.wire.data(1, _DATA, size=100)
    response = served.wire.response()
    assert (response.field, response.status, response.message_id) == (field | 0x8000, 0x0211, 3)
    assert response.comment == f"operation {field:04X}H is not offered"
    assert served.wire.echo().status == 0


def test_a_response_to_no_request_is_not_answered(served: Served) -> None:
    served.wire.associate()
    served.wire.command(3, command_set((0x0100, 0x8030), (0x0120, 1), (0x0800, NO_DATA_SET), (0x0900, 0)))
    assert served.wire.expect_abort() == (2, 5)


@pytest.mark.parametrize("command", [b"", b"\0" * 7, echo_rq()[:-3], command_set((0x0110, 1)), b"\x08\0\0\0" * 5])
def test_a_command_that_cannot_be_read_ends_the_association(served: Served, command: bytes) -> None:
    served.wire.associate()
    served.wire.command(3, command)
    assert served.wire.expect_abort() == (2, 6)


def test_a_data_set_without_a_command_ends_the_association(served: Served) -> None:
    served.wire.associate()
    served.wire.data(1, _DATA)
    assert served.wire.expect_abort() == (2, 5)


# ---- the end


def test_the_line_counts_what_happened(served: Served, archive: Archive) -> None:
    served.wire.associate()
    served.wire.echo()
    served.wire.store(_DATA, INSTANCE)
    served.wire.store(_DATA, INSTANCE)
    served.wire.store(_DATA[:-1], INSTANCE)
    served.wire.release()
    line = served.line()
    assert "stored=1 already_stored=1 refused=1 echoed=1 found=0 sent=0 failed=0 " in line
    assert f"bytes={3 * len(_DATA) - 1} seconds=" in line
    (warning,) = served.warnings()
    assert f"refused {INSTANCE}: truncated" in warning
    assert archive.study(STUDY).number_of_instances == 1


def test_a_failure_of_our_own_is_an_abort_to_the_peer_and_a_trace_in_the_log(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("pacs.handlers.echo.handle", fail)
    served.wire.associate()
    served.wire.command(3, echo_rq())
    assert served.wire.expect_abort() == (2, 0)
    assert "outcome=aborted: internal error" in served.line()
