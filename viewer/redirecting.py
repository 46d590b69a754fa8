"""A port without TLS whose only answer is where the pages are: the same address with https."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
CONNECTIONS_MAX = 64
"""More at once are closed: each has a thread, and an answer of a few bytes."""
PATIENCE_SECONDS = 5.0


class Redirecting(ThreadingHTTPServer):
    """Answers every GET with 308; what would send something in clear is refused."""

    daemon_threads = True

    def __init__(self, host: str, port: int, https_port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.https_port = https_port
        self._free = threading.Semaphore(CONNECTIONS_MAX)
        super().__init__((host, port), _Answer)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread if there is room."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no event."""


class _Answer(BaseHTTPRequestHandler):
    timeout = PATIENCE_SECONDS
    server: Redirecting

    def do_GET(self) -> None:
        host = _HOST.match(self.headers.get("Host", ""))
        if host is None or not self.path.startswith("/"):
            self.send_error(400)
            return
        port = "" if self.server.https_port == 443 else f":{self.server.https_port}"
        self.send_response(308)
        self.send_header("Location", f"https://{host[1]}{port}{self.path}")
        self._end()

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Not redirected: a client has just sent in clear what it should not have, and must come to notice."""
        self.send_response(403, "Use https")
        self._end()

    do_PUT = do_DELETE = do_POST  # noqa: N815

    def _end(self) -> None:
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing is logged: it would be one line for each visit."""


@contextmanager
def redirecting(host: str, port: int, https_port: int) -> Iterator[None]:
    """Redirect while the block runs; nothing when `port` is 0.

    Raises:
        OSError: the port cannot be listened on.
    """
    if not port:
        yield
        return
    server = Redirecting(host, port, https_port)
    thread = threading.Thread(target=server.serve_forever, name="redirecting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
