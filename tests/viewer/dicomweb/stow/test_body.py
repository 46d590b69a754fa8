"""Limits of size and time."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from viewer.dicomweb.errors import Refused
from viewer.dicomweb.stow.body import GRACE_SECONDS, SLOWEST, Body


class _Silent:
    def read(self, size: int) -> bytes:
        raise TimeoutError


def _clock(*seconds: float) -> Iterator[float]:
    yield 0.0
    yield from seconds


def _status(body: Body, reads: int) -> int | None:
    for _ in range(reads - 1):
        body.read(10)
    with pytest.raises(Refused) as caught:
        body.read(10)
    return caught.value.code


def test_a_silent_sender_is_given_up() -> None:
    assert _status(Body(_Silent(), 1000), 1) == 408


def test_a_sender_of_a_byte_a_second_is_given_up() -> None:
    moments = _clock(10, GRACE_SECONDS, GRACE_SECONDS + 1)
    assert _status(Body(io.BytesIO(bytes(100)), 1000, lambda: next(moments)), 3) == 408


def test_a_sender_that_is_just_fast_enough_is_not() -> None:
    moments = _clock(GRACE_SECONDS + 1)
    body = Body(io.BytesIO(bytes(1 << 20)), 1 << 20, lambda: next(moments))
    assert len(body.read(int((GRACE_SECONDS + 1) * SLOWEST))) == (GRACE_SECONDS + 1) * SLOWEST


def test_the_limit_is_that_of_the_bytes_which_came() -> None:
    assert _status(Body(io.BytesIO(bytes(30)), 29), 3) == 413
    body = Body(io.BytesIO(bytes(30)), 30)
    assert [len(body.read(10)) for _ in range(4)] == [10, 10, 10, 0]
