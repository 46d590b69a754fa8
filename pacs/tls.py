"""TLS for DICOM: the BCP 195 profiles (PS3.15 B.9, B.12), for associations that come and for those that we ask for.

Facts and choices that this module rests on:
- BCP 195 (RFC 8996, RFC 9325): TLS 1.2 at least, 1.3 where both know it; key exchange with forward secrecy and
  authenticated encryption only. That is the non-downgrading profile: a peer that knows only TLS 1.0 is refused.
- Both sides show a certificate, as a rule: devices have no passwords, so a certificate is how a scanner is known. With
  `require_certificate` off, a device may connect with encryption only.
- Certificates in hospitals name devices, not hosts. So a peer whose certificate, or whose authority's, was given to us
  is known by that alone; only a certificate judged by the authorities of the system has to name the host, too.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from pacs.upper_layer import reason
from storage.records import Peer

PORT = 2762
"""The port that is registered for DICOM over TLS (PS3.8 9.1.1)."""
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
_DAYS = 3650


class TLSError(Exception):
    """Keys or certificates that cannot be used, or a handshake that failed; `str()` says why in one line."""

    def __init__(self, text: str, *, is_certificate: bool = False) -> None:
        super().__init__(text)
        self.is_certificate = is_certificate
        """One side does not accept the certificate of the other."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """Who we are: PEM files with our certificate (its chain after it) and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class TLSSettings:
    """How associations over TLS are taken."""

    port: int
    own: OwnCertificate
    authorities: Path | None = None
    """PEM file of those whose certificates are trusted, or of the devices' own certificates."""
    require_certificate: bool = True


def acceptor_context(settings: TLSSettings) -> ssl.SSLContext:
    """Return what handshakes as acceptor need.

    Raises:
        TLSError: a file cannot be read or is no certificate or key, or nobody's certificate would be trusted.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # associations last; what is sent after the last byte of one would only be in the way
    _load_own(context, settings.own)
    if settings.authorities is not None:
        _load_authorities(context, file=settings.authorities)
        context.verify_mode = ssl.CERT_REQUIRED if settings.require_certificate else ssl.CERT_OPTIONAL
    elif settings.require_certificate:
        raise TLSError("to require certificates of devices, say whose are trusted")
    return context


def requestor_context(peer: Peer, own: OwnCertificate | None) -> ssl.SSLContext | None:
    """Return what a handshake with a peer needs; None for one that is spoken to without TLS.

    Raises:
        TLSError: a certificate or key cannot be used.
    """
    if not peer.tls:
        return None
    context = _context(ssl.PROTOCOL_TLS_CLIENT)
    if own is not None:
        _load_own(context, own)
    if not peer.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif peer.tls_authorities:
        context.check_hostname = False
        _load_authorities(context, text=peer.tls_authorities)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def checked_authorities(text: str) -> str:
    """Return PEM text of certificates.

    Raises:
        TLSError: it holds none, or one that cannot be read.
    """
    _load_authorities(_context(ssl.PROTOCOL_TLS_CLIENT), text=text)
    return text


def _context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    return context


def _load_own(context: ssl.SSLContext, own: OwnCertificate) -> None:
    try:
        # Without a password asked for on a terminal that a service does not have.
        context.load_cert_chain(own.certificate, own.key, password=lambda: "")
    except (OSError, ValueError) as e:
        raise TLSError(f"{own.certificate.name} and {own.key.name} cannot be used: {reason(e)}") from e


def _load_authorities(context: ssl.SSLContext, *, file: Path | None = None, text: str | None = None) -> None:
    try:
        context.load_verify_locations(cafile=file, cadata=text)
    except (OSError, ValueError) as e:
        raise TLSError(f"{file.name if file else 'the text'} holds no trusted certificates: {reason(e)}") from e
    # A device's own certificate may stand for itself, without the authority that signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def accept(connection: ssl.SSLSocket, seconds: float) -> None:
    """Do the handshake of a connection that came.

    Raises:
        TLSError: it failed, or took longer than `seconds`.
    """
    _shake_hands(connection, seconds)


def connect(connection: socket.socket, context: ssl.SSLContext, host: str, seconds: float) -> ssl.SSLSocket:
    """Do the handshake of a connection that we asked for; `connection` is closed when it fails.

    Raises:
        TLSError: it failed, or took longer than `seconds`.
    """
    secured = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    try:
        _shake_hands(secured, seconds)
    except TLSError:
        secured.close()
        raise
    return secured


def _shake_hands(connection: ssl.SSLSocket, seconds: float) -> None:
    connection.settimeout(seconds)
    try:
        connection.do_handshake()
    except TimeoutError as e:
        raise TLSError(f"no TLS handshake within {seconds:g} s") from e
    except (OSError, ValueError) as e:
        raise TLSError(f"TLS: {reason(e)}", is_certificate=_is_certificate(e)) from e


def _is_certificate(error: Exception) -> bool:
    alert = getattr(error, "reason", None) or ""
    return isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE" in alert or "UNKNOWN_CA" in alert


def make_certificate(folder: Path, name: str, hosts: Sequence[str] = ()) -> OwnCertificate:
    """Make a key and a certificate that signs itself, for an archive of AE title `name` reached at `hosts`.

    It is good for ten years, and for both roles. The key's file can be read by its owner only.

    Raises:
        TLSError: the files are there already, or `openssl` is not installed or fails.
    """
    own = OwnCertificate(folder / "certificate.pem", folder / "key.pem")
    if own.certificate.exists() or own.key.exists():
        raise TLSError(f"{folder} has a certificate or a key already")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", f"/CN={_escaped(name)}", "-days", str(_DAYS), "-keyout", str(own.key), "-out", str(own.certificate)),
        *("-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=serverAuth,clientAuth"),
        *("-addext", f"subjectAltName={','.join(_alternative(h) for h in hosts) or f'DNS:{socket.gethostname()}'}"),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    except OSError as e:
        raise TLSError(f"openssl cannot be run: {e.strerror}") from e
    except subprocess.SubprocessError as e:
        said = (getattr(e, "stderr", "") or str(e)).strip().splitlines()
        raise TLSError(f"openssl made no certificate: {said[-1] if said else e}") from e
    own.key.chmod(0o600)
    return own


def _escaped(name: str) -> str:
    return "".join(f"\\{c}" if c in "/+\\=" else c for c in name)


def _alternative(host: str) -> str:
    try:
        return f"IP:{ip_address(host)}"
    except ValueError:
        if not host or any(c in ",\n" or c.isspace() for c in host):
            raise TLSError(f"{host[:60]!r} is no host name") from None
        return f"DNS:{host}"
