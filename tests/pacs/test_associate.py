"""Association requests as bytes, and the answers to them."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ

from pacs import associate
from pacs.associate import Rejection, decode_request, encode_acceptance, encode_rejection, refusal
from pacs.contexts import Negotiated, Result, Roles, negotiate
from pacs.upper_layer import ProtocolError
from tests.support.wire import CT, EXPLICIT, IMPLICIT, MR, associate_rq, item, parse_ac, role_item


def _decoded(**how: object) -> associate.Request:
    return decode_request(memoryview(associate_rq(**how)[6:]))  # type: ignore[arg-type]


def test_a_request_is_read_whole() -> None:
    request = _decoded(
        contexts=((1, CT, (EXPLICIT, IMPLICIT)), (255, MR, (IMPLICIT,))),
        called=b"ARCHIVE",
        calling=b"CT 1",
        maximum_pdu=0,
        more_user_items=role_item(CT, 1, 1) + item(0x55, b"VENDOR_9"),
    )
    assert (request.called_aet, request.calling_aet, request.maximum_pdu) == ("ARCHIVE", "CT 1", 0)
    assert [(c.context_id, c.abstract_syntax, c.transfer_syntaxes) for c in request.contexts] == [
        (1, CT, (EXPLICIT, IMPLICIT)),
        (255, MR, (IMPLICIT,)),
    ]
    assert request.roles == {CT: Roles(scu=True, scp=True)}
    assert request.implementation == "VENDOR_9"
    assert refusal(request) is None


def test_128_contexts_fit() -> None:
    contexts = tuple((n, CT, (EXPLICIT, IMPLICIT)) for n in range(1, 256, 2))
    assert len(_decoded(contexts=contexts).contexts) == 128


def test_a_request_seen_before_is_read_the_same_but_for_its_titles() -> None:
    first = _decoded(called=b"ONE", calling=b"CT 1")
    again = _decoded(called=b"TWO", calling=b"MR 2")
    assert (first.called_aet, first.calling_aet) == ("ONE", "CT 1")
    assert (again.called_aet, again.calling_aet) == ("TWO", "MR 2")
    assert again.titles[:32] == b"TWO".ljust(16) + b"MR 2".ljust(16)
    assert again.contexts is first.contexts
    answers = negotiate(again.contexts)
    for request in (first, again):
        assert request.titles in encode_acceptance(request, answers, {}, 16384)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"version": 0}, Rejection.PROTOCOL_VERSION),
        ({"version": 2}, Rejection.PROTOCOL_VERSION),
        ({"application_context": "1.2.3"}, Rejection.APPLICATION_CONTEXT),
        ({"called": b""}, Rejection.CALLED_AE_TITLE),
        ({"called": b"A\nB"}, Rejection.CALLED_AE_TITLE),
        ({"calling": b""}, Rejection.CALLING_AE_TITLE),
        ({"calling": b"..\\..\\x"}, Rejection.CALLING_AE_TITLE),
        ({"calling": b"A\x00\x1b[31m"}, Rejection.CALLING_AE_TITLE),
    ],
)
def test_what_cannot_be_met_is_rejected_with_its_reason(how: dict[str, object], why: Rejection) -> None:
    assert refusal(_decoded(**how)) is why


def test_further_protocol_versions_do_not_disturb() -> None:
    # PS3.8 9.3.2: only bit 0 is tested.
    assert refusal(_decoded(version=0xFFFF)) is None


def test_a_title_beyond_ascii_is_read_and_given_back_as_it_came() -> None:
    raw = associate_rq(calling="BÌNH".encode("latin-1"), called=b"  FILMLESS")
    request = decode_request(memoryview(raw[6:]))
    assert (request.calling_aet, request.called_aet) == ("BÌNH", "FILMLESS")
    assert refusal(request) is None
    assert encode_acceptance(request, (), {}, 16384)[10:74] == raw[10:74]


def test_the_acceptance_is_read_by_pynetdicom_and_by_hand() -> None:
    request = _decoded()
    contexts = (
        Negotiated(1, CT, EXPLICIT, Result.ACCEPTED),
        Negotiated(3, MR, IMPLICIT, Result.TRANSFER_SYNTAXES_NOT_SUPPORTED),
    )
    encoded = encode_acceptance(request, contexts, {CT: Roles(scu=True, scp=False)}, 70000)
    answer = parse_ac(encoded[6:])
    assert answer.results == {1: (0, EXPLICIT), 3: (4, IMPLICIT)}
    assert answer.roles == {CT: (1, 0)}
    assert answer.maximum_pdu == 70000
    peers = A_ASSOCIATE_AC()
    peers.decode(encoded)
    assert [(c.context_id, c.result) for c in peers.presentation_context] == [(1, 0), (3, 4)]
    assert peers.user_information.implementation_version_name == "FILMLESS_01"


@pytest.mark.parametrize("why", Rejection)
def test_a_rejection_carries_result_source_and_reason(why: Rejection) -> None:
    encoded = encode_rejection(why)
    assert encoded == bytes((3, 0, 0, 0, 0, 4, 0, *why.value))
    peers = A_ASSOCIATE_RJ()
    peers.decode(encoded)
    assert peers.reason_str


def _broken() -> dict[str, bytes]:
    good = associate_rq()[6:]
    return {
        "empty": b"",
        "only titles": good[:68],
        "cut inside an item": good[:-5],
        "item longer than the rest": good[:68] + struct.pack(">BxH", 0x10, 0xFFFF) + good[72:],
        "unknown item": good + item(0x99, b"??"),
        "even context ID": associate_rq(((2, CT, (EXPLICIT,)),))[6:],
        "no user information": good[: good.index(b"\x50\x00\x00", 68)],
        "control characters in a UID": associate_rq(((1, "1.2\n3", (EXPLICIT,)),))[6:],
    }


@pytest.mark.parametrize("name", list(_broken()))
def test_a_broken_request_is_read_or_breaks_the_rules(name: str) -> None:
    """Whatever the decoder makes of it, nothing but a ProtocolError comes out, and no such context is accepted."""
    try:
        request = decode_request(memoryview(_broken()[name]))
    except ProtocolError:
        return
    is_harmless = name in {"unknown item", "no user information"}
    is_refused = all(n.result is not Result.ACCEPTED for n in negotiate(request.contexts))
    assert is_harmless or is_refused or refusal(request) is Rejection.APPLICATION_CONTEXT


@given(st.binary(max_size=400))
def test_any_bytes_are_a_request_or_break_the_rules(data: bytes) -> None:
    with suppress(ProtocolError):
        decode_request(memoryview(data))


@settings(max_examples=200)
@given(st.data())
def test_a_request_with_bytes_changed_is_one_or_breaks_the_rules(data: st.DataObject) -> None:
    body = bytearray(associate_rq(more_user_items=role_item(CT, 1, 1))[6:])
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        request = decode_request(memoryview(body))
    except ProtocolError:
        return
    if refusal(request) is None:
        answers = tuple(
            Negotiated(c.context_id, c.abstract_syntax, IMPLICIT, Result.ACCEPTED) for c in request.contexts
        )
        encode_acceptance(request, answers, request.roles, 16384)
