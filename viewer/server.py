"""The production server: Granian with our RSGI application, embedded and told in code what the settings say."""

from __future__ import annotations

import logging
import multiprocessing
import socket
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP2Settings
from granian.log import LogLevels
from granian.server import Server

from viewer.config import ViewerSettings
from viewer.redirecting import redirecting
from viewer.rsgi import load

log = logging.getLogger("filmless.viewer")

HEADERS_MAX = 1 << 17
"""Bytes of one HTTP/2 request's header fields; unless told, Granian takes 16 MiB for each of 200 streams."""
STOP_SECONDS = 5
"""How long requests may take to end once the server is told to stop."""


class CannotListen(Exception):
    """The address cannot be listened on; the text is one line for a person."""


class WebServer(Server):  # type: ignore[misc,valid-type]
    """Granian, with a word to the workers before they are stopped, so that open live lists do not delay it."""

    stopping: Event

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Begin to stop."""
        self.stopping.set()
        super().signal_handler_interrupt(*args, **kwargs)


def serve(settings: ViewerSettings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CannotListen: the port is in use or the address is not ours.
    """
    check_address(settings.http_host, settings.http_port)
    plain_port = settings.http_redirect_port if settings.https else 0
    if plain_port:
        check_address(settings.http_host, plain_port)
    server = WebServer(
        "filmless",
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.RSGI,
        workers=settings.workers,
        loop=Loops.asyncio,
        http=HTTPModes.auto,
        http2_settings=HTTP2Settings(max_headers_size=HEADERS_MAX),
        websockets=False,
        backlog=1024,
        log_level=LogLevels.warning,
        ssl_cert=settings.tls_certificate,
        ssl_key=settings.tls_key,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.stopping = multiprocessing.Event()
    server.on_startup(partial(_announce, settings))
    with redirecting(settings.http_host, plain_port, settings.http_port):
        server.serve(target_loader=partial(load, settings, server.stopping), wrap_loader=False)


def check_address(host: str, port: int) -> None:
    """Raise `CannotListen` when `port` cannot be had: Granian shares ports, so it would not notice another server."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def _announce(settings: ViewerSettings) -> None:
    scheme = "https" if settings.https else "http"
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    log.info("web pages at %s://%s:%s", scheme, host, settings.http_port)


def free_port(host: str) -> int:
    """Return a port that is free now, for `--http-port 0`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
