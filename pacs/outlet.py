"""Messages on their way out: command sets, and data sets streamed from a file or from pieces (PS3.7 6.3, PS3.8 E).

A C-STORE of half a megabyte to a peer that takes PDUs of 16 KB is 32 PDUs. Each needs twelve bytes before its fragment;
copying headers and fragments together, or a system call for each, would cost more than reading the file. So one large
piece of the file is read into a buffer that is used again and again, and the headers go out between views on it, some
hundred PDUs with one `sendmsg`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator

from pacs import dimse
from pacs.dimse import Command
from pacs.upper_layer import PDUType, UpperLayer, fragments
from storage.errors import NotFound, PixelError
from storage.model import DataSetSpan

_PDU_AND_PDV = struct.Struct(">BxIIBB")
_HEADERS = 6
"""Bytes before a fragment that count into the PDU's length."""
_LAST = 0x02
_PIECE = 1 << 20
_OWN_CHOICE = 1 << 17
"""Length of PDUs for a peer that sets no limit."""

Buffer = bytes | memoryview


class Outlet:
    """Sends messages over an upper layer to a peer that takes PDUs of `maximum_pdu` bytes; 0 means no limit."""

    def __init__(self, upper_layer: UpperLayer, maximum_pdu: int) -> None:
        self._upper_layer = upper_layer
        self._limit = maximum_pdu
        # PS3.8 E.1: fragments have even lengths.
        room = (maximum_pdu or _OWN_CHOICE) - _HEADERS
        self._room = room & ~1 if room >= 2 else 1
        self._buffer: memoryview | None = None

    def send(self, context_id: int, command: Command, data_set: bytes | DataSetSpan | None = None) -> None:
        """Send a message.

        Raises:
            ConnectionEnded: the peer is gone, or takes nothing any more.
            NotFound, PixelError: the file is gone or shorter than it was; nothing was sent.
        """
        head = [part for body in fragments(context_id, dimse.encode(command), self._limit, is_command=True)
                for part in _whole(body)]  # fmt: skip
        match data_set:
            case None:
                self._upper_layer.send_parts(head)
            case DataSetSpan():
                self._send_file(head, context_id, data_set)
            case _:
                self._upper_layer.send_parts([*head, *self._cut(context_id, memoryview(data_set), is_last=True)])

    def _send_file(self, head: list[Buffer], context_id: int, span: DataSetSpan) -> None:
        try:
            fd = os.open(span.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as e:
            raise NotFound(f"{span.path.name}: {e.strerror}") from e
        try:
            if os.fstat(fd).st_size < span.offset + span.size or not span.size:
                raise PixelError(f"{span.path.name}: the file is shorter than when it was stored")
            for piece, is_last in self._pieces(fd, span):
                self._upper_layer.send_parts([*head, *self._cut(context_id, piece, is_last=is_last)])
                head = []
        finally:
            os.close(fd)

    def _pieces(self, fd: int, span: DataSetSpan) -> Iterator[tuple[memoryview, bool]]:
        """Read the span piece by piece, whole PDUs each; a piece is valid until the next is asked for."""
        if self._buffer is None:
            self._buffer = memoryview(bytearray(max(_PIECE // self._room, 1) * self._room))
        at, end = span.offset, span.offset + span.size
        while at < end:
            wanted = min(len(self._buffer), end - at)
            got = 0
            while got < wanted:
                more = os.preadv(fd, [self._buffer[got:wanted]], at + got)
                if not more:
                    # Its size was right a moment ago. The message cannot be taken back: the association has to end.
                    raise OSError(f"{span.path.name} became shorter while it was sent")
                got += more
            at += got
            yield self._buffer[:got], at == end

    def _cut(self, context_id: int, piece: memoryview, *, is_last: bool) -> Iterable[Buffer]:
        size, room = len(piece), self._room
        for at in range(0, size, room):
            fragment = piece[at : at + room]
            last = _LAST if is_last and at + room >= size else 0
            length = len(fragment)
            yield _PDU_AND_PDV.pack(PDUType.P_DATA_TF, length + _HEADERS, length + 2, context_id, last)
            yield fragment


def _whole(body: Iterable[Buffer]) -> list[Buffer]:
    parts = list(body)
    return [struct.pack(">BxI", PDUType.P_DATA_TF, sum(len(p) for p in parts)), *parts]
