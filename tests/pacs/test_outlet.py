"""Messages on their way out, seen from the other end as bytes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dimse import NO_DATA_SET, CommandField, Tag, decode
from pacs.outlet import Outlet
from pacs.upper_layer import PDV, Timeouts, UpperLayer, pdvs
from storage.errors import NotFound, PixelError
from storage.model import DataSetSpan
from tests.support.wire import P_DATA, Wire, tcp_pair

ECHO = {Tag.COMMAND_FIELD: CommandField.C_ECHO_RQ, Tag.MESSAGE_ID: 1, Tag.COMMAND_DATA_SET_TYPE: NO_DATA_SET}
STORE = {Tag.COMMAND_FIELD: CommandField.C_STORE_RQ, Tag.MESSAGE_ID: 2, Tag.COMMAND_DATA_SET_TYPE: 1}


class Ends:
    """An outlet, and the peer's end of its connection."""

    def __init__(self, maximum_pdu: int) -> None:
        near, self._far = tcp_pair()
        self.wire = Wire(near)
        self.outlet = Outlet(UpperLayer(self._far, Timeouts(), 1 << 16), maximum_pdu)

    def messages(self, count: int) -> list[tuple[int, bytes]]:
        """Message ID and data set of each message that comes."""
        return [self._message() for _ in range(count)]

    def _message(self) -> tuple[int, bytes]:
        command, data = b"", b""
        while True:
            for pdv in self._pdvs():
                if pdv.is_command:
                    command += bytes(pdv.fragment)
                else:
                    data += bytes(pdv.fragment)
                if pdv.is_last and (not pdv.is_command or decode(command)[Tag.COMMAND_DATA_SET_TYPE] == NO_DATA_SET):
                    return int(decode(command)[Tag.MESSAGE_ID]), data

    def _pdvs(self) -> Iterator[PDV]:
        return pdvs(memoryview(self.wire.expect(P_DATA)))

    def close(self) -> None:
        self.wire.socket.close()
        self._far.close()


@pytest.fixture
def ends() -> Iterator[Callable[[int], Ends]]:
    made: list[Ends] = []

    def make(maximum_pdu: int = 16384) -> Ends:
        made.append(Ends(maximum_pdu))
        return made[-1]

    yield make
    for one in made:
        one.close()


def _span(folder: Path, data: bytes, name: str = "a") -> DataSetSpan:
    (folder / name).write_bytes(b"head" + data)
    return DataSetSpan(folder / name, 4, len(data))


def _received(ends: Ends, send: Callable[[], None], count: int) -> list[tuple[int, bytes]]:
    sender = threading.Thread(target=send)
    sender.start()
    got = ends.messages(count)
    sender.join(10)
    return got


@given(size=st.integers(1, 3000), room=st.integers(8, 700))
def test_a_file_arrives_whole_however_it_is_cut(tmp_path_factory: pytest.TempPathFactory, size: int, room: int) -> None:
    ends = Ends(room)
    data = bytes(range(256)) * 12
    span = _span(tmp_path_factory.mktemp("file"), data[:size])
    assert _received(ends, lambda: ends.outlet.send(1, STORE, span), 1) == [(2, data[:size])]
    ends.close()


def test_what_is_held_goes_out_before_the_next_message(ends: Callable[..., Ends], tmp_path: Path) -> None:
    one = ends()
    one.outlet.hold(1, ECHO)
    one.wire.socket.settimeout(0.1)
    with pytest.raises(TimeoutError):
        one.wire.read()
    one.wire.socket.settimeout(10)
    one.outlet.send(1, STORE, _span(tmp_path, b"data"))
    assert one.messages(2) == [(1, b""), (2, b"data")]
    one.outlet.hold(1, ECHO)
    one.outlet.flush()
    assert one.messages(1) == [(1, b"")]


def test_a_file_read_ahead_is_sent_though_it_is_gone_by_then(ends: Callable[..., Ends], tmp_path: Path) -> None:
    one, span = ends(), _span(tmp_path, b"data")
    one.outlet.read_ahead(span)
    span.path.unlink()
    one.outlet.send(1, STORE, span)
    assert one.messages(1) == [(2, b"data")]


def test_another_file_than_the_one_read_ahead_is_sent_as_it_is(ends: Callable[..., Ends], tmp_path: Path) -> None:
    one, before = ends(), len(list(Path("/proc/self/fd").iterdir()))
    one.outlet.read_ahead(_span(tmp_path, b"data"))
    one.outlet.send(1, STORE, _span(tmp_path, b"other", "b"))
    one.outlet.read_ahead(_span(tmp_path, b"data"))
    one.outlet.read_ahead(None)
    assert one.messages(1) == [(2, b"other")]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_longer_than_the_buffer(ends: Callable[..., Ends], tmp_path: Path) -> None:
    one, data = ends(), os.urandom((1 << 21) + 5000)
    span = _span(tmp_path, data)
    one.outlet.read_ahead(span)
    assert _received(one, lambda: one.outlet.send(1, STORE, span), 1) == [(2, data)]


def test_a_file_that_is_gone_or_too_short_sends_nothing(ends: Callable[..., Ends], tmp_path: Path) -> None:
    one, span = ends(), _span(tmp_path, b"data")
    short = DataSetSpan(span.path, 4, 5)
    one.outlet.read_ahead(short)
    with pytest.raises(PixelError):
        one.outlet.send(1, STORE, short)
    with pytest.raises(NotFound):
        one.outlet.send(1, STORE, DataSetSpan(tmp_path / "none", 0, 1))
    one.outlet.send(1, ECHO)
    assert one.messages(1) == [(1, b"")]


def test_an_empty_data_set_is_one_last_fragment(ends: Callable[..., Ends]) -> None:
    one = ends()
    one.outlet.send(1, STORE, b"")
    assert one.messages(1) == [(2, b"")]
