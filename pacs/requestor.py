"""An association that we ask for: connect, propose contexts, send requests, read answers (PS3.8 7.1, PS3.7 8)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from types import TracebackType
from typing import Self

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, MaximumLengthNotification
from pynetdicom.presentation import PresentationContext

from pacs import dimse, tls
from pacs.associate import APPLICATION_CONTEXT, identity, role_item
from pacs.contexts import Roles
from pacs.dimse import Command, Tag
from pacs.outlet import Outlet
from pacs.tls import TLSError
from pacs.upper_layer import (
    PDV,
    AbortedByPeer,
    AbortReason,
    ConnectionEnded,
    PDUType,
    ProtocolError,
    Timeouts,
    UpperLayer,
    pdvs,
)
from storage.model import DataSetSpan

MAXIMUM_PDU = 1 << 17
MAXIMUM_CONTEXTS = 128  # PS3.8 9.3.2.2: odd numbers up to 255
_MAX_ANSWER = 1 << 19
_MAX_RESPONSE = 1 << 20


class Failure(Enum):
    """Why there is no association."""

    UNKNOWN_HOST = "unknown host"
    REFUSED = "connection refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "no answer to the connection"
    NO_ANSWER = "no answer to the association request"
    REJECTED = "rejected"
    ABORTED = "aborted"
    CLOSED = "closed"
    NOT_DICOM = "not DICOM"
    TLS = "TLS"
    CERTIFICATE = "certificate"
    OTHER = "other"


class AssociationFailed(Exception):
    """No association: not reachable, rejected, or ended before its time; `str()` says which in one line."""

    def __init__(
        self, text: str, failure: Failure = Failure.OTHER, rejection: tuple[int, int, int] | None = None
    ) -> None:
        super().__init__(text)
        self.failure = failure
        self.rejection = rejection
        """Result, source and reason of PS3.8 table 9-21."""


@dataclass(frozen=True, slots=True)
class Node:
    """A remote application entity."""

    aet: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None
    """What a handshake with it needs; None without TLS."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One presentation context to ask for."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A presentation context that the peer took."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


class Requestor:
    """An established association, as requestor; a context manager that releases at the end and aborts on an error."""

    def __init__(
        self,
        node: Node,
        calling_aet: str,
        proposals: Iterable[Proposal],
        *,
        roles: Mapping[str, Roles] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Connect and negotiate.

        Raises:
            AssociationFailed: not reachable, rejected, or no answer.
        """
        proposed = tuple(proposals)
        if not 1 <= len(proposed) <= MAXIMUM_CONTEXTS:
            raise ValueError(f"{len(proposed)} presentation contexts; 1 to {MAXIMUM_CONTEXTS} fit an association")
        self.node = node
        self._message_id = 0
        self._waiting: Iterator[PDV] = iter(())
        self._timeouts = timeouts or Timeouts()
        self._upper_layer = UpperLayer(_connect(node, self._timeouts.artim), self._timeouts, _MAX_ANSWER)
        try:
            self._upper_layer.send_encoded(_request(node, calling_aet, proposed, roles or {}))
            self.contexts, self._peer_maximum = self._answer(proposed)
        except (ConnectionEnded, ProtocolError) as e:
            self._upper_layer.close()
            raise AssociationFailed(f"{node.aet} at {node.host}:{node.port}: {e}", _failure_of(e)) from e
        except AssociationFailed:
            self._upper_layer.close()
            raise
        self._upper_layer.maximum_pdu = MAXIMUM_PDU + 64
        self._outlet = Outlet(self._upper_layer, self._peer_maximum)

    def _answer(self, proposed: tuple[Proposal, ...]) -> tuple[tuple[Accepted, ...], int]:
        kind, body = self._upper_layer.read(within=self._timeouts.artim)
        encoded = bytes((kind, 0)) + len(body).to_bytes(4, "big") + bytes(body)
        if kind == PDUType.ASSOCIATE_RJ:
            result, source, reason = (*encoded[7:10], 0, 0, 0)[:3]
            raise AssociationFailed(
                f"{self.node.aet} at {self.node.host}:{self.node.port} rejects the association: {_reason(encoded)}",
                Failure.REJECTED,
                (result, source, reason),
            )
        if kind == PDUType.ABORT:
            raise AssociationFailed(f"{self.node.aet} at {self.node.host}:{self.node.port} aborts", Failure.ABORTED)
        if kind != PDUType.ASSOCIATE_AC:
            raise ProtocolError(f"a PDU of type {kind:02X} for an answer", AbortReason.UNEXPECTED_PDU)
        try:
            accepted = A_ASSOCIATE_AC()
            accepted.decode(encoded)
            return _accepted(accepted.to_primitive(), proposed)
        except Exception as e:
            # As with requests: hostile bytes make the decoder fail in any way, and it is all one.
            raise ProtocolError(f"the answer cannot be read ({e})", AbortReason.INVALID_PARAMETER) from e

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    def release(self) -> None:
        """Ask for release, wait for the answer, close."""
        self._outlet.read_ahead(None)
        try:
            self._upper_layer.send(PDUType.RELEASE_RQ, bytes(4))
            self._upper_layer.read(within=self._timeouts.artim)
        except (ConnectionEnded, ProtocolError):
            pass  # it is over in any case
        self._upper_layer.close()

    def abort(self) -> None:
        """End at once."""
        self._outlet.read_ahead(None)
        self._upper_layer.abort(AbortReason.NOT_SPECIFIED)

    def next_message_id(self) -> int:
        """Return a Message ID that is not in use."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def send(self, context_id: int, command: Command, data_set: bytes | DataSetSpan | None = None) -> None:
        """Send a request, its data set streamed from the file it is in; raises as `Outlet.send`."""
        self._outlet.send(context_id, command, data_set)

    def read_ahead(self, span: DataSetSpan) -> None:
        """Read the beginning of the data set that the next request is going to have."""
        self._outlet.read_ahead(span)

    def has_answer(self, within: float) -> bool:
        """Tell whether something to receive is there, waiting for it for `within` seconds at most."""
        return self._upper_layer.wait(within)

    def has_waiting(self) -> bool:
        """Tell whether a part of the next message has come already, in the same PDU as the last one's end."""
        for pdv in self._waiting:
            self._waiting = chain((pdv,), self._waiting)
            return True
        return False

    def receive(self) -> tuple[dict[Tag, dimse.Value], bytes]:
        """Wait for the next message: its command set, and its data set (empty when it has none).

        Raises:
            ConnectionEnded, ProtocolError: there will be none.
        """
        _, command = self.receive_command()
        if not has_data_set(command):
            return command, b""
        data = bytearray()
        for fragment in self.data_set():
            data += fragment
            if len(data) > _MAX_RESPONSE:
                raise ProtocolError(f"a response of more than {_MAX_RESPONSE} bytes", AbortReason.INVALID_PARAMETER)
        return command, bytes(data)

    def receive_command(self) -> tuple[int, dict[Tag, dimse.Value]]:
        """Wait for the next message and return its context ID and command set; its data set is still to be read.

        Raises as `receive`.
        """
        data = bytearray()
        while True:
            pdv = self._next_pdv()
            if not pdv.is_command:
                raise ProtocolError("a data set without a command before it", AbortReason.UNEXPECTED_PARAMETER)
            data += pdv.fragment
            if len(data) > _MAX_RESPONSE:
                raise ProtocolError(f"a command of more than {_MAX_RESPONSE} bytes", AbortReason.INVALID_PARAMETER)
            if pdv.is_last:
                return pdv.context_id, _decoded(bytes(data))

    def data_set(self) -> Iterator[memoryview]:
        """Hand over the fragments of the data set after a command; each is valid until the next one is asked for."""
        while True:
            pdv = self._next_pdv()
            if pdv.is_command:
                raise ProtocolError("another message inside a data set", AbortReason.UNEXPECTED_PARAMETER)
            yield pdv.fragment
            if pdv.is_last:
                return

    def _next_pdv(self) -> PDV:
        """Return the next value; a PDU may hold those of several responses."""
        while True:
            for pdv in self._waiting:
                return pdv
            kind, body = self._upper_layer.read()
            if kind == PDUType.ABORT:
                raise AbortedByPeer("aborted by the peer")
            if kind != PDUType.P_DATA_TF:
                raise ProtocolError(f"a PDU of type {kind:02X} for a response", AbortReason.UNEXPECTED_PDU)
            self._waiting = pdvs(body)


def _reason(rejection: bytes) -> str:
    """Say why an association was rejected; reasons that PS3.8 9.3.4 does not know, as the numbers they are."""
    pdu = A_ASSOCIATE_RJ()
    try:
        pdu.decode(rejection)
        return str(pdu.reason_str)
    except Exception:
        return f"result, source, reason {tuple(rejection[7:10])}"


def has_data_set(command: Command) -> bool:
    """Tell whether a data set follows a command set (PS3.7 E.1)."""
    return command.get(Tag.COMMAND_DATA_SET_TYPE, dimse.NO_DATA_SET) != dimse.NO_DATA_SET


def _decoded(data: bytes) -> dict[Tag, dimse.Value]:
    try:
        return dimse.decode(data)
    except dimse.CommandError as e:
        raise ProtocolError(str(e), AbortReason.INVALID_PARAMETER) from e


def _connect(node: Node, seconds: float) -> socket.socket:
    try:
        connection = socket.create_connection((node.host, node.port), timeout=seconds)
        return connection if node.tls is None else tls.connect(connection, node.tls, node.host, seconds)
    except TLSError as e:
        failure = Failure.CERTIFICATE if e.is_certificate else Failure.TLS
        raise AssociationFailed(f"{node.aet} at {node.host}:{node.port}: {e}", failure) from e
    except (OSError, UnicodeError) as e:
        raise AssociationFailed(
            f"{node.aet} at {node.host}:{node.port} cannot be reached: {getattr(e, 'strerror', None) or e}",
            _failure_of(e),
        ) from e


def _failure_of(error: Exception) -> Failure:
    """Sort what went wrong before there was an association."""
    match error:
        case socket.gaierror() | UnicodeError():
            return Failure.UNKNOWN_HOST
        case ConnectionRefusedError():
            return Failure.REFUSED
        case TimeoutError():
            return Failure.CONNECT_TIMEOUT
        case OSError():
            return Failure.UNREACHABLE
        case ConnectionEnded():
            return Failure.NO_ANSWER if error.is_late else Failure.CLOSED
        case ProtocolError():
            return Failure.NOT_DICOM
        case _:
            return Failure.OTHER


def _request(node: Node, calling_aet: str, proposed: tuple[Proposal, ...], roles: Mapping[str, Roles]) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID(APPLICATION_CONTEXT)
    primitive.calling_ae_title = calling_aet
    primitive.called_ae_title = node.aet
    primitive.presentation_context_definition_list = [_context(i * 2 + 1, p) for i, p in enumerate(proposed)]
    primitive.user_information = [*identity(MAXIMUM_PDU), *(role_item(uid, r) for uid, r in roles.items())]
    return bytes(A_ASSOCIATE_RQ(primitive).encode())


def _context(context_id: int, p: Proposal) -> PresentationContext:
    context = PresentationContext()
    context.context_id = context_id
    context.abstract_syntax = UID(p.abstract_syntax)
    context.transfer_syntax = [UID(ts) for ts in p.transfer_syntaxes]
    return context


def _accepted(primitive: A_ASSOCIATE, proposed: tuple[Proposal, ...]) -> tuple[tuple[Accepted, ...], int]:
    # PS3.8 9.3.3.2: the answer repeats the IDs, not the abstract syntaxes.
    names = {i * 2 + 1: p.abstract_syntax for i, p in enumerate(proposed)}
    accepted = tuple(
        Accepted(c.context_id, names[c.context_id], str(c.transfer_syntax[0]))
        for c in primitive.presentation_context_definition_results_list
        if c.result == 0 and c.context_id in names and c.transfer_syntax
    )
    lengths = [i for i in primitive.user_information if isinstance(i, MaximumLengthNotification)]
    return accepted, lengths[0].maximum_length_received if lengths else 0
