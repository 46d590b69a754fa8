"""A zip file written front to back from files as they are, not compressed (APPNOTE 6.3, 4.3).

What a member holds goes from file to socket by splice, so its checksum has to be known when its head is written: a file
is read once for that, which brings it into memory for the sending. Members past 4 GiB, or more than 65,535 of them, get
the larger forms (ZIP64), which every present system reads.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from viewer.streaming import FileSpan, Piece, length_of, read

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
_VERSION, _VERSION64 = 20, 45
_UTF8 = 1 << 11
_DATE = (1 << 5) | 1  # 1 January 1980: the same bytes for the same members
_MANY, _LARGE = 0xFFFF, 0xFFFFFFFF
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A name with slashes, and what it holds."""

    name: str
    content: Piece


def length(members: Sequence[Member]) -> int:
    """Return the bytes of the whole file."""
    total, central = 0, 0
    for member in members:
        central += len(_central(member, 0, total))
        total += len(_local(member, 0)) + length_of(member.content)
    return total + central + len(_end(len(members), central, total))


def pieces(members: Sequence[Member]) -> Iterator[Piece]:
    """Give the file piece by piece; `OSError` and `EOFError` where a member cannot be read."""
    central: list[bytes] = []
    at = 0
    for member in members:
        checksum = _checksum(member.content)
        head = _local(member, checksum)
        central.append(_central(member, checksum, at))
        at += len(head) + length_of(member.content)
        yield head
        yield member.content
    directory = b"".join(central)
    yield directory + _end(len(members), len(directory), at)


def _checksum(content: Piece) -> int:
    if isinstance(content, bytes):
        return zlib.crc32(content)
    checksum, at = 0, 0
    while at < content.length:
        size = min(_BLOCK, content.length - at)
        checksum = zlib.crc32(read(FileSpan(content.path, content.offset + at, size)), checksum)
        at += size
    return checksum


def _local(member: Member, checksum: int) -> bytes:
    name, size = member.name.encode("utf-8"), length_of(member.content)
    is_large = size >= _LARGE
    extra = struct.pack("<HHQQ", 1, 16, size, size) if is_large else b""
    short = _LARGE if is_large else size
    version = _VERSION64 if is_large else _VERSION
    head = _LOCAL.pack(0x04034B50, version, _UTF8, 0, 0, _DATE, checksum, short, short, len(name), len(extra))
    return head + name + extra


def _central(member: Member, checksum: int, at: int) -> bytes:
    name, size = member.name.encode("utf-8"), length_of(member.content)
    large = [*((size, size) if size >= _LARGE else ()), *((at,) if at >= _LARGE else ())]
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    version = _VERSION64 if large else _VERSION
    short = min(size, _LARGE)
    return (
        _CENTRAL.pack(
            0x02014B50, version, version, _UTF8, 0, 0, _DATE, checksum, short, short, len(name), len(extra),
            0, 0, 0, 0, min(at, _LARGE),
        )
        + name
        + extra
    )  # fmt: skip


def _end(count: int, size: int, at: int) -> bytes:
    end = _END.pack(0x06054B50, 0, 0, min(count, _MANY), min(count, _MANY), min(size, _LARGE), min(at, _LARGE), 0)
    if count < _MANY and at < _LARGE and size < _LARGE:
        return end
    end64 = _END64.pack(0x06064B50, _END64.size - 12, _VERSION64, _VERSION64, 0, 0, count, count, size, at)
    return end64 + _LOCATOR64.pack(0x07064B50, 0, at + size, 1) + end
