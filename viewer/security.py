"""Headers that limit what a browser does with our pages, and the defence against forged requests.

A forged request comes from another site with our cookie. Three walls: the cookie is `SameSite=Lax`; a request that
changes something and names another origin is refused; with a session cookie it must also carry the session's token.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import urlsplit

from flask import Blueprint, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from viewer.auth import COOKIE
from viewer.cors import is_welcome
from viewer.dicomweb.errors import is_dicomweb
from viewer.services import services
from viewer.uploads import is_upload

CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self'",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

STUDY_POLICY = CONTENT_SECURITY_POLICY + "; object-src 'self'; frame-src 'self'"
"""Pages of a study also show PDFs, which are the only answers of ours that may be framed."""

READING_POLICY = (
    STUDY_POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'") + "; worker-src 'self' blob:"
)
"""The reading room also compiles WebAssembly (image codecs) and runs workers; it evaluates no text as a script."""

_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
)

PDF_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
OF_A_FRAMED_DOCUMENT = (("Content-Security-Policy", PDF_POLICY), ("X-Frame-Options", "SAMEORIGIN"))
"""A PDF, which OHIF and the pages of a study show within them. Only what begins as a PDF does is sent as one.

A browser shows it in its own viewer, which needs inline styles and refuses to run in a sandbox.
"""

_SAFE_NEXT = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*\Z")

bp = Blueprint("security", __name__)


@bp.before_app_request
def refuse_forged() -> None:
    """Refuse a changing request from another site, or one with a cookie and without its token."""
    if request.method in SAFE_METHODS:
        return
    if not is_welcome() and (request.headers.get("Sec-Fetch-Site") == "cross-site" or not _same_origin()):
        raise Forbidden("the request comes from another site")
    if request.authorization is None and request.cookies.get(COOKIE) and not _needs_no_token():
        given = request.headers.get(CSRF_HEADER) or _token_of_form()
        if not hmac.compare_digest(given.encode(), csrf_token().encode()):
            raise Forbidden("the form is from an older sign-in; reload the page")


@bp.after_app_request
def redirect_within(response: Response) -> Response:
    """Let a redirect of an address with a slash too many, or one too few, name no host.

    Behind a proxy that speaks HTTPS, scheme and host are not those that this process was reached by.
    """
    if response.status_code == 308 and response.location is not None:
        response.location = urlsplit(response.location)._replace(scheme="", netloc="").geturl()
    return response


@bp.after_app_request
def add_headers(response: Response) -> Response:
    """Put the limits on every answer; a view may have set a stricter or fitting one."""
    if response.mimetype == "application/pdf" and is_dicomweb(request.path):
        for name, value in OF_A_FRAMED_DOCUMENT:
            response.headers.setdefault(name, value)
    for name, value in fixed_headers(services().settings.hsts_days if request.is_secure else 0):
        response.headers.setdefault(name, value)
    # Nothing that a signed-in person sees may stay in a shared cache; views that allow their own browser to keep
    # something say so themselves.
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def fixed_headers(hsts_days: int) -> tuple[tuple[str, str], ...]:
    """Return the limits that every answer has that does not set its own; with days, to stay with https for so long.

    Only when asked for (RFC 6797): a browser that was told so cannot come back when the certificate is given up.
    """
    return (*_HEADERS, ("Strict-Transport-Security", f"max-age={hsts_days * 86400}")) if hsts_days else _HEADERS


def csrf_token() -> str:
    """Return the token that forms of this session carry: derived from the cookie's secret, so nothing is stored."""
    secret = request.cookies.get(COOKIE, "")
    return hmac.new(secret.encode(), b"filmless form", hashlib.sha256).hexdigest() if secret else ""


def safe_next(target: str | None) -> str:
    """Return `target` when it is a plain path of this site, else the study list: no open redirect."""
    return target if target and _SAFE_NEXT.match(target) else "/"


def _token_of_form() -> str:
    # A body that brings objects in is no form, and is not read before its sender is known.
    return "" if is_upload(request.method, request.path) else request.form.get(CSRF_FIELD, "")


def _needs_no_token() -> bool:
    """DICOMweb has no forms, and a page that names its origin is one of ours: the others were refused before."""
    return request.endpoint == "sign_in.submit" or (is_dicomweb(request.path) and "Origin" in request.headers)


def _same_origin() -> bool:
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc == request.host
