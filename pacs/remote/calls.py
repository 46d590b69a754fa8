"""Associations with a remote node, and what goes wrong on them as a `Problem` that has words for people."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pacs import dimse
from pacs.contexts import Roles
from pacs.dimse import CommandField, Tag, Value
from pacs.requestor import Accepted, AssociationFailed, Failure, Node, Proposal, Requestor
from pacs.status import Status
from pacs.tls import TLSError
from pacs.upper_layer import AbortedByPeer, ConnectionEnded, ProtocolError, Timeouts
from storage.records import Peer
from storage.records.remote import Problem, Trouble

TIMEOUTS = Timeouts(artim=10.0, idle=60.0, pdu=30.0)
ANSWER_SECONDS = 30.0
"""How long a node may take for its next answer to a question."""
_LOOK_SECONDS = 0.05
_PROBE_SECONDS = 3.0
PENDING = frozenset({Status.PENDING, Status.PENDING_WITH_UNSUPPORTED_KEYS})

FINAL = frozenset({
    Trouble.CALLED_AET, Trouble.CALLING_AET, Trouble.REJECTED, Trouble.NOT_DICOM, Trouble.TLS_WANTED,
    Trouble.TLS_NOT_SPOKEN, Trouble.TLS_NOT_SET_UP, Trouble.CERTIFICATE, Trouble.NO_ECHO, Trouble.NO_FIND,
    Trouble.NO_STORE, Trouble.NO_RETRIEVE, Trouble.NO_COMMITMENT,
    Trouble.NOT_AUTHORIZED, Trouble.DESTINATION_UNKNOWN, Trouble.NOT_THERE,
    Trouble.PEER_REMOVED, Trouble.STUDY_REMOVED, Trouble.TOO_LATE, Trouble.INTERNAL,
})  # fmt: skip
"""Troubles that stay until a person changes something, so that trying again by itself is of no use."""

_FAILURES = {
    Failure.UNKNOWN_HOST: Trouble.UNKNOWN_HOST,
    Failure.REFUSED: Trouble.REFUSED,
    Failure.UNREACHABLE: Trouble.UNREACHABLE,
    Failure.CONNECT_TIMEOUT: Trouble.CONNECT_TIMEOUT,
    Failure.NO_ANSWER: Trouble.NO_ANSWER,
    Failure.ABORTED: Trouble.ABORTED,
    Failure.CLOSED: Trouble.CLOSED,
    Failure.NOT_DICOM: Trouble.NOT_DICOM,
    Failure.TLS: Trouble.TLS_NOT_SPOKEN,
    Failure.CERTIFICATE: Trouble.CERTIFICATE,
    Failure.OTHER: Trouble.REJECTED,
}
_MAYBE_TLS = frozenset({Failure.ABORTED, Failure.CLOSED, Failure.NOT_DICOM, Failure.NO_ANSWER})
# PS3.8 table 9-21: source and reason of a rejection.
_REJECTIONS = {(1, 3): Trouble.CALLING_AET, (1, 7): Trouble.CALLED_AET, (3, 1): Trouble.BUSY, (3, 2): Trouble.BUSY}
_TRANSIENT = 2


class Troubled(Exception):
    """It does not work; `problem` has the words for people, `is_final` says that trying again is of no use."""

    def __init__(self, problem: Problem, *, is_final: bool | None = None) -> None:
        comment = problem.facts.get("comment", "")
        super().__init__(f"{problem.trouble.value}: {comment}" if comment else problem.trouble.value)
        self.problem = problem
        self.is_final = problem.trouble in FINAL if is_final is None else is_final


class Stopped(Exception):
    """Nobody wants it any more, or we have to stop."""


def never() -> bool:
    """Return False: nothing stops this."""
    return False


@dataclass(frozen=True, slots=True)
class Remote:
    """A node, who we are to it, and how patient we are."""

    peer: Peer
    own_aet: str
    node_of: Callable[[Peer], Node]
    """Makes of a peer what an association is asked of, TLS included."""
    timeouts: Timeouts = TIMEOUTS
    answer_seconds: float = ANSWER_SECONDS
    should_stop: Callable[[], bool] = field(default=never)

    def node(self) -> Node:
        """Return where to connect to.

        Raises:
            Troubled: the peer wants TLS, and a certificate or key cannot be used.
        """
        try:
            return self.node_of(self.peer)
        except TLSError as e:
            raise self.trouble(Trouble.TLS_NOT_SET_UP, comment=e) from e

    def trouble(self, trouble: Trouble, *, is_final: bool | None = None, **facts: object) -> Troubled:
        """Return the exception for a trouble with this node."""
        peer = self.peer
        known = {"aet": peer.aet, "host": peer.host, "port": str(peer.port), "own_aet": self.own_aet}
        return Troubled(Problem(trouble, {**known, **{k: str(v)[:160] for k, v in facts.items()}}), is_final=is_final)

    @contextmanager
    def associate(self, proposals: Iterable[Proposal], roles: Mapping[str, Roles] | None = None) -> Iterator[Requestor]:
        """Open an association, released at the end.

        Raises:
            Troubled: there is none, or it is lost.
        """
        try:
            assoc = Requestor(self.node(), self.own_aet, proposals, roles=roles, timeouts=self.timeouts)
        except AssociationFailed as e:
            raise self._failed(e) from e
        try:
            with assoc:
                yield assoc
        except AbortedByPeer as e:
            raise self.trouble(Trouble.ABORTED) from e
        except (ConnectionEnded, ProtocolError) as e:
            raise self.trouble(Trouble.LOST, comment=e) from e

    def wait(self, assoc: Requestor, seconds: float | None = None) -> None:
        """Wait until something has come from the node.

        Raises:
            Troubled: nothing came for so long.
            Stopped: nobody waits any more.
        """
        limit = self.answer_seconds if seconds is None else seconds
        waited = 0.0
        while not assoc.has_waiting() and not assoc.has_answer(_LOOK_SECONDS):
            waited += _LOOK_SECONDS
            if self.should_stop():
                raise Stopped
            if waited >= limit:
                raise self.trouble(Trouble.SILENT, comment=f"{limit:g} s")

    def check_status(self, response: Mapping[Tag, Value]) -> None:
        """Pass when a final status is success or a warning.

        Raises:
            Troubled: by the kind of failure.
        """
        status = response.get(Tag.STATUS)
        if isinstance(status, int) and (status == 0 or status >> 12 == 0xB):
            return
        code = status if isinstance(status, int) else 0xFFFF
        raise self.trouble(of_status(code), status=f"{code:04X}H", comment=response.get(Tag.ERROR_COMMENT, ""))

    def _failed(self, error: AssociationFailed) -> Troubled:
        if error.rejection is not None:
            result, source, reason = error.rejection
            found = _REJECTIONS.get((source, reason), Trouble.BUSY if result == _TRANSIENT else Trouble.REJECTED)
            return self.trouble(found, comment=str(error).rpartition(": ")[2])
        if error.failure in _MAYBE_TLS and speaks_tls(self.peer.host, self.peer.port):
            return self.trouble(Trouble.TLS_WANTED)
        return self.trouble(_FAILURES[error.failure], comment=str(error).rpartition(": ")[2])


def of_status(status: int) -> Trouble:
    """Return what a failure status means (PS3.7 C, PS3.4 C.4)."""
    if status == Status.NOT_AUTHORIZED:
        return Trouble.NOT_AUTHORIZED
    if status == Status.MOVE_DESTINATION_UNKNOWN:
        return Trouble.DESTINATION_UNKNOWN
    if status >> 8 == 0xA7:
        return Trouble.OUT_OF_RESOURCES
    return Trouble.STATUS


def speaks_tls(host: str, port: int) -> bool:
    """Tell whether a TLS handshake gets an answer there, whoever that is: it is only a diagnosis."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=_PROBE_SECONDS) as connection,
            context.wrap_socket(connection),
        ):
            return True
    except ssl.SSLError as e:
        # An alert is TLS too: it wants another version, or our certificate.
        return "ALERT" in (e.reason or "")
    except OSError:
        return False


def context_for(assoc: Requestor, abstract_syntaxes: Iterable[str]) -> Accepted | None:
    """Return the first accepted context of one of the classes."""
    wanted = tuple(abstract_syntaxes)
    return next((c for c in assoc.contexts if c.abstract_syntax in wanted), None)


def cancel(assoc: Requestor, context_id: int, message_id: int) -> None:
    """Send a C-CANCEL for a request of ours (PS3.7 9.3.2.3)."""
    command: dict[Tag, Value] = {
        Tag.COMMAND_FIELD: CommandField.C_CANCEL_RQ,
        Tag.MESSAGE_ID_BEING_RESPONDED_TO: message_id,
        Tag.COMMAND_DATA_SET_TYPE: dimse.NO_DATA_SET,
    }
    assoc.send(context_id, command)
