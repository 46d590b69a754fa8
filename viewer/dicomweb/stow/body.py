"""The body of a store request: as it comes from the client, within limits of size and time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import ClientDisconnected

from viewer.dicomweb.errors import Refused
from viewer.request_body import RequestBody

SLOWEST = 1024
"""Bytes per second, on average since the request began; a sender that brings less keeps a thread for nothing."""
GRACE_SECONDS = 60.0
"""Before that no sender is too slow."""


class Body:
    """Reads a request's body once, from its start to its end."""

    def __init__(self, stream: Any, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = _reader(stream)
        self._limit = limit
        self._clock = clock
        self._began = clock()
        self.size = 0
        """Bytes read so far."""

    def read(self, size: int) -> bytes:
        """Return up to about `size` bytes; nothing at the end.

        Raises:
            Refused: 413 past the limit, 408 when the client is silent or too slow, 400 where it broke off.
        """
        try:
            data: bytes = self._read(size)
        except TimeoutError:
            raise Refused(408, "The body did not go on for a minute.") from None
        except ClientDisconnected:
            raise Refused(400, "The body ends before it was to.") from None
        self.size += len(data)
        if self.size > self._limit:
            raise Refused(413, f"The request has more than {self._limit} bytes; send it in several requests.")
        seconds = self._clock() - self._began
        if seconds > GRACE_SECONDS and self.size < SLOWEST * seconds:
            raise Refused(408, f"The body came with less than {SLOWEST} bytes a second.")
        return data


def _reader(stream: Any) -> Callable[[int], bytes]:
    """What is there already is better than to wait for more; pieces of our own server are taken as they came."""
    if not isinstance(stream, io.BufferedReader):
        return stream.read  # type: ignore[no-any-return]
    raw = stream.raw
    return (lambda size: raw.take()) if isinstance(raw, RequestBody) else stream.read1
