"""What can be wrong with a remote node, each told by its own words: real sockets, pynetdicom as the other side."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from pacs.cli import filmless
from pacs.remote import probe, sample
from pacs.remote.calls import Remote, Stopped
from pacs.requestor import Node
from pacs.tls import make_certificate, requestor_context
from pacs.upper_layer import Timeouts
from storage.records import Peer, Records
from storage.records.remote import Outcome, PeerTestReport, Step, Trouble
from tests.support.peers import free_port, require_tool

QUICK = Timeouts(artim=1.0, idle=2.0, pdu=2.0)
SERVICES = (Verification, StudyRootQueryRetrieveInformationModelFind, SecondaryCaptureImageStorage)


def _node(peer: Peer) -> Node:
    return Node(peer.aet, peer.host, peer.port, requestor_context(peer, None))


def _remote(port: int, host: str = "127.0.0.1", **changes: object) -> Remote:
    peer = replace(Peer("there", "THERE", host, port), **changes)  # type: ignore[arg-type]
    return Remote(peer, "FILMLESS", _node, QUICK, answer_seconds=0.5)


def _test(remote: Remote) -> PeerTestReport:
    return probe.examine(remote, store=True)


def _trouble(report: PeerTestReport) -> tuple[Step, Trouble]:
    """The one step that failed, and why."""
    (failed,) = [step for step in report.steps if step.outcome is Outcome.FAILED]
    assert failed.problem is not None
    assert failed.problem.facts["own_aet"] == "FILMLESS"
    return failed.step, failed.problem.trouble


@contextmanager
def _scp(
    services: tuple[str, ...] = SERVICES, *, store: int = 0, echo: Callable[[], int] = lambda: 0, find: int = 0,
    **settings: object,
) -> Iterator[int]:  # fmt: skip
    ae = AE("THERE")
    for name, value in settings.items():
        setattr(ae, name, value)
    for uid in services:
        ae.add_supported_context(uid)

    def answer_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        yield find, None

    handlers = [
        (evt.EVT_C_STORE, lambda event: store),
        (evt.EVT_C_ECHO, lambda event: echo()),
        *([(evt.EVT_C_FIND, answer_find)] if find else [(evt.EVT_C_FIND, lambda event: iter(()))]),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@contextmanager
def _listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that treats each connection as `serve` does."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        socket.create_connection(listener.getsockname()).close()
        listener.close()
        thread.join(10)


def test_all_is_well() -> None:
    with _scp() as port:
        report = _test(_remote(port))
    assert [(step.step, step.outcome) for step in report.steps] == [(step, Outcome.OK) for step in Step]
    assert report.offers == ("echo", "find", "store")
    assert report.ok


def test_nobody_listens() -> None:
    assert _trouble(_test(_remote(free_port()))) == (Step.CONNECT, Trouble.REFUSED)


def test_a_host_that_nobody_knows() -> None:
    assert _trouble(_test(_remote(104, "no-such-host.invalid"))) == (Step.CONNECT, Trouble.UNKNOWN_HOST)


@pytest.mark.parametrize("host", ["a..b", "x" * 200])
def test_a_host_that_cannot_be_one(host: str) -> None:
    assert _trouble(_test(_remote(104, host))) == (Step.CONNECT, Trouble.UNKNOWN_HOST)


def test_a_connection_that_is_never_taken() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):  # the queue of a listener that accepts nothing runs full
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        try:
            assert _trouble(_test(_remote(full.getsockname()[1]))) == (Step.CONNECT, Trouble.CONNECT_TIMEOUT)
        finally:
            for one in waiting:
                one.close()


def test_a_connection_that_is_taken_and_never_answered() -> None:
    with _listening(lambda connection: time.sleep(1.5)) as port:
        assert _trouble(_test(_remote(port)))[0] is Step.CONNECT
        assert _trouble(_test(_remote(port)))[1] in (Trouble.NO_ANSWER, Trouble.CLOSED)


def test_a_connection_that_is_closed_at_once() -> None:
    with _listening(lambda connection: connection.recv(1 << 16)) as port:  # type: ignore[arg-type, return-value]
        assert _trouble(_test(_remote(port))) == (Step.CONNECT, Trouble.CLOSED)


def test_a_web_server() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with _listening(serve) as port:
        assert _trouble(_test(_remote(port))) == (Step.CONNECT, Trouble.NOT_DICOM)


def test_it_does_not_know_itself_by_that_title() -> None:
    with _scp(require_called_aet=True) as port:
        assert _trouble(_test(_remote(port, aet="OTHER"))) == (Step.CONNECT, Trouble.CALLED_AET)


def test_it_does_not_know_us() -> None:
    with _scp(require_calling_aet=["SOMEBODY"]) as port:
        assert _trouble(_test(_remote(port))) == (Step.CONNECT, Trouble.CALLING_AET)


def test_it_has_too_many_associations() -> None:
    with _scp(maximum_associations=1) as port:
        ae = AE("ANOTHER")
        ae.add_requested_context(Verification)
        first = ae.associate("127.0.0.1", port)
        assert first.is_established
        assert _trouble(_test(_remote(port))) == (Step.CONNECT, Trouble.BUSY)
        first.release()


def test_it_offers_no_echo() -> None:
    with _scp((StudyRootQueryRetrieveInformationModelFind, SecondaryCaptureImageStorage)) as port:
        assert _trouble(_test(_remote(port))) == (Step.ECHO, Trouble.NO_ECHO)


def test_it_offers_no_query_which_may_be_right() -> None:
    with _scp((Verification, SecondaryCaptureImageStorage)) as port:
        report = _test(_remote(port))
    found = {step.step: step for step in report.steps}[Step.FIND]
    assert found.outcome is Outcome.NOT_OFFERED
    assert found.problem is not None
    assert found.problem.trouble is Trouble.NO_FIND
    assert report.ok


def test_it_takes_no_images() -> None:
    with _scp((Verification, StudyRootQueryRetrieveInformationModelFind)) as port:
        assert _trouble(_test(_remote(port))) == (Step.STORE, Trouble.NO_STORE)


@pytest.mark.parametrize(
    ("status", "trouble"),
    [(0xA700, Trouble.OUT_OF_RESOURCES), (0x0124, Trouble.NOT_AUTHORIZED), (0xC123, Trouble.STATUS)],
)
def test_it_refuses_the_image(status: int, trouble: Trouble) -> None:
    with _scp(store=status) as port:
        report = _test(_remote(port))
    assert _trouble(report) == (Step.STORE, trouble)
    assert report.steps[-1].problem is not None
    assert report.steps[-1].problem.facts["status"] == f"{status:04X}H"


def test_it_refuses_the_query() -> None:
    with _scp(find=0xA700) as port:
        report = _test(_remote(port))
    assert _trouble(report) == (Step.FIND, Trouble.OUT_OF_RESOURCES)
    assert report.steps[-1].outcome is Outcome.OK  # what comes after is tried all the same


def test_it_hangs_in_the_middle() -> None:
    go_on = threading.Event()

    def hang() -> int:
        go_on.wait(10)
        return 0

    with _scp(echo=hang) as port:
        report = _test(_remote(port))
        go_on.set()
    assert _trouble(report) == (Step.ECHO, Trouble.SILENT)
    assert report.steps[-1].step is Step.ECHO


def test_a_test_that_nobody_waits_for_stops() -> None:
    go_on = threading.Event()

    def hang() -> int:
        go_on.wait(60)
        return 0

    with _scp(echo=hang) as port:
        remote = replace(_remote(port), should_stop=lambda: True, answer_seconds=60.0)
        began = time.monotonic()
        with pytest.raises(Stopped):
            _test(remote)
        assert time.monotonic() - began < 40
        go_on.set()


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    require_tool("openssl")
    own = make_certificate(tmp_path / "tls", "THERE", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    return context


@contextmanager
def _tls_server(context: ssl.SSLContext) -> Iterator[int]:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(3)
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1 << 16)

    with _listening(serve) as port:
        yield port


def test_it_speaks_tls_and_we_do_not(certificate: ssl.SSLContext) -> None:
    with _tls_server(certificate) as port:
        assert _trouble(_test(_remote(port))) == (Step.CONNECT, Trouble.TLS_WANTED)


def test_we_want_tls_and_it_does_not_speak_it() -> None:
    with _scp() as port:
        assert _trouble(_test(_remote(port, tls=True, tls_verify=False))) == (Step.CONNECT, Trouble.TLS_NOT_SPOKEN)


def test_its_certificate_is_nobody_s(certificate: ssl.SSLContext) -> None:
    with _tls_server(certificate) as port:
        assert _trouble(_test(_remote(port, tls=True))) == (Step.CONNECT, Trouble.CERTIFICATE)


def test_what_a_test_leaves_behind_is_one_object_with_a_clear_name() -> None:
    first, second = sample.make("FILMLESS"), sample.make("FILMLESS")
    assert first == second
    assert first.SOPInstanceUID != sample.make("OTHER").SOPInstanceUID
    assert first.SOPInstanceUID.is_valid
    assert "CONNECTION TEST" in str(first.PatientName)
    assert "may be deleted" in first.StudyDescription


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Connect: works", "Send a test image (C-STORE): failed", "What to do: There: make room on its disk")),
        ("vi", ("Kết nối: tốt", "Gửi ảnh thử (C-STORE): lỗi", "Cách xử lý: Bên kia: giải phóng ổ đĩa")),
    ],
)
def test_the_command_line_says_the_same(tmp_path: Path, language: str, words: tuple[str, ...]) -> None:
    with _scp(store=0xA700) as port:
        with Records.open(tmp_path) as records:
            records.peers.add(Peer("there", "THERE", "127.0.0.1", port))
        done = CliRunner().invoke(filmless, ["peer", "test", "there", "--language", language, "--data", str(tmp_path)])
        unstored = CliRunner().invoke(filmless, ["peer", "test", "there", "--no-store", "--data", str(tmp_path)])
    assert done.exit_code == 1
    for text in words:
        assert text in done.output
    assert unstored.exit_code == 0, unstored.output


def test_changes_on_the_command_line_are_audited(tmp_path: Path) -> None:
    for arguments in (
        ["add", "a", "A", "h", "104"],
        ["change", "a", "--port", "105"],
        ["remove", "a"],
    ):
        assert CliRunner().invoke(filmless, ["peer", *arguments, "--data", str(tmp_path)]).exit_code == 0
    with Records.open(tmp_path) as records:
        entries = records.audit.entries(5)
    assert [entry.event for entry in entries] == ["remove peer", "change peer", "add peer"]
    assert entries[1].detail == "a: A h:104 query,retrieve → A h:105 query,retrieve"
