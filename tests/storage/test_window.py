"""Windows on bytes: never read outside, never hold much."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidObject
from storage.window import BLOCK, DeflatedWindow, FileWindow, Window


@pytest.fixture
def fd() -> Iterator[int]:
    opened = os.memfd_create("window")
    yield opened
    os.close(opened)


def _plain(data: bytes) -> Window:
    fd = os.memfd_create("window")
    os.write(fd, b"\xee" * 5 + data + b"\xee" * 5)
    return FileWindow(fd, 5, 5 + len(data))


def _packed(data: bytes) -> Window:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflate.compress(data) + deflate.flush()
    fd = os.memfd_create("window")
    os.write(fd, b"\xee" * 5 + packed)
    return DeflatedWindow(fd, 5, 5 + len(packed), 1 << 24)


_SIZES = st.sampled_from([0, 1, 3, 8, 64, 4096, BLOCK + 3])
_STEPS = st.lists(st.tuples(st.sampled_from(["take", "read", "skip", "buffered"]), _SIZES), max_size=30)


@given(st.sampled_from([_plain, _packed]), st.integers(0, BLOCK * 3), _STEPS)
def test_steps_of_any_kind_see_the_bytes_in_their_order(make: object, size: int, steps: list[tuple[str, int]]) -> None:
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    window, at = make(data), 0  # type: ignore[operator]
    for step, n in steps:
        assert window.position == at
        if step == "buffered":
            block, offset = window.buffered()
            some = min(len(block) - offset, n)
            assert block[offset : offset + some] == data[at : at + some]
            window.advance(offset + some)
            at += some
            continue
        if step == "take":
            n = min(n, 64)
        if at + n > size:
            with pytest.raises(InvalidObject, match="truncated"):
                getattr(window, step)(n)
            return
        got = getattr(window, step)(n)
        if step == "take":
            got = got[0][got[1] : got[1] + n]
        assert got in (None, data[at : at + n])
        at += n
    assert window.has(size - at)
    assert not window.has(size - at + 1)


@pytest.mark.parametrize(
    ("data", "at", "zeros"),
    [(b"ab\0\0", 2, True), (b"ab\0x", 2, False), (b"ab", 2, True), (b"a" + bytes(BLOCK * 3), 1, True)],
)
def test_zeros_to_the_end(data: bytes, at: int, zeros: bool) -> None:
    window = _plain(data)
    window.skip(at)
    assert window.remaining_is_zeros() is zeros


def test_a_stream_that_does_not_end_or_is_none_is_refused(fd: int) -> None:
    packed = zlib.compress(bytes(1000))[2:]
    for data in (packed[:-8], b"", b"\xff\xff\xff\xff"):
        os.ftruncate(fd, 0)
        os.pwrite(fd, data, 0)
        with pytest.raises(InvalidObject, match="deflated"):
            DeflatedWindow(fd, 0, len(data), 1 << 20).has(1001)


def test_inflating_stops_at_the_limit_and_holds_a_few_blocks(fd: int) -> None:
    packed = zlib.compress(bytes(1 << 25))[2:]
    os.write(fd, packed)
    window = DeflatedWindow(fd, 0, len(packed), 1 << 22)
    with pytest.raises(InvalidObject, match="inflates to more than"):
        window.skip(1 << 25)
    assert len(window.buffered()[0]) <= 2 * BLOCK


def test_a_file_that_shrinks_meanwhile_is_refused(fd: int) -> None:
    os.write(fd, bytes(100))
    window = FileWindow(fd, 0, 100)
    os.ftruncate(fd, 4)
    with pytest.raises(InvalidObject, match="truncated"):
        window.take(8)
