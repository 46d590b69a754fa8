"""`wsgi.input` under RSGI: read by a thread, filled from the event loop a little ahead of it.

While the thread writes what has come to the disk, the next pieces come from the network. No more than about `AHEAD`
bytes wait for it; then no more is asked for, which holds the sender back. Before the thread first reads, nothing is.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

AHEAD = 1 << 20
READ_SECONDS = 60.0
"""A body that brings nothing for so long is given up, so that a silent client does not keep a thread."""
DRAIN_SECONDS = 5.0


class RequestBody(io.RawIOBase):
    """One request's body: `take` and `readinto` belong to one thread, `drain` and `stop` to the event loop."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop, limit: int) -> None:
        super().__init__()
        self._chunks = chunks
        self._loop = loop
        self._left = limit
        self._chunk = memoryview(b"")
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._held = 0
        self._begun = False
        self._ended = False
        self._error: Exception | None = None
        # Of the event loop alone:
        self._filling: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._to_drop: int | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with what is there, waiting for the client where nothing is. Raises as `take`."""
        if not self._chunk:
            self._chunk = memoryview(self.take())
        count = min(len(buffer), len(self._chunk))
        buffer[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        return count

    def take(self) -> bytes:
        """Return the next piece as it came, waiting for the client where there is none; nothing at the end.

        Raises:
            RequestEntityTooLarge: the body is longer than the limit, whatever it announced.
            TimeoutError: the client fell silent.
        """
        with self._changed:
            if not self._begun:
                self._begun = True
                self._loop.call_soon_threadsafe(self._begin)
            if not self._changed.wait_for(lambda: self._waiting or self._ended, READ_SECONDS):
                raise TimeoutError
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                return b""
            was_full = self._held > AHEAD
            chunk = self._waiting.popleft()
            self._held -= len(chunk)
            has_room = self._held <= AHEAD
        if was_full and has_room:
            self._loop.call_soon_threadsafe(self._room.set)
        self._left -= len(chunk)
        if self._left < 0:
            raise RequestEntityTooLarge
        return chunk

    async def drain(self, limit: int) -> None:
        """Read on past what the application wanted, up to `limit` bytes and for a few seconds.

        Whoever sends has no ear for an answer before: closing the connection would take it away again.
        """
        if limit <= 0 or self._ended:
            return
        self._to_drop = limit
        self._room.set()
        if self._filling is None:
            self._begin()
        assert self._filling is not None
        await asyncio.wait({self._filling}, timeout=DRAIN_SECONDS)

    def stop(self) -> None:
        """Ask for no more."""
        if self._filling is not None:
            self._filling.cancel()

    def _begin(self) -> None:
        self._filling = self._loop.create_task(self._fill())

    async def _fill(self) -> None:
        error: Exception | None = ClientDisconnected()
        try:
            while (chunk := await self._next()) is not None:
                if self._to_drop is not None:
                    self._to_drop -= len(chunk)
                    if self._to_drop <= 0:
                        break
                elif chunk and self._put(chunk):
                    self._room.clear()
                    await self._room.wait()
            error = None
        except Exception as raised:
            error = raised
        finally:
            with self._changed:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def _put(self, chunk: bytes) -> bool:
        """Hand a piece over; True when there is no room for more."""
        with self._changed:
            self._waiting.append(chunk)
            self._held += len(chunk)
            self._changed.notify_all()
            return self._held > AHEAD

    async def _next(self) -> bytes | None:
        # Not `anext(chunks, None)`: CPython 3.11 crashes on it with an awaitable that is no coroutine, such as these.
        try:
            return await self._chunks.__anext__()
        except StopAsyncIteration:
            return None
