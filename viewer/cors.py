"""Pages of other sites that may use DICOMweb here, by setting (Cross-Origin Resource Sharing, Fetch standard 3.2).

Only the origins of the setting, only under `/dicom-web`; everything else stays closed to other sites' pages.
"""

from __future__ import annotations

from collections.abc import Collection

from flask import Blueprint, request
from werkzeug.wrappers import Response

from viewer.dicomweb.errors import is_dicomweb
from viewer.services import services

METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
EXPOSED = (
    "Accept-Ranges, Content-Location, Content-Range, ETag, Link, Retry-After, Warning, X-Total-Count, "
    "X-Total-Count-At-Least"
)
PREFLIGHT_SECONDS = 600

bp = Blueprint("cors", __name__)


@bp.before_app_request
def answer_preflight() -> Response | None:
    """Answer a browser that asks beforehand: it brings no sign-in, so this comes before that is looked at."""
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers or not is_welcome():
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = METHODS
    asked = request.headers.get("Access-Control-Request-Headers", "")
    if asked:
        response.headers["Access-Control-Allow-Headers"] = ", ".join(_tokens(asked))
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


@bp.after_app_request
def add_headers(response: Response) -> Response:
    """Let the page of a welcome origin read the answer, errors too."""
    welcome = services().settings.cors_origins
    if welcome and is_dicomweb(request.path):
        response.vary.add("Origin")
        response.headers.extend(shared_headers(request.headers.get("Origin"), welcome))
    return response


def shared_headers(origin: str | None, welcome: Collection[str]) -> list[tuple[str, str]]:
    """Return the fields that let the page of a welcome origin read an answer."""
    if origin is None or origin not in welcome:
        return []
    return [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", EXPOSED),
    ]


def is_welcome() -> bool:
    """Tell whether the request comes from a page of an origin in the setting, and is for DICOMweb."""
    return is_dicomweb(request.path) and request.headers.get("Origin") in services().settings.cors_origins


def _tokens(listed: str) -> list[str]:
    names = (name.strip() for name in listed.split(",")[:64])
    return [name for name in names if name and name.replace("-", "").replace("_", "").isalnum() and name.isascii()]
