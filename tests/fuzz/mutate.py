"""Changes to bytes that break length-prefixed formats: bits, lengths, pieces lost, doubled and exchanged."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

_NUMBERS = (
    *(0, 1, 2, 6, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000),
    *(0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF),
)
_MARKS = (
    *(b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\xe0\x7f\x10\x00"),
    *(b"SQ\0\0\xff\xff\xff\xff", b"UN", b"\\..\\", b"/../", b"\0"),
)
_MAXIMUM = 1 << 16


def mutate(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change `data` in one to eight places."""
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        data = chance.choice(_WAYS)(chance, data, others)[:_MAXIMUM]
    return data


def _flip(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return _with(data, at := _place(chance, data), bytes([data[at] ^ 1 << chance.randrange(8)])) if data else data


def _byte(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return _with(data, _place(chance, data), bytes([chance.randrange(256)]))


def _number(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    form = chance.choice(("<H", ">H", "<I", ">I"))
    size = struct.calcsize(form)
    value = chance.choice(_NUMBERS) if chance.random() < 0.8 else len(data) + chance.randrange(-8, 9)
    return _with(data, _place(chance, data), struct.pack(form, value % (1 << 8 * size)))


def _mark(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(chance, data)
    return data[:at] + chance.choice(_MARKS) + data[at + chance.choice((0, 4)) :]


def _cut(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: _place(chance, data)]


def _lose(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(chance, data)
    return data[:at] + data[at + chance.randrange(1, 40) :]


def _double(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(chance, data)
    size = chance.randrange(1, 200)
    return data[:at] + data[at : at + size] * chance.choice((2, 3, 50)) + data[at + size :]


def _splice(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return data[: _place(chance, data)] + other[_place(chance, other) :]


def _insert(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(chance, data)
    return data[:at] + chance.randbytes(chance.randrange(1, 20)) + data[at:]


def _place(chance: random.Random, data: bytes) -> int:
    return chance.randrange(len(data)) if data else 0


def _with(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]


_WAYS: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip, _byte, _number, _number, _number, _mark, _cut, _lose, _double, _splice, _insert,
)  # fmt: skip
