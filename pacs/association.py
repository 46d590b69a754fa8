"""An established association, as acceptor: messages in, responses out, data sets streamed.

One thread serves one association from its request to its end. A data set is never put together here unless a handler
asks for it and names a limit: `data_set` hands over fragments as they come from the socket.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from pacs import dimse
from pacs.contexts import Negotiated, Result, Roles
from pacs.dimse import Command, CommandError, CommandField, Tag
from pacs.outlet import Outlet
from pacs.upper_layer import (
    PDV,
    AbortReason,
    ConnectionEnded,
    PDUType,
    ProtocolError,
    UpperLayer,
    pdvs,
)
from storage.model import DataSetSpan

MAX_COMMAND = 1 << 14


class Released(Exception):
    """The peer asked for release and was answered."""


class Aborted(Exception):
    """The peer aborted."""


@dataclass(slots=True)
class Tally:
    """What happened on one association, for its one line in the log."""

    stored: int = 0
    already_stored: int = 0
    refused: int = 0
    echoed: int = 0
    found: int = 0
    """Answers to queries."""
    sent: int = 0
    """Objects that a C-GET or C-MOVE of this association brought to their destination."""
    failed: int = 0
    """Objects that it could not bring there."""
    bytes: int = 0
    notes: list[str] = field(default_factory=list)
    """The first few reasons of refusals."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end."""

    calling_aet: str
    called_aet: str
    address: str
    maximum_pdu: int


@dataclass(frozen=True, slots=True)
class Message:
    """One request: its command set and the context it came on; its data set, if any, is still to be read."""

    context: Negotiated
    command: Command

    @property
    def field(self) -> int:
        """The Command Field, which `dimse.decode` has made sure of."""
        return int(self.command[Tag.COMMAND_FIELD])

    @property
    def has_data_set(self) -> bool:
        """Tell whether a data set follows (PS3.7 E.1)."""
        return self.command.get(Tag.COMMAND_DATA_SET_TYPE, dimse.NO_DATA_SET) != dimse.NO_DATA_SET


class Association:
    """Messages over an upper layer whose association is established."""

    def __init__(
        self,
        upper_layer: UpperLayer,
        peer: Peer,
        contexts: Mapping[int, Negotiated],
        roles: Mapping[str, Roles] | None = None,
        extended: Mapping[str, bytes] | None = None,
    ) -> None:
        self.upper_layer = upper_layer
        self.peer = peer
        self.contexts = contexts
        self.roles = roles or {}
        """What was granted to the requestor beside being SCU, by SOP class (PS3.7 D.3.3.4)."""
        self.extended = extended or {}
        """Options of SOP classes that were granted (PS3.7 D.3.3.5)."""
        self.tally = Tally()
        self.is_idle = False
        """Waiting for the next message, with nothing of it there yet."""
        self._waiting: Iterator[PDV] = iter(())
        self._outlet = Outlet(upper_layer, peer.maximum_pdu)
        self._message_id = 0
        self._cancelled: set[int] = set()

    def receive(self) -> Message:
        """Wait for the next request.

        Raises:
            Released, Aborted: the peer ends the association.
            ConnectionEnded: it is gone.
            ProtocolError: it broke the rules.
        """
        self.is_idle = True
        message = self._receive()
        if message.field & dimse.RESPONSE:
            # Nothing was asked of the peer. To answer an answer could go on for ever.
            raise ProtocolError(f"a response ({message.field:04X}H) to no request", AbortReason.UNEXPECTED_PARAMETER)
        return message

    def _receive(self) -> Message:
        parts = bytearray()
        context_id = None
        while True:
            pdv = self._next_pdv()
            self.is_idle = False
            if not pdv.is_command:
                raise ProtocolError("a data set without a command before it", AbortReason.UNEXPECTED_PARAMETER)
            if context_id not in (None, pdv.context_id):
                raise ProtocolError("another message inside a command set", AbortReason.UNEXPECTED_PARAMETER)
            context_id = pdv.context_id
            parts += pdv.fragment
            if len(parts) > MAX_COMMAND:
                raise ProtocolError(f"a command set of more than {MAX_COMMAND} bytes", AbortReason.INVALID_PARAMETER)
            if pdv.is_last:
                return self._message(context_id, bytes(parts))

    def _message(self, context_id: int, command: bytes) -> Message:
        context = self.contexts.get(context_id)
        if context is None or context.result is not Result.ACCEPTED:
            raise ProtocolError(f"presentation context {context_id} was not accepted", AbortReason.INVALID_PARAMETER)
        try:
            return Message(context, dimse.decode(command))
        except CommandError as e:
            raise ProtocolError(str(e), AbortReason.INVALID_PARAMETER) from e

    def data_set(self, message: Message) -> Iterator[memoryview]:
        """Hand over the fragments of a message's data set; each is valid until the next one is asked for.

        Raises as `receive`, but a release inside a data set is a ProtocolError.
        """
        while True:
            try:
                pdv = self._next_pdv()
            except Released:
                raise ProtocolError("release inside a data set", AbortReason.UNEXPECTED_PDU) from None
            if pdv.is_command or pdv.context_id != message.context.context_id:
                raise ProtocolError("another message inside a data set", AbortReason.UNEXPECTED_PARAMETER)
            yield pdv.fragment
            if pdv.is_last:
                return

    def respond(self, message: Message, response: Command, data_set: bytes | None = None) -> None:
        """Send a response on the context of its request.

        Raises:
            ConnectionEnded: the peer is gone.
        """
        self._outlet.send(message.context.context_id, response, data_set)

    def respond_soon(self, message: Message, response: Command, data_set: bytes | None = None) -> None:
        """Let a response go out with the next message, or with `flush`; it saves the peer from waking up twice."""
        self._outlet.hold(message.context.context_id, response, data_set)

    def flush(self) -> None:
        """Send the responses that `respond_soon` has kept; raises as `respond`."""
        self._outlet.flush()

    # ---- requests of our own, within an operation that the peer asked for

    def request(self, context_id: int, command: Command, data_set: bytes | DataSetSpan | None = None) -> int:
        """Send a request of ours and return its Message ID; raises as `Outlet.send`."""
        self._message_id = self._message_id % 0xFFFF + 1
        self._outlet.send(context_id, {**command, Tag.MESSAGE_ID: self._message_id}, data_set)
        return self._message_id

    def read_ahead(self, span: DataSetSpan | None) -> None:
        """Read the beginning of the data set that the next request is going to have; None gives up what was read."""
        self._outlet.read_ahead(span)

    def answer(self, message_id: int, seconds: float) -> Command:
        """Wait for the response to a request of ours, for `seconds` at most; a C-CANCEL that comes first is noted.

        Raises as `receive`.
        """
        deadline = time.monotonic() + seconds
        while True:
            if not self._has_pdv() and not self.upper_layer.wait(max(deadline - time.monotonic(), 0)):
                raise ConnectionEnded(f"no response after {seconds:g} s")
            message = self._receive()
            if not message.field & dimse.RESPONSE:
                self._note_cancel(message)
                continue
            if message.command.get(Tag.MESSAGE_ID_BEING_RESPONDED_TO) != message_id:
                raise ProtocolError("a response to another request", AbortReason.UNEXPECTED_PARAMETER)
            if message.has_data_set:
                for _ in self.data_set(message):
                    pass
            return message.command

    def is_cancelled(self, operation: Message) -> bool:
        """Tell, without waiting, whether a C-CANCEL for an operation under way has come (PS3.7 9.3.2.3).

        Raises as `receive`; another request is a ProtocolError, as no asynchronous operations were negotiated.
        """
        while self._has_pdv() or self.upper_layer.has_pending():
            self._note_cancel(self._receive())
        return operation.command.get(Tag.MESSAGE_ID, 0) in self._cancelled

    def _note_cancel(self, message: Message) -> None:
        if message.field != CommandField.C_CANCEL_RQ:
            raise ProtocolError(
                f"a message ({message.field:04X}H) during an operation", AbortReason.UNEXPECTED_PARAMETER
            )
        self._cancelled = {int(message.command.get(Tag.MESSAGE_ID_BEING_RESPONDED_TO, 0))}

    def begin(self, operation: Message) -> None:
        """Forget cancels that came before an operation: Message IDs are used again."""
        self._cancelled.discard(int(operation.command.get(Tag.MESSAGE_ID, 0)))

    def _has_pdv(self) -> bool:
        for pdv in self._waiting:
            self._waiting = chain((pdv,), self._waiting)
            return True
        return False

    def _next_pdv(self) -> PDV:
        while True:
            for pdv in self._waiting:
                return pdv
            self._waiting = self._read_pdvs()

    def _read_pdvs(self) -> Iterator[PDV]:
        kind, body = self.upper_layer.read()
        self.is_idle = False
        if kind == PDUType.P_DATA_TF:
            return pdvs(body)
        if kind == PDUType.RELEASE_RQ:
            self.upper_layer.send(PDUType.RELEASE_RP, bytes(4))
            raise Released
        if kind == PDUType.ABORT:
            raise Aborted
        known = kind in set(PDUType)
        raise ProtocolError(
            f"a PDU of type {kind:02X} on an established association",
            AbortReason.UNEXPECTED_PDU if known else AbortReason.UNRECOGNIZED_PDU,
        )
