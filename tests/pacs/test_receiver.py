"""Many connections at once: limits, silence, slowness, and the end."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from pacs.application import Application
from pacs.ports import PortInUse, listen
from pacs.receiver import Receiver, ReceiverSettings
from pacs.upper_layer import Timeouts
from storage.archive import Archive
from storage.records import Peer
from tests.support.objects import INSTANCE, ct, encode, files_below
from tests.support.wire import ABORT, P_DATA, RJ, Closed, Wire, associate_rq, pdu, pdv, store_rq

_PATIENT = Timeouts(artim=30, idle=30, pdu=30)


def test_two_receivers_share_a_port(receiver: Callable[..., Receiver], archive: Archive) -> None:
    first = receiver()
    listen("127.0.0.1", first.port).close()


def test_a_port_of_another_program_is_named(archive: Archive) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"cannot listen for DICOM on 127.0.0.1:{port}: Address already in use"):
            listen("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(PortInUse, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_associations_beyond_the_limit_are_rejected_as_transient(receiver: Callable[..., Receiver]) -> None:
    port = receiver(maximum_associations=2).port
    with Wire.connect(port) as one, Wire.connect(port) as two, Wire.connect(port) as three:
        one.associate()
        two.associate()
        three.send(associate_rq())
        # PS3.8 table 9-21: rejected-transient, by the presentation provider, local limit exceeded.
        assert tuple(three.expect(RJ)[1:]) == (2, 3, 2)
        three.expect_closed()
        one.release()
        one.expect_closed()
        one.socket.close()
        assert _until(lambda: _is_accepted(port))


def test_devices_that_nobody_registered_can_be_kept_out(
    receiver: Callable[..., Receiver], application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    port = receiver(takes_unknown_callers=False).port
    with Wire.connect(port) as wire:
        wire.send(associate_rq(calling=b"STRANGER"))
        # PS3.8 table 9-21: rejected-permanent, by the user, calling AE title not recognised.
        assert tuple(wire.expect(RJ)[1:]) == (1, 1, 3)
        wire.expect_closed()
    # The person who looks after it reads there what to do.
    assert _until(lambda: "add STRANGER as a peer to let it in" in caplog.text)
    application.records.peers.add(Peer("stranger", "STRANGER", "127.0.0.1", 104))
    with Wire.connect(port) as wire:
        wire.associate(calling=b"STRANGER")
        wire.release()


def test_connections_that_say_nothing_keep_nobody_out(receiver: Callable[..., Receiver]) -> None:
    """Three bytes and silence on every slot there is, and then some."""
    port = receiver(_PATIENT, maximum_connections=20, maximum_associations=10).port
    with ExitStack() as held, Wire.connect(port) as scanner:
        scanner.associate()
        for _ in range(60):
            silent = held.enter_context(Wire.connect(port))
            silent.send(b"\x01\x00\x00")
        assert scanner.store(encode(ct()), INSTANCE).status == 0
        with Wire.connect(port) as late:
            late.associate()
            assert late.echo().status == 0


def test_the_oldest_silent_connection_goes_first(receiver: Callable[..., Receiver]) -> None:
    port = receiver(_PATIENT, maximum_connections=3, maximum_associations=3).port
    with ExitStack() as held:
        silent = [held.enter_context(Wire.connect(port, seconds)) for seconds in (20, 0.5, 0.5)]
        time.sleep(0.1)
        held.enter_context(Wire.connect(port))
        silent[0].expect_closed()
        with pytest.raises(TimeoutError):
            silent[1].read()


def test_an_established_association_is_never_sent_away(receiver: Callable[..., Receiver]) -> None:
    port = receiver(_PATIENT, maximum_connections=3, maximum_associations=3).port
    with ExitStack() as held:
        kept = [held.enter_context(Wire.connect(port)) for _ in range(3)]
        for wire in kept:
            wire.associate()
        late = held.enter_context(Wire.connect(port))
        late.send(associate_rq())
        assert tuple(late.expect(RJ)[1:]) == (2, 3, 2)
        assert [wire.echo().status for wire in kept] == [0, 0, 0]


def test_a_slow_sender_does_not_hold_up_the_others(receiver: Callable[..., Receiver]) -> None:
    port = receiver(_PATIENT).port
    data = encode(ct())
    with Wire.connect(port) as slow:
        slow.associate()
        slow.command(1, store_rq(INSTANCE))
        slow.send(pdu(P_DATA, pdv(1, data[:50], command=False, last=False)))
        with Wire.connect(port) as quick:
            quick.associate()
            for n in range(10):
                uid = f"{INSTANCE}.{n}"
                assert quick.store(encode(ct(SOPInstanceUID=uid)), uid).status == 0
        slow.send(pdu(P_DATA, pdv(1, data[50:], command=False, last=True)))
        assert slow.response().status == 0


def test_without_threads_left_a_connection_ends_and_the_receiver_goes_on(
    receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = receiver().port

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with Wire.connect(port) as refused:
            refused.expect_closed()
    assert "can't start new thread" in caplog.text
    assert _is_accepted(port)


def test_without_descriptors_left_the_receiver_waits_and_goes_on(
    receiver: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    class Exhausted:
        def __init__(self, host: str, port: int) -> None:
            self._real = listen(host, port)

        def accept(self) -> tuple[socket.socket, object]:
            if not failed.is_set():
                failed.set()
                raise OSError(24, "Too many open files")
            return self._real.accept()

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    monkeypatch.setattr("pacs.receiver.listen", Exhausted)
    one = receiver()
    assert _is_accepted(one.port)
    assert failed.is_set()
    assert "cannot accept a connection: [Errno 24] Too many open files" in caplog.text
    assert _is_accepted(one.port)


def test_a_stop_lets_a_running_object_arrive_and_takes_no_new_one(
    receiver: Callable[..., Receiver], archive: Archive
) -> None:
    one = receiver()
    data = encode(ct())
    with Wire.connect(one.port) as wire:
        wire.associate()
        wire.command(1, store_rq(INSTANCE))
        wire.send(pdu(P_DATA, pdv(1, data[:50], command=False, last=False)))
        port = one.port
        assert _until(lambda: bool(files_below(archive.data / "incoming")))
        one.stop()
        with pytest.raises(ConnectionRefusedError):
            Wire.connect(port)
        wire.send(pdu(P_DATA, pdv(1, data[50:], command=False, last=True)))
        assert wire.response().status == 0
        wire.expect(ABORT)
    assert archive.instance(INSTANCE).path.exists()


def test_a_request_during_the_stop_is_rejected_as_transient(
    receiver: Callable[..., Receiver], archive: Archive
) -> None:
    one = receiver()
    with Wire.connect(one.port) as early, Wire.connect(one.port) as busy:
        busy.associate()
        busy.command(1, store_rq(INSTANCE))
        assert _until(lambda: bool(files_below(archive.data / "incoming")))
        one.stop()
        early.send(associate_rq())
        assert tuple(early.expect(RJ)[1:]) == (2, 3, 1)


def test_a_signal_to_stop_that_another_thread_takes_is_heard(application: Application) -> None:
    """The kernel gives a signal to any thread; the one that waits for connections then does not wake."""
    one = Receiver(application, ReceiverSettings("127.0.0.1", 0))

    def take() -> None:
        time.sleep(0.2)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: one.stop())
    thread = threading.Thread(target=take)
    thread.start()
    try:
        one.serve()
    finally:
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def test_a_stop_does_not_wait_for_idle_associations(receiver: Callable[..., Receiver]) -> None:
    one = receiver(_PATIENT, stop_seconds=60)
    with Wire.connect(one.port) as idle:
        idle.associate()
        idle.echo()
        one.stop()
        # Within the ten seconds that the wire waits for anything.
        assert idle.expect_abort() == (2, 0)


def test_a_stop_ends_after_its_time_whatever_is_open(
    receiver: Callable[..., Receiver], archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    one = receiver(_PATIENT, stop_seconds=0.2)
    with Wire.connect(one.port) as wire:
        wire.associate()
        wire.command(1, store_rq(INSTANCE))
        assert _until(lambda: bool(files_below(archive.data / "incoming")))
        one.stop()
        one.stop()
        assert _until(lambda: "stopped with 1 associations open" in caplog.text)


def test_each_association_is_one_line(receiver: Callable[..., Receiver], caplog: pytest.LogCaptureFixture) -> None:
    port = receiver().port
    for _ in range(5):
        with Wire.connect(port) as wire:
            wire.associate()
            wire.echo()
            wire.release()
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.INFO]
    assert _until(lambda: len([r for r in caplog.records if r.levelno >= logging.INFO]) == 5), lines


def test_hundreds_of_associations_one_after_the_other_leave_no_thread_and_no_descriptor(
    receiver: Callable[..., Receiver], archive: Archive
) -> None:
    import os

    port = receiver().port

    def once(n: int) -> None:
        with Wire.connect(port) as wire:
            wire.associate()
            uid = f"{INSTANCE}.{n}"
            assert wire.store(encode(ct(SOPInstanceUID=uid)), uid).status == 0
            wire.release()

    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    once(0)
    before, threads = open_files(), threading.active_count()
    for n in range(1, 60):
        once(n)
    assert _until(lambda: threading.active_count() <= threads)
    assert open_files() <= before + 8


def _is_accepted(port: int) -> bool:
    with Wire.connect(port) as wire:
        try:
            wire.associate()
        except (AssertionError, Closed):
            return False
        wire.release()
        return True


def _until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
