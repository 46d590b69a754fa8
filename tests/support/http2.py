"""The frames of HTTP/2 (RFC 9113), built by hand: ordinary clients neither cut a stream nor leave a length out."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""What a client begins with, and settings without a word."""
DATA, HEADERS, RST_STREAM, GOAWAY = 0, 1, 3, 7
END_STREAM, END_HEADERS = 1, 4
NO_ERROR, CANCEL = 0, 8
STREAM = 1
OK = b"\x88"
"""`:status 200` as the first field of an answer (RFC 7541 A)."""


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = STREAM) -> bytes:
    """One frame; all here are of one stream."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def fields(of: Mapping[str, str]) -> bytes:
    """Header fields, each as it is (RFC 7541 6.2.2); names and values of at most 126 bytes."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in of.items())


def reset(code: int) -> bytes:
    """The end of a stream for a reason."""
    return frame(RST_STREAM, struct.pack(">I", code))


def answer(connection: socket.socket) -> bytes:
    """Return the fields of the answer, as they are coded, once it has come to its end."""
    found = b""
    for kind, flags, payload in _frames(connection):
        if kind == HEADERS:
            found = payload
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            return found
    raise AssertionError("the connection ended before the answer")


def _frames(connection: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    with connection.makefile("rb") as stream:
        while head := stream.read(9):
            yield head[3], head[4], stream.read(int.from_bytes(head[:3], "big"))


def _text(value: str) -> bytes:
    raw = value.encode()
    assert len(raw) < 127
    return bytes((len(raw),)) + raw
