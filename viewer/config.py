"""How the web side is to behave; made by the command line, passed in, never read from the environment here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.settings import GIB, ArchiveSettings

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ViewerSettings:
    """Settings of one viewer, the same for each of its worker processes."""

    data: Path
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    dicom_host: str = "127.0.0.1"
    """Where the DICOM receiver of this archive listens: asked by `/healthz`, shown to people who connect a device."""
    dicom_port: int = 11112
    dicom_tls_port: int = 0
    """Where it listens for DICOM over TLS; 0 for nowhere."""
    aet: str = "FILMLESS"
    takes_unknown_callers: bool = True
    """Whether devices that are no peers may echo and store; told to people who manage peers."""
    minimum_free_bytes: int = GIB
    """The mark below which receivers refuse new objects; pages say so then."""
    workers: int = 1
    """Web processes. Each renders on its own core."""
    threads: int = 8
    """Flask requests answered at once by one process; open live lists do not count."""
    waiting: int = 128
    """Requests that may wait for a thread of one process; more are told to come back later (503)."""
    body_max_bytes: int = MIB
    """The largest request body that a page takes."""
    store_max_bytes: int = 16 * GIB
    """The largest request that brings objects in; none of it is held in memory."""
    store_max_parts: int = 50_000
    """The most instances of such a request."""
    rejected_days: int = 30
    """How long rejected objects can be restored, told on pages; 0 is for ever."""
    store_threads: int = 4
    """Such requests answered at once by one process; they never keep a thread from pages."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    http_redirect_port: int = 0
    """With a certificate: a port without TLS that only says where the pages are; 0 for none."""
    hsts_days: int = 0
    """How long browsers are told to use nothing but https; 0 does not tell them."""
    browser_cache_mb: int = 2048
    """How many MiB of images a browser may keep for its next visit; 0 for none."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may use DICOMweb here, as a browser names them: `https://viewer.example`."""
    ohif: Path | None = None
    """A folder with a built OHIF, mounted at `/ohif/`."""
    poll_seconds: float = 0.25
    """How often one process asks the archive for news on behalf of all of its live lists."""
    heartbeat_seconds: float = 15.0
    """How often a quiet live list gets a comment, and its sign-in is looked at again."""
    live_lists_max: int = 500

    def archive(self) -> ArchiveSettings:
        """Return the archive's part of the settings."""
        return ArchiveSettings(self.data, minimum_free_bytes=self.minimum_free_bytes)

    @property
    def https(self) -> bool:
        """Whether this process speaks TLS itself, so that cookies may be limited to it."""
        return self.tls_certificate is not None
