"""What RSGI hands to an application, as far as it is used here (Granian leaves these types out of its public stubs)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class Headers(Protocol):
    """Request headers, names in lower case; a name may occur more than once."""

    def get(self, key: str) -> str | None:
        """Return the first value of `key`."""

    def get_all(self, key: str) -> list[str]:
        """Return all values of `key`."""

    def items(self) -> list[tuple[str, str]]:
        """Return (name, value) in the order received."""


class Scope(Protocol):
    """One request's line, addresses and headers."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    authority: str | None

    @property
    def headers(self) -> Headers:
        """The request's headers."""


class StreamTransport(Protocol):
    """A response that is still being written."""

    async def send_str(self, data: str) -> None:
        """Send text; raises `granian.rsgi.ProtocolClosed` once the client is known to be gone."""


class HTTPProtocol(Protocol):
    """The way to the client: read the body by iterating, answer once."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def client_disconnect(self) -> None:
        """Return when the client is gone."""

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Answer without a body."""

    def response_str(self, status: int, headers: list[tuple[str, str]], body: str) -> None:
        """Answer with text."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes | bytearray) -> None:
        """Answer with bytes."""

    def response_file(self, status: int, headers: list[tuple[str, str]], file: str) -> None:
        """Answer with a file, sent by the server itself."""

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> StreamTransport:
        """Begin an answer that is written bit by bit."""
