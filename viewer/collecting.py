"""Bodies that are taken in whole before a thread is taken for their request.

A thread that waits for a sender is lost for everybody else, and a sender may take its time without having signed in. So
forms and the like are collected in the event loop, where one more costs a socket. Requests that bring objects in are
too large for that: those have threads of their own, and are not read before their sender is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from werkzeug.exceptions import ClientDisconnected

from viewer.request_chunks import Chunks
from viewer.rsgi_types import HTTPProtocol, Scope

SECONDS = 60.0
"""A body has to be whole by then."""
HELD_MAX = 64 << 20
"""Bytes of bodies that one process holds at once; who would need more is told to come back later."""


class Collector:
    """One per adapter, used from its event loop only."""

    def __init__(self, body_max: int) -> None:
        self._body_max = body_max
        self._held = 0

    @asynccontextmanager
    async def whole(self, scope: Scope, protocol: HTTPProtocol) -> AsyncIterator[AsyncIterator[bytes] | None]:
        """Give a request's body as one chunk; None where it was refused, or its sender left on the way."""
        found = bytearray()
        try:
            try:
                async with asyncio.timeout(SECONDS):
                    with closing(Chunks(scope, protocol)) as chunks:
                        refusal = await self._collect(chunks, found)
            except TimeoutError:
                refusal = 408, "The request's body did not come to its end\n"
            except ClientDisconnected:
                # Of a sender who left, nothing is taken for a whole.
                refusal = 400, "The request's body broke off\n"
            if refusal is not None:
                refuse(protocol, *refusal)
            yield _once(bytes(found)) if refusal is None else None
        finally:
            self._held -= len(found)

    async def _collect(self, chunks: Chunks, found: bytearray) -> tuple[int, str] | None:
        async for chunk in chunks:
            found += chunk
            self._held += len(chunk)
            if len(found) > self._body_max:
                return 413, "Request too large\n"
            if self._held > HELD_MAX:
                return 503, "Busy, try again\n"
        return None


def may_have_body(scope: Scope) -> bool:
    """Tell whether a body has to be expected; no view reads one with a method that asks for something."""
    headers = scope.headers
    is_told = headers.get("content-length") is not None or headers.get("transfer-encoding") is not None
    return is_told or scope.method not in ("GET", "HEAD", "OPTIONS")


def refuse(protocol: HTTPProtocol, status: int, sentence: str) -> None:
    """Answer in a sentence and close the connection: nobody reads what is still to come on it."""
    later = [("retry-after", "1")] if status == 503 else []
    protocol.response_str(status, [("content-type", "text/plain"), ("connection", "close"), *later], sentence)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
