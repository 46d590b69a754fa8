"""Bodies through a pipe: every byte in order, no further than the reader is, nothing left behind."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer import streaming
from viewer.streaming import ClientGone, FileSpan, Numbers, Piece, Pipe, Stopping, StreamBody, read


@pytest.fixture(scope="module")
def blob(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blob") / "blob"
    path.write_bytes(os.urandom(3_000_000))
    return path


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Sending:
    """A pipe with its thread, as the adapter runs it."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self.pipe = Pipe(Numbers())
        self.path = self.pipe.path
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(StreamBody(pieces),))
        self.thread.start()

    def _run(self, body: StreamBody) -> None:
        try:
            with self.pipe:
                self.pipe.send(body, self.stopping)
        except BaseException as error:
            self.error = error

    def received(self) -> bytes:
        with Path(self.path).open("rb") as file:
            data = file.read()
        self.thread.join(60)
        assert not self.thread.is_alive()
        return data


@given(
    sizes=st.lists(st.tuples(st.booleans(), st.integers(0, 1_000_000), st.integers(0, 600_000)), min_size=1, max_size=6)
)
def test_all_bytes_in_order(blob: Path, sizes: list[tuple[bool, int, int]]) -> None:
    pieces: list[Piece] = [b"head"]
    for is_file, offset, length in sizes:
        pieces.append(FileSpan(blob, offset, length) if is_file else os.urandom(length))
    sending = Sending(iter(pieces))
    assert sending.received() == b"".join(map(read, pieces))
    assert sending.error is None


def test_a_body_that_fits_into_the_pipe_waits_for_a_late_reader() -> None:
    sending = Sending(iter([b"short"]))
    time.sleep(0.2)
    assert sending.received() == b"short"


def test_it_goes_no_further_than_the_reader_and_ends_when_he_leaves(blob: Path) -> None:
    before, asked, closed = descriptors(), [], []

    def pieces() -> Iterator[Piece]:
        try:
            for i in range(100):
                asked.append(i)
                yield FileSpan(blob, 0, 1_000_000)
        finally:
            closed.append(True)

    sending = Sending(pieces())
    with Path(sending.path).open("rb", buffering=0) as reader:
        assert reader.read(1000)
        time.sleep(0.3)
        assert len(asked) == 1
        assert not closed
    sending.thread.join(60)
    assert isinstance(sending.error, ClientGone)
    assert closed
    assert descriptors() == before


def test_a_client_that_takes_nothing_is_given_up(blob: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(streaming, "_STEP_SECONDS", 0.05)
    sending = Sending(iter([FileSpan(blob, 0, 3_000_000)]))
    with Path(sending.path).open("rb", buffering=0) as reader:
        reader.read(10)
        sending.thread.join(60)
    assert isinstance(sending.error, ClientGone)


def test_the_server_may_stop(blob: Path) -> None:
    sending = Sending(iter([FileSpan(blob, 0, 3_000_000)]))
    with Path(sending.path).open("rb", buffering=0) as reader:
        reader.read(10)
        sending.stopping.set()
        sending.thread.join(60)
    assert isinstance(sending.error, Stopping)


def test_a_file_that_is_too_short_ends_the_body_with_an_error(blob: Path) -> None:
    sending = Sending(iter([FileSpan(blob, 2_999_990, 20)]))
    assert len(sending.received()) == 10
    assert isinstance(sending.error, EOFError)
    with pytest.raises(EOFError):
        read(FileSpan(blob, 2_999_990, 20))


def test_a_body_that_fails_at_once_keeps_its_number_until_the_server_has_come(
    blob: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number given back too early may be that of somebody else's file when the server opens it."""
    monkeypatch.setattr(streaming, "_OPEN_SECONDS", 3.0)
    sending = Sending(iter([FileSpan(blob.with_name("gone"), 0, 20)]))
    time.sleep(0.3)
    assert Path(sending.path).readlink().name.startswith("pipe:")
    assert sending.received() == b""
    assert isinstance(sending.error, FileNotFoundError)


def test_a_server_that_comes_too_late_finds_nothing_of_anybody_else(
    blob: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_OPEN_SECONDS", 0.05)
    sending = Sending(iter([b"for a client that left"]))
    sending.thread.join(60)
    assert not sending.thread.is_alive()
    with ExitStack() as stack:
        # Each takes the lowest number that is free.
        for _ in range(20):
            stack.enter_context(blob.open("rb"))
        assert Path(sending.path).read_bytes() == b""


def test_no_more_than_some_numbers_are_kept_for_servers_that_never_come(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, before = Numbers(3), descriptors()
    pipes = [Pipe(numbers) for _ in range(10)]
    for pipe in pipes:
        pipe.close()
    assert descriptors() == before + 3


def test_file_systems_that_cannot_splice_are_read(blob: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "splice", refuse)
    sending = Sending(iter([FileSpan(blob, 5, 1_000_000), FileSpan(blob, 2_999_000, 1000)]))
    data = blob.read_bytes()
    assert sending.received() == data[5:1_000_005] + data[-1000:]
    assert sending.error is None
