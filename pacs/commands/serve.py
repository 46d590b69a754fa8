"""`filmless serve`."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Any

import click

from pacs.config import ServeSettings, serve_options, serve_settings
from pacs.lock import DataLock
from pacs.logs import set_up_logging
from pacs.ports import PortInUse
from pacs.supervisor import StartFailed, Supervisor
from storage.recovery import Recovered
from storage.settings import Durability

_log = logging.getLogger("filmless")


@click.command()
@serve_options
def serve(**values: Any) -> None:
    """Run the archive: DICOM receivers and web side, until stopped."""
    set_up_logging()
    settings = serve_settings(**values)
    try:
        with DataLock(settings.data):
            run(settings)
    except (PortInUse, StartFailed) as e:
        click.echo(f"filmless: {e}", err=True)
        sys.exit(1)


def run(settings: ServeSettings) -> None:
    """Start everything, say so, and keep it running until SIGTERM or SIGINT."""
    supervisor = Supervisor(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    try:
        recovered = supervisor.start()
        if not supervisor.stopping:
            announce(settings, recovered)
    except BaseException:
        supervisor.shut_down()
        raise
    supervisor.wait()
    _log.info("stopped")


def announce(settings: ServeSettings, recovered: Recovered) -> None:
    """Log what was found at the start and where to reach the archive."""
    if settings.durability is Durability.RELAXED:
        _log.warning("durability is relaxed: a power cut may lose objects that were acknowledged")
    if recovered.swept or recovered.indexed or recovered.quarantined or recovered.missing:
        _log.info(
            "recovered: %d half received objects removed, %d indexed, %d moved to quarantine, %d rows without files",
            recovered.swept,
            recovered.indexed,
            recovered.quarantined,
            len(recovered.missing),
        )
    scheme = "https" if settings.tls_certificate else "http"
    _log.info("DICOM: AE title %s, %s port %d", settings.aet, settings.dicom_host, settings.dicom_port)
    if settings.dicom_tls_certificate and settings.dicom_tls_port:
        _log.info("DICOM over TLS: %s port %d", settings.dicom_host, settings.dicom_tls_port)
    _log.info("browser: %s://%s:%d/", scheme, settings.http_host, settings.http_port)
