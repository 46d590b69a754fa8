"""The DICOM upper layer on one TCP connection: whole PDUs in, whole PDUs out, nothing polled.

Facts from PS3.8 that this module rests on:
- 9.3.1: every PDU is type (1 byte), reserved (1), length (4, big endian) and so many bytes. Types: 01 A-ASSOCIATE-RQ,
  02 -AC, 03 -RJ, 04 P-DATA-TF, 05 A-RELEASE-RQ, 06 -RP, 07 A-ABORT.
- 9.3.5: P-DATA-TF holds presentation data values: length (4, of what follows), context ID (1), control header (1),
  fragment. E.2: bit 0 of the control header is command (1) or data set (0), bit 1 is "last fragment".
- D.1: the maximum length each side announces bounds the P-DATA-TF PDUs sent to it, without the six bytes of header.
- 9.1.5, ARTIM: a peer that connects and does not ask for an association, or does not close after a release or abort, is
  disconnected when the timer ends.

Why blocking: a thread per association that sleeps in the kernel until bytes come costs nothing while idle, and reads a
PDU in as few system calls as its size allows. The receive buffer is one per association and used again for each PDU; a
fragment handed out is a view on it, valid until the next PDU is read.

A deadline stands over every PDU as a whole, so that a peer that trickles bytes is cut off like a silent one.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct(">BxI")
_PDV = struct.Struct(">IBB")
_COMMAND, _LAST = 0x01, 0x02
_FIRST_BUFFER = 1 << 14
_MAX_PARTS = 1000  # the system takes 1024 with one call


class PDUType(IntEnum):
    """PDU types of PS3.8 9.3.1."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


class AbortReason(IntEnum):
    """Reasons of an abort by the service provider, PS3.8 table 9-26."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


class ConnectionEnded(Exception):
    """The peer is gone, or may as well be: closed, reset, or silent past a deadline, in which case it `is_late`."""

    def __init__(self, text: str, *, is_late: bool = False) -> None:
        super().__init__(text)
        self.is_late = is_late


class AbortedByPeer(ConnectionEnded):
    """The peer aborted, in the middle of what we asked of it."""


class Interrupted(Exception):
    """The connection was ended from our side by `UpperLayer.interrupt`."""


class ProtocolError(Exception):
    """The peer broke the rules of PS3.8; carries the reason for the abort that follows."""

    def __init__(self, message: str, reason: AbortReason) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    artim: float = 30.0
    """From connecting to a whole association request, and for the peer to close at the end."""
    idle: float = 600.0
    """Between one PDU and the next on an established association."""
    pdu: float = 60.0
    """From a PDU's first byte to its last, and for the peer to take one that is sent."""


@dataclass(frozen=True, slots=True)
class PDV:
    """One presentation data value; `fragment` is valid until the next PDU is read."""

    context_id: int
    is_command: bool
    is_last: bool
    fragment: memoryview


class UpperLayer:
    """PDUs over a connected socket, with or without TLS. Not for use by several threads at once."""

    def __init__(self, connection: socket.socket, timeouts: Timeouts, maximum_pdu: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket = connection
        self._timeouts = timeouts
        self.maximum_pdu = maximum_pdu
        """Longest body taken; may change between PDUs."""
        # Grows when the first large PDU comes: hundreds of idle associations cost little.
        self._buffer = memoryview(bytearray(_FIRST_BUFFER))
        self._start = 0
        self._end = 0
        self._interrupted = False
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._alarm = socket.socketpair() if isinstance(connection, ssl.SSLSocket) else None
        if self._alarm is not None:
            self._poll.register(self._alarm[0], select.POLLIN)

    # ---- receiving

    def read(self, within: float | None = None) -> tuple[int, memoryview]:
        """Return the next PDU's type and its body; the view is valid until the next call.

        `within` bounds the wait for the whole of it; by default its first byte has the idle time to come, and its last
        one the PDU time from then on.

        Raises:
            ConnectionEnded: closed, reset, or out of time.
            Interrupted: nothing is read any more.
            ProtocolError: the PDU is longer than was announced as acceptable.
        """
        began = time.monotonic()
        wait = self._timeouts.idle if within is None else within
        if self._end == self._start:
            self._fill(1, began + wait, f"silent for {wait:g} s")
        whole = self._timeouts.pdu if within is None else within
        deadline = (time.monotonic() if within is None else began) + whole
        late = f"a PDU was not whole after {whole:g} s"
        self._fill(_HEADER.size, deadline, late)
        kind, length = _HEADER.unpack_from(self._buffer, self._start)
        if length > self.maximum_pdu:
            raise ProtocolError(
                f"a PDU of type {kind:02X} and {length} bytes is longer than {self.maximum_pdu}",
                AbortReason.INVALID_PARAMETER,
            )
        self._fill(_HEADER.size + length, deadline, late)
        first = self._start + _HEADER.size
        self._start = first + length
        return kind, self._buffer[first : first + length]

    def _fill(self, needed: int, deadline: float, late: str) -> None:
        """Receive until `needed` bytes are buffered from the current start; `late` says what it means to be late."""
        if self._end - self._start >= needed:
            return
        self._make_room(needed)
        while self._end - self._start < needed:
            try:
                got = self._receive(deadline)
            except TimeoutError:
                raise ConnectionEnded(late, is_late=True) from None
            except OSError as e:
                raise ConnectionEnded(f"connection lost: {reason(e)}") from None
            if not got:
                if self._interrupted:
                    raise Interrupted
                raise ConnectionEnded("closed by the peer")
            self._end += got

    def _receive(self, deadline: float) -> int:
        if isinstance(self._socket, ssl.SSLSocket):
            got = self._receive_by_tls(self._socket, deadline)
            if got is None:
                raise TimeoutError
            return got
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        return self._socket.recv_into(self._buffer[self._end :])

    def _make_room(self, needed: int) -> None:
        if self._start + needed <= len(self._buffer) and self._start < self._end:
            return
        left = bytes(self._buffer[self._start : self._end])
        if needed > len(self._buffer):
            # Room beyond one PDU, so that the beginning of the next comes with the same call.
            self._buffer = memoryview(bytearray(1 << needed.bit_length()))
        self._buffer[: len(left)] = left
        self._start, self._end = 0, len(left)

    def has_pending(self) -> bool:
        """Tell, without waiting, whether bytes have come that were not read yet."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Tell whether bytes to read are there, waiting for them for `seconds` at most."""
        if self._end > self._start:
            return True
        if not isinstance(self._socket, ssl.SSLSocket):
            return bool(self._poll.poll(seconds * 1000))
        self._make_room(_HEADER.size)
        try:
            got = self._receive_by_tls(self._socket, time.monotonic() + seconds)
        except OSError:
            return True  # whoever reads is told what it is
        self._end += got or 0
        return got is not None

    def _receive_by_tls(self, connection: ssl.SSLSocket, deadline: float) -> int | None:
        """Receive what there is; 0 for an end, None when nothing came in time.

        That bytes are on the wire says little: they may be part of a record, or a matter of TLS only.
        """
        while not self._interrupted:
            connection.setblocking(False)
            try:
                return connection.recv_into(self._buffer[self._end :])
            except ssl.SSLWantReadError:
                left = deadline - time.monotonic()
                if left <= 0 or not self._poll.poll(left * 1000):
                    return None
        return 0

    def interrupt(self) -> None:
        """Wake the thread that reads, from another one; nothing more is received."""
        self._interrupted = True
        with suppress(OSError):  # it may have ended by itself
            if self._alarm is not None:
                # An end in the middle of a record is an error for TLS, after which no abort can be sent any more.
                self._alarm[1].send(b"!")
            else:
                self._socket.shutdown(socket.SHUT_RD)

    # ---- sending

    def send(self, kind: PDUType, *parts: bytes | memoryview) -> None:
        """Send one PDU whose body is `parts` one after the other.

        Raises:
            ConnectionEnded: the peer is gone or does not take it in time.
        """
        header = _HEADER.pack(kind, sum(len(p) for p in parts))
        self._send_all(b"".join((header, *parts)))

    def send_encoded(self, pdus: bytes) -> None:
        """Send whole PDUs that were encoded elsewhere. Raises as `send`."""
        self._send_all(pdus)

    def send_parts(self, parts: Sequence[bytes | memoryview]) -> None:
        """Send whole PDUs that lie in parts, one after the other, without putting them together. Raises as `send`."""
        if isinstance(self._socket, ssl.SSLSocket):
            self._send_all(b"".join(parts))  # they are encrypted one way or the other; there is no call for many
            return
        for at in range(0, len(parts), _MAX_PARTS):
            self._send_some(list(parts[at : at + _MAX_PARTS]))

    def _send_some(self, parts: list[bytes | memoryview]) -> None:
        self._socket.settimeout(self._timeouts.pdu)
        while parts:
            try:
                sent = self._socket.sendmsg(parts)
            except TimeoutError:
                raise ConnectionEnded(f"takes nothing for {self._timeouts.pdu:g} s", is_late=True) from None
            except OSError as e:
                raise ConnectionEnded(f"connection lost: {reason(e)}") from None
            parts = _rest(parts, sent)

    def _send_all(self, data: bytes) -> None:
        self._socket.settimeout(self._timeouts.pdu)
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise ConnectionEnded(f"takes nothing for {self._timeouts.pdu:g} s", is_late=True) from None
        except OSError as e:
            raise ConnectionEnded(f"connection lost: {reason(e)}") from None

    def abort(self, reason: AbortReason) -> None:
        """Send an abort as service provider and close; what the peer makes of it does not matter any more."""
        with suppress(ConnectionEnded):
            self.send(PDUType.ABORT, bytes((0, 0, 2, reason)))
        self.close()

    def close(self) -> None:
        """Close the connection: first the own direction, so that the last PDU arrives, then all after ARTIM at most."""
        deadline = time.monotonic() + min(self._timeouts.artim, 5.0)
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._end_tls(self._socket, deadline)
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            self._drain(deadline)
        except OSError:
            pass  # the peer was faster
        finally:
            self._socket.close()
            for end in self._alarm or ():
                end.close()

    def _end_tls(self, connection: ssl.SSLSocket, deadline: float) -> None:
        """Tell the peer that nothing more comes, so that it can tell an end from a cut (RFC 8446 6.1)."""
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        with suppress(OSError, ValueError):  # it went without a word, or sends still
            connection.unwrap()

    def _drain(self, deadline: float) -> None:
        """Read and forget until the peer closes; closing with unread bytes would reset the connection under it."""
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            if not self._socket.recv_into(self._buffer):
                return


def reason(error: Exception) -> str:
    """Say in a few words what went wrong on a connection; OpenSSL needs many."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted ({error.verify_message.rstrip('.')})"
    if isinstance(error, ssl.SSLEOFError):
        return "the other side closed the connection"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return str(getattr(error, "strerror", None) or error)


def _rest(parts: list[bytes | memoryview], sent: int) -> list[bytes | memoryview]:
    """Return what is left of `parts` after the first `sent` bytes."""
    for i, part in enumerate(parts):
        if sent < len(part):
            return [memoryview(part)[sent:], *parts[i + 1 :]]
        sent -= len(part)
    return []


def pdvs(body: memoryview) -> Iterator[PDV]:
    """Cut the body of a P-DATA-TF PDU into its presentation data values (PS3.8 9.3.5.1).

    Raises:
        ProtocolError: a length that does not fit the PDU.
    """
    at, end = 0, len(body)
    while at < end:
        if end - at < _PDV.size:
            raise ProtocolError("a presentation data value is cut off", AbortReason.INVALID_PARAMETER)
        length, context_id, control = _PDV.unpack_from(body, at)
        # The length counts context ID and control header too.
        if length < 2 or at + 4 + length > end:
            raise ProtocolError(
                f"a presentation data value of {length} bytes does not fit its PDU", AbortReason.INVALID_PARAMETER
            )
        fragment = body[at + _PDV.size : at + 4 + length]
        yield PDV(context_id, bool(control & _COMMAND), bool(control & _LAST), fragment)
        at += 4 + length


def pdv_header(context_id: int, size: int, *, is_command: bool, is_last: bool) -> bytes:
    """Return what stands before a fragment of `size` bytes."""
    return _PDV.pack(size + 2, context_id, (_COMMAND if is_command else 0) | (_LAST if is_last else 0))


def fragments(
    context_id: int, data: bytes | memoryview, maximum_pdu: int, *, is_command: bool
) -> Iterator[Sequence[bytes | memoryview]]:
    """Cut `data` into bodies of P-DATA-TF PDUs that a peer with `maximum_pdu` takes; 0 means no limit (PS3.8 D.1)."""
    room = max(maximum_pdu - _PDV.size, 1) if maximum_pdu else max(len(data), 1)
    view = memoryview(data)
    for at in range(0, max(len(view), 1), room):
        piece = view[at : at + room]
        header = pdv_header(context_id, len(piece), is_command=is_command, is_last=at + room >= len(view))
        yield header, piece
