"""What kind of answer the caller can read."""

from __future__ import annotations

from flask import request

from viewer.dicomweb.errors import is_dicomweb


def wants_html() -> bool:
    """Tell whether a person's browser asks for a page: it names text/html, scripts and programs do not.

    DICOMweb has no pages, whoever asks.
    """
    if is_dicomweb(request.path):
        return False
    return any(media_type == "text/html" for media_type, _ in request.accept_mimetypes)
