"""Associations over TLS, with DCMTK and pynetdicom at the other end."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from pacs.application import Application
from pacs.receiver import Receiver, ReceiverSettings
from pacs.requestor import AssociationFailed, Failure, Node, Proposal, Requestor
from pacs.session import SessionSettings
from pacs.tls import OwnCertificate, TLSError, TLSSettings, acceptor_context, make_certificate, requestor_context
from pacs.upper_layer import ConnectionEnded, Interrupted, Timeouts, UpperLayer
from storage.archive import Archive
from storage.records import Peer
from tests.support.objects import INSTANCE, STUDY, ct, store, write_file
from tests.support.peers import run_tool
from tests.support.sessions import QUICK
from tests.support.wire import AC, EXPLICIT, IMPLICIT, P_DATA, VERIFICATION, Closed, Wire, associate_rq, pdu, tcp_pair

ECHO = (Proposal(VERIFICATION, (IMPLICIT,)),)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    return make_certificate(tmp_path_factory.mktemp("ours"), "FILMLESS", ["127.0.0.1"])


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> OwnCertificate:
    return make_certificate(tmp_path_factory.mktemp("theirs"), "SCANNER", ["scanner.example"])


@pytest.fixture
def secured(receiver: Callable[..., Receiver], ours: OwnCertificate, theirs: OwnCertificate) -> Callable[..., Receiver]:
    """Start receivers that take TLS, too."""

    def start(*, require: bool = True, timeouts: Timeouts = QUICK) -> Receiver:
        return receiver(timeouts, tls=TLSSettings(0, ours, theirs.certificate, require))

    return start


def _node(port: int | None, peer: Peer, own: OwnCertificate | None) -> Node:
    assert port is not None
    return Node("FILMLESS", "127.0.0.1", port, requestor_context(peer, own))


def _peer(authorities: OwnCertificate | None, *, verify: bool = True) -> Peer:
    text = authorities.certificate.read_text() if authorities else ""
    return Peer("x", "X", "127.0.0.1", 104, tls=True, tls_verify=verify, tls_authorities=text)


# ---- coming in


def test_storescu_stores_over_tls(
    secured: Callable[..., Receiver], archive: Archive, ours: OwnCertificate, theirs: OwnCertificate, tmp_path: Path
) -> None:
    receiver = secured()
    path = write_file(tmp_path / "a.dcm", ct())
    keys = ["+tls", theirs.key, theirs.certificate, "+cf", ours.certificate]
    run_tool("storescu", *keys, "127.0.0.1", receiver.tls_port or 0, path)
    assert archive.instance(INSTANCE).study_instance_uid == STUDY
    # The port beside it goes on without.
    assert run_tool("echoscu", "127.0.0.1", receiver.port, check=False).returncode == 0


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_the_profiles_of_dcmtk_are_understood(
    secured: Callable[..., Receiver], ours: OwnCertificate, theirs: OwnCertificate, profile: str
) -> None:
    keys = ["+tls", theirs.key, theirs.certificate, "+cf", ours.certificate, profile]
    run_tool("echoscu", *keys, "127.0.0.1", secured().tls_port or 0)


def test_who_shows_no_certificate_or_another_is_refused(
    secured: Callable[..., Receiver], ours: OwnCertificate, theirs: OwnCertificate, caplog: pytest.LogCaptureFixture
) -> None:
    port = secured().tls_port or 0
    for keys in (["+tla"], ["+tls", ours.key, ours.certificate]):
        assert run_tool("echoscu", *keys, "-ic", "127.0.0.1", port, check=False).returncode != 0
    said: list[str] = []
    end = time.monotonic() + 60
    while len(said) < 2 and time.monotonic() < end:
        time.sleep(0.02)
        said = [r.getMessage() for r in caplog.records if "connection from 127.0.0.1: TLS:" in r.getMessage()]
    assert len(said) == 2
    assert "certificate" in said[0] + said[1]


def test_a_certificate_need_not_be_shown_where_none_is_required(secured: Callable[..., Receiver]) -> None:
    receiver = secured(require=False)
    run_tool("echoscu", "+tla", "-ic", "127.0.0.1", receiver.tls_port or 0)


def test_pynetdicom_stores_and_what_is_no_tls_is_refused(
    secured: Callable[..., Receiver], archive: Archive, ours: OwnCertificate, theirs: OwnCertificate, tmp_path: Path
) -> None:
    port = secured().tls_port
    context = ssl.create_default_context(cafile=str(ours.certificate))
    context.load_cert_chain(theirs.certificate, theirs.key)
    ae = AE("SCANNER")
    ae.add_requested_context(CTImageStorage)
    assoc = ae.associate("127.0.0.1", port, tls_args=(context, "127.0.0.1"))
    assert assoc.is_established
    for n in range(3):
        path = write_file(tmp_path / f"{n}.dcm", ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
        assert assoc.send_c_store(path).Status == 0
    assoc.release()
    assert archive.instance(f"{INSTANCE}.2")
    with Wire.connect(port or 0) as plain:
        plain.send(associate_rq())
        with pytest.raises((Closed, AssertionError)):
            plain.expect(AC)


def test_a_peer_that_never_shakes_hands_is_given_up(
    secured: Callable[..., Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    receiver = secured(timeouts=Timeouts(artim=0.3, idle=5, pdu=5))
    with socket.create_connection(("127.0.0.1", receiver.tls_port or 0)) as silent:
        silent.settimeout(5)
        assert silent.recv(1) == b""
    assert "no TLS handshake within 0.3 s" in caplog.text


def test_connections_that_are_reset_before_the_handshake_do_not_end_the_port(
    application: Application, ours: OwnCertificate, theirs: OwnCertificate
) -> None:
    tls = TLSSettings(0, ours, theirs.certificate, require_certificate=False)
    receiver = Receiver(application, ReceiverSettings("127.0.0.1", 0, session=SessionSettings(QUICK), tls=tls))
    port = receiver.tls_port or 0
    # They wait in the queue of the port until it is served, and are reset by then.
    for hello in (b"", b"\x16\x03\x01", b""):
        rude = socket.create_connection(("127.0.0.1", port))
        rude.sendall(hello)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
    thread = threading.Thread(target=receiver.serve)
    thread.start()
    try:
        run_tool("echoscu", "+tla", "-ic", "127.0.0.1", port)
    finally:
        receiver.stop()
        thread.join(15)
    assert not thread.is_alive()


def test_old_versions_of_tls_are_refused(secured: Callable[..., Receiver], theirs: OwnCertificate) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(theirs.certificate, theirs.key)
    with (
        socket.create_connection(("127.0.0.1", secured().tls_port or 0)) as connection,
        pytest.raises(OSError, match=r"protocol|PROTOCOL"),
    ):
        context.wrap_socket(connection)


# ---- going out


def test_a_move_goes_to_storescp_over_tls(
    receiver: Callable[..., Receiver],
    application: Application,
    archive: Archive,
    ours: OwnCertificate,
    theirs: OwnCertificate,
) -> None:
    """pynetdicom asks for the move and stands at the other end of it, too."""
    store(archive, ct())
    got: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs.certificate, theirs.key)
    context.load_verify_locations(ours.certificate)
    context.verify_mode = ssl.CERT_REQUIRED

    def take(event: evt.Event) -> int:
        got.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    scp = AE("STORE")
    scp.add_supported_context(CTImageStorage)
    server = scp.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, take)], ssl_context=context
    )
    assert server is not None
    peers = application.records.peers
    peers.add(Peer("ws", "WORKSTATION", "127.0.0.1", 104))
    text = theirs.certificate.read_text()
    to = peers.add(Peer("s", "STORE", "127.0.0.1", server.server_address[1], tls=True, tls_authorities=text))
    with_certificate = Application(archive, application.records, "FILMLESS", certificate=ours)
    try:
        with Requestor(with_certificate.node_of(to), "FILMLESS", [Proposal(str(CTImageStorage), (EXPLICIT,))]):
            pass
        # Without a certificate of our own it does not take us.
        with pytest.raises(AssociationFailed):
            Requestor(application.node_of(to), "FILMLESS", [Proposal(str(CTImageStorage), (EXPLICIT,))])
        one = receiver(application=with_certificate)
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
        run_tool("movescu", "-S", "-aet", "WORKSTATION", "-aem", "STORE", *keys, "127.0.0.1", one.port)
    finally:
        server.shutdown()
    assert got == [INSTANCE]


def test_a_peer_is_judged_by_its_certificate(
    secured: Callable[..., Receiver], ours: OwnCertificate, theirs: OwnCertificate
) -> None:
    port = secured().tls_port
    for good in (_peer(ours), _peer(None, verify=False)):
        with Requestor(_node(port, good, theirs), "SCANNER", ECHO) as assoc:
            assert assoc.contexts
    for bad in (_peer(theirs), _peer(None)):
        with pytest.raises(AssociationFailed, match="the certificate is not accepted") as raised:
            Requestor(_node(port, bad, theirs), "SCANNER", ECHO)
        assert raised.value.failure is Failure.CERTIFICATE


def test_a_peer_that_speaks_no_tls_is_told_apart(
    secured: Callable[..., Receiver], ours: OwnCertificate, theirs: OwnCertificate
) -> None:
    with pytest.raises(AssociationFailed, match="TLS") as raised:
        Requestor(_node(secured(timeouts=Timeouts(artim=0.5)).port, _peer(ours), theirs), "SCANNER", ECHO)
    assert raised.value.failure is Failure.TLS


# ---- the upper layer over TLS


@pytest.fixture
def ends(ours: OwnCertificate) -> Iterator[tuple[ssl.SSLSocket, UpperLayer]]:
    near, far = tcp_pair()
    client = requestor_context(_peer(ours), None)
    server = acceptor_context(TLSSettings(0, ours, require_certificate=False))
    assert client is not None
    secured = server.wrap_socket(far, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=secured.do_handshake)
    thread.start()
    peer = client.wrap_socket(near, server_hostname="127.0.0.1")
    thread.join()
    upper_layer = UpperLayer(secured, Timeouts(artim=1, idle=1, pdu=1), 1 << 17)
    yield peer, upper_layer
    peer.close()
    upper_layer.close()


def test_pdus_of_any_size_both_ways(ends: tuple[ssl.SSLSocket, UpperLayer]) -> None:
    peer, upper_layer = ends
    bodies = [bytes([n % 256]) * n for n in (0, 1, 16383, 16384, 16385, 100_000)]
    sender = threading.Thread(target=lambda: [peer.sendall(pdu(P_DATA, b)) for b in bodies])
    sender.start()
    assert [bytes(upper_layer.read()[1]) for _ in bodies] == bodies
    sender.join()
    upper_layer.send_parts([b"a" * 10, memoryview(b"b" * 100_000)])
    got = b""
    while len(got) < 100_010:
        got += peer.recv(1 << 16)
    assert got == b"a" * 10 + b"b" * 100_000


def test_whether_bytes_are_pending_is_told_of_what_tls_has_decrypted(ends: tuple[ssl.SSLSocket, UpperLayer]) -> None:
    peer, upper_layer = ends
    assert not upper_layer.has_pending()
    assert not upper_layer.wait(0.05)
    # Two PDUs in one record: when the first is read, the second is nowhere on the wire any more.
    peer.sendall(pdu(P_DATA, bytes(9000)) + pdu(P_DATA, b"second"))
    assert upper_layer.wait(1)
    upper_layer.read()
    assert upper_layer.has_pending()
    assert bytes(upper_layer.read()[1]) == b"second"
    assert not upper_layer.has_pending()


def test_a_part_of_a_record_is_nothing_to_read(ends: tuple[ssl.SSLSocket, UpperLayer]) -> None:
    peer, upper_layer = ends
    socket.socket.send(peer, b"\x17\x03\x03\x40")  # the head of a record, and no more
    time.sleep(0.05)
    assert not upper_layer.has_pending()
    assert not upper_layer.wait(0.05)
    with pytest.raises(ConnectionEnded, match="silent for"):
        upper_layer.read()


def test_an_interrupt_wakes_the_reader_and_an_end_is_announced(ends: tuple[ssl.SSLSocket, UpperLayer]) -> None:
    peer, upper_layer = ends
    threading.Timer(0.1, upper_layer.interrupt).start()
    with pytest.raises(Interrupted):
        upper_layer.read()
    closer = threading.Thread(target=upper_layer.close)
    closer.start()
    peer.suppress_ragged_eofs = False  # type: ignore[attr-defined]
    assert peer.recv(1) == b""  # not cut: it was said that nothing comes any more
    peer.close()
    closer.join(5)


# ---- keys and certificates


def test_keys_that_cannot_be_used_are_told(ours: OwnCertificate, theirs: OwnCertificate, tmp_path: Path) -> None:
    none = tmp_path / "none.pem"
    with pytest.raises(TLSError, match=r"none\.pem .* cannot be used: No such file"):
        acceptor_context(TLSSettings(0, OwnCertificate(none, ours.key), require_certificate=False))
    with pytest.raises(TLSError, match="key values mismatch"):
        acceptor_context(TLSSettings(0, OwnCertificate(ours.certificate, theirs.key), require_certificate=False))
    with pytest.raises(TLSError, match="whose are trusted"):
        acceptor_context(TLSSettings(0, ours))
    with pytest.raises(TLSError, match="no trusted certificates"):
        requestor_context(Peer("x", "X", "127.0.0.1", 104, tls=True, tls_authorities="nonsense"), None)


def test_a_certificate_is_made_once_and_its_key_kept_from_others(tmp_path: Path) -> None:
    made = make_certificate(tmp_path / "tls", "A/B=C+1", ["127.0.0.1", "pacs.example"])
    assert made.key.stat().st_mode & 0o077 == 0
    with pytest.raises(TLSError, match="already"):
        make_certificate(tmp_path / "tls", "X")
    with pytest.raises(TLSError, match="no host name"):
        make_certificate(tmp_path / "other", "X", ["a,DNS:b"])
