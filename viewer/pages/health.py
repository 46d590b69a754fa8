"""`/healthz` for start scripts and load balancers, `/metrics` for Prometheus."""

from __future__ import annotations

import socket

from flask import Blueprint, Response, jsonify

from storage.errors import StorageError
from storage.model import Health
from viewer.config import ViewerSettings
from viewer.permissions import Permission, needs
from viewer.services import archive, services

CONNECT_SECONDS = 1.0

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """Answer 200 once the index answers and the DICOM port takes connections, else 503; open to anyone."""
    health = _index()
    dicom = _dicom_answers(services().settings)
    ready = health is not None and dicom
    response = jsonify(
        status="ok" if ready else "unavailable",
        index=health is not None,
        dicom=dicom,
        accepting=health is not None and health.accepting,
        free_bytes=health.free_bytes if health else None,
    )
    response.status_code = 200 if ready else 503
    return response


@bp.get("/metrics")
@needs(Permission.VIEW_METRICS)
def metrics() -> Response:
    """Return counts in Prometheus' text format; for this computer itself, or with a permission."""
    health = archive().health()
    lines = [
        *_gauge("filmless_studies", "Studies stored.", health.studies),
        *_gauge("filmless_series", "Series stored.", health.series),
        *_gauge("filmless_instances", "Instances stored.", health.instances),
        *_gauge("filmless_stored_bytes", "Bytes of stored files.", health.stored_bytes),
        *_gauge("filmless_quarantined", "Objects in quarantine.", health.quarantined),
        *_gauge("filmless_free_bytes", "Free bytes in the data folder's file system.", health.free_bytes),
        *_gauge("filmless_accepting", "1 while new objects are accepted.", int(health.accepting)),
        "# HELP filmless_http_requests_total Answered requests of this web process.",
        "# TYPE filmless_http_requests_total counter",
    ]
    for endpoint, status, count in services().requests.items():
        lines.append(f'filmless_http_requests_total{{endpoint="{endpoint}",status="{status}"}} {count}')
    return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def _gauge(name: str, help_text: str, value: int) -> tuple[str, str, str]:
    return f"# HELP {name} {help_text}", f"# TYPE {name} gauge", f"{name} {value}"


def _index() -> Health | None:
    try:
        return archive().health()
    except StorageError:
        return None


def _dicom_answers(settings: ViewerSettings) -> bool:
    # 0.0.0.0 and :: are where to listen, not where to connect.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.dicom_host, settings.dicom_host)
    try:
        with socket.create_connection((host, settings.dicom_port), CONNECT_SECONDS):
            return True
    except OSError:
        return False
