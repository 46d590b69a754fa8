"""Messages on their way out: command sets, and data sets streamed from a file or from pieces (PS3.7 6.3, PS3.8 E).

A C-STORE of half a megabyte to a peer that takes PDUs of 16 KB is 32 PDUs. Each needs twelve bytes before its fragment;
copying headers and fragments together, or a system call for each, would cost more than reading the file. So one large
piece of the file is read into a buffer that is used again and again, and the headers go out between views on it, some
hundred PDUs with one `sendmsg`. While the peer works on one object, the beginning of the next is read already.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A file that is open, and whose first `size` bytes are in the buffer."""

    span: DataSetSpan
    fd: int
    size: int


class Outlet:
    """Sends messages over an upper layer to a peer that takes PDUs of `maximum_pdu` bytes; 0 means no limit."""

    def __init__(self, upper_layer: UpperLayer, maximum_pdu: int) -> None:
        self._upper_layer = upper_layer
        self._limit = maximum_pdu
        # PS3.8 E.1: fragments have even lengths.
        room = (maximum_pdu or _OWN_CHOICE) - _HEADERS
        self._room = room & ~1 if room >= 2 else 1
        self._buffer: memoryview | None = None
        self._ahead: _Ahead | None = None
        self._held: list[Buffer] = []

    def hold(self, context_id: int, command: Command, data_set: bytes | None = None) -> None:
        """Keep a small message until `flush`, or until the next message, with which it goes out."""
        self._held += self._command(context_id, command)
        if data_set is not None:
            self._held += self._cut(context_id, memoryview(data_set), is_last=True)

    def flush(self) -> None:
        """Send what is held; raises ConnectionEnded as `send`."""
        held, self._held = self._held, []
        if held:
            self._upper_layer.send_parts(held)

    def send(self, context_id: int, command: Command, data_set: bytes | DataSetSpan | None = None) -> None:
        """Send a message.

        Raises:
            ConnectionEnded: the peer is gone, or takes nothing any more.
            NotFound, PixelError: the file is gone or shorter than it was; nothing of this message was sent.
        """
        head = self._command(context_id, command)
        match data_set:
            case None:
                self._upper_layer.send_parts(self._after_held(head))
            case DataSetSpan():
                self._send_file(head, context_id, data_set)
            case _:
                head += self._cut(context_id, memoryview(data_set), is_last=True)
                self._upper_layer.send_parts(self._after_held(head))

    def read_ahead(self, span: DataSetSpan | None) -> None:
        """Read the beginning of what is going to be sent next; None gives up what was read so far.

        Of a file that cannot be read `send` is going to tell.
        """
        if self._ahead is not None:
            os.close(self._ahead.fd)
            self._ahead = None
        if span is not None:
            with suppress(NotFound, PixelError):
                self._ahead = self._begin(span)

    def _command(self, context_id: int, command: Command) -> list[Buffer]:
        bodies = fragments(context_id, dimse.encode(command), self._limit, is_command=True)
        return [part for body in bodies for part in _whole(body)]

    def _after_held(self, parts: list[Buffer]) -> list[Buffer]:
        held, self._held = self._held, []
        return [*held, *parts]

    def _send_file(self, head: list[Buffer], context_id: int, span: DataSetSpan) -> None:
        if self._ahead is None or self._ahead.span != span:
            self.read_ahead(None)
            self._ahead = self._begin(span)
        ahead, self._ahead = self._ahead, None
        try:
            at = got = ahead.size
            parts = self._after_held(head)
            while True:
                self._upper_layer.send_parts(
                    [*parts, *self._cut(context_id, self._piece(got), is_last=at == span.size)]
                )
                if at == span.size:
                    return
                got, parts = self._read(ahead.fd, span, at), []
                if not got:
                    # Its size was right a moment ago. The message cannot be taken back: the association has to end.
                    raise OSError(f"{span.path.name} became shorter while it was sent")
                at += got
        finally:
            os.close(ahead.fd)

    def _begin(self, span: DataSetSpan) -> _Ahead:
        """Open a file and read its first piece.

        Raises:
            NotFound, PixelError: it is gone, or shorter than when it was stored.
        """
        try:
            fd = os.open(span.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as e:
            raise NotFound(f"{span.path.name}: {e.strerror}") from e
        try:
            got = self._read(fd, span, 0) if os.fstat(fd).st_size >= span.offset + span.size else 0
            if not got:
                raise PixelError(f"{span.path.name}: the file is shorter than when it was stored")
        except OSError as e:
            os.close(fd)
            raise NotFound(f"{span.path.name}: {e.strerror}") from e
        except BaseException:
            os.close(fd)
            raise
        return _Ahead(span, fd, got)

    def _read(self, fd: int, span: DataSetSpan, at: int) -> int:
        """Fill the buffer with whole PDUs of the span, from `at` on; return the bytes read, fewer where it ends."""
        if self._buffer is None:
            self._buffer = memoryview(bytearray(max(_PIECE // self._room, 1) * self._room))
        wanted, got = min(len(self._buffer), span.size - at), 0
        while got < wanted:
            more = os.preadv(fd, [self._buffer[got:wanted]], span.offset + at + got)
            if not more:
                return 0
            got += more
        return got

    def _piece(self, size: int) -> memoryview:
        assert self._buffer is not None
        return self._buffer[:size]

    def _cut(self, context_id: int, piece: memoryview, *, is_last: bool) -> Iterable[Buffer]:
        size, room = len(piece), self._room
        for at in range(0, max(size, 1), room):
            fragment = piece[at : at + room]
            last = _LAST if is_last and at + room >= size else 0
            length = len(fragment)
            yield _PDU_AND_PDV.pack(PDUType.P_DATA_TF, length + _HEADERS, length + 2, context_id, last)
            yield fragment


def _whole(body: Iterable[Buffer]) -> list[Buffer]:
    parts = list(body)
    return [struct.pack(">BxI", PDUType.P_DATA_TF, sum(len(p) for p in parts)), *parts]
