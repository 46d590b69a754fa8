"""One connection from its first byte to its one line in the log."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pacs import associate, contexts, services
from pacs.application import Application
from pacs.association import Aborted, Association, Peer, Released
from pacs.logs import one_line
from pacs.upper_layer import AbortReason, ConnectionEnded, Interrupted, PDUType, ProtocolError, Timeouts, UpperLayer

_log = logging.getLogger("filmless.dicom")
MAX_REQUEST = 1 << 19


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How connections are served."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    maximum_pdu: int = 1 << 17
    """Longest P-DATA-TF PDU taken: few senders go beyond, and each association holds one in memory."""


class Rejected(Exception):
    """The association was refused; the peer has been told."""


class Session:
    """Serves one connection: request, messages, end.

    `admit` is asked once the request is read and answers with a reason to reject, or None.
    """

    def __init__(
        self,
        connection: socket.socket,
        address: str,
        application: Application,
        settings: SessionSettings,
        admit: Callable[[associate.Request], associate.Rejection | None],
    ) -> None:
        self._upper_layer = UpperLayer(connection, settings.timeouts, MAX_REQUEST)
        self._address = address
        self._application = application
        self._settings = settings
        self._admit = admit
        self._assoc: Association | None = None
        self._request: associate.Request | None = None

    def run(self) -> None:
        """Serve until the end, whatever it is; never raises."""
        began = time.monotonic()
        outcome = self._serve()
        self._log(outcome, time.monotonic() - began)

    def end_if_idle(self) -> None:
        """End an association that waits for its next message; one in the middle of an object goes on."""
        if self._assoc is not None and self._assoc.is_idle:
            self._upper_layer.interrupt()

    def _serve(self) -> str:
        try:
            assoc = self._assoc = self._establish()
            while True:
                services.dispatch(assoc, assoc.receive(), self._application)
        except Released:
            self._upper_layer.close()
            return "released"
        except Rejected as e:
            self._upper_layer.close()
            return f"rejected: {e}"
        except Aborted:
            self._upper_layer.close()
            return "aborted by the peer"
        except Interrupted:
            self._upper_layer.abort(AbortReason.NOT_SPECIFIED)
            return "ended by a stop"
        except ConnectionEnded as e:
            self._upper_layer.close()
            return str(e)
        except ProtocolError as e:
            self._upper_layer.abort(e.reason)
            return f"aborted: {e}"
        except Exception:
            # One association's surprise must not end the others; the peer gets an abort, the log the trace.
            _log.exception("association with %s failed", self._address)
            self._upper_layer.abort(AbortReason.NOT_SPECIFIED)
            return "aborted: internal error"

    def _establish(self) -> Association:
        kind, body = self._upper_layer.read(within=self._settings.timeouts.artim)
        if kind == PDUType.ABORT:
            raise Aborted
        if kind != PDUType.ASSOCIATE_RQ:
            raise ProtocolError(f"a PDU of type {kind:02X} before an association", AbortReason.UNEXPECTED_PDU)
        request = self._request = associate.decode_request(body)
        rejection = associate.refusal(request) or self._admit(request)
        if rejection is not None:
            self._upper_layer.send_encoded(associate.encode_rejection(rejection))
            raise Rejected(_words(rejection, request))
        answers = contexts.negotiate(request.contexts)
        roles = contexts.accept_roles(request.roles)
        extended = contexts.accept_extended(request.extended)
        acceptance = associate.encode_acceptance(request, answers, roles, self._settings.maximum_pdu, extended)
        self._upper_layer.send_encoded(acceptance)
        # Some peers count the header into the maximum length, others not (PS3.8 D.1).
        self._upper_layer.maximum_pdu = self._settings.maximum_pdu + 64
        peer = Peer(request.calling_aet, request.called_aet, self._address, request.maximum_pdu)
        return Association(self._upper_layer, peer, {n.context_id: n for n in answers}, roles, extended)

    def _log(self, outcome: str, seconds: float) -> None:
        caller = one_line(self._request.calling_aet) if self._request else "?"
        called = one_line(self._request.called_aet) if self._request else "?"
        tally = self._assoc.tally if self._assoc else None
        counts = (
            f"stored={tally.stored} already_stored={tally.already_stored} refused={tally.refused} "
            f"echoed={tally.echoed} found={tally.found} sent={tally.sent} failed={tally.failed} bytes={tally.bytes} "
            if tally
            else ""
        )
        # Who connects and says nothing is a health check, as a rule: no line for each of those.
        level = logging.INFO if self._request or outcome != "closed by the peer" else logging.DEBUG
        _log.log(
            level,
            "association %s@%s to %s: %sseconds=%.3f outcome=%s",
            caller,
            self._address,
            called,
            counts,
            seconds,
            one_line(outcome),
        )
        for note in tally.notes if tally else ():
            _log.warning("association %s@%s: refused %s", caller, self._address, one_line(note))


def _words(rejection: associate.Rejection, request: associate.Request) -> str:
    """Say why an association was rejected, and what ends that."""
    name = rejection.name.lower().replace("_", " ")
    match rejection:
        case associate.Rejection.CALLING_AE_TITLE if associate.refusal(request) is None:
            caller = one_line(request.calling_aet)
            return f"{name}: {caller} is no peer and --unknown-callers is refuse; add {caller} as a peer to let it in"
        case associate.Rejection.LOCAL_LIMIT:
            return f"{name}: too many associations at once, mostly of a device that never closes them"
        case _:
            return name
