"""A DICOM receiver: one process that listens on the port, a thread for each association.

Several may run on one port (SO_REUSEPORT): the kernel spreads connections over them, and each uses a core of its own.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from pacs.application import Application
from pacs.associate import Rejection, Request
from pacs.logs import one_line
from pacs.ports import PortInUse, listen
from pacs.session import Session, SessionSettings
from pacs.tls import TLSError, TLSSettings, accept, acceptor_context

_log = logging.getLogger("filmless.dicom")
_LOOK_SECONDS = 1.0
"""How often a receiver that nobody calls looks whether it is to stop.

A signal may come between Python's last look and the call that waits, or to another thread: that call is not woken then.
"""


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Where a receiver listens and how much it takes on."""

    host: str = "0.0.0.0"
    port: int = 11112
    aet: str = "FILMLESS"
    maximum_associations: int = 400
    """Established at once in this process; a further one is rejected as transient (PS3.8 9.3.4)."""
    maximum_connections: int = 600
    """With those that have not asked for an association yet; for a further one the oldest of these has to go."""
    stop_seconds: float = 10.0
    """How long associations may go on after a stop is asked for."""
    session: SessionSettings = field(default_factory=SessionSettings)
    tls: TLSSettings | None = None
    """Listen for associations over TLS, too."""
    takes_unknown_callers: bool = True
    """Devices that are no peers may echo and store; otherwise they get no association."""


class Receiver:
    """Accepts connections until it is stopped."""

    def __init__(self, application: Application, settings: ReceiverSettings) -> None:
        self._application = application
        self._settings = settings
        self._lock = threading.Lock()
        # Those that have not asked for an association yet, the oldest first, and those that have one.
        self._waiting: dict[threading.Thread, socket.socket] = {}
        self._established: set[threading.Thread] = set()
        self._sessions: dict[threading.Thread, Session] = {}
        self._stopping = threading.Event()
        # First, as wrong keys are a reason not to begin at all.
        self._tls = acceptor_context(settings.tls) if settings.tls else None
        self._listener = listen(settings.host, settings.port)
        try:
            self._tls_listener = listen(settings.host, settings.tls.port) if settings.tls else None
        except PortInUse:
            self._listener.close()
            raise
        for listener in (self._listener, self._tls_listener):
            if listener is not None:
                listener.settimeout(_LOOK_SECONDS)

    @property
    def port(self) -> int:
        """The port listened on; tells which one the system chose for port 0."""
        return int(self._listener.getsockname()[1])

    @property
    def tls_port(self) -> int | None:
        """The port listened on for associations over TLS; None without."""
        return int(self._tls_listener.getsockname()[1]) if self._tls_listener else None

    def serve(self) -> None:
        """Accept until `stop`, then end associations that are idle, and wait for the others, for a while."""
        if self._tls_listener is not None:
            taker = threading.Thread(target=self._accept, args=(self._tls_listener, self._tls), name="dicom-tls")
            taker.start()
            self._accept(self._listener)
            taker.join()
        else:
            self._accept(self._listener)
        self._wait_for_the_rest()

    def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        while not self._stopping.is_set():
            try:
                connection, address = listener.accept()
            except TimeoutError:
                continue
            except OSError as e:
                if self._stopping.is_set():
                    break
                # Out of descriptors, most likely: it passes when associations end.
                _log.error("cannot accept a connection: %s", e)
                time.sleep(0.1)
                continue
            try:
                connection = _secured(connection, tls)
            except OSError as e:
                # Reset before anybody looked at it, as port scanners do; the next one may be a scanner of patients.
                _log.debug("connection from %s ended before its handshake: %s", address[0], e)
                connection.close()
                continue
            self._take(connection, address[0])

    def stop(self) -> None:
        """Stop accepting; safe in a signal handler."""
        self._stopping.set()
        for listener in (self._listener, self._tls_listener):
            if listener is None:
                continue
            # Wakes the thread that waits in accept; close alone does not.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _take(self, connection: socket.socket, address: str) -> None:
        thread = threading.Thread(target=self._run, args=(connection, address), name=f"dicom-{address}", daemon=True)
        with self._lock:
            if len(self._waiting) + len(self._established) >= self._settings.maximum_connections:
                self._send_away_the_oldest()
            self._waiting[thread] = connection
        try:
            thread.start()
        except RuntimeError as e:
            # No more threads: this connection ends, the others go on.
            _log.error("connection from %s closed: %s", address, e)
            self._forget(thread)
            connection.close()

    def _send_away_the_oldest(self) -> None:
        """Make room: whoever has been connected longest without asking for an association goes first.

        So connections that say nothing cannot keep out a scanner, however many there are.
        """
        if not self._waiting:
            return
        thread = next(iter(self._waiting))
        _log.warning("%d connections are open: the oldest without an association ends", len(self._waiting))
        with suppress(OSError):
            # Its thread wakes up and finds the connection closed.
            socket.socket.shutdown(self._waiting.pop(thread), socket.SHUT_RDWR)

    def _run(self, connection: socket.socket, address: str) -> None:
        try:
            if isinstance(connection, ssl.SSLSocket):
                accept(connection, self._settings.session.timeouts.artim)
            session = Session(connection, address, self._application, self._settings.session, self._admit)
            with self._lock:
                self._sessions[threading.current_thread()] = session
            session.run()
        except TLSError as e:
            _log.warning("connection from %s: %s", address, one_line(str(e)))
        finally:
            self._forget(threading.current_thread())
            connection.close()

    def _forget(self, thread: threading.Thread) -> None:
        with self._lock:
            self._waiting.pop(thread, None)
            self._established.discard(thread)
            self._sessions.pop(thread, None)

    def _admit(self, request: Request) -> Rejection | None:
        """Count an association in, unless there are too many; only those that asked for one take a place."""
        if not self._settings.takes_unknown_callers and not self._is_known(request.calling_aet):
            return Rejection.CALLING_AE_TITLE
        with self._lock:
            if self._stopping.is_set():
                return Rejection.TEMPORARY_CONGESTION
            if len(self._established) >= self._settings.maximum_associations:
                return Rejection.LOCAL_LIMIT
            self._waiting.pop(threading.current_thread(), None)
            self._established.add(threading.current_thread())
            return None

    def _is_known(self, calling_aet: str) -> bool:
        return self._application.records.peers.by_aet(calling_aet) is not None

    def _wait_for_the_rest(self) -> None:
        deadline = time.monotonic() + self._settings.stop_seconds
        while time.monotonic() < deadline:
            with self._lock:
                if not self._established:
                    return
                for session in self._sessions.values():
                    session.end_if_idle()
            time.sleep(0.05)
        _log.warning("stopped with %d associations open", len(self._established))


def _secured(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    """Put TLS over a connection, if any; the handshake is left to the thread that serves it.

    Raises:
        OSError: the connection has ended already.
    """
    if tls is None:
        return connection
    connection.getpeername()  # where this fails the connection can still be closed; TLS would take it away first
    return tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
