"""A bounded number of requests at work, and a bounded number that wait for them."""

from __future__ import annotations

import asyncio
import contextlib

from viewer.rsgi_types import HTTPProtocol


class Slots:
    """So many at once; used from one event loop. `take` before the work, `give_back` after it."""

    def __init__(self, limit: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._waiting_max = waiting
        self._waiting = 0

    @property
    def is_full(self) -> bool:
        """Whether nobody else may even wait."""
        return self._slots.locked() and self._waiting >= self._waiting_max

    def give_back(self) -> None:
        """End what `take` began."""
        self._slots.release()

    async def take(self, protocol: HTTPProtocol) -> bool:
        """Wait for a slot; False when the client left meanwhile, as a browser does that scrolls on."""
        if not self._slots.locked():
            await self._slots.acquire()
            return True
        self._waiting += 1
        left = asyncio.ensure_future(protocol.client_disconnect())
        slot = asyncio.ensure_future(self._slots.acquire())
        try:
            await asyncio.wait({left, slot}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting -= 1
            left.cancel()
        if slot.done():
            return True
        slot.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            if await slot:
                self._slots.release()
        return False
