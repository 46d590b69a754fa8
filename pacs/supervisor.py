"""Starts the processes of one archive, keeps them running, and stops them together.

The parts share nothing but the archive: DICOM receivers on one port, and the web side, which is started as a program of
its own and never imported. A part that dies is started again, a little later each time it dies young.
"""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from types import FrameType

from pacs.config import ServeSettings
from pacs.ports import check_port
from storage.archive import INDEX_NAME, Archive
from storage.errors import OutOfSpace, StorageError
from storage.recovery import Recovered, advance_mark, recover
from storage.warm import warm

_log = logging.getLogger("filmless")
_MARK_SECONDS = 60.0
_YOUNG_SECONDS = 10.0
_MAX_WAIT = 30.0
_STOP_SECONDS = 15.0


@dataclass(slots=True)
class Part:
    """One process: its name, how to start it, and when it last was."""

    name: str
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = 0.0
    start_at: float = field(default=0.0)


def receiver_command(s: ServeSettings) -> tuple[str, ...]:
    """Return the command line of one DICOM receiver."""
    return (
        *(sys.executable, "-m", "pacs", "--data", str(s.data), "--aet", s.aet),
        *("--dicom-host", s.dicom_host, "--dicom-port", str(s.dicom_port)),
        *("--durability", s.durability.value, "--minimum-free-bytes", str(s.minimum_free_bytes)),
        *("--maximum-answers", str(s.maximum_answers), "--unknown-callers", s.unknown_callers),
        "--combined-date-time" if s.combined_date_time else "--separate-date-time",
        *certificate_options(s),
        *("--dicom-tls-port", str(s.dicom_tls_port)),
        *(("--dicom-tls-authorities", str(s.dicom_tls_authorities)) if s.dicom_tls_authorities else ()),
        "--dicom-tls-require-certificate" if s.dicom_tls_require_certificate else "--dicom-tls-any-device",
    )


def certificate_options(s: ServeSettings) -> tuple[str, ...]:
    """Return what parts that speak DICOM over TLS need to know of our certificate."""
    if s.dicom_tls_certificate is None:
        return ()
    return "--dicom-tls-certificate", str(s.dicom_tls_certificate), "--dicom-tls-key", str(s.dicom_tls_key)


def jobs_command(s: ServeSettings) -> tuple[str, ...]:
    """Return the command line of the job worker."""
    return (
        *(sys.executable, "-m", "pacs.jobs", "--data", str(s.data), "--aet", s.aet),
        *("--rejected-days", str(s.rejected_days)),
        *certificate_options(s),
    )


def web_command(s: ServeSettings) -> tuple[str, ...]:
    """Return the command line of the web side."""
    tls = ("--tls-certificate", str(s.tls_certificate), "--tls-key", str(s.tls_key)) if s.tls_certificate else ()
    reach = "127.0.0.1" if s.dicom_host in ("0.0.0.0", "::") else s.dicom_host
    return (
        *(sys.executable, "-m", "viewer", "--data", str(s.data), "--aet", s.aet),
        *("--dicom-host", reach, "--dicom-port", str(s.dicom_port)),
        *(("--dicom-tls-port", str(s.dicom_tls_port)) if s.dicom_tls_certificate else ()),
        *("--unknown-callers", s.unknown_callers),
        *("--http-host", s.http_host, "--http-port", str(s.http_port), "--workers", str(s.web_workers)),
        *("--minimum-free-bytes", str(s.minimum_free_bytes)),
        *("--store-max-bytes", str(s.store_max_bytes), "--rejected-days", str(s.rejected_days)),
        *("--http-redirect-port", str(s.http_redirect_port), "--hsts-days", str(s.hsts_days)),
        *("--browser-cache-mb", str(s.browser_cache_mb)),
        *(part for origin in s.cors_origin for part in ("--cors-origin", origin)),
        *(("--ohif", str(s.ohif)) if s.ohif else ()),
        *tls,
    )


class Supervisor:
    """The running archive. `start` returns once everything answers; `wait` until a stop is asked for."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        receivers = [Part(f"receiver {i + 1}", receiver_command(settings)) for i in range(settings.receivers)]
        self._parts = [*receivers, Part("web", web_command(settings)), Part("jobs", jobs_command(settings))]
        self._stopping = threading.Event()
        self._archive: Archive | None = None
        self._is_recovered = False

    def start(self) -> Recovered:
        """Check the ports, bring the archive in order, start all parts, and wait until both ports answer.

        Returns early when a stop is asked for meanwhile.

        Raises:
            PortInUse: another program listens on one of the ports.
            DataFolderError: the data folder cannot be used.
            StartFailed: a part does not come up.
        """
        s = self._settings
        check_port(s.dicom_host, s.dicom_port, "DICOM")
        check_port(s.http_host, s.http_port, "HTTP")
        if s.dicom_tls_certificate and s.dicom_tls_port:
            check_port(s.dicom_host, s.dicom_tls_port, "DICOM over TLS")
        self._archive = Archive.open(s.archive())
        recovered = self._recover(self._archive)
        for part in self._parts:
            self._start(part)
        threading.Thread(target=warm, args=(s.data / INDEX_NAME, self._stopping), name="warm", daemon=True).start()
        self._wait_for_port(s.dicom_host, s.dicom_port)
        self._wait_for_port(s.http_host, s.http_port)
        return recovered

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for, perhaps before everything was up."""
        return self._stopping.is_set()

    def wait(self) -> None:
        """Keep the parts running until `stop`, then end them."""
        marked = time.monotonic()
        while not self._stopping.wait(0.2):
            self._revive()
            if time.monotonic() - marked >= _MARK_SECONDS and self._archive is not None:
                self._tidy(self._archive)
                marked = time.monotonic()
        self.shut_down()

    def _recover(self, archive: Archive) -> Recovered:
        """Bring files and index together; where the disk is too full for that, start all the same and try again later.

        What is stored can be read meanwhile, and receivers refuse with the reason until there is space.
        """
        try:
            recovered = recover(archive)
        except OutOfSpace as e:
            _log.error("recovery is not complete: %s; it goes on when there is space", e)
            return Recovered(0, 0, 0, ())
        self._is_recovered = True
        return recovered

    def _tidy(self, archive: Archive) -> None:
        """Index what a part that died left between file and index; otherwise note how far the index is safe."""
        if self._is_recovered:
            advance_mark(archive)
            return
        try:
            self._recover(archive)
        except StorageError as e:
            _log.error("recovery is not complete: %s; the next try is in %.0f s", e, _MARK_SECONDS)

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ask for a stop; safe as a signal handler."""
        self._stopping.set()

    def shut_down(self) -> None:
        """End all parts, politely first."""
        running = [p.process for p in self._parts if p.process is not None and p.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for process in running:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._archive is not None:
            self._archive.close()

    def processes(self) -> dict[str, int]:
        """Return the process ID of each running part."""
        return {p.name: p.process.pid for p in self._parts if p.process is not None and p.process.poll() is None}

    def _start(self, part: Part) -> None:
        part.process = subprocess.Popen(part.command, stdin=subprocess.DEVNULL)
        part.started = time.monotonic()

    def _revive(self) -> None:
        for part in self._parts:
            if part.process is not None and part.process.poll() is not None:
                self._bury(part, part.process.returncode)
            if part.process is None and time.monotonic() >= part.start_at:
                self._start(part)

    def _bury(self, part: Part, status: int) -> None:
        now = time.monotonic()
        young = now - part.started < _YOUNG_SECONDS
        part.wait = min(max(part.wait * 2, 0.1), _MAX_WAIT) if young else 0.0
        part.start_at = now + part.wait
        part.process = None
        _log.error("%s ended with status %s; starting it again in %.1f s", part.name, status, part.wait)
        # It may have placed a file and not indexed it yet. That is looked at soon, not now: a part that keeps dying
        # must not keep us busy.
        self._is_recovered = False

    def _check_that_none_gave_up(self) -> None:
        """A part that ends by itself while starting would do so again; one that was killed (status below 0) may not."""
        for part in self._parts:
            status = None if part.process is None else part.process.poll()
            if status is not None and status >= 0:
                raise StartFailed(f"{part.name} ended with status {status}")

    def _wait_for_port(self, host: str, port: int) -> None:
        reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self._stopping.is_set():
            self._check_that_none_gave_up()
            self._revive()
            try:
                socket.create_connection((reach, port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        if not self._stopping.is_set():
            raise StartFailed(f"nothing answers on port {port} after 60 s")


class StartFailed(Exception):
    """A part of the archive did not come up."""
