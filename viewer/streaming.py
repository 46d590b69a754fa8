"""Bodies that are larger than memory should hold: made of pieces, sent through a pipe as fast as the client takes them.

Facts this rests on, tried with Granian 2.8 (docs/decisions.md has figures):
- `send_bytes` of a streamed response never waits for the client, but a response from a file is read 128 KiB at a time,
  only as the client takes it. `/proc/self/fd/N` of a pipe is such a file: what is written into the other end is the
  body, and a pipe that is full is the back pressure.
- `splice` moves a file's pages into the pipe without bringing them into this process.
- The server opens the pipe a second time, and does not say when. Our own reading end may be closed only after that, or
  its number might be another file's by then; and it has to be closed then: once the client has gone there is no reader
  left, and the next write fails with EPIPE. Where it never opens it, or too late, the number goes on to stand for an
  empty file (see `Numbers`).
- A length that was announced and is not reached makes the server break the connection off, so that no client takes half
  a body for a whole one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

PIPE_BYTES = 1 << 18
"""What the kernel holds of one body; memory for each stream is this, whatever the body's length."""
SILENT_SECONDS = 60.0
"""A client that takes nothing for so long is given up."""
_OPEN_SECONDS = 10.0
_STEP_SECONDS = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05
_BLOCK = 1 << 18
_NOT_THROUGH_SPLICE = frozenset({errno.EINVAL, errno.ENOSYS})


class ClientGone(Exception):
    """The client left, or takes nothing any more."""


class Stopping(Exception):
    """The server is being stopped."""


@dataclass(frozen=True, slots=True)
class FileSpan:
    """`length` bytes of the file at `path`, from `offset`."""

    path: Path
    offset: int
    length: int


Piece = bytes | FileSpan


def length_of(piece: Piece) -> int:
    """Return the bytes of a piece."""
    return piece.length if isinstance(piece, FileSpan) else len(piece)


def read(piece: Piece) -> bytes:
    """Return the bytes of a piece; `EOFError` where its file is shorter than said."""
    if isinstance(piece, bytes):
        return piece
    with piece.path.open("rb", buffering=0) as file:
        data = os.pread(file.fileno(), piece.length, piece.offset)
        while len(data) < piece.length:
            more = os.pread(file.fileno(), piece.length - len(data), piece.offset + len(data))
            if not more:
                raise EOFError(f"{piece.path.name} ends at byte {piece.offset + len(data)}")
            data += more
    return data


def read_at_once(span: FileSpan, into: memoryview) -> bool:
    """Fill `into` with the bytes of a span if they are in memory; False where the disk would have to be waited for."""
    try:
        descriptor = os.open(span.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.preadv(descriptor, [into], span.offset, os.RWF_NOWAIT) == span.length
    except OSError:
        # EAGAIN where nothing is in memory, EOPNOTSUPP where the file system cannot tell.
        return False
    finally:
        os.close(descriptor)


def read_into(span: FileSpan, into: memoryview) -> bool:
    """Fill `into` with the bytes of a span, waiting for the disk; False where the file is shorter than said."""
    with span.path.open("rb", buffering=0) as file:
        got = 0
        while got < span.length:
            n = os.preadv(file.fileno(), [into[got:]], span.offset + got)
            if not n:
                return False
            got += n
    return True


class StreamBody:
    """The body of a response as pieces in order; give it to `flask.Response` with `direct_passthrough=True`.

    Pieces are asked for one at a time, by one thread that may block, when the ones before are on their way; a generator
    is closed when the body ends or the client left, so its `finally` and `with` blocks run. `length` is their sum where
    it is known beforehand.
    """

    def __init__(self, pieces: Iterable[Piece], length: int | None = None) -> None:
        self.pieces = iter(pieces)
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        """Give the bytes, for callers that are no web server."""
        for piece in self.pieces:
            yield read(piece)

    def close(self) -> None:
        """Let a generator clean up; a second call does nothing."""
        if isinstance(self.pieces, Generator):
            self.pieces.close()


class Numbers:
    """File descriptors of pipes for which the server has not come: what opens one of them late finds an empty file.

    The oldest are given back, so that clients who left do not use up what a process may have.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._kept: deque[int] = deque()
        self._lock = threading.Lock()

    def keep(self, descriptor: int) -> None:
        """Close what a descriptor stands for, and keep its number from standing for anything else."""
        empty = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.dup2(empty, descriptor, inheritable=False)
        finally:
            os.close(empty)
        with self._lock:
            self._kept.append(descriptor)
            while len(self._kept) > self._most:
                os.close(self._kept.popleft())


class Pipe:
    """One response's way to the server: give `path` to it, then `send` in a thread."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._reading, self._writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._writing, False)
        # Past a system-wide amount for one user the kernel refuses; the smaller size then is slower, and enough.
        with suppress(PermissionError):
            fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._poll = select.poll()
        self._poll.register(self._writing, select.POLLOUT)
        self._file = _OpenFile()
        self._written = 0
        self._opened_by = time.monotonic() + _OPEN_SECONDS

    @property
    def path(self) -> str:
        """What the server is to open as the response's file."""
        return f"/proc/self/fd/{self._reading}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the body here and give everything back."""
        self._file.close()
        if self._reading >= 0:
            self._numbers.keep(self._reading)
        if self._writing >= 0:
            os.close(self._writing)
        self._reading = self._writing = -1

    def send(self, body: StreamBody, stopping: threading.Event) -> None:
        """Write a whole body, waiting for the client, and close it.

        Raises:
            ClientGone: it left, or took nothing for `SILENT_SECONDS`.
            Stopping: the server stops.
            EOFError, OSError: a file of a piece cannot be read.
        """
        try:
            for piece in body.pieces:
                if isinstance(piece, bytes):
                    self._write(memoryview(piece), stopping)
                elif piece.length:
                    self._splice(piece, stopping)
        except BrokenPipeError:
            raise ClientGone from None
        finally:
            body.close()
            self._hand_over(stopping)

    def _write(self, data: memoryview, stopping: threading.Event) -> None:
        while data:
            self._wait(stopping)
            with suppress(BlockingIOError):
                written = os.write(self._writing, data)
                self._written += written
                data = data[written:]

    def _splice(self, span: FileSpan, stopping: threading.Event) -> None:
        descriptor, offset, end = self._file.open(span.path), span.offset, span.offset + span.length
        while offset < end:
            self._wait(stopping)
            try:
                moved = os.splice(
                    descriptor, self._writing, end - offset, offset_src=offset, flags=os.SPLICE_F_NONBLOCK
                )
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno not in _NOT_THROUGH_SPLICE:
                    raise
                # Some network file systems cannot; then the bytes come through this process.
                block = os.pread(descriptor, min(_BLOCK, end - offset), offset)
                self._write(memoryview(block), stopping)
                offset += len(block)
                if block:
                    continue
                moved = 0
            if not moved:
                raise EOFError(f"{span.path.name} ends at byte {offset}, {end - offset} bytes early")
            offset += moved
            self._written += moved

    def _wait(self, stopping: threading.Event) -> None:
        """Return when the pipe has room."""
        give_up = time.monotonic() + SILENT_SECONDS
        while True:
            self._release()
            for _, event in self._poll.poll(_STEP_SECONDS * 1000):
                if event & select.POLLERR:
                    raise ClientGone
                return
            if stopping.is_set():
                raise Stopping
            if time.monotonic() > give_up:
                raise ClientGone

    def _hand_over(self, stopping: threading.Event) -> None:
        """Wait until the server has opened the pipe: what is in it when the last end closes is lost.

        Also where the body failed: the number that the server was given must not become that of another file before.
        """
        pause = _FIRST_PAUSE
        while self._reading >= 0 and not stopping.is_set():
            self._release()
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _release(self) -> None:
        """Close our reading end if the server has its own, which shows by bytes that are gone from the pipe."""
        if self._reading < 0:
            return
        if self._held() < self._written:
            os.close(self._reading)
        elif time.monotonic() > self._opened_by:
            self._numbers.keep(self._reading)
        else:
            return
        self._reading = -1

    def _held(self) -> int:
        return int(struct.unpack("i", fcntl.ioctl(self._writing, termios.FIONREAD, b"\0\0\0\0"))[0])


class _OpenFile:
    """The file of the last span: frames of one object follow each other."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._descriptor = -1

    def open(self, path: Path) -> int:
        # The name of an unnamed file may have become another's meanwhile.
        if path != self._path or path.is_relative_to("/proc"):
            self.close()
            self._descriptor, self._path = os.open(path, os.O_RDONLY | os.O_CLOEXEC), path
        return self._descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._path = -1, None
