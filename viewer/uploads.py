"""Requests that bring objects in: their bodies are of any size and are read as they come."""

from __future__ import annotations

STUDIES = "/dicom-web/studies"
UPLOAD = "/upload"


def is_upload(method: str, path: str) -> bool:
    """Tell whether a request brings objects in."""
    return method == "POST" and (path in (STUDIES, UPLOAD) or path.startswith(f"{STUDIES}/"))
