"""Requests that need no waiting, answered in the thread in which they come from the network.

Facts this rests on, read in Granian 2.8 and tried with it:
- One thread of a process takes requests from the network's thread to the event loop. It runs Python all the while, and
  calls `loop.call_soon_threadsafe(run, coroutine, watcher)`, where the coroutine has not begun and the watcher has
  `scope` and `proto`. To wake the loop and make a task takes about as long as to find and read a frame: 0.36 ms of the
  processor for a frame of 512 KB by that way, 0.29 ms without it.
- A watcher whose `proto` has been answered asks for nothing more, and nothing happens to a second answer.
- Where Granian comes to call something else, nothing is answered here, and all requests go on to the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any

from viewer.rsgi_types import HTTPProtocol, Scope

log = logging.getLogger("filmless.viewer")

Answer = Callable[[Scope, HTTPProtocol], bool]


async def may_wait() -> None:
    """Say that from here on something may be waited for: whoever wants what is there at once stops here."""
    await asyncio.sleep(0)


def done_at_once(coroutine: Coroutine[Any, Any, bool]) -> bool:
    """Run a coroutine as far as it needs no waiting, without an event loop; False where it did not come to its end."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return bool(end.value)
    coroutine.close()
    return False


def answer_first(loop: asyncio.AbstractEventLoop, answer: Answer) -> None:
    """Have `answer` called before a request is given to the loop; where it says True, the loop never hears of it."""
    give_to_loop = loop.call_soon_threadsafe

    def call_soon_threadsafe(callback: Callable[..., object], *args: Any, **more: Any) -> asyncio.Handle | None:
        if len(args) == 2 and isinstance(args[0], CoroutineType) and hasattr(args[1], "proto"):
            coroutine, watcher = args
            if _is_answered(answer, watcher.scope, watcher.proto):
                coroutine.close()
                return None  # nobody cancels a request by its handle
        return give_to_loop(callback, *args, **more)

    loop.call_soon_threadsafe = call_soon_threadsafe  # type: ignore[method-assign, assignment]


def _is_answered(answer: Answer, scope: Scope, protocol: HTTPProtocol) -> bool:
    try:
        return answer(scope, protocol)
    except Exception:
        # The request must not be lost: whatever it is, the loop comes upon it again.
        log.exception("%s %s failed before the event loop", scope.method, scope.path)
        return False
