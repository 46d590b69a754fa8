"""Ports that are listened on, and what is said of those that cannot be."""

from __future__ import annotations

import socket

_BACKLOG = 512


class PortInUse(Exception):
    """The port cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket that shares its port with other receivers.

    Raises:
        PortInUse: another program has it, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as e:
        listener.close()
        raise PortInUse(f"cannot listen for DICOM on {host}:{port}: {e.strerror or e}") from e
    return listener


def check_port(host: str, port: int, what: str) -> None:
    """Make sure that nobody listens on a port yet; receivers share theirs, so they would not notice.

    Raises:
        PortInUse: somebody does, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as e:
            raise PortInUse(f"cannot listen for {what} on {host}:{port}: {e.strerror or e}") from e
