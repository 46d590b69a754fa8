"""The pieces of a request's body, and whether all of them came.

Facts this rests on, tried with Granian 2.8: its iterator ends in the same way when a body comes to its end and when it
breaks off, with an empty piece before the end. An error is one more empty piece. So under HTTP/1.1 a body without a
length has ended well where there is one empty piece; trailer fields, which nobody sends with objects, would be a second
one, and are taken for an error. Under HTTP/2 the last piece is often empty itself, and without a length a cut cannot be
seen here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from werkzeug.exceptions import ClientDisconnected

from viewer.rsgi_types import Scope


class Chunks:
    """The body of one request, piece by piece.

    Raises:
        ClientDisconnected: in place of the end, where it is shorter than announced or broke off.
    """

    def __init__(self, scope: Scope, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._announced = announced(scope)
        self._is_told_by_ends = not self._announced and scope.http_version.startswith("1")
        self._came = 0
        self._empty = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._pieces.__anext__()
        except StopAsyncIteration:
            if self._came < self._announced or (self._is_told_by_ends and self._empty > 1):
                raise ClientDisconnected from None
            raise
        self._came += len(piece)
        self._empty += not piece
        return piece


def announced(scope: Scope) -> int:
    """Return the length that a request names for its body, 0 for none."""
    length = scope.headers.get("content-length") or "0"
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0
