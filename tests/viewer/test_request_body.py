"""The body of a request: read ahead of the thread that works on it, never far, and never before it is wanted."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from viewer import request_body
from viewer.request_body import AHEAD, RequestBody

PIECE = bytes(1 << 18)


class _Sender:
    """A client that sends so many pieces, and counts how many were asked for."""

    def __init__(self, pieces: int, error: Exception | None = None) -> None:
        self.asked = 0
        self._pieces = pieces
        self._error = error

    async def chunks(self) -> AsyncIterator[bytes]:
        for _ in range(self._pieces):
            self.asked += 1
            await asyncio.sleep(0)
            yield PIECE
        if self._error is not None:
            raise self._error


def _run(sender: _Sender, work: Callable[[RequestBody], Awaitable[object]], limit: int = 1 << 30) -> object:
    async def run() -> object:
        body = RequestBody(sender.chunks(), asyncio.get_running_loop(), limit)
        try:
            return await work(body)
        finally:
            body.stop()

    return asyncio.run(run())


def _all(body: RequestBody) -> int:
    return sum(len(piece) for piece in iter(body.take, b""))


def test_all_of_it_comes_in_order_and_ends() -> None:
    assert _run(_Sender(50), lambda body: asyncio.to_thread(_all, body)) == 50 * len(PIECE)


@pytest.mark.parametrize("size", [1, 1000, 1 << 17, -1])
def test_small_reads_lose_nothing_of_large_pieces(size: int) -> None:
    sent = [bytes([number]) * 3000 for number in range(40)]

    async def chunks() -> AsyncIterator[bytes]:
        for piece in sent:
            yield piece

    async def run() -> bytes:
        body = RequestBody(chunks(), asyncio.get_running_loop(), 1 << 30)
        reader = io.BufferedReader(body, 512)
        return await asyncio.to_thread(lambda: b"".join(iter(lambda: reader.read(size), b"")))

    assert asyncio.run(run()) == b"".join(sent)


def test_it_goes_ahead_of_who_reads_and_no_further_than_allowed() -> None:
    sender = _Sender(100)

    def read_slowly(body: RequestBody) -> int:
        body.take()
        end = time.monotonic() + 60
        while sender.asked * len(PIECE) <= AHEAD and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        return sender.asked

    asked = _run(sender, lambda body: asyncio.to_thread(read_slowly, body))
    assert AHEAD < asked * len(PIECE) <= AHEAD + 3 * len(PIECE)  # type: ignore[operator]


def test_nothing_is_asked_for_before_it_is_wanted() -> None:
    sender = _Sender(3)
    _run(sender, lambda body: asyncio.sleep(0.05))
    assert sender.asked == 0


@pytest.mark.parametrize("taken", [0, 1])
def test_what_nobody_wants_is_read_up_to_a_limit(taken: int) -> None:
    sender = _Sender(100)

    async def refuse(body: RequestBody) -> None:
        for _ in range(taken):
            await asyncio.to_thread(body.take)
        await body.drain(40 * len(PIECE))

    _run(sender, refuse)
    assert 40 <= sender.asked <= 40 + AHEAD // len(PIECE) + 3


def test_a_sender_that_falls_silent_is_not_drained_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "DRAIN_SECONDS", 0.05)

    async def chunks() -> AsyncIterator[bytes]:
        yield PIECE
        await asyncio.sleep(60)

    async def run() -> None:
        body = RequestBody(chunks(), asyncio.get_running_loop(), 1 << 30)
        async with asyncio.timeout(10):
            await body.drain(1 << 30)
        body.stop()

    asyncio.run(run())


def test_a_small_body_is_drained_whole() -> None:
    sender = _Sender(3)
    _run(sender, lambda body: body.drain(1 << 30))
    assert sender.asked == 3


def test_errors_reach_who_reads() -> None:
    with pytest.raises(ConnectionResetError):
        _run(_Sender(2, ConnectionResetError()), lambda body: asyncio.to_thread(_all, body))
    with pytest.raises(RequestEntityTooLarge):
        _run(_Sender(9), lambda body: asyncio.to_thread(_all, body), limit=8 * len(PIECE))


def test_a_silent_client_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "READ_SECONDS", 0.05)

    async def chunks() -> AsyncIterator[bytes]:
        yield PIECE
        await asyncio.sleep(60)

    async def run() -> int:
        body = RequestBody(chunks(), asyncio.get_running_loop(), 1 << 30)
        try:
            return await asyncio.to_thread(_all, body)
        finally:
            body.stop()

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_whoever_reads_on_after_the_request_was_given_up_is_told() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield PIECE
        await asyncio.sleep(60)

    async def run() -> int:
        body = RequestBody(chunks(), asyncio.get_running_loop(), 1 << 30)
        reading = asyncio.create_task(asyncio.to_thread(_all, body))
        await asyncio.sleep(0.05)
        body.stop()
        return await reading

    with pytest.raises(ClientDisconnected):
        asyncio.run(run())
