"""The pieces of a request's body, and whether all of them came.

Facts this rests on, tried with Granian 2.8:
- Under HTTP/1.1 its iterator ends in the same way when a body comes to its end and when it breaks off, with an empty
  piece before the end. An error is one more empty piece. So a body without a length has ended well where there is one
  empty piece; trailer fields, which nobody sends with objects, would be a second one, and are taken for an error.
- Under HTTP/2 the last piece of a whole body may be empty itself, so empty pieces tell nothing. Where the stream is
  reset or its connection goes, the iterator never comes back at all, but `client_disconnect` does. A reset that claims
  no error looks like an end, and `client_disconnect` comes right after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from werkzeug.exceptions import ClientDisconnected

from viewer.rsgi_types import HTTPProtocol, Scope

GRACE_SECONDS = 0.1
"""After the end of an HTTP/2 body whose length nobody said, so long is waited for word that it was none."""


class Chunks:
    """The body of one request, piece by piece; `close` when no more is asked for.

    Raises:
        ClientDisconnected: in place of the end, where it is shorter than announced or broke off.
    """

    def __init__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        self._protocol = protocol
        self._pieces = aiter(protocol)
        self._announced = announced(scope)
        self._is_first_version = scope.http_version.startswith("1")
        self._came = 0
        self._empty = 0
        self._left: asyncio.Future[None] | None = None
        self._waiting: asyncio.Timeout | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await (self._pieces.__anext__() if self._is_first_version else self._unless_gone())
        except StopAsyncIteration:
            if self._came < self._announced or (not self._announced and await self._broke_off()):
                raise ClientDisconnected from None
            raise
        self._came += len(piece)
        self._empty += not piece
        return piece

    def close(self) -> None:
        """Listen no more for the client's leaving."""
        if self._left is not None:
            self._left.cancel()

    async def _unless_gone(self) -> bytes:
        if self._left is None:
            self._left = asyncio.ensure_future(self._protocol.client_disconnect())
            self._left.add_done_callback(lambda _: self._give_up())
        if self._left.done():
            raise ClientDisconnected
        try:
            # Without a time: it is the way to end the wait from outside, and costs little for each piece.
            async with asyncio.timeout(None) as self._waiting:
                return await self._pieces.__anext__()
        except TimeoutError:
            raise ClientDisconnected from None
        finally:
            self._waiting = None

    def _give_up(self) -> None:
        if self._waiting is not None:
            self._waiting.reschedule(0)

    async def _broke_off(self) -> bool:
        if self._is_first_version:
            return self._empty > 1
        if self._left is not None:
            await asyncio.wait({self._left}, timeout=GRACE_SECONDS)
        return self._left is None or self._left.done()


def announced(scope: Scope) -> int:
    """Return the length that a request names for its body, 0 for none."""
    length = scope.headers.get("content-length") or "0"
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
