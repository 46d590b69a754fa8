"""What kind of answer the caller can read."""

from __future__ import annotations

from flask import request


def wants_html() -> bool:
    """Tell whether a person's browser asks for a page: it names text/html, scripts and programs do not."""
    return any(media_type == "text/html" for media_type, _ in request.accept_mimetypes)
